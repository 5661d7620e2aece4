"""The activations and the ways back through them, in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deadrelu_tui.engine.by_torch.runtime import torch
from deadrelu_tui.record.units import LEAKY_SLOPE


def _relu(pre: Any, out: Any) -> None:
    torch.clamp_min(pre, 0, out=out)


def _leaky(pre: Any, out: Any) -> None:
    torch.mul(pre, LEAKY_SLOPE, out=out)
    torch.maximum(pre, out, out=out)


def _tanh(pre: Any, out: Any) -> None:
    torch.tanh(pre, out=out)


def _sigmoid(pre: Any, out: Any) -> None:
    torch.sigmoid(pre, out=out)


def _back_through_relu(behind: Any, _activity: Any, fires: Any) -> None:
    behind.mul_(fires)


def _back_through_leaky(behind: Any, activity: Any, fires: Any) -> None:
    torch.mul(fires, 1 - LEAKY_SLOPE, out=activity)
    behind.mul_(activity.add_(LEAKY_SLOPE))


def _back_through_tanh(behind: Any, activity: Any, _fires: Any) -> None:
    torch.mul(activity, activity, out=activity)
    behind.mul_(activity.neg_().add_(1))


def _back_through_sigmoid(behind: Any, activity: Any, _fires: Any) -> None:
    behind.mul_(activity)
    behind.mul_(activity.neg_().add_(1))


ACTIVATE: Mapping[str, Callable[[Any, Any], None]] = {
    "relu": _relu, "leaky_relu": _leaky, "tanh": _tanh, "sigmoid": _sigmoid,
}  # fmt: skip
"""Writes a = activation(h), given h and where to."""
BACK_THROUGH: Mapping[str, Callable[[Any, Any, Any], None]] = {
    "relu": _back_through_relu, "leaky_relu": _back_through_leaky, "tanh": _back_through_tanh,
    "sigmoid": _back_through_sigmoid,
}  # fmt: skip
"""Makes ∂L/∂h of ∂L/∂a, given that, the activity a, which is used up, and where h > 0."""
