"""The network in NumPy: each step is done when it is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import model, revival
from deadrelu_tui.engine.batches import CHUNK, Batches, fed, pieces
from deadrelu_tui.engine.by_numpy.network import Draws, Mask, Network, scored
from deadrelu_tui.engine.measures import looked, of_batch
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.records import Event, Live, Look, Start, Step
from deadrelu_tui.record.units import Units


@dataclass
class Done:
    """A step that was taken."""

    step: Step
    events: tuple[Event, ...] = ()

    @property
    def tested(self) -> bool:
        """Whether it ends an epoch, with a test."""
        return self.step.ends_epoch

    def record(self, clock: Callable[[], float]) -> Step:
        """Return its numbers, with the time by a clock."""
        return replace(self.step, at=clock())


class Model:
    """The network's parameters and data."""

    def __init__(self, settings: RunSettings, promised: Start, dataset: Dataset, metrics: bool = True) -> None:
        if settings.device not in ("auto", "cpu"):
            raise InputError(f"device {settings.device} cannot be used by NumPy. Allowed here: auto, cpu")
        self.dataset, self.metrics, self._scale = dataset, metrics, settings.input_scale
        self.batches = Batches(dataset, settings.batch_size, settings.seed, scale=settings.input_scale)
        self.start = model.found(promised, dataset, self.batches, settings, device="cpu", engine="numpy")
        self._draws = Draws(settings.init, settings.seed)
        widths = dataset.train_images.shape[1], *settings.hidden, dataset.classes
        self.network = Network(self._draws.parameters(widths), self.batches.size)
        self._pixels = np.empty((max(CHUNK, self.start.probe), widths[0]), np.float32)
        self._batch: tuple[dict[str, Floats], int] = {}, 0
        """Of the last step: per layer for how many images each unit fired, and the number of images."""
        self._labels = dataset.test_labels.astype(np.intp)

    def ahead(self, oldest: model.Pending) -> int:
        """Return 0: there is nothing to wait for."""
        return 0

    def step(
        self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool = False, test: bool = False
    ) -> Done:
        """Take one step: batch, forward, loss, backward, diagnose, update; and a look before or a test after it."""
        names, network, images = self.start.network.names, self.network, len(batch)
        pixels, labels = self.batches.fill(0, batch, live["normalise"])
        rate = model.rate_of(live["lr"], self.batches.size)
        with np.errstate(all="ignore"):  # a run may diverge: infinite, NaN are numbers, too
            sums = network.learn(pixels, labels.astype(np.intp), live["activation"], self.metrics)
            values = {"loss": sums.loss / images}
            if self.metrics:
                layers = zip(sums.fired, sums.total, strict=True)
                values.update(of_batch(self.start.network, images, rate, layers, network.of_parameters()))
            firings = dict(zip(names, sums.fired, strict=self.metrics))
            self._batch = firings, images
            units = self._looked(live, number == 0, values) if look else {}
            network.update(rate)
            if test:
                units = self._looked(live, False, values, test=True)
        fired = {name: each > 0 for name, each in firings.items()}
        return Done(Step(number, 0.0, epoch, live, values, fired, units, test))

    def look(self, number: int, live: Live, test: bool = False) -> Look:
        """Look at the probe set, or at all of the test set, with the weights that the last step left."""
        values: dict[str, float] = {}
        with np.errstate(all="ignore"):
            units = self._looked(live, False, values, test)
        return Look(number, values, units)

    def _looked(self, live: Live, first: bool, values: dict[str, float], test: bool = False) -> dict[str, Units]:
        """Look at the probe set, or at all of the test set; return the units, enter what else it tells."""
        (_, probe), *others = pieces(self.dataset)
        pre, told = self.network.look(self._fed(0, probe, live), live["activation"])
        if test:
            count = len(self._labels)
            loss, right = scored(told, self._labels[:probe])
            for low, high in others:
                _, scores = self.network.look(self._fed(low, high, live), live["activation"])
                more, righter = scored(scores, self._labels[low:high])
                loss, right = loss + more, right + righter
            values["loss/test"], values["accuracy/test"] = loss / count, right / count
        if not self.metrics:
            return {}
        network = self.network
        units, seen = looked(
            self.start.network, live["activation"], [*pre, told], network.parameters, network.gradients, *self._batch,
            self.dataset.probe_labels, first,
        )  # fmt: skip
        values.update(seen)
        return units

    def parameters_now(self) -> list[Floats]:
        """Return copies of the parameters."""
        return [each.copy() for each in self.network.parameters]

    def revive(self, live: Live) -> list[int]:
        """Revive the dead ReLUs; return how many there were in each layer."""
        pixels = self._fed(0, self.start.probe, live)

        def silent(_parameters: Sequence[Floats]) -> list[Mask]:
            return self.network.silent(pixels, live["activation"])  # its parameters are the very arrays

        with np.errstate(all="ignore"):
            return revival.revive(self.network.parameters, silent, self._draws.weight)

    def _fed(self, low: int, high: int, live: Live) -> Floats:
        pixels = self._pixels[: high - low]
        fed(self.dataset.test_images[low:high], live["normalise"], self._scale, pixels)
        return pixels
