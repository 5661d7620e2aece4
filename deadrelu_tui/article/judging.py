"""Whether a claim holds, by what was measured over some seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deadrelu_tui.article.claims import CLAIMS, Claim, Runs

HOLDS, FAILS, UNJUDGED = "holds", "fails", "cannot be judged"


@dataclass(frozen=True)
class Judged:
    """A claim and what became of it."""

    claim: Claim
    values: tuple[float, ...]
    """One for each seed; none if it cannot be judged."""
    why: str = ""
    """Why it cannot be judged, or why it fails if that is not plain from the values."""

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    @property
    def verdict(self) -> str:
        """One of the words above. A value that is no number makes a claim fail."""
        if not self.values:
            return UNJUDGED
        return HOLDS if self.claim.low <= self.mean <= self.claim.high else FAILS


def judge(seeds: Sequence[Runs], lack: str) -> list[Judged]:
    """Return all claims, judged by the runs of some seeds; `lack` says why those about the whole are not, if so."""
    return [
        Judged(claim, (), lack) if claim.whole and lack else Judged(claim, tuple(claim.of(runs) for runs in seeds))
        for claim in CLAIMS
    ]


def hold(judged: Sequence[Judged]) -> bool:
    """Return whether none fails; what cannot be judged is no failure."""
    return all(each.verdict != FAILS for each in judged)
