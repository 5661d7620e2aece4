"""What theory and the rules say of a network before it is trained, put together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from deadrelu_tui.theory import born_dead, rates
from deadrelu_tui.theory.start import Beginning, beginning

PROBABILITY = 0.01
"""Of being born dead, up to which a depth counts as safe."""
SATURATED = {"tanh": 9.4999, "sigmoid": 16.99999}
"""|h| beyond which the gradient is below 1e-7 (Amazon SageMaker Debugger, SaturatedActivation)."""
DIES, SOME_DIE, LIVES, CANNOT_DIE = "dies", "some die", "lives", "cannot die"


@dataclass(frozen=True)
class Advice:
    """What is to be expected."""

    hidden: tuple[int, ...]
    activation: str
    lr: float
    start: Beginning
    born_dead: float | None
    """The probability of being born dead, at most; None where nothing can be."""
    safe_depth: int | None
    """The largest L for the narrowest layer's width; None for any."""
    saturated: float | None
    """Share of h of layer 1 that saturates at the start; None where nothing does."""

    @property
    def few_die(self) -> float:
        """The learning rate up to which hardly any ReLU of layer 1 dies: by the later updates, and by the first."""
        return min(rates.few_die(self.start.norm, len(self.hidden)), self.start.one_step)

    @property
    def half_dies(self) -> float:
        """The learning rate beyond which more than half of layer 1 dies within some 200 steps."""
        return rates.half_dies(self.start.norm, len(self.hidden))

    @property
    def expected(self) -> str:
        """What becomes of layer 1 at this rate, as one of the words above."""
        if self.activation != "relu":
            return CANNOT_DIE
        if self.lr > self.half_dies:
            return DIES
        return LIVES if self.lr <= self.few_die else SOME_DIE


def advise(
    inputs: npt.NDArray[np.float64], labels: npt.NDArray[np.intp], hidden: Sequence[int], init: str, activation: str,
    batch: int, lr: float,
) -> Advice:  # fmt: skip
    """Return what is to be expected of a network for a sample of its inputs, (images, pixels)."""
    start, dying = beginning(inputs, labels, hidden, init, activation, batch), activation == "relu"
    beyond, saturated = SATURATED.get(activation), None
    if beyond is not None:
        with np.errstate(all="ignore"):  # h of an input is normal over the units
            spreads = start.spread * np.sqrt((inputs**2).sum(axis=1)) / start.norm
        tails = [2 * NormalDist().cdf(-beyond / each) if each > 0 else 0.0 for each in spreads.tolist()]
        saturated = math.fsum(tails) / len(tails)
    return Advice(
        tuple(hidden), activation, lr, start,
        born_dead.silent_somewhere(hidden) if dying else None,
        born_dead.safe_depth(min(hidden), PROBABILITY) if dying else None, saturated,
    )  # fmt: skip
