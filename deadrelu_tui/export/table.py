"""A run as a table: a row per step, a column for whatever was set or measured.

What a look after a step measured stands in the step's row, where the step itself did not measure it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deadrelu_tui.export.plain import cell
from deadrelu_tui.record.records import Event, Look, Record, Start, Step
from deadrelu_tui.record.telling import told

Row = list[Any]
"""A value per column; None where it is lacking."""
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Column:
    """A column and what all its values are: int, float, bool or str."""

    name: str
    kind: type


@dataclass(frozen=True)
class Table:
    """The columns of a run, and its rows as often as they are asked for."""

    columns: tuple[Column, ...]
    records: Sequence[Record]
    settings: tuple[Column, ...]
    """Of what is set live, by its own name."""
    metrics: tuple[str, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Table:
        """Return the table of a run."""
        steps = [each for each in records if isinstance(each, Step)]
        measured = dict.fromkeys(name for each in records if isinstance(each, (Step, Look)) for name in each.values)
        announced = [each.name for start in records if isinstance(start, Start) for each in start.metrics]
        metrics = tuple(dict.fromkeys(name for name in (*announced, *measured) if name in measured))
        names = dict.fromkeys(name for each in steps for name in each.live)
        settings = tuple(Column(name, _kind(each.live.get(name) for each in steps)) for name in names)
        fixed = [Column("step", int), Column("epoch", int), Column("seconds", float)]
        taken = {each.name for each in fixed} | {"events"}
        measures = [Column(_free(name, "metric", taken), float) for name in metrics]
        set_live = [Column(_free(each.name, "setting", taken), each.kind) for each in settings]
        return cls((*fixed, *set_live, *measures, Column("events", str)), records, settings, metrics)

    def rows(self) -> Iterator[Row]:
        """Yield the rows, oldest first."""
        looks: dict[int, Mapping[str, float]] = {}
        for look in self.records:
            if isinstance(look, Look):
                looks[look.step] = {**looks.get(look.step, {}), **look.values}
        steps = [each for each in self.records if isinstance(each, Step)]
        events = self._events([each.step for each in steps])
        for step in steps:
            values = {**looks[step.step], **step.values} if step.step in looks else step.values
            yield [
                step.step,
                step.epoch,
                float(step.at),
                *(_as(each.kind, step.live.get(each.name)) for each in self.settings),
                *(float(values[name]) if name in values else None for name in self.metrics),
                events.get(step.step),
            ]

    def _events(self, steps: Sequence[int]) -> dict[int, str]:
        """Return the sentences for each step. What came where none was recorded is told at the next, or at the last."""
        events = sorted((each for each in self.records if isinstance(each, Event)), key=lambda each: each.step)
        sentences: dict[int, list[str]] = {}
        place = iter(steps)
        at = next(place, None)
        for event in events:
            while at is not None and at < event.step and (later := next(place, None)) is not None:
                at = later
            if at is not None:
                apart = "" if at == event.step else f"step {event.step}: "
                sentences.setdefault(at, []).append(apart + told(event))
        return {step: "; ".join(each) for step, each in sentences.items()}


def _free(name: str, kind: str, taken: set[str]) -> str:
    """Return a name that no other column has, and take it."""
    while name in taken:
        name = f"{kind}/{name}"
    taken.add(name)
    return name


def _kind(values: Iterable[Any]) -> type:
    """Return what all values of a setting are; str where they are of many kinds, or of one that is none of ours."""
    found = [each.item() if hasattr(each, "item") else each for each in values if each is not None]
    kinds = {type(each) for each in found}
    whole = [each for each in found if type(each) is int]
    if kinds == {bool}:
        return bool
    if kinds == {int} and all(each in _INT64 for each in whole):
        return int
    if float in kinds and kinds <= {int, float} and all(abs(each) <= 2**53 for each in whole):
        return float
    return str


def _as(kind: type, value: Any) -> Any:
    if value is None:
        return None
    return cell(value) if kind is str else kind(value)


def batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Yield rows by so many at a time."""
    while batch := list(itertools.islice(rows, size)):
        yield batch
