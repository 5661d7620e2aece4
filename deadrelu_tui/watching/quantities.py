"""What is told of a network that is watched, whatever framework it uses."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import numpy as np

from deadrelu_tui.record.metrics import OF_A_PARAMETER, Quantity, quantity
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.units import DEFINITIONS, Units

MOST_PARAMETERS = 300
"""Parameters that are told of; of a larger network those that make units, the first and the last."""


def told_of(network: Network, tapped: Container[str]) -> Iterable[Quantity]:
    """Yield what will be told of a network."""
    yield quantity("loss")
    for layer in network.layers:
        if layer.name in tapped:
            yield quantity("silent_fraction", layer.name)
        for metric in ("zero_fraction", "pre_mean"):
            yield Quantity(f"{metric}/{layer.name}", metric, layer.name, every_step=False)
        yield quantity("bias_mean", layer.name)
        for each in DEFINITIONS:
            if not each.on_batch and each.applies(layer.activation):
                yield quantity(each.metric, layer.name)
    for parameter in network.parameters:
        for metric in OF_A_PARAMETER:
            yield quantity(metric, parameter.name)
        yield quantity("grad_mean_abs", parameter.name)
        if parameter.is_weight:
            yield quantity("weight_variance", parameter.name)


def parameters_told(names: Sequence[str], making: Sequence[str]) -> Iterator[str]:
    """Yield which of a network's parameters are told of, given those that make units."""
    if len(names) <= MOST_PARAMETERS:
        yield from names
        return
    kept = {*names[:2], *names[-2:]}
    for each in making:
        if len(kept) < MOST_PARAMETERS:
            kept.add(each)
    yield from (name for name in names if name in kept)


def shares(units: Mapping[str, Units]) -> dict[str, float]:
    """Return what a look tells of each layer as a whole: zeros among all h, their mean, the mean of the bias."""
    values = dict[str, float]()
    for name, each in units.items():
        values[f"zero_fraction/{name}"] = 1.0 - float(each.firing.mean(dtype=np.float64))
        for metric, told in (("pre_mean", each.pre_mean), ("bias_mean", each.bias)):
            mean = float(told.mean(dtype=np.float64))
            # That of h is told even if it is no number, which says much; but not if nobody knows it.
            unknown = np.isnan(told).all() and np.isfinite(each.firing).all()
            if math.isfinite(mean) or (metric == "pre_mean" and not unknown):
                values[f"{metric}/{name}"] = mean
    return values
