"""A run of this process: one training drained into a History by the training thread, and commands that reach into it.

Status is derived from facts that have one writer each, so it cannot be stale. Nothing is reset: a restart is a
new Run. All runs of a process share one executor with one thread, because MXNet wants a single thread for all
its calls, and because two trainings must never be alive at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis.happenings import LARGEST, happenings
from deadrelu_tui.errors import in_a_line
from deadrelu_tui.record import telling
from deadrelu_tui.record.commands import Command, Speed, Stop, can_obey
from deadrelu_tui.record.history import History
from deadrelu_tui.record.ledger import Entry
from deadrelu_tui.record.records import End, Event, Live, Look, Record, Start, Step
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run.advisor import Advisor, Attempt
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.source import ALIVE, Status, how_it_ended

Sink = Callable[[Record | Steps], None]
"""Takes what comes next of a run, without waiting for anything."""
Recorded = Callable[[Callable[[Event], object]], Sink]
"""Given what puts an event among the run's records, returns what records the run."""
Training = Callable[[Start, Controls], Iterator[Record | Steps]]
"""Given what was promised and the controls, yields a Start that has the rest, then steps and events.

An End it yields only where it may go on afterwards.
"""


class Run:
    """One training from its promise to its end; a Source."""

    here = True
    lack = successor = ""

    def __init__(
        self, promised: Start, training: Training, executor: Executor, live: Live, stays: bool = False,
        attempt: Attempt | None = None, recorded: Recorded | None = None,
    ) -> None:  # fmt: skip
        """Take what is known before anything is loaded, and an executor of one thread, which all runs share.

        A run that stays can be trained on when it has finished. If something is given that tries remedies, they are
        tried as soon as the verdict is bad. Whatever records the run is told all that its history is.
        """
        self._promised, self._training, self._executor = promised, training, executor
        self.history = History()
        self.controls = Controls(live, stays)
        self._future: Future[None] | None = None
        self._error: BaseException | None = None
        self._order = threading.Lock()
        self._sink = recorded(self._keep) if recorded else None
        self._advisor = Advisor(self.history, self.controls, self._keep, attempt) if attempt else None

    def begin(self) -> None:
        """Train in the executor's one thread, as soon as the run before has ended."""
        self._future = self._executor.submit(self._drain)
        if self._advisor is not None:
            self._advisor.begin()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, whatever it is. Raises TimeoutError if it does not come in time."""
        try:
            if self._future is not None:
                self._future.exception(timeout)
        except FutureTimeoutError as error:  # which is TimeoutError itself from Python 3.11 on
            raise TimeoutError from error

    def settle(self) -> None:
        """Wait, after the end, until the remedies were tried that are worth a try; a stop breaks that off."""
        if self._advisor is not None:
            self._advisor.settle()

    @property
    def start(self) -> Start:
        """What the training said first; before that what was promised."""
        return self.history.start or self._promised

    @property
    def unrecorded(self) -> str:
        """Why it is not recorded just now; empty if it is, or was never to be."""
        told = self.history.unrecorded
        return "" if told is None else str(told.facts.get("fault", ""))

    @property
    def unwritten(self) -> str:
        """What is to be said of steps that are in no file; empty if there are none."""
        return telling.unwritten(self.history.unwritten, len(self.history), self.unrecorded)

    @property
    def status(self) -> Status:
        """What the run is doing, derived."""
        if self._future is None:
            return Status.READY
        done = self._future.done()  # before the end is looked for: in between it may come
        end = self.history.end
        if end is not None:
            return how_it_ended(end)
        if not done:
            if self.controls.paused:
                return Status.PAUSED
            return Status.RUNNING if len(self.history) else Status.STARTING
        return Status.FAILED

    @property
    def alive(self) -> bool:
        """Whether the training may still take a step by itself."""
        return self.status in ALIVE

    @property
    def can(self) -> frozenset[str]:
        """What it can be asked to do now."""
        can = self.start.can
        if self.alive or self.status is Status.READY:
            return can
        # After the end only what the next run begins with can be set, and that this one goes on.
        waits = self.controls.stays and self._future is not None and not self._future.done()
        return (
            can
            - {"pause", "stop", "revive", "speed"}
            - (set() if waits and self.status is Status.FINISHED else {"train_on"})
        )

    @property
    def live(self) -> Live:
        """What is set for the next step."""
        return self.controls.live

    @property
    def speed(self) -> Speed:
        """How fast it is asked to go."""
        return self.controls.speed

    @property
    def error(self) -> BaseException | None:
        """What ended the run before its end, if anything did."""
        return self._error

    def parameters(self) -> Future[list[Any]] | None:
        """Ask for a copy of the parameters as they are between two steps; None before the run begins and after it."""
        lives = self._future is not None and not self._future.done()
        return self.controls.ask_parameters() if lives else None

    def send(self, command: Command) -> None:
        """Ask for something. What the run cannot do is left undone."""
        if isinstance(command, Stop) or can_obey(self.can, command):
            self.controls.send(command)

    def close(self) -> None:
        """End the run and wait until the training thread has let go of it."""
        self.controls.send(Stop())
        if self._advisor is not None:
            self._advisor.close()
        self.join()

    def _drain(self) -> None:
        began = time.monotonic()
        try:
            for record in _broken_apart(self._training(self._promised, self.controls)):
                entries = self._keep(record)
                if isinstance(record, (Step, Look)):
                    for event in happenings(self.history, record, entries):
                        self._keep(event)
                elif isinstance(record, Start):
                    began = time.monotonic()  # loading is no training
        except BaseException as error:
            self._error = error  # before the end is told, so that whoever reads of it finds the reason
            self._end(began, "failed", in_a_line(error))
            raise
        if self.history.end is None:
            planned, last = self.history.steps_planned, self.history.last
            complete = planned is not None and last is not None and last + 1 - self.history.first >= planned
            left = any(each.kind == "left" for each in reversed(self.history.events))
            stopped = self.controls.stopped and not complete
            self._end(began, "left" if left else "stopped" if stopped else "finished")

    def _end(self, began: float, how: str, error: str | None = None) -> None:
        self._keep(End(max(self.history.seconds, time.monotonic() - began), how, error))

    def _keep(self, record: Record | Steps) -> Mapping[str, Entry]:
        """Add what comes next to the history, and record it in the same order, whichever thread it comes from."""
        with self._order:
            entries = self.history.add(record)
            if self._sink is not None:
                self._sink(record)
        return entries


def _broken_apart(records: Iterable[Record | Steps]) -> Iterator[Record | Steps]:
    """Yield steps one by one among which one has no finite number: what broke first is an event."""
    for record in records:
        if isinstance(record, Steps) and not (np.abs(record.values) <= LARGEST).all():
            yield from record
        else:
            yield record
