"""The hooks that tell of a training's steps: on its optimizers, and where the network begins to be passed through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from deadrelu_tui.watching.by_torch.passing import computing_gradients
from deadrelu_tui.watching.by_torch.sight import TorchSight
from deadrelu_tui.watching.by_torch.unpickled import Hook
from deadrelu_tui.watching.guest import Guest

PATIENCE = 100
"""Steps of others without one of the optimizer that counts them, after which another one does."""


class Steps:
    """One optimizer counts the steps; what others do meanwhile is told of the same ones."""

    def __init__(self, outer: torch.nn.Module, guest: Guest, sight: TorchSight, taken: Callable[[], None]) -> None:
        """Put them on; `outer` is what the training calls, and `taken` is called after each step."""
        self._guest, self._sight, self._taken = guest, sight, taken
        self._without, self._patience = 0, PATIENCE
        guest.orders.busy = computing_gradients
        for each in sight.optimizers:
            self._hook(each)
        if not isinstance(outer, torch.jit.ScriptModule):  # which takes none
            sight.hooks.append(outer.register_forward_pre_hook(Hook(self._forward)))

    def add(self, optimizer: torch.optim.Optimizer) -> None:
        """Take another optimizer, which was made later and may well follow the one that counts the steps."""
        self._sight.optimizers.append(optimizer)
        self._sight.divide()
        self._patience = 2
        self._hook(optimizer)

    def gradients_are_there(self) -> None:
        """Begin a step of a training that changes its parameters itself; it is over when the network is passed next."""
        if not self._sight.left:
            self._safely(self._guest.before_step)

    def late(self, optimizer: torch.optim.Optimizer) -> None:
        """Take up a step that has begun already, at the pass through the network within it."""
        self._safely(self._begun, optimizer, True)
        self._sight.passes = 1

    def _hook(self, optimizer: torch.optim.Optimizer) -> None:
        self._sight.hooks += [
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        ]

    def _before(self, optimizer: torch.optim.Optimizer, args: Any, given: Any) -> None:
        if not torch.compiler.is_compiling() and not self._sight.left:
            self._safely(self._begun, optimizer, computes(args, given))

    def _begun(self, optimizer: torch.optim.Optimizer, inside: bool) -> None:
        sight, guest = self._sight, self._guest
        sight.inside, sight.passes = inside, 0
        if self._counts(optimizer):
            guest.before_step()
        elif guest.measuring:
            sight.part_before(self._which(optimizer))
        if guest.orders.factor != 1.0 and not sight.left:
            sight.scale(optimizer, guest.orders.factor)

    def _after(self, optimizer: torch.optim.Optimizer, _args: Any, _given: Any) -> None:
        if torch.compiler.is_compiling():
            return
        self._sight.unscale(optimizer)
        if not self._sight.left:
            self._safely(self._ended, optimizer)
        self._taken()

    def _ended(self, optimizer: torch.optim.Optimizer) -> None:
        sight, guest = self._sight, self._guest
        guest.searched = sight.passes > 1
        sight.inside, sight.passes = False, 0
        if optimizer is sight.optimizers[0]:
            guest.after_step()
        else:
            guest.part(sight.part(self._which(optimizer)))

    def _counts(self, optimizer: torch.optim.Optimizer) -> bool:
        """Return whether a step of an optimizer is one of the training."""
        optimizers = self._sight.optimizers
        if optimizer is optimizers[0]:
            self._without = 0
            return True
        self._without += 1
        if self._without < self._patience:
            return False
        optimizers.remove(optimizer)
        optimizers.insert(0, optimizer)
        self._without = 0
        self._sight.divide()
        return True

    def _which(self, optimizer: torch.optim.Optimizer) -> int:
        return next(index for index, each in enumerate(self._sight.optimizers) if each is optimizer)

    def _safely(self, action: Callable[..., None], *given: Any) -> None:
        # Whoever goes through an optimizer's hooks must not find fewer of them meanwhile.
        self._sight.stepping = True
        try:
            self._guest.guarded("a step could not be measured", action, *given)
        except BaseException:
            self._sight.stepping = False
            if self._guest.over:  # it was stopped, and the hooks are left by the exception
                self._sight.leave()
            raise
        self._sight.stepping = False

    def _forward(self, _outer: torch.nn.Module, _given: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if self._sight.left or self._guest.over:
            self._sight.leave()
        else:
            self._guest.guarded("a step could not be told", self._passed)
            if not self._sight.optimizers and self._guest.within_a_step and self._sight.model.training:
                self._safely(self._guest.after_step)

    def _passed(self) -> None:
        if self._sight.model.training and not computing_gradients():
            self._sight.passes += self._sight.inside
            self._guest.passed()


def computes(args: Any, given: Any) -> bool:
    """Return whether a step was handed a closure, which computes the gradients within it; the first of what it was
    handed is the optimizer itself.
    """
    return (len(args) > 1 and any(each is not None for each in args[1:])) or given.get("closure") is not None


def holds(optimizer: torch.optim.Optimizer, model: torch.nn.Module) -> bool:
    """Return whether an optimizer holds any of a network's parameters."""
    held = {id(one) for group in optimizer.param_groups for one in group["params"]}
    return any(id(each) in held for each in model.parameters())
