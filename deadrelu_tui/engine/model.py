"""The network on a device: parameters, images and graphs; one step is queued here and read back later."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.data import Dataset
from deadrelu_tui.engine import runtime
from deadrelu_tui.engine.network import (
    SMALL,
    Graph,
    fresh_weight,
    initial_parameters,
    look_graph,
    step_graph,
    sums_graph,
)
from deadrelu_tui.engine.pending import Looking, Pending
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.metrics import layer_names
from deadrelu_tui.records import Live, Start
from deadrelu_tui.settings import RunSettings

CHUNK = 2_000
"""Images a graph looks at in one go when it measures the probe and the test set."""
FLOAT_MIN, FLOAT_MAX = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class Model:
    """The network's parameters, data and graphs on one device."""

    def __init__(self, settings: RunSettings, dataset: Dataset, metrics: bool, under_way: int) -> None:
        self.settings, self.dataset, self.metrics = settings, dataset, metrics
        self.context = runtime.device(settings.device)
        # A second "device" of a CPU is a second worker: looks are taken there, and the training goes on.
        self.aside = mx.cpu(1) if self.context.device_type == "cpu" else self.context
        inputs, classes = dataset.train_images.shape[1], dataset.classes
        self.widths = (*settings.hidden, classes)
        self.random = np.random.RandomState(settings.seed)
        self.size = min(settings.batch_size, len(dataset.train_labels))
        mean, deviation = moments(dataset.train_images)
        self.start = Start(
            device="cpu" if self.context.device_type == "cpu" else f"gpu:{self.context.device_id}",
            source=dataset.source,
            sha256=dataset.sha256,
            train=len(dataset.train_labels),
            test=len(dataset.test_labels),
            probe=len(dataset.probe_images),
            input_mean=mean,
            input_std=deviation,
            batches=math.ceil(len(dataset.train_labels) / self.size),
            epochs=settings.epochs,
            batch=self.size,
        )
        drawn = initial_parameters(settings, inputs, classes)
        self.parameters = [each.copyto(self.context) for each in drawn]
        self.gradients: list[Any] = []
        self.large = [parameter.size > SMALL for parameter in self.parameters]
        self.sums = [
            (sums_graph(), parameter.reshape(-1), self._ones(parameter.size)) if large else None
            for parameter, large in zip(self.parameters, self.large, strict=True)
        ]
        self.images: dict[int, Any] = {}
        self.graphs: dict[tuple[Any, ...], Graph] = {}
        self.chunks = self._chunks()
        self.ring = [Buffer(self.size, inputs, self.context) for _ in range(under_way)]

    def _ones(self, count: int) -> Any:
        return mx.nd.ones(count, ctx=self.context)

    def _chunks(self) -> list[tuple[int, Any, Any]]:
        """Return the test set as (images, bytes, labels) in pieces, the first of them the probe set."""
        images, labels = self.dataset.test_images, self.dataset.test_labels.astype(np.float32)
        edges = [0, *range(self.start.probe, len(labels), CHUNK), len(labels)]
        return [
            (high - low, *(mx.nd.array(each[low:high], self.aside, each.dtype) for each in (images, labels)))
            for low, high in pairwise(edges)
            if high > low
        ]

    def _graph(self, make: Callable[..., Graph], images: int, *arguments: Any) -> Graph:
        """Return the graph for so many images: a static graph plans its memory for one shape."""
        key = (make, images, *arguments)
        if key not in self.graphs:
            self.graphs[key] = make(self.widths, *arguments)
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
        graph = self._graph(step_graph, count, live.activation, self.metrics)
        with mx.autograd.train_mode():
            loss, *rest = graph(pixels, labels, self._each(count), *self.parameters)
        self.gradients, units = rest[: len(self.parameters)], rest[len(self.parameters) :]
        measured = self._measured() if self.metrics else []
        looked = self.look(live, self.start.probe) if look else None
        # MXNet takes no rate that a float32 cannot hold; one that is smaller changes nothing anyway.
        rate = min(live.lr / self.size, FLOAT_MAX)
        rate = rate if rate >= FLOAT_MIN else 0.0
        # Small parameters become new arrays: the old ones are still to be read back.
        self.parameters = [
            mx.nd.sgd_update(parameter, gradient, lr=rate, wd=0.0, out=parameter if large else None)
            for parameter, gradient, large in zip(self.parameters, self.gradients, self.large, strict=True)
        ]
        return Pending(number, epoch, live, count, self.size, self.settings.hidden, loss, units, measured, looked)

    def _measured(self) -> list[tuple[Any, ...]]:
        """Queue for each parameter what its metrics are made of: Σg, Σg², Σp², or p and g themselves of a small one."""
        return [
            (parameter, gradient) if sums is None else tuple(sums[0](sums[1], gradient.reshape(-1), sums[2]))
            for parameter, gradient, sums in zip(self.parameters, self.gradients, self.sums, strict=True)
        ]

    def _each(self, images: int) -> Any:
        """Return as many ones as images: a product with them is a sum over the images."""
        if images not in self.images:
            self.images[images] = self._ones(images)
        return self.images[images]

    def look(self, live: Live, images: int) -> Looking:
        """Queue a look at the first so many test images, chunk by chunk, the first of which is the probe set."""
        looking, seen = Looking(gradients=self.gradients), 0
        looking.parameters = [each.copyto(self.aside) for each in self.parameters]
        for count, pixels, labels in self.chunks:
            if seen < images:
                graph = self._graph(look_graph, count, live.activation, live.normalise)
                loss, right, *taps = graph(pixels, labels, *looking.parameters)
                looking.scores.append((count, loss, right))
                if not seen:
                    looking.taps = taps
            seen += count
        return looking

    def revive(self, live: Live) -> dict[str, int]:
        """Give each dead ReLU fresh incoming weights, bias zero and outgoing weights zero; return how many per layer.

        As the outgoing weights are zero, and the units said nothing before, the loss stays as it was: ReDo (Sokar et
        al. 2023) for units that never fire. The layers are taken in order, so that where two in a row are dead,
        the second one's fresh weights lead on what the first one says. Weights that were drawn such that the unit is
        dead again change their sign, with which they are as likely.
        """
        revived = {}
        layers = layer_names(len(self.settings.hidden))
        for index, (name, lost) in enumerate(zip(layers, self._silent(live), strict=True)):
            weight, bias, onward = (each.asnumpy() for each in self.parameters[2 * index : 2 * index + 3])
            fresh = fresh_weight(self.settings.init, weight.shape[1], weight.shape[0]).asnumpy()
            weight[lost], bias[lost], onward[:, lost] = fresh[lost], 0, 0
            for parameter, values in zip(self.parameters[2 * index :], (weight, bias, onward), strict=False):
                parameter[:] = mx.nd.array(values, self.context)
            if lost.any():
                again = lost & self._silent(live)[index]
                weight[again] *= -1
                self.parameters[2 * index][:] = mx.nd.array(weight, self.context)
            revived[name] = int(lost.sum())
        return revived

    def _silent(self, live: Live) -> list[npt.NDArray[np.bool_]]:
        """Return per layer which units fire for no image of the probe set; none of those with NaN."""
        count, pixels, labels = self.chunks[0]
        parameters = [each.copyto(self.aside) for each in self.parameters]
        _, _, *taps = self._graph(look_graph, count, live.activation, live.normalise)(pixels, labels, *parameters)
        return [(tap.asnumpy() <= 0).all(axis=0) for tap in taps]


def moments(images: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels, shape (images, pixels), a chunk at a time: all of them as
    floats would be 376 MB.
    """
    total = squares = 0.0
    for first in range(0, len(images), CHUNK):
        pixels = images[first : first + CHUNK].reshape(-1).astype(np.float64)
        total += float(pixels.sum())
        squares += float(pixels @ pixels)
    mean = total / images.size
    return mean, math.sqrt(max(0.0, squares / images.size - mean * mean))


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
        pixels, labels = self.shared if count == len(self.labels) else (each[:count] for each in self.shared)
        if self.context.device_type == "cpu":
            return pixels, labels
        return pixels.as_in_context(self.context), labels.as_in_context(self.context)
