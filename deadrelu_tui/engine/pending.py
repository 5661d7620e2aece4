"""A step that was queued, and the numbers that it becomes once they are read back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.metrics import layer_names, parameter_names
from deadrelu_tui.records import Event, Live, StepRecord
from deadrelu_tui.settings import SATURATING
from deadrelu_tui.units import DEFINITIONS, Units

Floats = npt.NDArray[np.float32]


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
    batch_size: int
    hidden: tuple[int, ...]
    loss: Any
    units: list[Any]
    """Per hidden layer the images for which each unit fires, then the sums of h, shape (units,) each."""
    measured: list[tuple[Any, ...]]
    """Per parameter Σg, Σg², Σp², shape (1,) each, or p and g themselves. Empty without metrics."""
    looked: Looking | None = None
    tested: bool = False
    events: tuple[Event, ...] = ()

    def record(self) -> StepRecord:
        """Read the numbers back: the synchronisation point."""
        with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge: infinite, NaN are numbers, too
            values, firings = self._batch_values()
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
        return StepRecord(self.step, self.epoch, self.live, values, fired, units, self.tested)

    def _batch_values(self) -> tuple[dict[str, float], dict[str, Floats]]:
        """Return the metrics of the batch, and per layer the images of the batch for which each unit fired."""
        values, firings = {"loss": float(self.loss.asnumpy()[0]) / self.images}, {}
        if not self.measured:
            return values, {}
        layers = zip(layer_names(len(self.hidden)), self.hidden, self.units[::2], self.units[1::2], strict=True)
        for name, units, fires, sums in layers:
            firings[name] = fired = fires.asnumpy()
            mean = float(sums.asnumpy().sum(dtype=np.float64)) / (units * self.images)
            known = 1.0 if not math.isnan(mean) else math.nan  # of what is no number no share can be told
            values[f"zero_fraction/{name}"] = (1.0 - float(fired.sum(dtype=np.float64)) / (units * self.images)) * known
            values[f"silent_fraction/{name}"] = (1.0 - np.count_nonzero(fired) / units) * known
            values[f"pre_mean/{name}"] = mean
        rate = self.live.lr / self.batch_size
        for name, measured in zip(parameter_names(len(self.hidden)), self.measured, strict=True):
            total, squares, own = _sums(measured)
            values[f"grad_sum/{name}"] = total
            norm, length = math.sqrt(squares), math.sqrt(own)
            values[f"grad_norm/{name}"] = norm
            # A parameter of zeros, as every bias at the start, has no size to compare an update with.
            values[f"update_ratio/{name}"] = rate * norm / length if length else (math.inf if norm else 0.0)
        return values, firings

    def _units(self, looked: Looking, firings: dict[str, Floats], values: dict[str, float]) -> dict[str, Units]:
        """Measure the units, and enter the metrics of a look into the values."""
        parameters = [each.asnumpy() for each in looked.parameters]
        gradients = [each.asnumpy() for each in looked.gradients]
        found = {}
        for index, (name, batch) in enumerate(firings.items()):
            weights, bias, gradient = parameters[2 * index], parameters[2 * index + 1], gradients[2 * index]
            found[name] = units = Units.measured(
                self.live.activation, looked.taps[index].asnumpy(), weights, bias, gradient, batch / self.images
            )
            for definition in DEFINITIONS:
                saturation = definition.metric == "saturated_fraction"
                if not definition.on_batch and (not saturation or self.live.activation in SATURATING):
                    values[f"{definition.metric}/{name}"] = definition.share(units)
            values[f"bias_mean/{name}"] = float(bias.mean(dtype=np.float64))
        values.update(self._gradients(gradients))
        if self.step == 0 and not self.tested:
            values.update(self._initial(parameters, gradients))
        return found

    def _gradients(self, gradients: list[Any]) -> Iterator[tuple[str, float]]:
        for name, gradient in zip(parameter_names(len(self.hidden)), gradients, strict=True):
            yield f"grad_mean_abs/{name}", float(np.abs(gradient).mean(dtype=np.float64)) / self.images

    def _initial(self, parameters: list[Any], gradients: list[Any]) -> Iterator[tuple[str, float]]:
        for index, name in enumerate(parameter_names(len(self.hidden))):
            if name.startswith("w"):
                low, high = np.percentile(gradients[index], (5, 95))
                yield f"weight_variance/{name}", float(parameters[index].var(dtype=np.float64))
                yield f"grad_range/{name}", float(high - low) / self.images


def _sums(measured: tuple[Any, ...]) -> tuple[float, float, float]:
    """Return Σg, Σg² and Σp² of a parameter."""
    if len(measured) == 2:
        own, gradient = (each.asnumpy().reshape(-1).astype(np.float64) for each in measured)
        return float(gradient.sum()), float(gradient @ gradient), float(own @ own)
    total, squares, length = (float(each.asnumpy()[0]) for each in measured)
    return total, squares, length
