"""Values that hold from the step on at which they were set: what a training has set, its epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deadrelu_tui.record.columns import Column


class Held:
    """Of each name its values, and since which step each of them holds. One thread sets, any thread reads.

    A rate that changes at every step costs one number a step, and no copy of what was before.
    """

    def __init__(self) -> None:
        self._changes: dict[str, tuple[Column, list[Any]]] = {}
        self._now: tuple[int, Mapping[str, Any]] = 0, {}
        self._first: int | None = None

    def set(self, step: int, values: Mapping[str, Any]) -> None:
        """Note what holds from a step on, which is later than those before. A name that is left out keeps its value."""
        if self._first is None:
            self._first = step
        before = self._now[1]
        if values is before or values == before:
            return
        for name, value in values.items():
            if name not in before or before[name] != value:
                steps, known = self._changes.setdefault(name, (Column(np.int64), []))
                known.append(value)  # first: whoever finds the step finds the value
                steps.append(step)
        self._now = step, {**before, **values} if before.keys() - values.keys() else values

    def at(self, step: int) -> Mapping[str, Any]:
        """Return what held at a step; before the first one what held then."""
        since, newest = self._now
        if step >= since:
            return newest
        places = {name: self._place(name, step) for name in tuple(self._changes)}
        return {name: self._changes[name][1][place] for name, place in places.items() if place is not None}

    def since(self, name: str, step: int) -> int | None:
        """Return the step from which on the value that a name had at some step held; None if it had none."""
        place = self._place(name, step) if name in self._changes else None
        return None if place is None else int(self._changes[name][0].view()[place])

    def _place(self, name: str, step: int) -> int | None:
        """Return which of a name's values holds at a step; None for one that came later."""
        place = int(np.searchsorted(self._changes[name][0].view(), max(step, self._first or 0), side="right")) - 1
        return place if place >= 0 else None
