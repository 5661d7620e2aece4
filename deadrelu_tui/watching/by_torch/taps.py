"""Which units a training batch makes fire: a sum or a maximum at the output of one module of each layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from deadrelu_tui.record.activations import OWN
from deadrelu_tui.watching.by_torch.passing import computing_gradients
from deadrelu_tui.watching.by_torch.sketch import Sketch, Tap
from deadrelu_tui.watching.by_torch.unpickled import Hook

Within = Callable[[Callable[[], Any]], Any]
"""Does something of ours such that nothing that goes wrong reaches the training."""


class Taps:
    """Hooks on modules, as few as there are layers. Each is asked whether it is wanted, which costs next to nothing."""

    def __init__(
        self, model: torch.nn.Module, known: Sketch, wanted: Callable[[], bool],
        spent: Callable[[float], None], within: Within,
    ) -> None:  # fmt: skip
        """Put them on; `spent` is told since when one of them has computed."""
        self._wanted, self._spent, self._within = wanted, spent, within
        self._told: dict[str, torch.Tensor] = {}
        self.samples: dict[str, int] = {}
        modules = dict(model.named_modules())
        self._handles = [
            modules[tap.module].register_forward_hook(Hook(self._hook(name, tap, known.places[name].activation)))
            for name, tap in known.taps.items()
        ]

    def _hook(self, layer: str, tap: Tap, activation: str) -> Callable[..., None]:
        def hook(module: torch.nn.Module, _given: Any, out: Any) -> None:
            # A compiler that meets this leaves it out; and a pass that is no training tells of no batch, nor does one
            # that repeats it while gradients are computed, as checkpoints do, or one of something that is no number.
            if torch.compiler.is_compiling() or not module.training or not self._wanted():
                return
            if not isinstance(out, torch.Tensor) or computing_gradients():
                return
            began = time.perf_counter()
            self._within(lambda: self._take(layer, tap, activation, out))
            self._spent(began)

        return hook

    def _take(self, layer: str, tap: Tap, activation: str, out: torch.Tensor) -> None:
        out = out.detach()
        others = [each for each in range(out.ndim) if each != tap.along]
        if activation == OWN:
            told = torch.maximum(out.amax(others), -out.amin(others))  # the largest |a|: a third of its norm's time
        else:
            # The output of a ReLU is nowhere below 0, and a sum costs less than a maximum.
            told = out.sum(others) if activation == "relu" and not tap.before else out.amax(others)
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
        """Take them off."""
        for each in self._handles:
            each.remove()
        self._told.clear()


def fires_at(model: torch.nn.Module) -> bool:
    """Return whether hooks on modules can be relied on: within compiled code they fire never, or now and then
    (pytorch#117758).
    """
    return not any(
        type(each).__name__ == "OptimizedModule" or getattr(each, "_compiled_call_impl", None) is not None
        for each in model.modules()
    )
