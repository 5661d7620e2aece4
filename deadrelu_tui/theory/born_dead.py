"""Networks that are born dead: constant for every input before the first step (Lu, Shin, Su and Karniadakis 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.theory.intervals import exact_interval, may_be_alike

WIDTHS, DEPTHS = (2, 3, 4, 6, 8), (5, 10, 20, 50)
PUBLISHED: Mapping[tuple[int, int], float] = {
    (width, depth): share
    for width, row in zip(WIDTHS, (
        (0.497, 0.878, 0.993, 1.0), (0.209, 0.579, 0.890, 0.998), (0.071, 0.293, 0.630, 0.947),
        (0.008, 0.052, 0.175, 0.486), (0.001, 0.008, 0.036, 0.140),
    ), strict=True)
    for depth, share in zip(DEPTHS, row, strict=True)
}  # fmt: skip
"""By width and depth, the share of networks that are born dead."""
PUBLISHED_NETS, ROUNDED = 40_000, 0.0005
"""Of how many networks those shares are, and by how much their last digit may be off."""
ERROR = 0.001
"""The chance that any cell at all fails although everything is as it should be: 99.9 % over the cells together."""
_CHECKS = 3
_PIECE = 10_000
"""Networks that are drawn in one go."""


def single_input(width: int, depth: int) -> float:
    """Return the probability that a network gives 0 for one given input, whatever it is but 0: 1 − (1 − 2^−N)^(L−1).

    Each of the L − 1 hidden layers of N units that is reached by something is silent if all N pre-activations are
    negative. With symmetric weights each is so with probability ½, and independently: 2^−N. It is the upper bound for
    a network that is constant for every input, as such a one is silent for this input, too (Lu et al. 2019, theorem
    3.2; L counts the output).
    """
    return silent_somewhere([width] * (depth - 1))


def silent_somewhere(widths: Sequence[int]) -> float:
    """Return the same for hidden layers of these widths: 1 − Π (1 − 2^−N)."""
    return -math.expm1(sum(math.log1p(-(2.0**-width)) for width in widths))


def safe_depth(width: int, probability: float) -> int | None:
    """Return the largest L for which the bound stays at a probability or below: L − 1 ≤ ln(1 − p) / ln(1 − 2^−N).

    None where it is beyond what a number can hold: there is no depth that one could build.
    """
    each = math.log1p(-(2.0**-width))
    if each == 0:
        return None
    deepest = math.log1p(-probability) / each
    return 1 + math.floor(deepest) if math.isfinite(deepest) and deepest < 1e15 else None


@dataclass(frozen=True)
class Drawn:
    """So many networks of one width, at one depth."""

    width: int
    depth: int
    nets: int
    dead: int
    """Those constant for every input."""
    silent: int
    """Those that give 0 for the input 1."""


@dataclass(frozen=True)
class Cell:
    """A cell of the table, judged."""

    drawn: Drawn
    share: float
    """Of the networks, born dead; then between what the probability behind it lies."""
    interval: tuple[float, float]
    published: float | None
    bound: float
    """The exact probability for a single input, which no network that is born dead can exceed."""
    silent: float
    silent_interval: tuple[float, float]
    as_published: bool
    below_bound: bool
    as_the_formula: bool

    @property
    def holds(self) -> bool:
        """Whether all of it is as it should be."""
        return self.as_published and self.below_bound and self.as_the_formula


def draw(
    width: int, depths: Sequence[int], nets: int, random: np.random.Generator,
    advanced: Callable[[float], object] = lambda share: None,
) -> list[Drawn]:  # fmt: skip
    """Draw networks of a width, with zero biases, weights of He's normal and one input; return who is dead, by depth.

    Without biases such a network is positively homogeneous: f(x) = x f(1) for x > 0, |x| f(−1) for x < 0, and f(0) = 0.
    So it is constant if and only if f(1) = f(−1) = 0: two inputs decide of all. The last layer makes 0 of something
    with probability 0, so that it need not be drawn: both hold if and only if the last hidden layer is silent for both.
    A network of depth L is the beginning of a deeper one: one draw of the deepest serves all depths.
    """
    hidden = [depth - 1 for depth in depths]
    dead, silent = [0] * len(depths), [0] * len(depths)
    for low in range(0, nets, _PIECE):
        count = min(_PIECE, nets - low)
        alive = np.maximum(random.standard_normal((count, width, 1), np.float32) * np.array([1, -1], np.float32), 0)
        for layer in range(1, max(hidden) + 1):
            if layer > 1:  # what is silent for both stays so; only the others are drawn on
                alive = alive[(alive != 0).any(axis=(1, 2))]
                weights = random.standard_normal((len(alive), width, width), np.float32)
                weights *= np.float32(math.sqrt(2 / width))
                alive = np.maximum(weights @ alive, 0)
            fires = (alive != 0).any(axis=1)
            for at, wanted in enumerate(hidden):
                if wanted == layer:
                    dead[at] += count - int(fires.any(axis=1).sum())
                    silent[at] += count - int(fires[:, 0].sum())
        advanced(count / nets)
    return [Drawn(width, *each) for each in zip(depths, [nets] * len(depths), dead, silent, strict=True)]


def judged(drawn: Drawn, error: float) -> Cell:
    """Return a cell with what holds of it, each of its statements but for a chance of `error`."""
    width, depth, nets = drawn.width, drawn.depth, drawn.nets
    published, bound = PUBLISHED.get((width, depth)), single_input(width, depth)
    share, silent = drawn.dead / nets, drawn.silent / nets
    interval, of_silent = (exact_interval(each, nets, error) for each in (drawn.dead, drawn.silent))
    alike = published is None or may_be_alike(share, nets, published, PUBLISHED_NETS, error, ROUNDED)
    exact = of_silent[0] <= bound <= of_silent[1]
    return Cell(drawn, share, interval, published, bound, silent, of_silent, alike, interval[0] <= bound, exact)


def table(
    nets: int, seed: int, advanced: Callable[[float], object] = lambda share: None,
    widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS,
) -> Iterator[Cell]:  # fmt: skip
    """Yield the cells of the table, row by row; `advanced` is told the share of a row that is done, now and then.

    Each row has its own generator, so that it does not depend on which others are drawn. The chance ERROR of a false
    alarm is shared out evenly among all statements of all cells (Bonferroni).
    """
    error = ERROR / (_CHECKS * len(widths) * len(depths))
    for width in widths:
        random = np.random.default_rng([seed, width])
        yield from (judged(each, error) for each in draw(width, depths, nets, random, advanced))
