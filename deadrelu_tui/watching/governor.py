"""Keeps what a guest takes of a training's time within a budget: what is dear is done less often."""

from __future__ import annotations

import math
import time
from collections import defaultdict

DEBT = {"look": 0.15, "step": 0.05, "beside": 0.1}
"""Seconds beyond their share that looks, steps and threads beside the training may take: of one that has just begun
something is to be seen."""
REPAID = 60.0
"""Seconds of training within which two thirds of that debt are paid back."""
PART = {"look": 0.4, "step": 0.4, "beside": 0.2}
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
        self._expected: dict[str, float] = {}
        self._first: dict[str, float] = {}
        """What the first of a kind took, which makes everything ready: later ones are not judged by it."""
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
        if whole and kind not in self._first:
            self._first[kind] = seconds
        elif whole:
            before = self._expected.get(kind)
            self._expected[kind] = seconds if before is None else before + FORGETS * (seconds - before)

    def waited(self, seconds: float) -> None:
        """Leave out a time in which the training was held."""
        self._waited += seconds

    def affords(self, kind: str) -> bool:
        """Return whether another one of a kind fits what is left."""
        wanted = self._taken[kind] - self._first.get(kind, 0.0) + self._expected.get(kind, 0.0)
        if kind == "step":  # the more is measured, the more there is to do beside
            wanted += max(0.0, self.beside - self._allowed("beside"))
        return wanted <= self._allowed(kind)

    def _allowed(self, kind: str) -> float:
        return PART[kind] * self.budget * self.training + DEBT[kind] * math.exp(-self.training / REPAID)
