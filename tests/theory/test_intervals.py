"""Exact intervals of a share, against sums of binomial probabilities and published values."""

from __future__ import annotations

import math

import pytest

from deadrelu_tui.theory.intervals import beta_share, exact_interval, may_be_alike


def at_least(found: int, of: int, p: float) -> float:
    """Return the probability of finding so many or more, term by term."""
    return math.fsum(math.comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(found, of + 1))


@pytest.mark.parametrize(("found", "of"), [(1, 10), (5, 10), (10, 10), (3, 200), (150, 200)])
@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.77, 0.999])
def test_the_beta_function_is_the_tail_of_the_binomial(found: int, of: int, p: float) -> None:
    assert beta_share(p, found, of - found + 1) == pytest.approx(at_least(found, of, p), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("found", "of", "low", "high"), [
    (0, 10, 0, 0.3085), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1),
])  # fmt: skip
def test_intervals_of_95_percent_are_the_published_ones(found: int, of: int, low: float, high: float) -> None:
    assert exact_interval(found, of, 0.05) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("found", [1, 30, 20_000, 39_999])
def test_beyond_each_end_lies_half_of_the_error(found: int) -> None:
    low, high = exact_interval(found, 40_000, 1e-5)
    assert beta_share(low, found, 40_000 - found + 1) == pytest.approx(5e-6, rel=1e-3)
    assert 1 - beta_share(high, found + 1, 40_000 - found) == pytest.approx(5e-6, rel=1e-3)


def test_two_shares_are_alike_up_to_what_chance_and_rounding_allow() -> None:
    assert may_be_alike(0.5, 10_000, 0.51, 10_000, 0.05, 0)  # 1.96 · 0.00707 = 0.0139
    assert not may_be_alike(0.5, 10_000, 0.515, 10_000, 0.05, 0)
    assert may_be_alike(0.5, 10_000, 0.515, 10_000, 0.05, 0.002)
    assert may_be_alike(1, 40_000, 1, 40_000, 0.05, 0)
