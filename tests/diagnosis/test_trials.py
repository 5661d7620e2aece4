"""What is tried of a network that does not learn, and which of the changes that worked is advised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from conftest import record, start
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.builtin.promise import CAN
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.finding import Remedy
from deadrelu_tui.diagnosis.trials import RATES, WITHIN, Trial, Trials, search, trials_of
from deadrelu_tui.diagnosis.verdict import BAD, WORDS, findings, verdict
from deadrelu_tui.record.codec import dump, load
from deadrelu_tui.record.commands import Change, Command, Restart, Revive, can_obey_all, next_lr
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event

TRAGEDY = RunSettings()
NORMALISE = Change({"normalise": True})


def now(settings: RunSettings = TRAGEDY) -> dict[str, Any]:
    return {**settings.as_dict(), **settings.live}


def searched(
    settings: RunSettings, running: bool, accuracy: Callable[[Mapping[str, Any]], float] = lambda _: 0.1
) -> list[Remedy]:
    """Return all that is tried, if changes come to these accuracies."""
    wanted, found = search(now(settings), running, 10), list[Remedy]()
    remedy = next(wanted)
    while True:
        found.append(remedy)
        try:
            remedy = wanted.send(accuracy(changes_of(remedy)))
        except StopIteration:
            return found


def changes_of(remedy: Remedy) -> dict[str, Any]:
    """Return what a remedy changes, by name."""
    changes: dict[str, Any] = {}
    for command in remedy:
        if isinstance(command, (Change, Restart)):
            changes |= command.fields if isinstance(command, Change) else {"anew": True, **command.settings}
        elif isinstance(command, Revive):
            changes["revive"] = True
    return changes


# What is tried


def test_first_nothing_then_one_change_then_two() -> None:
    tried = searched(TRAGEDY, running=False, accuracy=lambda changes: 0.8 if len(changes) > 2 else 0.1)
    assert tried[0] == (Restart(),)
    sizes = [len(changes_of(each)) - 1 for each in tried[:-2]]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 2
    singles = [changes_of(each) for each in tried if len(changes_of(each)) == 2]
    assert [{name for name in each if name != "anew"} for each in singles] == [
        {"normalise"}, {"activation"}, *[{"lr"}] * (len(RATES) - 1), {"init"},
    ]  # fmt: skip


def test_of_a_training_that_runs_its_own_weights_are_tried_before_fresh_ones() -> None:
    tried = searched(TRAGEDY, running=True)
    anew = [any(isinstance(each, Restart) for each in remedy) for remedy in tried]
    assert anew == sorted(anew)
    assert tried[0] == ()
    assert (Revive(),) in tried
    assert (NORMALISE, Revive()) in tried
    assert not any("init" in changes_of(each) for each in tried[: anew.index(True)])


def test_nobody_is_revived_where_nobody_can_be_dead() -> None:
    assert not any("revive" in changes_of(each) for each in searched(RunSettings(activation="tanh"), running=True))


def test_where_no_two_changes_help_three_are_tried() -> None:
    assert max(len(changes_of(each)) for each in searched(TRAGEDY, running=False)) == 1 + 3
    few = searched(TRAGEDY, running=False, accuracy=lambda changes: 0.7 if "normalise" in changes else 0.1)
    assert max(len(changes_of(each)) for each in few) == 1 + 2


def test_at_last_come_the_rates_next_to_the_best_one() -> None:
    tried = searched(
        TRAGEDY, False, lambda changes: 0.8 if changes.get("lr") == 0.01 and "normalise" in changes else 0.1
    )
    assert [changes_of(each)["lr"] for each in tried[-2:]] == [next_lr(0.01, -1), next_lr(0.01, 1)]
    assert all("normalise" in changes_of(each) for each in tried[-2:])


settings_drawn = st.builds(
    RunSettings,
    lr=st.sampled_from([1e-6, 1e-3, 0.1, 0.5, 7.0, 1e30]), normalise=st.booleans(),
    activation=st.sampled_from(["relu", "leaky_relu", "sigmoid", "tanh"]), init=st.sampled_from(["he", "normal:0.01"]),
)  # fmt: skip


@given(settings=settings_drawn, running=st.booleans(), data=st.data())
def test_whatever_comes_of_it_no_change_is_tried_twice_and_each_can_be_made(
    settings: RunSettings, running: bool, data: st.DataObject
) -> None:
    tried = searched(settings, running, lambda _: data.draw(st.sampled_from([0.1, 0.5, 0.7, 0.8])))
    assert len({repr(each) for each in tried}) == len(tried) <= 80
    for remedy in tried:
        assert can_obey_all(CAN, remedy)
        same = {name: value for name, value in changes_of(remedy).items() if now(settings).get(name) == value}
        assert same == {}, remedy


# What is advised


def trials(*rows: tuple[tuple[Command, ...], float], live: Mapping[str, Any] = TRAGEDY.live) -> Trials:
    return Trials(dict(live), 60, tuple(Trial(remedy, accuracy) for remedy, accuracy in rows))


ANEW = (NORMALISE, Restart())


@pytest.mark.parametrize(
    ("rows", "advised"),
    [
        ([((), 0.1), (ANEW, 0.7)], ANEW),
        ([((), 0.1), (ANEW, 0.7), ((Change({"normalise": True, "lr": 0.2}), Restart()), 0.7 + WITHIN)], ANEW),
        ([((), 0.1), (ANEW, 0.7), ((Change({"normalise": True, "lr": 0.2}), Restart()), 0.71 + WITHIN)],
         (Change({"normalise": True, "lr": 0.2}), Restart())),
        ([((), 0.1), ((Change({"lr": 0.001}), Restart()), 0.72), (ANEW, 0.7)], (Change({"lr": 0.001}), Restart())),
        ([((), 0.1), ((NORMALISE, Revive()), 0.66), (ANEW, 0.7)], (NORMALISE, Revive())),
        ([((), 0.72), (ANEW, 0.75)], ()),
        ([((), 0.1), (ANEW, 0.29)], None),
        ([((), 0.65), (ANEW, 0.74)], ANEW),
        ([], None),
    ],
    ids=["the only one", "as good as more", "more is better", "the more accurate of two", "what was learned is kept",
         "nothing", "none helped", "clearly better than nothing", "none"],
)  # fmt: skip
def test_the_smallest_change_close_to_the_best_is_advised(rows: list[Any], advised: Remedy | None) -> None:
    best = trials(*rows).advised(classes=10)
    assert (best and best.remedy) == advised


def test_of_several_as_small_the_one_that_the_cause_calls_for_is_advised() -> None:
    rate, he = (Change({"lr": 0.01}), Restart()), (Restart({"init": "he"}),)
    found = trials(((), 0.1), (rate, 0.72), (he, 0.68))
    assert [best and best.remedy for best in (found.advised(10), found.advised(10, he))] == [rate, he]
    poor = trials(((), 0.1), (rate, 0.72), (he, 0.63)).advised(10, he)
    assert poor is not None
    assert poor.remedy == rate


def test_a_new_run_is_measured_by_one_with_nothing_changed() -> None:
    """One that dies late does as well, at first, as what would save it: then the trials tell nothing."""
    rows: list[Any] = [((), 0.1), ((Restart(),), 0.7), (ANEW, 0.75)]
    begun = replace(trials(*rows), begun_so=True)
    assert begun.advised(10) is None
    changed = trials(*rows).advised(10)
    assert changed is not None
    assert changed.remedy == (Restart(),)
    clearly = replace(trials(*rows[:2], (ANEW, 0.79)), begun_so=True).advised(10)
    assert clearly is not None
    assert clearly.remedy == ANEW


@pytest.mark.parametrize(
    ("rows", "remedy", "tried"),
    [
        ([((), 0.1), (ANEW, 0.18)], (), 0.18),  # it was tried, and failed as all did
        ([((), 0.1), (ANEW, 0.31)], ANEW, 0.31),
        ([((), 0.1), ((Change({"lr": 0.001}), Restart()), 0.18)], ANEW, None),  # nobody has tried it
    ],
)
def test_a_remedy_that_failed_as_all_did_is_not_advised(rows: list[Any], remedy: Remedy, tried: float | None) -> None:
    found = verdict(dead(trials(*rows).event(59)))
    assert found is not None
    assert (found.remedy, found.tried) == (remedy, tried)


def test_layers_that_are_too_narrow_are_tried_with_room() -> None:
    tried = searched(RunSettings(hidden=(300, 1)), running=True)
    wider = [changes for each in tried if "hidden" in (changes := changes_of(each))]
    assert {"anew": True, "hidden": [300, 30]} in wider
    assert all("anew" in changes for changes in wider)
    assert not any("hidden" in changes_of(each) for each in searched(RunSettings(hidden=(300, 4)), running=True))


def test_after_the_end_only_a_new_run_is_advised() -> None:
    found = trials(((Revive(),), 0.75), (ANEW, 0.7))
    best = [found.possible(CAN, ended).advised(10) for ended in (False, True)]
    assert [each and each.remedy for each in best] == [(Revive(),), ANEW]


def test_what_the_run_cannot_do_is_not_advised() -> None:
    best = trials(((Revive(),), 0.75), (ANEW, 0.7)).possible(CAN - {"revive"}, ended=False).advised(10)
    assert best is not None
    assert best.remedy == ANEW


def dead(*events: Event) -> History:
    """Return a history of the tragedy with events."""
    history = History()
    history.add(start())
    for step in range(60):
        history.add(record(step, {"dead_fraction/h1": 1.0, "loss": 2.3}))
    for event in events:
        history.add(event)
    return history


TRIED = trials(((), 0.1), ((Change({"lr": 0.001}), Restart()), 0.7), (ANEW, 0.75)).event(59)


def test_the_verdict_advises_what_was_tried_and_says_to_what_it_came() -> None:
    before, after = verdict(dead()), verdict(dead(TRIED))
    assert before is not None
    assert after is not None
    assert (before.remedy, before.tried) == (ANEW, None)
    assert (after.remedy, after.tried) == (ANEW, 0.75)
    assert after.word == before.word == "dead"
    assert findings(dead(TRIED))[0] == after


def test_what_was_tried_of_other_settings_does_not_count() -> None:
    other = trials((ANEW, 0.75), live={**TRAGEDY.live, "lr": 0.2}).event(59)
    assert trials_of(dead(other)) is None
    assert verdict(dead(other)) == verdict(dead())
    assert trials_of(dead(TRIED, other)) is None


def test_after_the_end_the_advice_is_for_the_next_run() -> None:
    history = dead(trials(((Revive(),), 0.78), (ANEW, 0.75)).event(59))
    found = verdict(history)
    assert found is not None
    assert found.remedy == (Revive(),)
    history.add(End(1.0, "finished"))
    found = verdict(history)
    assert found is not None
    assert found.remedy == ANEW


def test_to_begin_anew_is_advised_only_where_something_was_changed_since_it_began() -> None:
    tried = trials(((), 0.1), ((Restart(),), 0.7), (ANEW, 0.7)).event(59)
    changes = [Event(5, "change", {"setting": "lr", "before": 0.1, "now": each}) for each in (3.0, 0.1)]
    for events, advised in (((), ANEW), (changes, (Restart(),))):
        found = verdict(dead(*events, tried))
        assert found is not None
        assert found.remedy == advised


def test_a_healthy_run_keeps_its_verdict_whatever_was_tried_before() -> None:
    history = dead(TRIED)
    for step in range(60, 120):
        history.add(record(step, {"dead_fraction/h1": 0.0, "loss": 0.4}))
    found = verdict(history)
    assert found is not None
    assert found.word not in BAD
    assert found.remedy == ()
    assert BAD | {"early", "sparse", "healthy"} == set(WORDS)


@pytest.mark.parametrize(
    "facts", [{}, {"live": 3, "steps": 60, "rows": []}, {"live": TRAGEDY.live, "steps": 60, "rows": [{"remedy": [{}]}]}]
)
def test_what_another_version_of_us_tells_of_trials_is_left_aside(facts: dict[str, Any]) -> None:
    history = dead(Event(59, "trials", facts))
    assert trials_of(history) is None
    assert verdict(history) == verdict(dead())


def test_trials_come_back_from_their_event_and_from_bytes() -> None:
    assert Trials.of(TRIED) == trials(((), 0.1), ((Change({"lr": 0.001}), Restart()), 0.7), (ANEW, 0.75))
    (back,) = load(dump([TRIED]))
    assert isinstance(back, Event)
    assert Trials.of(back) == Trials.of(TRIED)


# Edges


def test_these_rates_are_tried_first() -> None:
    singles = [changes_of(each) for each in searched(TRAGEDY, running=True) if len(each) == 1]
    rates = [each["lr"] for each in singles if each.keys() == {"lr"}]
    assert rates == [0.0001, 0.001, 0.01, 0.5]  # 0.1 is set


@pytest.mark.parametrize(("accuracy", "more"), [(0.599, True), (0.6, False)])
def test_what_learns_needs_no_second_change(accuracy: float, more: bool) -> None:
    tried = searched(TRAGEDY, True, lambda changes: accuracy if changes == {"activation": "tanh"} else 0.1)
    pairs = [each for each in map(changes_of, tried) if {"activation", "lr"} <= each.keys() and "anew" not in each]
    assert bool([each for each in pairs if each.keys() == {"activation", "lr"}]) is more


def advised(*rows: tuple[Remedy, float]) -> Remedy | None:
    found = Trials(TRAGEDY.live, 60, tuple(Trial(*row) for row in rows)).advised(10)
    return None if found is None else found.remedy


@pytest.mark.parametrize(("accuracy", "close"), [(0.7001, True), (0.6999, False)])
def test_a_smaller_change_may_be_eight_in_a_hundred_behind(accuracy: float, close: bool) -> None:
    both: Remedy = (Change({"normalise": True, "lr": 0.5}),)
    found = advised(((), 0.1), ((NORMALISE,), accuracy), (both, 0.78))
    assert found == ((NORMALISE,) if close else both)


@pytest.mark.parametrize(("accuracy", "helps"), [(0.4801, True), (0.4799, False)])
def test_what_helps_is_eight_in_a_hundred_better_than_nothing(accuracy: float, helps: bool) -> None:
    assert advised(((), 0.4), ((NORMALISE,), accuracy)) == ((NORMALISE,) if helps else ())


def test_a_new_run_counts_as_one_change_and_each_of_its_settings_as_another() -> None:
    again, he, both = Restart(), Restart({"init": "he"}), Restart({"init": "he", "hidden": [30]})
    assert [Trial((each,), 0.5).size for each in (again, he, both, Revive(), NORMALISE)] == [1, 2, 3, 1, 1]
    assert Trial((), 0.5).size == 0
    assert Trial((NORMALISE, he), 0.5).size == 3


@pytest.mark.parametrize("lacking", ["start", "trials"])
def test_without_a_start_or_without_trials_there_are_none(lacking: str) -> None:
    history = History()
    if lacking != "start":
        history.add(start(batches=60, epochs=1))
    for step in range(20):
        history.add(record(step))
    if lacking != "trials":
        history.add(Trials(TRAGEDY.live, 60, (Trial((NORMALISE,), 0.8),)).event(19))
    assert trials_of(history) is None


def asked_of(values: Mapping[str, Any], scores: Callable[[Remedy], float], running: bool = True) -> list[Remedy]:
    """Return what a search tries, in its order, given what each comes to."""
    tries, asked = search(values, running, 10), list[Remedy]()
    try:
        remedy = next(tries)
        while True:
            asked.append(remedy)
            remedy = tries.send(scores(remedy))
    except StopIteration:
        return asked


def test_reviving_is_tried_with_every_other_change_even_where_one_alone_has_learned() -> None:
    asked = asked_of({**RunSettings(normalise=True, lr=0.1).as_dict()}, lambda _: 0.7)
    with_others = [each for each in asked if len(each) == 2 and isinstance(each[1], Revive)]
    assert (Revive(),) in asked
    assert len(with_others) >= 3


def test_layers_and_first_weights_are_only_a_new_run_s() -> None:
    asked = asked_of(RunSettings(hidden=(3, 300)).as_dict(), lambda _: 0.1, running=False)
    for name in ("hidden", "init"):
        begun = [
            each for each in asked for command in each if isinstance(command, Restart) and name in command.settings
        ]
        assert begun
        assert not any(name in command.fields for each in asked for command in each if isinstance(command, Change))
