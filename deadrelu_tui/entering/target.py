"""A process that is to be entered: its memory, and turning its main thread aside.

The thread is turned aside by setting its registers once: they point to code of ours that keeps them all, does one
thing, puts them back and goes on where the thread stood, a system call that was interrupted included. Before that
nothing has happened, and after it nobody is needed: so whoever enters may be killed at any moment. That code stands in
bytes behind the code of some library, between the end of its segment and the end of the page: they are mapped,
executable, and nobody's.
"""

from __future__ import annotations

import ctypes
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress

from deadrelu_tui.entering import proc, registers
from deadrelu_tui.entering.interpreter import Interpreter, by_file, image
from deadrelu_tui.entering.moment import Moments, in_sequence
from deadrelu_tui.entering.permission import denied
from deadrelu_tui.entering.ptrace import GoneError, Stop, at_a_stop
from deadrelu_tui.errors import InputError

_PATIENCE = 0.2
_MISSED = "its main thread stood nowhere for it to be turned aside; try again"


class Target:
    """A process that is to be entered."""

    def __init__(self, pid: int, python: Interpreter) -> None:
        """Find everything that is to be known before it is stopped."""
        self.pid = pid
        self.machine = registers.ours()
        self.stops: list[float] = []
        """For how long each time it was held, in seconds."""
        self._mappings = proc.maps(pid)
        if python.calls is None:
            raise InputError(f"the Python of process {pid} is stripped of its symbols, so it cannot be joined")
        self.calls = python.calls
        self.places = self._slack()
        """Where code of ours may stand, and what stands there otherwise."""
        self._used: set[int] = set()
        ours = [(at, at + self.machine.ROOM) for at, _ in self.places]
        self._moments = Moments(python.functions, self.machine.FUTEX, ours)
        self._vectors = self.machine.vectors(pid)
        self._library = ctypes.PyDLL(None, use_errno=True)
        try:
            self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            raise denied(pid) from None
        except OSError:
            raise gone(pid) from None

    def _slack(self) -> list[tuple[int, bytes]]:
        found = []
        for own in by_file(self._mappings).values():
            with suppress(InputError, OSError), image(self.pid, own) as looked_at:
                if place := looked_at.slack(self.machine.ROOM):
                    found.append(place)
            if found and self.machine.FAR is None:
                break
        if found:
            return found
        if not self._mappings or not os.path.exists(f"/proc/{self.pid}/exe"):
            raise gone(self.pid)
        raise InputError(f"process {self.pid} has no room for code behind any of its libraries, so it cannot be joined")

    def read(self, at: int, size: int) -> bytes | None:
        """Return what its memory has there; None if nothing is mapped. Raises InputError once it has ended."""
        room = ctypes.create_string_buffer(size)
        got = self._library.pread(self._memory, room, ctypes.c_size_t(size), ctypes.c_long(at))
        if got == 0:
            raise gone(self.pid)
        return room.raw[:got] if got > 0 else None

    def write(self, at: int, data: bytes) -> bool:
        """Write to its memory and tell whether that went well."""
        return bool(
            self._library.pwrite(self._memory, data, ctypes.c_size_t(len(data)), ctypes.c_long(at)) == len(data)
        )

    def free(self, size: int) -> int:
        """Return an address where nothing is mapped, with room for so many bytes."""
        ends = [0x100000, *(each.end for each in self._mappings)]
        starts = [each.start for each in self._mappings if each.start < 1 << 47]
        room, end = max((start - end, end) for end, start in zip(ends, starts, strict=False))
        # The kernel fills a gap from its ends, and another one that enters chooses another place.
        at = end + room // 4 + random.randrange(room // 2)
        return at - at % 65536

    def ask_kernel(self, number: int, arguments: tuple[int, ...], deadline: float) -> None:
        """Have it make a system call."""
        self._turn_aside(lambda at, back: self.machine.system_call(at, back, number, arguments), deadline)

    def queue(self, page: int, text: int, deadline: float) -> None:
        """Have it put a text into Python's queue of pending calls."""
        self._turn_aside(lambda at, back: self.machine.call(at, back, page, self.calls, text, self._vectors), deadline)

    def tidy(self, deadline: float) -> None:
        """Put back what stood where our code was."""
        self._turn_aside(None, deadline)

    def _turn_aside(self, build: Callable[[int, int], bytes | None] | None, deadline: float) -> None:
        reason = ""

        def work(stop: Stop) -> str:
            if stop.by_job_control:
                return "it is stopped (by Ctrl-Z, or a signal): let it go on first"
            seen = self.machine.seen(stop.registers(), self._near)
            if not seen.native:
                return "it runs 32-bit code"
            if not self._moments.fits(seen, self._near) or in_sequence(seen.pc, stop.restartable(), self._near):
                return _MISSED
            if build is None:
                for at, was in self.places:
                    if at in self._used:
                        self._place(stop, at, was)
                return ""
            for at, _ in self.places:
                if code := build(at, seen.pc):
                    self._used.add(at)
                    self._place(stop, at, code)
                    stop.set_registers(self.machine.turned(seen, at))
                    return ""
            return _MISSED

        while True:
            try:
                result, held = at_a_stop(self.pid, work, _PATIENCE)
            except GoneError:
                raise gone(self.pid) from None
            except PermissionError:
                raise denied(self.pid) from None
            if result is None:
                reason = "its main thread came to no stop: it waits in the kernel, or this machine is very busy"
            else:
                self.stops.append(held)
                if not result:
                    return
                reason = result
            if time.monotonic() > deadline:
                raise InputError(f"process {self.pid} was not joined, and nothing will run there later: {reason}")
            time.sleep(random.uniform(0.001, 0.008))

    def _place(self, stop: Stop, at: int, code: bytes) -> None:
        if not self.write(at, code):  # kernels can forbid that for what is not to be written, but not for who holds it
            stop.poke(at, code)

    def _near(self, at: int, size: int) -> bytes:
        return self.read(at, size) or b""

    def close(self) -> None:
        """Let go of its memory."""
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1


def gone(pid: int) -> InputError:
    """Return what is told of a process that has ended."""
    return InputError(f"process {pid} has ended")
