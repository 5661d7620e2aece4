"""Keeps what a guest takes of a training's time within a budget: what is dear is done less often."""

from __future__ import annotations

import time
from collections import defaultdict

DEBT = {"look": 0.15, "step": 0.05}
"""Seconds that looks and steps may take before that is their share: of a training that has just begun something is to
be seen."""
PART = {"look": 0.5, "step": 0.5}
"""Of the budget, the share of each."""
FORGETS = 0.2
"""By how much the newest cost changes what the next is expected to be."""


class Governor:
    """Adds up the seconds that the guest takes, by what for. One thread asks; seconds of others are told to it."""

    def __init__(self, budget: float) -> None:
        """Take which share of the training's time may be taken."""
        self.budget = budget
        self._began = time.perf_counter()
        self._waited = 0.0
        self._taken = defaultdict[str, float](float)
        self._expected = defaultdict[str, float](float)
        self.beside = 0.0
        """Processor seconds that threads of the guest take beside the training."""

    @property
    def training(self) -> float:
        """Seconds since it began, without those in which the training was held."""
        return max(time.perf_counter() - self._began - self._waited, 1e-9)

    @property
    def own(self) -> float:
        """Seconds that the guest has taken."""
        return sum(self._taken.values()) + self.beside

    @property
    def share(self) -> float:
        """Which share of the training's time that is."""
        return self.own / self.training

    def took(self, kind: str, began: float, whole: bool = True) -> None:
        """Note what something took since a moment of perf_counter; of a part nothing is learned about the next."""
        seconds = time.perf_counter() - began
        self._taken[kind] += seconds
        if whole:
            self.expect(kind, seconds)

    def expect(self, kind: str, seconds: float) -> None:
        """Learn what one of a kind costs."""
        before = self._expected.get(kind)
        self._expected[kind] = seconds if before is None else before + FORGETS * (seconds - before)

    def waited(self, seconds: float) -> None:
        """Leave out a time in which the training was held."""
        self._waited += seconds

    def affords(self, kind: str) -> bool:
        """Return whether another one of a kind fits what is left."""
        taken = self._taken[kind] + (self.beside if kind == "step" else 0.0)
        return taken + self._expected[kind] <= max(PART[kind] * self.budget * self.training, DEBT[kind])
