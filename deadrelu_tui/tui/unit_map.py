"""The unit map as a pure function: firing rates in, rows of cells out. Dead units have a glyph of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

UNIT_ROLES = ("text", "unit", "dead")
DEAD, DEAD_ASCII = "✖", "x"
SHADES = (("·", "."), ("░", ":"), ("▒", "+"), ("▓", "#"), ("█", "@"))
BOUNDS = (0.01, 0.10, 0.50, 0.90)
"""A unit of shade i fires for less than BOUNDS[i] of the images; the last shade for at least the last bound."""

Row = list[tuple[str, str]]


def unit_rows(
    layers: Mapping[str, npt.NDArray[np.float32]],
    gone: Mapping[str, npt.NDArray[np.bool_]],
    width: int,
    height: int,
    ascii_only: bool = False,
    word: str = "dead",
) -> list[Row]:
    """Return `height` rows: each layer's units, a cell each or, where they do not fit, a cell for several.

    A cell of several units shows their mean rate, and the glyph of death only if all of them are dead.
    """
    which = 1 if ascii_only else 0
    left = max((len(name) for name in layers), default=0) + 2
    room = max(1, width - left)
    budget = height - 1  # the last row is the legend
    counts = [len(rates) for rates in layers.values()]
    pooled = max(1, sum(counts) // (room * max(1, budget)))
    # Every layer takes a row at least: with more layers than rows no pooling helps, and the last ones are left out.
    while pooled < max(counts, default=0) and sum(_rows(each, pooled, room) for each in counts) > budget:
        pooled += 1
    rows: list[Row] = []
    shown = dict(list(layers.items())[: max(0, budget)])
    for name, rates in shown.items():
        pools = [slice(at, at + pooled) for at in range(0, len(rates), pooled)]
        cells = [_cell(rates[pool], gone[name][pool], which) for pool in pools]
        # Rows of equal length: 300 units are five rows of 60 rather than four of 74 and a rest.
        wide = math.ceil(len(cells) / math.ceil(len(cells) / room))
        for at in range(0, len(cells), wide):
            label = name if at == 0 else ""
            rows.append(_merged([(f"{label:<{left}}", "text"), *cells[at : at + wide]]))
    rows = rows[: max(0, budget)]
    rows += [[(" " * width, "text")] for _ in range(budget - len(rows))]
    if height > 0:
        rows.append(_legend(gone, len(layers) - len(shown), pooled, which, width, word))
    return rows


def _cell(rates: npt.NDArray[np.float32], gone: npt.NDArray[np.bool_], which: int) -> tuple[str, str]:
    if gone.all():
        return (DEAD, DEAD_ASCII)[which], "dead"
    if np.isnan(rates).any():
        return "?", "text"
    return SHADES[int(np.searchsorted(BOUNDS, float(rates.mean()), side="right"))][which], "unit"


def _rows(units: int, pooled: int, room: int) -> int:
    return math.ceil(math.ceil(units / pooled) / room)


def _legend(
    gone: Mapping[str, npt.NDArray[np.bool_]], unseen: int, pooled: int, which: int, width: int, word: str
) -> Row:
    dead = sum(int(np.count_nonzero(units)) for units in gone.values())
    labels = ("<1 %", "<10 %", "<50 %", "<90 %", "≥90 %" if which == 0 else ">=90 %")
    parts: Row = [((DEAD, DEAD_ASCII)[which] + f" {word} {dead}", "dead")]
    parts += [(f"{shade[which]} {label}", "unit") for shade, label in zip(SHADES, labels, strict=True)]
    if unseen > 0:
        parts.insert(0, (f"{unseen} more layers", "text"))
    if pooled > 1:
        parts.insert(0, (f"1 cell = {pooled} units", "text"))
    spaced = [span for part in parts for span in (part, ("  ", "text"))]
    row, room = [], width
    for text, role in spaced:
        if len(text) <= room:
            row.append((text, role))
            room -= len(text)
    return [*row, (" " * room, "text")]


def _merged(cells: Row) -> Row:
    """Join neighbouring cells of one role into spans."""
    spans: Row = []
    for text, role in cells:
        if spans and spans[-1][1] == role:
            spans[-1] = (spans[-1][0] + text, role)
        else:
            spans.append((text, role))
    return spans
