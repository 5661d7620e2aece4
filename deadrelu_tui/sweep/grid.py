"""The grid: every combination of the values, each with every seed."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.sweep.axes import Axis

MOST = 100_000
"""Runs of one sweep."""
Place = tuple[int, ...]
"""Which value of each axis, by its index."""
Limit = Callable[[RunSettings], float | None]
"""Says from which learning rate on theory expects half of layer 1 to be dead; None where it expects nothing."""


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: a place in the grid, which of the seeds, and what the run is made with."""

    place: Place
    seed: int
    """Its index: 0 is the sweep's first one."""
    settings: RunSettings

    def key(self, of: str) -> str:
        """Return what tells this cell, computed by and on what is told, from all others that there may ever be."""
        given = json.dumps([self.settings.as_dict(), of], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(given.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Grid:
    """What is swept. The first axis goes from left to right, the second one upwards; each further one has a page for
    each of its values. Raises InputError for a grid of nothing, or of more than MOST runs.
    """

    base: RunSettings
    axes: tuple[Axis, ...]
    seeds: int = 1

    def __post_init__(self) -> None:
        if not self.axes:
            raise InputError(
                "nothing is varied: give a setting several values, such as --lr log:1e-4:10:21 or --lr 0.1,0.01"
            )
        if len(self) > MOST:
            raise InputError(f"{self.told} are {len(self)} runs; {MOST} are the most of one sweep")

    def __len__(self) -> int:
        """How many runs there are."""
        return prod(len(each.values) for each in self.axes) * self.seeds

    @property
    def told(self) -> str:
        """Its size in words: 21 × 9 cells with 3 seeds."""
        size = " × ".join(str(len(each.values)) for each in self.axes)
        return f"{size} cells" + (f" with {self.seeds} seeds each" if self.seeds > 1 else "")

    @property
    def saturates(self) -> bool | None:
        """Whether what follows the layers saturates in place of falling silent; None if it does in some cells."""
        kinds = next((each.values for each in self.axes if each.name == "activation"), (self.base.activation,))
        found = {kind in SATURATING for kind in kinds}
        return found.pop() if len(found) == 1 else None

    @property
    def pages(self) -> list[Place]:
        """The places on the axes beyond the second one: one map for each; one alone where there are no such axes."""
        return list(itertools.product(*(range(len(each.values)) for each in self.axes[2:])))

    def page_text(self, page: Place) -> str:
        """Return what a page has in common: activation relu."""
        told = zip(self.axes[2:], page, strict=True)
        return ", ".join(f"{axis.flag.replace('-', ' ')} {axis.text(index)}" for axis, index in told)

    def cells(self) -> Iterator[Cell]:
        """Yield every run in the order in which they are computed: the corners first, then what lies halfway between,
        so that a chart of it is whole early and only becomes sharper; and every cell once before any has a second seed.
        """
        levels = [_levels(len(each.values)) for each in self.axes]
        places = sorted(
            itertools.product(*(range(len(each)) for each in levels)),
            key=lambda place: max(of[index] for of, index in zip(levels, place, strict=True)),
        )
        for seed in range(self.seeds):
            for place in places:
                yield self.cell(place, seed)

    def cell(self, place: Place, seed: int = 0) -> Cell:
        """Return one of them."""
        given = {axis.name: axis.values[index] for axis, index in zip(self.axes, place, strict=True)}
        return Cell(place, seed, replace(self.base, **given, seed=self.base.seed + seed))


def _levels(count: int) -> list[int]:
    """Return for each of so many values how often a row of them has to be halved before it is met."""
    levels, stretches, level = [0] * count, [(0, count - 1)], 0
    while stretches:
        level += 1
        halves = [(low, high, (low + high) // 2) for low, high in stretches if high - low > 1]
        for _, _, middle in halves:
            levels[middle] = level
        stretches = [each for low, high, middle in halves for each in ((low, middle), (middle, high))]
    return levels
