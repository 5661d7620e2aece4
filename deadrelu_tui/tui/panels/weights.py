"""The weights of a run as they are now: a copy of its parameters, asked for anew now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from deadrelu_tui.record.columns import Floats
from deadrelu_tui.run.source import Source

EVERY = 1.0
"""Seconds between two copies; of networks with more than so many parameters in proportion."""
PARAMETERS = 1_000_000


class Weights:
    """The newest copy; nobody waits for one."""

    def __init__(self, came: Callable[[], None]) -> None:
        """Take what is to be called, in whatever thread, when a copy is there."""
        self._came = came
        self._run, self._wait_until = "", 0.0
        self._asked: Future[list[Any]] | None = None
        self._copy: list[Any] = []

    def of(self, source: Source, parameter: str) -> Floats | None:
        """Return a parameter of a run, by its name, as it was copied last; None as long as there is no copy."""
        if self._run != source.start.run:
            self._run, self._asked, self._copy, self._wait_until = source.start.run, None, [], 0.0
        if self._asked is not None and self._asked.done():
            if not self._asked.cancelled() and self._asked.exception() is None:
                self._copy = self._asked.result()
            self._asked = None
        parameters = source.start.network.parameters
        if self._asked is None and time.monotonic() >= self._wait_until:
            numbers = sum(each.inputs * each.shape[0] for each in parameters if each.shape)
            self._wait_until = time.monotonic() + EVERY * max(1.0, numbers / PARAMETERS)
            self._asked = source.parameters()
            if self._asked is not None:
                self._asked.add_done_callback(lambda _asked: self._came())
        index = next((index for index, each in enumerate(parameters) if each.name == parameter), len(self._copy))
        return self._copy[index] if index < len(self._copy) else None
