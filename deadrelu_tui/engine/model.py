"""The network on a device: parameters, images and graphs; one step is queued here and read back later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import runtime
from deadrelu_tui.engine.batches import Batches
from deadrelu_tui.engine.calls import Graph
from deadrelu_tui.engine.network import fresh_weight, initial_parameters, look_graph, step_graph
from deadrelu_tui.engine.parameters import Parameters, rate_of
from deadrelu_tui.engine.pending import Looking, Pending
from deadrelu_tui.engine.readings import Readings
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.record.records import Live, Start
from deadrelu_tui.wording import count

CHUNK = 2_000
"""Images a graph looks at in one go when it measures the probe and the test set."""


class Model:
    """The network's parameters, data and graphs on one device."""

    def __init__(self, settings: RunSettings, promised: Start, dataset: Dataset, metrics: bool, buffers: int) -> None:
        self.settings, self.dataset, self.metrics = settings, dataset, metrics
        self.context = runtime.device(settings.device)
        # A second "device" of a CPU is a second worker: looks are taken there, and the training goes on.
        self.aside = mx.cpu(1) if self.context.device_type == "cpu" else self.context
        self.widths = (*settings.hidden, dataset.classes)
        self.batches = Batches(dataset, settings.batch_size, settings.seed, buffers, self.context)
        mean, deviation = dataset.moments
        self.start = replace(
            promised,
            title=f"Fashion-MNIST {count(len(dataset.train_labels))}"
            + (" embedded" if dataset.source == "embedded" else ""),
            device="cpu" if self.context.device_type == "cpu" else f"gpu:{self.context.device_id}",
            probe=len(dataset.probe_images),
            facts={
                **promised.facts,
                "source": dataset.source, "train": len(dataset.train_labels), "test": len(dataset.test_labels),
                "sha256": dataset.sha256, "input_mean": mean, "input_std": deviation, "batch": self.batches.size,
            },
            steps=self.batches.count * settings.epochs,
            steps_per_epoch=self.batches.count,
        )  # fmt: skip
        drawn = initial_parameters(settings, dataset.train_images.shape[1], dataset.classes)
        self.parameters = Parameters(drawn, self.context)
        self.readings = Readings(promised.network, self.parameters, metrics)
        self.graphs: dict[tuple[Any, ...], Graph] = {}
        self.chunks = self._chunks()

    def _chunks(self) -> list[tuple[int, Any, Any]]:
        """Return the test set as (images, bytes, labels) in pieces, the first of them the probe set."""
        images, labels = self.dataset.test_images, self.dataset.test_labels.astype(np.float32)
        edges = [0, *range(self.start.probe, len(labels), CHUNK), len(labels)]
        return [
            (high - low, *(mx.nd.array(each[low:high], self.aside, each.dtype) for each in (images, labels)))
            for low, high in pairwise(edges)
            if high > low
        ]

    def _graph(self, make: Callable[..., Graph], images: int, *arguments: Any) -> Graph:
        """Return the graph for so many images: a static graph plans its memory for one shape."""
        key = (make, images, *arguments)
        if key not in self.graphs:
            self.graphs[key] = make(self.widths, *arguments)
        return self.graphs[key]

    def step(self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool) -> Pending:
        """Queue one step: batch, forward, loss, backward, diagnose, update."""
        size = self.batches.size
        graph = self._graph(step_graph, len(batch), live["activation"], self.metrics, self.parameters.small)
        filled = self.batches.fill(number, batch, live["normalise"])
        rate = rate_of(live["lr"], size)
        told = self.parameters.queue(graph, filled, rate)
        read = [told, *(self.parameters.measured() if self.metrics else ())]
        looked = self.look(live, self.start.probe) if look else None
        self.parameters.update()
        return Pending(number, epoch, live, len(batch), rate, self.readings, read, looked)

    def look(self, live: Live, images: int) -> Looking:
        """Queue a look at the first so many test images, chunk by chunk, the first of which is the probe set."""
        looking, seen = Looking(gradients=self.parameters.gradients), 0
        looking.parameters = [each.copyto(self.aside) for each in self.parameters.arrays]
        for images_here, pixels, labels in self.chunks:
            if seen < images:
                graph = self._graph(look_graph, images_here, live["activation"], live["normalise"])
                loss, right, *taps = graph(pixels, labels, *looking.parameters)
                looking.scores.append((images_here, loss, right))
                if not seen:
                    looking.taps = taps
            seen += images_here
        return looking

    def revive(self, live: Live) -> dict[str, int]:
        """Give each dead ReLU fresh incoming weights, bias zero and outgoing weights zero; return how many per layer.

        As the outgoing weights are zero, and the units said nothing before, the loss stays as it was: ReDo (Sokar et
        al. 2023) for units that never fire. The layers are taken in order, so that where two in a row are dead,
        the second one's fresh weights lead on what the first one says. Weights that were drawn such that the unit is
        dead again change their sign, with which they are as likely.
        """
        revived = {}
        for index, (name, lost) in enumerate(zip(self.start.network.names, self._silent(live), strict=True)):
            weight, bias, onward = (each.asnumpy() for each in self.parameters.arrays[2 * index : 2 * index + 3])
            fresh = fresh_weight(self.settings.init, weight.shape[1], weight.shape[0]).asnumpy()
            weight[lost], bias[lost], onward[:, lost] = fresh[lost], 0, 0
            for parameter, values in zip(self.parameters.arrays[2 * index :], (weight, bias, onward), strict=False):
                parameter[:] = mx.nd.array(values, self.context)
            if lost.any():
                again = lost & self._silent(live)[index]
                weight[again] *= -1
                self.parameters.arrays[2 * index][:] = mx.nd.array(weight, self.context)
            revived[name] = int(lost.sum())
        return revived

    def _silent(self, live: Live) -> list[npt.NDArray[np.bool_]]:
        """Return per layer which units fire for no image of the probe set; none of those with NaN."""
        images, pixels, labels = self.chunks[0]
        parameters = [each.copyto(self.aside) for each in self.parameters.arrays]
        _, _, *taps = self._graph(look_graph, images, live["activation"], live["normalise"])(
            pixels, labels, *parameters
        )
        return [(tap.asnumpy() <= 0).all(axis=0) for tap in taps]
