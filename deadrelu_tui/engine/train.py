"""The training as an iterator of records. Stopping is not asking for more; everything here runs in one thread.

The records come some steps late (ahead), so that MXNet's engine has work queued while Python waits for the
interpreter lock or, longer, for a test. A pause first reads back what is under way: what stands on the screen is then
the network as it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.model import Model
from deadrelu_tui.engine.pending import Pending
from deadrelu_tui.record.activations import DYING
from deadrelu_tui.record.records import End, Event, Live, Record, Start
from deadrelu_tui.run.gate import Controls, Gate

LOOKAHEAD, LOOKAHEAD_IN_TEST = 8, 24
"""Steps that may be under way, and while the next to be read back waits for a test, if batches are not too large."""
IMAGES_IN_TEST = 6_144
"""A test takes about as long as the training with so many images: more of them under way would only take memory."""
PROBE_EVERY = 100


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
    activation = live["activation"]
    counts = {layer: units for layer, units in model.revive(live).items() if units} if activation in DYING else {}
    return (
        Event(step, "revive", {"layers": counts})
        if counts
        else Event(step, "nobody_revived", {"activation": activation})
    )


def train(
    settings: RunSettings, dataset: Dataset, controls: Controls, metrics: bool = True, promised: Start | None = None
) -> Iterator[Record]:
    """Yield a Start, then a Step for every step and an Event for everything done in between.

    The update is SGD on the batch mean, p ← p − lr · ∂L/∂p / batch_size with L the batch-summed loss; as in the
    article the short last batch of an epoch is divided by the full batch size too. When the last epoch has ended and
    the controls may yet ask for more, an End is yielded and the training waits: it goes on as if it had been longer
    from the start. Without `metrics` only the loss is recorded; that exists to measure what the metrics cost. Raises
    InputError for a device that is not there.
    """
    buffers = most_ahead(settings.batch_size) + 2
    model = Model(settings, promised or promise(settings), dataset, metrics, buffers)
    yield model.start
    waiting: deque[Pending] = deque()
    gate, began = Gate(controls, settings.live), time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    def read_back(whole: bool = True) -> Iterator[Record]:
        while waiting and (whole or len(waiting) > ahead(step, settings.batch_size, waiting[0])):
            pending = waiting.popleft()
            yield from pending.events
            yield pending.record(clock)

    changed_at = step = epoch = 0
    epochs = settings.epochs
    while True:
        if epoch == epochs:
            more = gate.more()
            if not more:
                yield from read_back()
                if controls.stays:
                    yield End(clock(), "finished")
                    more = gate.more(wait=True)
            if not more:
                return
            epochs += more
            yield Event(step, "train_on", {"epochs": more, "steps": more * model.batches.count})
        epoch += 1
        for index, batch in enumerate(model.batches.epoch()):
            turn = gate.next(step)
            if turn.go is None:
                yield from read_back()
                yield from turn.events
                turn = gate.next(step)
            if not turn.go:
                yield from read_back()
                return
            events = list(turn.events)
            if any(each.mark for each in events):
                changed_at = step
            if turn.revive:
                yield from read_back()
                events.append(revived(step, model, turn.live))
                changed_at = step
            ends_epoch = index == model.batches.count - 1
            look = metrics and due(step - changed_at) and not ends_epoch
            pending = model.step(step, epoch, turn.live, batch, look)
            if ends_epoch:
                pending.looked, pending.tested = model.look(turn.live, len(dataset.test_labels)), True
            pending.events = tuple(events)
            waiting.append(pending)
            yield from read_back(whole=False)
            step += 1
