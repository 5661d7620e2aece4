"""Arrays that grow at their end, and what a chart needs of them: outlines that keep every spike, and gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
BLOCK = 64
COARSE = 8 * BLOCK
"""Steps in a column of a chart from which blocks are read in place of steps."""


class Series(NamedTuple):
    """A metric over the steps at which it was measured; both arrays have the shape (measurements,)."""

    steps: npt.NDArray[np.int64]
    values: Floats


class Gap(NamedTuple):
    """A stretch without a finite number: the first and the last step of it, as measured."""

    first: int
    last: int


def find_gaps(steps: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], every_step: bool) -> Iterator[Gap]:
    """Yield the unbroken stretches of bad measurements; steps and bad have the shape (measurements,).

    Of a metric of every step, steps that are left out were good.
    """
    apart = np.diff(steps, prepend=-2) > 1 if every_step else np.zeros(len(steps), np.bool_)
    starts = np.flatnonzero(bad & (apart | ~np.concatenate(([False], bad[:-1]))))
    ends = np.flatnonzero(bad & (np.append(apart[1:], True) | ~np.append(bad[1:], False)))
    for low, high in zip(starts, ends, strict=True):
        yield Gap(int(steps[low]), int(steps[high]))


def thin(steps: npt.NDArray[np.int64], low: Floats, high: Floats, column: npt.NDArray[np.int64]) -> Series:
    """Return the lowest and the highest value of each column, or the one if they are the same."""
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(steps)) - 1
    lows, highs = np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
    # The order of minimum and maximum within a column follows the series, so that a falling line falls.
    rising = low[starts] <= high[ends]
    at = np.repeat(steps[starts], 2)
    values = np.empty(2 * len(starts), np.float32)
    values[::2], values[1::2] = np.where(rising, lows, highs), np.where(rising, highs, lows)
    keep = ~np.isnan(values)
    keep[1::2] &= lows != highs
    return Series(at[keep], values[keep])


class Column:
    """An array that grows at its end, with the minima and maxima of its whole blocks of BLOCK values."""

    def __init__(self, dtype: type = np.float32) -> None:
        self._make_room(np.empty(0, dtype), 256)
        self._count = 0
        self._whole = np.empty(0, np.bool_)
        """Of each whole block, whether all its values are finite."""
        self._low: Floats = np.empty(0, np.float32)
        self._high: Floats = np.empty(0, np.float32)

    def __len__(self) -> int:
        return self._count

    def _make_room(self, known: npt.NDArray[Any], more: int) -> None:
        # A new array: the views taken of the old one stay as they were.
        self._values: npt.NDArray[Any] = np.concatenate((known, np.empty(more, known.dtype)))
        self._cells: Any = self._values.data  # written to in half of the time, and no warning for what is too large

    def append(self, value: float) -> None:
        """Add a value; what float32 cannot hold is kept as infinite."""
        try:
            self._cells[self._count] = value
        except IndexError:
            self._make_room(self._values, len(self._values))
            self._cells[self._count] = value
        self._count += 1

    def view(self) -> npt.NDArray[Any]:
        """Return all values, not to be written to; what is appended later does not reach it."""
        view = self._values[: self._count]
        view.flags.writeable = False
        return view

    def last(self) -> float:
        """Return the last value as the shortest decimal that is this float32: 0.1, not 0.10000000149."""
        return float(str(self._values[self._count - 1]))

    def pieces(self, first: int, stop: int) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
        """Return first step, minimum and maximum of each whole block in the view, and its ends step by step."""
        self._summarise()
        stop = min(stop, self._count)
        left = min(-(-first // BLOCK) * BLOCK, stop)
        right = max(left, stop // BLOCK * BLOCK)
        blocks = slice(left // BLOCK, right // BLOCK)
        head, tail = self._values[first:left], self._values[right:stop]
        steps = np.concatenate((np.arange(first, left), np.arange(left, right, BLOCK), np.arange(right, stop)))
        return steps, np.concatenate((head, self._low[blocks], tail)), np.concatenate((head, self._high[blocks], tail))

    def broken(self, first: int, stop: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the steps of the view that lie in a block with a value that is not finite, and which ones are so."""
        self._summarise()
        stop = min(stop, self._count)
        blocks = np.flatnonzero(~self._whole[first // BLOCK : stop // BLOCK]) + first // BLOCK
        tail = np.arange(stop // BLOCK * BLOCK, stop)
        steps = np.concatenate(((blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel(), tail))
        steps = steps[(steps >= first) & (steps < stop)]
        return steps, ~np.isfinite(self._values[steps])

    def _summarise(self) -> None:
        known, whole = len(self._low), self._count // BLOCK
        if whole > known:
            fresh = self._values[known * BLOCK : whole * BLOCK].reshape(-1, BLOCK)
            self._whole = np.concatenate((self._whole, np.isfinite(fresh).all(axis=1)))
            self._low = np.concatenate((self._low, np.fmin.reduce(fresh, axis=1)))
            self._high = np.concatenate((self._high, np.fmax.reduce(fresh, axis=1)))
