"""The MLP, its gradients and its sums in NumPy, in memory that is used again at every step.

Weights have the shape (units, inputs); h is a layer's pre-activation, a its activation of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.engine.model import spread
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.units import LEAKY_SLOPE

Mask = npt.NDArray[np.bool_]


class Draws:
    """Weights drawn one after the other, from a seed.

    By NumPy's older generator: its numbers are promised never to change, whatever the version of NumPy.
    """

    def __init__(self, init: str, seed: int) -> None:
        self._init = init
        self._random = np.random.RandomState([seed, 1])  # the order of the images is drawn from the seed itself

    def weight(self, inputs: int, units: int) -> Floats:
        """Return the next weight, shape (units, inputs)."""
        evenly, size = spread(self._init, inputs, units)
        draw, low = (self._random.uniform, -size) if evenly else (self._random.normal, 0)
        return draw(low, size, (units, inputs)).astype(np.float32)

    def parameters(self, widths: Sequence[int]) -> list[Floats]:
        """Return w1, b1, w2, b2, … from the inputs to the classes; biases are zero."""
        return [
            each
            for inputs, units in pairwise(widths)
            for each in (self.weight(inputs, units), np.zeros(units, np.float32))
        ]


class Sums(NamedTuple):
    """What a batch tells: its summed loss; per hidden layer the images for which each unit fires and the sum of h of
    each, (units,) both.
    """

    loss: float
    fired: list[Floats]
    total: list[Floats]


class Network:
    """The parameters, their gradients, and the memory of a batch of so many images at most."""

    def __init__(self, parameters: list[Floats], images: int) -> None:
        self.parameters = parameters
        """w1, b1, w2, b2, …"""
        self.gradients = [np.empty_like(each) for each in parameters]
        """Of the batch-summed loss by each parameter, for the batch seen last."""
        self.widths = [len(each) for each in parameters[1::2]]
        self._ones = np.ones(max(images, *(each.size for each in parameters)), np.float32)
        self._steps = [np.empty_like(each) for each in parameters]
        self._pre, self._activity, self._fires, self._behind = (
            [np.empty((images, width), np.float32) for width in self.widths] for _ in range(4)
        )

    def learn(self, pixels: Floats, labels: npt.NDArray[np.intp], activation: str, metrics: bool) -> Sums:
        """Pass a batch forward and its loss back: fill in the gradients. Without metrics only the loss is told.

        Backpropagation (Rumelhart, Hinton and Williams 1986). Sums over images are products with ones, which BLAS
        does in a third of the time of NumPy's own.
        """
        images, last = len(pixels), len(self.widths) - 1
        pre, activity, fires, behind = (
            [each[:images] for each in memory] for memory in (self._pre, self._activity, self._fires, self._behind)
        )
        ones = self._ones[:images]
        taken = [pixels, *activity[:-1]]
        for layer, (weight, bias) in enumerate(self._layers()):
            np.dot(taken[layer], weight.T, out=pre[layer])
            pre[layer] += bias
            if layer < last:
                np.greater(pre[layer], 0, out=fires[layer])
                activate(activation, pre[layer], activity[layer])
        loss = _cross_entropy(pre[last], labels, behind[last])
        for layer in range(last, -1, -1):
            np.dot(behind[layer].T, taken[layer], out=self.gradients[2 * layer])
            np.dot(ones, behind[layer], out=self.gradients[2 * layer + 1])
            if layer:
                np.dot(behind[layer], self.parameters[2 * layer], out=behind[layer - 1])
                _back_through(activation, behind[layer - 1], activity[layer - 1], fires[layer - 1])
        if not metrics:
            return Sums(loss, [], [])
        return Sums(loss, [ones @ each for each in fires[:-1]], [ones @ each for each in pre[:-1]])

    def of_parameters(self) -> Iterator[tuple[float, float, float]]:
        """Yield the sum of each gradient, its norm, and the norm of its parameter."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            flat = gradient.reshape(-1)
            total = float(np.dot(self._ones[: flat.size], flat))
            yield total, norm(flat), norm(parameter.reshape(-1))

    def update(self, rate: float) -> None:
        """Take the step p ← p − rate · g."""
        for parameter, gradient, step in zip(self.parameters, self.gradients, self._steps, strict=True):
            np.multiply(gradient, np.float32(rate), out=step)
            np.subtract(parameter, step, out=parameter)

    def look(self, pixels: Floats, activation: str) -> tuple[list[Floats], Floats]:
        """Return h of each hidden layer for some images, (images, units), and the scores of the classes."""
        pre: list[Floats] = []
        taken = pixels
        for weight, bias in self._layers():
            if pre:
                taken = np.empty_like(pre[-1])
                activate(activation, pre[-1], taken)
            pre.append(taken @ weight.T)
            pre[-1] += bias
        return pre[:-1], pre[-1]

    def silent(self, pixels: Floats, activation: str) -> list[Mask]:
        """Return per hidden layer which units fire for none of some images; none of those with NaN."""
        return [(each <= 0).all(axis=0) for each in self.look(pixels, activation)[0]]

    def _layers(self) -> Iterator[tuple[Floats, Floats]]:
        return zip(self.parameters[::2], self.parameters[1::2], strict=True)


def norm(flat: Floats) -> float:
    """Return the L2 norm of a vector; in double precision where the square of a float32 is beyond it."""
    squares = float(np.dot(flat, flat))
    if not math.isfinite(squares):
        squares = float(np.einsum("i,i->", flat, flat, dtype=np.float64))
    return math.sqrt(squares)


def activate(name: str, pre: Floats, out: Floats) -> None:
    """Write a = activation(h)."""
    if name == "relu":
        np.maximum(pre, 0, out=out)
    elif name == "leaky_relu":
        np.multiply(pre, np.float32(LEAKY_SLOPE), out=out)
        np.maximum(pre, out, out=out)
    elif name == "tanh":
        np.tanh(pre, out=out)
    else:
        _sigmoid(pre, out)


def _sigmoid(pre: Floats, out: Floats) -> None:
    """Write 1 / (1 + e^−h), as ½ (1 + tanh h/2), which does not overflow."""
    np.multiply(pre, np.float32(0.5), out=out)
    np.tanh(out, out=out)
    out += 1
    out *= np.float32(0.5)


def _back_through(name: str, behind: Floats, activity: Floats, fires: Floats) -> None:
    """Make ∂L/∂h of ∂L/∂a in place, from the activity a, which is used up, and where h > 0."""
    if name == "relu":
        behind *= fires
    elif name == "leaky_relu":
        np.multiply(fires, np.float32(1 - LEAKY_SLOPE), out=activity)
        activity += np.float32(LEAKY_SLOPE)
        behind *= activity
    elif name == "tanh":
        np.multiply(activity, activity, out=activity)
        np.subtract(1, activity, out=activity)
        behind *= activity
    else:
        behind *= activity
        np.subtract(1, activity, out=activity)
        behind *= activity


def _cross_entropy(scores: Floats, labels: npt.NDArray[np.intp], out: Floats) -> float:
    """Return the summed loss −ln softmax(scores)[label], and write its gradient by the scores."""
    rows = np.arange(len(scores))
    np.subtract(scores, scores.max(axis=1, keepdims=True), out=out)
    chosen = out[rows, labels]
    np.exp(out, out=out)
    totals = out.sum(axis=1, keepdims=True)
    out /= totals
    out[rows, labels] -= 1
    return float(np.log(totals).sum(dtype=np.float64) - chosen.sum(dtype=np.float64))


def scored(scores: Floats, labels: npt.NDArray[np.intp]) -> tuple[float, int]:
    """Return the summed loss of some images, and how many of them are classified rightly."""
    loss = _cross_entropy(scores, labels, np.empty_like(scores))
    return loss, int((scores.argmax(axis=1) == labels).sum())
