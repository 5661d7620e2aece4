"""A run: one training drained into a History by the training thread, and the controls that reach into it.

Status is derived from facts that have one writer each, so it cannot be stale. Nothing is reset: a restart is a
new Run. All runs of a process share one executor with one thread, because MXNet wants a single thread for all
its calls, and because two trainings must never be alive at once.
"""

from __future__ import annotations

import enum
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.happenings import notices
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Live, Start, StepRecord
from deadrelu_tui.wording import rate

Training = Callable[[RunSettings, "Controls"], Iterator[Start | StepRecord | Event]]


class Status(enum.Enum):
    """What a run is doing."""

    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"


class Controls:
    """What may be turned while a run lives; any thread turns, the training looks between two steps."""

    def __init__(self, live: Live) -> None:
        self.live = live
        """Replaced as a whole, never changed in place: the training sees one state or the other."""
        self._changed = threading.Condition()
        self._paused = False
        self._stopped = False
        self._permits = 0
        self._revivals = 0

    def change(self, **fields: Any) -> None:
        """Set a learning rate, normalisation or activation for the next step on."""
        self.live = replace(self.live, **fields)

    def pause(self) -> None:
        """Hold the training before its next step."""
        with self._changed:
            self._paused, self._permits = True, 0

    def resume(self) -> None:
        """Let the training go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Allow exactly one step to a paused training."""
        with self._changed:
            self._permits += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End the training after the step it is in; paused or not."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def revive(self) -> None:
        """Have the dead units revived before the next step."""
        with self._changed:
            self._revivals += 1

    def revival(self) -> bool:
        """Return whether dead units are to be revived; asked twice between two steps counts once."""
        with self._changed:
            asked, self._revivals = self._revivals > 0, 0
            return asked

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped

    def proceed(self, wait: bool = True) -> bool | None:
        """Return True for the next step, False when the run is to stop; while paused wait, or return None."""
        with self._changed:
            ready = self._stopped or not self._paused or self._permits > 0
            if not ready and not wait:
                return None
            self._changed.wait_for(lambda: self._stopped or not self._paused or self._permits > 0)
            if self._paused and not self._stopped:
                self._permits -= 1
            return not self._stopped


@dataclass
class Run:
    """One training from its settings to its end."""

    settings: RunSettings
    training: Training
    executor: Executor
    """One thread, shared by all runs."""
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2))
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.controls = Controls(Live.of(self.settings))
        self._future: Future[None] | None = None
        self._ticks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=16)
        self._ended_at: float | None = None
        self._first_at: float | None = None

    def start(self) -> None:
        """Train in the executor's one thread, as soon as the run before has ended."""
        self._future = self.executor.submit(self._drain)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, whatever it is. Raises TimeoutError if it does not come in time."""
        try:
            if self._future is not None:
                self._future.exception(timeout)
        except FutureTimeoutError as error:  # which is TimeoutError itself from Python 3.11 on
            raise TimeoutError from error

    @property
    def status(self) -> Status:
        """What the run is doing, derived."""
        if self._future is None:
            return Status.READY
        if not self._future.done():
            if self.controls.paused:
                return Status.PAUSED
            return Status.RUNNING if len(self.history) else Status.STARTING
        if self.error is not None:
            return Status.FAILED
        start = self.history.start
        complete = start is not None and len(self.history) == start.steps
        return Status.FINISHED if complete else Status.STOPPED

    @property
    def settings_now(self) -> RunSettings:
        """The settings with what was changed since the start: what a restart begins with."""
        return replace(self.settings, **asdict(self.controls.live))

    @property
    def alive(self) -> bool:
        """Whether the training may still take a step."""
        return self.status in (Status.STARTING, Status.RUNNING, Status.PAUSED)

    @property
    def error(self) -> BaseException | None:
        """What ended the run before its end, if anything did."""
        return self._future.exception() if self._future is not None and self._future.done() else None

    @property
    def steps_per_second(self) -> float:
        """Speed over the last seconds of training."""
        ticks = self._ticks
        (then, before), (now, after) = ticks[0], ticks[-1]
        return (after - before) / (now - then) if now > then and not self.controls.paused else 0.0

    @property
    def seconds(self) -> float:
        """Wall time since the first step began, pauses included."""
        if self._first_at is None:
            return 0.0
        return (self._ended_at or time.monotonic()) - self._first_at

    def _drain(self) -> None:
        try:
            for item in self.training(self.settings, self.controls):
                if isinstance(item, StepRecord):
                    if item.ends_epoch:
                        item = replace(item, values={**item.values, "seconds": self.seconds})  # noqa: PLW2901
                    before = self.history.last
                    entries = self.history.append(item)
                    for notice in notices(before, item, entries):
                        self.history.add_event(notice)
                    self._tick(item.step + 1)
                elif isinstance(item, Start):
                    self.history.begin(item)
                    self.history.add_event(Event(0, f"start: {describe(self.settings)}"))
                    self._first_at = time.monotonic()
                    self._ticks = deque([(self._first_at, 0)], maxlen=16)  # loading is no training
                else:
                    self.history.add_event(item)
                    if item.text == "resume":
                        # A new deque, not a cleared one: another thread may be reading it.
                        self._ticks = deque([(time.monotonic(), item.step)], maxlen=16)
            if self.controls.stopped:
                self.history.add_event(Event(len(self.history), "stop"))
        finally:
            self._ended_at = time.monotonic()

    def _tick(self, steps: int) -> None:
        now = time.monotonic()
        if now - self._ticks[-1][0] > 0.2 or steps <= 1:
            self._ticks.append((now, steps))


def describe(settings: RunSettings) -> str:
    """Return what tells one run from another, for a line of text."""
    scale = "input 0–1" if settings.normalise else "raw input 0–255"
    units = "–".join(map(str, settings.hidden))
    return f"{scale}, lr {rate(settings.lr)}, {settings.activation}, {units} hidden, seed {settings.seed}"
