"""Everything that was recorded of a run: a column per metric, events, the last look at the units.

One thread appends, any thread reads. The lock is held for an append or for taking a view, never longer. Columns
only ever grow at their end, so a view that was taken stays right without a copy.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.records import Event, Start, StepRecord

Floats = npt.NDArray[np.float32]
_BLOCK = 64
_COARSE = 8 * _BLOCK
"""Steps in a column from which blocks are read in place of steps."""


class Series(NamedTuple):
    """A metric over the steps at which it was measured; both arrays have the shape (measurements,)."""

    steps: npt.NDArray[np.int64]
    values: Floats


@dataclass(frozen=True)
class Firing:
    """Per layer, the share of probe images for which each unit fires, as seen at a step."""

    step: int
    layers: dict[str, Floats]


class History:
    """A run's records in columns.

    Metrics measured at every step share one axis, the step. The others (probe set, test set) keep the steps at
    which they were measured. Values are kept as float32, which is what the engine computes in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._dense: dict[str, _Column] = {}
        self._sparse: dict[str, tuple[_Column, _Column]] = {}
        self._events: list[Event] = []
        self.start: Start | None = None
        self.last: StepRecord | None = None
        self.firing: Firing | None = None

    def __len__(self) -> int:
        """Return the number of recorded steps."""
        return self._count

    def begin(self, start: Start) -> None:
        """Note what the training found."""
        self.start = start

    def append(self, record: StepRecord) -> None:
        """Add one step. The names of the first step are the metrics of every step; any other is an extra."""
        with self._lock, np.errstate(over="ignore"):  # what float32 cannot hold is kept as infinite
            if not self._dense:
                extras = {name for name in record.values if is_extra(name)}
                self._dense = {name: _Column() for name in record.values if name not in extras}
            for name, value in record.values.items():
                column = self._dense.get(name)
                if column is not None:
                    column.append(value)
                else:
                    steps, values = self._sparse.setdefault(name, (_Column(np.int64), _Column()))
                    steps.append(record.step)
                    values.append(value)
            if record.firing:
                self.firing = Firing(record.step, dict(record.firing))
            self.last = record
            self._count += 1

    def add_event(self, event: Event) -> None:
        """Add something that was done to the run or found in it."""
        with self._lock:
            self._events.append(event)

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the events so far, oldest first."""
        with self._lock:
            return tuple(self._events)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all series recorded so far."""
        with self._lock:
            return (*self._dense, *self._sparse)

    def series(self, name: str) -> Series:
        """Return all of a metric, without a copy; empty if there is none of it (yet)."""
        with self._lock:
            if name in self._dense:
                values = self._dense[name].view()
                return Series(np.arange(len(values)), values)
            if name in self._sparse:
                steps, numbers = self._sparse[name]
                return Series(steps.view(), numbers.view())
        return Series(np.empty(0, np.int64), np.empty(0, np.float32))

    def latest(self, name: str) -> float | None:
        """Return the last measured value of a metric, None before the first."""
        with self._lock:
            column = self._dense.get(name) or (self._sparse[name][1] if name in self._sparse else None)
            return None if column is None or not len(column) else column.last()

    def outline(self, name: str, first: int, stop: int, columns: int) -> Series:
        """Return at most two points per column for the steps first … stop−1: each column's minimum and maximum.

        A spike of one step stays visible however long the run is, and long stretches are read from minima and
        maxima of blocks that are kept up to date. Columns depend on the view alone, so what is drawn of a step
        stays as it is when more steps come in. NaN is left out; an infinite value stays infinite.
        """
        anchor = first = max(0, first)
        width = max(1, -(-(stop - first) // columns))
        with self._lock:
            column = self._dense.get(name)
            if column is not None and width >= _COARSE:
                # Whole blocks per column, so that each block belongs to one.
                anchor -= first % _BLOCK
                width = -(-(stop - anchor) // (columns * _BLOCK)) * _BLOCK
                steps, low, high = column.pieces(first, stop)
            elif column is not None:
                low = high = column.view()[first:stop]
                steps = np.arange(first, first + len(low))
        if column is None:
            steps, values = self.series(name)
            inside = (steps >= first) & (steps < stop)
            steps = steps[inside]
            low = high = values[inside]
        if not len(steps) or stop - first <= 2 * columns or (column is None and len(steps) <= 2 * columns):
            return Series(steps[~np.isnan(low)], low[~np.isnan(low)])
        return _thin(steps, low, high, (steps - anchor) // width)


def is_extra(name: str) -> bool:
    """Return whether a metric is measured at some steps only: those of the probe set and of the test set."""
    return name == "seconds" or name.endswith("/test") or name.startswith(("dead_", "saturated_"))


def _thin(steps: npt.NDArray[np.int64], low: Floats, high: Floats, column: npt.NDArray[np.int64]) -> Series:
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


class _Column:
    """An array that grows at its end, with the minima and maxima of its whole blocks of _BLOCK values."""

    def __init__(self, dtype: type = np.float32) -> None:
        self._values: npt.NDArray[Any] = np.empty(256, dtype)
        self._count = 0
        self._low: Floats = np.empty(0, np.float32)
        self._high: Floats = np.empty(0, np.float32)

    def __len__(self) -> int:
        return self._count

    def append(self, value: float) -> None:
        if self._count == len(self._values):
            # A new array: the views taken of the old one stay as they were.
            self._values = np.concatenate((self._values, np.empty_like(self._values)))
        self._values[self._count] = value
        self._count += 1

    def view(self) -> npt.NDArray[Any]:
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
        left = min(-(-first // _BLOCK) * _BLOCK, stop)
        right = max(left, stop // _BLOCK * _BLOCK)
        blocks = slice(left // _BLOCK, right // _BLOCK)
        head, tail = self._values[first:left], self._values[right:stop]
        steps = np.concatenate((np.arange(first, left), np.arange(left, right, _BLOCK), np.arange(right, stop)))
        return steps, np.concatenate((head, self._low[blocks], tail)), np.concatenate((head, self._high[blocks], tail))

    def _summarise(self) -> None:
        known, whole = len(self._low), self._count // _BLOCK
        if whole > known:
            fresh = self._values[known * _BLOCK : whole * _BLOCK].reshape(-1, _BLOCK)
            self._low = np.concatenate((self._low, np.fmin.reduce(fresh, axis=1)))
            self._high = np.concatenate((self._high, np.fmax.reduce(fresh, axis=1)))
