"""The network on a device: parameters, images and graphs; one step is queued here and read back later."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.data import Dataset
from deadrelu_tui.engine import runtime
from deadrelu_tui.engine.network import SMALL, Diagnose, Forward, Look, fresh_weight, initial_parameters
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
        for parameter in self.parameters:
            parameter.attach_grad()
        self.gradients = [parameter.grad for parameter in self.parameters]
        # Views of the same memory: reshaping inside a graph would copy it at every step.
        self.sizes = tuple(parameter.size for parameter in self.parameters)
        self.flat = [
            each
            for parameter, gradient in zip(self.parameters, self.gradients, strict=True)
            for each in (parameter.reshape(-1), gradient.reshape(-1), self._ones(parameter.size))[
                : 2 if parameter.size <= SMALL else 3
            ]
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
                Diagnose(len(self.settings.hidden), self.sizes) if kind is Diagnose else kind(self.widths, activation)
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
        forward = self._graph(Forward, live.activation, count)
        with mx.autograd.record():
            loss, *taps = forward(pixels, labels, *self.parameters)
        loss.backward()
        if self.metrics:
            sums = self._graph(Diagnose, "", count)(loss, self._each(count), *taps, *self.flat).copy()
        else:
            sums = loss.copy()
        looked = self.look(live, self.start.probe) if look else None
        # static_alloc hands out the same output buffers again at the next step: hence the copies above.
        # MXNet takes no rate that a float32 cannot hold; one that is smaller changes nothing anyway.
        rate = min(live.lr / self.size, FLOAT_MAX)
        rate = rate if rate >= FLOAT_MIN else 0.0
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            mx.nd.sgd_update(parameter, gradient, lr=rate, wd=0.0, out=parameter)
        return Pending(number, epoch, live, count, self.size, self.settings.hidden, self.sizes, sums, looked)

    def _each(self, images: int) -> Any:
        """Return as many ones as images: a product with them is a sum over the images."""
        if images not in self.images:
            self.images[images] = self._ones(images)
        return self.images[images]

    def look(self, live: Live, images: int) -> Looking:
        """Queue a look at the first so many test images, chunk by chunk, the first of which is the probe set."""
        looking, seen = Looking(), 0
        for count, pixels, labels in self._chunks(live.normalise):
            if seen < images:
                scores, *taps = self._graph(Look, live.activation, count)(pixels, labels, *self.parameters)
                looking.scores.append((count, scores.copy()))
                if not seen:
                    looking.taps = [tap.copy() for tap in taps]
            seen += count
        looking.parameters = [each.copy() for each in self.parameters]
        looking.gradients = [each.copy() for each in self.gradients]
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
                parameter[:] = self._array(values)
            if lost.any():
                again = lost & self._silent(live)[index]
                weight[again] *= -1
                self.parameters[2 * index][:] = self._array(weight)
            revived[name] = int(lost.sum())
        return revived

    def _silent(self, live: Live) -> list[npt.NDArray[np.bool_]]:
        """Return per layer which units fire for no image of the probe set; none of those with NaN."""
        count, pixels, labels = self._chunks(live.normalise)[0]
        _, *taps = self._graph(Look, live.activation, count)(pixels, labels, *self.parameters)
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
        pixels, labels = (each[:count] for each in self.shared)
        if self.context.device_type == "cpu":
            return pixels, labels
        return pixels.as_in_context(self.context), labels.as_in_context(self.context)
