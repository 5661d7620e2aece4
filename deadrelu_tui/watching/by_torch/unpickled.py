"""Hooks that stay with the network they were put on: whoever saves or copies it saves and copies none of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any


class Hook:
    """A hook that becomes nothing at all in a pickle or a copy, and needs nothing of ours to be read back."""

    def __init__(self, action: Callable[..., Any]) -> None:
        self._action = action

    def __call__(self, *args: Any) -> Any:
        """Do what it is for."""
        return self._action(*args)

    def __reduce__(self) -> Any:
        # Takes whatever a hook is handed, does nothing, and is Python's own.
        return getattr, (nullcontext(), "__exit__")
