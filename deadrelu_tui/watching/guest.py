"""The guest itself: what it does at each step of somebody's training, whatever framework that uses.

Nothing that goes wrong in here reaches the training: it is told, and the watching ends.
"""

from __future__ import annotations

import itertools
import os
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.record.commands import Stop
from deadrelu_tui.record.metrics import logged
from deadrelu_tui.record.records import Event, Start
from deadrelu_tui.record.units import Units
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.host import Host, socket_of
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import Source
from deadrelu_tui.run.store import Store
from deadrelu_tui.watching import say, tables, telling
from deadrelu_tui.watching.beside import Beside
from deadrelu_tui.watching.governor import Governor
from deadrelu_tui.watching.orders import Orders
from deadrelu_tui.watching.told import Over, Read, Taken

LOOK_EVERY = 100
"""Steps between two looks, at least; before that at each power of two."""
BYTES_A_SECOND = 1e6
"""What looks may add to the run's file: those of very wide layers are spaced by it."""
BYTES_OF_A_UNIT = 36
MOST_TOLD = 256
"""Numbers of one name that are kept for one step."""
MOST_LOGGED = 8
"""Numbers beside the loss that have charts; of more the values alone are recorded."""
MOST_PARTS = 256
"""Steps of other optimizers that are kept for one step."""
PATIENCE = 30.0
"""Seconds within which the end is recorded, whatever hangs."""
SAID_EVERY = 5.0
"""Seconds between two notes of what the watching has taken."""
_NO_NUMBER = (str, bytes, type(None))
_Result = TypeVar("_Result")


class Sight(Protocol):
    """What sees the network, for one framework. All of it is called in the training's thread."""

    def look(self) -> tuple[dict[str, Units], dict[str, float]]:
        """Return what the probe tells of each layer's units, and of the network."""

    def before(self, measure: bool) -> None:
        """Note what has to be known before the update."""

    def after(self, measure: bool) -> Callable[[], Read]:
        """Return what reads back the numbers of the step, once they are computed."""

    def listen(self, on: bool) -> None:
        """Be ready to count the batches that come, or let them pass."""

    def rate(self) -> float | None:
        """Return the learning rate that the training itself has set; None if it has none."""

    def parameters(self) -> list[Any]:
        """Return copies of the parameters."""

    def revive(self, layer: str | None) -> tuple[dict[str, int], dict[str, str]]:
        """Revive dead units; return how many of each layer, and of which layers none, with the reason."""

    def leave(self) -> None:
        """Take off whatever was put on the network."""


@dataclass(frozen=True)
class Watch:
    """What somebody wants of a guest."""

    controls: frozenset[str]
    budget: float = 0.02
    window: int | None = None
    folder: Path | None = None
    """Where the run is recorded; None for nowhere."""
    say: Callable[[str], None] = say
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is known of the training."""
    announce: Callable[[str], None] = lambda _run: None
    """Told the id of the run, once it can be seen."""
    joined: bool = False
    """Whether the training had begun before."""


_alive = weakref.WeakSet["Guest"]()
_numbers = itertools.count()


class Guest:
    """Watches one training, from its first step to its end."""

    def __init__(self, sight: Sight, start: Start, watch: Watch) -> None:
        """Take what sees the network, what is known of the training, and what is wanted."""
        self.sight, self.watch = sight, watch
        self.governor = Governor(watch.budget)
        self.fault: str | None = None
        """Why it watches no more; None while it does."""
        self.over = self._closed = False
        self.step = start.first
        self.measuring = True
        """Whether the step in hand is measured."""
        self.counts = True
        """Whether the batch in hand is counted: each one, where units die by their silence."""
        self.searched = False
        """Whether the step in hand has tried several places."""
        self._pid = os.getpid()
        self._another = next(_numbers)
        self._looked = self._owed = self._sees_passes = False
        self._bytes_until = 0.0
        self._said = time.monotonic()
        self._pending: Taken | None = None
        self._early: dict[str, list[Any]] = {}
        """What was told of the step to come."""
        self._met: set[str] = set()
        """Names of numbers that the training has told."""
        self._charts = MOST_LOGGED
        """How many more of them may have a chart."""
        self._tables = tables.Tables()
        self._ours: set[str] = set()
        """Names under which numbers are logged that are measured already."""
        self._uncounted: set[str] = set()
        """Tables of which was said that they cannot be counted."""
        self._parts: list[Callable[[], Read]] = []
        """What other optimizers have done since the step before."""
        can = frozenset({"pause", "stop", "revive", "lr"} & watch.controls)
        rate = sight.rate()
        live = {} if rate is None else {"lr": rate}
        if rate is None:
            can -= {"lr"}
        start = replace(start, can=can, facts={**start.facts, **watch.facts, **self._reached(watch)}, settings=live)
        self._start = start
        """What the run has told of itself last."""
        store = Store(watch.folder) if watch.folder is not None else None
        self._store = store
        self._teller = telling.Teller(start, self.governor, watch.window)
        self.run = Run(
            start, lambda _start, _controls: self._teller.records(), Beside(), live,
            recorded=store.recorded if store is not None else None,
        )  # fmt: skip
        self.orders = Orders(self, rate)
        self._began = time.monotonic()
        self.run.begin()
        if watch.joined:
            self._teller.tell(Event(start.first, "joined", {"known": bool(start.facts.get("steps_before"))}))
        self._host = self._hosted(store) if store is not None else None
        _alive.add(self)
        if store is not None:
            watch.announce(start.run)

    @property
    def host(self) -> Host | None:
        """Who lets the run be looked at from elsewhere."""
        return self._host

    @property
    def controls(self) -> Controls:
        """What was asked of the training."""
        return self.run.controls

    def _reached(self, watch: Watch) -> dict[str, Any]:
        if watch.folder is None:
            return {}
        try:
            return {"socket": socket_of(os.getpid(), self._another)}
        except InputError:
            return {}

    def _hosted(self, store: Store) -> Host | None:
        try:
            return Host(Session(self.run, _no_other), _no_other, store.hurry, self._another)
        except (InputError, OSError) as error:
            self._teller.tell(Event(self.step, "unreachable", {"fault": in_a_line(error)}))
            return None

    # What the training's thread calls

    def guarded(self, what: str, action: Callable[..., _Result], *given: Any) -> _Result | None:
        """Do something; if it fails tell that, and watch no more. Only what is to stop the training passes."""
        if self.over or self.fault is not None:
            return None
        try:
            return action(*given)
        except Exception as error:  # StoppedError is none, nor is what a hand on the keyboard raises
            self.fail(f"{what}: {in_a_line(error)}", error)
            return None

    def fail(self, why: str, error: BaseException | None = None) -> None:
        """Tell that something of ours has failed, and take everything off; the training goes on."""
        if self.fault is not None:
            return
        self.fault = why
        try:
            self.sight.leave()
            kind = type(error).__name__ if error is not None else ""
            self._teller.tell(Event(self.step, "unwatched", {"fault": why, "error": kind}), urgent=True)
            self.watch.say(f"deadrelu-tui: watching has ended, the training goes on: {why}")
        except Exception as second:  # nothing is left to be done
            self.fault = f"{why}; {in_a_line(second)}"

    def before_step(self) -> None:
        """Look if it is time, and note what has to be known before the update."""
        self.finish()
        if self._teller.fault or self._teller.over:
            error = self.run.error
            why = "" if error is None else in_a_line(error)
            self.fail(self._teller.fault or f"what was measured could not be kept: {why}", error)
            return
        self._pending = taken = Taken(self.step, 0.0, {}, more=self._parts, scalars=self._early)
        self._early, self._parts = {}, []
        self._owed = self._owed or self._due()  # what the budget does not allow now it may some steps later
        if self._owed and self.governor.affords("look") and time.monotonic() >= self._bytes_until:
            began = time.perf_counter()
            taken.looks, taken.values = self.sight.look()
            taken.look, self._looked, self._owed = True, True, False
            units = sum(len(each) for each in taken.looks.values()) or telling.widths(self.run.start.network)
            self._bytes_until = time.monotonic() + units * BYTES_OF_A_UNIT / BYTES_A_SECOND
            self.governor.took("look", began)
        began = time.perf_counter()
        self.sight.before(self.measuring)
        self.governor.took("step", began, whole=False)

    def after_step(self) -> None:
        """Tell of the step, and do what was asked for before the next."""
        began = time.perf_counter()
        taken = self._pending
        if taken is None:
            return
        taken.read = self.sight.after(self.measuring)
        taken.at = time.monotonic() - self._began
        taken.searches = self.searched
        taken.live = self.orders.live
        self.step += 1
        self.governor.took("step", began, whole=False)
        self.measuring = self.governor.affords("step")
        if self.counts != (self.measuring or self.watch.window is not None):
            self.counts = not self.counts
            self.sight.listen(self.counts)
        self._note()
        self.orders.take()

    @property
    def within_a_step(self) -> bool:
        """Whether a step was begun and is not over."""
        return self._pending is not None and not self._pending.at

    def part(self, read: Callable[[], Read]) -> None:
        """Take what another optimizer has done than the one that counts the steps."""
        parts = self._parts if self._pending is None else self._pending.more
        if len(parts) < MOST_PARTS:
            parts.append(read)

    def passed(self) -> None:
        """Take note that the network begins to be trained on a batch: what was told so far is of the step before."""
        self._sees_passes = True
        self.finish()
        self.orders.catch_up()

    def finish(self) -> None:
        """Hand over the step in hand, if it was taken: nothing more will be told of it."""
        taken = self._pending
        if taken is not None and taken.at:
            self._pending = None
            taken.more = [*taken.more, *self._tables.take()]
            self._teller.tell(taken, urgent=not taken.step)

    def log(self, scalars: Mapping[str, Any]) -> None:
        """Take numbers that the training has told, of the step that was just taken or of the one that follows."""
        taken = self._pending
        # Where it is not seen that the next batch has begun, a number that was told already tells it.
        if taken is not None and not self._sees_passes and taken.at and scalars.keys() & taken.scalars.keys():
            self.finish()
        if not scalars.keys() <= self._met:
            self._announce(scalars)
        told = self._early if self._pending is None else self._pending.scalars
        for name, value in scalars.items():
            if name in self._ours:
                continue
            values = told.setdefault(name, [])
            if len(values) < MOST_TOLD:
                values.append(value)

    def _announce(self, scalars: Mapping[str, Any]) -> None:
        """Say of numbers that come for the first time that they will be told."""
        numbers = {name for name, value in scalars.items() if not isinstance(value, _NO_NUMBER)} - self._met
        self._met |= numbers
        known = {each.name for each in self._start.metrics}
        if ours := numbers & known - {"loss"}:
            self._ours |= ours
            self.watch.say(f"deadrelu-tui: not logged, as it is measured already: {', '.join(sorted(ours))[:200]}")
        found = (logged(name) for name in scalars if name in numbers - known)
        new = [each for each in found if each is not None][: self._charts]
        if new:
            self._charts -= len(new)
            self._start = replace(self._start, metrics=(*self._start.metrics, *new))
            self._teller.tell(self._start)

    def count(self, name: str, indices: Any, size: int, make: Callable[[int], tables.Table]) -> None:
        """Count which entries of a table were chosen, of the step that was just taken or of the one that follows."""
        began = time.perf_counter()
        try:
            new = self._tables.count(name, indices, size, make, self._start.network.names)
        except InputError as error:
            if name not in self._uncounted and len(self._uncounted) < MOST_TOLD:
                self._uncounted.add(name)
                self.watch.say(f"deadrelu-tui: not counted: {error}")
            return
        if new:
            network = self._start.network
            grown = replace(network, layers=(*network.layers, tables.layer_of(name, size)))
            self._start = replace(self._start, network=grown, metrics=(*self._start.metrics, *tables.told_of(name)))
            self._teller.tell(self._start)
        self.governor.took("step", began, whole=False)

    def _due(self) -> bool:
        steps = self.step - self.run.start.first
        if not self._looked:
            return True
        return steps % LOOK_EVERY == 0 or (steps < LOOK_EVERY and steps & (steps - 1) == 0)

    def _note(self) -> None:
        if time.monotonic() - self._said > SAID_EVERY:
            self._said = time.monotonic()
            if self._pending is not None:
                self._pending.values = {**self._pending.values, "watching": self.governor.share}

    def tell(self, event: Event) -> None:
        """Have something known at once."""
        self._teller.tell(event, urgent=True)

    def settle(self, patience: float = 1.0) -> None:
        """Wait until what was told so far can be read in the run's history, but no longer than so many seconds."""
        self._teller.settle(patience)

    def look_next(self) -> None:
        """Have the next step look, whenever the last look was."""
        self._looked = False

    def let_go(self) -> None:
        """Take off whatever was put on the training, and measure no more. Waits for nothing; `close` does the rest."""
        if self.over or os.getpid() != self._pid:
            return
        self.over, self.counts = True, False
        _alive.discard(self)
        if self.fault is None:
            self.finish()
            self.sight.leave()

    def close(self, error: BaseException | None = None) -> None:
        """End the watching: hand over what is left, and wait until it is recorded."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        try:
            self.let_go()
            if isinstance(error, SystemExit) and error.code in (None, 0):
                error = None
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                self.controls.send(Stop())
                error = None
            self._teller.tell(Over(error), urgent=True)
            self.run.join(PATIENCE)
            if self._store is not None:
                self._store.close()
            if self._host is not None:
                self._host.close()
        except Exception as second:
            self.fault = self.fault or f"the end could not be recorded: {in_a_line(second)}"
            self.watch.say(f"deadrelu-tui: {self.fault}")

    def forked(self) -> None:
        """Let go of everything in a process forked from the training's, which has nothing of ours."""
        self.over = self._closed = True
        self.counts = False
        if self._host is not None:
            self._host.forked()


def _forked() -> None:
    for each in list(_alive):
        each.forked()
    _alive.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _no_other(_values: Mapping[str, Any], _paused: bool) -> Source:
    raise InputError("this training began outside deadrelu-tui: only there it can be started again")
