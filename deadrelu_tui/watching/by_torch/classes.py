"""Between how many classes a network chooses, as its loss tells."""

from __future__ import annotations

from typing import Any

import torch

_LOSSES = ("NllLossBackward", "NllLoss2DBackward", "CrossEntropy")
_NEAR = 12
"""Operations from a loss to where classes are chosen from, at most: a mean, a sum of terms, a scale."""


def classes_of(loss: Any) -> int | None:
    """Return the number of classes, of a loss that is a cross-entropy or made of one, before its gradients are
    computed; None where it is not.
    """
    if not isinstance(loss, torch.Tensor) or loss.grad_fn is None:
        return None
    wanted = [loss.grad_fn]
    for _ in range(_NEAR):
        if not wanted:
            return None
        node = wanted.pop(0)
        if node.name().startswith(_LOSSES):
            scores = getattr(node, "_saved_self", None)
            return int(scores.shape[1]) if scores is not None and scores.ndim > 1 else None
        wanted += [each for each, _ in node.next_functions if each is not None]
    return None
