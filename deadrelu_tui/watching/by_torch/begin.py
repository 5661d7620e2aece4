"""The way in for a network of PyTorch's: which optimizers, which process, where the parameters are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_torch.passing import several
from deadrelu_tui.watching.by_torch.watch import TorchWatch, rank
from deadrelu_tui.watching.guest import Watch


def watched(
    model: torch.nn.Module, optimizer: Any, probe: Any, units: Mapping[str, Any] | None, classes: int | None,
    name: str | None, watch: Watch, by_itself: bool = False,
) -> TorchWatch:  # fmt: skip
    """Return what watches a network. Raises InputError for what cannot be watched."""
    if rank():
        raise InputError("of a distributed training the process of rank 0 is watched")
    given = [] if optimizer is None else list(optimizer) if isinstance(optimizer, (tuple, list)) else [optimizer]
    optimizers = [unwrapped(each) for each in given]
    for each in optimizers:
        if not isinstance(each, torch.optim.Optimizer):
            raise InputError(f"optimizer must be a torch.optim.Optimizer, or a list of them, not {type(each).__name__}")
    require_whole(model)
    if several():  # what is done to one process of several sets it apart from the others, or has them wait
        watch = replace(watch, controls=frozenset())
    return TorchWatch(model, optimizers, probe, units, classes, name, watch, by_itself)


def unwrapped(optimizer: Any) -> Any:
    """Return the optimizer that takes the steps, within what a library has put around it."""
    inner = optimizer
    while isinstance(getattr(inner, "optimizer", None), torch.optim.Optimizer):
        inner = inner.optimizer
    return inner


def require_whole(model: torch.nn.Module) -> None:
    """Raise InputError for a network that this process cannot pass through by itself."""
    kinds = {kind.__name__ for each in model.modules() for kind in type(each).__mro__}
    parameters = list(model.parameters())
    if kinds & {"FullyShardedDataParallel", "FSDPModule"} or any(
        hasattr(each, "ds_id") or type(each.data).__name__ == "DTensor" for each in parameters
    ):
        raise InputError("its parameters are spread over processes, all of which would have to look at once")
    if any(each.is_meta for each in parameters):
        raise InputError("its parameters are on the meta device, where they have no values")
