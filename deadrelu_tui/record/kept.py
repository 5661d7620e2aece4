"""What a history keeps, and how far into it a reader sees."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sized
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Column
from deadrelu_tui.record.held import Held
from deadrelu_tui.record.ledger import Bookkeeper, Entry, Ledger
from deadrelu_tui.record.looks import Looked, Looks
from deadrelu_tui.record.metrics import WATCHED, Quantity, quantity
from deadrelu_tui.record.records import RECORDING, TRIED, WAITED, End, Event, Look, Record, Start, Step
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.record.units import Units

_GROWTH = 4
"""An axis that is too short grows by a quarter, as columns do."""


class Extent(NamedTuple):
    """How far into what is kept a history reaches: everything of some step, and nothing after it."""

    rows: int = 0
    last: int = -1
    """The newest step; −1 before the first, which no step has."""
    start: Start | None = None
    end: End | None = None
    came: int = 0
    """Events that had come."""
    events: tuple[Event, ...] | None = None
    """Those of them that count, in the order of their steps; None for all."""
    between: bool = False
    """Whether a look between that step and the next is in it."""
    looks: int = 0
    ledgers: Mapping[str, Ledger] = MappingProxyType({})
    names: tuple[str, ...] = ()


class Sifted(NamedTuple):
    """What is asked of a history's events at every frame: looked for once as long as no event comes."""

    events: tuple[Event, ...] = ()
    marks: tuple[Event, ...] = ()
    milestones: tuple[Event, ...] = ()
    more: int = 0
    """Steps that it was told to train on."""
    resumed: int | None = None
    """The step from which it went on after the last wait; None if it never waited."""
    tried: Event | None = None
    """The last that tells which remedies were tried."""
    recording: Event | None = None
    """The last that tells that the run can be recorded no more, or again."""

    @classmethod
    def of(cls, events: tuple[Event, ...]) -> Sifted:
        """Return what is asked of some events, which are in the order of their steps."""
        return cls(
            events,
            tuple(each for each in events if each.mark),
            tuple(each for each in events if each.milestone),
            sum(each.facts.get("steps", 0) for each in events if each.kind == "train_on"),
            next((each.step for each in reversed(events) if each.kind in WAITED), None),
            next((each for each in reversed(events) if each.kind == TRIED), None),
            next((each for each in reversed(events) if each.kind in RECORDING), None),
        )


class Kept:
    """Columns, events, looks and ledgers, all of which only grow."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.dense: dict[str, Column] = {}
        self.sparse: dict[str, tuple[Column, Column]] = {}
        """Moments and values. A step has two moments: twice its number, and one later that of a look after it."""
        self.at = Column(np.float64)
        """Seconds since the start, of every step."""
        self.looks = Looks()
        self.live, self.epoch = Held(), Held()
        self._axis: npt.NDArray[np.int64] = np.arange(256)
        self._base = 0
        self._steps: Column | None = None
        """The numbers of the steps, from the first one on that does not follow the one before."""
        self._quantities: dict[str, Quantity] = {}
        self._seen: list[int] = []
        """Of each event, in the order in which they came, how many steps were recorded before it."""
        self._came: list[Event] = []
        self._sifted = Sifted()
        self._among: tuple[tuple[str, ...], dict[str, tuple[Quantity, ...]]] = (), {}
        """What was looked for last among the names of the metrics, by metric."""
        self._sorted: tuple[int, tuple[Event, ...]] = 0, ()
        self._books: dict[str, Bookkeeper] = {}
        self._first_looks: dict[str, int] = {}
        """The step of the first look at each layer."""
        self._entries: list[tuple[str, Entry]] = []
        """Those that changed anything, in the order of their steps."""
        self._now = Extent()

    def extent(self) -> Extent:
        """Return how far it reaches now."""
        return self._now

    def add(self, record: Record | Steps) -> Mapping[str, Entry]:
        """Keep a record; return what a look in it changed in each layer's ledger."""
        with self.lock:
            if isinstance(record, Step):
                return self._add_step(record)
            if isinstance(record, Steps):
                self._add_steps(record)
                return {}
            if isinstance(record, Look):
                return self._add_look(record)
            if isinstance(record, Start):
                first = self._now.start is None
                self._quantities |= {each.name: each for each in record.metrics}
                self._among = (), {}
                self._now = self._now._replace(start=record)
                if first:  # another one of the same run tells of layers that it has found since
                    self._add_event(Event(record.first, "start", {"settings": dict(record.settings)}))
            elif isinstance(record, Event):
                self._add_event(record)
            else:
                self._now = self._now._replace(end=record)
                if record.how == "stopped":
                    self._add_event(Event(self._now.last + 1, "stop"))
        return {}

    def _add_step(self, record: Step) -> Mapping[str, Entry]:
        now, step = self._now, record.step
        if step <= now.last:
            raise ValueError(f"step {step} comes after step {now.last}")
        self._check(record.fired)
        self._check(record.looks)
        self._add_number(step, now.rows)
        self.at.append(record.at)
        for layer, fired in record.fired.items():
            self._book(layer, len(fired)).batch(record.step, fired)
        entries = self._add_looks(step, record.looks, record.ends_epoch)
        values = {**record.values, **dict(self._counts(entries))} if entries else record.values
        columns = self.dense
        for name, value in values.items():
            column = columns.get(name)
            if column is not None:
                column.append(value)
            else:
                self._column(name, np.array([2 * step]), now.rows).append(value)
        if len(columns) > len(values) or any(name not in values for name in columns):
            for name, column in columns.items():
                if name not in values:
                    column.lack()
        self.live.set(step, record.live)
        if record.epoch is not None:
            self.epoch.set(step, {"epoch": record.epoch})
        names, count = now.names, len(columns) + len(self.sparse)
        if count != len(names):
            names = (*columns, *self.sparse)
        ledgers = self._ledgers(entries) if entries else now.ledgers
        self._now = Extent(now.rows + 1, step, now.start, None, now.came, None, False, len(self.looks), ledgers, names)
        return entries

    def _add_steps(self, record: Steps) -> None:
        """Keep steps without a look, as _add_step would one by one."""
        now, rows, columns = self._now, len(record), self.dense
        if not self._fit(record):
            for each in record:
                self._add_step(each)
            return
        self._add_numbers(record.step, now.rows)
        self.at.extend(record.at)
        for layer, fired in record.fired.items():
            self._book(layer, fired.shape[1]).batches(record.step, fired)
        with np.errstate(all="ignore"):  # what float32 cannot hold is kept as infinite
            values = np.array(record.values.T, np.float32, order="C")  # a copy: those of a file cannot be set
        values[np.isnan(values)] = np.nan  # none that was measured is taken for one that lacks
        for name, told in zip(record.names, values, strict=True):
            self._column(name, 2 * record.step, now.rows).extend(told)
        for name in columns.keys() - set(record.names):
            columns[name].lack(rows)
        self.live.set(int(record.step[0]), record.live)
        if record.epoch is not None:
            for index in np.flatnonzero(np.diff(record.epoch, prepend=record.epoch[0] - 1)):
                self.epoch.set(int(record.step[index]), {"epoch": int(record.epoch[index])})
        names = (*columns, *self.sparse) if len(columns) + len(self.sparse) != len(now.names) else now.names
        self._now = now._replace(
            rows=now.rows + rows, last=int(record.step[-1]), end=None, between=False, looks=len(self.looks), names=names
        )

    def _fit(self, record: Steps) -> bool:
        """Return whether steps can be kept at once: nothing of them is to be refused."""
        return (
            int(record.step[0]) > self._now.last
            and bool((record.step[1:] > record.step[:-1]).all())
            and all(
                layer not in self._books or fired.shape[1] == len(self._books[layer].ledger.lost)
                for layer, fired in record.fired.items()
            )
        )

    def _add_look(self, record: Look) -> Mapping[str, Entry]:
        now, step = self._now, record.step
        if not now.rows or step != now.last:
            raise ValueError(f"a look after step {step} comes after step {now.last}")
        self._check(record.looks)
        entries = self._add_looks(step, record.looks, updated=True)
        for name, value in {**record.values, **dict(self._counts(entries))}.items():
            if not self.quantity(name).every_step:  # of every step there is a value already
                self._column(name, np.array([2 * step + 1]), now.rows).append(value)
        names = (*self.dense, *self.sparse) if len(self.dense) + len(self.sparse) != len(now.names) else now.names
        self._now = now._replace(between=True, looks=len(self.looks), ledgers=self._ledgers(entries), names=names)
        return entries

    def _ledgers(self, entries: Mapping[str, Entry]) -> Mapping[str, Ledger]:
        return {**self._now.ledgers, **{name: self._books[name].ledger for name in entries}}

    def _check(self, layers: Mapping[str, Sized]) -> None:
        """Refuse a step with other units than a layer has, before anything of it is kept."""
        for layer, units in layers.items():
            if layer in self._books and len(units) != (known := len(self._books[layer].ledger.lost)):
                raise ValueError(f"layer {layer} has {known} units, not {len(units)}")

    def _add_number(self, step: int, rows: int) -> None:
        if not rows:
            self._base = step
        elif self._steps is None and step != self._base + rows:
            steps = Column(np.int64)
            for each in range(self._base, self._base + rows):
                steps.append(each)
            self._steps = steps  # whole: somebody may be reading
        if self._steps is not None:
            self._steps.append(step)

    def _add_numbers(self, steps: npt.NDArray[np.int64], rows: int) -> None:
        self._add_number(int(steps[0]), rows)
        if self._steps is None and int(steps[-1] - steps[0]) != len(steps) - 1:
            for row, step in enumerate(steps[1:].tolist(), rows + 1):
                self._add_number(step, row)
        elif self._steps is not None:
            self._steps.extend(steps[1:])

    def _column(self, name: str, moments: npt.NDArray[np.int64], rows: int) -> Column:
        """Return where values of some moments go, of a metric that was not told so far, or not at every step."""
        if name in self.dense:
            return self.dense[name]
        known = self._quantities.get(name)
        if known is not None and known.every_step and name not in self.sparse:
            self.dense[name] = Column(lacking=rows)
            return self.dense[name]
        if name not in self.sparse:
            self.sparse[name] = Column(np.int64), Column()
        self.sparse[name][0].extend(moments)
        return self.sparse[name][1]

    def _add_looks(self, step: int, looks: Mapping[str, Units], updated: bool) -> dict[str, Entry]:
        """Keep a look with the weights that a step found, or left if it has updated them."""
        entries = {layer: self._book(layer, len(units)).look(step, units, updated) for layer, units in looks.items()}
        for layer in entries:
            self._first_looks.setdefault(layer, step)
        self._entries += [(layer, each) for layer, each in entries.items() if len(each.died) or len(each.revived)]
        if looks:
            self.looks.append(Looked(step, dict(looks)))
        return entries

    def _book(self, layer: str, units: int) -> Bookkeeper:
        if layer not in self._books:
            self._books[layer] = Bookkeeper(units)
        return self._books[layer]

    def _counts(self, looked: Mapping[str, Entry]) -> Iterator[tuple[str, float]]:
        """Yield the deaths and revivals of the layers that were looked at, and of all; nothing if none was."""
        if not looked:
            return
        ledgers = {name: each.ledger for name, each in self._books.items()}
        for metric in ("deaths", "revivals"):
            for layer in looked:
                name = f"{metric}/{layer}"
                if name not in self._quantities:
                    self._quantities[name] = quantity(metric, layer)
                yield name, float(getattr(ledgers[layer], metric).sum())
            yield metric, float(sum(getattr(ledger, metric).sum() for ledger in ledgers.values()))

    def _add_event(self, event: Event) -> None:
        self._seen.append(self._now.rows)
        self._came.append(event)
        self._now = self._now._replace(came=len(self._came), end=None if event.kind == "train_on" else self._now.end)

    def events(self, came: int) -> tuple[Event, ...]:
        """Return the events that had come first, in the order of their steps; the same tuple until another comes."""
        if self._sorted[0] != came:
            self._sorted = came, tuple(sorted(self._came[:came], key=lambda each: each.step))
        return self._sorted[1]

    def known_at(self, now: Extent) -> list[int]:
        """Return the steps at which one event or more became known, none twice: a death may be found out later."""
        found = set[int]()
        for event, seen in zip(self._came[: now.came], self._seen[: now.came], strict=True):
            when = self.step_of(seen - 1) if seen else None
            step = event.step if when is None else max(event.step, when)
            if seen <= now.rows and step <= now.last:
                found.add(step)
        return sorted(found)

    def sifted(self, events: tuple[Event, ...]) -> Sifted:
        """Return what is asked of some events; the same as long as they are the same tuple."""
        known = self._sifted
        if known.events is not events:
            known = self._sifted = Sifted.of(events)
        return known

    def extent_at(self, step: int, now: Extent) -> Extent:
        """Return how far it reached when a step was the newest, or the last one before it; no further than now."""
        rows = self.rows_before(step + 1, now.rows)
        last = self.step_of(rows - 1) if rows else None
        if rows >= now.rows:
            return now
        reached = -1 if last is None else last
        came = zip(self._came[: now.came], self._seen[: now.came], strict=True)
        events = sorted(
            (each for each, seen in came if seen <= rows and (each.step <= reached or not rows)),
            key=lambda each: each.step,
        )
        ledgers = {
            name: Ledger.blank(len(ledger.lost))
            for name, ledger in now.ledgers.items()
            if self._first_looks[name] <= reached
        }
        for layer, entry in self._entries:
            if entry.step <= reached:
                ledgers[layer] = ledgers[layer].after(entry)
        names = tuple(name for name in now.names if self._begins(name) <= reached)
        return Extent(
            rows,
            reached,
            now.start,
            None,
            now.came,
            tuple(events),
            True,
            self.looks.upto(reached),
            ledgers,
            names,
        )

    def _begins(self, name: str) -> int:
        """Return the step of the first value of a metric."""
        if name in self.sparse:
            return int(self.sparse[name][0].view()[0]) // 2
        known = self.dense[name].known(len(self.dense[name]))
        first = self.step_of(0 if known is None else int(np.argmax(known)))
        return first if first is not None else 0

    # Steps and rows

    def step_of(self, row: int) -> int | None:
        """Return the number of a recorded step, by its row; None for −1."""
        if row < 0:
            return None
        return self._base + row if self._steps is None else int(self._steps.view()[row])

    def steps(self, first: int, stop: int) -> npt.NDArray[np.int64]:
        """Return the numbers of the steps in the rows first … stop−1."""
        if self._steps is not None:
            return self._steps.view(stop)[first:]
        axis = self._axis
        if len(axis) < stop or axis[0] != self._base:
            axis = self._axis = np.arange(self._base, self._base + stop + stop // _GROWTH + 256)
        return axis[first:stop]

    def steps_at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the numbers of the steps in some rows."""
        return rows + self._base if self._steps is None else np.asarray(self._steps.view()[rows])

    def rows_before(self, step: int, rows: int) -> int:
        """Return how many of the first rows have a number below a step's."""
        if self._steps is None:
            return min(max(0, step - self._base), rows)
        return int(np.searchsorted(self._steps.view(rows), step))

    # Names

    def quantity(self, name: str) -> Quantity:
        """Return what is measured under a name: as announced, or by itself."""
        return self._quantities.get(name) or Quantity(name, name, every_step=False)

    def of(self, metric: str, names: tuple[str, ...]) -> tuple[Quantity, ...]:
        """Return the quantities of a metric that are among some names, in the order in which they were announced."""
        found = self._known(names).get(metric)
        if found is None:
            announced = [each for each in tuple(self._quantities.values()) if each.metric == metric]
            found = tuple(each for each in announced or [self.quantity(metric)] if each.name in names)
            self._known(names)[metric] = found
        return found

    def watched(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return which of some names may never cease to be a finite number in a training that is alive."""
        found = self._known(names).get("")
        if found is None:
            found = tuple(each for each in map(self.quantity, names) if each.metric in WATCHED)
            self._known(names)[""] = found
        return tuple(each.name for each in found)

    def _known(self, names: tuple[str, ...]) -> dict[str, tuple[Quantity, ...]]:
        """Return what was found among some names before; it is the same as long as no name comes."""
        known = self._among
        if known[0] is not names:
            known = self._among = names, {}
        return known[1]
