"""Enters a running process: has a text of ours run there once, and brings back its answer."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from importlib import resources

from deadrelu_tui.entering import proc, prologue, remote
from deadrelu_tui.entering.interpreter import LAST_ENTERED
from deadrelu_tui.entering.page import FULL, NO_PYTHON, Page
from deadrelu_tui.entering.processes import Found
from deadrelu_tui.entering.prologue import ANSWER, JOINER, MAGIC, PROCESS, SIZE, TEXT_AT, TEXT_LENGTH, TEXTS
from deadrelu_tui.entering.remote import Folder
from deadrelu_tui.entering.target import Target, gone
from deadrelu_tui.errors import InputError

_FIRST = (
    "try:\n"
    " __import__('builtins').exec("
    "__import__('ctypes').string_at(%d,%d),{'__name__':'deadrelu_entered','page':%d})\n"
    "except KeyboardInterrupt:"
    "(lambda c:c.Py_AddPendingCall(c.PyErr_SetInterruptEx,2))(__import__('ctypes').PyDLL(None))\n"
    "except BaseException:pass\n"
)
"""What Python is given to run. It runs in the namespace of the script, and so leaves no name; and it is short, as while
Python compiles it, a Ctrl-C would reach it before its `try` does."""
_FIRST_ROOM = 512
_PRIVATE_FIXED, _READ_WRITE = 0x100022, 3
_SOON = 0.3
_PLACES = 3


def enter(found: Found, text: str, timeout: float = 10.0) -> Page | Folder:
    """Have a text run once in the main thread of a process, and return where its answer will be, as soon as it runs.

    The text has `answer(bytes)` to say one thing while it runs, and `page`, the address of the page (0 from Python 3.14
    on, which runs a file by itself and needs none). Raises InputError, and nothing runs there later, if the process
    cannot be entered or does not come by within the timeout.
    """
    if found.version > LAST_ENTERED:
        return remote.enter(found, text, timeout)
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
        with suppress(InputError):
            page.unmap()
        raise
    while True:
        state = page.queued()
        if state in (NO_PYTHON, FULL):
            page.unmap()
            why = (
                "its Python is just starting or ending" if state == NO_PYTHON else "its queue of pending calls is full"
            )
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
