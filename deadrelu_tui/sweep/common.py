"""What all runs of a sweep are made with, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from deadrelu_tui.builtin.settings import ENDLESS, RunSettings
from deadrelu_tui.record.telling import described, input_text
from deadrelu_tui.sweep.axes import value_text
from deadrelu_tui.sweep.grid import Grid

_INPUT = ("normalise", "input_scale")
_TOLD = (_INPUT, ("lr",), ("activation",), ("hidden",))
"""What `described` has a word for; the first two have one word together."""
_ELSEWHERE = ("engine", "device", "data_dir", "full", "epochs", "steps", "seed")
"""What is told in a way of its own, or nowhere: it has nothing to do with what comes out."""


def in_common(grid: Grid) -> list[str]:
    """Return what all runs of a grid have in common: what describes any run, whatever else is unusual, how long they
    are, and their seeds.
    """
    return list(_in_common(grid))


def _in_common(grid: Grid) -> Iterator[str]:
    base, varied = grid.base.as_dict(), {each.name for each in grid.axes}
    kept = {name: value for name, value in base.items() if name not in varied}
    for names in _TOLD:
        if all(name in kept for name in names):
            yield described({name: kept[name] for name in names})
        elif names is _INPUT and kept.get("input_scale", 1) != 1:
            yield f"{input_text(False, kept)} unless normalised"
    told, usual = {*_ELSEWHERE, *(name for names in _TOLD for name in names)}, RunSettings().as_dict()
    for each in fields(RunSettings):
        name = each.name
        if name in kept and name not in told and kept[name] != usual[name]:
            yield f"{name.replace('_', ' ')} {value_text(name, kept[name])}"
    if kept.get("steps") is not None or not varied & {"epochs", "steps"}:
        yield _length(kept)
    last = base["seed"] + grid.seeds - 1
    yield f"seed {last}" if grid.seeds == 1 else f"seeds {base['seed']}–{last}"


def _length(kept: Mapping[str, Any]) -> str:
    """Return how long the runs are."""
    unit = "steps" if kept.get("steps") is not None else "epochs"
    many = kept[unit]
    if many is None:
        return f"{ENDLESS} epochs"
    return f"{value_text(unit, many)} {unit if many != 1 else unit[:-1]}"
