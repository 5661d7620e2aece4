"""The map of a sweep as pure functions: readings in, rows of cells out.

What a cell of the terminal is drawn in is told by a role of two or three words, `ink:12` or `line:12:under`: what it
shows, on which step of the ramp from alive to dead (or on nothing, or on what has no number), and whether underlined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

from deadrelu_tui.tui.panels.phase_fit import Fit
from deadrelu_tui.tui.panels.phase_squares import (
    DIVERGED,
    FAILED,
    FAINT,
    LACKING,
    NOTHING,
    SIGNS,
    STEPS,
    VOID,
    Square,
    guessed,
)
from deadrelu_tui.tui.plot.chart import Row

SHADES = (" ░▒▓█", " .:+#")
"""What carries a number where colours do not."""
LIMIT = {"across": ("┊", ":"), "up": ("┈", "-")}
"""The learning rate that theory expects, by the axis that it lies on."""
OUTLINED = (5, 3)
"""Columns and rows from which on a cell under the cursor has an outline, and is not filled."""
BELOW = ("▁", "_")
"""The boundary below a cell, in Unicode and in ASCII."""


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
