"""A few of the images that a network will be trained on, for what is expected of it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IMAGES = 256


def sample(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], scale: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return some images as they are fed, (images, pixels), and their labels: evenly apart, so always the same ones."""
    taken = np.linspace(0, len(labels) - 1, min(IMAGES, len(labels))).astype(np.intp)
    return images[taken].astype(np.float64) * scale, labels[taken].astype(np.intp)


def norm(inputs: npt.NDArray[np.float64]) -> float:
    """Return the root mean square norm of inputs, (images, pixels): √E‖x‖²."""
    return math.sqrt(float((inputs**2).sum(axis=1).mean()))
