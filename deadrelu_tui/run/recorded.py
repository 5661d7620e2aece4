"""A run as its file tells it, whether it ended years ago or goes on in another process. A Source."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from deadrelu_tui.errors import InputError, RunFailedError
from deadrelu_tui.record.commands import Change, Command, Pause, Play, Resume, Speed, Take, can_obey
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Live, Record, Start, Step
from deadrelu_tui.record.steps import Steps, apart
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.file import Tail
from deadrelu_tui.run.source import Status

POLL = 0.05
"""Seconds between two looks at a file that grows."""
LONGEST = 2.0
"""The most seconds between two steps that are played: what was a pause of hours is none now."""
WITHIN = 5.0
"""Seconds within which a file tells what run it is of."""


class Recorded:
    """A run read from its file by a thread of its own; and played, step by step as it went, if somebody asks for it."""

    here = False
    _followed = True
    """Whether another run can be begun after it, with other settings."""

    def __init__(self, path: Path, patience: float = 0.0) -> None:
        """Begin to read, and follow a run that has not ended. A file that is about to be written is waited for.

        Raises InputError for what is no run's file.
        """
        self.path = path
        self.history = History()
        self._live: Live | None = None
        self._asked = threading.Condition()
        self._times = math.inf
        """How many times as fast as it went it is read."""
        self._anew = self._paused = self._closed = False
        self._gone = False
        """Whether its process was gone before all was read that there is."""
        self._permits = 0
        self._whole = threading.Event()
        """All that is there was read."""
        self.fault = ""
        """Why it cannot be read on."""
        begun = time.monotonic()
        while not path.exists() and time.monotonic() - begun < patience:
            self._whole.wait(0.005)
        self._tail = Tail(path)
        self._thread = threading.Thread(target=self._run, name="run-reader", daemon=True)
        self._thread.start()
        while self.history.start is None and not self.fault and time.monotonic() - begun < max(patience, WITHIN):
            if self._whole.wait(0.005) and not patience:
                break
        said = self.history.start
        if said is None:
            self.close()
            damaged = f"{path.name} is damaged from its beginning on: no run can be read from it"
            raise InputError(self.fault or (damaged if self._tail.damaged else f"{path.name} holds no run yet"))
        self._said = said

    @property
    def lack(self) -> str:
        """Return nothing: what is recorded takes no orders anyway."""
        return ""

    @property
    def unrecorded(self) -> str:
        """Why it is not recorded just now; empty if it is, or was never to be."""
        since = self.history.unrecorded
        return "" if since is None else str(since.facts.get("fault", ""))

    @property
    def unwritten(self) -> str:
        """What is to be said of steps that are in no file, as far as the file tells; empty if it tells of none."""
        lacking = next((each for each in reversed(self.history.events) if each.kind == "unwritten"), None)
        return "" if lacking is None else told(lacking)

    @property
    def successor(self) -> str:
        """Return nothing: nobody begins a run in the place of what is recorded."""
        return ""

    @property
    def start(self) -> Start:
        """What the run said first."""
        return self.history.start or self._said

    @property
    def status(self) -> Status:
        """What the run is doing, as far as its file tells; or how it is played."""
        if self._whole.is_set():
            found = self._tail.status
            return Status.RUNNING if found is Status.CRASHED and not self._gone else found
        if self._times == math.inf:
            return Status.READING
        return Status.PAUSED if self._paused else Status.RUNNING

    @property
    def can(self) -> frozenset[str]:
        """What it can be asked to do: to be played, and which settings another run begins with."""
        past = {"pause", "stop", "revive", "speed", "train_on"}
        of_the_next = self.start.can - past if self._followed else frozenset[str]()
        return of_the_next | {"play"} | ({"pause"} if self._playing else set())

    @property
    def _playing(self) -> bool:
        """Whether its steps come as they came once."""
        return not self._whole.is_set() and self._times < math.inf

    def settle(self, patience: float = WITHIN) -> None:
        """Wait until all that is in the file just now was read."""
        self._whole.wait(patience)

    def only_read(self) -> None:
        """Have no settings for another run be changed: nobody here could begin it."""
        self._followed = False

    @property
    def live(self) -> Live:
        """What was set for its last step, or is set for a run that follows it."""
        return self.history.live if self._live is None else self._live

    @property
    def speed(self) -> Speed:
        """How many times as fast as it went it is played, while it is."""
        return Speed(times=self._times if self._playing else None)

    @property
    def error(self) -> BaseException | None:
        """What ended the run before its end, if anything did."""
        end = self.history.end
        return None if end is None or end.error is None else RunFailedError(end.error)

    def parameters(self) -> Future[list[Any]] | None:
        """Return None: a file has none."""
        return None

    def send(self, command: Command) -> None:
        """Ask for something. What the run cannot do is left undone."""
        with self._asked:
            if not can_obey(self.can, command):
                return
            match command:
                case Change(fields):
                    self._live = {**self.live, **fields}
                case Play(times=times):
                    if self._whole.is_set() or self._times == math.inf:
                        self._anew, self.history, self._paused = True, History(), False
                    self._times = times
                    self._whole.clear()
                case Pause():
                    self._paused, self._permits = True, 0
                case Resume():
                    self._paused = False
                case Take(steps):
                    self._permits += steps
            self._asked.notify_all()

    def close(self) -> None:
        """Let go of the file."""
        with self._asked:
            self._closed = True
            self._asked.notify_all()
        self._thread.join()
        self._tail.close()

    # In the thread that reads

    def _run(self) -> None:
        while not self._closed:
            gone = self._tail.status is Status.CRASHED  # asked before reading: what it told last is in the file by then
            try:
                self._read()
            except InputError as error:
                self.fault = str(error)
            except ValueError as error:  # steps that no training can have taken
                self.fault = f"{self.path.name} cannot be read on: {error}"
            self._gone = gone
            with self._asked:
                if not self._anew:
                    self._whole.set()
                    self._asked.wait_for(lambda: self._closed or self._anew, POLL if self._grows else None)
                if self._grows and self._tail.replaced and not self._anew:  # the run has begun another file
                    self._anew, self.history = True, History()
                if self._anew and not self._closed:
                    self._anew = False
                    self._begin_anew()

    @property
    def _grows(self) -> bool:
        return not self.fault and (self._tail.end is None or self._tail.end.how == "finished")

    def _begin_anew(self) -> None:
        try:
            fresh = Tail(self.path)
        except InputError as error:
            self.fault = str(error)
        else:
            self._tail.close()
            self._tail, self.fault = fresh, ""

    def _read(self) -> None:
        last: float | None = None
        for record in self._played(self._tail.read()):
            if isinstance(record, Step):
                if not self._due(0.0 if last is None else record.at - last):
                    return
                last = record.at
            with self._asked:
                if self._closed or self._anew:
                    return
                self.history.add(record)

    def _played(self, records: Iterator[Record | Steps]) -> Iterator[Record | Steps]:
        """Yield records one by one while they are played, else as they come."""
        for record in records:
            if isinstance(record, Steps) and self._times < math.inf:
                yield from apart([record])
            else:
                yield record

    def _due(self, seconds: float) -> bool:
        """Wait until the next step of what is played is due; return whether there is to be one."""
        began = time.monotonic()
        with self._asked:
            while not (self._closed or self._anew):
                if self._paused:
                    if self._permits:
                        self._permits -= 1
                        return True
                    self._asked.wait()
                    continue
                left = began + min(LONGEST, seconds / self._times) - time.monotonic()
                if left <= 0:
                    return True
                self._asked.wait(left)
        return False
