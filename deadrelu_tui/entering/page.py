"""Memory in another process that holds a text of ours, and its answer."""

from __future__ import annotations

import time

from deadrelu_tui.entering.entered import Entered
from deadrelu_tui.entering.orphans import orphans
from deadrelu_tui.entering.prologue import (
    ABANDONED,
    ANSWER,
    ANSWERED,
    BEGUN,
    DECIDED,
    FAILED,
    LEFT,
    LENGTH,
    OVER,
    QUEUED,
    RESULT,
    RUNS,
    TO_THE_JOINER,
    WITHDRAWN,
)  # fmt: skip
from deadrelu_tui.entering.target import Target, gone
from deadrelu_tui.errors import InputError

_SEEN_BY_ALL = 0.01
"""Seconds after which no processor holds back what it has written before."""
_AT_ONCE = 2.0
YES, NO_PYTHON, FULL = 1, 2, 3


class UnmappedError(InputError):
    """The page has been given back."""


class Page(Entered):
    """Memory in the process that holds the text and has room for its answer."""

    def __init__(self, target: Target, at: int, size: int) -> None:
        self._target, self.at, self._size = target, at, size

    @property
    def stops(self) -> tuple[float, ...]:
        """For how long the process was held each time, in seconds, from before it stood to after it went on."""
        return tuple(self._target.stops)

    def begun(self) -> bool:
        """Tell whether the text runs, or has run."""
        return self._byte(DECIDED) == RUNS

    def answer(self, timeout: float) -> bytes | None:
        """Return what the text has answered, b"" if it ended without a word; None if it does not come in time."""
        deadline = time.monotonic() + timeout
        while not any(state := self._bytes(ANSWERED, 2)):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.0005)
        kind = state[0]
        self.failed = kind == FAILED
        return self._bytes(ANSWER, int.from_bytes(self._bytes(LENGTH, 4), "little")) if kind else b""

    def peek(self, at: int, size: int) -> bytes:
        """Return some of the process's memory, at an address of its own. Raises InputError if it has ended."""
        data = self._target.read(at, size)
        if data is None:
            raise gone(self._target.pid)
        return data

    def withdraw(self, why: str) -> None:
        """Make it certain that the text does nothing later, and raise InputError; do nothing if it has begun.

        Two that claim: each says what it wants, waits until all see it, and looks what the other one has said. If both
        have said it, the process decides, and says so.
        """
        pid = self._target.pid
        try:
            self._set(WITHDRAWN)
            time.sleep(_SEEN_BY_ALL)
            while self._byte(BEGUN):
                if decided := self._byte(DECIDED):
                    if decided == RUNS:
                        return
                    break
                time.sleep(0.001)
        except UnmappedError:
            pass  # it saw that it was withdrawn
        self._target.close()
        raise InputError(f"process {pid} was not joined, and nothing will run there later: {why}")

    def close(self) -> None:
        """Give everything back: at once if the text has ended, else when it does."""
        try:
            self._set(ABANDONED)
            time.sleep(_SEEN_BY_ALL)
            deadline = time.monotonic() + _AT_ONCE
            while self._byte(OVER) and time.monotonic() < deadline:
                if left := self._byte(LEFT):
                    if left == TO_THE_JOINER:
                        self.unmap()
                    break
                time.sleep(0.001)
        except InputError:
            pass  # the process has ended, or has given the page back itself
        finally:
            self._target.close()

    def forget(self) -> None:
        """Leave without waiting for anything: the process gives the page back when it comes by."""
        try:
            self._set(WITHDRAWN)
            self._set(ABANDONED)
        finally:
            self._target.close()

    def unmap(self) -> None:
        """Have the process give the page back, as nothing there needs it any more."""
        deadline = time.monotonic() + _AT_ONCE
        for at, size in ((self.at, self._size), *orphans(self._target)):
            self._target.ask_kernel(self._target.machine.MUNMAP, (at, size, 0, 0, 0, 0), deadline)
        self._target.tidy(deadline)
        self._target.close()

    def queued(self) -> int:
        """Return 0 while it is not known whether the text was queued, then whether it was (YES) or why not."""
        data = self._bytes(RESULT, 8)
        if not data[QUEUED - RESULT]:
            return 0
        if data[QUEUED - RESULT] != 1:
            return NO_PYTHON
        return YES if not any(data[:4]) else FULL

    def _set(self, at: int) -> None:
        self._target.write(self.at + at, b"\1")

    def _byte(self, at: int) -> int:
        return self._bytes(at, 1)[0]

    def _bytes(self, at: int, size: int) -> bytes:
        data = self._target.read(self.at + at, size) if size else b""
        if data is None:
            raise UnmappedError(f"process {self._target.pid} has given back the page that its answer was to be in")
        return data
