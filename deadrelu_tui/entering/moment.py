"""Whether a thread may be turned aside just where it stands.

What it is to do aside takes Python's lock on the queue of pending calls. Were that lock held by the thread itself, it
would wait for itself for ever; and no wait for that lock may be under way, for a second one of the same thread could
take the first one's turn. Both can be told by where the thread stands, as whoever holds the lock neither waits nor asks
the kernel for anything:

- In a system call other than futex it does not hold it. In a futex wait it does not hold it either, but might wait for
  it: so no function of the queue may be on the stack near by, or the very same wait must have been seen a while before.
- Otherwise the innermost function of Python's must be known by name and be neither one of the queue nor one of locks.
  Where a binary has only its public names, the others are unknown, and so never taken for right; a thread that
  computes comes by the evaluation loop, which is public, all the time.

Nothing aside allocates memory, and Py_AddPendingCall takes no other lock, whatever the thread is in the middle of.

What remains: another thread may hold the lock, for the ten instructions that it ever is held. Up to Python 3.12 ours
waits for it, as any would; 3.13 lets go of the interpreter's lock while it waits, in the middle of a bytecode. Nothing
but other callers of Py_AddPendingCall takes that lock in another thread, and a training has none.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

from deadrelu_tui.entering.elf import Functions
from deadrelu_tui.entering.registers import Read, Seen

_QUEUE = {
    "Py_AddPendingCall", "_PyEval_AddPendingCall", "Py_MakePendingCalls", "_PyEval_MakePendingCalls", "handle_pending",
    "make_pending_calls", "_make_pending_calls", "_push_pending_call", "_pop_pending_call", "_Py_HandlePending",
    "_next_pending_call", "eval_frame_handle_pending", "handle_eval_breaker", "_Py_FinishPendingCalls",
}  # fmt: skip
_LOCKS = ("PyThread_", "PyMutex_", "_PyMutex_", "_PyParkingLot_", "_PyRawMutex_", "_PySemaphore_", "_PyOnceFlag_")
_NEAR, _FAR = 64, 256
_A_WHILE = 0.05


class Moments:
    """Judges moments of one thread."""

    def __init__(self, functions: Functions, futex: int, ours: Sequence[tuple[int, int]]) -> None:
        """Take what is known of Python's code, and from where to where ours is."""
        self._functions, self._futex, self._ours = functions, futex, ours
        self._wait: Seen | None = None
        self._waits_since = 0.0

    def fits(self, seen: Seen, read: Read) -> bool:
        """Tell whether the thread may be turned aside; `read` reads its memory."""
        stack = self._stack(seen, read)
        if any(start <= each < end for start, end in self._ours for each in (seen.pc, *stack)):
            return False
        if seen.call is None:
            return self._innermost(seen, stack, locks=False)
        if seen.call != self._futex or self._innermost(seen, stack, locks=True):
            return True
        if self._wait != seen:
            self._wait, self._waits_since = seen, time.monotonic()
        return time.monotonic() - self._waits_since >= _A_WHILE

    def _stack(self, seen: Seen, read: Read) -> tuple[int, ...]:
        data = read(seen.sp, 8 * _FAR)
        return struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8])

    def _innermost(self, seen: Seen, stack: tuple[int, ...], locks: bool) -> bool:
        """Tell whether the innermost function of Python's is one that may be interrupted."""
        for address in (seen.pc, *stack[:_NEAR]):
            if not self._functions.holds(address):
                continue
            name = self._functions.name(address)
            if name is None or name in _QUEUE:
                return False
            if not name.startswith(_LOCKS):
                return True
            if not locks:
                return False
        return True


def in_sequence(pc: int, told_at: int, read: Read) -> bool:
    """Tell whether the thread is in a restartable sequence: turned aside, it would not be restarted."""
    if not told_at:
        return False
    (sequence,) = struct.unpack("<Q", read(told_at + 8, 8).ljust(8, b"\0"))
    if not sequence:
        return False
    start, length = struct.unpack("<QQ", read(sequence + 8, 16).ljust(16, b"\0"))
    return bool(start <= pc < start + length)
