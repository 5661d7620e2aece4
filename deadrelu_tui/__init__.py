"""Watch ReLUs die, live in the terminal, while an MLP trains on Fashion-MNIST, or a network of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deadrelu_tui import clocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deadrelu_tui.watching.monitor import Monitor

__version__ = "0.1.0"

clocks.mend()


def watch(
    model: Any, optimizer: Any = None, probe: Any = None, *, units: Mapping[str, Any] | None = None,
    window: int | None = None, classes: int | None = None, budget: float = 0.02, name: str | None = None,
    controls: Sequence[str] = ("pause", "lr", "stop", "revive"),
) -> Monitor:  # fmt: skip
    """Watch the training of a network of PyTorch's or Gluon's; one line, after the optimizer was made.

    `optimizer`, or Gluon's Trainer, may be a list of them, the first of which counts the steps. `probe` is a batch, a
    tuple of arguments, a dict of keywords, or a callable that passes one through; without it the first batch of the
    training is kept. `units` names modules, or paths of them, whose units fire where their output is not 0. With
    `window` a unit is dead after so many samples without firing. `classes` is between how many the network chooses.
    `budget` is the share of the training's time that the watching may take. Of `controls` whoever watches can make use.

    It raises nothing: what cannot be watched is said in a line, and the training goes on.
    """
    from deadrelu_tui.watching import begin

    return begin(model, optimizer, probe, units, window, classes, budget, name, controls)
