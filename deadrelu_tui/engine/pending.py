"""A step that was queued, and the numbers that it becomes once they are read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deadrelu_tui.engine.readings import Readings
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.records import Event, Live, Step
from deadrelu_tui.record.units import DEFINITIONS, Units


@dataclass
class Looking:
    """A look at the probe set, and at an epoch's end at the rest of the test set, that MXNet may still be taking.

    The units are measured from it in NumPy, which does so in a fifth of the time of MXNet's reductions.
    """

    scores: list[tuple[int, Any, Any]] = field(default_factory=list)
    """(number of images, sum of their losses, right answers) for each chunk, the probe set first."""
    taps: list[Any] = field(default_factory=list)
    """h of the probe set per layer, shape (images, units)."""
    parameters: list[Any] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)


@dataclass
class Pending:
    """A step whose numbers MXNet may still be computing; record() waits for them."""

    step: int
    epoch: int
    live: Live
    images: int
    rate: float
    """What the gradients were multiplied with."""
    readings: Readings
    arrays: list[Any]
    """What the readings are of."""
    looked: Looking | None = None
    tested: bool = False
    events: tuple[Event, ...] = ()

    def record(self, clock: Callable[[], float]) -> Step:
        """Read the numbers back, the synchronisation point, and note the time by a clock."""
        with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge: infinite, NaN are numbers, too
            values, firings = self.readings.read(self.arrays, self.images, self.rate)
        units = {}
        if self.looked is not None:
            if self.tested:
                total = sum(count for count, _, _ in self.looked.scores)
                values["loss/test"] = sum(float(loss.asscalar()) for _, loss, _ in self.looked.scores) / total
                values["accuracy/test"] = sum(float(right.asscalar()) for *_, right in self.looked.scores) / total
            if firings:
                with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge: infinite, NaN are numbers, too
                    units = self._units(self.looked, firings, values)
        fired = {name: each > 0 for name, each in firings.items()}
        return Step(self.step, clock(), self.epoch, self.live, values, fired, units, self.tested)

    def _units(self, looked: Looking, firings: dict[str, Floats], values: dict[str, float]) -> dict[str, Units]:
        """Measure the units, and enter the metrics of a look into the values."""
        parameters = [each.asnumpy() for each in looked.parameters]
        gradients = [each.asnumpy() for each in looked.gradients]
        found = {}
        for index, (name, batch) in enumerate(firings.items()):
            weights, bias, gradient = parameters[2 * index], parameters[2 * index + 1], gradients[2 * index]
            found[name] = units = Units.measured(
                self.live["activation"], looked.taps[index].asnumpy(), weights, bias, gradient, batch / self.images
            )
            for definition in DEFINITIONS:
                saturation = definition.metric == "saturated_fraction"
                if not definition.on_batch and (not saturation or self.live["activation"] in SATURATING):
                    values[f"{definition.metric}/{name}"] = definition.share(units)
            values[f"bias_mean/{name}"] = float(bias.mean(dtype=np.float64))
        values.update(self._gradients(gradients))
        if self.step == 0 and not self.tested:
            values.update(self._initial(parameters, gradients))
        return found

    def _gradients(self, gradients: list[Any]) -> Iterator[tuple[str, float]]:
        for parameter, gradient in zip(self.readings.parameters, gradients, strict=True):
            yield f"grad_mean_abs/{parameter.name}", float(np.abs(gradient).mean(dtype=np.float64)) / self.images

    def _initial(self, parameters: list[Any], gradients: list[Any]) -> Iterator[tuple[str, float]]:
        for index, parameter in enumerate(self.readings.parameters):
            if parameter.is_weight:
                name = parameter.name
                low, high = np.percentile(gradients[index], (5, 95))
                yield f"weight_variance/{name}", float(parameters[index].var(dtype=np.float64))
                yield f"grad_range/{name}", float(high - low) / self.images
