"""Real first steps of the built-in network, by NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.batches import Batches
from deadrelu_tui.engine.by_numpy.network import Draws, Network


@dataclass(frozen=True)
class First:
    """What the first step did."""

    ratios: list[float]
    """‖Δw‖ / ‖w‖ of each weight matrix."""
    shift: float
    """Root mean square of by how much h of layer 1 moved on the batch, biases left out, for a rate of 1."""
    spread: float
    loss: float


def first_step(settings: RunSettings, images: Dataset) -> First:
    network = Network(Draws(settings.init, settings.seed).parameters((784, *settings.hidden, 10)), settings.batch_size)
    batches = Batches(images, settings.batch_size, settings.seed)
    pixels, labels = batches.fill(0, next(batches.epoch()), settings.normalise)
    before = [each.copy() for each in network.parameters]
    spread = float(network.look(pixels, settings.activation)[0][0].std())
    loss = network.learn(pixels, labels.astype(np.intp), settings.activation, metrics=False).loss / len(labels)
    network.update(settings.lr / settings.batch_size)
    moved = [now - then for now, then in zip(network.parameters, before, strict=True)]
    ratios = [
        float(np.linalg.norm(by) / np.linalg.norm(then)) for by, then in zip(moved[::2], before[::2], strict=True)
    ]
    shift = float(np.sqrt(np.mean((pixels @ moved[0].T) ** 2))) / settings.lr
    return First(ratios, shift, spread, loss)


def dead_after(
    steps: int, lr: float, scale: float, images: Dataset, init: str = "normal:0.01", units: int = 300, seed: int = 0
) -> float:
    """Return the share of layer 1 that fires for no probe image after so many steps on pixels times a scale."""
    network = Network(Draws(init, seed).parameters((784, units, 10)), 256)
    batches = Batches(images, 256, seed)
    order = [each for _ in range(steps // batches.count + 1) for each in batches.epoch() if len(each) == 256]
    with np.errstate(all="ignore"):
        for batch in order[:steps]:
            pixels, labels = batches.fill(0, batch, normalise=False)
            network.learn(pixels * np.float32(scale), labels.astype(np.intp), "relu", metrics=False)
            network.update(lr / 256)
        return float(network.silent(images.probe_images.astype(np.float32) * np.float32(scale), "relu")[0].mean())
