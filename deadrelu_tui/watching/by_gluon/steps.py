"""The steps of a training: `step` and `update` of its Trainers, wrapped on the very objects, and unwrapped again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

NAMES = ("step", "update")
Around = Callable[[Any], AbstractContextManager[None]]
"""What a trainer takes its step within."""


class Steps:
    """Tells of each step before and after it is taken; the first trainer's steps are the training's."""

    def __init__(
        self, trainers: Sequence[Any], before: Callable[[], None], around: Around, after: Callable[[], None]
    ) -> None:
        """Wrap them."""
        self.trainers = list(trainers)
        self.samples = 1.0
        """By how many samples the gradients of the step in hand are divided."""
        self.scale = 1.0
        """What makes of its gradients those of the loss itself: amp multiplies them."""
        self._before, self._around, self._after = before, around, after
        self._taking: set[int] = set()
        self._left = False
        self._wrapped = [(trainer, name, self._wrap(trainer, name)) for trainer in self.trainers for name in NAMES]

    def _wrap(self, trainer: Any, name: str) -> tuple[Any, Any]:
        """Put a function in the place of a method; return it, and what was in that place on the object itself."""
        method, was = getattr(trainer, name), vars(trainer).get(name)

        @functools.wraps(method)
        def called(*args: Any, **given: Any) -> Any:
            # A step that is taken by way of update(), or the other way round, is one; and whoever has wrapped this once
            # more still calls it when we have left.
            if self._left or id(trainer) in self._taking:
                return method(*args, **given)
            self._taking.add(id(trainer))
            try:
                return self._take(trainer, method, args, given)
            finally:
                self._taking.discard(id(trainer))

        setattr(trainer, name, called)
        return called, was

    def _take(self, trainer: Any, method: Callable[..., Any], args: Any, given: Any) -> Any:
        first = trainer is self.trainers[0]
        if first:
            samples = args[0] if args else given.get("batch_size", 1)
            self.samples = float(samples) if isinstance(samples, (int, float)) and samples > 0 else 1.0
            original = getattr(trainer, "_amp_original_scale", None)
            self.scale = float(trainer._scale / original) if original else 1.0
            self._before()
        with self._around(trainer):
            result = method(*args, **given)
        if first:
            self._after()
        return result

    def leave(self) -> None:
        """Have the trainers be what they were."""
        self._left = True
        for trainer, name, (called, was) in self._wrapped:
            if vars(trainer).get(name) is called:
                if was is None:
                    delattr(trainer, name)
                else:
                    setattr(trainer, name, was)
        self._wrapped = []
