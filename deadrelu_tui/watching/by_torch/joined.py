"""Whether there is anything to join: a network that is trained."""

from __future__ import annotations

import gc

import torch

from deadrelu_tui.errors import InputError


def require_training() -> None:
    """Raise InputError where no optimizer is, nor a parameter that has a gradient."""
    for each in gc.get_objects():
        kind = type(each)
        if issubclass(kind, torch.optim.Optimizer):
            return
        if issubclass(kind, torch.nn.Parameter) and each.grad is not None:
            return
    raise InputError("no network is trained there: PyTorch is loaded, but there is no optimizer and no gradient")
