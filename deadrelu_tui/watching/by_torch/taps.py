"""Which units a training batch makes fire: a sum or a maximum at the output of one module of each layer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from deadrelu_tui.record.activations import OWN
from deadrelu_tui.watching.by_torch import autograd
from deadrelu_tui.watching.by_torch.passing import computing_gradients, tensors
from deadrelu_tui.watching.by_torch.sketch import Sketch, Tap
from deadrelu_tui.watching.by_torch.unpickled import Hook

AT_ZERO = {"sigmoid": 0.5, "softplus": math.log(2)}
"""What comes of h = 0, where that is not 0."""
Within = Callable[[Callable[[], Any]], Any]
"""Does something of ours such that nothing that goes wrong reaches the training."""


class Taps:
    """Hooks on modules, as few as there are layers. Each is asked whether it is wanted, which costs next to nothing."""

    _hooks: list[tuple[torch.nn.Module, Hook]]

    def __init__(
        self, model: torch.nn.Module, known: Sketch, wanted: Callable[[], bool],
        spent: Callable[[float], None], within: Within,
    ) -> None:  # fmt: skip
        """Put them on; `spent` is told since when one of them has computed."""
        self._wanted, self._spent, self._within = wanted, spent, within
        self._told: dict[str, torch.Tensor] = {}
        self.samples: dict[str, int] = {}
        modules = dict(model.named_modules())
        self._hooks = [
            (modules[tap.module], _Tapped(self, name, tap, known.places[name].activation))
            for name, tap in known.taps.items()
        ]
        self._known = known
        if known.graphed:
            self._hooks.append((model, _Passed(self)))
        self._parameters = {id(each): name for name, each in known.everything.items()}
        self._handles = list[Any]()
        self.listen(True)

    def listen(self, on: bool) -> None:
        """Put the hooks on, or take them off: a module with one is called by a longer way, wanted or not."""
        if not on:
            for each in self._handles:
                each.remove()
            self._handles.clear()
        elif not self._handles:
            self._handles = [module.register_forward_hook(hook) for module, hook in self._hooks]

    def wants(self, module: torch.nn.Module) -> bool:
        """Return whether what a module gives is that of a training batch which is counted."""
        # A pass that is no training tells of no batch, nor does one that repeats it while gradients are computed, as
        # checkpoints do.
        return module.training and self._wanted() and not computing_gradients()

    def take_from(self, layer: str, tap: Tap, activation: str, out: torch.Tensor) -> None:
        """Take what a layer's module gives."""
        began = time.perf_counter()
        self._within(lambda: self._take(layer, tap, activation, out))
        self._spent(began)

    def take_passed(self, out: Any) -> None:
        """Take what autograd has saved, once the network was passed through."""
        began = time.perf_counter()
        self._within(lambda: self._read(out))
        self._spent(began)

    def _read(self, out: Any) -> None:
        if autograd.kept_elsewhere():
            return
        known, saved = self._known, autograd.found(tensors(out), self._parameters)
        for layer, each in autograd.matched(known.graphed, saved):
            place = known.places[layer]
            tensor = each.read()
            if tensor.ndim > place.along and tensor.shape[place.along] == place.units:
                self._take(layer, Tap("", each.before, place.along), place.activation, tensor)

    def _take(self, layer: str, tap: Tap, activation: str, out: torch.Tensor) -> None:
        out = out.detach()
        others = [each for each in range(out.ndim) if each != tap.along]
        if activation == OWN:
            told = torch.maximum(out.amax(others), -out.amin(others))  # the largest |a|: a third of its norm's time
        else:
            # The output of a ReLU is nowhere below 0, and a sum costs less than a maximum.
            told = out.sum(others) if activation == "relu" and not tap.before else out.amax(others)
            if not tap.before and activation in AT_ZERO:
                told = told - AT_ZERO[activation]
        before = self._told.get(layer)
        self._told[layer] = told if before is None else torch.maximum(before, told.to(before.device))
        samples = out.shape[0] if out.ndim == 4 else out.numel() // max(out.shape[tap.along], 1)
        self.samples[layer] = self.samples.get(layer, 0) + samples

    def take(self) -> tuple[Mapping[str, torch.Tensor], Mapping[str, int]]:
        """Return what was told since the last time: per layer a number for each unit, above 0 if it fired, and how
        many samples that is of.
        """
        told, samples = self._told, self.samples
        self._told, self.samples = {}, {}
        return told, samples

    def leave(self) -> None:
        """Take them off for good."""
        self.listen(False)
        self._hooks.clear()
        self._told.clear()


class _Tapped(Hook):
    """The hook of one layer: called at every step, it has little to call itself."""

    def __init__(self, taps: Taps, layer: str, tap: Tap, activation: str) -> None:
        self._taps, self._layer, self._tap, self._activation = taps, layer, tap, activation

    def __call__(self, module: torch.nn.Module, _given: Any, out: Any) -> None:
        # A compiler that meets this leaves it out.
        if not torch.compiler.is_compiling() and self._taps.wants(module) and isinstance(out, torch.Tensor):
            self._taps.take_from(self._layer, self._tap, self._activation, out)


class _Passed(Hook):
    """The hook of the network itself, where autograd tells of layers that no module does."""

    def __init__(self, taps: Taps) -> None:
        self._taps = taps

    def __call__(self, module: torch.nn.Module, _given: Any, out: Any) -> None:
        if not torch.compiler.is_compiling() and torch.is_grad_enabled() and self._taps.wants(module):
            self._taps.take_passed(out)


def fires_at(model: torch.nn.Module) -> bool:
    """Return whether hooks on modules can be relied on: within compiled code they fire never, or now and then
    (pytorch#117758).
    """
    return not any(
        type(each).__name__ == "OptimizedModule"
        or isinstance(each, torch.jit.ScriptModule)
        or getattr(each, "_compiled_call_impl", None) is not None
        for each in model.modules()
    )
