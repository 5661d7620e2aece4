"""A step that was queued, and the numbers that it becomes once they are read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deadrelu_tui.builtin.dataset import ByteArray
from deadrelu_tui.engine.by_mxnet.readings import Readings
from deadrelu_tui.engine.measures import looked
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import Event, Live, Step
from deadrelu_tui.record.units import Units


@dataclass
class Looking:
    """A look at the probe set, and with a test at the rest of the test set, that MXNet may still be taking.

    The units are measured from it in NumPy, which does so in a fifth of the time of MXNet's reductions.
    """

    right: ByteArray
    """The classes of the probe set's images."""
    scores: list[tuple[int, Any, Any]] = field(default_factory=list)
    """(number of images, sum of their losses, right answers) for each chunk, the probe set first."""
    taps: list[Any] = field(default_factory=list)
    """h of the probe set per layer, shape (images, units), that of the classes last."""
    parameters: list[Any] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)

    def tested(self) -> dict[str, float]:
        """Wait for it; return what all that was looked at tells of the test set."""
        total = sum(count for count, _, _ in self.scores)
        return {
            "loss/test": sum(float(loss.asscalar()) for _, loss, _ in self.scores) / total,
            "accuracy/test": sum(float(right.asscalar()) for *_, right in self.scores) / total,
        }

    def units(
        self, network: Network, activation: str, firings: Mapping[str, Floats], images: int, first: bool
    ) -> tuple[dict[str, Units], dict[str, float]]:
        """Wait for it; return the units, and the metrics that go with them (`measures.looked`)."""
        pre, parameters, gradients = (
            [each.asnumpy() for each in arrays] for arrays in (self.taps, self.parameters, self.gradients)
        )
        with np.errstate(over="ignore", invalid="ignore"):
            return looked(network, activation, pre, parameters, gradients, firings, images, self.right, first)


@dataclass
class Pending:
    """A step whose numbers MXNet may still be computing; record() waits for them."""

    step: int
    epoch: int
    live: Live
    images: int
    rate: float
    """What the gradients were multiplied with."""
    readings: Readings
    arrays: list[Any]
    """What the readings are of."""
    looked: Looking | None = None
    tested: bool = False
    events: tuple[Event, ...] = ()

    def record(self, clock: Callable[[], float]) -> Step:
        """Read the numbers back, the synchronisation point, and note the time by a clock."""
        with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge: infinite, NaN are numbers, too
            values, firings = self.readings.read(self.arrays, self.images, self.rate)
        units: dict[str, Units] = {}
        if self.looked is not None:
            if self.tested:
                values |= self.looked.tested()
            if firings:
                first = self.step == 0 and not self.tested
                units, seen = self.looked.units(
                    self.readings.network, self.live["activation"], firings, self.images, first
                )
                values.update(seen)
        fired = {name: each > 0 for name, each in firings.items()}
        return Step(self.step, clock(), self.epoch, self.live, values, fired, units, self.tested)
