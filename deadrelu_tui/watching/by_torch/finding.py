"""Finds models, optimizers, losses and batches of a training that nobody has told of, from its first steps.

Until an optimizer takes its second step a hook sees what is called; then it is taken off. Each network is watched like
any other: several that are trained against each other are a run each, several optimizers of one network are one.
"""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers

import deadrelu_tui.watching
from deadrelu_tui.watching.by_torch.classes import classes_of
from deadrelu_tui.watching.by_torch.passing import inner
from deadrelu_tui.watching.by_torch.scaling import Scalers
from deadrelu_tui.watching.by_torch.steps import computes, holds
from deadrelu_tui.watching.by_torch.watch import TorchWatch, others
from deadrelu_tui.watching.monitor import Monitor

Tell = Callable[..., None]
PATIENCE = 3
"""Steps of an optimizer within which its network has to be found."""
MOST = 4
"""Networks that are watched at a time."""


class Found:
    """What a script trains, as far as it is known."""

    def __init__(self, wanted: Mapping[str, Any], tell: Tell) -> None:
        self._wanted, self._tell = wanted, tell
        self._called: list[tuple[weakref.ref[torch.nn.Module], Any]] = []
        """The outermost modules that were called, each with what it was last given."""
        self._depth = 0
        self._handles: list[Any] = []
        self._losses: list[torch.Tensor] = []
        self._classes: int | None = None
        self.watched: list[Watched] = []
        self._backward: Any = None
        self._hears: Any = None
        self._filter: Any = None
        self._scalers = Scalers()
        self._left_alone = False
        self._manual: TorchWatch | None = None
        """The watch of a training that changes its parameters itself."""
        self._seen: dict[int, torch.Tensor] = {}
        """Of each module that was called a parameter, as it was when gradients came last."""
        self._met: weakref.WeakKeyDictionary[torch.optim.Optimizer, int] = weakref.WeakKeyDictionary()
        """How often each optimizer has taken a step."""

    def begin(self) -> None:
        """See what is called, what takes a step, and from what gradients begin."""
        # Nobody is to read of our hooks in what his program says, nor to have it end by them (-W error).
        warnings.filterwarnings("ignore", "Using `torch.compile.module.` when there are global hooks", UserWarning)
        self._filter = warnings.filters[0]
        self._announced = deadrelu_tui.watching.announced
        deadrelu_tui.watching.announced = self._announce  # of what the script watches by itself, too
        self._handles = [
            modules.register_module_forward_pre_hook(self._entered),
            modules.register_module_forward_hook(self._left, always_call=True),
            optimizers.register_optimizer_step_pre_hook(self._step),
            optimizers.register_optimizer_step_post_hook(self._stepped),
        ]
        self._backward = backward = torch.autograd.backward  # what Tensor.backward calls, too

        def heard(tensors: Any, *args: Any, **given: Any) -> Any:
            loss = tensors if isinstance(tensors, torch.Tensor) else None
            if loss is not None:
                with suppress(Exception):
                    self._heard(loss)
            done = backward(tensors, *args, **given)
            if loss is not None:
                self._updates_itself(loss)
            return done

        heard.__doc__, heard.__name__, heard.__qualname__ = backward.__doc__, backward.__name__, backward.__qualname__
        heard.__module__ = backward.__module__
        self._hears = torch.autograd.backward = heard

    def leave(self) -> None:
        """Take off whatever was put on: all is as it was."""
        self._leave()
        for each in self._handles:
            each.remove()
        if torch.autograd.backward is self._hears:
            torch.autograd.backward = self._backward
        deadrelu_tui.watching.announced = self._announced

    def _entered(self, module: torch.nn.Module, given: Any) -> None:
        self._depth += 1
        if self._depth == 1 and module.training and not isinstance(module, torch.nn.modules.loss._Loss):
            self._called = [each for each in self._called if each[0]() not in (None, module)][-8:]
            self._called.append((weakref.ref(module), given))

    def _left(self, _module: torch.nn.Module, _given: Any, _out: Any) -> None:
        self._depth = max(0, self._depth - 1)

    def _heard(self, loss: torch.Tensor) -> None:
        if self._left_alone:
            return
        if self._classes is None:
            self._classes = classes_of(loss)
        for each in self.watched:
            if isinstance(each.monitor._watching, TorchWatch):
                each.monitor._watching.heard(loss)
        if loss.numel() == 1:
            self._losses = [*self._losses[-63:], self._scalers.before(loss)]

    def _updates_itself(self, loss: torch.Tensor) -> None:
        """Watch a training that has no optimizer, and changes its parameters itself once their gradients are there."""
        if self._manual is not None and self.watched:
            self._losses = []
            self.watched[0].monitor.log(loss=self._scalers.before(loss))
            self._manual.gradients_are_there()
        elif not (self._left_alone or self.watched or len(self._met)):
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
                watching = self._watch(module, [], given)._watching
                self._manual = watching if isinstance(watching, TorchWatch) else None
                if self._manual is not None:
                    self._manual.gradients_are_there()
                return

    def _watch(self, found: torch.nn.Module, every: list[torch.optim.Optimizer], given: Any) -> Monitor:
        """Watch a network, trained by some optimizers, or by none."""
        wanted = self._wanted
        name = wanted.get("name")
        monitor = deadrelu_tui.watching.begin(
            found, every, deadrelu_tui.watching.Kept(given) if given else None,
            window=wanted.get("window"), budget=wanted.get("budget", 0.02), classes=self._classes,
            name=f"{name}: {type(found).__name__}" if name and self.watched else name,
            controls=wanted.get("controls", deadrelu_tui.watching.CONTROLS), facts=wanted.get("facts", {}),
            by_itself=not every, joined=wanted.get("joined", False),
        )  # fmt: skip
        self.watched.append(Watched(monitor, inner(found), every))
        self._classes = None
        if monitor.fault and not any(not each.monitor.fault for each in self.watched):
            self._tell(fault=monitor.fault)
        return monitor

    def _step(self, optimizer: torch.optim.Optimizer, _args: Any, _given: Any) -> None:
        """Begin to watch at a network's first step, and tell the loss of each."""
        if self._left_alone or torch.compiler.is_compiling():
            return
        if deadrelu_tui.watching.begun_here and not self.watched:
            self._leave()  # the script watches by itself
            return
        try:
            self._met[optimizer] = self._met.get(optimizer, 0) + 1
            self._seen.clear()
            if self._met[optimizer] == 2 and self.watched:
                self._take_off()
            if self._of(optimizer) is None and self._met[optimizer] <= PATIENCE:
                self._meet(optimizer)
            losses, self._losses = self._losses, []
            watched = self._of(optimizer)
            if watched is not None and losses:
                watched.monitor.log(loss=losses[0] if len(losses) == 1 else torch.stack(losses).mean())
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")

    def _stepped(self, optimizer: torch.optim.Optimizer, args: Any, given: Any) -> None:
        """Tell the loss that was computed within a step, where that began."""
        watched = self._of(optimizer)
        if watched is not None and self._losses and computes(args, given):
            losses, self._losses = self._losses, []
            watched.monitor.log(loss=losses[0])

    def _of(self, optimizer: torch.optim.Optimizer) -> Watched | None:
        return next((each for each in self.watched if any(optimizer is one for one in each.optimizers)), None)

    def _meet(self, optimizer: torch.optim.Optimizer) -> None:
        """Watch what an optimizer trains: a network that is watched already, or another."""
        for each in self.watched:
            if holds(optimizer, each.model):
                each.join(optimizer)
                return
        if len(self.watched) < MOST:
            self._begin(optimizer)

    def _begin(self, optimizer: torch.optim.Optimizer) -> None:
        held = {id(each) for group in optimizer.param_groups for each in group["params"]}
        found, given = self._model(held)
        if found is None:
            if self._met[optimizer] == PATIENCE and not self.watched:
                self._give_up("no module was found whose parameters the optimizer holds")
            return
        self._watch(found, [optimizer, *others(inner(found), [optimizer])], given)

    def _model(self, held: set[int]) -> tuple[torch.nn.Module | None, Any]:
        """Return the outermost module that was called and whose parameters an optimizer holds, and what it was given;
        else the outermost that there is: of one whose parts alone are called, nobody calls the whole.
        """
        called = [(module, given) for reference, given in self._called if (module := reference()) is not None]
        best = max(called, key=lambda each: _shared(each[0], held), default=None)
        share = 0 if best is None else _shared(best[0], held)
        if best is not None and share == len(held):
            return best[0], best[1]
        everything = [each for each in gc.get_objects() if issubclass(type(each), torch.nn.Module)]
        fitting = [each for each in everything if _shared(each, held)]
        within = {id(child) for each in fitting for child in each.children()}
        outer = [each for each in fitting if id(each) not in within]
        widest = max(outer, key=lambda each: _shared(each, held), default=None)
        if best is not None and share:
            part = widest is not None and any(each is inner(best[0]) for each in widest.modules())
            if not part or widest is None or _shared(widest, held) == share:
                return best[0], best[1]
        return widest, None

    def _announce(self, run: str) -> None:
        self._tell(run=run)

    def _give_up(self, why: str) -> None:
        self._leave()
        self._tell(fault=why)

    def _take_off(self) -> None:
        for each in self._handles[:2]:
            each.remove()
        self._called = []
        if self._filter in warnings.filters:
            cast("list[Any]", warnings.filters).remove(self._filter)

    def _leave(self) -> None:
        self._take_off()
        self._losses = []
        self._left_alone = True


@dataclass
class Watched:
    """One network of the script, what watches it, and what trains it."""

    monitor: Monitor
    model: torch.nn.Module
    optimizers: list[torch.optim.Optimizer]

    def join(self, optimizer: torch.optim.Optimizer) -> None:
        """Take another optimizer, made later."""
        self.optimizers.append(optimizer)
        watching = self.monitor._watching
        if isinstance(watching, TorchWatch):
            watching.join(optimizer)


def _shared(module: torch.nn.Module, held: set[int]) -> int:
    """Return how many of a module's parameters are among those that an optimizer holds."""
    return sum(id(each) in held for each in inner(module).parameters())
