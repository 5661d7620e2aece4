"""Where along an axis of a sweep the line is crossed that matters: between which of its values, and halfway where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.grid import Place

WIDE = 3.0
"""Two values alone are taken for a geometric series where one is so many times the other."""
EVEN = 1.05
"""By so much the steps of a series may differ: its values are rounded."""


class Crossing(NamedTuple):
    """The line runs between two values of an axis, each by its index, between which nothing is known."""

    low: int
    high: int
    at: float | None
    """What lies halfway, None where the values are no numbers: their geometric mean in a geometric series, else their
    mean."""
    sure: bool
    """Whether nothing lies between the two that is not known yet, or failed."""
    beyond: bool
    """Whether what lies higher is beyond the line, and not what lies lower."""


def crossings(chart: Chart, metric: str, others: Place, along: int = 0) -> tuple[Crossing, ...]:
    """Return where a row of the chart crosses the line, from its first value on. The row goes along one of the axes,
    and has a place on all the others, in their order.
    """
    axis = chart.grid.axes[along]
    row = [(*others[:along], index, *others[along:]) for index in range(len(axis.values))]
    sides = [(index, side) for index, place in enumerate(row) if (side := chart.beyond(place, metric)) is not None]
    values = numbers(axis)
    return tuple(
        Crossing(low, high, None if values is None else halfway(values, low, high), high == low + 1, after)
        for (low, before), (high, after) in pairwise(sides)
        if before is not after
    )


def numbers(axis: Axis) -> tuple[float, ...] | None:
    """Return the values of an axis where all of them are numbers that rise, else None."""
    values = axis.values
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        return None
    found = tuple(map(float, values))
    return found if all(low < high for low, high in pairwise(found)) else None


def halfway(values: Sequence[float], low: int, high: int) -> float:
    """Return what lies halfway between two of the values of an axis."""
    return (
        math.sqrt(values[low]) * math.sqrt(values[high])
        if is_geometric(values)
        else values[low] + (values[high] - values[low]) / 2
    )


def is_geometric(values: Sequence[float]) -> bool:
    """Return whether numbers that rise are more nearly a geometric series than an arithmetic one."""
    if values[0] <= 0:
        return False
    if len(values) == 2:
        return values[1] / values[0] >= WIDE
    return _unevenness(list(map(math.log, values))) < _unevenness(values)


def is_even(values: Sequence[float]) -> bool:
    """Return whether numbers that rise are a geometric or an arithmetic series, but for the rounding."""
    return _unevenness(list(map(math.log, values)) if is_geometric(values) else values) <= EVEN


def _unevenness(values: Sequence[float]) -> float:
    steps = [high - low for low, high in pairwise(values)]
    return max(steps) / min(steps) if min(steps) > 0 else math.inf
