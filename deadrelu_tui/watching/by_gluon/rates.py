"""The learning rate of Trainers: what they have set themselves, and a factor on it that outlives every scheduler."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any


class Rates:
    """Multiplies rates during a step; between two steps all is as the training has set it."""

    def __init__(self, trainers: Sequence[Any]) -> None:
        self._trainers = trainers
        self._scheduled: dict[int, float] = {}
        """What each scheduler said last: nobody asks it between two steps, as it may count how often it was asked."""

    def rate(self) -> float | None:
        """Return the learning rate of the first trainer; None if it has none."""
        for trainer in self._trainers:
            optimizer = trainer._optimizer
            scheduler = getattr(optimizer, "lr_scheduler", None)
            if scheduler is not None:
                found = self._scheduled.get(id(trainer), getattr(scheduler, "base_lr", None))
            else:
                found = getattr(optimizer, "lr", None)
            if found is not None:
                return float(found)
        return None

    @contextlib.contextmanager
    def multiplied(self, trainer: Any, factor: float) -> Iterator[None]:
        """Have a trainer take a step at a multiple of its learning rate."""
        optimizer = trainer._optimizer
        scheduler, rate = getattr(optimizer, "lr_scheduler", None), getattr(optimizer, "lr", None)
        if scheduler is not None:

            def scaled(update: int) -> Any:
                found = scheduler(update)
                self._scheduled[id(trainer)] = float(found)
                return found if factor == 1.0 else found * factor

            optimizer.lr_scheduler = scaled
        elif rate is not None and factor != 1.0:
            optimizer.lr = rate * factor
        try:
            yield
        finally:
            if scheduler is not None:
                optimizer.lr_scheduler = scheduler
            elif rate is not None and factor != 1.0:
                optimizer.lr = rate
