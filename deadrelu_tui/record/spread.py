"""How a layer's pre-activations spread: a histogram whose bins grow with them, so that any layer fits, at any scale.

A bin is a quarter of an octave: the sign, the exponent and two bits of the mantissa of a float32 say which. Those below
2⁻⁸ in size share one on each side of zero, 0 itself counts to the left, where nothing fires, and the outermost have all
beyond 2²⁴.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Floats

_QUARTERS = 4
_LOW, _HIGH = -8, 24
"""Exponents of the smallest and the largest h that are told apart."""
_DROPPED = 21
"""Bits of a float32 behind the second one of its mantissa."""
_SIDE = 1 << (31 - _DROPPED)
"""Values of the bits that are kept, but for the sign."""
_FIRST, _STOP = (_QUARTERS * (127 + exponent) for exponent in (_LOW, _HIGH))

BINS = 2 * (1 + _STOP - _FIRST)


def _edges() -> npt.NDArray[np.float64]:
    exponents, quarters = np.divmod(np.arange(_QUARTERS * _LOW, _QUARTERS * _HIGH + 1), _QUARTERS)
    sizes = (1 + quarters / _QUARTERS) * 2.0**exponents
    return np.concatenate((-sizes[::-1], [0.0], sizes))


EDGES = _edges()
"""Bounds of the bins in ascending order, (BINS + 1,)."""


def spread(pre: npt.NDArray[Any]) -> Floats:
    """Return the share of all h in each bin, (BINS,), from h as float32 of any shape."""
    with np.errstate(over="ignore"):
        bits = np.ascontiguousarray(pre, np.float32).reshape(-1).view(np.uint32)
    counts = np.bincount(bits >> _DROPPED, minlength=2 * _SIDE)
    above, below = counts[:_SIDE], counts[_SIDE:]
    zeros = np.count_nonzero(bits == 0) if above[0] else 0  # the smallest of all floats stand in the same bin
    right = np.concatenate(([above[:_FIRST].sum() - zeros], above[_FIRST:_STOP]))
    left = np.concatenate(([below[:_FIRST].sum() + zeros], below[_FIRST:_STOP]))
    right[-1] += above[_STOP:].sum()
    left[-1] += below[_STOP:].sum()
    shares: Floats = (np.concatenate((left[::-1], right)) / len(bits)).astype(np.float32)
    return shares
