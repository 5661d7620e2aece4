"""What is said of a sweep wherever it is told: its places and its metric."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from deadrelu_tui.record.metrics import METRICS
from deadrelu_tui.sweep.grid import Grid, Place
from deadrelu_tui.sweep.outcome import OTHER, SATURATED, SHORT

_METRICS = {
    "dead_fraction": "dead units", "zero_fraction": "zeros", "silent_fraction": "silent units",
    "inactive_fraction": "inactive units", "dormant_fraction": "dormant units", "saturated_fraction": "saturated units",
    "accuracy/test": "test accuracy", "accuracy/probe": "probe accuracy", "loss/test": "test loss",
}  # fmt: skip
_MEANINGS: Mapping[str, str] = {
    each.name: each.formula if "/" in each.name else each.meaning.removesuffix(".") for each in METRICS
}
"""What each metric of the vocabulary means; those of two sets of images refer to each other in that."""


def places(grid: Grid) -> Iterator[Place]:
    """Yield every place of a grid, in the order of its axes."""
    return itertools.product(*(range(len(each.values)) for each in grid.axes))


def metric_words(metric: str) -> str:
    """Return what a metric is called: dead units, dead units of h1, test accuracy."""
    name = SHORT.get(metric) or OTHER.get(metric) or metric
    if name in _METRICS:
        return _METRICS[name]
    kind, _, of = name.partition("/")
    return " of ".join(filter(None, (_METRICS.get(kind, kind.replace("_", " ")), of)))


def meaning(metric: str, grid: Grid) -> str:
    """Return what a metric means, in a sentence; empty for one that has none."""
    if metric == "dead" and grid.saturates:
        return _MEANINGS[SATURATED]
    if metric == "dead" and grid.saturates is None:
        return f"{_MEANINGS[SHORT[metric]]}; of sigmoid and tanh: saturated units"
    name = SHORT.get(metric) or OTHER.get(metric) or metric
    return _MEANINGS.get(name) or _MEANINGS.get(name.partition("/")[0], "")
