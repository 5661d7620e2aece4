"""What holds until it changes, against a list of everything that was ever set."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.held import Held

values = st.dictionaries(st.sampled_from("abc"), st.none() | st.booleans() | st.floats(0, 2), max_size=3)


@given(told=st.lists(st.tuples(st.integers(1, 3), values), min_size=1, max_size=30), first=st.integers(0, 9))
def test_every_step_has_what_was_set_last_up_to_it(told: list[tuple[int, dict[str, Any]]], first: int) -> None:
    held, after, now, step = Held(), dict[int, dict[str, Any]](), dict[str, Any](), first
    for apart, each in told:
        held.set(step, each)
        now = {**now, **each}  # a name that is left out keeps its value
        after |= dict.fromkeys(range(step, step + apart), now)
        step += apart
    for at in range(first, step):
        assert dict(held.at(at)) == after[at]
    assert dict(held.at(first - 1)) == held.at(first)
    assert dict(held.at(step + 100)) == now
    for name in now:
        since = held.since(name, step)
        assert since is not None
        assert all(after[at][name] == now[name] for at in range(since, step))
        assert since == first or name not in after[since - 1] or after[since - 1][name] != now[name]


def test_nothing_was_ever_set() -> None:
    assert dict(Held().at(5)) == {}
    assert Held().since("lr", 5) is None


def test_a_rate_that_changes_at_every_step_costs_no_copy_of_what_was_before() -> None:
    held = Held()
    for step in range(20_000):
        held.set(step, {"lr": 1 / (step + 1), "normalise": True})
    steps, kept = held._changes["lr"]
    assert len(steps) == len(kept) == 20_000
    assert len(held._changes["normalise"][1]) == 1
    assert sys.getsizeof(kept) + steps.view().nbytes < 20_000 * 24
    assert held.at(9_999) == {"lr": 1e-4, "normalise": True}
    assert held.since("lr", 9_999) == 9_999
    assert held.since("normalise", 9_999) == 0


def test_before_the_first_step_held_what_held_then_wherever_a_run_begins() -> None:
    held = Held()
    held.set(500, {"lr": 1.0})
    held.set(510, {"lr": 2.0})
    assert [dict(held.at(step)) for step in (0, 499, 500, 509, 510, 999)] == [{"lr": 1.0}] * 4 + [{"lr": 2.0}] * 2
