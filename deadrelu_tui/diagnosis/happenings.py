"""What deserves a line among the events, found in a step as it comes in, and what an intervention changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.ledger import Entry
from deadrelu_tui.record.metrics import layer_names
from deadrelu_tui.record.records import Event, StepRecord
from deadrelu_tui.wording import count, number, percent

HALF = 0.5
SPAN = 50
"""Steps on either side of an intervention that are compared."""
_NAMED = 3
"""So many units are named by their number; more are counted."""


def notices(before: StepRecord | None, now: StepRecord, entries: Mapping[str, Entry]) -> Iterator[Event]:
    """Yield what deserves a line in a step, given the step before and what its look changed in the ledgers."""
    for layer, entry in entries.items():
        yield from _ledger(before, now, layer, entry)
        if entry.before <= HALF * entry.units < entry.now:
            units = f"{count(entry.now)} of {count(entry.units)} units"
            if now.live.activation == "relu":
                yield Event(now.step, f"{layer} died: {units} fire for no probe image")
            elif now.live.activation in SATURATING:
                yield Event(now.step, f"{layer} saturated: {units} are so on 99 % of the probe images")
    broken = now.broken
    if broken is not None and (before is None or before.broken is None):
        yield Event(now.step, f"{broken} is {number(now.values[broken])}: the run diverged")
    if now.ends_epoch:
        accuracy, test_loss = percent(now.values["accuracy/test"]), number(now.values["loss/test"])
        yield Event(now.step, f"epoch {now.epoch}: test accuracy {accuracy}, loss {test_loss}", routine=True)


def _ledger(before: StepRecord | None, now: StepRecord, layer: str, entry: Entry) -> Iterator[Event]:
    """Yield the ledger's entry in at most two lines, however many units it is about."""
    saturating = now.live.activation in SATURATING
    if len(entry.died):
        first, last = int(entry.died_at.min()), int(entry.died_at.max())
        when = "" if first == last else f" in steps {first}–{last}"
        fell = "saturated" if saturating else "fell silent"
        if entry.born:
            born = "was born" if len(entry.died) == 1 else "were born"
            fell = f"{born} {'saturated' if saturating else 'dead'}"
        yield Event(first, f"{_units(layer, entry.died, entry.units)} {fell}{when}")
    if len(entry.revived):
        # Another activation may be what brought them back: they were lost in the way of the one before.
        was = before.live.activation if before else now.live.activation
        again = "fires again" if len(entry.revived) == 1 else "fire again"
        rose = "left saturation" if was in SATURATING else again
        yield Event(now.step, f"{_units(layer, entry.revived, entry.units)} {rose}")


def _units(layer: str, which: np.ndarray, of: int) -> str:  # type: ignore[type-arg]
    if len(which) == of > 1:
        return f"all {count(of)} units of {layer}"
    if len(which) > _NAMED:
        return f"{count(len(which))} units of {layer}"
    return f"unit{'s' if len(which) > 1 else ''} {', '.join(map(str, which))} of {layer}"


@dataclass(frozen=True)
class Change:
    """A metric before and after an intervention."""

    metric: str
    before: float
    after: float


@dataclass(frozen=True)
class Effect:
    """What an intervention changed, over so many steps on either side of it."""

    steps_before: int
    steps_after: int
    changes: tuple[Change, ...]


def effect(history: History, event: Event) -> Effect | None:
    """Return medians of loss and zeros over up to SPAN steps on either side of a marked event, and the dead at the
    last look on either side; None for an event without a mark, or without steps on both sides of it.

    Medians, because one explosion within the 50 steps would make of a mean what it never was. Neither side reaches
    beyond another intervention, whose effect would be taken for this one's.
    """
    others = sorted({other.step for other in history.marks})
    if not event.mark:
        return None
    first = max([event.step - SPAN, 0, *(step for step in others if step < event.step)])
    stop = min([event.step + SPAN, len(history), *(step for step in others if step > event.step)])
    if first >= event.step or stop <= event.step:
        return None
    changes = []
    for name in ("loss", *_per_layer(history, "zero_fraction")):
        values = history.series(name).values
        with np.errstate(all="ignore"):
            before, after = (float(np.median(values[low:high].astype(np.float64))) for low, high in
                             ((first, event.step), (event.step, stop)))  # fmt: skip
        changes.append(Change(name, before, after))
    for name in _per_layer(history, "dead_fraction"):
        steps, values = history.series(name)
        at = int(np.searchsorted(steps, event.step))  # a look at the event's own step is already under its influence
        end = int(np.searchsorted(steps, stop))
        if 0 < at < end:
            changes.append(Change(name, float(values[at - 1]), float(values[end - 1])))
    return Effect(event.step - first, stop - event.step, tuple(changes))


def _per_layer(history: History, metric: str) -> list[str]:
    layers = layer_names(len(history.ledgers))
    return [f"{metric}/{layer}" for layer in layers if f"{metric}/{layer}" in history.names]


def effect_text(found: Effect) -> str:
    """Return an effect as a line: what each metric was before and is after, and over how many steps."""
    words = {"zero_fraction": "zeros", "dead_fraction": "dead"}
    parts = []
    for change in found.changes:
        metric, _, layer = change.metric.partition("/")
        form = number if metric == "loss" else percent
        label = f"{words.get(metric, metric)} {layer}".strip()
        parts.append(f"{label} {form(change.before)} → {form(change.after)}")
    before, after = found.steps_before, found.steps_after
    steps = f"{before} step{'' if before == 1 else 's'}"
    over = f"{steps} each side" if before == after else f"{steps} before, {after} after"
    return f"{', '.join(parts)} ({over})"
