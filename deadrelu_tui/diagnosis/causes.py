"""The cause of a finding in numbers.

The numbers: the scale of the input, the size of the updates against the weights, and what w·x and b add to the
pre-activation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Cause
from deadrelu_tui.diagnosis.thresholds import is_bottleneck
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.network import Layer, Network

Facts = Mapping[str, Any]

EARLY = 50
"""Steps before a death (or after a start) in which the update that caused it is looked for."""
LESS = 0.1
"""Ours: share of the first layer's mean |a| below which a later layer says much less."""
SHRINKS = 0.02
"""Ours: share of the last gradient, on its way back to the first weights, below which hardly any is left. ReLUs with
first weights of He keep a third."""
TOO_SURE = 100
"""Ours: variance of the logits before the first update from which on the network is sure of what it does not know;
weights of He make it 0.2 to 1, the article's on raw pixels 12."""
LARGE_INPUT = 3.0
"""Ours: mean or deviation of an input from which on it is larger than first weights are made for."""
TIMID = 0.4
"""Ours: share of He's variance; Xavier's is about half of it."""


def damage(evidence: Evidence, layer: str, step: int) -> Cause | None:
    """Return what threw a layer's pre-activations: input, rate, largest update before the step; w·x and b now."""
    return overshoot({**_blow(evidence, evidence.network.weights(layer), step), **terms(evidence, layer)})


def by_bias(evidence: Evidence, layer: str, step: int) -> bool:
    """Return whether b outweighs w·x in the lost units though no update was large: too little comes in for the
    image to matter.
    """
    product, bias = _means(evidence, layer)
    update = evidence.largest_update(step - EARLY, step, evidence.network.weights(layer))
    return abs(bias) > abs(product) and (update is None or update[2] < 1)


def blow(evidence: Evidence, step: int, loss_before: float = math.nan) -> Cause | None:
    """Return input and rate of the steps before a step, the largest update in them, and the loss if it was finite."""
    before = {"loss_before": loss_before} if math.isfinite(loss_before) else {}
    return overshoot({**_blow(evidence, evidence.network.weights(), step), **before})


def overshoot(facts: Facts) -> Cause | None:
    """Return that updates were too large, if anything is known of them."""
    return Cause("overshoot", facts) if facts else None


def _blow(evidence: Evidence, weights: Sequence[str], step: int) -> Facts:
    update = evidence.largest_update(step - EARLY, step, weights)
    told = {"at": update[0], "weight": update[1], "update": update[2]} if update and update[2] > 0 else {}
    return {**scale(evidence, step, str(told.get("weight", ""))), **told}


def scale(evidence: Evidence, step: int, weight: str = "") -> Facts:
    """Return the mean of the input and the rate with which the step before this one was taken, for a weight if it has a
    rate of its own.
    """
    then = evidence.live_at(step - 1)
    mean, deviation = evidence.input(then)
    facts: dict[str, Any] = {"lr": evidence.lr_of(weight, then)} if "lr" in then else {}
    if math.isfinite(mean) and (not evidence.guest or is_large(mean, deviation)):
        facts |= {"input": mean, "changed": then.get("normalise") != evidence.live.get("normalise")}
        if evidence.guest:
            facts["deviation"] = deviation
    return facts


def is_large(mean: float, deviation: float) -> bool:
    """Return whether an input is larger than first weights are made for."""
    return abs(mean) > LARGE_INPUT or deviation > LARGE_INPUT


def terms(evidence: Evidence, layer: str) -> Facts:
    """Return what w·x and b are on average, over the layer's lost units, at the last look."""
    product, bias = _means(evidence, layer)
    if math.isnan(product):
        return {}
    known = evidence.network.layer(layer)
    size = evidence.activations.get(layer) in SATURATING
    return {"of": known.weight if known is not None else "", "product": product, "bias": bias, "size": size}


def _means(evidence: Evidence, layer: str) -> tuple[float, float]:
    """Return the means of w·x and b; of tanh and sigmoid that of |w·x|, as they saturate on either side."""
    units = evidence.units(layer)
    if units is None or not units.lost.any():
        return math.nan, math.nan
    bias = units.bias[units.lost].astype(np.float64)
    product = units.pre_mean[units.lost].astype(np.float64) - bias
    return float((np.abs(product) if units.activation in SATURATING else product).mean()), float(bias.mean())


def ever_less(evidence: Evidence, layer: str = "") -> Cause | None:
    """Return the mean of |a| in the layers, where the last says much less than the first; with w·x and b of a layer."""
    looked = evidence.looked
    sizes = [
        (layer, float(units.activity.mean(dtype=np.float64)))
        for layer, units in (looked.layers.items() if looked else ())
        if len(units)
    ]
    mixed = len(set(evidence.activations.values())) > 1 or any(map(evidence.norms, evidence.activations))
    if evidence.guest and mixed:
        return None  # layers that cannot be compared
    if len(sizes) < 2 or not sizes[-1][1] < LESS * sizes[0][1]:
        return None
    (first, much), (last, little) = sizes[0], sizes[-1]
    of_layer = terms(evidence, layer) if layer else {}
    return Cause("ever_less", {"first": first, "much": much, "last": last, "little": little, **of_layer})


def timid(evidence: Evidence) -> bool:
    """Return whether a layer's first weights vary much less than He et al. (2015) would have them: 2 / inputs.

    Of a training that was joined later nobody saw the first weights.
    """
    return any(share < TIMID for _, share in _against_he(evidence))


def _against_he(evidence: Evidence) -> list[tuple[str, float]]:
    """Return the variance of the first weights, of those that a layer feeds, as shares of He's."""
    if evidence.history.first:
        return []
    network = evidence.network
    if evidence.guest:  # of what is normalised, and of what is no ReLU, He says nothing
        fed = {each.weight for each in network.layers if each.activation == "relu" and not evidence.norms(each.name)}
        return _shares_of_he(evidence, fed)
    fed = {layer.weight for layer in network.layers if layer.inputs} | set(network.parameters_after())
    return _shares_of_he(evidence, fed)


def _shares_of_he(evidence: Evidence, weights: Set[str]) -> list[tuple[str, float]]:
    return [
        (part, parameter.inputs * variance / 2)
        for _, part, variance in evidence.of_weights("weight_variance")
        if part in weights and (parameter := evidence.network.parameter(part)) is not None
    ]


def shrinking(evidence: Evidence, least: float = SHRINKS) -> Cause | None:
    """Return what is left of the gradient at the first weights, against the last, if that is little."""
    sizes = [(part, value) for _, part, value in evidence.of_weights("grad_mean_abs")]
    if evidence.guest:  # an embedding has a gradient for what the batch holds alone
        made = {each.weight for each in evidence.network.layers}
        sizes = [each for each in sizes if each[0] in made]
    if len(sizes) < 2 or not 0 <= sizes[0][1] < least * sizes[-1][1] < math.inf:
        return None
    return Cause("shrinking", {"sizes": dict(reversed(sizes[:1] + sizes[1:][-2:]))})


def first_weights(evidence: Evidence) -> Cause | None:
    """Return that the first weights made the network sure of its classes before it had learned anything."""
    if evidence.history.first:
        return None
    variance = evidence.history.latest("logit_variance")
    if variance is None or not variance > TOO_SURE:
        return None
    facts = {"variance": variance, "loss": evidence.value("loss", 0)}
    mean, deviation = evidence.input(evidence.live_at(0))
    return Cause("too_sure", {**facts, "input": mean} if abs(mean) > 1 and deviation > 1 else facts)


def bottleneck(evidence: Evidence) -> Cause | None:
    """Return the first layer whose units have fewer patterns than there are classes; None if there is none."""
    classes = evidence.classes or 0  # none where it does not choose: then no layer is too narrow
    network = evidence.network
    narrow = (
        each for each in network.layers
        if is_bottleneck(each.units, classes) and not (evidence.guest and _is_passed_by(network, each))
    )  # fmt: skip
    facts = [{"layer": each.name, "units": each.units, "classes": classes} for each in narrow]
    return Cause("bottleneck", facts[0]) if facts else None


def _is_passed_by(network: Network, layer: Layer) -> bool:
    """Return whether something may go past a layer, or through it in many places: then its units are not all that the
    next one is told.
    """
    weight = network.parameter(layer.weight)
    chain = all(each.inputs in ((), (before,)) for each, before in zip(network.layers[1:], network.names, strict=False))
    return weight is None or len(weight.shape) != 2 or not chain


def small_weights(evidence: Evidence) -> Cause | None:
    """Return which first weights vary least against what He et al. (2015) would have them, if that is too little."""
    shares = _against_he(evidence)
    part, share = min(shares, key=lambda each: each[1], default=("", 1.0))
    return Cause("small_weights", {"weight": part, "share": share}) if share < TIMID else None


def usual_update(evidence: Evidence) -> tuple[str, float] | None:
    """Return the weight with the largest mean update over the last steps, and that mean; None if nothing is known."""
    means = []
    for name, parameter, _ in evidence.of_weights("update_ratio"):
        values = evidence.tail(name, EARLY)
        if len(values) and np.isfinite(values).all():
            means.append((parameter, float(values.mean(dtype=np.float64))))
    return max(means, key=lambda each: each[1], default=None)


def lost_layer(evidence: Evidence, image: bool = False) -> Cause | None:
    """Return that a layer lets no gradient pass, or next to nothing of the image; None if there is no such layer."""
    lost = evidence.lost_layer()
    if lost is None:
        return None
    layer, share, state = lost
    kind = {"sample": True} if image and evidence.guest else {}
    return Cause("lost_layer", {"layer": layer, "share": share, "state": state, "image": image, **kind})
