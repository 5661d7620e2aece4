"""The batches: shuffled as the article's loader would, and gathered by NumPy into memory that MXNet reads in place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.engine.runtime import mx


class Batches:
    """The batches of a dataset, filled into buffers in turn.

    There have to be two more than steps wait to be read back: a step that is read back may still be using its pixels
    for the gradient, but not when the step after it is read back too.
    """

    def __init__(self, dataset: Dataset, size: int, seed: int, buffers: int, context: Any) -> None:
        self.size = min(size, len(dataset.train_labels))
        self.count = math.ceil(len(dataset.train_labels) / self.size)
        self._dataset, self._context = dataset, context
        self._random = np.random.RandomState(seed)
        inputs = dataset.train_images.shape[1]
        self._labels = dataset.train_labels.astype(np.float32)
        self._bytes = np.empty((self.size, inputs), np.uint8)
        self._ring = [
            (np.empty((self.size, inputs), np.float32), np.empty(self.size, np.float32)) for _ in range(buffers)
        ]
        # from_numpy makes the array it is given read-only; a view keeps ours writable.
        self._shared = [tuple(mx.nd.from_numpy(each[:], zero_copy=True) for each in pair) for pair in self._ring]
        self._ones: dict[int, Any] = {}

    def epoch(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the indices of each batch of the next epoch, shuffled as Gluon's DataLoader would."""
        order = np.arange(len(self._dataset.train_labels))
        self._random.shuffle(order)
        for low in range(0, len(order), self.size):
            yield order[low : low + self.size]

    def fill(self, step: int, batch: npt.NDArray[np.int64], normalise: bool) -> tuple[Any, Any, Any]:
        """Gather a step's batch and return its pixels (images, 784), labels (images,) and ones (images,) on the device:
        a product with the ones is a sum over the images.
        """
        count, turn = len(batch), step % len(self._ring)
        (pixels, labels), taken = self._ring[turn], self._bytes[:count]
        np.take(self._dataset.train_images, batch, axis=0, out=taken, mode="clip")
        if normalise:
            np.divide(taken, 255, out=pixels[:count], dtype=np.float32)
        else:
            pixels[:count] = taken
        np.take(self._labels, batch, out=labels[:count], mode="clip")
        shared = self._shared[turn] if count == self.size else [each[:count] for each in self._shared[turn]]
        if count not in self._ones:
            self._ones[count] = mx.nd.ones(count, ctx=self._context)
        there = shared if self._context.device_type == "cpu" else [each.as_in_context(self._context) for each in shared]
        return there[0], there[1], self._ones[count]
