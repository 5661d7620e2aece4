"""The chart of a sweep: what came of its cells so far, and where between them the line runs that matters."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import NamedTuple

from deadrelu_tui.sweep.grid import Cell, Grid, Place
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.wording import number, percent

LEVEL = 0.5
"""Of a share: the boundary runs where it is passed."""
SHARES = ("dead", "zeros", "silent", "accuracy")
"""What is a share of 1 by its short name; by their long ones these begin with what stands here."""
_LONG = ("zero_fraction", "silent_fraction", "dead_fraction", "inactive_fraction", "dormant_fraction",
         "saturated_fraction", "accuracy", "predicted_fraction")  # fmt: skip


def is_share(metric: str) -> bool:
    """Return whether a metric lies between 0 and 1."""
    return metric in SHARES or metric.partition("/")[0] in _LONG


def value_words(metric: str, value: float) -> str:
    """Return a value of a metric as people read it, shares as percentages."""
    return percent(value) if is_share(metric) else number(value)


class Reading(NamedTuple):
    """What is to be read at one place of the chart: of as many runs as there are seeds."""

    outcomes: tuple[Outcome, ...]
    """Those that have ended, by seed."""
    running: int
    """How many are being computed."""
    of: int
    """How many there will be."""
    values: tuple[float, ...]
    """What was measured of those that neither failed nor diverged, and is a number."""

    @property
    def mean(self) -> float:
        """The mean of what was measured; NaN if nothing was."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    @property
    def diverged(self) -> int:
        """How many diverged."""
        return sum(each.diverged for each in self.outcomes)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(each.failed for each in self.outcomes)

    @property
    def complete(self) -> bool:
        """Whether all have ended."""
        return len(self.outcomes) == self.of

    def beyond(self, metric: str) -> bool | None:
        """Return on which side of the boundary this lies; None where that is not known, or has no meaning.

        Of the dead, whatever diverged is beyond it, too: no learning is to be had there. It has no accuracy, either.
        """
        if not is_share(metric) or not self.outcomes or self.failed == len(self.outcomes):
            return None
        lost = {"dead": [1.0], "dead_fraction": [1.0], "accuracy": [0.0]}.get(metric.partition("/")[0], [])
        values = [*self.values, *lost * self.diverged]
        return math.fsum(values) / len(values) > LEVEL if values else None


class Chart:
    """What came of a sweep so far. One thread adds to it, any may read."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._lock = threading.Lock()
        self._outcomes: dict[tuple[Place, int], Outcome] = {}
        self._running: set[tuple[Place, int]] = set()
        self.changes = 0
        """How often anything was added: a chart that was drawn is as it was while this is."""

    def begun(self, cell: Cell) -> None:
        """Say that a run has begun."""
        with self._lock:
            self.changes += (cell.place, cell.seed) not in self._running
            self._running.add((cell.place, cell.seed))

    def ended(self, cell: Cell, outcome: Outcome) -> None:
        """Say what came of a run."""
        with self._lock:
            self._running.discard((cell.place, cell.seed))
            self._outcomes[cell.place, cell.seed] = outcome
            self.changes += 1

    @property
    def done(self) -> int:
        """How many runs have ended."""
        return len(self._outcomes)

    @property
    def running(self) -> int:
        """How many are being computed."""
        return len(self._running)

    @property
    def outcomes(self) -> Mapping[tuple[Place, int], Outcome]:
        """What came of each run, by its place and seed, as it stands."""
        with self._lock:
            return dict(self._outcomes)

    def reading(self, place: Place, metric: str) -> Reading:
        """Return what is to be read at a place."""
        with self._lock:
            seeds = [(place, seed) for seed in range(self.grid.seeds)]
            found = tuple(self._outcomes[each] for each in seeds if each in self._outcomes)
            running = sum(each in self._running for each in seeds)
        values = (each.values.get(metric, math.nan) for each in found if not (each.failed or each.diverged))
        return Reading(found, running, self.grid.seeds, tuple(each for each in values if math.isfinite(each)))

    def beyond(self, place: Place, metric: str) -> bool | None:
        """Return on which side of the boundary a place lies; None where that is not known, or has no meaning."""
        return self.reading(place, metric).beyond(metric)
