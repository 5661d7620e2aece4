"""The first text that runs in the other process: it claims the page, runs the text that it is about, and leaves.

This file is sent as it is, and imports nothing of ours. Whatever happens in here, the code that was interrupted is to
learn nothing of it; and what was meant for that code (Ctrl-C, an exception of a signal handler) is passed on to it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from types import TracebackType

MAGIC = b"deadrelu"
SIZE, RESULT, QUEUED, BEGUN, WITHDRAWN, DECIDED, ANSWERED, OVER, LEFT, ABANDONED = 8, 20, 24, 28, 29, 30, 31, 32, 33, 34
LENGTH, TEXT_AT, TEXT_LENGTH, PROCESS, JOINER = 36, 40, 44, 48, 52
VECTORS, ANSWER, TEXTS = 0x1000, 0x5000, 0x15000
"""Where in the page something stands: the words above, the saved vector registers, the answer, and the texts."""
ROOM = TEXTS - ANSWER
RUNS, LEAVES = 1, 2
SAID, FAILED = 1, 2
TO_THE_JOINER, GIVEN_BACK = 1, 2


def run(page: int) -> None:
    """Run the text, unless it was withdrawn."""
    if os.getpid() != _word(page, PROCESS).value:  # a child of fork() has its parent's queue, and is none of ours
        _give_back(page)
        return
    # Two that claim: each says what it wants, then looks what the other one has said. See Page.withdraw.
    _byte(page, BEGUN).value = 1
    if _byte(page, WITHDRAWN).value:
        _byte(page, DECIDED).value = LEAVES
        _give_back(page)
        return
    _byte(page, DECIDED).value = RUNS
    try:
        _text(page)
    finally:
        _leave(page)


def _text(page: int) -> None:
    text = ctypes.string_at(page + _word(page, TEXT_AT).value, _word(page, TEXT_LENGTH).value)

    def answer(data: bytes, kind: int) -> None:
        ctypes.memmove(page + ANSWER, data, len(data))
        _word(page, LENGTH).value = len(data)
        _byte(page, ANSWERED).value = kind

    _execute(text, page, answer)


def run_by_files(folder: str, process: int) -> None:
    """Do the same for Python 3.14, which runs files: what is claimed is renamed."""
    if os.getpid() != process:
        return

    def answer(data: bytes, kind: int) -> None:
        with open(os.path.join(folder, "answering"), "wb") as file:
            file.write(bytes([kind]) + data)
        os.rename(file.name, os.path.join(folder, "answer"))

    try:
        os.rename(os.path.join(folder, "text"), os.path.join(folder, "running"))
    except OSError:
        return  # it was withdrawn
    with open(os.path.join(folder, "running"), "rb") as file:
        text = file.read()
    try:
        _execute(text, 0, answer)
    finally:
        if os.path.exists(folder):
            os.rename(os.path.join(folder, "running"), os.path.join(folder, "over"))


def _execute(text: bytes, page: int, tell: Callable[[bytes, int], None]) -> None:
    """Run the text, and tell its answer or what it has raised."""
    answered = over = False

    def answer(data: bytes) -> None:
        nonlocal answered
        if over or answered:
            raise RuntimeError("there is one answer, and only while the text runs")
        if len(data) > ROOM:
            raise ValueError(f"an answer has room for {ROOM} bytes, not for {len(data)}")
        tell(bytes(data), SAID)
        answered = True

    try:
        names = {"__name__": "deadrelu_entered", "answer": answer, "page": page}
        exec(compile(text, "<deadrelu-tui>", "exec", dont_inherit=True), names)
    except BaseException as error:
        if not answered:
            tell(traceback.format_exc().encode(errors="replace")[-ROOM:], FAILED)
        if _of_a_handler(error):
            _pass_on(error)
    finally:
        over = True


def _leave(page: int) -> None:
    """Say that nothing more is done with the page; give it back if nobody else will."""
    _byte(page, OVER).value = 1
    if _byte(page, ABANDONED).value or _is_gone(_word(page, JOINER).value):
        _byte(page, LEFT).value = GIVEN_BACK
        _give_back(page)
    else:
        _byte(page, LEFT).value = TO_THE_JOINER


def _is_gone(joiner: int) -> bool:
    if joiner:
        try:
            os.kill(joiner, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
    return False


def _of_a_handler(error: BaseException) -> bool:
    """Tell whether a signal's handler has raised this: it ran in here only because the text did."""
    if not isinstance(error, Exception):
        return True
    handlers = {getattr(signal.getsignal(each), "__code__", None) for each in signal.valid_signals()} - {None}
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def _pass_on(error: BaseException) -> None:
    """Have an exception raised where the text has interrupted: from a pending call that ends in it."""

    class Truth:
        def __bool__(self) -> bool:
            raise error.with_traceback(None)

    python = ctypes.PyDLL(None)
    truth = ctypes.py_object(Truth())
    python.Py_IncRef(truth)  # the queue holds none of its arguments
    python.Py_AddPendingCall(python.PyObject_IsTrue, truth)


def _give_back(page: int) -> None:
    size = ctypes.c_uint64.from_address(page + SIZE).value
    ctypes.PyDLL(None).munmap(ctypes.c_void_p(page), ctypes.c_size_t(size))


def _byte(page: int, at: int) -> ctypes.c_uint8:
    return ctypes.c_uint8.from_address(page + at)


def _word(page: int, at: int) -> ctypes.c_uint32:
    return ctypes.c_uint32.from_address(page + at)


if "page" in globals():
    run(globals()["page"])
elif "folder" in globals():
    run_by_files(globals()["folder"], globals()["process"])
