"""What a step does to each parameter: sum and norm of its gradient, and the size of its update against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

COPIED = 50_000_000
"""Values of parameters that are copied for the size of their updates, at most; parameters beyond have none told."""


class Gradients:
    """Measures some parameters around an update, in few calls, and synchronises with no device."""

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        self._parameters = parameters
        copied, self._sized = 0, set[str]()
        for name, each in parameters.items():
            copied += each.numel()
            if copied <= COPIED:
                self._sized.add(name)
        self._names: list[str] = []
        self._told: list[torch.Tensor] = []
        self._before: list[torch.Tensor] = []
        self._updated: list[str] = []

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def before(self, optimizers: list[torch.optim.Optimizer]) -> None:
        """Measure the gradients, which are complete, and keep what the update will change."""
        self._names, self._told = [], []
        present = [
            (name, each, each.grad)
            for name, each in self._parameters.items()
            if each.grad is not None and each.grad.layout == torch.strided and each.grad.numel()
        ]
        self._updated = [name for name, *_ in present if name in self._sized]
        self._before = [each.detach().clone() for name, each, _ in present if name in self._sized]
        if not present:
            return
        gradients = [gradient.detach() for *_, gradient in present]
        scale = _scale(optimizers)
        sums, norms = [each.sum() for each in gradients], torch._foreach_norm(gradients)
        for kind, values in (("grad_sum", sums), ("grad_norm", norms)):
            for (name, *_), value in zip(present, values, strict=True):
                self._names.append(f"{kind}/{name}")
                self._told.append(value if scale is None else value / scale.to(value.device))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def after(self) -> tuple[list[str], list[torch.Tensor]]:
        """Return the names of what was measured, and the numbers, each a tensor of one value where it was computed."""
        names, told = self._names, self._told
        if self._before:
            now = [self._parameters[name].detach() for name in self._updated]
            changes = torch._foreach_norm(torch._foreach_sub(now, self._before))
            lengths = torch._foreach_norm(self._before)
            # A parameter of zeros has no size to compare an update with: it is told as 0, if nothing changed.
            ratios = [torch.where(change == 0, change, change / length)
                      for change, length in zip(changes, lengths, strict=True)]  # fmt: skip
            names = names + [f"update_ratio/{name}" for name in self._updated]
            told = told + ratios
        self._names, self._told, self._before, self._updated = [], [], [], []
        return names, told


def _scale(optimizers: list[torch.optim.Optimizer]) -> Any:
    """Return by what a GradScaler has multiplied the gradients that a fused optimizer is handed; None for nothing."""
    return next((scale for each in optimizers if (scale := getattr(each, "grad_scale", None)) is not None), None)


def flat(told: list[torch.Tensor]) -> torch.Tensor | None:
    """Return numbers of one value each as one tensor, on the device of the first."""
    if not told:
        return None
    first = told[0].device
    return torch.stack([each.to(device=first, dtype=torch.float32).reshape(()) for each in told])
