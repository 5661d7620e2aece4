"""The network on a device: parameters and images; one step is queued here, and read back when it is there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import DIVISOR
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import model, revival
from deadrelu_tui.engine.batches import CHUNK, Batches, pieces
from deadrelu_tui.engine.by_torch import runtime
from deadrelu_tui.engine.by_torch.network import Draws, Network, scored
from deadrelu_tui.engine.by_torch.pending import Looking, Pending, Readings
from deadrelu_tui.engine.by_torch.runtime import torch
from deadrelu_tui.engine.by_torch.transfer import Slot, arrays, make_mark, on_its_way
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.records import Live, Look, Start
from deadrelu_tui.record.units import Units

LOOKAHEAD = 8
"""Steps that may be under way on a GPU."""


class Model:
    """The network's parameters and data on one device."""

    def __init__(self, settings: RunSettings, promised: Start, dataset: Dataset, metrics: bool = True) -> None:
        self.dataset, self._scale = dataset, settings.input_scale
        self.device = runtime.device(settings.device)
        self.batches = Batches(dataset, settings.batch_size, settings.seed, buffers=0)  # it is gathered on the device
        name = "cpu" if self.device.type == "cpu" else f"gpu:{self.device.index}"
        self.start = model.found(promised, dataset, self.batches, settings, device=name, engine="torch")
        self._draws = Draws(settings.init, settings.seed)
        drawn = self._draws.parameters((dataset.train_images.shape[1], *settings.hidden, dataset.classes))
        self.network = Network(drawn, self.batches.size, self.device, metrics)
        self.readings = Readings(promised.network, metrics)
        self._images, self._test_images = (self._here(each) for each in (dataset.train_images, dataset.test_images))
        self._labels, self._test_labels = (
            self._here(each.astype(np.int64)) for each in (dataset.train_labels, dataset.test_labels)
        )
        most = max(CHUNK, self.start.probe)
        self._pixels = torch.empty((most, self.network.inputs), dtype=torch.float32, device=self.device)
        full = self.network.batch(self.batches.size)
        self._slots = [Slot(full.index, self.network.told, self.device) for _ in range(LOOKAHEAD + 2)]

    def _here(self, array: npt.NDArray[Any]) -> Any:
        """Return an array on the device; on the CPU it is the same memory, which nobody writes to."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of what is read-only
            return torch.from_numpy(array).to(self.device)

    def ahead(self, oldest: model.Pending) -> int:
        """Return how many steps may be under way: none where the oldest is there, as it always is on the CPU."""
        there = isinstance(oldest, Pending) and oldest.slot.is_there()
        return 0 if there else LOOKAHEAD

    def step(
        self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool = False, test: bool = False
    ) -> Pending:
        """Queue one step: batch, forward, loss, backward, diagnose, update; and a look before or a test after it."""
        network, slot = self.network, self._slots[number % len(self._slots)]
        rate, memory = model.rate_of(live["lr"], self.batches.size), network.batch(len(batch))
        looked = None
        with torch.inference_mode():
            slot.send(batch, memory.index)
            torch.index_select(self._images, 0, memory.index, out=memory.bytes)
            torch.index_select(self._labels, 0, memory.index, out=memory.labels)
            _fed(memory.bytes, live["normalise"], self._scale, memory.pixels)
            network.learn(memory, live["activation"])
            network.measure()
            if look:
                looked = self._looking(live)
            network.update(rate)
            if test:
                looked = self._looking(live, test=True)
            slot.ask(network.told)
        return Pending(number, epoch, live, len(batch), rate, self.readings, slot, looked, test)

    def look(self, number: int, live: Live, test: bool = False) -> Look:
        """Look at the probe set, or at all of the test set, with the weights that the last step left, which has been
        read back.
        """
        with torch.inference_mode():
            looking = self._looking(live, test)
            self._wait()
        values, units = looking.scores(), dict[str, Units]()
        if self.readings.metrics:
            units, seen = looking.units(self.start.network, live["activation"], *self.readings.last, first=False)
            values |= seen
        return Look(number, values, units)

    def _looking(self, live: Live, test: bool = False) -> Looking:
        """Queue a look at the probe set, or at all of the test set, and what comes of it on its way to the host."""
        network, activation = self.network, live["activation"]
        (_, probe), *others = pieces(self.dataset)
        pre = network.look(self._fed(0, probe, live), activation)
        copies = map(on_its_way, (pre, network.parameters, network.gradients))
        found = Looking(self.dataset.probe_labels, *copies)  # type: ignore[arg-type]
        if test:
            total = scored(pre[-1], self._test_labels[:probe])
            for low, high in others:
                total += scored(network.look(self._fed(low, high, live), activation)[-1], self._test_labels[low:high])
            found.scored, found.tested = on_its_way([total]), len(self._test_labels)
        return found

    def parameters_now(self) -> list[Floats]:
        """Wait for all that is under way, and return copies of the parameters."""
        with torch.inference_mode():
            copies = on_its_way(self.network.parameters)
            self._wait()
        return arrays(copies)

    def revive(self, live: Live) -> list[int]:
        """Revive the dead ReLUs; return how many there were in each layer."""
        parameters = self.parameters_now()
        pixels = self._fed(0, self.start.probe, live)

        def silent(parameters: Sequence[Floats]) -> list[npt.NDArray[np.bool_]]:
            self._set(parameters)
            return [(each <= 0).all(0).cpu().numpy() for each in self.network.look(pixels, live["activation"])[:-1]]

        def fresh(inputs: int, units: int) -> Floats:
            drawn: Floats = self._draws.weight(inputs, units).numpy()
            return drawn

        with torch.inference_mode():
            counts = revival.revive(parameters, silent, fresh)
            self._set(parameters)
        return counts

    def _set(self, parameters: Sequence[Floats]) -> None:
        for own, given in zip(self.network.parameters, parameters, strict=True):
            own.copy_(torch.from_numpy(given))

    def _wait(self) -> None:
        mark = make_mark(self.device)
        mark.record()
        mark.synchronize()

    def _fed(self, low: int, high: int, live: Live) -> Any:
        pixels = self._pixels[: high - low]
        _fed(self._test_images[low:high], live["normalise"], self._scale, pixels)
        return pixels


def _fed(images: Any, normalise: bool, scale: float, out: Any) -> None:
    """Write the bytes of some images as the numbers that the network is fed with."""
    out.copy_(images)
    if normalise:
        out.div_(DIVISOR)
    elif scale != 1:
        out.mul_(float(np.float32(scale)))
