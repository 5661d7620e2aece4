"""What sees a network of Gluon's: its units on the probe, and its parameters at each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deadrelu_tui.record.units import Units
from deadrelu_tui.watching.by_gluon import reviving
from deadrelu_tui.watching.by_gluon.gradients import Gradients, gradient_of
from deadrelu_tui.watching.by_gluon.looking import Looker, array, rows_of
from deadrelu_tui.watching.by_gluon.owed import Owed
from deadrelu_tui.watching.by_gluon.passing import Probe, first_device
from deadrelu_tui.watching.by_gluon.rates import Rates
from deadrelu_tui.watching.by_gluon.sketch import Sketch
from deadrelu_tui.watching.by_gluon.steps import Steps
from deadrelu_tui.watching.by_gluon.taps import Taps
from deadrelu_tui.watching.quantities import shares
from deadrelu_tui.watching.told import Read


class GluonSight:
    """Sees one network and what trains it."""

    def __init__(self, net: Any, steps: Steps, rates: Rates, known: Sketch, probe: Probe | None, owed: Owed) -> None:
        """Take the network, what tells of its steps, its rates, what it is made of, the probe if there is one, and what
        keeps errors of the training.
        """
        self.owed = owed
        self.known, self.steps, self.rates = known, steps, rates
        self.trainers: Sequence[Any] = steps.trainers
        self.looker = Looker(net, known, probe) if probe is not None else None
        self.taps: Taps | None = None
        self.needs_taps = False
        """Whether death is told by the batches alone."""
        self.hooks: list[Any] = []
        """What else was put on, to be taken off."""
        self.gradients = Gradients(known.parameters, owed)
        self._first, self._steps = True, 0

    def look(self) -> tuple[dict[str, Units], dict[str, float]]:
        """Compute on the probe; return what it tells of each layer's units, and of the network."""
        values, units = dict[str, float](), dict[str, Units]()
        for each in self.known.parameters.values():
            if first_device(each) is not None:
                self.owed.wait_for([*each.list_data()[:1], *(each.list_grad()[:1] if each.grad_req != "null" else ())])
        if self.looker is not None:
            for name, each in self.looker.counted().items():
                units[name] = each.units(*self._weights(name))
            values = shares(units)
        per_sample = self.steps.scale / self.steps.samples
        for name, each in self.known.parameters.items():
            if (gradient := gradient_of(each)) is not None:
                mean = float(np.abs(array(gradient)).mean(dtype=np.float64))
                values[f"grad_mean_abs/{name}"] = mean * per_sample
            if self._first and len(each.shape) > 1 and first_device(each) is not None:
                values[f"weight_variance/{name}"] = float(array(each.list_data()[0]).var(dtype=np.float64))
        self._first = False
        return units, values

    def _weights(self, name: str) -> tuple[Any, Any, Any]:
        """Return what makes a layer's units: weights, a row for each, biases, and the gradient of the weights."""
        layer, place = self.known.network.layer(name), self.known.places[name]
        assert layer is not None
        weight = bias = gradient = None
        if layer.weight:
            parameter = self.known.everything[layer.weight]
            second = any(each.second for each in place.tag.makers if self.known.parameter(each.variable) is parameter)
            weight = rows_of(array(parameter.list_data()[0]), layer.units, second)
            if (found := gradient_of(parameter)) is not None:
                gradient = rows_of(array(found) * np.float32(self.steps.scale), layer.units, second)
        if layer.bias:
            bias = array(self.known.everything[layer.bias].list_data()[0])
        return weight, bias, gradient

    def before(self, measure: bool) -> None:
        """Copy gradients and parameters, if that is wanted."""
        if measure:
            self.gradients.before()

    def after(self, measure: bool) -> Callable[[], Read]:
        """Return what reads back the numbers of the step: MXNet lets any thread wait for an array and copy it."""
        numbers = self.gradients.after(self.steps.scale) if measure else None
        told, samples = self.taps.take() if self.taps is not None else ({}, {})
        self._steps += 1
        if self.needs_taps and self._steps > 1 and told.keys() != self.known.places.keys():
            raise RuntimeError("window= needs every batch to be seen, and this one was not: is the network hybridised?")

        def read() -> Read:
            values, fired = dict[str, float](), dict[str, Any]()
            with self.owed.kept():
                values = numbers() if numbers is not None else values
                for layer, each in told.items():
                    fired[layer] = array(each) > 0
                    values[f"silent_fraction/{layer}"] = 1.0 - float(np.count_nonzero(fired[layer])) / each.size
            return Read(values, fired, samples)

        return read

    def listen(self, on: bool) -> None:
        """Count the batches that come, or let them pass."""

    def rate(self) -> float | None:
        """Return the learning rate of the first trainer."""
        return self.rates.rate()

    def parameters(self) -> list[Any]:
        """Return copies of the parameters."""
        return [np.array(array(each.list_data()[0])) for each in self.known.parameters.values()]

    def revive(self, layer: str | None) -> tuple[dict[str, int], dict[str, str]]:
        """Revive dead units of a layer, or of all."""
        return reviving.revive(self, layer)

    def leave(self) -> None:
        """Take off all hooks; a step that is under way ends as the trainer's own."""
        self.steps.leave()
        if self.taps is not None:
            self.taps.leave()
        for each in self.hooks:
            each.detach()
        self.hooks.clear()
