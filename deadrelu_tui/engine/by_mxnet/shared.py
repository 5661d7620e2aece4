"""The batches as MXNet reads them: the very memory that NumPy gathers them into."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.engine.batches import Batches
from deadrelu_tui.engine.by_mxnet.calls import reshaped
from deadrelu_tui.engine.by_mxnet.runtime import mx


class Shared:
    """The buffers of some batches on a device.

    There have to be two more than steps wait to be read back: a step that is read back may still be using its pixels
    for the gradient, but not when the step after it is read back too.
    """

    def __init__(self, batches: Batches, context: Any) -> None:
        self._batches, self._context = batches, context
        # from_numpy makes the array it is given read-only; a view keeps ours writable.
        self._ring = [[mx.nd.from_numpy(each[:], zero_copy=True) for each in pair] for pair in batches.ring]
        self._ones: dict[int, Any] = {}
        inputs = batches.ring[0][0].shape[1]
        self.inputs = inputs if context.device_type == "cpu" else 0
        """Pixels of an image, where they are given transposed, too; else 0."""
        self._across = [np.empty(self.inputs * batches.size, np.float32) for _ in self._ring]
        self._flat = [mx.nd.from_numpy(each[:], zero_copy=True) for each in self._across if self.inputs]

    def fill(self, step: int, batch: npt.NDArray[np.int64], normalise: bool) -> tuple[Any, Any, Any, Any]:
        """Gather a step's batch and return its pixels (images, 784), the same transposed, its labels (images,) and ones
        (images,) on the device: a product with the ones is a sum over the images. Nobody but a CPU is given the pixels
        transposed.
        """
        count, turn = len(batch), step % len(self._ring)
        pixels, _ = self._batches.fill(turn, batch, normalise)
        across = None
        if self.inputs:
            # NumPy does so in half of the time of MXNet, and in this thread, while that one computes.
            size = self.inputs * count
            self._across[turn][:size].reshape(self.inputs, count)[...] = pixels.T
            flat = self._flat[turn] if count == self._batches.size else self._flat[turn][:size]
            across = reshaped(flat, self.inputs, count)
        shared = self._ring[turn] if count == self._batches.size else [each[:count] for each in self._ring[turn]]
        if count not in self._ones:
            self._ones[count] = mx.nd.ones(count, ctx=self._context)
        there = shared if self._context.device_type == "cpu" else [each.as_in_context(self._context) for each in shared]
        return there[0], there[0] if across is None else across, there[1], self._ones[count]
