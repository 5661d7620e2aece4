"""Images and labels, as they were found."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

CLASS_NAMES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
"""Of the labels 0–9 (Xiao et al. 2017; the first is a T-shirt or a top)."""
CLASSES = len(CLASS_NAMES)
SHAPE = (28, 28)
PIXELS = math.prod(SHAPE)
"""Of an image."""
PROBE_SIZE = 2_000
_PIECE = 2_000

ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images as rows of 784 bytes and their labels 0–9. The arrays may be read-only."""

    train_images: ByteArray
    train_labels: ByteArray
    test_images: ByteArray
    test_labels: ByteArray
    source: str
    """The folder as the user knows it, or "embedded"."""
    sha256: str
    """The fingerprint of its edition."""
    passed_over: tuple[str, ...] = ()
    """What is wrong with sets that were found before this one."""

    @property
    def classes(self) -> int:
        """The number of classes."""
        return CLASSES

    @property
    def probe_images(self) -> ByteArray:
        """The held-out images on which a unit must never fire to count as dead."""
        return self.test_images[:PROBE_SIZE]

    @property
    def probe_labels(self) -> ByteArray:
        """The classes of those images."""
        return self.test_labels[:PROBE_SIZE]

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of all training pixels, 0–255."""
        total = squares = 0.0
        for first in range(0, len(self.train_images), _PIECE):  # all of them as floats would be 376 MB
            pixels = self.train_images[first : first + _PIECE].reshape(-1).astype(np.float64)
            total += float(pixels.sum())
            squares += float(pixels @ pixels)
        mean = total / self.train_images.size
        return mean, math.sqrt(max(0.0, squares / self.train_images.size - mean * mean))
