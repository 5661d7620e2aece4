"""Finds model, optimizer, loss and a batch of a training that nobody has told of, from its first steps.

Until the first optimizer takes its step a hook sees what is called; then it is taken off, and the network is watched
like any other.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers

import deadrelu_tui.watching
from deadrelu_tui.watching.by_torch.classes import classes_of
from deadrelu_tui.watching.by_torch.passing import inner
from deadrelu_tui.watching.by_torch.watch import TorchWatch
from deadrelu_tui.watching.monitor import Monitor

Tell = Callable[..., None]
PATIENCE = 3
"""Optimizer steps within which a network has to be found."""


class Found:
    """What a script trains, as far as it is known."""

    def __init__(self, wanted: Mapping[str, Any], tell: Tell) -> None:
        self._wanted, self._tell = wanted, tell
        self._called: list[tuple[weakref.ref[torch.nn.Module], Any]] = []
        """The outermost modules that were called, each with what it was last given."""
        self._depth = self._steps = 0
        self._handles: list[Any] = []
        self._losses: list[torch.Tensor] = []
        self._classes: int | None = None
        self._monitor: Monitor | None = None
        self._manual: TorchWatch | None = None
        """The watch of a training that changes its parameters itself."""
        self._seen: dict[int, torch.Tensor] = {}
        """Of each module that was called a parameter, as it was when gradients came last."""
        self._optimizer: weakref.ref[torch.optim.Optimizer] | None = None

    def begin(self) -> None:
        """See what is called, what takes a step, and from what gradients begin."""
        deadrelu_tui.watching.announced = self._announce  # of what the script watches by itself, too
        self._handles = [
            modules.register_module_forward_pre_hook(self._entered),
            modules.register_module_forward_hook(self._left, always_call=True),
            optimizers.register_optimizer_step_pre_hook(self._step),
        ]
        backward = torch.Tensor.backward

        def heard(loss: torch.Tensor, *args: Any, **given: Any) -> Any:
            with suppress(Exception):
                self._heard(loss)
            done = backward(loss, *args, **given)
            self._updates_itself(loss)
            return done

        heard.__doc__, heard.__name__, heard.__qualname__ = backward.__doc__, backward.__name__, backward.__qualname__
        heard.__module__ = backward.__module__
        torch.Tensor.backward = heard

    def _entered(self, module: torch.nn.Module, given: Any) -> None:
        self._depth += 1
        if self._depth == 1 and module.training and not isinstance(module, torch.nn.modules.loss._Loss):
            self._called = [each for each in self._called if each[0]() not in (None, module)][-8:]
            self._called.append((weakref.ref(module), given))

    def _left(self, _module: torch.nn.Module, _given: Any, _out: Any) -> None:
        self._depth = max(0, self._depth - 1)

    def _heard(self, loss: torch.Tensor) -> None:
        if self._classes is None:
            self._classes = classes_of(loss)
        if loss.numel() == 1 and self._manual is None:
            self._losses.append(loss.detach())

    def _updates_itself(self, loss: torch.Tensor) -> None:
        """Watch a training that has no optimizer, and changes its parameters itself after their gradients are there."""
        if self._manual is not None and self._monitor is not None:
            self._monitor.log(loss=loss.detach())
            self._manual.gradients_are_there()
        elif self._monitor is None and not self._steps:
            try:
                self._look_for_updates()
            except Exception as error:
                self._give_up(f"{type(error).__name__}: {error}")

    def _look_for_updates(self) -> None:
        called = [(module, given) for reference, given in self._called if (module := reference()) is not None]
        for module, given in called:
            first = next((each for each in module.parameters() if each.grad is not None), None)
            if first is None:
                continue
            before = self._seen.get(id(module))
            self._seen[id(module)] = first.detach().clone()
            if before is not None and before.shape == first.shape and not torch.equal(before, first.detach()):
                self._take_off()
                self._monitor = self._watch(module, [], given)
                watching = self._monitor._watching
                self._manual = watching if isinstance(watching, TorchWatch) else None
                if self._manual is not None:
                    self._manual.gradients_are_there()
                return

    def _watch(self, model: torch.nn.Module, optimizers: list[Any], given: Any) -> Monitor:
        wanted = self._wanted
        monitor = deadrelu_tui.watching.begin(
            model, optimizers, deadrelu_tui.watching.Kept(given) if given else None,
            window=wanted.get("window"), budget=wanted.get("budget", 0.02), classes=self._classes,
            name=wanted.get("name"), controls=wanted.get("controls", deadrelu_tui.watching.CONTROLS),
            facts=wanted.get("facts", {}), by_itself=not optimizers,
        )  # fmt: skip
        if monitor.fault:
            self._tell(fault=monitor.fault)
        return monitor

    def _step(self, optimizer: torch.optim.Optimizer, _args: Any, _given: Any) -> None:
        """Begin to watch at the first step, and tell the loss of each."""
        if deadrelu_tui.watching.begun_here and self._monitor is None:
            self._leave()  # the script watches by itself
            return
        if self._monitor is None:
            self._steps += 1
            self._seen.clear()
            try:
                self._begin(optimizer)
            except Exception as error:
                self._give_up(f"{type(error).__name__}: {error}")
        known = self._optimizer() if self._optimizer is not None else None
        if self._monitor is not None and optimizer is known and self._losses:
            losses, self._losses = self._losses, []
            self._monitor.log(loss=losses[0] if len(losses) == 1 else torch.stack(losses).mean())

    def _begin(self, optimizer: torch.optim.Optimizer) -> None:
        held = {id(each) for group in optimizer.param_groups for each in group["params"]}
        found, given = self._model(held)
        if found is None:
            if self._steps >= PATIENCE:
                self._give_up("no module was found whose parameters the optimizer holds")
            return
        self._take_off()
        own = {id(each) for each in found.parameters()}
        others = [
            each
            for each in gc.get_objects()
            if issubclass(type(each), torch.optim.Optimizer) and each is not optimizer
            and any(id(one) in own for group in each.param_groups for one in group["params"])
        ]  # fmt: skip
        self._optimizer = weakref.ref(optimizer)
        self._monitor = self._watch(found, [optimizer, *others], given)

    def _model(self, held: set[int]) -> tuple[torch.nn.Module | None, Any]:
        """Return the outermost module that was called and whose parameters an optimizer holds, and what it was given;
        else the outermost that there is.
        """
        called = [(module, given) for reference, given in self._called if (module := reference()) is not None]
        best = max(called, key=lambda each: _shared(each[0], held), default=None)
        if best is not None and _shared(best[0], held):
            return best[0], best[1]
        everything = [each for each in gc.get_objects() if issubclass(type(each), torch.nn.Module)]
        fitting = [each for each in everything if _shared(each, held)]
        within = {id(child) for each in fitting for child in each.children()}
        outer = [each for each in fitting if id(each) not in within]
        return (max(outer, key=lambda each: _shared(each, held)), None) if outer else (None, None)

    def _announce(self, run: str) -> None:
        self._tell(run=run)

    def _give_up(self, why: str) -> None:
        self._leave()
        self._tell(fault=why)

    def _take_off(self) -> None:
        for each in self._handles[:2]:
            each.remove()
        self._called = []

    def _leave(self) -> None:
        self._take_off()
        self._losses = []
        self._monitor = self._monitor or _Nobody()  # type: ignore[assignment]


class _Nobody:
    fault = ""

    def log(self, **_told: Any) -> None:
        """Tell nobody."""


def _shared(module: torch.nn.Module, held: set[int]) -> int:
    """Return how many of a module's parameters are among those that an optimizer holds."""
    return sum(id(each) in held for each in inner(module).parameters())
