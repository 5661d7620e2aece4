"""A large library loaded for good: what it makes stays, and the garbage collector need not look at it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_good() -> Iterator[None]:
    """Hold the garbage collector while a library is loaded, and leave what stays out of its walks.

    That are a hundred thousand objects, with all that a screen has made so far. The collector, which holds everything
    up, would walk through them while they are made and every few seconds from then on: 0.1 s each time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
