"""What is read back of every step, and the metrics of the batch that are made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deadrelu_tui.engine.by_mxnet.calls import Reader
from deadrelu_tui.engine.by_mxnet.parameters import Parameters
from deadrelu_tui.engine.measures import shares, update_ratio
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.network import Network

Place = tuple[int, int]
"""Where a number stands: 0 among the sums, 1 among the sums of squares; and of which stretch of what was read."""


class _Layer(NamedTuple):
    name: str
    units: int
    fires: int
    """Which stretch has the images for which each unit fires; the one after it has each unit's sum of h."""
    names: tuple[str, str, str]


class _Parameter(NamedTuple):
    total: Place
    squares: Place
    own: Place
    names: tuple[str, str, str]


class Readings:
    """The numbers of a step: its loss; with metrics per hidden layer the images for which each unit fires and its sums
    of h; then per parameter p and its gradient g as they are, or Σg, Σg² and Σp² of a large one.
    """

    def __init__(self, network: Network, parameters: Parameters, metrics: bool) -> None:
        self.network = network
        self.last: tuple[dict[str, Floats], int] = {}, 0
        """Of the last reading: the images for which each unit fired, and how many images there were."""
        self._layers: list[_Layer] = []
        self._parameters: list[_Parameter] = []
        sizes = [1]
        for name, units in ((each.name, each.units) for each in network.layers) if metrics else ():
            told = f"zero_fraction/{name}", f"silent_fraction/{name}", f"pre_mean/{name}"
            self._layers.append(_Layer(name, units, len(sizes), told))
            sizes += [units, units]
        arrays = [sum(sizes)]
        for index, name in enumerate(each.name for each in network.parameters) if metrics else ():
            told, at = (f"grad_sum/{name}", f"grad_norm/{name}", f"update_ratio/{name}"), len(sizes)
            if index in parameters.small:
                self._parameters.append(_Parameter((0, at + 1), (1, at + 1), (1, at), told))
                own = [parameters.arrays[index].size] * 2
                arrays += own
            else:
                self._parameters.append(_Parameter((0, at), (0, at + 1), (0, at + 2), told))
                own = [1, 1, 1]
                arrays.append(sum(own))
            sizes += own
        self._reader = Reader(arrays)
        ends = np.cumsum(sizes)
        self._starts = ends - sizes
        self._parts = np.split(self._reader.vector, ends[:-1])

    def read(self, arrays: Sequence[Any], images: int, rate: float) -> tuple[dict[str, float], dict[str, Floats]]:
        """Wait for a step's arrays; return the metrics of its batch and per layer the images for which each unit fired,
        shape (units,), which stand until the next reading.
        """
        vector = self._reader.read(arrays).astype(np.float64)
        sums = [np.add.reduceat(each, self._starts).tolist() for each in (vector, vector * vector)]
        values, firings = {"loss": sums[0][0] / images}, {}
        for name, units, fires, (zero_fraction, silent_fraction, pre_mean) in self._layers:
            firings[name] = fired = self._parts[fires]
            told = shares(units, images, sums[0][fires], np.count_nonzero(fired), sums[0][fires + 1])
            values[zero_fraction], values[silent_fraction], values[pre_mean] = told
        for total, squares, own, (grad_sum, grad_norm, ratio) in self._parameters:
            values[grad_sum] = sums[total[0]][total[1]]
            values[grad_norm] = norm = math.sqrt(sums[squares[0]][squares[1]])
            values[ratio] = update_ratio(rate, norm, math.sqrt(sums[own[0]][own[1]]))
        self.last = firings, images
        return values, firings
