"""A unit's incoming weights as the picture that they would multiply: two pixels to a cell, one over the other.

Pure functions: weights in, rows of cells out.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Floats
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import number

LEVELS = ("below3", "below2", "below1", "none", "above1", "above2", "above3")
"""Roles of pixels, from the most negative weights to the most positive."""
HALF = "▀"
GLYPHS = "%=- +*#"
"""In their place where colours or characters are wanting."""
_NEARLY_ALL = 0.98
"""Share of the weights that the colours tell apart: a single one far out leaves them to the others."""


def picture_rows(weights: Floats, shape: tuple[int, int], plain: bool = False) -> list[Row]:
    """Return half as many rows as the picture has and as many columns, and below them what the colours stand for.

    Where it is to be plain, a cell is two columns wide and stands for four pixels, whose mean it shows.
    """
    pixels = np.asarray(weights, np.float64).reshape(shape)
    pixels = np.pad(pixels, ((0, shape[0] % 2), (0, shape[1] % 2 if plain else 0)), mode="edge")
    if plain:
        with np.errstate(invalid="ignore"):  # infinite ones of both signs have no mean
            pixels = pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 2).mean(axis=(1, 3))
    finite = np.abs(pixels[np.isfinite(pixels)])
    most = float(np.quantile(finite, _NEARLY_ALL)) if len(finite) else 0.0
    levels = _levels(pixels, most)
    if plain:
        rows: list[Row] = [[("".join(2 * GLYPHS[each] for each in row), "strong")] for row in levels]
    else:
        rows = [_merged(upper, lower) for upper, lower in zip(levels[::2], levels[1::2], strict=True)]
    return [*rows, _scale(most, plain)]


def _levels(pixels: npt.NDArray[np.float64], most: float) -> list[list[int]]:
    """Return each pixel's place among LEVELS; what is no number is none."""
    with np.errstate(all="ignore"):
        thirds = np.clip(np.rint(3 * pixels / most), -3, 3) if most > 0 else np.zeros_like(pixels)
    found: list[list[int]] = (np.nan_to_num(thirds, nan=0.0).astype(np.intp) + 3).tolist()
    return found


def _merged(upper: list[int], lower: list[int]) -> Row:
    """Return a row of half blocks, neighbours of the same two colours joined."""
    both = list(zip(upper, lower, strict=True))
    starts = [0, *(at for at, (one, two) in enumerate(pairwise(both), 1) if one != two), len(both)]
    return [(HALF * (end - at), f"{LEVELS[both[at][0]]}/{LEVELS[both[at][1]]}") for at, end in pairwise(starts)]


def _scale(most: float, plain: bool) -> Row:
    below, above = ("<=", ">=") if plain else ("≤", "≥")
    low, high = f"{below} {number(-most, 2)}", f"{above} {number(most, 2)}"
    if plain:
        return [(f"{GLYPHS[0]} {low}  0  {high} {GLYPHS[-1]}", "text")]
    return [(f"{low} ", "text"), *((HALF * 2, f"{each}/{each}") for each in LEVELS), (f" {high}", "text")]
