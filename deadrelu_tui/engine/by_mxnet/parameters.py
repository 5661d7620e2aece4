"""The network's parameters on a device, and a step of gradient descent on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deadrelu_tui.engine.by_mxnet.calls import Graph, Update, reshaped
from deadrelu_tui.engine.by_mxnet.network import sums_graph
from deadrelu_tui.engine.by_mxnet.runtime import mx

SMALL = 4_096
"""Elements up to which a parameter is read back as it is: NumPy sums it up in less time than MXNet takes to begin."""


class Parameters:
    """w1, b1, w2, b2, … and the gradients by them of the last step.

    A large one is updated in place. A small one is a new array after each step, which the step's graph returns: an
    update in place would take a call of its own.
    """

    def __init__(self, drawn: Sequence[Any], context: Any) -> None:
        self.arrays = [each.copyto(context) for each in drawn]
        self.gradients: list[Any] = []
        self.small = tuple(index for index, each in enumerate(drawn) if each.size <= SMALL)
        self.large = tuple(index for index, each in enumerate(drawn) if each.size > SMALL)
        self._flat = {index: reshaped(self.arrays[index], -1) for index in self.large}
        self._rows = {index: reshaped(self.arrays[index], 1, -1) for index in self.large}
        self._ones = {index: mx.nd.ones(drawn[index].size, ctx=context) for index in self.large}
        self._sums = {index: sums_graph() for index in self.large}  # of its own for each: planned for one shape
        self._update = Update()
        self._context, self._updated = context, list[Any]()
        self._set_rate(0.0)

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        self._factor = mx.nd.full((1, 1), -rate, ctx=self._context)
        self._factors = self._factor.reshape(-1)

    def queue(self, graph: Graph, batch: Sequence[Any], rate: float) -> Any:
        """Queue a step's graph for its batch, and return the vector that it tells."""
        if rate != self._rate:
            self._set_rate(rate)
        *results, told = graph(*batch, self._factors, *self.arrays)
        count = len(self.arrays)
        self.gradients, self._updated = results[:count], results[count:]
        return told

    def measured(self) -> list[Any]:
        """Return what the metrics of each parameter p and its gradient g are made of: of a small one p and g, which the
        update leaves as they are, of a large one (Σg, Σg², Σp²), queued here.
        """
        told = []
        for index, (parameter, gradient) in enumerate(zip(self.arrays, self.gradients, strict=True)):
            if index in self.small:
                told += [parameter, gradient]
            else:
                told += self._sums[index](self._flat[index], reshaped(gradient, -1), self._ones[index])
        return told

    def update(self) -> None:
        """Queue the update by the gradients."""
        for index in self.large:
            self._update(self._factor, self._rows[index], reshaped(self.gradients[index], 1, -1))
        for index, updated in zip(self.small, self._updated, strict=True):
            self.arrays[index] = updated
