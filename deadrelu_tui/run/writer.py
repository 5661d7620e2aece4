"""Who writes a run's file: a thread of its own, for which nobody waits and whose faults end nothing."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from deadrelu_tui.errors import in_a_line
from deadrelu_tui.record.codec import Encoder
from deadrelu_tui.record.records import UNRECORDED, End, Event, Look, Record, Start, Step
from deadrelu_tui.record.steps import Steps, together
from deadrelu_tui.run.descriptors import apart
from deadrelu_tui.run.folder import path_of

FLUSHED = 0.5
"""Seconds after which what was told is in the file."""
AT_ONCE = 0.05
"""The same while somebody reads the file."""
TOUCHED = 10.0
"""Seconds after which a file is touched into which nothing is written: the process lives."""
RETRIED = 5.0
"""The most seconds between two tries to write."""
KEPT = 32_000_000
"""Bytes of steps that wait while nothing can be written."""


class Writer:
    """Writes the records of one run as they come. A Sink that any thread may call; what it is told it never changes.

    What cannot be written stays in memory and is written when that can be, all but the oldest steps of what is more
    than KEPT. Both is told among the run's events.
    """

    def __init__(self, folder: Path, say: Callable[[Event], object]) -> None:
        """Take where runs lie, and what puts an event among the run's records."""
        self._folder, self._say = folder, say
        self._told: deque[Record | Steps] = deque()
        self._waiting: deque[Record | Steps] = deque()
        """Of what was told, what is not in the file yet."""
        self._bytes = 0
        self._dropped: tuple[int, int] | None = None
        """The first and the last of the steps that were not kept."""
        self._start: Start | None = None
        self._path: Path | None = None
        self._file = -1
        self._whole = 0
        """Bytes of the file that are whole records."""
        self._encoder = Encoder()
        self._step = self._written = 0
        """The step that was told last, and that which was written last."""
        self._steps = self._missing = self._in_file = 0
        """How many steps were told, how many of them the file will never have, and how many it has."""
        self._ended = self._lost = False
        self._fault = ""
        """Why it could not be written last."""
        self._touched = 0.0
        self._every = FLUSHED
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-file", daemon=True)
        self._thread.start()

    def __call__(self, record: Record | Steps) -> None:
        """Take what comes next, without waiting for anything."""
        self._told.append(record)
        if self._ended or isinstance(record, (Start, End)):
            self._wake.set()

    def hurry(self, wanted: bool) -> None:
        """Have what is told in the file at once, or soon."""
        self._every = AT_ONCE if wanted else FLUSHED
        self._wake.set()

    def close(self, patience: float = 5.0) -> None:
        """Write what is left, as far as that can be, and let go of the file; wait for that no longer than so."""
        self._closing.set()
        self._wake.set()
        self._thread.join(patience)
        if self._thread.is_alive() and not self._lost:
            self._lose("the disk does not answer")

    def _run(self) -> None:
        wait = self._every
        while True:
            closing = self._closing.is_set()
            self._take()
            wait = self._every if self._write() else min(RETRIED, 2 * max(wait, FLUSHED))
            if closing:
                if self._lost or self._told:  # the file was removed, or something was told of it
                    self._take()
                    if not self._write():
                        self._part()
                break
            rests = self._ended and not (self._lost or self._told)  # what is told from now on wakes us
            self._wake.wait(None if rests else wait)
            self._wake.clear()
        if self._file >= 0:
            os.close(self._file)

    def _take(self) -> None:
        """Take over what was told."""
        told = list[Record | Steps]()
        while self._told:
            told.append(self._told.popleft())
        for record in together(told):
            if isinstance(record, Start):
                self._start = record
            if isinstance(record, Steps):
                self._step = int(record.step[-1])
            elif isinstance(record, (Step, Look)):
                self._step = record.step
            self._steps += _count(record)
            self._waiting.append(record)
            self._bytes += _size(record)
            self._ended = isinstance(record, End)
        if self._bytes > KEPT:
            self._drop()

    def _drop(self) -> None:
        """Keep no more than KEPT: of steps the newest, and all else."""
        kept = deque[Record | Steps]()
        for record in self._waiting:
            if self._bytes > KEPT and isinstance(record, (Step, Steps, Look)):
                self._bytes -= _size(record)
                self._missing += _count(record)
                first, last = _steps(record)
                self._dropped = min(first, self._dropped[0]) if self._dropped else first, last
            else:
                kept.append(record)
        self._waiting = kept

    def _write(self) -> bool:
        """Write what waits, and return whether all is well."""
        if self._start is None or not (self._waiting or time.monotonic() - self._touched > TOUCHED):
            return True
        try:
            self._open()
            if self._waiting:
                header = b"" if self._whole else Encoder.header
                self._append(header + b"".join(map(self._encoded, self._waiting)))
            elif not self._ended:
                os.utime(self._file)
        except OSError as error:
            self._encoder = Encoder()  # what was to be written is told anew
            self._fault = error.strerror or str(error)
            if not self._lost:
                self._lose(self._fault)
            return False
        self._waiting.clear()
        self._bytes, self._touched, self._written = 0, time.monotonic(), self._step
        self._in_file = self._steps - self._missing
        if self._lost:
            gap = {} if self._dropped is None else {"first": self._dropped[0], "last": self._dropped[1]}
            self._lost, self._dropped = False, None
            self._say(Event(self._step, "recorded", gap))
        return True

    def _lose(self, fault: str) -> None:
        """Tell that nothing can be written, and what the file has by now."""
        self._lost = True
        facts = {"fault": fault, "written": self._in_file, "begun": self._whole > 0}
        self._say(Event(self._step, UNRECORDED, facts))

    def _part(self) -> None:
        """Leave in the file how it ended and what it lacks, as far as it still takes that: it is short."""
        facts = {"steps": self._steps - self._in_file, "of": self._steps, "fault": self._fault}
        told = [each for each in self._waiting if isinstance(each, (Start, Event, End))]
        if not self._squeezed([*told, Event(self._step, "unwritten", facts)]) and self._whole:
            self._squeezed([each for each in told if isinstance(each, End)])

    def _squeezed(self, records: Iterable[Record]) -> bool:
        """Write some records alone, and return whether they had room."""
        try:
            self._open()
            self._append((b"" if self._whole else Encoder.header) + b"".join(map(self._encoded, records)))
        except OSError:
            self._encoder = Encoder()
            return False
        return True

    def _encoded(self, record: Record | Steps) -> bytes:
        try:
            return self._encoder.encode(record)
        except (OverflowError, RecursionError, TypeError, ValueError) as error:  # it holds what no file can
            self._say(Event(self._step, UNRECORDED, {"fault": in_a_line(error)}))
            return b""

    def _open(self) -> None:
        """Have a file, and in it nothing but whole records."""
        if self._file >= 0 and not os.fstat(self._file).st_nlink:
            os.close(self._file)
            self._file, self._whole, self._encoder = -1, 0, Encoder()
            assert self._start is not None
            if not any(each is self._start for each in self._waiting):
                self._waiting.appendleft(self._start)
            self._dropped = self._start.first, self._written
            self._missing, self._in_file = self._missing + self._in_file, 0
            raise FileNotFoundError(0, "its file was removed")
        if self._file < 0:
            assert self._start is not None
            self._path = path_of(self._folder, self._start.run)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._file = apart(os.open(self._path, flags, 0o600))
        if os.fstat(self._file).st_size > self._whole:
            os.ftruncate(self._file, self._whole)  # a record that was not written whole

    def _append(self, data: bytes) -> None:
        done, view = 0, memoryview(data)
        while done < len(data):
            done += os.write(self._file, view[done:])
        self._whole += done


def _size(record: Record | Steps) -> int:
    """Return about how many bytes a record takes."""
    if isinstance(record, Steps):
        return 16 * len(record) + record.values.nbytes + sum(each.nbytes for each in record.fired.values())
    looks = record.looks if isinstance(record, (Step, Look)) else {}
    return 200 + sum(10 * each.firing.nbytes + each.spread.nbytes for each in looks.values())


def _count(record: Record | Steps) -> int:
    """Return how many steps a record is."""
    return len(record) if isinstance(record, Steps) else int(isinstance(record, Step))


def _steps(record: Step | Steps | Look) -> tuple[int, int]:
    return (int(record.step[0]), int(record.step[-1])) if isinstance(record, Steps) else (record.step, record.step)
