"""What operations of PyTorch mean for units: which are activations, which make pre-activations, where the units lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from deadrelu_tui.watching.axes import by_shape, followed

_NAMED = {
    "relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "tanh": "tanh", "tanh_": "tanh",
    "leaky_relu": "leaky_relu", "leaky_relu_": "leaky_relu", "gelu": "gelu", "gelu_": "gelu", "silu": "silu",
    "silu_": "silu", "softplus": "softplus", "mish": "mish", "mish_": "mish", "elu": "elu", "elu_": "elu",
    "hardswish": "hardswish", "hardswish_": "hardswish",
}  # fmt: skip
_MAKERS = frozenset({
    "addmm", "mm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "convolution", "_convolution", "embedding", "linear",
    "matmul", "mkldnn_convolution", "cudnn_convolution", "_trilinear", "dot", "addr",
})  # fmt: skip
"""Operations by which a weight makes pre-activations."""
_NORMALISING = frozenset({
    "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm",
    "miopen_batch_norm", "_batch_norm_with_update", "_batch_norm_no_update", "native_layer_norm", "native_group_norm",
    "_fused_rms_norm", "batch_norm", "layer_norm", "group_norm",
})  # fmt: skip


def name_of(func: Any) -> str:
    """Return an operation's name without its overload: 'relu_'."""
    return str(func._schema.name).rpartition("::")[2]


def activation_of(name: str, args: Sequence[Any], given: dict[str, Any]) -> str:
    """Return which activation an operation is; empty if it is none. What cuts off below 0 is a ReLU."""
    found = _NAMED.get(name)
    if found is not None:
        return found
    base = name.rstrip("_")
    if base == "threshold" and len(args) > 2 and args[1] == 0 and args[2] == 0:
        return "relu"
    if base == "hardtanh":
        low = args[1] if len(args) > 1 else given.get("min_val", -1)
        return "relu" if low == 0 else ""
    if base in ("clamp", "clamp_min"):
        low = args[1] if len(args) > 1 else given.get("min")
        return "relu" if isinstance(low, (int, float)) and not isinstance(low, bool) and low == 0 else ""
    return ""


def makes(name: str) -> bool:
    """Return whether by this operation a weight makes pre-activations."""
    return name in _MAKERS


def normalises(name: str) -> bool:
    """Return whether an operation normalises what comes in."""
    return name in _NORMALISING


def made_along(name: str, out: torch.Tensor) -> int:
    """Return along which dimension the units lie of what a weight has made."""
    return 1 if "convolution" in name and out.ndim > 2 else int(out.ndim) - 1


def moved(name: str, args: Sequence[Any], out: torch.Tensor, source: torch.Tensor, dim: int) -> int:
    """Return along which dimension the units lie after an operation, given where they lay in what came in."""
    base = name.rstrip("_")
    if base == "permute":
        return [each % source.ndim for each in args[1]].index(dim)
    if base == "transpose":
        first, second = args[1] % source.ndim, args[2] % source.ndim
        return int(second if dim == first else first if dim == second else dim)
    if base == "t":
        return int(out.ndim - 1 - dim)
    return followed(tuple(source.shape), tuple(out.shape), dim)


def along_by_shape(tensor: torch.Tensor) -> int:
    """Return along which dimension units lie if nothing is known of who made them: of images along the channels."""
    return by_shape(int(tensor.ndim))
