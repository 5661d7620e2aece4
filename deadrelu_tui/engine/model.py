"""The network on a device: parameters, images and graphs; one step is queued here and read back later."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.data import Dataset
from deadrelu_tui.engine import runtime
from deadrelu_tui.engine.network import Diagnose, Forward, Look, initial_parameters
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.metrics import gone, layer_names, parameter_names
from deadrelu_tui.records import Event, Live, Start, StepRecord
from deadrelu_tui.settings import SATURATING, RunSettings

CHUNK = 2_000
"""Images a graph looks at in one go when it measures the probe and the test set."""
FLOAT_MIN, FLOAT_MAX = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class Model:
    """The network's parameters, data and graphs on one device."""

    def __init__(self, settings: RunSettings, dataset: Dataset, metrics: bool, under_way: int) -> None:
        self.settings, self.dataset, self.metrics = settings, dataset, metrics
        self.context = runtime.device(settings.device)
        inputs, classes = dataset.train_images.shape[1], dataset.classes
        self.widths = (*settings.hidden, classes)
        self.random = np.random.RandomState(settings.seed)
        self.size = min(settings.batch_size, len(dataset.train_labels))
        self.start = Start(
            device="cpu" if self.context.device_type == "cpu" else f"gpu:{self.context.device_id}",
            source=dataset.source,
            sha256=dataset.sha256,
            train=len(dataset.train_labels),
            test=len(dataset.test_labels),
            probe=len(dataset.probe_images),
            input_mean=float(dataset.train_images.mean()),
            batches=math.ceil(len(dataset.train_labels) / self.size),
            epochs=settings.epochs,
        )
        drawn = initial_parameters(settings, inputs, classes)
        self.parameters = [each.copyto(self.context) for each in drawn]
        for parameter in self.parameters:
            parameter.attach_grad()
        self.gradients = [parameter.grad for parameter in self.parameters]
        # Views of the same memory: reshaping inside a graph would copy it at every step.
        self.triples = [
            each
            for parameter, gradient in zip(self.parameters, self.gradients, strict=True)
            for each in (parameter.reshape(-1), gradient.reshape(-1), self._ones(parameter.size))
        ]
        self.images: dict[int, Any] = {}
        self.graphs: dict[tuple[type, str, int], Any] = {}
        self.chunks: dict[bool, list[tuple[int, Any, Any]]] = {}
        self.ring = [Buffer(self.size, inputs, self.context) for _ in range(under_way)]

    def _array(self, values: npt.NDArray[Any]) -> Any:
        return mx.nd.array(values, ctx=self.context, dtype="float32")

    def _ones(self, count: int) -> Any:
        return mx.nd.ones(count, ctx=self.context)

    def _chunks(self, normalise: bool) -> list[tuple[int, Any, Any]]:
        """Return the test set on the device as (images, pixels, labels) in pieces, the first of them the probe set."""
        if normalise not in self.chunks:
            images, labels = self.dataset.test_images, self.dataset.test_labels
            edges = [0, *range(self.start.probe, len(labels), CHUNK), len(labels)]
            self.chunks[normalise] = [
                (high - low, self._array(scaled(images[low:high], normalise)), self._array(labels[low:high]))
                for low, high in pairwise(edges)
                if high > low
            ]
        return self.chunks[normalise]

    def _graph(self, kind: type, activation: str, images: int) -> Any:
        """Return the graph for so many images: a static graph plans its memory for one shape."""
        key = (kind, activation, images)
        if key not in self.graphs:
            self.graphs[key] = (
                Diagnose(len(self.settings.hidden)) if kind is Diagnose else kind(self.widths, activation)
            )
        return self.graphs[key]

    def batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the indices of each batch of the next epoch, shuffled as Gluon's DataLoader would."""
        count = len(self.dataset.train_labels)
        order = np.arange(count)
        self.random.shuffle(order)
        for low in range(0, count, self.size):
            yield order[low : low + self.size]

    def step(self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool) -> Pending:
        """Queue one step: batch, forward, loss, backward, diagnose, update."""
        count = len(batch)
        pixels, labels = self.ring[number % len(self.ring)].fill(self.dataset, batch, live.normalise)
        looks = self.look(live, self.start.probe) if look else []
        forward = self._graph(Forward, live.activation, count)
        with mx.autograd.record():
            loss, *taps = forward(pixels, labels, *self.parameters)
        loss.backward()
        if self.metrics:
            sums = self._graph(Diagnose, "", count)(loss, self._each(count), *taps, *self.triples).copy()
        else:
            sums = loss.copy()
        # static_alloc hands out the same output buffers again at the next step: hence the copies above.
        # MXNet takes no rate that a float32 cannot hold; one that is smaller changes nothing anyway.
        rate = min(live.lr / self.size, FLOAT_MAX)
        rate = rate if rate >= FLOAT_MIN else 0.0
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            mx.nd.sgd_update(parameter, gradient, lr=rate, wd=0.0, out=parameter)
        return Pending(number, epoch, live, count, self.size, self.settings.hidden, sums, looks)

    def _each(self, images: int) -> Any:
        """Return as many ones as images: a product with them is a sum over the images."""
        if images not in self.images:
            self.images[images] = self._ones(images)
        return self.images[images]

    def look(self, live: Live, images: int) -> list[tuple[int, Any]]:
        """Queue a look at the first so many test images, chunk by chunk."""
        looks, seen = [], 0
        for count, pixels, labels in self._chunks(live.normalise):
            if seen < images:
                graph = self._graph(Look, live.activation, count)
                looks.append((count, graph(pixels, labels, self._each(count), *self.parameters).copy()))
            seen += count
        return looks


def scaled(
    images: npt.NDArray[np.uint8], normalise: bool, out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Return pixels as float32: 0–255, or divided by 255."""
    return np.divide(images, 255 if normalise else 1, out=out, dtype=np.float32)


class Buffer:
    """A batch in memory that MXNet reads in place. Free again once its step has been read back."""

    def __init__(self, size: int, inputs: int, context: Any) -> None:
        self.bytes = np.empty((size, inputs), np.uint8)
        self.pixels, self.labels = np.empty((size, inputs), np.float32), np.empty(size, np.float32)
        # from_numpy makes the array it is given read-only; a view keeps ours writable.
        self.shared = tuple(mx.nd.from_numpy(each[:], zero_copy=True) for each in (self.pixels, self.labels))
        self.context = context

    def fill(self, dataset: Dataset, batch: npt.NDArray[np.int64], normalise: bool) -> tuple[Any, Any]:
        """Gather the batch and return its pixels (images, 784) and labels (images,) on the device."""
        count = len(batch)
        np.take(dataset.train_images, batch, axis=0, out=self.bytes[:count], mode="clip")
        scaled(self.bytes[:count], normalise, self.pixels[:count])
        self.labels[:count] = dataset.train_labels[batch]
        pixels, labels = (each[:count] for each in self.shared)
        if self.context.device_type == "cpu":
            return pixels, labels
        return pixels.as_in_context(self.context), labels.as_in_context(self.context)


@dataclass
class Pending:
    """A step whose numbers MXNet may still be computing; record() waits for them."""

    step: int
    epoch: int
    live: Live
    images: int
    batch_size: int
    hidden: tuple[int, ...]
    sums: Any
    looks: list[tuple[int, Any]] = field(default_factory=list)
    """(number of images, vector of Look) for each chunk, the probe set first."""
    tested: bool = False
    events: tuple[Event, ...] = ()

    def record(self) -> StepRecord:
        """Read the numbers back: the synchronisation point."""
        values = self._batch_values(self.sums.asnumpy().astype(np.float64))
        firing: dict[str, npt.NDArray[np.float32]] = {}
        for which, (count, vector) in enumerate(self.looks):
            sums = vector.asnumpy()
            if which == 0:
                firing = self._probe_values(sums, count, values)
            if self.tested:
                values["loss/test"] = values.get("loss/test", 0.0) + float(sums[0])
                values["accuracy/test"] = values.get("accuracy/test", 0.0) + float(sums[1])
        if self.tested:
            total = sum(count for count, _ in self.looks)
            values["loss/test"] /= total
            values["accuracy/test"] /= total
        return StepRecord(self.step, self.epoch, self.live, values, firing, self.tested)

    def _batch_values(self, sums: npt.NDArray[np.float64]) -> dict[str, float]:
        hidden = self.hidden
        numbers = iter(sums.tolist())
        values = {"loss": next(numbers) / self.images}
        if len(sums) == 1:
            return values
        for name, units in zip(layer_names(len(hidden)), hidden, strict=True):
            values[f"zero_fraction/{name}"] = 1.0 - next(numbers) / (units * self.images)
            values[f"silent_fraction/{name}"] = 1.0 - next(numbers) / units
            values[f"pre_mean/{name}"] = next(numbers) / (units * self.images)
            if math.isnan(values[f"pre_mean/{name}"]):  # of what is no number no share can be told
                values[f"zero_fraction/{name}"] = values[f"silent_fraction/{name}"] = math.nan
        rate = self.live.lr / self.batch_size
        for name in parameter_names(len(hidden)):
            values[f"grad_sum/{name}"] = next(numbers)
            norm = values[f"grad_norm/{name}"] = math.sqrt(next(numbers))
            size = math.sqrt(next(numbers))
            # A parameter of zeros, as every bias at the start, has no size to compare an update with.
            values[f"update_ratio/{name}"] = rate * norm / size if size else (math.inf if norm else 0.0)
        return values

    def _probe_values(
        self, sums: npt.NDArray[np.float32], count: int, values: dict[str, float]
    ) -> dict[str, npt.NDArray[np.float32]]:
        hidden = self.hidden
        means, rates = sums[2 : 2 + len(hidden)], sums[2 + len(hidden) :] / count
        bounds = np.cumsum((0, *hidden))
        firing = {}
        for index, name in enumerate(layer_names(len(hidden))):
            low, high = bounds[index], bounds[index + 1]
            unknown = np.float32(np.nan if np.isnan(means[index]) else 1)
            firing[name] = rates[low:high] * unknown
            values[f"dead_fraction/{name}"] = float(np.mean(firing[name] == 0) * unknown)
            if self.live.activation in SATURATING:
                firing[name] = rates[bounds[-1] + low : bounds[-1] + high] * unknown
                values[f"saturated_fraction/{name}"] = float(
                    np.mean(gone(firing[name], self.live.activation)) * unknown
                )
        return firing
