"""The cause of a finding in numbers.

The numbers: the scale of the input, the size of the updates against the weights, and what w·x and b add to the
pre-activation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.wording import number, rate

EARLY = 50
"""Steps before a death (or after a start) in which the update that caused it is looked for."""
LESS = 0.1
"""Ours: share of the first layer's mean |a| below which a later layer says much less."""
TIMID = 0.4
"""Ours: share of He's variance; Xavier's is about half of it."""


def damage(evidence: Evidence, layer: str, step: int) -> str:
    """Return what threw a layer's pre-activations: input, rate, largest update before the step; w·x and b now."""
    return ", ".join(filter(None, (blow(evidence, evidence.network.weights(layer), step), shares(evidence, layer))))


def by_bias(evidence: Evidence, layer: str, step: int) -> bool:
    """Return whether b outweighs w·x in the lost units though no update was large: too little comes in for the
    image to matter.
    """
    product, bias = _shares(evidence, layer)
    update = evidence.largest_update(step - EARLY, step, evidence.network.weights(layer))
    return abs(bias) > abs(product) and (update is None or update[2] < 1)


def blow(evidence: Evidence, weights: Sequence[str], step: int) -> str:
    """Return input and rate of the steps before a step, and the largest update of some weights in them."""
    update = evidence.largest_update(step - EARLY, step, weights)
    told = f"update {update[0]} was {number(update[2], 2)}×{update[1]}" if update and update[2] > 0 else ""
    return ": ".join(filter(None, (scale(evidence, step), told)))


def scale(evidence: Evidence, step: int) -> str:
    """Return the mean of the input and the rate with which the step before this one was taken."""
    then = evidence.live_at(step - 1)
    mean, _ = evidence.input(then)
    verb = "Input mean" if then.get("normalise") == evidence.live.get("normalise") else "Input mean was"
    lr = f"lr {rate(then['lr'])}" if "lr" in then else ""
    return ", ".join(filter(None, (f"{verb} {number(mean)}" if math.isfinite(mean) else "", lr)))


def shares(evidence: Evidence, layer: str) -> str:
    """Return what w·x and b are on average, over the layer's lost units, at the last look."""
    product, bias = _shares(evidence, layer)
    if math.isnan(product):
        return ""
    found = evidence.network.layer(layer)
    name = f"{found.weight}·x" if found is not None and found.weight else "w·x"
    return f"{f'|{name}|' if evidence.activation in SATURATING else name} {number(product, 2)}, b {number(bias, 1)}"


def _shares(evidence: Evidence, layer: str) -> tuple[float, float]:
    """Return the means of w·x and b; of tanh and sigmoid that of |w·x|, as they saturate on either side."""
    units = evidence.units(layer)
    if units is None or not units.lost.any():
        return math.nan, math.nan
    bias = units.bias[units.lost].astype(np.float64)
    product = units.pre_mean[units.lost].astype(np.float64) - bias
    return float((np.abs(product) if evidence.activation in SATURATING else product).mean()), float(bias.mean())


def ever_less(evidence: Evidence) -> str:
    """Return the mean of |a| in the layers, where the last says much less than the first; empty otherwise."""
    looked = evidence.history.looked
    sizes = [
        (layer, float(units.activity.mean(dtype=np.float64)))
        for layer, units in (looked.layers.items() if looked else ())
        if len(units)
    ]
    if len(sizes) < 2 or not sizes[-1][1] < LESS * sizes[0][1]:
        return ""
    (first, much), (last, little) = sizes[0], sizes[-1]
    return f"Mean |a| falls from {number(much, 2)} in {first} to {number(little, 2)} in {last}"


def timid(evidence: Evidence) -> bool:
    """Return whether a layer's first weights vary much less than He et al. (2015) would have them: 2 / inputs."""
    network = evidence.network
    fed = {layer.weight for layer in network.layers if layer.inputs} | set(network.parameters_after())
    return any(
        parameter.inputs * variance < TIMID * 2
        for _, part, variance in evidence.of_weights("weight_variance")
        if part in fed and (parameter := network.parameter(part)) is not None
    )


def usual_update(evidence: Evidence) -> tuple[str, float] | None:
    """Return the weight with the largest mean update over the last steps, and that mean; None if nothing is known."""
    means = []
    for name, parameter, _ in evidence.of_weights("update_ratio"):
        values = evidence.tail(name, EARLY)
        if len(values) and np.isfinite(values).all():
            means.append((parameter, float(values.mean(dtype=np.float64))))
    return max(means, key=lambda each: each[1], default=None)
