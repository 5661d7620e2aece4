"""Stops the main thread of another process for a moment.

The kernel lets a thread go when the one that holds it ends, however that comes. So what holds is a thread of its own:
it can give up on a process that does not come to a stop, and nobody's Ctrl-C reaches it.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import signal
import struct
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")

_JOB_CONTROL = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_POKE, _CONT, _DETACH = 5, 7, 17
_GET_REGISTERS, _SET_REGISTERS, _SEIZE, _INTERRUPT, _RSEQ = 0x4204, 0x4205, 0x4206, 0x4207, 0x420F
_GENERAL = 1
_OF_A_PROCESS, _NO_HANG, _STOPPED, _EXITED, _NO_TAKING, _ALL = 1, 1, 2, 4, 0x1000000, 0x40000000
_SI_CODE, _SI_PID, _SI_STATUS = 2, 4, 6
_TRAPPED, _STANDS = 4, 5
_STOP_EVENT = 128
_TIMER_SLACK = 29
_AT_ONCE, _BRIEFLY = 0.00005, 0.003


class GoneError(Exception):
    """The process has ended, or is another program by now."""


class Stop:
    """A thread that is stopped: what can be read of it and set."""

    def __init__(self, library: ctypes.PyDLL, tid: int, by_job_control: bool) -> None:
        self._library, self._tid = library, tid
        self.by_job_control = by_job_control
        """Somebody has stopped the process (Ctrl-Z, SIGSTOP): it goes on when that one says so."""

    def registers(self) -> bytes:
        """Return the general registers as the kernel lays them out."""
        room = ctypes.create_string_buffer(1024)
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(room))
        _ask(self._library, _GET_REGISTERS, self._tid, _GENERAL, ctypes.addressof(vector))
        return room.raw[: vector[1]]

    def set_registers(self, raw: bytes) -> None:
        """Set the general registers, all at once."""
        room = ctypes.create_string_buffer(raw, len(raw))
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(raw))
        _ask(self._library, _SET_REGISTERS, self._tid, _GENERAL, ctypes.addressof(vector))

    def poke(self, address: int, data: bytes) -> None:
        """Write to its memory word by word, for kernels that forbid code to be written in any other way."""
        for i in range(0, len(data), 8):
            (word,) = struct.unpack("<Q", data[i : i + 8])
            _ask(self._library, _POKE, self._tid, address + i, word)

    def restartable(self) -> int:
        """Return where the thread tells of restartable sequences; 0 if it has none, or the kernel does not say."""
        room = ctypes.create_string_buffer(32)
        try:
            _ask(self._library, _RSEQ, self._tid, 24, ctypes.addressof(room))
        except OSError:
            return 0
        return int(struct.unpack_from("<Q", room)[0])


def at_a_stop(tid: int, work: Callable[[Stop], _Result], patience: float) -> tuple[_Result | None, float]:
    """Have work done while a thread stands still, and return what it gives and for how long the thread was held.

    Gives None if it did not stop in time, as in a wait of the kernel that nothing interrupts. Raises GoneError or an
    OSError.
    """
    results: list[tuple[_Result | None, float]] = []
    errors: list[BaseException] = []

    def hold() -> None:
        try:
            results.append(_held(tid, work, patience))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=hold, name="entering", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _held(tid: int, work: Callable[[Stop], _Result], patience: float) -> tuple[_Result | None, float]:
    # A PyDLL keeps the interpreter's lock: no busy thread of ours comes between while somebody's training stands.
    library = ctypes.PyDLL(None, use_errno=True)
    library.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    library.ptrace.restype = ctypes.c_long
    # Of this thread alone: who is privileged goes before others, sleeps end when they are to, and one that has just
    # slept has a slice of the processor before it. Where all processors are busy, that is what a stop would wait for.
    library.setpriority(0, 0, -20)
    library.prctl(_TIMER_SLACK, 1, 0, 0, 0)
    library.usleep(300)
    _ask(library, _SEIZE, tid, 0, 0)
    collects = gc.isenabled()
    gc.disable()  # it takes longer than all else here
    try:
        waited = _wait(library, tid, patience)
        if waited is None:
            return None, 0.0
        ran, group = waited
        try:
            result = work(Stop(library, tid, group))
        finally:
            _ask(library, _DETACH, tid, 0, 0)
        return result, time.perf_counter() - ran
    finally:
        if collects:
            gc.enable()


def _wait(library: ctypes.PyDLL, tid: int, patience: float) -> tuple[float, bool] | None:
    """Return when it was last seen not to stand, and whether job control has stopped it; pass on what signals come."""
    began = ran = time.perf_counter()
    _ask(library, _INTERRUPT, tid, 0, 0)
    while True:
        now = time.perf_counter()
        status = _told(library, tid)
        if status is None:
            ran = now
            if now - began > patience:
                return None
            if now - began > _BRIEFLY:
                time.sleep(0.0005)
            elif now - began > _AT_ONCE:
                library.usleep(10)  # not sched_yield: others would have the processor for milliseconds
            continue
        number, event = status & 0xFF, status >> 8
        if event == _STOP_EVENT:
            return ran, number in _JOB_CONTROL
        _ask(library, _CONT, tid, 0, 0 if event else number)


def _told(library: ctypes.PyDLL, tid: int) -> int | None:
    """Return the signal and the event of a stop that has come; None if none has.

    Its end is looked at, not taken: that is its parent's, who may be this very process.
    """
    room = (ctypes.c_int * 32)()
    for kind in (_STOPPED | _EXITED | _NO_TAKING, _STOPPED):
        if library.waitid(_OF_A_PROCESS, tid, ctypes.byref(room), kind | _NO_HANG | _ALL) != 0:
            raise GoneError
        if not room[_SI_PID]:
            return None
        if room[_SI_CODE] not in (_TRAPPED, _STANDS):
            raise GoneError
    return room[_SI_STATUS]


def _ask(library: ctypes.PyDLL, what: int, tid: int, address: int, data: int) -> None:
    ctypes.set_errno(0)
    if library.ptrace(what, tid, address, data) == -1 and (number := ctypes.get_errno()):
        if number == errno.ESRCH:
            raise GoneError
        raise OSError(number, os.strerror(number))
