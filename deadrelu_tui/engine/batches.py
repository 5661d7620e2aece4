"""The batches: shuffled as the article's loader would, and gathered into memory that is used again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import DIVISOR
from deadrelu_tui.record.columns import Floats

CHUNK = 2_000
"""Images that are looked at in one go."""


class Batches:
    """The batches of a dataset, filled into buffers in turn."""

    def __init__(self, dataset: Dataset, size: int, seed: int, buffers: int = 1, scale: float = 1.0) -> None:
        """Take a dataset, how many images a batch has, and by what pixels are multiplied where they are not
        normalised.
        """
        self.size = min(size, len(dataset.train_labels))
        self.count = math.ceil(len(dataset.train_labels) / self.size)
        self._dataset, self._scale = dataset, scale
        self._random = np.random.RandomState(seed)
        inputs = dataset.train_images.shape[1]
        self._labels = dataset.train_labels.astype(np.float32)
        self._bytes = np.empty((self.size, inputs), np.uint8)
        self.ring: list[tuple[Floats, Floats]] = [
            (np.empty((self.size, inputs), np.float32), np.empty(self.size, np.float32)) for _ in range(buffers)
        ]
        """Pixels (images, inputs) and labels (images,) of each buffer."""

    def epoch(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the indices of each batch of the next epoch, shuffled as Gluon's DataLoader would."""
        order = np.arange(len(self._dataset.train_labels))
        self._random.shuffle(order)
        for low in range(0, len(order), self.size):
            yield order[low : low + self.size]

    def fill(self, turn: int, batch: npt.NDArray[np.int64], normalise: bool) -> tuple[Floats, Floats]:
        """Gather a batch into a buffer; return its pixels (images, inputs), as they are fed, and labels (images,)."""
        count = len(batch)
        pixels, labels = (each[:count] for each in self.ring[turn])
        taken = self._bytes[:count]
        np.take(self._dataset.train_images, batch, axis=0, out=taken, mode="clip")
        fed(taken, normalise, self._scale, pixels)
        np.take(self._labels, batch, out=labels, mode="clip")
        return pixels, labels


def pieces(dataset: Dataset) -> list[tuple[int, int]]:
    """Return where the pieces begin and end in which the test set is looked at: the first of them is the probe set."""
    probe, count = len(dataset.probe_images), len(dataset.test_labels)
    return list(pairwise([0, probe, *range(probe + CHUNK, count, CHUNK), *([count] if count > probe else [])]))


def fed(images: npt.NDArray[np.uint8], normalise: bool, scale: float, out: Floats) -> None:
    """Write the bytes of some images as the numbers that the network is fed with."""
    if normalise:
        np.divide(images, DIVISOR, out=out, dtype=np.float32)
    elif scale != 1:
        np.multiply(images, np.float32(scale), out=out, dtype=np.float32)
    else:
        out[...] = images
