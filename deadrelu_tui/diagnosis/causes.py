"""The cause of a finding in numbers, and the keys that test a remedy for it.

The numbers: the scale of the input, the size of the updates against the weights, and what w·x and b add to the
pre-activation.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from deadrelu_tui.builtin.settings import next_lr
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.records import Live
from deadrelu_tui.wording import number, rate

EARLY = 50
"""Steps before a death (or after a start) in which the update that caused it is looked for."""
BORNE, GENTLE = 0.3, 0.1
"""Ours: first updates against the weights that are borne, and those that a remedy aims at. The article's two healthy
runs have 0.16 and 0.25."""
FEEBLE, BRISK = 1e-3, 1e-2
"""Updates against the weights: below the healthy size (cs231n), and those that a remedy aims at (ours)."""
HIGHEST = 0.5
"""The highest rate in the article, on normalised pixels."""
LESS = 0.1
"""Ours: share of the first layer's mean |a| below which a later layer says much less."""
TIMID = 0.4
"""Ours: share of He's variance; Xavier's is about half of it."""
PIXELS = 255


def damage(evidence: Evidence, layer: str, step: int) -> str:
    """Return what threw a layer's pre-activations: input, rate, largest update before the step; w·x and b now."""
    return ", ".join(filter(None, (blow(evidence, int(layer[1:]), step), shares(evidence, layer))))


def by_bias(evidence: Evidence, layer: str, step: int) -> bool:
    """Return whether b outweighs w·x in the lost units though no update was large: too little comes in for the
    image to matter.
    """
    product, bias = _shares(evidence, layer)
    update = evidence.largest_update(step - EARLY, step, int(layer[1:]))
    return abs(bias) > abs(product) and (update is None or update[2] < 1)


def blow(evidence: Evidence, layers: int, step: int) -> str:
    """Return input and rate of the steps before a step, and the largest update of w1 … w<layers> in them."""
    update = evidence.largest_update(step - EARLY, step, layers)
    told = f"update {update[0]} was {number(update[2], 2)}×{update[1]}" if update and update[2] > 0 else ""
    return ": ".join(filter(None, (scale(evidence, step), told)))


def scale(evidence: Evidence, step: int) -> str:
    """Return the mean of the input and the rate with which the step before this one was taken."""
    then = evidence.live_at(max(0, step - 1))
    mean, _ = evidence.input(then)
    verb = "Input mean" if then.normalise == evidence.live.normalise else "Input mean was"
    return ", ".join(filter(None, (f"{verb} {number(mean)}" if math.isfinite(mean) else "", f"lr {rate(then.lr)}")))


def shares(evidence: Evidence, layer: str) -> str:
    """Return what w·x and b are on average, over the layer's lost units, at the last look."""
    product, bias = _shares(evidence, layer)
    if math.isnan(product):
        return ""
    name = f"w{layer[1:]}·x"
    return (
        f"{f'|{name}|' if evidence.live.activation in SATURATING else name} {number(product, 2)}, b {number(bias, 1)}"
    )


def _shares(evidence: Evidence, layer: str) -> tuple[float, float]:
    """Return the means of w·x and b; of tanh and sigmoid that of |w·x|, as they saturate on either side."""
    units = evidence.units(layer)
    if units is None or not units.lost.any():
        return math.nan, math.nan
    bias = units.bias[units.lost].astype(np.float64)
    product = units.pre_mean[units.lost].astype(np.float64) - bias
    return float((np.abs(product) if evidence.live.activation in SATURATING else product).mean()), float(bias.mean())


def first_update(evidence: Evidence, live: Live) -> float:
    """Return how large the first update of any weight would be with these settings, against the weight.

    Reckoned from the update of step 0, to which rate and input are taken to be in proportion; NaN if it is not known.
    """
    first = evidence.live_at(0)
    ratios = [
        float(values[0])
        for name, parameter, _ in evidence.of("update_ratio")
        if parameter.startswith("w") and len(values := evidence.window(name, 0, 1).values)
    ]
    worst = max(filter(math.isfinite, ratios), default=math.nan)
    gain = (1 if live.normalise else PIXELS) / (1 if first.normalise else PIXELS)
    return worst * gain * (live.lr / first.lr)


def gentle_now(evidence: Evidence, step: int) -> bool:
    """Return whether what is set now is gentler than what was set before a step, and gentle enough."""
    then, live = evidence.live_at(max(0, step - 1)), evidence.live
    return then != live and live.lr <= then.lr and first_update(evidence, live) <= BORNE


def gentler(evidence: Evidence, step: int) -> str:
    """Return the keys that start again more gently than before a step: normalised where it was raw, with another
    rate where that alone would do too little or too much. Only r, if what is set now is gentle already.
    """
    if gentle_now(evidence, step):
        return "r"
    then, live = evidence.live_at(max(0, step - 1)), evidence.live
    wanted = replace(live, normalise=True)
    first = first_update(evidence, wanted)
    keys = [] if live.normalise else ["n"]
    if first > BORNE or live.lr > HIGHEST or (then.normalise and then.lr <= live.lr):
        lower = next_lr(next_lr(live.lr, -1), -1)
        while (first * lower / live.lr > GENTLE or lower > HIGHEST) and next_lr(lower, -1) < lower:
            lower = next_lr(lower, -1)
        keys.append(f"- to lr {rate(lower)}" if lower < live.lr else "-")
    elif first < FEEBLE and not live.normalise and live.activation not in SATURATING:
        keys.append(f"+ to lr {rate(brisk_rate(live.lr, first))}")
    return f"{', '.join(keys)}, then r" if keys else "r"


def afresh(evidence: Evidence, setting: str, key: str = "") -> str:
    """Return the keys that start again with another setting, on input and at a rate that first weights of He bear."""
    live = evidence.live
    lower = rate(next_lr(HIGHEST, -1))
    keys = ["" if live.normalise else "n", f"- to lr {lower}" if live.lr > HIGHEST else "", key, setting, "then r"]
    return ", ".join(filter(None, keys))


def brisk_rate(lr: float, update: float) -> float:
    """Return the lowest higher rate, on the ladder of - and +, at which an update of this size would be brisk.

    No higher than the article's highest, unless the present one is.
    """
    higher = next_lr(lr, 1)
    while update * higher / lr < BRISK and higher < HIGHEST:
        higher = next_lr(higher, 1)
    return higher


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
    return any(
        evidence.count(f"h{int(part[1:]) - 1}") * variance < TIMID * 2
        for _, part, variance in evidence.of("weight_variance")
        if part[1:].isdecimal() and int(part[1:]) > 1
    )


def usual_update(evidence: Evidence) -> tuple[str, float] | None:
    """Return the weight with the largest mean update over the last steps, and that mean; None if nothing is known."""
    means = []
    for name, parameter, _ in evidence.of("update_ratio"):
        values = evidence.tail(name, EARLY)
        if parameter.startswith("w") and len(values) and np.isfinite(values).all():
            means.append((parameter, float(values.mean(dtype=np.float64))))
    return max(means, key=lambda each: each[1], default=None)
