"""Where the units lie in an array: along which of its dimensions, told by shapes."""

from __future__ import annotations

from collections.abc import Sequence


def followed(source: Sequence[int], out: Sequence[int], dim: int) -> int:
    """Return along which dimension the units lie in an array that was made of one where they lay along `dim`.

    Where several would fit the dimension stays; where none does, the last one has the units now.
    """
    units, at = source[dim], len(out) - (len(source) - dim)
    if dim < len(out) and out[dim] == units and tuple(out[:dim]) == tuple(source[:dim]):
        return dim
    if at >= 0 and out[at] == units and tuple(out[at:]) == tuple(source[dim:]):
        return at
    if dim < len(out) and out[dim] == units:
        return dim
    if at >= 0 and out[at] == units:
        return at
    fitting = [index for index, size in enumerate(out) if size == units and index]
    return fitting[-1] if fitting else len(out) - 1


def by_shape(dimensions: int) -> int:
    """Return along which dimension units lie if nothing is known of who made them: of images along the channels."""
    return 1 if dimensions == 4 else max(dimensions - 1, 0)
