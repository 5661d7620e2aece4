"""What a step does to each parameter: sum and norm of its gradient, and the size of its update against it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

NOTHING = -1e30
"""Told in place of a number that there is none: NaN is one that was measured."""
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
        self._late: torch.optim.Optimizer | None = None

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def before(self, optimizer: torch.optim.Optimizer | None, inside: bool) -> None:
        """Measure the gradients and keep what the update will change; `inside` it gradients are yet to be computed."""
        self._names, self._told = [], []
        changing = {
            name: each
            for name, each in self._parameters.items()
            if (each.requires_grad if inside else _whole(each.grad)) and name in self._sized
        }
        self._updated = list(changing)
        self._before = [each.detach().clone() for each in changing.values()]
        self._late = optimizer if inside else None
        if not inside:
            self._measure(optimizer)

    def _measure(self, optimizer: torch.optim.Optimizer | None) -> None:
        present = [(name, each.grad) for name, each in self._parameters.items() if _whole(each.grad)]
        if not present:
            return
        gradients = [gradient.detach() for _, gradient in present if gradient is not None]
        scale = getattr(optimizer, "grad_scale", None)  # by what a GradScaler has multiplied them for a fused optimizer
        sums, norms = [each.sum() for each in gradients], torch._foreach_norm(gradients)
        for kind, values in (("grad_sum", sums), ("grad_norm", norms)):
            for (name, *_), value in zip(present, values, strict=True):
                self._names.append(f"{kind}/{name}")
                self._told.append(value if scale is None else value / scale.to(value.device))
        skipped = getattr(optimizer, "found_inf", None)
        if skipped is not None:  # it will not take the step: its gradients are no news
            self._told = [torch.where(skipped.to(each.device) == 0, each, NOTHING) for each in self._told]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def after(self) -> tuple[list[str], list[torch.Tensor]]:
        """Return the names of what was measured, and the numbers, each a tensor of one value where it was computed."""
        if self._late is not None:
            self._measure(self._late)
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
        self._names, self._told, self._before, self._updated, self._late = [], [], [], [], None
        return names, told


def _whole(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and gradient.layout == torch.strided and gradient.numel() > 0


def flat(told: list[torch.Tensor]) -> torch.Tensor | None:
    """Return numbers of one value each as one tensor, on the device of the first."""
    if not told:
        return None
    first = told[0].device
    return torch.stack([each.to(device=first, dtype=torch.float32).reshape(()) for each in told])
