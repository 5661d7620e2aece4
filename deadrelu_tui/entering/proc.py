"""What the kernel tells of a process in /proc."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+) *(.*)")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Mapping:
    """A stretch of a process's memory."""

    start: int
    end: int
    rights: str
    offset: int
    inode: int
    path: str

    @property
    def name(self) -> str:
        """The file's own name, without its folders."""
        return self.path.removesuffix(" (deleted)").rpartition("/")[2]


@dataclass(frozen=True)
class Times:
    """How a process stands, since when it is there and what it has used of the processors."""

    state: str
    used: float
    started: int

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(up - self.started / _TICKS, 1 / _TICKS)


def maps(pid: int) -> list[Mapping]:
    """Return the process's mappings, by address."""
    text = Path(f"/proc/{pid}/maps").read_bytes().decode(errors="surrogateescape")
    return [
        Mapping(int(start, 16), int(end, 16), rights, int(offset, 16), int(inode), path)
        for start, end, rights, offset, inode, path in _MAPPING.findall(text)
    ]


def times(pid: int) -> Times:
    """Return state, processor time and start of a process."""
    # Its name stands in brackets and may have brackets itself.
    words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return Times(words[0].decode(), (int(words[11]) + int(words[12])) / _TICKS, int(words[19]))


def status(pid: int | str) -> dict[str, str]:
    """Return the lines of /proc/PID/status, by their names."""
    lines = Path(f"/proc/{pid}/status").read_bytes().decode(errors="replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def words(pid: int) -> tuple[str, ...]:
    """Return the words of a process's command."""
    told = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return tuple(told.removesuffix("\0").split("\0")) if told else ()


def program(pid: int) -> str:
    """Return the path of the program that a process runs, as its maps have it; "" if it has none."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except FileNotFoundError:
        return ""


def same_namespace(pid: int, kind: str) -> bool:
    """Tell whether a process is in a namespace of ours."""
    return os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")
