"""What a step does to each parameter: sum and norm of its gradient, and the size of its update against it.

In the training's thread values are only copied, behind the work that makes them. What is summed is summed in NumPy,
where the numbers are told: twenty times as fast as MXNet's own sums on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deadrelu_tui.watching.by_gluon.looking import array
from deadrelu_tui.watching.by_gluon.owed import Owed
from deadrelu_tui.watching.by_gluon.passing import first_device
from deadrelu_tui.watching.by_gluon.theirs import mx

COPIED = 50_000_000
"""Values of parameters that are copied for the size of their updates, at most; parameters beyond have none told."""
MEASURED = 200_000_000
"""Values of gradients that are copied, at most."""


class Gradients:
    """Measures some parameters around an update, and waits for nothing."""

    def __init__(self, parameters: Mapping[str, Any], owed: Owed) -> None:
        self._parameters, self._sized = dict[str, Any](), set[str]()
        copied = 0
        for name, each in parameters.items():
            copied += int(np.prod(each.shape, dtype=np.int64))
            if copied <= MEASURED:
                self._parameters[name] = each
            if copied <= COPIED:
                self._sized.add(name)
        self._owed = owed
        self._copying: dict[int, Any] = {}
        self._costs: dict[int, float] = {}
        self.spent: Callable[[float], None] = lambda _: None
        """Told how many seconds copies take elsewhere, though nobody waits for them."""
        self._gradients: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def before(self) -> None:
        """Copy the gradients, which are complete, and what the update will change."""
        self._gradients, self._before = {}, {}
        with mx.autograd.pause():
            found = {name: gradient for name, each in self._parameters.items()
                     if (gradient := gradient_of(each)) is not None}  # fmt: skip
            weights = {name: self._parameters[name].list_data()[0] for name in found if name in self._sized}
            copies = iter(self._copied([*found.values(), *weights.values()]))
            self._gradients = {name: next(copies) for name in found}
            self._before = {name: next(copies) for name in weights}

    def after(self, scale: float) -> Callable[[], dict[str, float]]:
        """Return what computes the numbers of the step, in another thread; gradients are multiplied by `scale`."""
        gradients, before = self._gradients, self._before
        self._gradients, self._before = {}, {}
        with mx.autograd.pause():
            weights = [self._parameters[name].list_data()[0] for name in before]
            now = dict(zip(before, self._copied(weights), strict=True))

        def numbers() -> dict[str, float]:
            values = dict[str, float]()
            with np.errstate(all="ignore"):
                for name, each in gradients.items():
                    gradient = array(each)
                    values[f"grad_sum/{name}"] = float(gradient.sum(dtype=gradient.dtype)) * scale
                    values[f"grad_norm/{name}"] = _norm(gradient) * scale
                for name, each in before.items():
                    was = array(each)
                    change, length = _norm(array(now[name]) - was), _norm(was)
                    # A parameter of zeros has no size to compare an update with: it is told as 0, if nothing changed.
                    values[f"update_ratio/{name}"] = change and float(np.divide(change, length))
            return values

        return numbers

    def _copied(self, values: list[Any]) -> list[Any]:
        """Return copies of arrays, in one call into MXNet."""
        if not values:
            return []
        count = len(values)
        first = count not in self._costs
        if first:
            given = [mx.sym.var(f"deadrelu_value{index}") for index in range(count)]
            self._copying[count] = mx.nd.CachedOp(mx.sym.Group([mx.sym.identity(each) for each in given]))
            began = time.perf_counter()
            self._owed.wait_for(values)
            self.spent(began - time.perf_counter())  # which is what they take themselves
        began = time.perf_counter()
        copies = self._copying[count](*values)
        copies = list(copies) if isinstance(copies, (tuple, list)) else [copies]
        if first:
            self._owed.wait_for(copies)
            self._costs[count] = time.perf_counter() - began
        else:
            self.spent(self._costs[count])
        return copies


def gradient_of(parameter: Any) -> Any:
    """Return a parameter's gradient, of all devices together; None if it has none that is new and dense."""
    if parameter.grad_req == "null" or first_device(parameter) is None:
        return None
    values, gradients = parameter.list_data(), parameter.list_grad()
    if not values[0]._fresh_grad or gradients[0].stype != "default" or not gradients[0].size:
        return None
    if len(gradients) == 1:
        return gradients[0]
    first = gradients[0].context
    return mx.nd.add_n(*[each.as_in_context(first) for each in gradients])


def _norm(values: Any) -> float:
    return float(np.sqrt(np.vdot(values, values)))
