"""A step that was queued, and the numbers that it becomes once they are read back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deadrelu_tui.builtin.dataset import ByteArray
from deadrelu_tui.engine.by_torch.transfer import Slot, arrays
from deadrelu_tui.engine.measures import looked, of_batch
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import Event, Live, Step
from deadrelu_tui.record.units import Units


class Readings:
    """The metrics of a batch, from what the network tells of it (`Network.told`)."""

    def __init__(self, network: Network, metrics: bool) -> None:
        self.network, self.metrics = network, metrics
        self.last: tuple[dict[str, Floats], int] = {}, 0
        """Of the last reading: the images for which each unit fired, and how many images there were."""
        sizes = [1, *(2 * each.units for each in network.layers if metrics)]
        self._ends = np.cumsum(sizes)

    def read(self, told: Floats, images: int, rate: float) -> dict[str, float]:
        """Return the metrics."""
        loss, *layers, parameters = np.split(told, self._ends)
        values = {"loss": float(loss[0]) / images}
        if self.metrics:
            sums = [each.reshape(2, -1) for each in layers]
            pairs = [(fired, total) for total, fired in sums]
            values.update(of_batch(self.network, images, rate, pairs, _sizes(parameters)))
            firings = [fired.copy() for fired, _ in pairs]
            self.last = dict(zip(self.network.names, firings, strict=True)), images
        return values


def _sizes(parameters: Floats) -> Iterator[tuple[float, float, float]]:
    """Yield the sum of each gradient, its norm, and the norm of its parameter."""
    for total, squares, own in parameters.reshape(-1, 3).tolist():
        yield total, math.sqrt(squares), math.sqrt(own)


@dataclass
class Looking:
    """A look at the probe set, and with a test at the rest of the test set, on its way to the host."""

    right: ByteArray
    """The classes of the probe set's images."""
    pre: Sequence[Any]
    """h of the probe set per layer, that of the classes last."""
    parameters: Sequence[Any]
    gradients: Sequence[Any]
    scored: Sequence[Any] = ()
    """With a test: the loss of all test images, and how many are classified rightly."""
    tested: int = 0
    """How many there are."""

    def scores(self) -> dict[str, float]:
        """Return what it tells of the test set, once all is there; nothing without a test."""
        found: dict[str, float] = {}
        for each in self.scored:
            loss, right = each.tolist()
            found["loss/test"], found["accuracy/test"] = loss / self.tested, right / self.tested
        return found

    def units(
        self, network: Network, activation: str, firings: Mapping[str, Floats], images: int, first: bool
    ) -> tuple[dict[str, Units], dict[str, float]]:
        """Return the units, and the metrics that go with them (`measures.looked`), once all is there."""
        pre, parameters, gradients = (arrays(each) for each in (self.pre, self.parameters, self.gradients))
        with np.errstate(over="ignore", invalid="ignore"):
            return looked(network, activation, pre, parameters, gradients, firings, images, self.right, first)


@dataclass
class Pending:
    """A step that a device may still be computing; record() waits for it."""

    step: int
    epoch: int
    live: Live
    images: int
    rate: float
    """What the gradients were multiplied with."""
    readings: Readings
    slot: Slot
    looked: Looking | None = None
    tested: bool = False
    events: tuple[Event, ...] = ()

    def record(self, clock: Callable[[], float]) -> Step:
        """Read the numbers back, the synchronisation point, and note the time by a clock."""
        told = self.slot.read()
        with np.errstate(all="ignore"):  # a run may diverge: infinite, NaN are numbers, too
            values = self.readings.read(told, self.images, self.rate)
        firings, _ = self.readings.last
        units: dict[str, Units] = {}
        if self.looked is not None:
            values |= self.looked.scores()
            if firings:
                first = self.step == 0 and not self.tested
                units, seen = self.looked.units(
                    self.readings.network, self.live["activation"], firings, self.images, first
                )
                values.update(seen)
        fired = {name: each > 0 for name, each in firings.items()}
        return Step(self.step, clock(), self.epoch, self.live, values, fired, units, self.tested)
