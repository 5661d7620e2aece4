"""A run's file: one stream of records that only grows. It is the truth of a run; whatever else is kept of it can be
made anew from it.

It lies in one folder with all others, under the run's id. Homes of clusters break locks, maps and sockets: nothing of
that is used here.
"""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import Decoder
from deadrelu_tui.record.records import End, Event, Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run.origin import lives
from deadrelu_tui.run.source import Status, how_it_ended
from deadrelu_tui.wording import printable

CHUNK = 1 << 20
"""Bytes that are read at once."""


class Tail:
    """Reads a run's file as far as it was written, and on as it grows."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises InputError where that cannot be."""
        self.path = path
        self.start: Start | None = None
        self.end: End | None = None
        self._decoder = Decoder()
        self._was_silent = 0.0
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe is not waited for
        except OSError as error:
            raise InputError(f"{printable(str(path))} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            os.close(self._file)
            raise InputError(f"{printable(str(path))} is no plain file")

    def read(self) -> Iterator[Record | Steps]:
        """Yield what has come since it was read last. Raises InputError if it holds no records, or newer ones.

        Who writes may take back what was not written whole: so that is read anew each time.
        """
        self._decoder.forget()
        while data := self._at(self._decoder.whole + self._decoder.waiting):
            for record in self._decoder.feed(data):
                if isinstance(record, Start):
                    self.start = record
                elif isinstance(record, End):
                    self.end = record
                elif not isinstance(record, Event) or record.kind == "train_on":
                    self.end = None
                yield record

    def _at(self, place: int) -> bytes:
        try:
            return b"" if self._decoder.damaged else os.pread(self._file, CHUNK, place)
        except OSError as error:
            raise InputError(f"{printable(str(self.path))} cannot be read on: {error.strerror}") from error

    @property
    def damaged(self) -> bool:
        """Whether what follows cannot be read: nothing that was written, or not written yet."""
        return self._decoder.damaged

    @property
    def status(self) -> Status:
        """What the run is doing, as far as it was read; whether it is paused its file does not say."""
        if self.end is not None:
            return how_it_ended(self.end)
        if self.start is None:
            return Status.STARTING
        return Status.RUNNING if lives(self.start.facts, self.silent) else Status.CRASHED

    @property
    def replaced(self) -> bool:
        """Whether another file lies there now, or less of this one than was read."""
        try:
            now, known = os.stat(self.path), os.fstat(self._file)
        except OSError:
            return False
        return (now.st_dev, now.st_ino) != (known.st_dev, known.st_ino) or known.st_size < self._decoder.whole

    @property
    def silent(self) -> float:
        """Seconds since somebody wrote to the file, or touched it to say that it lives."""
        return max(0.0, time.time() - os.fstat(self._file).st_mtime) if self._file >= 0 else self._was_silent

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            self._was_silent = self.silent
            os.close(self._file)
            self._file = -1


def began(path: Path) -> float:
    """Return when a run began, as its file says; before all others where it says nothing."""
    try:
        tail = Tail(path)
        try:
            at = next((each.at for each in tail.read() if isinstance(each, Start)), -math.inf)
        finally:
            tail.close()
    except (InputError, ValueError):
        return -math.inf
    return at if math.isfinite(at) else -math.inf
