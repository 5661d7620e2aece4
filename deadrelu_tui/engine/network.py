"""The MLP and its measurements as hybridised graphs; every parameter is an input, so the graphs hold no state.

Weights have the shape (units, inputs). Forward hooks fire once and never again under `hybridize`, so the
pre-activations (taps) are outputs of the network itself.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.settings import RunSettings
from deadrelu_tui.units import LEAKY_SLOPE

_GRAPH = {"static_alloc": True, "static_shape": True}


def initial_parameters(settings: RunSettings, inputs: int, classes: int) -> list[Any]:
    """Return w1, b1, w2, b2, … on the CPU; weights (units, inputs), biases zero.

    `normal:s` is N(0, s²); `he` is N(0, 2/inputs) (He et al. 2015); `xavier` is uniform within
    ±√(6/(inputs+units)) (Glorot and Bengio 2010). Drawn as the article draws them — MXNet's generator, shape
    (inputs, units), layer by layer — so that seed 0 here is seed 0 there; and on the CPU, so that a seed means
    the same network on every device.
    """
    mx.random.seed(settings.seed)
    parameters = []
    for fan_in, units in pairwise((inputs, *settings.hidden, classes)):
        parameters += [fresh_weight(settings.init, fan_in, units), mx.nd.zeros(units, ctx=mx.cpu())]
    return parameters


def fresh_weight(init: str, fan_in: int, units: int) -> Any:
    """Return the next weight that MXNet's generator draws, shape (units, fan_in), on the CPU."""
    shape = (fan_in, units)
    if init == "xavier":
        bound = math.sqrt(6 / (fan_in + units))
        return mx.nd.random.uniform(-bound, bound, shape, ctx=mx.cpu()).T
    scale = math.sqrt(2 / fan_in) if init == "he" else float(init.removeprefix("normal:"))
    return mx.nd.random.normal(0, scale, shape, ctx=mx.cpu()).T


def _activate(F: Any, name: str, pre: Any) -> Any:  # noqa: N803 - Gluon's own name for the operator space
    if name == "leaky_relu":
        return F.LeakyReLU(pre, act_type="leaky", slope=LEAKY_SLOPE)
    return F.Activation(pre, act_type=name)


def _mlp(F: Any, widths: tuple[int, ...], activation: str, x: Any, parameters: tuple[Any, ...]) -> tuple[Any, Any]:  # noqa: N803
    """Return the logits and the hidden layers' pre-activations."""
    taps = []
    layers = list(zip(parameters[::2], parameters[1::2], widths, strict=True))
    for weight, bias, width in layers:
        pre = F.FullyConnected(x, weight, bias, num_hidden=width, flatten=False)
        taps.append(pre)
        x = _activate(F, activation, pre)
    return taps.pop(), taps


class _Graph(mx.gluon.HybridBlock):  # type: ignore[misc]
    """A stateless block over (pixels, labels, w1, b1, …) for one activation."""

    def __init__(self, widths: tuple[int, ...], activation: str) -> None:
        super().__init__()
        self.widths, self.activation = widths, activation
        self.hybridize(**_GRAPH)


class Forward(_Graph):
    """Returns the batch-summed cross-entropy, shape (1,), and each tap, shape (images, units)."""

    def hybrid_forward(self, F: Any, pixels: Any, labels: Any, *parameters: Any) -> Any:  # noqa: D102, N803
        logits, taps = _mlp(F, self.widths, self.activation, pixels, parameters)
        loss = -F.sum(F.pick(F.log_softmax(logits), labels)).reshape((1,))
        return [loss, *(F.BlockGrad(tap) for tap in taps)]


class Look(_Graph):
    """Returns the sums over the images of loss and right answers, shape (2,), and each tap, shape (images, units)."""

    def hybrid_forward(self, F: Any, pixels: Any, labels: Any, *parameters: Any) -> Any:  # noqa: D102, N803
        logits, taps = _mlp(F, self.widths, self.activation, pixels, parameters)
        loss = -F.sum(F.pick(F.log_softmax(logits), labels)).reshape((1,))
        right = F.sum(F.argmax(logits, axis=1) == labels).reshape((1,))
        return [F.concat(loss, right, dim=0), *taps]


SMALL = 4_096
"""Elements up to which a parameter is read back as it is: NumPy sums it up in less time than MXNet takes to begin."""


class Diagnose(mx.gluon.HybridBlock):  # type: ignore[misc]
    """Returns what the metrics of a step are made of in one vector, from (loss, ones, taps, w1, g1, w1's ones, b1, …),
    parameters and gradients flat, ones only for those that are not SMALL.

    Sums are products with a vector of ones: MXNet's own reductions take ten times as long on a CPU. The order
    is: loss; per large parameter: Σg, Σg², Σp²; per layer and unit: the images of the batch for which it fired, then
    the sum of h; the small parameters and their gradients.
    """

    def __init__(self, layers: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers, self.sizes = layers, sizes
        self.hybridize(**_GRAPH)

    def hybrid_forward(self, F: Any, loss: Any, images: Any, *arrays: Any) -> Any:  # noqa: D102, N803
        units = [each for tap in arrays[: self.layers] for each in (F.dot(images, tap > 0), F.dot(images, tap))]
        sums, small, rest = [], [], iter(arrays[self.layers :])
        for size in self.sizes:
            p, g = next(rest), next(rest)
            if size <= SMALL:
                small += [p, g]
            else:
                sums += [F.dot(g, next(rest)), F.dot(g, g), F.dot(p, p)]
        return F.concat(loss, *(each.reshape((1,)) for each in sums), *units, *small, dim=0)
