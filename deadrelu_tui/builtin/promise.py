"""What the built-in training says of itself before anything is loaded: the screen lays itself out by it."""

from __future__ import annotations

import time

from deadrelu_tui.builtin.dataset import CLASS_NAMES, CLASSES, PIXELS, SHAPE
from deadrelu_tui.builtin.settings import LIVE, RunSettings
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import mlp
from deadrelu_tui.record.records import Start, new_id

CAN = frozenset({"pause", "stop", "revive", "restart", "train_on", "speed", *LIVE})
DIVISOR = 255
"""By what normalising divides the pixels."""


def promise(settings: RunSettings) -> Start:
    """Return the Start of a run that is about to load its engine and its images; the training adds what they are."""
    network = mlp(PIXELS, settings.hidden, CLASSES, settings.activation)
    at = time.time()
    return Start(
        run=new_id(at),
        at=at,
        title="Fashion-MNIST",
        device=settings.device,
        network=network,
        metrics=all_of(network, CLASS_NAMES),
        facts={"divisor": DIVISOR, "shape": SHAPE},
        settings=settings.as_dict(),
        classes=CLASSES,
        can=CAN if settings.steps is None else CAN - {"train_on"},
    )
