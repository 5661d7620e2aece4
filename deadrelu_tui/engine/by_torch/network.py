"""The MLP, its gradients and its sums in PyTorch, in memory that is used again at every step.

Weights have the shape (units, inputs); h is a layer's pre-activation, a its activation of it. Backpropagation
(Rumelhart, Hinton and Williams 1986) is written out: a step costs fewer calls than by autograd, and "h > 0" serves
derivative and count. Nothing here waits for a device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from deadrelu_tui.engine.by_torch.activations import ACTIVATE, BACK_THROUGH
from deadrelu_tui.engine.by_torch.runtime import torch
from deadrelu_tui.engine.model import spread

ALIGNED = 16
"""Numbers to whose multiples each parameter begins: 64 bytes, as kernels like it."""


class Draws:
    """Weights drawn one after the other, from a seed: on the CPU, so that it means the same network on every device."""

    def __init__(self, init: str, seed: int) -> None:
        self._init = init
        self._generator = torch.Generator().manual_seed(seed)

    def weight(self, inputs: int, units: int) -> Any:
        """Return the next weight, shape (units, inputs)."""
        evenly, size = spread(self._init, inputs, units)
        drawn = torch.empty((units, inputs), dtype=torch.float32)
        draw, low = (drawn.uniform_, -size) if evenly else (drawn.normal_, 0)
        return draw(low, size, generator=self._generator)

    def parameters(self, widths: Sequence[int]) -> list[Any]:
        """Return w1, b1, w2, b2, … from the inputs to the classes; biases are zero."""
        return [
            each
            for inputs, units in pairwise(widths)
            for each in (self.weight(inputs, units), torch.zeros(units, dtype=torch.float32))
        ]


class Network:
    """The parameters, their gradients, and the memory of a batch of so many images at most, on a device."""

    def __init__(self, drawn: Sequence[Any], images: int, device: Any, metrics: bool) -> None:
        self.widths = [len(each) for each in drawn[1::2]]
        self.inputs = drawn[0].shape[1]
        shapes = [each.shape for each in drawn]
        self._all, self.parameters = _together(shapes, device)
        self._slopes, self.gradients = _together(shapes, device)
        self._flat = [(p.view(-1), g.view(-1)) for p, g in zip(self.parameters, self.gradients, strict=True)]
        for parameter, values in zip(self.parameters, drawn, strict=True):
            parameter.copy_(values)
        self._hidden = self.widths[:-1] if metrics else []
        sizes = [1, *(2 * width for width in self._hidden), *([3] * len(drawn) if metrics else [])]
        self.told = torch.zeros(sum(sizes), dtype=torch.float32, device=device)
        """The loss of the batch, summed; with metrics per hidden layer the sum of each unit's h and for how many images
        it fires; then per parameter Σg, Σg² and Σp²."""
        (self._loss,), *told = (each for each in self.told.split(sizes))
        self._sums = [each.view(2, -1) for each in told[: len(self._hidden)]]
        self._of_parameters = [each.unbind() for each in told[len(self._hidden) :]]
        self._batch = Batch(images, self.inputs, self.widths, device)
        self._parts: dict[int, Batch] = {}

    def batch(self, images: int) -> Batch:
        """Return the memory of a batch of so many images."""
        if images not in self._parts:
            self._parts[images] = self._batch.of(images)
        return self._parts[images]

    def learn(self, batch: Batch, activation: str) -> None:
        """Pass a batch forward and its loss back: fill in the gradients and what is told of the layers."""
        last, taken = len(self.widths) - 1, [batch.pixels, *batch.activity]
        for layer, pre in enumerate(batch.pre):
            torch.addmm(self.parameters[2 * layer + 1], taken[layer], self.parameters[2 * layer].t(), out=pre)
            if layer < last:
                torch.gt(pre, 0, out=batch.fires[layer])
                ACTIVATE[activation](pre, batch.activity[layer])
        log_p = torch.log_softmax(batch.pre[last], 1)
        self._loss.copy_(_summed_loss(log_p, batch.labels))
        for both, sums in zip(batch.both, self._sums, strict=False):
            torch.sum(both, 1, out=sums)
        behind = torch.exp(log_p, out=log_p).scatter_add_(1, batch.labels_across, batch.minus_one)
        for layer in range(last, -1, -1):
            torch.mm(behind.t(), taken[layer], out=self.gradients[2 * layer])
            torch.sum(behind, 0, out=self.gradients[2 * layer + 1])
            if layer:
                behind = torch.mm(behind, self.parameters[2 * layer], out=batch.behind[layer - 1])
                BACK_THROUGH[activation](behind, batch.activity[layer - 1], batch.fires[layer - 1])

    def measure(self) -> None:
        """Fill in what is told of the parameters."""
        for (parameter, gradient), (total, squares, own) in zip(self._flat, self._of_parameters, strict=False):
            torch.sum(gradient, 0, out=total)
            torch.dot(gradient, gradient, out=squares)
            torch.dot(parameter, parameter, out=own)

    def update(self, rate: float) -> None:
        """Take the step p ← p − rate · g."""
        self._all.sub_(self._slopes, alpha=rate)

    def look(self, pixels: Any, activation: str) -> list[Any]:
        """Return h of each layer for some images, (images, units), the scores of the classes last."""
        pre: list[Any] = []
        taken = pixels
        for weight, bias in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            if pre:
                taken = torch.empty_like(pre[-1])
                ACTIVATE[activation](pre[-1], taken)
            pre.append(torch.addmm(bias, taken, weight.t()))
        return pre


class Batch:
    """The memory of a batch: what goes in, and what each layer makes of it, (images, units) each."""

    def __init__(self, images: int, inputs: int, widths: Sequence[int], device: Any) -> None:
        def empty(*shape: int, kind: Any = torch.float32) -> Any:
            return torch.empty(shape, dtype=kind, device=device)

        *hidden, classes = widths
        self.bytes, self.pixels = empty(images, inputs, kind=torch.uint8), empty(images, inputs)
        self.index, self.labels = (empty(images, kind=torch.int64) for _ in range(2))
        self.both = [empty(2, images, width) for width in hidden]
        """h and where it is above 0, as numbers."""
        self.activity, self.behind = ([empty(images, width) for width in hidden] for _ in range(2))
        self._scores = empty(images, classes)
        self._minus_ones = torch.full((images, 1), -1.0, device=device)
        self._view(images)

    def _view(self, images: int) -> None:
        self.pre = [*(each[0] for each in self.both), self._scores]
        self.fires = [each[1] for each in self.both]
        self.labels_across, self.minus_one = self.labels.view(-1, 1), self._minus_ones
        self.images = images

    def of(self, images: int) -> Batch:
        """Return the part of it that a batch of so many images has."""
        part = object.__new__(Batch)
        for name, each in vars(self).items():
            if isinstance(each, torch.Tensor):
                setattr(part, name, each[:images])
        part.both = [each[:, :images] for each in self.both]
        part.activity, part.behind = ([each[:images] for each in every] for every in (self.activity, self.behind))
        part._view(images)
        return part


def _together(shapes: Sequence[Sequence[int]], device: Any) -> tuple[Any, list[Any]]:
    """Return zeros for all of some parameters, that can be changed in one call, and the part of each."""
    sizes = [-(-math.prod(shape) // ALIGNED) * ALIGNED for shape in shapes]
    whole = torch.zeros(sum(sizes), dtype=torch.float32, device=device)
    parts = zip(whole.split(sizes), shapes, strict=True)
    return whole, [part[: math.prod(shape)].view(shape) for part, shape in parts]


def _summed_loss(log_p: Any, labels: Any) -> Any:
    return torch.nn.functional.nll_loss(log_p, labels, reduction="sum")


def scored(scores: Any, labels: Any) -> Any:
    """Return the summed loss of some images, and how many of them are classified rightly, shape (2,)."""
    loss = _summed_loss(torch.log_softmax(scores, 1), labels).double()
    return torch.stack((loss, (scores.argmax(1) == labels).sum().double()))
