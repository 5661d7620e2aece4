"""The claims, each with what is measured of its experiments and between which values that has to lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.record.history import History

LATER = "tragedy, normalised later"
"""The sixth run: the first experiment, whose pixels are divided when all is over."""
SHORT_BATCH = 96
"""Images of the article's last batch of an epoch: 60 000 mod 256."""
RISEN = 12
"""Steps after which the zeros have risen."""
_LAST = 10
Runs = Mapping[str, History]
"""Those of one seed, by experiment."""


@dataclass(frozen=True)
class Claim:
    """A statement that numbers can contradict."""

    experiment: str
    says: str
    measured: str
    """What is measured, in a few words."""
    low: float
    high: float
    """Between which the mean over the seeds has to lie."""
    of: Callable[[Runs], float]
    whole: bool = False
    """Whether it is about five epochs of the full set, and says nothing of less."""
    share: bool = True
    """Whether the number is a share of 1."""
    noticed: bool = True
    """Whether the article makes it; else it is what the article did not notice."""


def _last(history: History, name: str) -> float:
    value = history.latest(name)
    return math.nan if value is None else float(value)


def _values(history: History, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(history.series(name).values, np.float64)


def _zeros_mean(history: History) -> float:
    return float(np.mean(_values(history, "zero_fraction/h1")))


def _of_short_batches(history: History) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the loss summed over the last batch of each epoch, as the article prints it."""
    start = history.start
    assert start is not None
    assert start.steps_per_epoch is not None
    return SHORT_BATCH * _values(history, "loss")[start.steps_per_epoch - 1 :: start.steps_per_epoch]


def _dead_where_it_learns(runs: Runs) -> float:
    """Return the share of dead units of the two experiments that learn, the larger; NaN if their zeros are few."""
    learn = [runs["low-lr"], runs["normalised"]]
    if min(_zeros_mean(each) for each in learn) < 0.5:
        return math.nan
    return max(_last(each, "dead_fraction/h1") for each in learn)


def _dead_after_normalising(runs: Runs) -> float:
    history = runs[LATER]
    changed = next((each.step for each in history.events if each.kind == "change"), None)
    steps, values = history.series("dead_fraction/h1")
    after = values[steps >= changed] if changed is not None else values[:0]
    return float(after.min()) if len(after) else math.nan


CLAIMS = (
    Claim(
        "tragedy", "zeros rise to about 100 % at once", f"fewest zeros from step {RISEN} on", 0.99, 1.0,
        lambda runs: float(_values(runs["tragedy"], "zero_fraction/h1")[RISEN:].min()),
    ),
    Claim(
        "tragedy", "its accuracy is 10 %", "test accuracy", 0.08, 0.15,
        lambda runs: _last(runs["tragedy"], "accuracy/test"),
    ),
    Claim(
        "tragedy", "its loss stays above 200", "smallest loss of an epoch's last batch", 200, math.inf,
        lambda runs: float(_of_short_batches(runs["tragedy"]).min()), whole=True, share=False,
    ),
    Claim(
        "tragedy", "its ReLUs die", "dead units", 0.9, 1.0, lambda runs: _last(runs["tragedy"], "dead_fraction/h1"),
    ),
    Claim(
        "low-lr", "zeros stay around 80 %", "mean zeros", 0.75, 0.9, lambda runs: _zeros_mean(runs["low-lr"]),
    ),
    Claim(
        "low-lr", "it trains normally", "test accuracy", 0.7, 1.0, lambda runs: _last(runs["low-lr"], "accuracy/test"),
    ),
    Claim(
        "normalised", "its accuracy is about 80 %", "test accuracy", 0.75, 0.9,
        lambda runs: _last(runs["normalised"], "accuracy/test"), whole=True,
    ),
    Claim(
        "normalised", "its loss falls to about 50", "loss of the last batch", 20, 75,
        lambda runs: float(_of_short_batches(runs["normalised"])[-1]), whole=True, share=False,
    ),
    Claim(
        "sigmoid", "its accuracy is about 50 %", "test accuracy", 0.3, 0.7,
        lambda runs: _last(runs["sigmoid"], "accuracy/test"), whole=True,
    ),
    Claim(
        "tanh", "its accuracy is low, about 17 %, but above 10 %", "test accuracy, the best epoch's", 0.105, 0.35,
        lambda runs: float(_values(runs["tanh"], "accuracy/test").max()), whole=True,
    ),
    Claim(
        "tragedy", f"its loss is {SHORT_BATCH} · ln 10 = {SHORT_BATCH * math.log(10):.2f}: that of guessing",
        f"{SHORT_BATCH} times the loss per image, median of the last {_LAST} steps", 0.95 * SHORT_BATCH * math.log(10),
        1.05 * SHORT_BATCH * math.log(10),
        lambda runs: SHORT_BATCH * float(np.median(_values(runs["tragedy"], "loss")[-_LAST:])), share=False,
        noticed=False,
    ),
    Claim(
        "low-lr, normalised", "most zeros are sparsity, not death", "dead units, with more than half zeros", 0.0, 0.25,
        _dead_where_it_learns, noticed=False,
    ),
    Claim(
        LATER, "normalising later revives nobody", "dead units ever after, at least", 0.9, 1.0,
        _dead_after_normalising, noticed=False,
    ),
)  # fmt: skip
"""In the order of the experiments; last what the article did not notice."""
