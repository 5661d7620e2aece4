"""What a step does to each parameter: sum and norm of its gradient, and the size of its update against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        told = flat([*(each.sum() for each in gradients), *torch._foreach_norm(gradients)])
        assert told is not None
        if scale is not None:
            told = told / scale.to(told.device)
        skipped = getattr(optimizer, "found_inf", None)
        if skipped is not None:  # it will not take the step: its gradients are no news
            told = torch.where(skipped.to(told.device) == 0, told, NOTHING)
        self._names += [f"{kind}/{name}" for kind in ("grad_sum", "grad_norm") for name, _ in present]
        self._told.append(told)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def after(self) -> tuple[list[str], list[torch.Tensor]]:
        """Return the names of what was measured, and the numbers, in tensors on the devices that have computed them."""
        if self._late is not None:
            self._measure(self._late)
        names, told = self._names, self._told
        if self._before:
            now = [self._parameters[name].detach() for name in self._updated]
            changes = flat(torch._foreach_norm(torch._foreach_sub(now, self._before)))
            lengths = flat(torch._foreach_norm(self._before))
            assert changes is not None
            assert lengths is not None
            # A parameter of zeros has no size to compare an update with: it is told as 0, if nothing changed.
            names = names + [f"update_ratio/{name}" for name in self._updated]
            told = [*told, torch.where(changes == 0, changes, changes / lengths)]
        self._names, self._told, self._before, self._updated, self._late = [], [], [], [], None
        return names, told


def _whole(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and gradient.layout == torch.strided and gradient.numel() > 0


def flat(told: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Return numbers as one tensor of float32, (numbers,), on the device of the first; None for none."""
    if not told:
        return None
    first = told[0].device
    if any(each.dtype != torch.float32 or each.device != first for each in told):
        told = [each.to(device=first, dtype=torch.float32) for each in told]
    return torch.hstack(tuple(told))
