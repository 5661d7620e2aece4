"""The training as an iterator of records. Stopping is not asking for more; everything here runs in one thread.

The records may come some steps late, where an engine has several under way. A pause first reads back what is under way:
what stands on the screen is then the network as it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.model import Engine, Model, Pending
from deadrelu_tui.record.activations import DYING
from deadrelu_tui.record.records import End, Event, Live, Record, Start
from deadrelu_tui.run.gate import Controls, Gate

PROBE_EVERY = 100
AHEAD_SECONDS = 0.5
"""Work that may be under way: whoever pauses or stops waits for it."""


def due(steps_since_change: int) -> bool:
    """Return whether the probe set is looked at: often after a start or a change, then every PROBE_EVERY steps."""
    n = steps_since_change
    return n % PROBE_EVERY == 0 or (n < PROBE_EVERY and n & (n - 1) == 0)


def revived(step: int, model: Model, live: Live) -> Event:
    """Revive the dead ReLUs and tell how many there were."""
    activation = live["activation"]
    told = zip(model.start.network.names, model.revive(live), strict=True) if activation in DYING else ()
    counts = {layer: units for layer, units in told if units}
    return (
        Event(step, "revive", {"layers": counts})
        if counts
        else Event(step, "nobody_revived", {"activation": activation})
    )


def train(
    engine: Engine, settings: RunSettings, dataset: Dataset, controls: Controls, metrics: bool = True,
    promised: Start | None = None,
) -> Iterator[Record]:  # fmt: skip
    """Yield a Start, then a Step for every step and an Event for everything done in between.

    The update is SGD on the batch mean, p ← p − lr · ∂L/∂p / batch_size with L the batch-summed loss; as in the
    article the short last batch of an epoch is divided by the full batch size too. When the last epoch has ended and
    the controls may yet ask for more, an End is yielded and the training waits: it goes on as if it had been longer
    from the start. Settings with a number of steps end it after these instead, wherever its epoch stands; the network
    is then tested as at an epoch's end, by a look after the last step. Without `metrics` only the loss is recorded;
    that exists to measure what the metrics cost. Raises InputError for a device that is not there.
    """
    model = engine(settings, promised or promise(settings), dataset, metrics)
    yield model.start
    waiting: deque[Pending] = deque()
    ended: deque[float] = deque(maxlen=3)
    gate, began = Gate(controls, settings.live), time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    def most() -> int:
        """Return how many steps may be under way. One that took long for a test says nothing of the others."""
        lasted = min((after - before for before, after in pairwise(ended)), default=AHEAD_SECONDS)
        return min(model.ahead(waiting[0]), max(1, int(AHEAD_SECONDS / max(lasted, 1e-6))))

    def read_back(whole: bool = True) -> Iterator[Record]:
        # The first step is waited for, so that there is something to see.
        while waiting and (whole or not step or len(waiting) > most()):
            pending = waiting.popleft()
            yield from pending.events
            record = pending.record(clock)
            ended.append(record.at)
            yield record

    changed_at = step = epoch = 0
    live: Live = settings.live
    last, epochs = settings.steps, settings.epochs if settings.steps is None else None
    planned = RunSettings().epochs
    while True:
        if epoch == epochs or step == last:
            more = 0 if step == last else gate.more()
            if not more:
                yield from read_back()
                if step % model.batches.count:
                    yield model.look(step - 1, live, test=True)
                if controls.stays:
                    yield End(clock(), "finished")
                    more = gate.more(model.parameters_now)
            if not more or epochs is None:
                return
            epochs += more
            yield Event(step, "train_on", {"epochs": more, "steps": more * model.batches.count})
        if epochs is None and last is None and epoch == planned:
            yield from read_back()
            yield Event(step, "planned", {"epochs": planned})
        epoch += 1
        for index, batch in enumerate(model.batches.epoch()):
            gate.give(model.parameters_now)
            turn = gate.next(step)
            while turn.go is None:
                yield from read_back()
                yield from turn.events
                gate.give(model.parameters_now)
                turn = gate.next(step)
            if not turn.go:
                yield from read_back()
                return
            events = list(turn.events)
            if turn.revive or any(each.mark for each in events):
                yield from read_back()
                if metrics and step:
                    yield model.look(step - 1, live)
                changed_at = step
            if turn.revive:
                events.append(revived(step, model, turn.live))
            live = turn.live
            ends_epoch = index == model.batches.count - 1
            look = metrics and (turn.by_hand or due(step - changed_at)) and not ends_epoch
            pending = model.step(step, epoch, turn.live, batch, look, test=ends_epoch)
            pending.events = tuple(events)
            waiting.append(pending)
            yield from read_back(whole=False)
            step += 1
            if step == last:
                break
