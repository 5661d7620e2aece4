"""A picture of a network of somebody's own: python screenshots/own_network.py

A convolutional network, trained by PyTorch on the images that are found, at a learning rate that is too large for it.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import torch
from make import HERE, to_png
from torch import nn
from torch.nn import functional

import deadrelu_tui
from deadrelu_tui import places
from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.run.run import Run
from deadrelu_tui.tui.app import MonitorApp

STEPS = 1500
SIZE = (160, 48)


class Classifier(nn.Module):
    """Two convolutions and two linear layers, its ReLUs as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3), nn.Conv2d(16, 32, 3)
        self.fc1, self.fc2 = nn.Linear(800, 128), nn.Linear(128, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a score for each class."""
        h = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        h = functional.max_pool2d(functional.relu(self.conv2(h)), 2)
        return self.fc2(functional.relu(self.fc1(h.flatten(1))))


def trained() -> Run:
    """Train it while it is watched; return the run."""
    found = fashion_mnist.find()
    images = torch.from_numpy(np.asarray(found.train_images, np.float32).reshape(-1, 1, 28, 28) / 255)
    labels = torch.from_numpy(np.asarray(found.train_labels, np.int64))
    torch.manual_seed(0)
    model = Classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    probe = images[-128:]
    monitor = deadrelu_tui.watch(model, optimizer, probe=probe, classes=10, name="Classifier")
    for step in range(STEPS):
        first = 64 * step % (len(images) - 1024)
        loss = functional.cross_entropy(model(images[first : first + 64]), labels[first : first + 64])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        monitor.log(loss=loss)
    guest = monitor._guest
    assert guest is not None, monitor.fault
    monitor.close()
    return guest.run


async def take(run: Run) -> Path:
    """Show it and save what is seen."""
    app = MonitorApp(run, lambda _values, _paused: run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(0.5)
        path = HERE / "own-network-wide.svg"
        app.save_screenshot(str(path))
    app.close()
    return path


def main() -> None:
    """Train, show, save."""
    with tempfile.TemporaryDirectory() as folder:
        places.told = Path(folder)
        to_png(asyncio.run(take(trained())))


if __name__ == "__main__":
    main()
