"""The map of a sweep as pure functions: readings in, rows of cells out.

What a cell of the terminal is drawn in is told by a role of two or three words, `ink:12` or `line:12:under`: what it
shows, on which step of the ramp from alive to dead (or on nothing, or on what has no number), and whether underlined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.chart import Reading, is_share
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import number

STEPS = 24
"""Steps of the ramp."""
NOTHING, VOID = "none", "void"
"""What a cell stands on that has no number yet, or will have none."""
FAINT = "?"
"""What ends the ground of a cell that has no number yet, and the colour of the nearest one."""
PENDING, RUNNING, DIVERGED, FAILED, LACKING = "pending", "running", "diverged", "failed", "no number"
SIGNS = {PENDING: ("·", "."), RUNNING: ("▸", ">"), DIVERGED: ("×", "x"), FAILED: ("!", "!"), LACKING: ("–", "-")}
"""What stands for a cell without a number, in Unicode and in ASCII."""
SHADES = (" ░▒▓█", " .:+#")
"""What carries a number where colours do not."""
LIMIT = {"across": ("┊", ":"), "up": ("┈", "-")}
"""The learning rate that theory expects, by the axis that it lies on."""
LARGEST = (14, 6)
"""Columns and rows that a cell takes at most."""
GAP = 1
"""Columns between the names of the rows and the map."""
OUTLINED = (5, 3)
"""Columns and rows from which on a cell under the cursor has an outline, and is not filled."""
BELOW = ("▁", "_")
"""The boundary below a cell, in Unicode and in ASCII."""
FEWER = 1.2
"""By how many characters the values below the map are to be shorter on average, if there are half as many of them."""
LOGARITHMIC = 30.0
"""How many times the least number the greatest is from which on the ramp goes by their logarithms."""


class Scale(NamedTuple):
    """Which number is which place on the ramp: from 0, alive, to 1, dead."""

    low: float
    high: float
    share: bool
    good: bool = False
    """More of it is better."""

    @property
    def logarithmic(self) -> bool:
        """Whether it goes by logarithms."""
        return not self.share and 0 < self.low * LOGARITHMIC < self.high

    def level(self, value: float) -> float:
        """Return the place of a number."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        place = min(max(0.0, (value - low) / (high - low)), 1.0) if high > low else 0.5
        return 1 - place if self.good else place

    def text(self, value: float) -> str:
        """Return a number as a cell has it: of a share the percent, 100 only if it is all."""
        if not self.share:
            return number(value, 2)
        return "100" if value == 1 else str(min(99, round(100 * value)))

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at the ends of the ramp."""
        low, high = (self.text(self.low), self.text(self.high)) if self.high >= self.low else ("–", "–")
        return (high, low) if self.good else (low, high)


def scale_of(metric: str, values: Iterable[float]) -> Scale:
    """Return the scale of a metric of which such values were measured."""
    good = metric == "accuracy" or metric.startswith("accuracy/")
    if is_share(metric):
        return Scale(0.0, 1.0, True, good)
    finite = [each for each in values if math.isfinite(each)]
    return Scale(min(finite, default=math.inf), max(finite, default=-math.inf), False, good)


class Square(NamedTuple):
    """What a cell of the map shows."""

    level: float | None = None
    """On the ramp; None without a number."""
    text: str = ""
    sign: str = ""
    """What else there is: a word of SIGNS."""
    beyond: bool | None = None
    near: float | None = None
    """Of one without a number yet, where on the ramp the nearest one is that has it."""


def square_of(reading: Reading, metric: str, scale: Scale) -> Square:
    """Return what is shown of a reading."""
    sign = next(
        (
            word
            for word, there in (
                (FAILED, reading.failed), (DIVERGED, reading.diverged), (RUNNING, reading.running),
                (LACKING, len(reading.outcomes)), (PENDING, True),
            )
            if there
        )
    )  # fmt: skip
    if reading.values:
        mean = reading.mean
        more = "" if sign == LACKING else sign
        return Square(scale.level(mean), scale.text(mean), more, reading.beyond(metric))
    if reading.running and not reading.diverged:
        sign = RUNNING
    return Square(sign=sign, beyond=reading.beyond(metric))


@dataclass(frozen=True)
class Fit:
    """Where the map stands in so many columns and rows, and which part of the grid it shows."""

    cell: tuple[int, int]
    first: tuple[int, int]
    """The first place across, and the first one up, that are shown."""
    shown: tuple[int, int]
    """How many places across and up are."""
    left: int
    """Columns before it, for the names of the rows."""

    @classmethod
    def of(
        cls, size: tuple[int, int], labels: int, room: tuple[int, int], at: tuple[int, int],
        before: tuple[int, int] = (0, 0),
    ) -> Fit:  # fmt: skip
        """Return the map of so many places across and up with cells as large as fit. Of more places than have room it
        shows those from where it began before, or as far from there as it takes to have the place `at` among them.
        """
        left = min(labels, room[0] // 3) + GAP if labels else 0
        free = max(1, room[0] - left), max(1, room[1])
        cell = tuple(min(most, max(1, space // many)) for most, space, many in zip(LARGEST, free, size, strict=True))
        shown = tuple(min(many, space // each) for many, space, each in zip(size, free, cell, strict=True))
        first = tuple(
            min(max(0, where - many + 1, min(start, where)), whole - many)
            for where, many, whole, start in zip(at, shown, size, before, strict=True)
        )
        return cls((cell[0], cell[1]), (first[0], first[1]), (shown[0], shown[1]), left)

    @property
    def width(self) -> int:
        """Columns of the map itself."""
        return self.cell[0] * self.shown[0]

    @property
    def height(self) -> int:
        """Rows of it."""
        return self.cell[1] * self.shown[1]

    def place_at(self, column: int, row: int) -> tuple[int, int] | None:
        """Return the place across and up at a column and a row of the panel's inside, counted from the map's first row;
        None where there is none.
        """
        across, down = (column - self.left) // self.cell[0], row // self.cell[1]
        if not (0 <= across < self.shown[0] and 0 <= down < self.shown[1]):
            return None
        return self.first[0] + across, self.first[1] + self.shown[1] - 1 - down


class Sheet:
    """Characters of the map, each with what it shows and what it stands on."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.glyphs = [[" "] * width for _ in range(height)]
        self.kinds = [["ink"] * width for _ in range(height)]
        self.grounds = [[NOTHING] * width for _ in range(height)]
        self.under = set[tuple[int, int]]()

    def put(self, x: int, y: int, glyph: str, kind: str) -> None:
        """Put a character somewhere."""
        self.glyphs[y][x], self.kinds[y][x] = glyph, kind

    def free(self, x: int, y: int) -> bool:
        """Return whether nothing is to be read there."""
        return 0 <= x < self.width and 0 <= y < self.height and self.kinds[y][x] == "ink"

    def line_below(self, x: int, y: int) -> bool:
        """Return whether the boundary runs below a character, and nothing else is to be read there."""
        return 0 <= x < self.width and self.kinds[y][x] == "line" and self.glyphs[y][x] in BELOW

    def rows(self) -> list[Row]:
        """Return it as rows of spans."""
        found = []
        for y in range(self.height):
            roles = [f"{kind}:{ground}" for kind, ground in zip(self.kinds[y], self.grounds[y], strict=True)]
            for x in range(self.width) if self.under else ():
                if (x, y) in self.under:
                    roles[x] += ":under"
            spans: Row = []
            for role, run in groupby(zip(self.glyphs[y], roles, strict=True), key=lambda each: each[1]):
                spans.append(("".join(glyph for glyph, _ in run), role))
            found.append(spans)
        return found


def map_rows(
    fit: Fit, squares: Callable[[int, int], Square], at: tuple[int, int],
    limits: Sequence[tuple[str, int, float]] = (), ascii_only: bool = False, coloured: bool = True,
) -> list[Row]:  # fmt: skip
    """Return the rows of the map: of each place across and up its square, the boundary between them, the cursor, and
    the limits: (across or up, the other axis's place, and the place on this one, where 1.5 is between 1 and 2).
    """
    sheet = Sheet(fit.width, fit.height)
    (wide, high), (across, up) = fit.cell, fit.shown
    seen = [[squares(fit.first[0] + x, fit.first[1] + up - 1 - y) for x in range(across)] for y in range(up)]
    if coloured:
        seen = guessed(seen)
    for y, row in enumerate(seen):
        for x, square in enumerate(row):
            _draw(sheet, square, (x * wide, y * high), fit.cell, ascii_only, coloured)
    cursor = at[0] - fit.first[0], up - 1 - (at[1] - fit.first[1])
    _bound(sheet, seen, fit.cell, ascii_only)
    for way, other, place in limits:
        _limit(sheet, fit, way, other, place, LIMIT[way][ascii_only])
    _mark(sheet, cursor, fit.cell, outlined=coloured and not ascii_only)
    return sheet.rows()


def guessed(seen: Sequence[Sequence[Square]]) -> list[list[Square]]:
    """Return squares of which those without a number yet know the nearest one that has it: so a map is whole early."""
    found = [list(row) for row in seen]
    ring = [(x, y) for y, row in enumerate(found) for x, square in enumerate(row) if square.level is not None]
    left = sum(square.sign in (PENDING, RUNNING) and square.level is None for row in found for square in row)
    while ring and left:
        following = list[tuple[int, int]]()
        for x, y in ring:
            known = found[y][x]
            for across, down in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                if not (0 <= down < len(found) and 0 <= across < len(found[down])):
                    continue
                other = found[down][across]
                if other.level is None and other.near is None and other.sign in (PENDING, RUNNING):
                    near = known.level if known.level is not None else known.near
                    found[down][across] = Square(sign=other.sign, beyond=other.beyond, near=near)
                    following.append((across, down))
                    left -= 1
        ring = following
    return found


def _draw(
    sheet: Sheet, square: Square, corner: tuple[int, int], cell: tuple[int, int], ascii_only: bool, coloured: bool
) -> None:
    (left, top), (wide, high) = corner, cell
    sign = SIGNS[square.sign][ascii_only] if square.sign else ""
    ground, fill, text, kind = NOTHING, " ", sign, square.sign
    if square.level is not None:
        ground = str(round(square.level * (STEPS - 1)))
        text, kind = square.text, "end" if square.level in (0, 1) else "value"
        shown = len(text) < wide and wide > 2
        if not shown:
            text = ""
        if not coloured and (high > 1 or not shown):
            fill = SHADES[ascii_only][min(4, int(5 * square.level))]
    elif square.sign in (DIVERGED, FAILED, LACKING):
        ground = VOID
    elif square.near is not None:
        ground = f"{round(square.near * (STEPS - 1))}{FAINT}"
    for y in range(top, top + high):
        sheet.grounds[y][left : left + wide] = [ground] * wide
        if fill != " ":
            sheet.glyphs[y][left : left + wide] = [fill] * wide
    if text:
        padded = f" {text} " if fill != " " and len(text) + 2 <= wide else text
        first, line = left + (wide - len(padded)) // 2, top + (high - 1) // 2
        for x, glyph in enumerate(padded, first):
            sheet.put(x, line, glyph, kind)
    if square.level is not None and sign and wide > 4 and high > 1:
        sheet.put(left + wide - (1 if high == 2 else 2), top, sign, square.sign)


def _bound(sheet: Sheet, seen: Sequence[Sequence[Square]], cell: tuple[int, int], ascii_only: bool) -> None:
    """Draw the boundary: at the edge of the square that is less dead, for there a bright line stands out; on the other
    side of it where a number stands there, or where two edges of a square meet in one character.
    """
    wide, high = cell
    right, left, above = ("|", "|", "") if ascii_only else ("▕", "▏", "▔")
    below = BELOW[ascii_only]

    def differ(one: Square, other: Square) -> bool:
        return None not in (one.beyond, other.beyond) and one.beyond != other.beyond

    def line(*sides: tuple[Sequence[tuple[int, int]], str]) -> None:
        """Draw a stretch of it on the first side where all of it has room, or else on the last one as far as it has."""
        found = next((each for each in sides if each[1] and all(sheet.free(*at) for at in each[0])), None)
        for at in (found or sides[-1])[0]:
            if sheet.free(*at):
                sheet.put(*at, (found or sides[-1])[1] or " ", "line")

    for y, (upper, lower) in enumerate(pairwise(seen), 1):
        for x, (one, other) in enumerate(zip(upper, lower, strict=True)):
            if differ(one, other):
                columns = range(x * wide, (x + 1) * wide)
                if high == 1:
                    for column in columns:
                        if sheet.free(column, y - 1):
                            sheet.put(column, y - 1, below, "line")
                        else:
                            sheet.under.add((column, y - 1))
                    continue
                over = [(column, y * high - 1) for column in columns], below
                under = [(column, y * high) for column in columns], above
                line(*((over, under) if ascii_only or _level(one) <= _level(other) else (under, over)))
    for y, row in enumerate(seen):
        for x, (one, other) in enumerate(pairwise(row), 1):
            if differ(one, other):
                for at in range(y * high, (y + 1) * high):
                    before, after = ([(x * wide - 1, at)], right), ([(x * wide, at)], left)
                    line(*((before, after) if _level(one) <= _level(other) else (after, before)))


def _level(square: Square) -> float:
    return 1.0 if square.level is None else square.level


def _limit(sheet: Sheet, fit: Fit, way: str, other: int, place: float, glyph: str) -> None:
    """Draw what theory expects through one row or column of squares, where nothing else is to be read."""
    (wide, high), (across, up) = fit.cell, fit.shown
    if way == "across":
        row, x = up - 1 - (other - fit.first[1]), math.floor((place - fit.first[0] + 0.5) * wide)
        if 0 <= row < up and 0 <= x < sheet.width:
            lines = range(row * high, (row + 1) * high)
            if any(sheet.kinds[y][x] == "line" and not sheet.line_below(x, y) for y in lines):
                x += 1 if x + 1 < sheet.width else -1  # beside the boundary, and straight
            for y in lines:
                places = (x,) if high > 1 else (x, x - 1, x + 1)  # a row that has no other is not to be left out
                near = next((each for each in places if sheet.free(each, y) or sheet.line_below(each, y)), None)
                if near is not None and sheet.line_below(near, y):
                    sheet.under.add((near, y))  # so that both are seen
                if near is not None:
                    sheet.put(near, y, glyph, "limit")
        return
    column, y = other - fit.first[0], math.floor((up - 0.5 - (place - fit.first[1])) * high)
    if 0 <= column < across and 0 <= y < sheet.height:
        for x in range(column * wide, (column + 1) * wide):
            if sheet.free(x, y):
                sheet.put(x, y, glyph, "limit")


def _mark(sheet: Sheet, square: tuple[int, int], cell: tuple[int, int], outlined: bool) -> None:
    """Draw the cursor: an outline around a large square; a small one stands out as a whole."""
    (x, y), (wide, high) = square, cell
    left, top, right, bottom = x * wide, y * high, (x + 1) * wide - 1, (y + 1) * high - 1
    if not outlined or wide < OUTLINED[0] or high < OUTLINED[1]:
        for line in range(top, bottom + 1):
            sheet.kinds[line][left : right + 1] = ["at"] * wide
        return
    for column in range(left + 1, right):
        sheet.put(column, top, "━", "outline")
        sheet.put(column, bottom, "━", "outline")
    for line in range(top + 1, bottom):
        sheet.put(left, line, "┃", "outline")
        sheet.put(right, line, "┃", "outline")
    for column, line, glyph in ((left, top, "┏"), (right, top, "┓"), (left, bottom, "┗"), (right, bottom, "┛")):
        sheet.put(column, line, glyph, "outline")


def ticks(axis: Axis, fit: Fit, at: int) -> Row:
    """Return the values below the map: that of the cursor, and as many others as have room, rather short ones."""
    wide, (first, _), (shown, _) = fit.cell[0], fit.first, fit.shown
    texts = [axis.text(index) for index in range(first, first + shown)]
    line, whole = [" "] * (fit.left + fit.width), fit.left + fit.width

    def span(index: int) -> tuple[int, int]:
        start = fit.left + index * wide + (wide - len(texts[index])) // 2
        start = min(max(0, start), max(0, whole - len(texts[index])))
        return start, min(whole, start + len(texts[index]))

    here = span(at - first)
    for index in _spread(texts, wide):
        start, end = span(index)
        apart = end + 1 < here[0] or start > here[1] + 1 or index == at - first
        if apart and not "".join(line[max(0, start - 1) : end + 1]).strip():
            line[start:end] = texts[index][: end - start]
    told = texts[at - first][: here[1] - here[0]]
    return [("".join(line[: here[0]]), "axis"), (told, "strong"), ("".join(line[here[1] :]), "axis")]


def _spread(texts: Sequence[str], wide: int) -> range:
    """Return which of some texts, each so many columns after the one before, are shown: every one, every second, …, and
    of the ways with nearly as many the one with the shortest texts, for these are round numbers.
    """
    least = next(
        step for step in range(1, len(texts) + 1)
        if all(len(texts[index]) + 2 <= step * wide for index in range(0, len(texts), step)) or step == len(texts)
    )  # fmt: skip

    def cost(step: int) -> float:
        chosen = texts[::step]
        return sum(map(len, chosen)) / len(chosen) + FEWER * step / least

    if least >= len(texts):
        return range(0, len(texts), max(1, least))
    return range(0, len(texts), min(range(least, min(2 * least + 1, len(texts))), key=cost))


def row_names(axis: Axis | None, fit: Fit, at: int) -> list[Row]:
    """Return what stands left of each row of the map."""
    if axis is None or not fit.left:
        return [[(" " * fit.left, "axis")] for _ in range(fit.height)]
    high, found = fit.cell[1], list[Row]()
    for down in range(fit.shown[1]):
        index = fit.first[1] + fit.shown[1] - 1 - down
        name = axis.text(index)[: fit.left - GAP].rjust(fit.left - GAP) + " " * GAP
        for line in range(high):
            told = name if line == (high - 1) // 2 else " " * fit.left
            found.append([(told, "strong" if index == at else "axis")])
    return found


def place_of(value: float, values: Sequence[float]) -> float | None:
    """Return where among growing values another one lies: 1.5 is between 1 and 2; None if beyond all of them."""
    if len(values) < 2 or not math.isfinite(value) or sorted(values) != list(values):
        return None
    scale: Callable[[float], float] = math.log if values[0] > 0 and value > 0 else float
    known, wanted = [scale(each) for each in values], scale(value)
    for index, (low, high) in enumerate(pairwise(known)):
        if low <= wanted <= high:
            return index + (wanted - low) / (high - low)
    below, above = known[0] - (known[1] - known[0]) / 2, known[-1] + (known[-1] - known[-2]) / 2
    if below <= wanted < known[0]:
        return (wanted - known[0]) / (known[1] - known[0])
    if known[-1] < wanted < above:
        return len(known) - 1 + (wanted - known[-1]) / (known[-1] - known[-2])
    return None
