"""Where a run was recorded: the process that trains, told so that anybody can find out whether it still lives.

A process's number comes again, and a folder may be shared by many machines. So its machine is told by the start of its
kernel and by its namespace of processes, and the process by the time at which it began.
"""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from typing import Any

SILENT = 60.0
"""Seconds after which a file that is not touched any more belongs to a process of another machine that has died."""


def origin(version: str) -> dict[str, Any]:
    """Return who records here: host, process and versions, as facts of a run."""
    import numpy as np  # here alone: who only asks whether a run lives needs none

    versions = {"deadrelu-tui": version, "python": platform.python_version(), "numpy": np.__version__}
    return {"host": socket.gethostname(), "process": process(os.getpid()), "versions": versions}


def process(pid: int) -> dict[str, Any]:
    """Return what tells a process of this machine from all others that ever were."""
    return {"pid": pid, "began": _began(pid), "machine": _machine()}


def lives(facts: Mapping[str, Any], silent: float) -> bool:
    """Return whether the process that records a run lives, of whose file nothing was heard for so many seconds."""
    told = facts.get("process")
    if not isinstance(told, Mapping) or not isinstance(told.get("pid"), int):
        return silent < SILENT
    if facts.get("host") != socket.gethostname() or told.get("machine") != _machine():
        return silent < SILENT
    if told.get("began"):
        return bool(_began(told["pid"]) == told["began"])
    try:
        os.kill(told["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def pid_here(facts: Mapping[str, Any]) -> int | None:
    """Return the number of the process that records a run; None unless it certainly is that one, and lives here."""
    told = facts.get("process")
    if not isinstance(told, Mapping) or not isinstance(told.get("pid"), int) or not told.get("began"):
        return None
    here = facts.get("host") == socket.gethostname() and told.get("machine") == _machine()
    return told["pid"] if here and _began(told["pid"]) == told["began"] else None


def _began(pid: int) -> int | None:
    """Return when a process began, in ticks since the start of the kernel; None where it is not told or has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            after = file.read().rpartition(")")[2].split()  # its name may hold anything
    except OSError:
        return None
    return None if after[0] in "ZX" else int(after[19])


def _machine() -> str:
    """Return what tells this start of this machine, and this container, from others; empty where nothing does."""
    parts = []
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            parts.append(file.read().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass
    return " ".join(parts)
