"""The way in for a network of PyTorch's: which optimizers, which process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_torch.watch import TorchWatch, rank
from deadrelu_tui.watching.guest import Watch


def watched(
    model: torch.nn.Module, optimizer: Any, probe: Any, units: Mapping[str, Any] | None, classes: int | None,
    name: str | None, watch: Watch, by_itself: bool = False,
) -> TorchWatch:  # fmt: skip
    """Return what watches a network. Raises InputError for what cannot be watched."""
    if rank():
        raise InputError("of a distributed training the process of rank 0 is watched")
    optimizers = list(optimizer) if isinstance(optimizer, (tuple, list)) else [optimizer]
    if optimizer is None or not (optimizers or by_itself):
        raise InputError("optimizer is missing: the steps of a training are told by its optimizer")
    for each in optimizers:
        if not isinstance(each, torch.optim.Optimizer):
            raise InputError(f"optimizer must be a torch.optim.Optimizer, or a list of them, not {type(each).__name__}")
    return TorchWatch(model, optimizers, probe, units, classes, name, watch)
