"""The unit map as pure functions: units in, rows of cells out. Dead units have a glyph of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.units import Definition, Mask, Units
from deadrelu_tui.tui.panels.names import fitted, named_in
from deadrelu_tui.tui.plot.chart import Row

UNIT_ROLES = ("text", "unit", "dead", "at", "chosen", "strong")
DEAD, DEAD_ASCII = "✖", "x"
SHADES = (("·", "."), ("░", ":"), ("▒", "+"), ("▓", "#"), ("█", "@"))
FILLING = frozenset(glyph for shade in SHADES[1:] for glyph in shade)
BRIGHT = frozenset(glyph for shade in SHADES[2:] for glyph in shade)
BOUNDS = (0.01, 0.10, 0.50, 0.90)
"""A unit of shade i fires for less than BOUNDS[i] of the images; the last shade for at least the last bound."""

At = tuple[str, int]
"""A unit: its layer and its index."""


CELLS = ((4, 2), (2, 1), (1, 1))
"""Columns and rows that a cell may have, the largest first. As long as each unit has its own it is as large as fits."""
CURSOR, CURSOR_ASCII = "◆", "&"
"""Where the shade below it is as bright as a cursor."""


@dataclass(frozen=True)
class Grid:
    """Where each unit stands in so many columns and rows: `pooled` units share a cell, a layer starts a row."""

    counts: Mapping[str, int]
    """Units of each layer that is shown."""
    left_out: int
    """Layers that are not shown, for want of rows."""
    pooled: int
    room: int
    """Cells that a row has room for."""
    left: int = 2
    """Columns before them, in which the layers' names stand."""
    cell: tuple[int, int] = (1, 1)
    """Columns and rows of a cell."""

    @classmethod
    def fit(cls, counts: Mapping[str, int], width: int, rows: int, at: str | None = None) -> Grid:
        """Return the grid with as few units to a cell as fit, and of these the one with the largest cells; with more
        layers than rows, a page of them with `at`.
        """
        grids = (cls._of(counts, width, rows, at, cell) for cell in CELLS)
        return next(grid for grid in grids if grid.cell == (1, 1) or (grid.pooled == 1 and not grid.left_out))

    @classmethod
    def _of(cls, counts: Mapping[str, int], width: int, lines: int, at: str | None, cell: tuple[int, int]) -> Grid:
        left = named_in(counts, width) + 2
        room, rows = max(1, (width - left) // cell[0]), lines // cell[1]
        names = list(counts)
        if len(names) > max(0, rows):
            first = names.index(at) // rows * rows if at in names and rows > 0 else 0
            names = names[first : first + max(0, rows)]
        shown = {name: counts[name] for name in names}
        pooled = max(1, sum(shown.values()) // (room * max(1, rows)))
        while pooled < max(shown.values(), default=0) and sum(_rows(n, pooled, room) for n in shown.values()) > rows:
            pooled += 1
        return cls(shown, len(counts) - len(shown), pooled, room, left, cell)

    def wide(self, layer: str) -> int:
        """Return the cells in a row of a layer. Rows are of one length: 300 units are 5 × 60 and not 4 × 74 + 4."""
        cells = math.ceil(self.counts[layer] / self.pooled)
        return math.ceil(cells / math.ceil(cells / self.room))

    def cell_of(self, at: At) -> tuple[int, int] | None:
        """Return the row and the column of a unit's cell, None if its layer is not shown."""
        top = 0
        for layer, count in self.counts.items():
            if layer == at[0]:
                cell, wide = at[1] // self.pooled, self.wide(layer)
                return top + cell // wide, cell % wide
            top += _rows(count, self.pooled, self.room)
        return None

    def unit_at(self, row: int, column: int) -> At | None:
        """Return the first unit of the cell at a row and a column of the terminal, None where there is none."""
        row, column = row // self.cell[1], column // self.cell[0]
        for layer, count in self.counts.items():
            rows = _rows(count, self.pooled, self.room)
            if row < rows:
                index = (row * self.wide(layer) + column) * self.pooled
                return (layer, index) if 0 <= column < self.wide(layer) and index < count else None
            row -= rows
        return None


def moved(at: At, counts: Mapping[str, int], by: int) -> At:
    """Return the unit so many further on, through the layers in order; the first or the last one at the ends."""
    index = sum(count for name, count in counts.items() if list(counts).index(name) < list(counts).index(at[0]))
    index = min(max(0, index + at[1] + by), sum(counts.values()) - 1)
    for name, count in counts.items():
        if index < count:
            return name, index
        index -= count
    return at


def map_rows(
    layers: Mapping[str, Units], definition: Definition, grid: Grid, at: At | None, ascii_only: bool = False
) -> list[Row]:
    """Return the rows of the grid: a cell's shade is its units' mean rate, its glyph ✖ if all of them are dead."""
    which, rows = int(ascii_only), list[Row]()
    found = grid.cell_of(at) if at is not None else None
    across, down = grid.cell
    above = 0
    for name in grid.counts:
        units = layers[name]
        lost, rates = definition.of(units), _rates(definition, units)
        cells = _cells(rates, lost, grid.pooled, which)
        for first in range(0, len(cells), grid.wide(name)):
            row = cells[first : first + grid.wide(name)]
            if found is not None and found[0] == above:
                glyph = row[found[1]][0]
                bright = glyph in BRIGHT
                row[found[1]] = ((CURSOR, CURSOR_ASCII)[which] if bright else glyph, "at")
            above += 1
            for line in range(down):
                label = fitted(name if first == 0 == line else "", grid.left - 2) + "  "
                rows.append(_merged([(label, "text"), *(_sized(*each, across, line) for each in row)]))
    return rows


def _sized(glyph: str, role: str, across: int, line: int) -> tuple[str, str]:
    """Return one line of a cell: shades fill it, but for a column between large ones; all else stands at its corner."""
    fills = across - across // 3
    if glyph in FILLING:
        return glyph * fills + " " * (across - fills), role
    return (glyph if line == 0 else " ") + " " * (across - 1), role


def legend(
    layers: Mapping[str, Units], definition: Definition, grid: Grid, width: int, ascii_only: bool = False
) -> Row:
    """Return what the glyphs mean, in as many words as there is room for: the dead first, with their number."""
    which = int(ascii_only)
    dead = sum(int(np.count_nonzero(definition.of(units))) for units in layers.values())
    known = all(np.isfinite(_rates(definition, units)).all() for units in layers.values())
    told = f"{dead if known else '?'}"
    at_least = ("≥", ">=")[which]
    wide = [f"<{bound:.0%}".replace("%", " %") for bound in BOUNDS] + [f"{at_least}{BOUNDS[-1]:.0%}".replace("%", " %")]
    tight = [each.removesuffix(" %") for each in wide[:-1]] + [f"{at_least}{BOUNDS[-1]:.0%}"]
    before: Row = [(f"{grid.left_out} more layers", "strong")] if grid.left_out > 0 else []
    before += [(f"1 cell = {grid.pooled} units", "strong")] if grid.pooled > 1 else []
    unknown: Row = [] if known else [("? no number", "text")]

    def said(name: str, bounds: list[str], apart: int) -> Row:
        parts = [*before, (f"{(DEAD, DEAD_ASCII)[which]} {name}{told}", "dead"), *unknown]
        parts += [(f"{shade[which]}{bound}", "unit") for shade, bound in zip(SHADES, bounds, strict=True)]
        return [span for part in parts for span in (part, (" " * apart, "text"))][:-1]

    ways = [said(f"{definition.name}: ", wide, 2), said(f"{definition.short}: ", wide, 1), said("", tight, 1)]
    row = next((each for each in ways if _length(each) <= width), None)
    if row is None:  # the dead alone, then
        row, room = [], width
        for text, role in ways[-1]:
            if len(text) > room:
                break
            row.append((text, role))
            room -= len(text)
    return [*row, (" " * (width - _length(row)), "text")]


def _length(row: Row) -> int:
    return sum(len(text) for text, _ in row)


def _rates(definition: Definition, units: Units) -> npt.NDArray[np.float32]:
    if definition.on_batch:
        return units.batch
    return units.unsaturated if units.activation in SATURATING else units.firing


def _cells(rates: npt.NDArray[np.float32], lost: Mask, pooled: int, which: int) -> Row:
    """Return the glyph and role of each cell of so many units, the last of which may have fewer."""
    starts = np.arange(0, len(rates), pooled)
    means = np.add.reduceat(rates, starts, dtype=np.float64) / np.diff(starts, append=len(rates))
    shades = np.searchsorted(BOUNDS, means, side="right").tolist()
    dead, unknown = np.logical_and.reduceat(lost, starts).tolist(), np.isnan(means).tolist()
    return [
        ("?", "text")
        if nothing
        else ((DEAD, DEAD_ASCII)[which], "dead")
        if all_dead
        else (SHADES[shade][which], "unit")
        for shade, all_dead, nothing in zip(shades, dead, unknown, strict=True)
    ]


def _rows(units: int, pooled: int, room: int) -> int:
    return math.ceil(math.ceil(units / pooled) / room)


def _merged(cells: Row) -> Row:
    """Join neighbouring cells of one role into spans."""
    spans: Row = []
    for text, role in cells:
        if spans and spans[-1][1] == role:
            spans[-1] = (spans[-1][0] + text, role)
        else:
            spans.append((text, role))
    return spans
