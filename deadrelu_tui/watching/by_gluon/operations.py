"""What operations of MXNet mean for units: which are activations, which make pre-activations, where the units lie."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Mapping, Sequence
from typing import Any

from deadrelu_tui.watching.axes import followed

_NAMED = {
    "relu": "relu", "_npx_relu": "relu", "sigmoid": "sigmoid", "_npx_sigmoid": "sigmoid", "tanh": "tanh",
    "_npi_tanh": "tanh", "_contrib_BatchNormWithReLU": "relu",
}  # fmt: skip
_TYPES = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "softrelu": "softplus", "leaky": "leaky_relu",
    "prelu": "leaky_relu", "rrelu": "leaky_relu", "elu": "elu", "selu": "elu", "gelu": "gelu",
}  # fmt: skip
_TYPED = frozenset({"Activation", "_npx_activation", "LeakyReLU", "_npx_leaky_relu"})
_FLOORS = {"clip": "a_min", "_npi_clip": "a_min", "_maximum_scalar": "scalar", "_npi_maximum_scalar": "scalar"}
"""Operations that cut off below something, and what says where."""
_CONVOLUTIONS = frozenset({
    "Convolution", "Convolution_v1", "Deconvolution", "_npx_convolution", "_npx_deconvolution",
    "_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution",
})  # fmt: skip
_DENSE = frozenset({"FullyConnected", "_npx_fully_connected"})
_PRODUCTS = frozenset({
    "dot", "_np_dot", "batch_dot", "_npx_batch_dot", "_npi_matmul", "_linalg_gemm", "_linalg_gemm2", "linalg_gemm",
    "linalg_gemm2", "_npi_tensordot", "_npi_tensordot_int_axes",
})  # fmt: skip
_TABLES = frozenset({"Embedding", "_npx_embedding", "_contrib_SparseEmbedding"})
_MAKERS = _CONVOLUTIONS | _DENSE | _PRODUCTS | _TABLES | {"RNN"}
_NORMALISING = frozenset({
    "BatchNorm", "BatchNorm_v1", "_npx_batch_norm", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU",
    "LayerNorm", "_npx_layer_norm", "GroupNorm", "InstanceNorm", "L2Normalization",
})  # fmt: skip
MULTIPLYING = frozenset({"elemwise_mul", "broadcast_mul", "_mul", "_npi_multiply"})
_SCALED = frozenset({"_mul_scalar", "_npi_multiply_scalar"})
_RANDOM = re.compile(
    r"^_?(random|sample)_(?!pdf)|^_npi_(random|uniform|normal|bernoulli|choice|exponential|gamma|gumbel|logistic"
    r"|multinomial|pareto|powerd|rayleigh|shuffle|weibull|laplace)|^_?shuffle$|^(uniform|normal)$|image_random_"
)


def activation_of(op: str, attrs: Mapping[str, str]) -> str:
    """Return which activation an operation is; empty if it is none. What cuts off below 0 is a ReLU."""
    if op in _TYPED:
        return _TYPES.get(attrs.get("act_type", "leaky"), "")
    if op in _FLOORS:
        try:
            return "relu" if float(attrs.get(_FLOORS[op], "nan")) == 0 else ""
        except ValueError:
            return ""
    return _NAMED.get(op, "")


def cuts_at_zero_alone(op: str) -> bool:
    """Return whether a ReLU lets through unchanged all that is above 0."""
    return op not in ("clip", "_npi_clip")


def hides(op: str) -> bool:
    """Return whether an operation does not give h, but only what comes of it."""
    return op == "_contrib_BatchNormWithReLU"


def makes(op: str) -> bool:
    """Return whether by this operation a weight makes pre-activations."""
    return op in _MAKERS


def normalises(op: str) -> bool:
    """Return whether an operation normalises what comes in."""
    return op in _NORMALISING


def scales(op: str) -> bool:
    """Return whether an operation multiplies by a number."""
    return op in _SCALED


def draws(op: str, attrs: Mapping[str, str]) -> bool:
    """Return whether an operation draws random numbers though nothing is trained."""
    return bool(_RANDOM.search(op)) or (op in ("Dropout", "_npx_dropout") and attrs.get("mode") == "always")


def units_second(op: str, attrs: Mapping[str, str]) -> bool:
    """Return whether a weight of this operation has its units along the second dimension, and what it reads along the
    first.
    """
    if op in _PRODUCTS:
        return attrs.get("transpose_b") not in ("True", "1")
    return "econvolution" in op or op in _TABLES


def made_along(op: str, attrs: Mapping[str, str], out: Sequence[int]) -> int:
    """Return along which dimension the units lie of what a weight has made."""
    if op in _CONVOLUTIONS and len(out) > 2 and not attrs.get("layout", "").endswith("C"):
        return 1
    return len(out) - 1


def moved(op: str, attrs: Mapping[str, str], source: Sequence[int], out: Sequence[int], dim: int) -> int:
    """Return along which dimension the units lie after an operation, given where they lay in what came in."""
    if op in ("transpose", "_np_transpose"):
        axes: Any = literal_eval(attrs.get("axes", "()"))
        order = [each % len(source) for each in axes or ()] if isinstance(axes, (tuple, list)) else []
        return order.index(dim) if order else len(source) - 1 - dim
    if op in ("SwapAxis", "swapaxes", "_npi_swapaxes"):
        first, second = (int(attrs.get(name, "0")) % len(source) for name in ("dim1", "dim2"))
        return second if dim == first else first if dim == second else dim
    return followed(source, out, dim)
