"""The network on a device: parameters, images and graphs; one step is queued here and read back later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import model, revival
from deadrelu_tui.engine.batches import Batches, pieces
from deadrelu_tui.engine.by_mxnet import runtime
from deadrelu_tui.engine.by_mxnet.calls import Graph
from deadrelu_tui.engine.by_mxnet.network import fresh_weight, initial_parameters, look_graph, step_graph
from deadrelu_tui.engine.by_mxnet.parameters import Parameters
from deadrelu_tui.engine.by_mxnet.pending import Looking, Pending
from deadrelu_tui.engine.by_mxnet.readings import Readings
from deadrelu_tui.engine.by_mxnet.runtime import mx
from deadrelu_tui.engine.by_mxnet.shared import Shared
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.records import Live, Look, Start
from deadrelu_tui.record.units import Units

LOOKAHEAD, LOOKAHEAD_IN_TEST = 8, 24
"""Steps that may be under way, and while the next to be read back waits for a test, if batches are not too large."""
IMAGES_IN_TEST = 6_144
"""A test takes about as long as the training with so many images: more of them under way would only take memory."""


def most_ahead(batch_size: int) -> int:
    """Return how many steps are under way at most."""
    return max(LOOKAHEAD, min(LOOKAHEAD_IN_TEST, IMAGES_IN_TEST // batch_size))


class Model:
    """The network's parameters, data and graphs on one device."""

    def __init__(self, settings: RunSettings, promised: Start, dataset: Dataset, metrics: bool = True) -> None:
        self.settings, self.dataset, self.metrics = settings, dataset, metrics
        self.context = runtime.device(settings.device)
        # A second "device" of a CPU is a second worker: looks are taken there, and the training goes on.
        self.aside = mx.cpu(1) if self.context.device_type == "cpu" else self.context
        self.widths = (*settings.hidden, dataset.classes)
        self._most = most_ahead(settings.batch_size)
        self.batches = Batches(dataset, settings.batch_size, settings.seed, self._most + 2, settings.input_scale)
        self._shared = Shared(self.batches, self.context)
        device = "cpu" if self.context.device_type == "cpu" else f"gpu:{self.context.device_id}"
        self.start = model.found(promised, dataset, self.batches, settings, device=device, engine="mxnet")
        drawn = initial_parameters(settings, dataset.train_images.shape[1], dataset.classes)
        self.parameters = Parameters(drawn, self.context)
        self.readings = Readings(promised.network, self.parameters, metrics)
        self.graphs: dict[tuple[Any, ...], Graph] = {}
        self.chunks = self._chunks()

    def ahead(self, oldest: model.Pending) -> int:
        """Return how many steps may be under way: MXNet has work queued while Python waits for the interpreter lock or,
        longer, for a test.
        """
        return self._most if oldest.tested else LOOKAHEAD

    def _chunks(self) -> list[tuple[int, Any, Any]]:
        """Return the test set as (images, bytes, labels) in pieces, the first of them the probe set."""
        images, labels = self.dataset.test_images, self.dataset.test_labels.astype(np.float32)
        return [
            (high - low, *(mx.nd.array(each[low:high], self.aside, each.dtype) for each in (images, labels)))
            for low, high in pieces(self.dataset)
        ]

    def _graph(self, make: Callable[..., Graph], images: int, *arguments: Any) -> Graph:
        """Return the graph for so many images: a static graph plans its memory for one shape."""
        key = (make, images, *arguments)
        if key not in self.graphs:
            self.graphs[key] = make(self.widths, *arguments)
        return self.graphs[key]

    def _look_graph(self, images: int, live: Live) -> Graph:
        scale = None if live["normalise"] else self.settings.input_scale
        return self._graph(look_graph, images, live["activation"], scale)

    def step(
        self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool = False, test: bool = False
    ) -> Pending:
        """Queue one step: batch, forward, loss, backward, diagnose, update; and a look before or a test after it."""
        small, inputs = self.parameters.small, self._shared.inputs
        graph = self._graph(step_graph, len(batch), live["activation"], self.metrics, small, inputs)
        filled = self._shared.fill(number, batch, live["normalise"])
        rate = model.rate_of(live["lr"], self.batches.size)
        told = self.parameters.queue(graph, filled, rate)
        read = [told, *(self.parameters.measured() if self.metrics else ())]
        looked = self._look(live, self.start.probe) if look else None
        self.parameters.update()
        if test:
            looked = self._look(live, len(self.dataset.test_labels))
        return Pending(number, epoch, live, len(batch), rate, self.readings, read, looked, test)

    def look(self, number: int, live: Live, test: bool = False) -> Look:
        """Look at the probe set, or at all of the test set, with the weights that the last step left, which has been
        read back.
        """
        looking = self._look(live, len(self.dataset.test_labels) if test else self.start.probe)
        values, units = looking.tested() if test else {}, dict[str, Units]()
        if self.metrics:
            units, seen = looking.units(self.start.network, live["activation"], *self.readings.last, first=False)
            values |= seen
        return Look(number, values, units)

    def _look(self, live: Live, images: int) -> Looking:
        """Queue a look at the first so many test images, chunk by chunk, the first of which is the probe set."""
        looking, seen = Looking(self.dataset.probe_labels, gradients=self.parameters.gradients), 0
        looking.parameters = [each.copyto(self.aside) for each in self.parameters.arrays]
        for images_here, pixels, labels in self.chunks:
            if seen < images:
                graph = self._look_graph(images_here, live)
                loss, right, *taps = graph(pixels, labels, *looking.parameters)
                looking.scores.append((images_here, loss, right))
                if not seen:
                    looking.taps = taps
            seen += images_here
        return looking

    def parameters_now(self) -> list[Floats]:
        """Wait for all that is under way, and return copies of the parameters."""
        return [each.asnumpy() for each in self.parameters.arrays]

    def revive(self, live: Live) -> list[int]:
        """Revive the dead ReLUs; return how many there were in each layer."""
        arrays = self.parameters.arrays
        parameters = self.parameters_now()

        def silent(parameters: Sequence[Floats]) -> list[npt.NDArray[np.bool_]]:
            images, pixels, labels = self.chunks[0]
            there = [mx.nd.array(each, self.aside) for each in parameters]
            graph = self._look_graph(images, live)
            return [(tap.asnumpy() <= 0).all(axis=0) for tap in graph(pixels, labels, *there)[2:-1]]

        def fresh(inputs: int, units: int) -> Floats:
            drawn: Floats = fresh_weight(self.settings.init, inputs, units).asnumpy()
            return drawn

        counts = revival.revive(parameters, silent, fresh)
        for array, values in zip(arrays, parameters, strict=True):
            array[:] = mx.nd.array(values, self.context)
        return counts
