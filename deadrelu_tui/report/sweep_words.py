"""What is said of a sweep wherever it is told: its axes, its metric and what all of its runs have in common."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from deadrelu_tui.builtin.settings import ENDLESS, RunSettings
from deadrelu_tui.record.metrics import METRICS
from deadrelu_tui.record.telling import described
from deadrelu_tui.sweep.axes import value_text
from deadrelu_tui.sweep.chart import is_share
from deadrelu_tui.sweep.grid import Grid, Place
from deadrelu_tui.sweep.outcome import OTHER, SATURATED, SHORT
from deadrelu_tui.wording import number, percent

_METRICS = {
    "dead_fraction": "dead units", "zero_fraction": "zeros", "silent_fraction": "silent units",
    "inactive_fraction": "inactive units", "dormant_fraction": "dormant units", "saturated_fraction": "saturated units",
    "accuracy/test": "test accuracy", "accuracy/probe": "probe accuracy", "loss/test": "test loss",
}  # fmt: skip
_TOLD = ("lr", "activation", "hidden", "seed", "normalise", "input_scale")
"""What `described` has a word for."""
_INPUT = ("normalise", "input_scale")
_ELSEWHERE = ("engine", "device", "data_dir", "full", "epochs", "steps", "seed")
"""What is told in a way of its own, or nowhere: it has nothing to do with what comes out."""
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


def value_words(metric: str, value: float) -> str:
    """Return a value of a metric, shares as percentages."""
    return percent(value) if is_share(metric) else number(value)


def in_common(grid: Grid) -> str:
    """Return what all runs of a grid are made with."""
    base, varied = grid.base.as_dict(), {each.name for each in grid.axes}
    if varied & {*_INPUT}:
        varied |= {*_INPUT}
    kept = {name: value for name, value in base.items() if name not in varied}
    parts = [described({name: value for name, value in kept.items() if name in _TOLD and name != "seed"})]
    usual = RunSettings().as_dict()
    for each in fields(RunSettings):
        name = each.name
        if name in kept and name not in (*_TOLD, *_ELSEWHERE) and kept[name] != usual[name]:
            parts.append(f"{name.replace('_', ' ')} {value_text(name, kept[name])}")
    if not varied & {"epochs", "steps"}:
        parts.append(_length(kept))
    last = base["seed"] + grid.seeds - 1
    parts.append(f"seed {last}" if grid.seeds == 1 else f"seeds {base['seed']}–{last}")
    return ", ".join(filter(None, parts))


def _length(kept: Mapping[str, Any]) -> str:
    """Return how long the runs are."""
    unit = "steps" if kept.get("steps") is not None else "epochs"
    many = kept[unit]
    if many is None:
        return f"{ENDLESS} epochs"
    return f"{value_text(unit, many)} {unit if many != 1 else unit[:-1]}"
