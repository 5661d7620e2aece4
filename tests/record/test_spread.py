"""The histogram of h: every value in the one bin whose bounds hold it, and nothing lost."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.spread import BINS, EDGES, spread
from deadrelu_tui.record.units import Units

SMALL, LARGE = 2.0**-8, 2.0**24
singles = st.floats(width=32, allow_nan=False) | st.floats(-10, 10, width=32)


def below(value: float) -> float:
    """Return the next smaller float32."""
    return float(np.nextafter(np.float32(value), np.float32(0)))


def bin_of(h: float) -> int:
    """Return the bin by its bounds, one after the other; the bound nearer to zero belongs to it."""
    bounds = list(pairwise(EDGES.tolist()))
    if h > 0:
        return next((k for k, (low, high) in enumerate(bounds) if max(low, 0) <= h < high), BINS - 1)
    return next((k for k, (low, high) in reversed(list(enumerate(bounds))) if low < h <= min(high, 0)), 0)


@given(st.lists(singles, min_size=1, max_size=50))
def test_each_value_counts_in_the_bin_whose_bounds_hold_it(values: list[float]) -> None:
    slow = Counter(map(bin_of, values))
    shares = spread(np.array(values, np.float32))
    assert {k: round(float(each) * len(values)) for k, each in enumerate(shares) if each} == dict(slow)


@pytest.mark.parametrize("value", [
    0.0, -0.0, 1e-45, -1e-45, SMALL, -SMALL, below(SMALL), -below(SMALL), 1.0, -1.0, 1.25, -1.25, below(1.25), LARGE,
    -LARGE, below(LARGE), math.inf, -math.inf,
])  # fmt: skip
def test_a_value_on_a_bound_or_beyond_all_of_them_counts_once(value: float) -> None:
    assert np.flatnonzero(spread(np.array([value], np.float32))).tolist() == [bin_of(float(value))]


def test_the_bounds_rise_by_quarters_of_an_octave_from_zero_to_both_sides() -> None:
    right = EDGES[EDGES > 0]
    assert (len(EDGES), right[0], right[-1]) == (BINS + 1, SMALL, LARGE)
    assert (np.diff(EDGES) > 0).all()
    assert (right == -EDGES[EDGES < 0][::-1]).all()
    assert right[:5].tolist() == [SMALL * each for each in (1, 1.25, 1.5, 1.75, 2)]


def test_what_stands_right_of_zero_is_the_share_that_fires() -> None:
    pre = np.random.default_rng(3).normal(-0.2, 1, (500, 20)).astype(np.float32)
    units = Units.measured("relu", pre, np.ones((20, 3)), np.zeros(20), np.ones((20, 3)), np.zeros(20))
    assert units.spread.shape == (BINS,)
    assert units.spread.sum() == pytest.approx(1, abs=1e-5)
    assert units.spread[EDGES[:-1] >= 0].sum() == pytest.approx(float(units.firing.mean()), abs=1e-5)


def test_of_a_layer_with_nan_no_share_is_told() -> None:
    pre = np.array([[1.0, np.nan], [2.0, 3.0]], np.float32)
    units = Units.measured("relu", pre, np.ones((2, 3)), np.zeros(2), np.ones((2, 3)), np.zeros(2))
    assert np.isnan(units.spread).all()
