"""The MLP, its gradients and its measurements as graphs; every parameter is an input, so the graphs hold no state.

Weights have the shape (units, inputs); h is a layer's pre-activation, a its activation of it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.by_mxnet.calls import Graph
from deadrelu_tui.engine.by_mxnet.runtime import mx
from deadrelu_tui.engine.model import spread
from deadrelu_tui.record.units import LEAKY_SLOPE


def initial_parameters(settings: RunSettings, inputs: int, classes: int) -> list[Any]:
    """Return w1, b1, w2, b2, … on the CPU; weights (units, inputs), biases zero.

    Drawn as the article draws them — MXNet's generator, shape (inputs, units), layer by layer — so that seed 0 here is
    seed 0 there; and on the CPU, so that a seed means the same network on every device.
    """
    mx.random.seed(settings.seed)
    parameters = []
    for fan_in, units in pairwise((inputs, *settings.hidden, classes)):
        parameters += [fresh_weight(settings.init, fan_in, units), mx.nd.zeros(units, ctx=mx.cpu())]
    return parameters


def fresh_weight(init: str, fan_in: int, units: int) -> Any:
    """Return the next weight that MXNet's generator draws, shape (units, fan_in), on the CPU."""
    evenly, size = spread(init, fan_in, units)
    draw, low = (mx.nd.random.uniform, -size) if evenly else (mx.nd.random.normal, 0)
    return draw(low, size, (fan_in, units), ctx=mx.cpu()).T


def _inputs(layers: int) -> tuple[Any, Any, list[Any]]:
    """Return the variables of pixels (images, inputs), labels (images,), and w1, b1, w2, b2, …"""
    pixels, labels = map(mx.sym.Variable, ("pixels", "labels"))
    return pixels, labels, [mx.sym.Variable(f"{kind}{layer}") for layer in range(1, layers + 1) for kind in "wb"]


def _forward(
    widths: tuple[int, ...], activation: str, pixels: Any, labels: Any, parameters: list[Any]
) -> tuple[list[Any], list[Any], Any, Any]:
    """Return each layer's input, each layer's h, log p per image and class, and the batch-summed cross-entropy."""
    taken, pre = [pixels], []
    for weight, bias, width in zip(parameters[::2], parameters[1::2], widths, strict=True):
        pre.append(mx.sym.FullyConnected(taken[-1], weight, bias, num_hidden=width, flatten=False))
        taken.append(_activate(activation, pre[-1]))
    log_p = mx.sym.log_softmax(pre[-1])
    return taken[:-1], pre, log_p, -_total(mx.sym.pick(log_p, labels))


def _total(values: Any) -> Any:
    """Return the sum of a vector, shape (1,)."""
    return mx.sym.sum(values, axis=0, keepdims=True)


def _activate(name: str, pre: Any) -> Any:
    if name == "leaky_relu":
        return mx.sym.LeakyReLU(pre, act_type="leaky", slope=LEAKY_SLOPE)
    return mx.sym.Activation(pre, act_type=name)


def _back_through(name: str, behind: Any, activity: Any, fires: Any) -> Any:
    """Return ∂L/∂h from ∂L/∂a, the activity a, and where h > 0."""
    if name == "tanh":
        return behind * (1 - activity * activity)
    if name == "sigmoid":
        return behind * (activity * (1 - activity))
    return behind * (fires if name == "relu" else fires * (1 - LEAKY_SLOPE) + LEAKY_SLOPE)


def _product(left: Any, right: Any, rows: int) -> Any:
    """Return left · rightᵀ, where right has so many rows: what a layer without biases makes of its input."""
    return mx.sym.FullyConnected(left, right, num_hidden=rows, no_bias=True, flatten=False)


def step_graph(widths: tuple[int, ...], activation: str, metrics: bool, small: tuple[int, ...], inputs: int) -> Graph:
    """Return the graph of a step, from (pixels, columns, labels, ones, factor, w1, b1, …), where the columns are the
    pixels transposed, which is only looked at where the images have so many `inputs`; 0 says that there are none.

    It gives the gradients g of the batch-summed cross-entropy by the parameters p; what the small parameters, told by
    their index, become by p + factor · g; and a vector: the cross-entropy, and with metrics per hidden layer the
    images for which each unit fires and its sums of h, (units,) each.

    Backpropagation (Rumelhart, Hinton and Williams 1986) is written out, so that all of it is one call and "h > 0"
    serves derivative and count. Large sums are products with ones: MXNet's own take ten times as long on a CPU.
    Products with a large weight are left to oneDNN, which knows every core, and not to the OpenBLAS of MXNet's wheel,
    which takes newer ones for those of 2007 (`kernels`).
    """
    pixels, labels, parameters = _inputs(len(widths))
    columns, ones, factor = map(mx.sym.Variable, ("columns", "ones", "factor"))
    taken, pre, log_p, loss = _forward(widths, activation, pixels, labels, parameters)
    gradients: list[Any] = []
    units: list[Any] = []
    behind = mx.sym.exp(log_p) - mx.sym.one_hot(labels, depth=widths[-1])
    for layer in reversed(range(len(widths))):
        weight, large = parameters[2 * layer], inputs > 0 and 2 * layer not in small
        if large:
            across = mx.sym.transpose(taken[layer]) if layer else columns
            by_weights = _product(mx.sym.transpose(behind), across, (inputs, *widths)[layer])
        else:
            by_weights = mx.sym.dot(behind, taken[layer], transpose_a=True)
        gradients = [by_weights, mx.sym.dot(ones, behind), *gradients]
        if layer:
            fires = pre[layer - 1] > 0
            units = [mx.sym.dot(ones, fires), mx.sym.dot(ones, pre[layer - 1]), *units]
            if large:
                before = _product(behind, mx.sym.transpose(weight), widths[layer - 1])
            else:
                before = mx.sym.dot(behind, weight)
            behind = _back_through(activation, before, taken[layer], fires)
    # MXNet hands a + of equal shapes to oneDNN, where each call takes 0.02 ms, however small they are.
    deltas = [mx.sym.broadcast_mul(gradients[index], factor) for index in small]
    updated = [mx.sym.broadcast_add(parameters[index], delta) for index, delta in zip(small, deltas, strict=True)]
    told = mx.sym.concat(loss, *units, dim=0) if metrics else loss
    return Graph([pixels, columns, labels, ones, factor, *parameters], [*gradients, *updated, told])


def look_graph(widths: tuple[int, ...], activation: str, scale: float | None) -> Graph:
    """Return the graph of a look, from (bytes of the images, labels, w1, b1, …): the sums over the images of loss and
    right answers, shape (1,) each, and h of each layer, shape (images, units), that of the classes last. The bytes
    are multiplied by the scale; without one they are normalised.
    """
    images, labels, parameters = _inputs(len(widths))
    pixels = mx.sym.cast(images, "float32")
    if scale is None:
        pixels = pixels / 255
    elif scale != 1:
        pixels = pixels * float(np.float32(scale))
    _, pre, log_p, loss = _forward(widths, activation, pixels, labels, parameters)
    right = _total(mx.sym.argmax(log_p, axis=1) == labels)
    return Graph([images, labels, *parameters], [loss, right, *pre])


def sums_graph() -> Graph:
    """Return the graph of (Σg, Σg², Σp²), shape (3,), from (p, g, ones), a parameter and its gradient, flat."""
    parameter, gradient, ones = map(mx.sym.Variable, ("parameter", "gradient", "ones"))
    products = ((gradient, ones), (gradient, gradient), (parameter, parameter))
    return Graph([parameter, gradient, ones], [mx.sym.concat(*(mx.sym.dot(*each) for each in products), dim=0)])
