"""What a training tells of its own accord, before and after it is known what is watched."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from deadrelu_tui.watching.guest import Guest
from deadrelu_tui.watching.tables import Table

EARLY = 256
"""Choices from tables that are kept before the watching has begun."""


class Watched:
    """What is put on a training, whatever framework that uses."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.guest: Guest | None = None
        self.fault: str | None = None
        self._scalars: dict[str, Any] = {}
        self._counts: deque[tuple[str, Any, int]] = deque(maxlen=EARLY)

    def held(self, value: Any) -> Any:
        """Return a number as it stands now, whatever becomes of the array that holds it; waits for nothing."""
        raise NotImplementedError

    def table(self, size: int) -> Table:
        """Return what counts the choices from a table of so many entries."""
        raise NotImplementedError

    def log(self, scalars: Mapping[str, Any]) -> None:
        """Take numbers that the training tells."""
        held = {name: self.held(each) for name, each in scalars.items()}
        if (guest := self.guest) is not None:
            guest.guarded("a number could not be taken", guest.log, held)
        else:
            self._scalars.update(held)

    def count(self, name: str, indices: Any, size: int) -> None:
        """Count which entries of a table were chosen."""
        if (guest := self.guest) is not None:
            guest.guarded("choices could not be counted", guest.count, name, indices, size, self.table)
        elif self.fault is None:
            self._counts.append((name, indices, size))

    def let_go(self) -> None:
        """Take off whatever was put on the training; `close` does the rest."""
        if self.guest is not None:
            self.guest.let_go()

    def tell_early(self, guest: Guest) -> None:
        """Hand over what was told before it began."""
        guest.log(self._scalars)
        for name, indices, size in self._counts:
            guest.count(name, indices, size, self.table)
        self._scalars, self._counts = {}, deque(maxlen=0)
