"""A slow, obvious second implementation of the training: NumPy in float64, one line per line of mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import CLASS_NAMES, Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.spread import EDGES

Floats = npt.NDArray[np.float64]

ACTIVATIONS: dict[str, tuple[Callable[[Floats], Any], Callable[[Floats], Any]]] = {
    "relu": (lambda h: np.maximum(h, 0), lambda h: h > 0),
    "leaky_relu": (lambda h: np.where(h > 0, h, 0.01 * h), lambda h: np.where(h > 0, 1.0, 0.01)),
    "tanh": (np.tanh, lambda h: 1 - np.tanh(h) ** 2),
    "sigmoid": (lambda h: 0.5 * (1 + np.tanh(h / 2)), lambda h: 0.25 * (1 - np.tanh(h / 2) ** 2)),
}
"""Each activation and its derivative, of the pre-activation."""
UNSATURATED = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}
TAU, INACTIVE = 0.025, 0.01


@dataclass
class Step:
    """The metrics of a batch, for each gradient sum the size of what was summed, and what an update needs."""

    values: dict[str, float]
    summed: dict[str, float]
    images: int
    gradients: list[Floats]
    """∂L/∂p of the batch-summed loss, weights of the shape (inputs, units)."""
    fired: dict[str, Floats]
    """Per layer and unit the share of the batch's images for which it fires."""


class Network:
    """Weights of the shape (inputs, units), biases, and what the article does with them."""

    def __init__(self, settings: RunSettings, parameters: Sequence[npt.NDArray[Any]]) -> None:
        self.settings, self.live = settings, SimpleNamespace(**settings.live)
        self.parameters = [each.astype(np.float64) for each in parameters]

    def names(self) -> list[str]:
        return [f"{kind}{layer}" for layer in range(1, len(self.parameters) // 2 + 1) for kind in "wb"]

    def forward(self, pixels: npt.NDArray[Any]) -> tuple[list[Floats], list[Floats]]:
        """Return each layer's input and each layer's pre-activation, the logits last."""
        x = pixels / 255 if self.live.normalise else pixels * float(np.float32(self.settings.input_scale))
        inputs, pres = [], []
        for weight, bias in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            inputs.append(x)
            pres.append(x @ weight + bias)
            x = ACTIVATIONS[self.live.activation][0](pres[-1])
        return inputs, pres

    def losses(self, logits: Floats, labels: npt.NDArray[Any]) -> Floats:
        shifted = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])

    def gradients(self, pixels: npt.NDArray[Any], labels: npt.NDArray[Any]) -> list[Floats]:
        """Return ∂L/∂p of the batch-summed loss for w1, b1, w2, b2, …"""
        inputs, pres = self.forward(pixels)
        odds = np.exp(pres[-1] - pres[-1].max(axis=1, keepdims=True))
        delta = odds / odds.sum(axis=1, keepdims=True) - np.eye(10)[labels]
        found: list[Floats] = []
        for layer in reversed(range(len(pres))):
            found = [inputs[layer].T @ delta, delta.sum(axis=0), *found]
            if layer:
                slope = ACTIVATIONS[self.live.activation][1](pres[layer - 1])
                delta = delta @ self.parameters[2 * layer].T * slope
        return found

    def measure(self, pixels: npt.NDArray[Any], labels: npt.NDArray[Any], batch_size: int) -> Step:
        """Measure a batch."""
        _, pres = self.forward(pixels)
        values = {"loss": float(self.losses(pres[-1], labels).mean())}
        fired = {}
        for layer, pre in enumerate(pres[:-1], 1):
            values[f"zero_fraction/h{layer}"] = float((pre <= 0).mean())
            values[f"silent_fraction/h{layer}"] = float((pre <= 0).all(axis=0).mean())
            values[f"pre_mean/h{layer}"] = float(pre.mean())
            fired[f"h{layer}"] = np.array([share(h > 0 for h in unit) for unit in pre.T])
        summed = {}
        gradients = self.gradients(pixels, labels)
        for name, parameter, gradient in zip(self.names(), self.parameters, gradients, strict=True):
            values[f"grad_sum/{name}"] = float(gradient.sum())
            summed[f"grad_sum/{name}"] = float(np.abs(gradient).sum())
            values[f"grad_norm/{name}"] = float(np.sqrt((gradient**2).sum()))
            size = float(np.sqrt((parameter**2).sum()))
            change = self.live.lr / batch_size * values[f"grad_norm/{name}"]
            values[f"update_ratio/{name}"] = change / size if size else math.inf
        return Step(values, summed, len(labels), gradients, fired)

    def update(self, step: Step, batch_size: int) -> None:
        """Take the step of a batch that was measured."""
        for parameter, gradient in zip(self.parameters, step.gradients, strict=True):
            parameter[...] -= self.live.lr / batch_size * gradient

    def step(self, pixels: npt.NDArray[Any], labels: npt.NDArray[Any], batch_size: int) -> Step:
        """Measure a batch, then update."""
        found = self.measure(pixels, labels, batch_size)
        self.update(found, batch_size)
        return found

    def look(self, dataset: Dataset, step: Step) -> tuple[dict[str, float], dict[str, dict[str, Floats]]]:
        """Return the metrics of the probe set, of the test set and of the first step, and per layer every field of
        Units: of the probe set with the weights as they are, of the batch as it was measured.
        """
        values: dict[str, float] = {}
        units = {}
        _, pres = self.forward(dataset.probe_images)
        for index, pre in enumerate(pres[:-1]):
            name = f"h{index + 1}"
            units[name] = found = self._units(pre, index)
            found |= {"gradient": norms(step.gradients[2 * index]), "batch": step.fired[name]}
            values[f"dead_fraction/{name}"] = share(firing == 0 for firing in found["firing"])
            values[f"inactive_fraction/{name}"] = share(firing < INACTIVE for firing in found["firing"])
            mean = sum(found["activity"]) / len(found["activity"])
            values[f"dormant_fraction/{name}"] = share(activity <= TAU * mean for activity in found["activity"])
            if self.live.activation in UNSATURATED:
                values[f"saturated_fraction/{name}"] = share(inside < INACTIVE for inside in found["unsaturated"])
            values[f"bias_mean/{name}"] = sum(found["bias"]) / len(found["bias"])
        for name, parameter, gradient in zip(self.names(), self.parameters, step.gradients, strict=True):
            values[f"grad_mean_abs/{name}"] = float(np.abs(gradient / step.images).mean())
            if name.startswith("w"):
                values[f"weight_variance/{name}"] = float(((parameter - parameter.mean()) ** 2).mean())
                gradient = gradient / step.images  # noqa: PLW2901
                values[f"grad_range/{name}"] = percentile(gradient, 95) - percentile(gradient, 5)
        known = self.forward(dataset.probe_images)[1][-1].ravel()
        values["logit_variance"] = sum(float(each - known.mean()) ** 2 for each in known) / len(known)
        chosen = [max(range(10), key=row.__getitem__) for row in self.forward(dataset.probe_images)[1][-1].tolist()]
        right = dataset.test_labels.tolist()
        values["accuracy/probe"] = share(one == other for one, other in zip(chosen, right, strict=False))
        for label, name in enumerate(CLASS_NAMES):
            values[f"predicted_fraction/{name}"] = share(each == label for each in chosen)
        logits = self.forward(dataset.test_images)[1][-1]
        values["loss/test"] = float(self.losses(logits, dataset.test_labels).mean())
        values["accuracy/test"] = float((logits.argmax(axis=1) == dataset.test_labels).mean())
        return values, units

    def _units(self, pre: Floats, index: int) -> dict[str, Floats]:
        low, high = UNSATURATED.get(self.live.activation, (-math.inf, math.inf))
        activate = ACTIVATIONS[self.live.activation][0]
        return {
            "firing": np.array([share(h > 0 for h in unit) for unit in pre.T]),
            "unsaturated": np.array([share(low < h < high for h in unit) for unit in pre.T]),
            "activity": np.array([sum(abs(activate(unit))) / len(unit) for unit in pre.T]),
            "pre_mean": np.array([sum(unit) / len(unit) for unit in pre.T]),
            "pre_max": np.array([max(unit) for unit in pre.T]),
            "bias": self.parameters[2 * index + 1].copy(),
            "weight_norm": norms(self.parameters[2 * index]),
            "spread": np.histogram(pre, [-math.inf, *EDGES[1:-1], math.inf])[0] / pre.size,
        }


def share(answers: Iterator[Any]) -> float:
    """Return the share of answers that are yes."""
    found = [bool(each) for each in answers]
    return sum(found) / len(found)


def norms(columns: Floats) -> Floats:
    """Return the L2 norm of each unit's incoming weights, shape (inputs, units)."""
    return np.array([math.sqrt(sum(weight**2 for weight in column.tolist())) for column in columns.T])


def percentile(values: Floats, percent: float) -> float:
    """Return the value below which so many percent lie, straight between its two neighbours."""
    ordered = sorted(values.ravel().tolist())
    at = (len(ordered) - 1) * percent / 100
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    return float(low + (high - low) * (at - math.floor(at)))


def batches(settings: RunSettings, images: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the indices of every batch of every epoch: a fresh shuffle per epoch, the last batch short."""
    random = np.random.RandomState(settings.seed)
    for _ in range(settings.epochs or 0):
        order = np.arange(images)
        random.shuffle(order)
        yield from np.split(order, range(settings.batch_size, images, settings.batch_size))
