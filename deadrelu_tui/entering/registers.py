"""What is known of a stopped thread's registers, whatever the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from deadrelu_tui.errors import InputError

Read = Callable[[int, int], bytes]
"""Reads the process's memory: where, and how many bytes."""


@dataclass(frozen=True)
class Seen:
    """The registers as they are when the thread goes on."""

    pc: int
    sp: int
    call: int | None
    """The system call that it waits in and that it will begin again."""
    words: tuple[int, ...]
    native: bool = True


class Machine(Protocol):
    """What differs from one kind of processor to another."""

    ELF: str
    FUTEX: int
    MMAP: int
    MUNMAP: int
    ROOM: int
    FAR: int | None

    def seen(self, raw: bytes, read: Read) -> Seen:
        """Return what matters of the registers."""

    def turned(self, registers: Seen, stub: int) -> bytes:
        """Return registers that go to a stub."""

    def system_call(self, at: int, back: int, number: int, arguments: Sequence[int]) -> bytes | None:
        """Return code that asks the kernel for something, and goes back; None if it cannot go back from there."""

    def vectors(self, pid: int) -> bytes:
        """Return the part of the code that depends on what registers a process's processor has."""

    def call(
        self, at: int, back: int, page: int, functions: tuple[int, int, int], text: int, vectors: bytes
    ) -> bytes | None:
        """Return code that queues the text, and goes back; None if it cannot go back from there."""


def ours() -> Machine:
    """Return the machine that this Python runs on."""
    import platform

    name = platform.machine()
    if sys.platform != "linux" or sys.maxsize < 1 << 32 or name not in ("x86_64", "aarch64"):
        raise InputError(
            "only on Linux, on 64-bit x86 or ARM, can a running training be joined; "
            f"this is {'a 32-bit Python on ' if sys.maxsize < 1 << 32 else ''}{sys.platform} on {name}"
        )
    from deadrelu_tui.entering import aarch64, x86_64

    return x86_64 if name == "x86_64" else aarch64
