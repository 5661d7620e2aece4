"""A guest in somebody's training: it sees which units die, changes no number, and tells it as any run is told."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder

if TYPE_CHECKING:
    from deadrelu_tui.watching.monitor import Monitor, Watching

CONTROLS = ("pause", "lr", "stop", "revive")
begun_here: list[weakref.ref[Monitor]] = []
"""What is watched in this process, or was; nothing of a training is kept alive by it."""


class Kept:
    """A batch of the training itself that is looked at in place of a probe: the arguments of the network's call."""

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args


def say(line: str) -> None:
    """Say something where the training says what it does, if that is anywhere."""
    with suppress(Exception):  # it may have closed that
        print(line, file=sys.stderr, flush=True)


def begin(
    model: Any, optimizer: Any = None, probe: Any = None, units: Mapping[str, Any] | None = None,
    window: int | None = None, classes: int | None = None, budget: float = 0.02, name: str | None = None,
    controls: Sequence[str] = CONTROLS, facts: Mapping[str, Any] | None = None,
    by_itself: bool = False, joined: bool = False,
) -> Monitor:  # fmt: skip
    """Watch a training (`deadrelu_tui.watch`); the run tells some facts besides. A training may change its parameters
    by itself, with no optimizer, and may have begun before it was joined.
    """
    from deadrelu_tui.watching.guest import Watch
    from deadrelu_tui.watching.monitor import Monitor

    speak = (lambda _line: None) if joined else say  # a terminal of somebody else is not written to

    def begun(_monitor: Monitor) -> Watching:
        wanted = Watch(
            _controls(controls), _budget(budget), _whole("window", window), runs_folder(), speak, facts or {},
            announced, joined,
        )  # fmt: skip
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(model, torch.nn.Module):
            from deadrelu_tui.watching.by_torch.begin import watched

            return watched(model, optimizer, probe, units, _whole("classes", classes), name, wanted, by_itself)
        mxnet = sys.modules.get("mxnet")
        if mxnet is not None and isinstance(model, mxnet.gluon.Block):
            from deadrelu_tui.watching.by_gluon.begin import watched as watched_by_gluon

            return watched_by_gluon(model, optimizer, probe, units, _whole("classes", classes), name, wanted)
        raise InputError(f"model must be a torch.nn.Module or a Gluon Block, not {type(model).__name__}")

    monitor = Monitor(begun, speak)
    begun_here.append(weakref.ref(monitor))
    return monitor


def announced(run: str) -> None:
    """Say how to see a run."""
    say(f"deadrelu-tui attach {run}")


def _controls(controls: Sequence[str]) -> frozenset[str]:
    given = (controls,) if isinstance(controls, str) else tuple(controls)
    if unknown := [each for each in given if each not in CONTROLS]:
        raise InputError(f"controls may be {', '.join(CONTROLS)}, not {unknown[0]!r}")
    return frozenset(given)


def _budget(budget: Any) -> float:
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget <= 1:
        raise InputError(f"budget is a share of the training's time above 0, up to 1, not {budget!r}")
    return float(budget)


def _whole(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise InputError(f"{name} must be a whole number above 0, not {value!r}")
    return value
