"""What holds of runs that are made up: each claim fails where its number is another one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from conftest import record, start
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.article.claims import CLAIMS, LATER, Runs
from deadrelu_tui.article.judging import FAILS, HOLDS, UNJUDGED, Judged, hold, judge
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.report import reproduction
from deadrelu_tui.report.paper import Paper

BATCHES = 20
GUESSING = "its loss is 96 · ln 10 = 221.05: that of guessing"
ARTICLE = {
    "tragedy": (1.0, 0.99, math.log(10), 0.1), "low-lr": (0.82, 0.0, 0.45, 0.84), "normalised": (0.72, 0.01, 0.5, 0.84),
    "sigmoid": (0.8, 0.5, 1.4, 0.5), "tanh": (0.5, 0.4, 50.0, 0.17), LATER: (1.0, 0.98, math.log(10), 0.1),
}  # fmt: skip
"""Zeros, dead, loss and accuracy of each experiment, as the article has them."""


def run(zeros: float, dead: float, loss: float, accuracy: float, change_at: int | None = None) -> History:
    history = History()
    history.add(start(batches=BATCHES, epochs=5))
    for step in range(5 * BATCHES):
        if step == change_at:
            history.add(Event(step, "change", {"setting": "normalise", "before": False, "now": True}))
        values = {"zero_fraction/h1": zeros, "dead_fraction/h1": dead, "loss": loss}
        if (step + 1) % BATCHES == 0:
            values |= {"accuracy/test": accuracy, "loss/test": loss}
        history.add(record(step, values, batches=BATCHES))
    return history


def runs(**otherwise: tuple[float, float, float, float]) -> Runs:
    numbers = ARTICLE | {name.replace("_", "-"): each for name, each in otherwise.items()}
    return {name: run(*each, change_at=50 if name == LATER else None) for name, each in numbers.items()}


def verdicts(found: Runs, lack: str = "") -> dict[str, str]:
    return {each.claim.says: each.verdict for each in judge([found], lack)}


def test_all_claims_hold_of_the_article_s_numbers() -> None:
    assert set(ARTICLE) == {*PRESETS, LATER}
    assert set(verdicts(runs()).values()) == {HOLDS}
    assert hold(judge([runs(), runs()], ""))


@pytest.mark.parametrize(("otherwise", "fails"), [
    ({"tragedy": (0.8, 0.99, math.log(10), 0.1)}, {"zeros rise to about 100 % at once"}),
    ({"tragedy": (1.0, 0.3, math.log(10), 0.1)}, {"its ReLUs die"}),
    ({"tragedy": (1.0, 0.99, math.log(10), 0.8)}, {"its accuracy is 10 %"}),
    ({"tragedy": (1.0, 0.99, 1.0, 0.1)}, {"its loss stays above 200", GUESSING}),
    ({"tragedy": (1.0, 0.99, 5.0, 0.1)}, {GUESSING}),
    ({"low_lr": (0.6, 0.0, 0.4, 0.84)}, {"zeros stay around 80 %"}),
    ({"low_lr": (0.8, 0.0, 0.4, 0.1)}, {"it trains normally"}),
    ({"low_lr": (0.8, 0.6, 0.4, 0.84)}, {"most zeros are sparsity, not death"}),
    ({"normalised": (0.1, 0.0, 0.5, 0.84)}, {"most zeros are sparsity, not death"}),
    ({"normalised": (0.7, 0.0, 5.0, 0.1)}, {"its accuracy is about 80 %", "its loss falls to about 50"}),
    ({"sigmoid": (0.8, 0.5, 1.4, 0.1)}, {"its accuracy is about 50 %"}),
    ({"tanh": (0.8, 0.5, 1.4, 0.1)}, {"its accuracy is low, about 17 %, but above 10 %"}),
    ({LATER: (1.0, 0.2, 1.4, 0.1)}, {"normalising later revives nobody"}),
    ({"tragedy": (math.nan, 0.99, math.log(10), 0.1)}, {"zeros rise to about 100 % at once"}),
])  # fmt: skip
def test_a_claim_fails_where_its_number_is_another(
    otherwise: dict[str, tuple[float, float, float, float]], fails: set[str]
) -> None:
    found = judge([runs(**otherwise)], "")
    assert {each.claim.says for each in found if each.verdict == FAILS} == fails
    assert not hold(found)


def test_a_run_whose_input_was_never_changed_shows_nothing_of_what_a_change_does() -> None:
    found = {**runs(), LATER: run(*ARTICLE[LATER])}
    assert verdicts(found)["normalising later revives nobody"] == FAILS


def test_what_is_about_the_whole_cannot_be_judged_by_less_and_is_no_failure() -> None:
    found = judge([runs(sigmoid=(0.8, 0.5, 1.4, 0.1))], "not after 1 epoch")
    assert [each.verdict == UNJUDGED for each in found] == [each.claim.whole for each in found]
    assert hold(found)
    assert {each.why for each in found if each.claim.whole} == {"not after 1 epoch"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_the_mean_over_the_seeds_decides(values: list[float]) -> None:
    claim = replace(CLAIMS[0], low=0.4, high=0.6)
    inside = 0.4 <= math.fsum(values) / len(values) <= 0.6
    assert Judged(claim, tuple(values)).verdict == (HOLDS if inside else FAILS)


@pytest.mark.parametrize("width", [None, 140, 80, 50])
def test_the_table_names_each_claim_on_paper_of_any_width(width: int | None) -> None:
    judged = judge([runs(), runs(sigmoid=(0.8, 0.5, 1.4, 0.1))], "")
    printed = list(reproduction.lines(judged, "about", Paper(width=width)))
    assert sum(each.startswith((HOLDS, FAILS)) for each in printed) == len(CLAIMS)
    assert printed[-1] == f"all {len(CLAIMS)} hold"
    if width is not None:
        assert max(map(len, printed)) <= width
    else:
        assert any("30.0 %  10.0 % to 50.0 %  30 to 70 %" in each for each in printed)


def test_what_fails_is_counted() -> None:
    printed = list(reproduction.lines(judge([runs(sigmoid=(0.8, 0.5, 1.4, 0.1))], ""), "", Paper()))
    assert printed[-1] == f"1 of {len(CLAIMS)} fail"
