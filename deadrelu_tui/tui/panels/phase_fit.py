"""Where the map of a sweep stands on its panel, which part of the grid it shows, and the values beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.tui.plot.chart import Row

LARGEST = (14, 6)
"""Columns and rows that a cell takes at most."""
GAP = 1
"""Columns between the names of the rows and the map."""
FEWER = 1.2
"""By how many characters the values below the map are to be shorter on average, if there are half as many of them."""


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
