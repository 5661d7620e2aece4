"""Finds the processes that can be joined, and says of one why it cannot."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from deadrelu_tui.entering import proc, registers
from deadrelu_tui.entering.interpreter import LAST_ENTERED, OLDEST, Interpreter, interpreter
from deadrelu_tui.entering.permission import denied
from deadrelu_tui.entering.proc import Mapping
from deadrelu_tui.errors import InputError

_TORCH = re.compile(r"libtorch(_cpu|_python)?\.so")
_A_MOMENT = 0.1
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True)
class Found:
    """A Python process that can be joined."""

    pid: int
    command: tuple[str, ...]
    age: float
    """Seconds since it was started."""
    share: float
    """How much of a processor it has used since then: 1 is one of them all the time."""
    version: tuple[int, int]
    python: Interpreter = field(repr=False)
    started: int
    """When it was started, in the kernel's own count: another process of the same number has another."""
    share_now: float | None = None
    """How much it has used in the last moment."""


def processes() -> list[Found]:
    """Return this user's Python processes that have torch loaded and can be joined, the busiest first."""
    registers.ours()
    found = [each for entry in Path("/proc").iterdir() if entry.name.isdecimal() and (each := _found(int(entry.name)))]
    before = {each.pid: (time.monotonic(), _used(each.pid)) for each in found}
    if found:
        time.sleep(_A_MOMENT)
    now = [replace(each, share_now=_share_since(each.pid, *before[each.pid])) for each in found]
    return sorted(now, key=lambda each: (-(each.share_now or 0), -each.share, each.pid))


def find(pid: int, torch: bool = True) -> Found:
    """Return a process; raises InputError, in one line, if it is not one to be joined."""
    machine = registers.ours()
    try:
        _refuse(pid)
        mappings = proc.maps(pid)
        if not mappings or not proc.program(pid):
            raise _cannot(pid, "it is no Python process")
        python = interpreter(pid, mappings)
        if python is None:
            raise _cannot(pid, "it is no Python process")
        _refuse_python(pid, python, machine.ELF)
        if torch and not _has_torch(mappings):
            raise _cannot(pid, "it has not loaded torch")
        times = proc.times(pid)
        return Found(pid, proc.words(pid), times.age, times.used / times.age, python.version, python, times.started)
    except _GONE:
        raise InputError(f"there is no process {pid}") from None
    except PermissionError:
        raise denied(pid) from None


def _refuse(pid: int) -> None:
    """Raise InputError for a process that is not ours to look into."""
    if pid <= 0 or not os.path.exists(f"/proc/{pid}"):
        raise InputError(f"there is no process {pid}")
    if pid == os.getpid():
        raise _cannot(pid, "it is this one itself")
    told = proc.status(pid)
    if int(told["Tgid"]) != pid:
        raise _cannot(pid, f"it is a thread of process {told['Tgid']}")
    users = set(told["Uid"].split())
    if users != {str(os.geteuid())}:
        raise _cannot(pid, "it is another user's")
    if told["State"][0] in "ZX":
        raise _cannot(pid, "it, or its main thread, has ended already")


def _refuse_python(pid: int, python: Interpreter, machine: str) -> None:
    """Raise InputError for a Python that cannot be entered."""
    said = ".".join(map(str, python.version))
    if python.machine != machine or python.bits != 64:
        raise _cannot(pid, f"it runs code of another kind of processor ({python.machine}, {python.bits} bits)")
    if python.version < OLDEST:
        raise _cannot(pid, f"its Python {said} is too old: 3.10 or newer can be joined")
    if python.version > LAST_ENTERED:
        return
    if python.free_threaded:
        raise _cannot(pid, f"its Python {said} is a free-threaded one, which can be joined from 3.14 on")
    if python.calls is None:
        raise _cannot(pid, f"its Python {said} is stripped of the symbols by which it is entered")


def _cannot(pid: int, why: str) -> InputError:
    return InputError(f"process {pid} cannot be joined: {why}")


def _has_torch(mappings: list[Mapping]) -> bool:
    return any(_TORCH.match(each.name) for each in mappings)


def _found(pid: int) -> Found | None:
    """Return a process if it can be joined; the cheap questions come first."""
    try:
        _refuse(pid)
        return find(pid) if _has_torch(proc.maps(pid)) else None
    except (InputError, OSError):
        return None


def _used(pid: int) -> float:
    try:
        return proc.times(pid).used
    except OSError:
        return 0.0


def _share_since(pid: int, at: float, used: float) -> float:
    return max(_used(pid) - used, 0.0) / max(time.monotonic() - at, 1e-3)
