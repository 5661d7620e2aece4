"""A loss that a GradScaler has multiplied, so that no gradient vanishes in half precision: what it was before."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import torch

AGAIN = 64
"""Losses that are multiplied by nobody known, after which a scaler is looked for again."""


class Scalers:
    """Knows the scalers of a training, as soon as a loss looks as if one had multiplied it."""

    def __init__(self) -> None:
        self._known: list[weakref.ref[Any]] = []
        self._unknown = 0

    def before(self, loss: torch.Tensor) -> torch.Tensor:
        """Return a loss as it was before it was multiplied, without a gradient; itself if no scaler has done that."""
        factor = _factor(loss)
        if factor is None:
            return loss.detach()
        if not self._owns(factor):
            if self._unknown % AGAIN == 0:
                found = (each for each in gc.get_objects() if hasattr(type(each), "_lazy_init_scale_growth_tracker"))
                self._known = [weakref.ref(each) for each in found]
            self._unknown += 1
            if not self._owns(factor):
                return loss.detach()
        return loss.detach() / factor.detach()

    def _owns(self, factor: torch.Tensor) -> bool:
        scales = (getattr(each(), "_scale", None) for each in self._known)
        return any(isinstance(one, torch.Tensor) and one.data_ptr() == factor.data_ptr() for one in scales)


def _factor(loss: torch.Tensor) -> torch.Tensor | None:
    """Return the single number by which a loss was multiplied last; None if it was not."""
    node = loss.grad_fn
    if node is None or not node.name().startswith("MulBackward") or len(node.next_functions) != 2:
        return None
    if node.next_functions[1][0] is not None:  # that has a gradient itself
        return None
    factor = getattr(node, "_saved_other", None)
    return factor if isinstance(factor, torch.Tensor) and factor.numel() == 1 else None
