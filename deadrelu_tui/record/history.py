"""Everything that was recorded of a run: a column per metric, events, the last look at the units.

One thread appends, any thread reads. The lock is held for an append or for taking a view, never longer. Columns
only ever grow at their end, so a view that was taken stays right without a copy.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import BLOCK, COARSE, Column, Floats, Gap, Series, find_gaps, thin
from deadrelu_tui.record.ledger import Entry, Ledger
from deadrelu_tui.record.metrics import is_extra
from deadrelu_tui.record.records import Event, Live, Start, StepRecord
from deadrelu_tui.record.units import Units


@dataclass(frozen=True)
class Looked:
    """Each layer's units as a look at the probe set found them, and the step of the look."""

    step: int
    layers: dict[str, Units]


class History:
    """A run's records in columns.

    Metrics measured at every step share one axis, the step. The others (probe set, test set) keep the steps at
    which they were measured. Values are kept as float32, which is what the engine computes in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._dense: dict[str, Column] = {}
        self._sparse: dict[str, tuple[Column, Column]] = {}
        self._events: tuple[Event, ...] = ()
        self._marks: tuple[Event, ...] = ()
        self._axis = np.arange(256)
        self.lives: list[tuple[int, Live]] = []
        """What was set, from which step on."""
        self.start: Start | None = None
        self.last: StepRecord | None = None
        self.looked: Looked | None = None
        self.ledgers: dict[str, Ledger] = {}

    def __len__(self) -> int:
        """Return the number of recorded steps."""
        return self._count

    def begin(self, start: Start) -> None:
        """Note what the training found."""
        self.start = start

    def append(self, record: StepRecord) -> Mapping[str, Entry]:
        """Add one step and return what a look in it changed in each layer's ledger.

        The names of the first step are the metrics of every step; any other is an extra.
        """
        with self._lock:
            if not self._dense:
                extras = {name for name in record.values if is_extra(name)}
                self._dense = {name: Column() for name in record.values if name not in extras}
            entries = self._enter(record)
            for name, value in record.values.items():
                column = self._dense.get(name)
                if column is not None:
                    column.append(value)
                else:
                    self._append_extra(name, record.step, value)
            for name, value in self._counts(entries):
                self._append_extra(name, record.step, value)
            if record.units:
                self.looked = Looked(record.step, dict(record.units))
            if not self.lives or self.lives[-1][1] != record.live:
                self.lives = [*self.lives, (record.step, record.live)]
            self.last = record
            self._count += 1
        return entries

    def _append_extra(self, name: str, step: int, value: float) -> None:
        steps, values = self._sparse.setdefault(name, (Column(np.int64), Column()))
        steps.append(step)
        values.append(value)

    def _enter(self, record: StepRecord) -> dict[str, Entry]:
        for layer, fired in record.fired.items():
            self._ledger_of(layer, len(fired)).batch(record.step, fired)
        return {
            layer: self._ledger_of(layer, len(units)).look(record.step, units, record.ends_epoch)
            for layer, units in record.units.items()
        }

    def _ledger_of(self, layer: str, units: int) -> Ledger:
        if layer not in self.ledgers:
            self.ledgers[layer] = Ledger(units)
        return self.ledgers[layer]

    def _counts(self, looked: Collection[str]) -> Iterator[tuple[str, float]]:
        for layer in looked:
            yield f"deaths/{layer}", float(self.ledgers[layer].deaths.sum())
            yield f"revivals/{layer}", float(self.ledgers[layer].revivals.sum())
        if looked:
            yield "deaths", float(sum(ledger.deaths.sum() for ledger in self.ledgers.values()))
            yield "revivals", float(sum(ledger.revivals.sum() for ledger in self.ledgers.values()))

    def ledger(self, layer: str) -> Ledger:
        """Return a layer's ledger as it stands. Raises KeyError before the first look."""
        with self._lock:
            return self.ledgers[layer].copy()

    def frozen(self) -> History:
        """Return the history as it stands: what is recorded from now on does not reach it. Copies no column."""
        twin = History()
        with self._lock:
            twin._count = self._count
            twin._dense = {name: copy.copy(column) for name, column in self._dense.items()}
            twin._sparse = {
                name: (copy.copy(steps), copy.copy(values)) for name, (steps, values) in self._sparse.items()
            }
            twin._events, twin._marks = self._events, self._marks
            twin.ledgers = {layer: ledger.copy() for layer, ledger in self.ledgers.items()}
            twin.start, twin.last, twin.looked, twin.lives = self.start, self.last, self.looked, self.lives
        return twin

    def add_event(self, event: Event) -> None:
        """Add something that was done to the run or found in it."""
        with self._lock:
            at = bisect_right(self._events, event.step, key=lambda each: each.step)
            self._events = (*self._events[:at], event, *self._events[at:])
            if event.mark:
                self._marks = tuple(each for each in self._events if each.mark)

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the events so far in the order of their steps; some deaths are found out some steps later."""
        return self._events

    @property
    def marks(self) -> tuple[Event, ...]:
        """Return those of the events that are interventions."""
        return self._marks

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
                if len(self._axis) < len(values):
                    self._axis = np.arange(2 * len(values))
                return Series(self._axis[: len(values)], values)
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
            if column is not None and width >= COARSE:
                # Whole blocks per column, so that each block belongs to one.
                anchor -= first % BLOCK
                width = -(-(stop - anchor) // (columns * BLOCK)) * BLOCK
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
        return thin(steps, low, high, (steps - anchor) // width)

    def at(self, name: str, step: int) -> float | None:
        """Return a metric's value at a step, or as it was last measured before it; None if it was not."""
        steps, values = self.series(name)
        index = int(np.searchsorted(steps, step, side="right")) - 1
        return float(str(values[index])) if index >= 0 else None

    def gaps(self, name: str, first: int, stop: int) -> tuple[Gap, ...]:
        """Return the stretches of the steps first … stop−1 in which a metric's measurements are no finite numbers."""
        with self._lock:
            column = self._dense.get(name)
            steps, bad = column.broken(max(0, first), stop) if column is not None else (None, None)
        if steps is None or bad is None:
            steps, values = self.series(name)
            inside = (steps >= first) & (steps < stop)
            steps, bad = steps[inside], ~np.isfinite(values[inside])
        return tuple(find_gaps(steps, bad, every_step=column is not None))

    def smooth(self, name: str, steps: npt.NDArray[np.int64], width: int) -> Floats:
        """Return for each of some steps the mean of a metric's finite values over the `width` steps that end there.

        Counted in steps, not in columns: it is the same at every zoom. NaN where there is none.
        """
        measured, values = self.series(name)
        lows, highs = (np.searchsorted(measured, ends, side="right") for ends in (steps - width, steps))
        longest = int((highs - lows).max(initial=0))
        if not longest:
            return np.full(len(steps), np.nan, np.float32)
        # A row for each window: its values, and where it has fewer than the longest some that do not count.
        at = lows[:, None] + np.arange(longest)
        windows = values[np.minimum(at, len(values) - 1)].astype(np.float64)
        counted = np.isfinite(windows) & (at < highs[:, None])
        with np.errstate(invalid="ignore"):  # of a window without a finite value there is no mean
            means: Floats = (np.where(counted, windows, 0.0).sum(axis=1) / counted.sum(axis=1)).astype(np.float32)
        return means
