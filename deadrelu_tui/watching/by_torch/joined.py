"""Whether there is anything to join: a network that is trained."""

from __future__ import annotations

import gc

import torch


def trains() -> bool:
    """Return whether there is an optimizer, or a parameter that has a gradient."""
    for each in gc.get_objects():
        kind = type(each)
        if issubclass(kind, torch.optim.Optimizer):
            return True
        if issubclass(kind, torch.nn.Parameter) and each.grad is not None:
            return True
    return False
