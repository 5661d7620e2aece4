"""A chart as a pure function: lines and an axis in, rows of coloured text out. The only use of plotext.

plotext aborts the process on a NaN inside a line, and raises on infinities and on equal limits. Only what draw()
lets through reaches it: finite numbers within the limits of the axis.
"""

from __future__ import annotations

import functools
import re
import sys
import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.columns import Gap
from deadrelu_tui.tui.ascii import to_ascii
from deadrelu_tui.tui.scale import LABEL_WIDTH, Axis, Values, step_ticks

ROLES = ("axis", "zeros", "dead", "train", "test", "gradient", "mark", "rule", "ghost", "raw", "gap", "cursor")
"""What a cell can belong to. plotext is given a role's index as its colour; the theme decides what that looks like."""

Span = tuple[str, str]
"""A stretch of text of one role."""

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Line:
    """A polyline: steps and values, shape (points,) each, values as measured."""

    steps: npt.NDArray[np.int64]
    values: Values
    role: str
    scattered: bool = False
    """Draw the points alone: too few and far between for a line that would hide the others."""
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


def draw(plot: Plot, width: int, height: int, ascii_only: bool = False) -> list[list[Span]]:
    """Return `height` rows of spans, `width` columns each. Anything too small for an axis is left blank."""
    if width < LABEL_WIDTH + 6 or height < 3:
        return [[(" " * max(0, width), "axis")] for _ in range(max(0, height))]
    figure = _figure(width, height)
    axis, stop = plot.axis, max(plot.stop, plot.first + 1)
    low, high = axis.low, axis.high if axis.high > axis.low else axis.low + 1.0
    # plotext is only ever asked to draw between 0 and 1: limits such as 1e300 are too much for its arithmetic.
    vertical, horizontal = figure.ruler("y", "left"), figure.ruler("x", "lower")
    vertical.lim(0, 1)
    horizontal.lim(0, 1)
    shown = [(float((at - low) / (high - low)), label) for at, label in axis.ticks if low <= at <= high]
    vertical.ticks([at for at, _ in shown], [f"{label:>{LABEL_WIDTH}}" for _, label in shown])
    across = step_ticks(plot.first, stop, width - LABEL_WIDTH)
    horizontal.ticks([(at - plot.first) / (stop - plot.first) for at, _ in across], [label for _, label in across])
    for value in plot.rules:
        at = (float(axis.positions(np.array([value]))[0]) - low) / (high - low)
        if 0 <= at <= 1:
            figure.line(at, orientation=0, pixel=ROLES.index("rule"))
    for step in plot.marks:
        at = (step - plot.first) / (stop - plot.first)
        if 0 <= at <= 1:
            figure.line(at, orientation=1, pixel=ROLES.index("mark"))
    if plot.cursor is not None and plot.first <= plot.cursor <= stop:
        figure.line((plot.cursor - plot.first) / (stop - plot.first), orientation=1, pixel=ROLES.index("cursor"))
    for line in plot.lines:
        _add(figure, line, plot, low, high, stop, ascii_only)
    for line in plot.lines:
        _mark_gaps(figure, line, plot, stop, width - LABEL_WIDTH, ascii_only)
    rows = [_spans(row) for row in figure.build().string().split("\n")[:height]]
    return [[(to_ascii(text), role) for text, role in row] for row in rows] if ascii_only else rows


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


def _figure(width: int, height: int) -> Any:
    """Return plotext's one figure, blank, of that size, with a left and a lower axis."""
    plotext = _plotext()
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    for axis in (0, 1):
        figure.axes(False, axis=axis, side=1)
    return figure


def _add(figure: Any, line: Line, plot: Plot, low: float, high: float, stop: int, ascii_only: bool) -> None:
    positions = plot.axis.positions(line.values)
    # Divided before subtracting: the difference of two huge limits would overflow.
    scale = high - low
    across = (line.steps - plot.first) / (stop - plot.first)
    with np.errstate(over="ignore", invalid="ignore"):
        up = positions / scale - low / scale
    keep = np.isfinite(up) & (across >= 0) & (across <= 1) & np.isfinite(line.values)
    if not keep.any():
        return
    point, dots = ("o", "*") if ascii_only else ("◆", "braille")
    marker = _plotext().marker(point if line.scattered else dots, pixel=ROLES.index(line.role))
    cuts = np.searchsorted(line.steps[keep], [gap.first for gap in line.gaps])
    pieces = [piece for piece in np.split(np.flatnonzero(keep), np.unique(cuts)) if len(piece)]
    # Points that stand alone between two gaps go in one call: there may be many of them.
    alone = np.array([piece[0] for piece in pieces if len(piece) == 1], np.intp)
    for piece, joined in ((alone, False), *((piece, not line.scattered) for piece in pieces if len(piece) > 1)):
        if len(piece):
            signal = figure.signal(across[piece].tolist(), np.clip(up[piece], 0.0, 1.0).tolist(), marker=marker)
            figure.draw(signal.lines(joined))


def _mark_gaps(figure: Any, line: Line, plot: Plot, stop: int, columns: int, ascii_only: bool) -> None:
    """Put a cross into every column of the lowest row in which a value was no finite number."""
    span = stop - plot.first
    marked: set[int] = set()
    for gap in line.gaps:
        left, right = (round((min(max(at, plot.first), stop) - plot.first) / span * columns) for at in gap)
        marked.update(range(left, right + 1))
    if marked:
        marker = _plotext().marker("x" if ascii_only else "×", pixel=ROLES.index("gap"))
        across = [at / columns for at in sorted(marked)]
        figure.draw(figure.signal(across, [0.0] * len(across), marker=marker).lines(False))


def _spans(row: str) -> list[Span]:
    """Return a row of plotext's output as spans: its colours are indices into ROLES."""
    spans: list[Span] = []
    role = "axis"
    for index, part in enumerate(_ESCAPE.split(row)):
        if index % 2 == 0:
            if part:
                spans.append((part, role))
        elif part.startswith("38;5;"):
            role = ROLES[int(part[5:]) % len(ROLES)]
        elif part in ("", "0"):
            role = "axis"
    return spans
