"""Runs of which every metric has the value that is given for it, and what is found on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import record, start, units

from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.commands import Change, Restart
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Live, Start
from deadrelu_tui.record.units import Units

RAW: Live = {"normalise": False, "lr": 0.1, "activation": "relu"}
NORMALISED: Live = {**RAW, "normalise": True}
TANH: Live = {"normalise": False, "lr": 0.5, "activation": "tanh"}
NORMALISE, AGAIN = Change({"normalise": True}), Restart()
UNITS = 300
MEAN = 72.9
"""Of the raw pixels."""
EVEN = math.log(10)
NAN, INF = math.nan, math.inf

Values = Mapping[str, float | Callable[[int], float | None]]


def lr(rate: float) -> Change:
    return Change({"lr": rate})


def changed(step: int, setting: str, before: Any, now: Any) -> Event:
    return Event(step, "change", {"setting": setting, "before": before, "now": now})


def canned(
    values: Values, steps: int = 60, live: Live = RAW, events: Sequence[Event] = (), widths: Sequence[int] = (UNITS,),
    said: Start | None = None, units: Mapping[str, Mapping[str, float]] | None = None, first: int = 0,
) -> History:  # fmt: skip
    """Return a run on which every metric has the value, or the function of the step, that is given for it.

    Without a word on them, loss and gradients are those of a run that learns. The looks are at every step, and of the
    units of a layer all have what is given for it. What was said at first may be another start.
    """
    said = said or start(batches=steps, epochs=1, hidden=tuple(widths), first=first)
    layers = {layer.name: layer.units for layer in said.network.layers}
    history = History()
    history.add(said)
    for event in events:
        history.add(event)
    weight = next(iter(said.network.weights()))
    everything: dict[str, Any] = {
        "loss": lambda step: 0.5 + 0.99**step, f"grad_norm/{weight}": 1.0, f"update_ratio/{weight}": 1e-3,
    }  # fmt: skip
    for layer in layers:
        everything |= {f"zero_fraction/{layer}": 0.5, f"dead_fraction/{layer}": 0.0, f"pre_mean/{layer}": -1.0}
    everything |= values
    for step in range(steps):
        found = {name: value(step) if callable(value) else value for name, value in everything.items()}
        found = {name: value for name, value in found.items() if value is not None}
        if step:
            found = {name: value for name, value in found.items() if not name.startswith(("weight_var", "grad_range"))}
        looked = {name: lost(width, found, name, live, (units or {}).get(name)) for name, width in layers.items()}
        made = record(step, found, batches=said.steps_per_epoch or steps, live=live_at(step, live, events))
        history.add(replace(made, step=first + step, looks=looked))
    return history


def live_at(step: int, live: Live, events: Sequence[Event]) -> Live:
    """Return what was set at a step, given what is set at the end: with the later changes undone."""
    undone = {
        event.facts["setting"]: event.facts["before"]
        for event in reversed(events)
        if event.kind == "change" and event.step > step
    }
    return {**live, **undone}


def lost(
    width: int, found: Mapping[str, float], layer: str, live: Live, given: Mapping[str, float] | None = None
) -> Units:
    """Return the units of a layer of which the share that is lost is the one that is recorded."""
    activation = live.get("activation", "relu")
    metric = "saturated_fraction" if activation in SATURATING else "dead_fraction"
    share = found.get(f"{metric}/{layer}", 0.0)
    rates = np.ones(width)
    rates[: round(width * share) if math.isfinite(share) else 0] = 0
    columns = {"unsaturated": rates, "pre_mean": rates * 3 - 2.5, "bias": rates * 0 - 0.5}
    alike = {name: np.full(width, value) for name, value in (given or {}).items()}
    return units(rates, activation, **(columns | alike))


def judged(values: Values, steps: int = 60, live: Live = RAW, events: Sequence[Event] = (), **more: Any) -> Finding:
    found = verdict(canned(values, steps, live, events, **more))
    assert found is not None
    return found


def noted(rule: str, values: Values, steps: int = 60, live: Live = RAW, **more: Any) -> Finding | None:
    """Return what a rule found, if it did."""
    found = [each for each in findings(canned(values, steps, live, **more)) if each.rule == rule]
    assert len(found) <= 1
    return found[0] if found else None


def because(found: Finding, kind: str, **facts: Any) -> None:
    """Check the cause of a finding: its kind and all its facts."""
    assert found.cause is not None
    assert found.cause.kind == kind
    assert found.cause.facts == pytest.approx(facts)


def from_step(step: int, after: float, before: float = 0.0) -> Callable[[int], float]:
    return lambda now: after if now >= step else before


def at_step(step: int, then: float, otherwise: float) -> Callable[[int], float]:
    return lambda now: then if now == step else otherwise
