"""Has something done by the thread that trains, between two of its own instructions, from a thread beside it.

Hooks are put on and taken off so: whoever goes through an optimizer's hooks must not find others meanwhile.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

AGAIN = 0.002
"""Seconds until a moment that was not fit is tried again."""
Unfit = Callable[[FrameType], bool]


class _Request:
    """One thing to be done at the next moment, if that is fit."""

    def __init__(self, action: Callable[[], None], unfit: Unfit) -> None:
        self._action, self._unfit = action, unfit
        self._lock = threading.Lock()
        self.over = threading.Event()
        self.done = False

    def answer(self, frame: FrameType | None) -> None:
        """Do it, unless it was withdrawn or the moment is not fit."""
        with self._lock:
            if not self.over.is_set() and not stands_in(frame, self._unfit):
                self.done = True
                self._action()
        self.over.set()

    def withdraw(self) -> bool:
        """Have it not be done any more; return whether it was."""
        with self._lock:
            self.over.set()
        return self.done


_requests: deque[_Request] = deque()


def _called(_: object) -> int:
    with suppress(Exception):  # nothing of ours reaches the training
        _requests.popleft().answer(sys._getframe().f_back)
    return 0


_CALLED = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_called)
"""What the interpreter is asked to call. It is there for good: it may be called long after a request was withdrawn."""


def do(action: Callable[[], None], unfit: Unfit, patience: float) -> bool:
    """Have the main thread do something as soon as no function that it is in is unfit for that; return whether it was
    done within so many seconds.
    """
    until = time.monotonic() + patience
    while time.monotonic() < until:
        request = _Request(action, unfit)
        _requests.append(request)
        if ctypes.pythonapi.Py_AddPendingCall(_CALLED, None) != 0:  # too much was asked already
            _requests.remove(request)
            time.sleep(AGAIN)
            continue
        request.over.wait(max(0.0, until - time.monotonic()))
        if request.withdraw():
            return True
        time.sleep(AGAIN)
    return False


def do_beside(action: Callable[[], None], unfit: Unfit) -> bool:
    """Do something from here while the main thread sits in a call outside Python; return whether that was fit."""
    if stands_in(sys._current_frames().get(threading.main_thread().ident or 0), unfit):
        return False
    action()
    return True


def stands_in(frame: FrameType | None, unfit: Unfit) -> bool:
    """Return whether a function, or one that has called it, is unfit."""
    while frame is not None:
        if unfit(frame):
            return True
        frame = frame.f_back
    return False
