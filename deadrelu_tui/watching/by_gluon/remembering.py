"""What a Trainer remembers of parameters: momentum, means and variances of gradients, made to forget some units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.watching.by_gluon.looking import array
from deadrelu_tui.watching.by_gluon.theirs import mx

DIVIDING: Mapping[str, tuple[int, ...]] = {
    "SGD": (), "NAG": (), "Signum": (), "SGLD": (), "LARS": (), "LBSGD": (), "DCASGD": (), "Adam": (1,), "AdamW": (1,),
    "Adamax": (1,), "Nadam": (1,), "LAMB": (1,), "RMSProp": (0,), "AdaGrad": (0,), "GroupAdaGrad": (0,),
    "AdaDelta": (0, 1), "Ftrl": (1,), "Test": (),
}  # fmt: skip
"""Of each optimizer which of its arrays for a parameter divide the step; the others add to it."""


class NotKnownError(Exception):
    """What an optimizer remembers cannot be changed."""


class Memory:
    """Forgets, and remembers what it has forgotten, in case it has to be taken back."""

    def __init__(self, trainers: Sequence[Any]) -> None:
        self._trainers = trainers
        self._kept: list[tuple[Any, npt.NDArray[Any]]] = []

    def forget(self, parameter: Any, where: tuple[Any, ...]) -> None:
        """Have the trainers remember nothing of some values of a parameter. What divides the step takes the median of
        the others: of a zero there the first steps would be so large as to kill again.

        Raises NotKnownError for an optimizer that is not known.
        """
        for divides, state in self._states(parameter):
            values = array(state)
            self._kept.append((state, values.copy()))
            now = values.copy()
            now[where] = _median(values, where) if divides else 0
            _put(state, now)

    def _states(self, parameter: Any) -> Iterator[tuple[bool, Any]]:
        """Yield what is remembered of a parameter, and whether it divides."""
        for trainer in self._trainers:
            index = next((at for at, each in enumerate(trainer._params) if each is parameter), None)
            if index is None:
                continue
            if trainer._kvstore is not None and trainer._update_on_kvstore:
                raise NotKnownError("the optimizer's memory lies in a key-value store")
            for updater in trainer._updaters:
                states = updater.states.get(index)
                arrays = [states] if isinstance(states, mx.nd.NDArray) else list(states or ())
                kind = type(updater.optimizer).__name__
                for at, state in enumerate(arrays):
                    if kind not in DIVIDING or (state is not None and not isinstance(state, mx.nd.NDArray)):
                        raise NotKnownError(f"what the optimizer {kind} remembers is not known")
                    if state is not None and state.shape == parameter.shape:
                        yield at in DIVIDING[kind], state

    def roll_back(self) -> None:
        """Remember again."""
        for state, values in reversed(self._kept):
            _put(state, values)


def _put(state: Any, values: npt.NDArray[Any]) -> None:
    with mx.autograd.pause():
        state[:] = values


def _median(values: npt.NDArray[Any], where: tuple[Any, ...]) -> Any:
    others = np.ones(values.shape, np.bool_)
    others[where] = False
    return np.median(values[others]) if others.any() else np.median(values)
