"""From arrays of a step to its metrics: the formulas of the vocabulary, for every engine the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from deadrelu_tui.builtin.dataset import CLASS_NAMES, ByteArray
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.units import DEFINITIONS, Units


def shares(units: int, images: int, fired: float, firing: int, total: float) -> tuple[float, float, float]:
    """Return zero_fraction, silent_fraction and pre_mean of a layer on a batch: of how often its units fired over all
    images, how many of them fired at all, and the sum of h. Of what is no number no share can be told.
    """
    mean = total / (units * images)
    known = 1.0 if not math.isnan(mean) else math.nan
    return (1.0 - fired / (units * images)) * known, (1.0 - firing / units) * known, mean


def update_ratio(rate: float, norm: float, length: float) -> float:
    """Return the size of an update against its parameter, from the norms of gradient and parameter.

    A parameter of zeros, as every bias at the start, has no size to compare an update with.
    """
    return rate * norm / length if length else (norm * math.inf if norm else 0.0)


def of_batch(
    network: Network, images: int, rate: float, layers: Iterable[tuple[Floats, Floats]],
    parameters: Iterable[tuple[float, float, float]],
) -> Iterator[tuple[str, float]]:  # fmt: skip
    """Yield the metrics of a batch of so many images: of how often each unit of a hidden layer fired and the sum of its
    h, and of each parameter the sum of its gradient, the norm of that, and its own.
    """
    for layer, (fired, total) in zip(network.layers, layers, strict=True):
        zeros, silent, mean = shares(
            layer.units, images, float(fired.sum(dtype=np.float64)), np.count_nonzero(fired),
            float(total.sum(dtype=np.float64)),
        )  # fmt: skip
        yield f"zero_fraction/{layer.name}", zeros
        yield f"silent_fraction/{layer.name}", silent
        yield f"pre_mean/{layer.name}", mean
    for parameter, (total_of, norm, length) in zip(network.parameters, parameters, strict=True):
        yield f"grad_sum/{parameter.name}", total_of
        yield f"grad_norm/{parameter.name}", norm
        yield f"update_ratio/{parameter.name}", update_ratio(rate, norm, length)


def looked(
    network: Network, activation: str, pre: Sequence[Floats], parameters: Sequence[Floats],
    gradients: Sequence[Floats], firings: Mapping[str, Floats], images: int, right: ByteArray, first: bool,
) -> tuple[dict[str, Units], dict[str, float]]:  # fmt: skip
    """Return what a look tells of each layer's units, and the metrics that go with it.

    Takes h of the probe set (images, units) per layer, the scores of the classes last; w1, b1, …; the gradients by
    them of a batch of so many images, and per layer how many of these each unit fired for; the classes that are right;
    whether this is the first look.
    """
    units, values = {}, dict[str, float]()
    for index, (name, fired) in enumerate(firings.items()):
        weights, bias, gradient = parameters[2 * index], parameters[2 * index + 1], gradients[2 * index]
        units[name] = Units.measured(activation, pre[index], weights, bias, gradient, fired / images)
        for definition in DEFINITIONS:
            saturation = definition.metric == "saturated_fraction"
            if not definition.on_batch and (not saturation or activation in SATURATING):
                values[f"{definition.metric}/{name}"] = definition.share(units[name])
        values[f"bias_mean/{name}"] = float(bias.mean(dtype=np.float64))
    for parameter, gradient in zip(network.parameters, gradients, strict=True):
        values[f"grad_mean_abs/{parameter.name}"] = float(np.abs(gradient).mean(dtype=np.float64)) / images
    values.update(predicted(pre[-1], right))
    if first:
        values.update(_of_the_start(network, parameters, gradients, images))
        values["logit_variance"] = float(pre[-1].var(dtype=np.float64))
    return units, values


def predicted(scores: Floats, right: ByteArray) -> Iterator[tuple[str, float]]:
    """Yield accuracy/probe, and of each class for what share of the images it is the one predicted; NaN with NaN."""
    known, chosen = 1.0 if not np.isnan(scores).any() else math.nan, scores.argmax(axis=1)
    yield "accuracy/probe", float((chosen == right).mean()) * known
    for name, share in zip(CLASS_NAMES, np.bincount(chosen, minlength=len(CLASS_NAMES)) / len(right), strict=True):
        yield f"predicted_fraction/{name}", float(share) * known


def _of_the_start(
    network: Network, parameters: Sequence[Floats], gradients: Sequence[Floats], images: int
) -> Iterator[tuple[str, float]]:
    for index, parameter in enumerate(network.parameters):
        if parameter.is_weight:
            low, high = np.percentile(gradients[index], (5, 95))
            yield f"weight_variance/{parameter.name}", float(parameters[index].var(dtype=np.float64))
            yield f"grad_range/{parameter.name}", float(high - low) / images
