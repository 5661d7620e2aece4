"""Arrays that grow at their end, and what a chart needs of them: outlines that keep every spike, and gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LACKING = np.array(0x7FC0_DEAD, np.uint32).view(np.float32)[()]
"""The NaN that stands where a record lacks a metric. A NaN that was measured has other bits."""
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


def find_gaps(at: npt.NDArray[np.int64], steps: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_]) -> Iterator[Gap]:
    """Yield the unbroken stretches of bad measurements; at, steps and bad have the shape (measurements,).

    Where the places `at` among the measurements are not next to each other, those left out were good.
    """
    apart = np.diff(at, prepend=-2) > 1
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
    """An array that grows at its end, with the minima, the maxima and the sums of its whole blocks of BLOCK values."""

    def __init__(self, dtype: type = np.float32, lacking: int = 0) -> None:
        """Begin with so many values that are lacking."""
        self._make_room(np.full(lacking, LACKING, dtype) if lacking else np.empty(0, dtype), 256)
        self._count = lacking
        self._first_hole: int | None = 0 if lacking else None
        self._whole = np.empty(0, np.bool_)
        """Of each whole block, whether all its values that are there are finite."""
        self._low: Floats = np.empty(0, np.float32)
        self._high: Floats = np.empty(0, np.float32)
        self._sums, self._finite = np.empty(0, np.float64), np.empty(0, np.int64)
        """Of each whole block the sum of its finite values, and how many these are."""

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
            self._make_room(self._values, len(self._values) // 4)
            self._cells[self._count] = value
        self._count += 1

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Add many values of the column's own type; of float32 none has the bits of LACKING."""
        stop = self._count + len(values)
        if stop > len(self._values):
            self._make_room(self._values, max(len(self._values) // 4, stop - len(self._values)))
        self._values[self._count : stop] = values
        self._count = stop

    def lack(self, count: int = 1) -> None:
        """Add so many times that there is no value. Not by append: a float on its way through Python loses the bits of
        a NaN.
        """
        if self._first_hole is None and count:
            self._first_hole = self._count
        self.extend(np.full(count, LACKING))

    def lacks(self, stop: int) -> bool:
        """Return whether one of the first values is not there; what is appended later does not change that."""
        return self._first_hole is not None and self._first_hole < stop

    def view(self, stop: int | None = None) -> npt.NDArray[Any]:
        """Return the first values, or all of them, not to be written to; what is appended later does not reach it."""
        view = self._values[: self._count if stop is None else stop]
        view.flags.writeable = False
        return view

    def known(self, stop: int) -> npt.NDArray[np.bool_] | None:
        """Return of the first values which are there; None if all of them are."""
        return None if not self.lacks(stop) else self.view(stop).view(np.uint32) != LACKING.view(np.uint32)

    def newest(self, stop: int) -> int | None:
        """Return the index of the last of the first values that is there; None without one."""
        stop = min(stop, self._count)
        if not self.lacks(stop):
            return stop - 1 if stop else None
        high, chunk = stop, 1
        while high > 0:
            there = np.flatnonzero(self._values[max(0, high - chunk) : high].view(np.uint32) != LACKING.view(np.uint32))
            if len(there):
                return max(0, high - chunk) + int(there[-1])
            high, chunk = high - chunk, 8 * chunk
        return None

    def pieces(self, first: int, stop: int) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
        """Return index, minimum and maximum of each whole block among the values first … stop−1, and of the values
        before and after these blocks.
        """
        at, head, blocks, tail = self._cut(first, min(stop, self._count))
        return at, np.concatenate((head, self._low[blocks], tail)), np.concatenate((head, self._high[blocks], tail))

    def sums(
        self, first: int, stop: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return as pieces() does index, sum of the finite values and their number."""
        at, head, blocks, tail = self._cut(first, min(stop, self._count))
        ends = [(np.where(np.isfinite(end), end, 0.0), np.isfinite(end).astype(np.int64)) for end in (head, tail)]
        (before, ahead), (after, behind) = ends
        return (
            at, np.concatenate((before, self._sums[blocks], after)),
            np.concatenate((ahead, self._finite[blocks], behind)),
        )  # fmt: skip

    def _cut(self, first: int, stop: int) -> tuple[npt.NDArray[np.int64], Floats, slice, Floats]:
        """Return the indices of whole blocks and of the values around them, the values before, the blocks, and those
        after.
        """
        self._summarise(stop)
        left = min(-(-first // BLOCK) * BLOCK, stop)
        right = max(left, stop // BLOCK * BLOCK)
        at = np.concatenate((np.arange(first, left), np.arange(left, right, BLOCK), np.arange(right, stop)))
        return at, self._values[first:left], slice(left // BLOCK, right // BLOCK), self._values[right:stop]

    def broken(self, first: int, stop: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the indices of those of the values first … stop−1 that lie in a block with one that is not finite, and
        which of them were measured and are not.
        """
        stop = min(stop, self._count)
        self._summarise(stop)
        blocks = np.flatnonzero(~self._whole[first // BLOCK : stop // BLOCK]) + first // BLOCK
        tail = np.arange(stop // BLOCK * BLOCK, stop)
        at = np.concatenate(((blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel(), tail))
        at = at[(at >= first) & (at < stop)]
        values = self._values[at]
        bad = ~np.isfinite(values)
        if self.lacks(stop):
            bad &= values.view(np.uint32) != LACKING.view(np.uint32)
        return at, bad

    def _summarise(self, stop: int) -> None:
        known, whole = len(self._low), stop // BLOCK
        if whole > known:
            fresh = self._values[known * BLOCK : whole * BLOCK].reshape(-1, BLOCK)
            finite = np.isfinite(fresh)
            fine = finite.copy()
            self._finite = np.concatenate((self._finite, finite.sum(axis=1)))
            self._sums = np.concatenate((self._sums, np.where(finite, fresh, 0.0).sum(axis=1, dtype=np.float64)))
            if self.lacks(stop):
                fine |= fresh.view(np.uint32) == LACKING.view(np.uint32)
            self._whole = np.concatenate((self._whole, fine.all(axis=1)))
            self._low = np.concatenate((self._low, np.fmin.reduce(fresh, axis=1)))
            self._high = np.concatenate((self._high, np.fmax.reduce(fresh, axis=1)))


def shortest(value: np.floating[Any]) -> float:
    """Return the shortest decimal that is this float32: 0.1, not 0.10000000149."""
    return float(str(value))
