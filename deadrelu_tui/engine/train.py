"""The training as an iterator of records. Stopping is not asking for more; everything here runs in one thread.

The records come some steps late (ahead), so that MXNet's engine has work queued while Python waits for the
interpreter lock or, longer, for a test. A pause first reads back what is under way: what stands on the screen is then
the network as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.model import Model
from deadrelu_tui.engine.pending import Pending
from deadrelu_tui.record.records import Event, Live, Start, StepRecord

LOOKAHEAD, LOOKAHEAD_IN_TEST = 8, 24
"""Steps that may be under way, and while the next to be read back waits for a test, if batches are not too large."""
IMAGES_IN_TEST = 6_144
"""A test takes about as long as the training with so many images: more of them under way would only take memory."""
PROBE_EVERY = 100


class Controls(Protocol):
    """What a training reads between two steps."""

    live: Live

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for."""

    def proceed(self, wait: bool = True) -> bool | None:
        """Return True for the next step, False when the run is to stop; while paused wait, or return None."""

    def revival(self) -> bool:
        """Return whether dead units are to be revived; asked twice between two steps counts once."""


def due(steps_since_change: int) -> bool:
    """Return whether the probe set is looked at: often after a start or a change, then every PROBE_EVERY steps."""
    n = steps_since_change
    return n % PROBE_EVERY == 0 or (n < PROBE_EVERY and n & (n - 1) == 0)


def most_ahead(batch_size: int) -> int:
    """Return how many steps are under way at most."""
    return max(LOOKAHEAD, min(LOOKAHEAD_IN_TEST, IMAGES_IN_TEST // batch_size))


def ahead(step: int, batch_size: int, oldest: Pending) -> int:
    """Return how many steps may be under way: the first one is waited for, so that there is something to see."""
    if not step:
        return 0
    return most_ahead(batch_size) if oldest.tested else LOOKAHEAD


def revived(step: int, model: Model, live: Live) -> Event:
    """Revive the dead ReLUs and tell how many there were."""
    if live.activation != "relu":
        return Event(step, f"revive: {live.activation} has no dead units to revive, only relu has")
    counts = {layer: units for layer, units in model.revive(live).items() if units}
    if not counts:
        return Event(step, "revive: no unit is dead")
    told = ", ".join(f"{units} unit{'s' if units > 1 else ''} of {layer}" for layer, units in counts.items())
    return Event(step, f"revive {told}", mark=True)


def train(
    settings: RunSettings, dataset: Dataset, controls: Controls, metrics: bool = True
) -> Iterator[Start | StepRecord | Event]:
    """Yield a Start, then a StepRecord for every step and an Event for everything done in between.

    The update is SGD on the batch mean, p ← p − lr · ∂L/∂p / batch_size with L the batch-summed loss; as in the
    article the short last batch of an epoch is divided by the full batch size too. Without `metrics` only the loss is
    recorded; that exists to measure what the metrics cost. Raises InputError for a device that is not there.
    """
    model = Model(settings, dataset, metrics, buffers=most_ahead(settings.batch_size) + 2)
    yield model.start
    waiting: deque[Pending] = deque()

    def read_back(whole: bool = True) -> Iterator[StepRecord | Event]:
        while waiting and (whole or len(waiting) > ahead(step, settings.batch_size, waiting[0])):
            pending = waiting.popleft()
            yield from pending.events
            yield pending.record()

    live, changed_at, step, paused = controls.live, 0, 0, False
    for epoch in range(1, settings.epochs + 1):
        for index, batch in enumerate(model.batches.epoch()):
            events = []
            go = controls.proceed(wait=False)
            if go is None:
                yield from read_back()
                if not paused:
                    yield Event(step, "pause")
                    paused = True
                go = controls.proceed()
            if not go:
                yield from read_back()
                return
            if paused and not controls.paused:
                events.append(Event(step, "resume"))
                paused = False
            now = controls.live
            if now != live:
                events += [Event(step, text, mark=True) for text in now.changes_from(live)]
                live, changed_at = now, step
            if controls.revival():
                yield from read_back()
                events.append(revived(step, model, live))
                changed_at = step
            ends_epoch = index == model.start.batches - 1
            look = metrics and due(step - changed_at) and not ends_epoch
            pending = model.step(step, epoch, live, batch, look)
            if ends_epoch:
                pending.looked, pending.tested = model.look(live, len(dataset.test_labels)), True
            pending.events = tuple(events)
            waiting.append(pending)
            yield from read_back(whole=False)
            step += 1
    yield from read_back()
