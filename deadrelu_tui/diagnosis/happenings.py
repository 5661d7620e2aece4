"""What deserves a line among the events, found in a step as it comes in, and what an intervention changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.diagnosis.thresholds import LAYER_DEAD
from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import DYING, SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.ledger import Entry
from deadrelu_tui.record.records import Event, Look, Step

SPAN = 50
"""Steps on either side of an intervention that are compared."""
MOST_NAMED = 4_096
"""Units of which each is named in an event; of more, a file would have the number of each of a million."""


LARGEST = float(np.finfo(np.float32).max)
"""What is larger is infinite in a history."""


def happenings(history: History, now: Step | Look, entries: Mapping[str, Entry]) -> Iterator[Event]:
    """Yield what deserves a line in a step or look that was just added, given what it changed in the ledgers."""
    for layer, entry in entries.items():
        activation = now.looks[layer].activation
        yield from _ledger(history, now, layer, activation, entry)
        if entry.before <= LAYER_DEAD * entry.units < entry.now and (activation in DYING or activation in SATURATING):
            yield Event(now.step, "layer_lost", {
                "layer": layer, "units": entry.now, "of": entry.units, "found": entry.first, "born": entry.born,
                "activation": activation, **_so(history, layer),
            })  # fmt: skip
    if isinstance(now, Look):
        return
    if not all(abs(value) <= LARGEST for value in now.values.values()):
        broken = history.broken
        if broken is not None and not history.was_broken:
            yield Event(now.step, "diverged", {"metric": broken, "value": now.values[broken]})
    if now.ends_epoch and now.epoch is not None:
        tested = {name: now.values[name] for name in ("accuracy/test", "loss/test") if name in now.values}
        yield Event(now.step, "epoch", {"epoch": now.epoch, **tested})


def _ledger(history: History, now: Step | Look, layer: str, activation: str, entry: Entry) -> Iterator[Event]:
    """Yield the ledger's entry in at most two events, however many units it is about."""
    if len(entry.died):
        first, last = int(entry.died_at.min()), int(entry.died_at.max())
        yield Event(first, "units_lost", {
            "layer": layer, **_named(entry.died), "of": entry.units, "first": first, "last": last,
            "found": entry.first, "born": entry.born, "activation": activation, **_so(history, layer),
        })  # fmt: skip
    if len(entry.revived):
        # Another activation may be what brought them back: they were lost in the way of the one before.
        was = history.live_at(now.step - 1)
        yield Event(now.step, "units_back", {
            "layer": layer, **_named(entry.revived), "of": entry.units,
            "activation": was.get("activation", activation), **_so(history, layer),
        })  # fmt: skip


def _named(units: npt.NDArray[np.int64]) -> dict[str, Any]:
    if len(units) <= MOST_NAMED:
        return {"units": units.tolist()}
    return {"units": units[:MOST_NAMED].tolist(), "many": len(units)}


def _so(history: History, layer: str) -> dict[str, Any]:
    """Return by what a layer's units are judged, and what they are called, where that is not as usual."""
    return {**probed.judged_by(history.start), **probed.units_of(history.network, layer)}


@dataclass(frozen=True)
class Difference:
    """A metric before and after an intervention."""

    metric: str
    of: str
    """The layer; empty for a metric of the whole network."""
    before: float
    after: float


@dataclass(frozen=True)
class Effect:
    """What an intervention changed, over so many steps on either side of it."""

    steps_before: int
    steps_after: int
    changes: tuple[Difference, ...]
    of: int = 1
    """Interventions at one step, which nobody can tell apart."""


def effect(history: History, event: Event) -> Effect | None:
    """Return medians of loss and zeros over up to SPAN steps on either side of a marked event, and the dead at the
    last look on either side; None for an event without a mark, or without steps on both sides of it. Of several at
    one step the last one has the effect of them all.

    Medians, because one explosion within the 50 steps would make of a mean what it never was. Neither side reaches
    beyond another intervention, whose effect would be taken for this one's.
    """
    here = [other for other in history.marks if other.step == event.step] or [event]
    if not event.mark or event != here[-1]:
        return None
    others = sorted({other.step for other in history.marks})
    first = max([event.step - SPAN, history.first, *(step for step in others if step < event.step)])
    stop = min([event.step + SPAN, history.next, *(step for step in others if step > event.step)])
    if first >= event.step or stop <= event.step:
        return None
    changes = []
    for each in (*history.of("loss"), *history.of("zero_fraction")):
        steps, values = history.series(each.name)
        low, middle, high = np.searchsorted(steps, (first, event.step, stop))
        if low < middle < high:
            with np.errstate(all="ignore"):
                before, after = (
                    float(np.median(side.astype(np.float64))) for side in (values[low:middle], values[middle:high])
                )
            changes.append(Difference(each.metric, each.of, before, after))
    for each in history.of("dead_fraction"):
        steps, values = history.series(each.name)
        at = int(np.searchsorted(steps, event.step))  # a look at the event's own step is already under its influence
        end = int(np.searchsorted(steps, stop))
        if 0 < at < end:
            changes.append(Difference(each.metric, each.of, float(values[at - 1]), float(values[end - 1])))
    return Effect(event.step - first, stop - event.step, tuple(changes), len(here))
