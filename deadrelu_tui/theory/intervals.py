"""What a count tells of the probability behind it: exact intervals, and whether two counts may have the same one."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

_TINY, _PRECISE, _MOST = 1e-300, 1e-15, 100_000
_HALVINGS = 60


def exact_interval(found: int, of: int, error: float) -> tuple[float, float]:
    """Return between which probabilities the true one lies, but for a chance of `error`, if it was so `found` times.

    Clopper and Pearson 1934: the lower end is where finding so many or more has the probability error/2, the upper one
    where finding so many or fewer has it. It is never too narrow, not near 0 or 1 either.
    """
    low = 0.0 if found == 0 else _where(lambda p: beta_share(p, found, of - found + 1) < error / 2)
    high = 1.0 if found == of else _where(lambda p: beta_share(p, found + 1, of - found) < 1 - error / 2)
    return low, high


def may_be_alike(first: float, of_first: int, second: float, of_second: int, error: float, rounding: float) -> bool:
    """Return whether two shares, each of so many draws, may come from one probability.

    |p₁ − p₂| ≤ z √(p (1 − p) (1/n₁ + 1/n₂)) + rounding, with p the share of both together and z such that a chance of
    `error` is left beyond ±z; `rounding` is by how much a share that was printed may be off.
    """
    both = (first * of_first + second * of_second) / (of_first + of_second)
    deviation = math.sqrt(max(0.0, both * (1 - both)) * (1 / of_first + 1 / of_second))
    return abs(first - second) <= NormalDist().inv_cdf(1 - error / 2) * deviation + rounding


def beta_share(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b): the probability of `a` or more among a + b − 1 draws.

    By the continued fraction of DLMF 8.17.22, evaluated as by Lentz (1976).
    """
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    size = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if size < -700:
        return 0.0
    value, above, below = 1.0, 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value *= below
    for m in range(1, _MOST):
        before = value
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            below = 1 / (1 + part * below or _TINY)
            above = 1 + part / above or _TINY
            value *= below * above
        if abs(value - before) < _PRECISE * abs(value):
            break
    return math.exp(size) * value / a


def _where(below: Callable[[float], bool]) -> float:
    """Return the probability up to which something that grows with it is still below a limit."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
