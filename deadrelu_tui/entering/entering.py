"""Enters a running process: has a text of ours run there once, and brings back its answer."""

from __future__ import annotations

import os
import struct
import time
from importlib import resources
from types import TracebackType

from deadrelu_tui.entering import proc, prologue
from deadrelu_tui.entering.processes import Found
from deadrelu_tui.entering.prologue import (
    ABANDONED, ANSWER, ANSWERED, BEGUN, DECIDED, FAILED, JOINER, LEFT, LENGTH, MAGIC, OVER, PROCESS, QUEUED, RESULT,
    RUNS, SIZE, TEXT_AT, TEXT_LENGTH, TEXTS, TO_THE_JOINER, WITHDRAWN,
)  # fmt: skip
from deadrelu_tui.entering.target import Target, gone
from deadrelu_tui.errors import InputError

_FIRST = (
    "try:\n __import__('builtins').exec(__import__('ctypes').string_at(%d,%d),{'__name__':'deadrelu_entered','page':%d})\n"
    "except KeyboardInterrupt:"
    "(lambda c:c.Py_AddPendingCall(c.PyErr_SetInterruptEx,2))(__import__('ctypes').PyDLL(None))\n"
    "except BaseException:pass\n"
)
"""What Python is given to run. It runs in the namespace of the script, and so leaves no name; and it is short, for while
Python compiles it, a Ctrl-C would reach it before its `try` does."""
_FIRST_ROOM = 512
_PRIVATE_FIXED, _READ_WRITE = 0x100022, 3
_SEEN_BY_ALL = 0.01
"""Seconds after which no processor holds back what it has written before."""
_AT_ONCE, _SOON = 2.0, 0.3
_PLACES = 3
YES, NO_PYTHON, FULL = 1, 2, 3


class UnmappedError(InputError):
    """The page has been given back."""


class Page:
    """Memory in the process that holds the text and has room for its answer."""

    def __init__(self, target: Target, at: int, size: int) -> None:
        self._target, self.at, self._size = target, at, size
        self.failed = False
        """The text has raised: its answer is the traceback."""

    @property
    def stops(self) -> tuple[float, ...]:
        """For how long the process was held each time, in seconds, from before it stood to after it went on."""
        return tuple(self._target.stops)

    def __enter__(self) -> Page:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

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
        self._target.ask_kernel(self._target.machine.MUNMAP, (self.at, self._size, 0, 0, 0, 0), deadline)
        self._target.tidy(deadline)

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


def enter(found: Found, text: str, timeout: float = 10.0) -> Page:
    """Have a text run once in the main thread of a process, and return where its answer will be, as soon as it runs.

    The text has `answer(bytes)` to say one thing while it runs, and `page`, the address of the page. Raises InputError,
    and nothing runs there later, if the process cannot be entered or does not come by within the timeout.
    """
    deadline = time.monotonic() + timeout
    target = Target(found.pid, found.python)
    try:
        if proc.times(found.pid).started != found.started:
            raise gone(found.pid)
        page = _page(target, text.encode(), deadline)
    except BaseException as error:
        target.close()
        if isinstance(error, FileNotFoundError | ProcessLookupError):
            raise gone(found.pid) from None
        raise
    try:
        _run(page, target, deadline, timeout)
    except BaseException:
        page.forget()
        raise
    return page


def _page(target: Target, text: bytes, deadline: float) -> Page:
    """Have the process map memory, and write the text there."""
    first = resources.files(prologue.__package__ or "").joinpath("prologue.py").read_bytes()
    size = TEXTS + _FIRST_ROOM + len(first) + len(text)
    size += -size % 65536
    at = _mapped(target, size, deadline)
    head = bytearray(ANSWER)
    head[: len(MAGIC)] = MAGIC
    inner = int(proc.status(target.pid)["NSpid"].split()[-1])
    joiner = os.getpid() if proc.same_namespace(target.pid, "pid") else 0
    struct.pack_into("<Q", head, SIZE, size)
    struct.pack_into("<I", head, TEXT_AT, TEXTS + _FIRST_ROOM + len(first))
    struct.pack_into("<I", head, TEXT_LENGTH, len(text))
    struct.pack_into("<I", head, PROCESS, inner)
    struct.pack_into("<I", head, JOINER, joiner)
    begin = (_FIRST % (at + TEXTS + _FIRST_ROOM, len(first), at)).encode().ljust(_FIRST_ROOM, b"\0")
    if not (target.write(at, bytes(head)) and target.write(at + TEXTS, begin + first + text)):
        raise gone(target.pid)
    return Page(target, at, size)


def _mapped(target: Target, size: int, deadline: float) -> int:
    for _ in range(_PLACES):
        at = target.free(size)
        target.ask_kernel(target.machine.MMAP, (at, size, _READ_WRITE, _PRIVATE_FIXED, -1, 0), deadline)
        soon = time.monotonic() + _SOON
        while (there := target.read(at, 1)) is None and time.monotonic() < soon:
            time.sleep(0.0002)
        if there is None:
            target.tidy(deadline)  # by then it has asked
            there = target.read(at, 1)
        if there is not None:
            return at
    raise InputError(f"process {target.pid} gets no memory for {size // 1024} KiB of text, so it cannot be joined")


def _run(page: Page, target: Target, deadline: float, timeout: float) -> None:
    """Have the text queued, and wait until it runs."""
    try:
        target.queue(page.at, page.at + TEXTS, deadline)
    except InputError:
        page.unmap()
        raise
    while True:
        state = page.queued()
        if state in (NO_PYTHON, FULL):
            page.unmap()
            why = "its Python is just starting or ending" if state == NO_PYTHON else "its queue of pending calls is full"
            raise InputError(f"process {target.pid} cannot be joined: {why}")
        if page.begun():
            return
        if time.monotonic() > deadline:
            page.withdraw(
                f"its main thread came to no Python code within {timeout:g} s (a long call, a sleep or a wait); "
                "try again later, or with a longer timeout"
            )
            return
        time.sleep(0.001)
