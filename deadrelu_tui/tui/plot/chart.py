"""A chart as a pure function: lines and an axis in, rows of coloured text out. The only use of plotext.

plotext aborts the process on a NaN inside a line, and raises on infinities and on equal limits. Only what draw()
lets through reaches it: finite numbers within the limits of the axis.
"""

from __future__ import annotations

import functools
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.record.columns import Gap
from deadrelu_tui.tui.plot.across import Across
from deadrelu_tui.tui.plot.raster import Canvas, Numbers
from deadrelu_tui.tui.plot.scale import LABEL_WIDTH, Axis, Values
from deadrelu_tui.wording import number

GHOSTS = ("ghost", "ghost2", "ghost3", "ghost4", "ghost5", "ghost6")
"""Earlier runs, in the order in which they were chosen."""
MARKS = dict(zip(GHOSTS, "·+x~=%", strict=True))
"""The character of each of them, where there are several."""
GLYPHS = {"dead": "#", "test": "o", "raw": "·", "band": "·", **MARKS}
"""The character of a line where colours do not tell it from the others of its chart."""
ROLES = (
    "axis",
    "zeros",
    "dead",
    "train",
    "test",
    "gradient",
    "mark",
    "rule",
    "milestone",
    *GHOSTS,
    "raw",
    "band",
    "gap",
    "cursor",
)
"""What a cell can belong to. plotext is given a role's index as its colour; the theme decides what that looks like."""

UNREAD = frozenset({*GHOSTS, "raw"})
"""Roles of lines that lie behind those whose values are read."""
BENEATH = UNREAD | {"band"}
"""Roles of lines that give way to another where both pass through a cell."""

Span = tuple[str, str]
"""A stretch of text of one role."""
Row = list[Span]
"""A line of cells."""

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Line:
    """A polyline: steps and values, shape (points,) each, values as measured."""

    steps: npt.NDArray[np.int64]
    values: Values
    role: str
    scattered: bool = False
    """Draw the points alone: too few and far between for a line that would hide the others."""
    marked: str = ""
    """The role of the arrows where it leaves the axis, if that is another: a band lies behind its mean."""
    gaps: tuple[Gap, ...] = ()
    """Stretches of steps without a finite value: the line is broken there, and they are marked at the bottom."""


@dataclass(frozen=True)
class Plot:
    """Everything a chart shows. Later lines lie over earlier ones."""

    lines: tuple[Line, ...]
    axis: Axis
    first: int
    stop: int
    """The steps at the left and the right edge."""
    marks: tuple[int, ...] = ()
    """Steps at which something was changed."""
    rules: tuple[float, ...] = ()
    """Values worth a horizontal line."""
    cursor: int | None = None
    """The step at which values are read."""
    milestones: tuple[int, ...] = ()
    """Steps up to which it was planned."""
    apart: bool = False
    """Whether the first steps keep a part of the chart."""

    @property
    def across(self) -> Across:
        """The horizontal axis."""
        return Across(self.first, max(self.stop, self.first + 1), self.apart)


def draw(plot: Plot, width: int, height: int, ascii_only: bool = False, coloured: bool = True) -> list[list[Span]]:
    """Return `height` rows of spans, `width` columns each. Anything too small for an axis is left blank. What is not
    coloured tells its lines apart by characters, and so do several ghosts.
    """
    if width < LABEL_WIDTH + 6 or height < 3:
        return [[(" " * max(0, width), "axis")] for _ in range(max(0, height))]
    axis, across = plot.axis, plot.across
    low, high = axis.low, axis.high if axis.high > axis.low else axis.low + 1.0
    shown = tuple((float((at - low) / (high - low)), label) for at, label in axis.ticks if low <= at <= high)
    steps = tuple(across.ticks(width - LABEL_WIDTH))
    rules = ((float(axis.positions(np.array([value]))[0]) - low) / (high - low) for value in plot.rules)
    axes = _axes(width, height, shown, steps, tuple(at for at in rules if 0 <= at <= 1))
    cells = Canvas(axes.cells.codes.copy(), axes.cells.roles.copy())
    canvas = Canvas(cells.codes[: axes.bottom, axes.left :], cells.roles[: axes.bottom, axes.left :])
    if (bend := across.bend) is not None:
        _divide(canvas, float(across.places(bend)), ascii_only)
    cursors = () if plot.cursor is None else (plot.cursor,)
    for places, role in ((plot.milestones, "milestone"), (plot.marks, "mark"), (cursors, "cursor")):
        inside = [step for step in places if plot.first <= step <= across.stop]
        if inside:
            _stand(canvas, cells.codes[axes.bottom, axes.left :], across.places(inside), ROLES.index(role))
    several = len({line.role for line in plot.lines} & set(GHOSTS)) > 1
    for line in plot.lines:
        glyph = MARKS.get(line.role, "") if several else ""
        glyph = GLYPHS.get(line.role, "*" if ascii_only else "") if ascii_only or not coloured else glyph
        _add(canvas, line, plot, low, high, glyph, ascii_only)
    taken = np.zeros((2, canvas.codes.shape[1]), np.bool_)
    for peak in reversed(list(peaks(plot))):  # a line that lies over another comes first here, too
        _mark_beyond(canvas, peak, taken[int(peak.above)], ascii_only)
    for line in plot.lines:
        _mark_gaps(canvas, line, across, width - LABEL_WIDTH, ascii_only)
    return [_spans(codes, roles, ascii_only) for codes, roles in zip(cells.codes, cells.roles, strict=True)]


def preload() -> None:
    """Load plotext, in a thread of its own if one likes; draw() does so anyway when it must."""
    _plotext()


def loaded() -> bool:
    """Return whether draw() need not wait for plotext."""
    return _plotext.cache_info().currsize > 0


@functools.cache
def _plotext() -> Any:
    """Import plotext not before it is needed: it takes a quarter of a second, which the first frame has not."""
    # Three quarters of that would go into plotext's own manual, made at import, which nobody opens here.
    manual: Any = types.ModuleType("plotext._doc.doc")
    manual.docs = None
    sys.modules.setdefault(manual.__name__, manual)
    import plotext

    return plotext


class _Axes(NamedTuple):
    """A chart without its lines, and the left and the lower edge of the canvas in it."""

    cells: Canvas
    left: int
    bottom: int


@functools.lru_cache(maxsize=64)
def _axes(
    width: int, height: int, ticks: tuple[tuple[float, str], ...], steps: tuple[tuple[float, str], ...],
    rules: tuple[float, ...],
) -> _Axes:  # fmt: skip
    """Return plotext's axes with their ticks and horizontal rules; places are 0–1."""
    plotext = _plotext()
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    for axis in (0, 1):
        figure.axes(False, axis=axis, side=1)
    vertical, horizontal = figure.ruler("y", "left"), figure.ruler("x", "lower")
    vertical.lim(0, 1)
    horizontal.lim(0, 1)
    vertical.ticks([at for at, _ in ticks], [f"{label:>{LABEL_WIDTH}}" for _, label in ticks])
    horizontal.ticks([at for at, _ in steps], [label for _, label in steps])
    for at in rules:
        figure.line(at, orientation=0, pixel=ROLES.index("rule"))
    rows = [_parsed(row) for row in figure.build().string().split("\n")[:height]]
    text = ["".join(part for part, _ in row) for row in rows]
    bottom = next(y for y, row in enumerate(text) if "└" in row)
    left = text[bottom].index("└") + 1
    codes = np.array([[ord(each) for each in row] for row in text], np.uint32)
    roles = np.array([[role for part, role in row for _ in part] for row in rows], np.int8)
    return _Axes(Canvas(codes, roles), left, bottom)


def _parsed(row: str) -> list[tuple[str, int]]:
    """Return a row of plotext's output as stretches of one role: its colours are indices into ROLES."""
    stretches: list[tuple[str, int]] = []
    role = 0
    for index, part in enumerate(_ESCAPE.split(row)):
        if index % 2 == 0:
            stretches.append((part, role))
        elif part.startswith("38;5;"):
            role = int(part[5:]) % len(ROLES)
        elif part in ("", "0"):
            role = 0
    return stretches


def _stand(canvas: Canvas, foot: npt.NDArray[np.uint32], across: Numbers, role: int) -> None:
    """Draw upright lines, behind the rules that they cross, down to the axis, whose row is the foot."""
    columns = canvas.place(across, across)[0].astype(np.intp)
    rule = canvas.roles[:, columns] == ROLES.index("rule")
    canvas.codes[:, columns] = np.where(rule, ord("┼"), ord("│"))
    canvas.roles[:, columns] = np.where(rule, ROLES.index("rule"), role)
    foot[columns] = np.where(np.isin(foot[columns], (ord("┬"), ord("┼"))), ord("┼"), ord("┴"))


def _divide(canvas: Canvas, place: float, ascii_only: bool) -> None:
    """Draw a dotted line where the first steps end, behind everything but the rules."""
    (column,), _ = (each.astype(np.intp) for each in canvas.place(np.array([place]), np.array([0.0])))
    free = canvas.codes[:, column] == ord(" ")
    canvas.codes[free, column] = ord(":" if ascii_only else "┊")
    canvas.roles[free, column] = ROLES.index("milestone")


def _add(canvas: Canvas, line: Line, plot: Plot, low: float, high: float, glyph: str, ascii_only: bool) -> None:
    positions = plot.axis.positions(line.values)
    # Divided before subtracting: the difference of two huge limits would overflow.
    scale = high - low
    across = plot.across.places(line.steps)
    with np.errstate(over="ignore", invalid="ignore"):
        up = positions / scale - low / scale
    keep = np.isfinite(up) & (across >= 0) & (across <= 1) & np.isfinite(line.values)
    if not keep.any():
        return
    role, across, up = ROLES.index(line.role), across[keep], np.clip(up[keep], 0.0, 1.0)
    if line.scattered:
        canvas.points(across, up, "o" if ascii_only else "◆", role)
        return
    breaks = np.unique(np.searchsorted(line.steps[keep], [gap.first for gap in line.gaps]))
    inside = breaks[(breaks > 0) & (breaks < len(up))].tolist()
    beneath = () if line.role in BENEATH else [ROLES.index(each) for each in BENEATH]
    canvas.polyline(across, up, role, inside, glyph, beneath)


class Peak(NamedTuple):
    """Where a line leaves the axis on one side: its places there, and the farthest of its points."""

    line: Line
    above: bool
    places: npt.NDArray[np.float64]
    farthest: float
    """Its place."""
    told: str
    """Its value, in words."""


def peaks(plot: Plot) -> Iterator[Peak]:
    """Yield what leaves the axis of a plot, of the lines that are read by their values."""
    banded = {line.marked for line in plot.lines}  # what leaves the axis with its mean, does so with its band
    for line in plot.lines:
        if line.role in UNREAD or line.role in banded:
            continue
        positions, places = plot.axis.positions(line.values), plot.across.places(line.steps)
        seen = np.isfinite(line.values) & (places >= 0) & (places <= 1)
        with np.errstate(invalid="ignore"):
            sides = (seen & (positions > plot.axis.high), seen & (positions < plot.axis.low))
        for above, out in zip((True, False), sides, strict=True):
            if out.any():
                at = np.flatnonzero(out)
                far = at[np.argmax(positions[at] if above else -positions[at])]
                pairs = at[:-1][np.diff(at) == 1]  # from one to the next the line stays beyond
                ways = [] if line.scattered else np.linspace(places[pairs], places[pairs + 1], _BETWEEN).ravel()
                told = number(float(line.values[far]))
                yield Peak(line, above, np.concatenate((places[at], ways)), float(places[far]), told)


_BETWEEN = 32
"""Places between two points, as many as there may be columns."""


def _mark_beyond(canvas: Canvas, peak: Peak, taken: npt.NDArray[np.bool_], ascii_only: bool) -> None:
    """Put an arrow into every column of the first or last row in which a line leaves the axis, and the number that is
    farthest out beside its own, or where the next arrows leave room; nowhere, if they leave none.

    What is taken in that row belongs to lines before this one.
    """
    sign, text = "↑" if peak.above else "↓", peak.told
    if ascii_only:
        sign, text = to_ascii(sign), to_ascii(text)
    role, up = ROLES.index(peak.line.marked or peak.line.role), float(peak.above)
    columns, (row, *_) = (each.astype(np.intp) for each in canvas.place(peak.places, np.full(len(peak.places), up)))
    free = np.unique(columns[~taken[columns]])
    canvas.codes[row, free], canvas.roles[row, free] = ord(sign), role
    taken[free] = True
    (column,), _ = (each.astype(np.intp) for each in canvas.place(np.array([peak.farthest]), np.array([up])))
    width, after = len(taken), int(column) + 1
    while after < width and taken[after]:
        after += 1
    for at in (after, int(column) - len(text)):
        if 0 <= at <= width - len(text) and not taken[at : at + len(text)].any():
            canvas.codes[row, at : at + len(text)] = [ord(each) for each in text]
            canvas.roles[row, at : at + len(text)] = role
            taken[at : at + len(text)] = True
            return


def _mark_gaps(canvas: Canvas, line: Line, across: Across, columns: int, ascii_only: bool) -> None:
    """Put a cross into every column of the lowest row in which a value was no finite number."""
    marked: set[int] = set()
    if line.gaps:
        edges = across.places(np.clip(line.gaps, across.first, across.stop))
        for left, right in np.rint(edges * columns).astype(int).tolist():
            marked.update(range(left, right + 1))
    if marked:
        places = np.array(sorted(marked)) / columns
        canvas.points(places, np.zeros(len(places)), "x" if ascii_only else "×", ROLES.index("gap"))


def _spans(codes: npt.NDArray[np.uint32], roles: npt.NDArray[np.int8], ascii_only: bool) -> list[Span]:
    """Return a row as its stretches of one role."""
    text = codes.tobytes().decode("utf-32-le")
    text = to_ascii(text) if ascii_only else text
    edges = [0, *(np.flatnonzero(np.diff(roles)) + 1).tolist(), len(text)]
    return [(text[left:right], ROLES[roles[left]]) for left, right in pairwise(edges)]
