"""What this process may have of memory, threads and files, as far as it is less than a training may want.

What MXNet cannot have it does not miss with an exception: it ends the process, or waits for ever. So a training is
rehearsed where there is a limit (`engine/rehearsal.py`), and only there: to ask for the limits costs milliseconds.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import NoRoomError
from deadrelu_tui.wording import size

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
"""Where Linux tells it; elsewhere there are no limits to be found."""
GB = 10**9
WANTED, A_PROCESSOR = 4 * GB, 256 * 10**6
"""Bytes of address space beyond which nothing was ever short, and for each processor, whose threads have their own."""
RESIDENT = 1 * GB
"""Bytes of memory that a run does not fill, but for its network: 0.4 GB with the screen (benchmarks/memory.py)."""
COPIES = 6
"""How often a network may be in memory at once: weights, gradients, looks, trials."""
FEWEST_COPIES = 2
"""Weights and their gradients: without these there is no step."""
FILES = 64
"""Descriptors, of which a run with the screen and trials has 15 on two processors."""
STACK = 2**20
"""Bytes of a thread's stack that native libraries count on."""
THREADS = 24
"""Threads without those that there are for each processor; a run with the screen has 12 on two of them."""
PROCESSES = 8_192
"""How many processes and threads a user may have for there to be enough left, whoever has taken some."""
INPUTS, OUTPUTS = 784, 10
"""As in `dataset`, which loads NumPy: it is asked here first whether that may be."""
_SHORT_OF_MEMORY = re.compile(
    r"out of memory|bad_alloc|memory allocat|allocate memory|(cannot|can't|unable to|failed to) (m?alloc|map)", re.I
)
_SHORT = {
    errno.ENOMEM: "not enough memory", errno.EAGAIN: "too few processes and threads",
    errno.EMFILE: "too few open files", errno.ENFILE: "too few open files", errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full", errno.EFBIG: "a file would be larger than is allowed",
}  # fmt: skip
_ONE_HEAP = -8, 1
"""glibc's M_ARENA_MAX: all threads share a heap, where else each reserves 64 MB of addresses for its own."""


def network_bytes(settings: RunSettings) -> int:
    """Return what all weights take, in bytes."""
    return 4 * sum(above * below for above, below in pairwise((INPUTS, *settings.hidden, OUTPUTS)))


def tight(settings: RunSettings) -> tuple[str, ...]:
    """Return, in words, the limits of this process that a training of some settings could meet; mostly none."""
    network = network_bytes(settings)
    addresses = WANTED + A_PROCESSOR * (os.cpu_count() or 1) + COPIES * network
    found = list(_below(addresses, "Max address space", "-v", "address space"))
    found += _below(addresses, "Max data size", "-d", "memory for data")
    narrow = bool(found)
    found += _below(STACK, "Max stack size", "-s", "memory for a stack")
    files = _limit("Max open files")
    if files is not None and files < FILES:
        found.append(f"{files} open files (ulimit -n)")
    left = _left_to_group()
    if left is not None and left < RESIDENT + COPIES * network:
        found.append(f"{size(left)} of memory left to its group (cgroup)")
    # How many there are already nobody tells of a user. So they are tried, but where addresses are short: each thread
    # takes some for a heap of its own, for good.
    most = _most_processes()
    if most is not None and most < PROCESSES and not narrow and not _threads_start(THREADS + 2 * (os.cpu_count() or 1)):
        found.append(f"{most} processes and threads (ulimit -u, or pids of its cgroup)")
    return tuple(found)


def _below(enough: int, name: str, switch: str, word: str) -> Iterator[str]:
    limit = _limit(name)
    if limit is not None and limit < enough:
        yield f"{size(limit)} of {word} (ulimit {switch})"


def lacking(error: BaseException) -> str:
    """Return, in words, what an exception says is short: memory, processes, files or the disk; empty if nothing is."""
    cause: BaseException | None = error
    while cause is not None:  # NumPy's import, for one, says something else
        if isinstance(cause, MemoryError) or _SHORT_OF_MEMORY.search(str(cause)):
            return "not enough memory"
        if "start new thread" in str(cause):
            return "too few processes and threads"
        if isinstance(cause, OSError) and cause.errno in _SHORT:
            return _SHORT[cause.errno]
        cause = cause.__cause__ or cause.__context__
    return ""


def told(short: str, settings: RunSettings) -> str:
    """Return what is short with the limits that may be the reason."""
    limits = tight(settings)
    return f"{short}: this process may have only {', and '.join(limits)}" if limits else short


def be_sparing() -> None:
    """Have the threads of this process share what they would else reserve for each; for processes with little room."""
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).mallopt(*_ONE_HEAP)


def leave(share: float) -> None:
    """Allow this process a share of the address space and of the memory for data that it may have."""
    import resource

    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, hard = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            resource.setrlimit(kind, (int(share * soft), hard))


def require_memory(settings: RunSettings) -> None:
    """Raise NoRoomError for a network that is larger than all memory that is left."""
    least, left = FEWEST_COPIES * network_bytes(settings), memory_left()
    if left is not None and least > left:
        raise NoRoomError(
            f"not enough memory: the weights of {len(settings.hidden)} layers of up to {max(settings.hidden)} units "
            f"and their gradients take {size(least)}, and {size(left)} are free; use smaller ones (--hidden)"
        )


def memory_left() -> int | None:
    """Return the bytes of memory that this process may still have, swap included; None where nobody tells."""
    lefts = [each for each in (_left_to_machine(), _left_to_group()) if each is not None]
    return min(lefts) if lefts else None


def _limit(name: str) -> int | None:
    """Return a limit of this process, as Linux lists them; None where there is none."""
    with suppress(OSError, ValueError):
        for line in (PROC / "self/limits").read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line[len(name) :].split()[0])
    return None


def _left_to_machine() -> int | None:
    with suppress(OSError, ValueError, KeyError):
        rows = (line.split(":") for line in (PROC / "meminfo").read_text().splitlines())
        values = {row[0]: int(row[1].split()[0]) * 1024 for row in rows}
        return values["MemAvailable"] + values["SwapFree"]
    return None


def _left_to_group() -> int | None:
    """Return what the group of this process, or one above it, may still have, by either kind of cgroup.

    What it keeps of files can be read again, and counts as free.
    """
    lefts = []
    for folder in _groups("memory"):
        for most, now, prefix in (
            ("memory.max", "memory.current", ""),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        ):
            with suppress(OSError, ValueError):  # it is of the other kind, or has no limit: "max"
                left = int((folder / most).read_text()) - int((folder / now).read_text())
                rows = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                kept = (int(rows.get(f"{prefix}{each}_file", 0)) for each in ("active", "inactive"))
                lefts.append(left + sum(kept))
    return min(lefts, default=None)


def _most_processes() -> int | None:
    """Return how many processes and threads the user of this process, or its group, may have."""
    found = [] if (limit := _limit("Max processes")) is None else [limit]
    for folder in _groups("pids"):
        with suppress(OSError, ValueError):
            found.append(int((folder / "pids.max").read_text()))
    return min(found, default=None)


def _groups(kind: str) -> Iterator[Path]:
    """Yield the folders of the control groups in which this process is, innermost first."""
    with suppress(OSError):
        for line in (PROC / "self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds in ("", kind):
                root = CGROUPS / kinds
                inner = root / path.strip("/")
                yield from (each for each in (inner, *inner.parents) if root in (each, *each.parents))


def _threads_start(count: int) -> bool:
    """Return whether so many threads can be there at once: a limit may be of the user, of a group, or of memory."""
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(count)]
    try:
        for each in threads:
            each.start()
    except (RuntimeError, MemoryError):
        return False
    finally:
        done.set()
        for each in threads:
            if each.ident is not None:
                each.join()
    return True
