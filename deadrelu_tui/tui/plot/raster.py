"""A canvas of characters, and polylines laid into it as braille dots: dot for dot what plotext draws, all at once.

plotext makes several Python objects of every point, which takes fifteen times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
_LEFT, _RIGHT = 0.5016585662, 0.501516152
"""Cells from an edge of the canvas to where plotext puts the first and the last of an axis."""
_BRAILLE = 0x2800
_BITS = np.array([[0, 3], [1, 4], [2, 5], [6, 7]])
"""The bit of each dot of a braille character, by row and column."""


class Canvas:
    """Characters, as code points, and the role of each; both of the shape (rows, columns)."""

    def __init__(self, codes: npt.NDArray[np.uint32], roles: npt.NDArray[np.int8]) -> None:
        self.codes, self.roles = codes, roles

    def place(self, across: Numbers, up: Numbers) -> tuple[Numbers, Numbers]:
        """Return column and row, in cells from the upper left corner, of points that are 0–1 across and up."""
        height, width = self.codes.shape
        return _LEFT + (width - _LEFT - _RIGHT) * across, _LEFT + (height - _LEFT - _RIGHT) * (1 - up)

    def points(self, across: Numbers, up: Numbers, character: str, role: int) -> None:
        """Put a character at each of some points, shape (points,) each."""
        columns, rows = self.place(across, up)
        at = rows.astype(np.intp), columns.astype(np.intp)
        self.codes[at], self.roles[at] = ord(character), role

    def polyline(
        self, across: Numbers, up: Numbers, role: int, breaks: Sequence[int] = (), character: str = "",
        beneath: Sequence[int] = (),
    ) -> None:  # fmt: skip
        """Join points, shape (points,) each, by lines of braille dots, or of a character. Dots of other lines stay,
        save of those whose role is among what lies beneath: a cell has one colour.

        A point whose index is among the breaks is not joined to the one before.
        """
        columns, rows = _samples(*self.place(across, up), *((1, 1) if character else (2, 4)), breaks)
        if character:
            self.codes[rows, columns], self.roles[rows, columns] = ord(character), role
            return
        lit = np.zeros((*self.codes.shape, 8), np.bool_)
        lit[rows // 4, columns // 2, _BITS[rows % 4, columns % 2]] = True
        dots = np.packbits(lit, axis=2, bitorder="little")[:, :, 0]
        drawn = dots > 0
        codes, stays = self.codes[drawn], ~np.isin(self.roles[drawn], beneath)
        before = np.where((codes & ~np.uint32(0xFF) == _BRAILLE) & stays, codes, np.uint32(_BRAILLE))
        self.codes[drawn], self.roles[drawn] = before | dots[drawn], role


def _samples(x: Numbers, y: Numbers, columns: int, rows: int, breaks: Sequence[int]) -> tuple[Whole, Whole]:
    """Return column and row of the dots that join points given in cells, with so many dots to a cell."""
    apart = [np.abs(np.diff((each * dots).astype(np.intp))) for each, dots in ((x, columns), (y, rows))]
    counts = np.maximum(np.maximum(*apart), 1)
    counts[np.asarray(breaks, np.intp) - 1] = 1  # straight to the next point
    segment = np.repeat(np.arange(len(counts)), counts)
    # From the first dot after a segment's beginning, 1 of n, to its end, n of n.
    way = (np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts) + 1) / counts[segment]

    def dots(each: Numbers, per_cell: int) -> Whole:
        between = each[:-1][segment] + np.diff(each)[segment] * way
        return np.asarray((np.concatenate((each[:1], between)) * per_cell).astype(np.intp))

    return dots(x, columns), dots(y, rows)
