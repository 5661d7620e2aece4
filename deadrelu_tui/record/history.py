"""Everything that was recorded of a run: a column per metric, events, every look at the units.

One thread adds, any thread reads. The lock is held for an addition or for taking a view, never longer. Columns only
ever grow at their end, so a history as it stood at some step is the same columns up to there: frozen() and until()
copy none of them. The ledger of deaths alone is built anew for a step in the past, from the looks up to it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import BLOCK, COARSE, Floats, Gap, Series, find_gaps, shortest, thin
from deadrelu_tui.record.kept import Extent, Kept
from deadrelu_tui.record.ledger import Entry, Ledger
from deadrelu_tui.record.looks import Looked
from deadrelu_tui.record.metrics import Quantity, is_logged
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import UNRECORDED, End, Event, Live, Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.record.units import Units

SPEED_OVER = 3.0
"""Seconds of training of which the speed is told."""


class History:
    """A run's records in columns.

    Metrics told at every step share one axis, the step; where a record lacks one of them it is NaN. The others (probe
    set, test set) keep the steps at which they were measured. Values are kept as float32, which is what the engine
    computes in.
    """

    def __init__(self) -> None:
        self._kept = Kept()
        self._upto: Extent | None = None

    def add(self, record: Record | Steps) -> Mapping[str, Entry]:
        """Add what comes next and return what a look in it changed in each layer's ledger.

        Raises ValueError for a step that is not later than the last one.
        """
        assert self._upto is None, "a frozen history takes no records"
        return self._kept.add(record)

    # As it stands, as it stood

    @property
    def _now(self) -> Extent:
        return self._upto if self._upto is not None else self._kept.extent()

    def frozen(self) -> History:
        """Return the history as it stands: what is recorded from now on does not reach it. Copies no column."""
        twin = copy.copy(self)
        twin._upto = self._now
        return twin

    def until(self, step: int) -> History:
        """Return the history as it stood when a step was the newest, or the last one before it."""
        twin = copy.copy(self)
        twin._upto = self._kept.extent_at(step, self._now)
        return twin

    def __len__(self) -> int:
        """Return the number of recorded steps."""
        return self._now.rows

    @property
    def last(self) -> int | None:
        """The number of the newest step; None before the first."""
        last = self._now.last
        return last if last >= 0 else None

    @property
    def first(self) -> int:
        """The number of the first step, recorded or to come."""
        found = self._kept.step_of(0) if len(self) else None
        return found if found is not None else self.start.first if self.start else 0

    @property
    def next(self) -> int:
        """The number of the step to come, if none is left out."""
        last = self.last
        return self.first if last is None else last + 1

    @property
    def reached(self) -> int:
        """How far it is, as one counts: the steps taken of a run that numbers them from 0, else the newest number."""
        return self.next if not self.first else self.next - 1

    @property
    def taken(self) -> int:
        """How many steps were taken, those included that are left out."""
        last, first = self.last, self.start.first if self.start else self.first
        return 0 if last is None else max(0, last + 1 - first)

    @property
    def before(self) -> tuple[int, float]:
        """How many steps were taken up to the first one that is recorded, and for how many seconds; nothing where that
        is the first one of all.
        """
        if not len(self) or self.start is None or self.first <= self.start.first:
            return 0, 0.0
        return self.first + 1 - self.start.first, self.seconds_at(self.first)

    @property
    def pace(self) -> float:
        """Steps a second from the first one that is recorded to the end, pauses included; 0 if no time has passed."""
        steps, since = self.before
        seconds = (self.seconds if self.end is None else self.end.at) - since
        return (self.taken - steps) / seconds if seconds > 0 else 0.0

    @property
    def start(self) -> Start | None:
        """What the training said first; None before it."""
        return self._now.start

    @property
    def end(self) -> End | None:
        """How the training ended; None while it may take another step."""
        return self._now.end

    @property
    def network(self) -> Network:
        """What is trained; without layers if it was not told."""
        return self.start.network if self.start else Network()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events in the order of their steps; some deaths are found out some steps later."""
        now = self._now
        return now.events if now.events is not None else self._kept.events(now.came)

    @property
    def known_at(self) -> list[int]:
        """The steps at which one of the events or more became known, none twice."""
        return self._kept.known_at(self._now)

    @property
    def marks(self) -> tuple[Event, ...]:
        """Those of the events that are interventions."""
        return self._kept.sifted(self.events).marks

    @property
    def milestones(self) -> tuple[Event, ...]:
        """Those of the events that tell how far the run has come."""
        return self._kept.sifted(self.events).milestones

    @property
    def tried(self) -> Event | None:
        """What tells which remedies were tried last; None before."""
        return self._kept.sifted(self.events).tried

    @property
    def unrecorded(self) -> Event | None:
        """What tells that the run is not recorded just now, and why; None while it is."""
        told = self._kept.sifted(self.events).recording
        return told if told is not None and told.kind == UNRECORDED else None

    @property
    def unwritten(self) -> int:
        """How many of the steps are in no file, as long as it is not recorded."""
        told = self.unrecorded
        written = None if told is None else told.facts.get("written")
        return max(0, len(self) - written) if isinstance(written, int) else 0

    @property
    def unseen(self) -> bool:
        """Whether it is not recorded, and no file tells that there is such a run: nobody elsewhere could see it."""
        told = self.unrecorded
        return told is not None and told.facts.get("begun") is False

    @property
    def live(self) -> Live:
        """What was set when the newest step was taken; before it what the run began with."""
        return self.live_at(self._now.last)

    def live_at(self, step: int) -> Live:
        """Return what was set when a step was taken; before the first one what it was taken with."""
        if len(self):
            return self._kept.live.at(min(step, self._now.last))
        start = self.start
        return {name: value for name, value in start.settings.items() if name in start.can} if start else {}

    def changed_at(self, setting: str) -> int:
        """Return the step of the last change of a live setting; the first step if there was none."""
        since = self._kept.live.since(setting, self._now.last) if len(self) else None
        return self.first if since is None else since

    @property
    def epoch(self) -> int | None:
        """The epoch of the newest step, from 1."""
        return self.epoch_of(self.last) if self.last is not None else None

    def epoch_of(self, step: int) -> int | None:
        """Return the epoch of a step, from 1; None for a training without epochs."""
        known = len(self) > 0 and step >= self.first
        epoch: int | None = self._kept.epoch.at(min(step, self._now.last)).get("epoch") if known else None
        return epoch

    @property
    def seconds(self) -> float:
        """Seconds from the start to the newest step, pauses included."""
        rows = self._now.rows
        return float(self._kept.at.view(rows)[-1]) if rows else 0.0

    def seconds_at(self, step: int) -> float:
        """Return the seconds from the start to a step, or to the last one before it."""
        row = self._rows(step + 1)
        return float(self._kept.at.view(row)[-1]) if row else 0.0

    @property
    def speed(self) -> float:
        """Steps per second over the last seconds of training; what was before a wait does not count."""
        now = self._now
        times, numbers = self._kept.at.view(now.rows), self._kept.steps(0, now.rows)
        resumed = self._kept.sifted(self.events).resumed
        if not now.rows:
            return 0.0
        first = self._kept.rows_before(resumed, now.rows - 1) if resumed is not None else 0
        low = max(first, int(np.searchsorted(times, times[-1] - SPEED_OVER)))
        # Of the first step it is known when it began: the time runs from the start.
        before, began = (numbers[low], float(times[low])) if low or resumed is not None else (numbers[0] - 1, 0.0)
        taken = float(times[-1]) - began
        return int(numbers[-1] - before) / taken if taken > 0 else 0.0

    @property
    def steps_planned(self) -> int | None:
        """Steps of the whole run, those included for which it was told to train on; None if its end is not known, as of
        a run that goes on beyond what it announced.
        """
        if self.start is None or self.start.steps is None:
            return None
        planned = self.start.steps + self._kept.sifted(self.events).more
        return planned if self.next - self.start.first <= planned else None

    @property
    def epochs_planned(self) -> int | None:
        """Epochs of the whole run; None if its end is not known, or is not that of an epoch."""
        planned, length = self.steps_planned, self.start.steps_per_epoch if self.start is not None else None
        return None if planned is None or not length or planned % length else planned // length

    @property
    def looked(self) -> Looked | None:
        """The last look at the probe set; None before the first."""
        count = self._now.looks
        return self._kept.looks.at(count - 1) if count else None

    @property
    def look_steps(self) -> npt.NDArray[np.int64]:
        """The step of each look, oldest first."""
        return self._kept.looks.steps(self._now.looks)

    def look_at(self, index: int) -> Looked:
        """Return one of the looks, by its index."""
        return self._kept.looks.at(index)

    @property
    def looks(self) -> Iterator[Looked]:
        """Yield every look, oldest first."""
        return (self._kept.looks.at(index) for index in range(self._now.looks))

    def units(self, layer: str) -> Units | None:
        """Return a layer's units as the last look found them; None without a look."""
        looked = self.looked
        return looked.layers.get(layer) if looked is not None else None

    @property
    def activations(self) -> Mapping[str, str]:
        """Each layer's activation: as it is set for all of them, else as the last look found it, else as the network
        was announced.
        """
        looked, told = self.looked, {layer.name: layer.activation for layer in self.network.layers}
        found = {name: units.activation for name, units in looked.layers.items()} if looked is not None else {}
        own = {**told, **found}
        return dict.fromkeys(own, str(self.live["activation"])) if "activation" in self.live else own

    def activation(self, layer: str = "") -> str:
        """Return the activation of a layer, or of the first one; relu if nobody says."""
        own = self.activations
        return own.get(layer) or next(iter(own.values()), str(self.live.get("activation", "relu")))

    @property
    def ledgers(self) -> Mapping[str, Ledger]:
        """Each layer's ledger."""
        return self._now.ledgers

    # Metrics

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all series recorded so far."""
        return self._now.names

    def quantity(self, name: str) -> Quantity:
        """Return what is measured under a name."""
        return self._kept.quantity(name)

    @property
    def logged(self) -> tuple[Quantity, ...]:
        """What the training has said that it logs by itself."""
        return () if self.start is None else tuple(each for each in self.start.metrics if is_logged(each))

    def of(self, metric: str) -> Iterator[Quantity]:
        """Yield the quantities of a metric that were recorded, layers and parameters in the network's order."""
        return iter(self._kept.of(metric, self.names))

    @cached_property
    def _nothing(self) -> Series:
        return Series(np.empty(0, np.int64), np.empty(0, np.float32))

    def _rows(self, step: int) -> int:
        """Return how many steps before a step are recorded."""
        return self._kept.rows_before(step, self._now.rows)

    def series(self, name: str) -> Series:
        """Return all of a metric that was measured, without a copy if it was at every step; empty if there is none."""
        now = self._now
        if (column := self._kept.dense.get(name)) is not None:
            stop = min(now.rows, len(column))
            steps, values, known = self._kept.steps(0, stop), column.view(stop), column.known(stop)
            return Series(steps, values) if known is None else Series(steps[known], values[known])
        if (pair := self._kept.sparse.get(name)) is not None:
            moments = pair[0].view()
            stop = int(np.searchsorted(moments, 2 * now.last + now.between, side="right"))
            return Series(moments[:stop] // 2, pair[1].view(stop))
        return self._nothing

    def latest(self, name: str) -> float | None:
        """Return the last measured value of a metric, None before the first."""
        last = self.last
        return None if last is None else self.at(name, last)

    def at(self, name: str, step: int) -> float | None:
        """Return a metric's value at a step, or as it was last measured before it; None if it was not."""
        column = self._kept.dense.get(name)
        if column is not None:
            row = column.newest(self._rows(step + 1))
            return shortest(column.view(row + 1)[-1]) if row is not None else None
        steps, values = self.series(name)
        index = int(np.searchsorted(steps, step, side="right")) - 1
        return shortest(values[index]) if index >= 0 else None

    def window(self, name: str, first: int, stop: int) -> Series:
        """Return what was measured at the steps first … stop−1, NaN left out; costs what the stretch is long."""
        steps, values = self._stretch(name, first, stop)
        known = ~np.isnan(values)
        return Series(steps[known], values[known])

    def _stretch(self, name: str, first: int, stop: int) -> Series:
        """Return what stands at the steps first … stop−1, NaN included."""
        column = self._kept.dense.get(name)
        if column is None:
            steps, values = self.series(name)
            inside = (steps >= first) & (steps < stop)
            steps, values = steps[inside], values[inside]
        else:
            low, high = self._rows(first), max(self._rows(first), self._rows(stop))
            steps, values = self._kept.steps(low, high), column.view(high)[low:]
        return Series(steps, values)

    def tail(self, name: str, count: int) -> Series:
        """Return what was measured at the last so many recorded steps, NaN left out."""
        rows = self._now.rows
        if not rows or count <= 0:
            return self._nothing
        first = self._kept.step_of(max(0, rows - count))
        assert first is not None
        return self.window(name, first, self._now.last + 1)

    def newest(self, name: str, count: int, stop: int | None = None) -> Series:
        """Return the last so many values measured before a step, NaN left out; of a metric told at every step those of
        the last so many steps. Costs what the stretch is long that they take.
        """
        stop = self._now.last + 1 if stop is None else stop
        column, rows, span = self._kept.dense.get(name), self._rows(stop), count
        while rows and count > 0:
            first = self._kept.step_of(max(0, rows - span))
            found = self.window(name, stop if first is None else first, stop)
            if len(found.steps) >= count or span >= rows or (column is not None and not column.lacks(rows)):
                return Series(found.steps[-count:], found.values[-count:])
            span *= 8
        return self._nothing

    def outline(self, name: str, first: int, stop: int, columns: int) -> Series:
        """Return at most two points per column for the steps first … stop−1: each column's minimum and maximum.

        A spike of one step stays visible however long the run is, and long stretches are read from minima and
        maxima of blocks that are kept up to date. Columns depend on the view alone, so what is drawn of a step
        stays as it is when more steps come in. NaN is left out; an infinite value stays infinite.
        """
        first = max(self.first, first)
        anchor, width, blocks = self._columns(first, stop, columns)
        column = self._kept.dense.get(name)
        low_row, high_row = self._rows(first), max(self._rows(first), self._rows(stop))
        if column is None or not blocks:
            anchor, width = first, max(1, -(-(stop - first) // columns))
            steps, values = self._stretch(name, first, stop)
            if not len(steps) or stop - first <= 2 * columns or (column is None and len(steps) <= 2 * columns):
                known = ~np.isnan(values)
                return Series(steps[known], values[known])
            return thin(steps, values, values, (steps - anchor) // width)
        with self._kept.lock:
            rows, low, high = column.pieces(low_row, min(high_row, len(column)))
        steps = self._kept.steps_at(rows)
        return thin(steps, low, high, (steps - anchor) // width) if len(steps) else self._nothing

    def means(self, name: str, first: int, stop: int, columns: int) -> Series:
        """Return for each of so many columns the mean of the finite values measured at its steps, at one of the last
        of these; the columns are those of an outline. What has none is left out.
        """
        first = max(self.first, first)
        anchor, width, blocks = self._columns(first, stop, columns)
        column = self._kept.dense.get(name)
        if column is None or not blocks:
            steps, values = self._stretch(name, first, stop)
            there = np.isfinite(values)
            sums, counts = np.where(there, values, 0.0), there.astype(np.int64)
        else:
            low_row, high_row = self._rows(first), max(self._rows(first), self._rows(stop))
            with self._kept.lock:
                rows, sums, counts = column.sums(low_row, min(high_row, len(column)))
            steps = self._kept.steps_at(rows)
        if not len(steps):
            return self._nothing
        starts = np.concatenate(([0], np.flatnonzero(np.diff((steps - anchor) // width)) + 1))
        counts, sums = np.add.reduceat(counts, starts), np.add.reduceat(sums, starts, dtype=np.float64)
        known, last = counts > 0, np.append(starts[1:], len(steps)) - 1
        return Series(steps[last][known], (sums[known] / counts[known]).astype(np.float32))

    def _columns(self, first: int, stop: int, columns: int) -> tuple[int, int, bool]:
        """Return where the columns of a chart of some steps begin, how many steps each has, and whether they are read
        by blocks.
        """
        now, width = self._now, max(1, -(-(stop - first) // columns))
        stride = max(1, (now.last - self.first) // max(1, now.rows - 1))
        if width < COARSE * stride or now.last - self.first != now.rows - 1:
            return first, width, width >= COARSE * stride
        # No step was left out: whole blocks per column, so that each block belongs to one.
        anchor = first - (first - self.first) % BLOCK
        return anchor, -(-(stop - anchor) // (columns * BLOCK)) * BLOCK, True

    def gaps(self, name: str, first: int, stop: int) -> tuple[Gap, ...]:
        """Return the stretches of the steps first … stop−1 in which a metric's measurements are no finite numbers."""
        column = self._kept.dense.get(name)
        if column is not None:
            low, high = self._rows(first), min(max(self._rows(first), self._rows(stop)), len(column))
            with self._kept.lock:
                at, bad = column.broken(low, high)
            return tuple(find_gaps(at, self._kept.steps_at(at), bad)) if bad.any() else ()
        steps, values = self.series(name)
        inside = np.flatnonzero((steps >= first) & (steps < stop))
        return tuple(find_gaps(inside, steps[inside], ~np.isfinite(values[inside])))

    def whole_gap(self, name: str, gap: Gap) -> Gap:
        """Return a gap from where it begins to where it ends, which may lie outside of what is shown.

        Only the metric's own gaps are walked through, however long the run is.
        """
        gaps = self.gaps(name, self.first, self.next)
        return next((each for each in gaps if each.first <= gap.first <= each.last), gap)

    def smooth(self, name: str, steps: npt.NDArray[np.int64], width: int) -> Floats:
        """Return for each of some steps the mean of a metric's finite values over the `width` steps that end there.

        Counted in steps, not in columns: it is the same at every zoom. NaN where there is none.
        """
        measured, values = self.window(name, int(steps.min(initial=0)) - width, int(steps.max(initial=0)) + 1)
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

    @property
    def broken(self) -> str | None:
        """The name of a loss, pre-activation or gradient that was no finite number when last measured; else None."""
        return self._broken_before(self._now.rows)

    @property
    def was_broken(self) -> bool:
        """Whether one was none before the newest step already."""
        return self._broken_before(self._now.rows - 1) is not None

    def _broken_before(self, rows: int) -> str | None:
        step = self._kept.step_of(rows - 1)
        if step is not None:
            for name in self._kept.watched(self.names):
                value = self.at(name, step)
                if value is not None and not math.isfinite(value):
                    return name
        return None
