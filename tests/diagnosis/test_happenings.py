"""What deserves a line among the events, and what an intervention changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from conftest import record, start, units
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.diagnosis.happenings import SPAN, Difference, Effect, effect, happenings
from deadrelu_tui.diagnosis.telling import changed
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import Layer, Network
from deadrelu_tui.record.records import Event, Live, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.record.units import Units

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

RELU: Live = {"normalise": False, "lr": 0.1, "activation": "relu"}
TANH: Live = {**RELU, "activation": "tanh"}
LEAKY: Live = {**RELU, "activation": "leaky_relu"}
NAN, INF = math.nan, math.inf

Numbers = Mapping[str, float | Callable[[int], float]]


def layer(lost: Sequence[int], count: int, activation: str = "relu") -> Units:
    """Return a layer of which these units are dead, or saturated."""
    shares = np.where(np.isin(np.arange(count), lost), 0.0, 0.5).tolist()
    return units(shares, activation, unsaturated=shares) if activation in SATURATING else units(shares, activation)


def noticed(records: Sequence[Step]) -> list[Event]:
    """Return what a run notices that takes these steps."""
    history, found = History(), list[Event]()
    history.add(start(batches=None))
    for each in records:
        found += happenings(history, each, history.add(each))
    return found


def lines(records: Sequence[Step]) -> list[tuple[int, str]]:
    """Return the same in words, each with its step."""
    return [(event.step, told(event)) for event in noticed(records)]


def fell(
    step: int, which: Sequence[int], layer: str = "h1", *, of: int = 8, last: int | None = None, born: bool = False,
    found: bool = False, activation: str = "relu",
) -> Event:  # fmt: skip
    return Event(step, "units_lost", {
        "layer": layer, "units": list(which), "of": of, "first": step, "last": step if last is None else last,
        "found": found or born, "born": born, "activation": activation,
    })  # fmt: skip


def back(step: int, which: Sequence[int], *, activation: str = "relu") -> Event:
    return Event(step, "units_back", {"layer": "h1", "units": list(which), "of": 8, "activation": activation})


def layer_lost(step: int, count: int, *, born: bool = False, activation: str = "relu") -> Event:
    return Event(step, "layer_lost", {
        "layer": "h1", "units": count, "of": 8, "found": born, "born": born, "activation": activation,
    })  # fmt: skip


def diverged(step: int, metric: str, value: float) -> Event:
    return Event(step, "diverged", {"metric": metric, "value": value})


def lives(looks: Mapping[int, Sequence[int]], count: int = 8, live: Live = RELU, steps: int = 20) -> list[Step]:
    """Return steps of a layer with these units lost at these looks, each of which fired for the last time two steps
    before the look that finds it dead.
    """
    taken = []
    for step in range(steps):
        fired = np.ones(count, np.bool_)
        for at, lost in looks.items():
            if at - 2 < step <= at:
                fired[list(lost)] = False
        found = {"h1": layer(looks[step], count, live["activation"])} if step in looks else {}
        taken.append(replace(record(step, live=live), fired={"h1": fired}, looks=found))
    return taken


def measured(values: Numbers, steps: int = 10, live: Live = RELU) -> list[Step]:
    """Return steps on which every metric has the value, or the function of the step, that is given for it."""
    return [
        record(step, {name: value(step) if callable(value) else value for name, value in values.items()}, live=live)
        for step in range(steps)
    ]


def from_step(step: int, after: float, before: float = 0.0) -> Callable[[int], float]:
    return lambda now: after if now >= step else before


# The ledger in lines


def test_a_unit_that_dies_is_named_with_the_step_at_which_it_died() -> None:
    assert noticed(lives({0: [], 8: [5]})) == [fell(7, [5])]


@pytest.mark.parametrize(
    ("lost", "text"),
    [
        ([5], "unit 5 of h1 fell silent"),
        ([0, 5], "units 0, 5 of h1 fell silent"),
        ([0, 3, 5], "units 0, 3, 5 of h1 fell silent"),
    ],
)
def test_up_to_three_units_are_named(lost: list[int], text: str) -> None:
    taken = lives({0: [], 8: lost})
    assert noticed(taken) == [fell(7, lost)]
    assert lines(taken) == [(7, text)]


def test_more_than_three_units_are_counted() -> None:
    assert lines(lives({0: [], 8: [0, 3, 5, 6]})) == [(7, "4 units of h1 fell silent")]
    many = lives({0: [], 8: list(range(1_200))}, count=3_000)
    assert noticed(many) == [fell(7, range(1_200), of=3_000)]
    assert lines(many) == [(7, "1\u202f200 units of h1 fell silent")]


def test_all_units_of_a_layer_are_told_as_all() -> None:
    assert lines(lives({0: [], 8: range(8)}))[0] == (7, "all 8 units of h1 fell silent")
    assert lines(lives({0: [], 8: [0]}, count=1))[0] == (7, "unit 0 of h1 fell silent")


def test_deaths_at_several_steps_are_one_line_with_the_first_and_the_last_of_them() -> None:
    taken = lives({0: [], 16: [1, 2, 4]})
    for step in range(15):
        taken[step].fired["h1"][[1, 2, 4]] = [step < 3, step < 5, step < 14]
    assert noticed(taken) == [fell(3, [1, 2, 4], last=14)]
    assert lines(taken) == [(3, "units 1, 2, 4 of h1 fell silent in steps 3–14")]


def test_the_units_that_come_back_are_told_at_the_look_that_found_them() -> None:
    taken = lives({0: [], 4: [1, 5, 6], 8: [5, 6], 16: []})
    assert noticed(taken) == [fell(3, [1, 5, 6]), back(8, [1]), back(16, [5, 6])]
    assert lines(taken)[1:] == [(8, "unit 1 of h1 fires again"), (16, "units 5, 6 of h1 fire again")]


def test_one_look_may_tell_of_deaths_and_of_revivals() -> None:
    assert noticed(lives({0: [], 4: [0, 1], 8: [2]})) == [fell(3, [0, 1]), fell(7, [2]), back(8, [0, 1])]


@pytest.mark.parametrize(
    ("live", "lost", "text"),
    [
        (RELU, [3], "unit 3 of h1 was born dead"),
        (RELU, [3, 4], "units 3, 4 of h1 were born dead"),
        (RELU, [0, 1, 2, 3], "4 units of h1 were born dead"),
        (TANH, [3], "unit 3 of h1 was born saturated"),
        (TANH, [3, 4], "units 3, 4 of h1 were born saturated"),
    ],
)
def test_what_the_first_look_finds_was_born_so(live: Live, lost: list[int], text: str) -> None:
    taken = lives({0: lost}, live=live)
    assert noticed(taken) == [fell(0, lost, born=True, activation=live["activation"])]
    assert lines(taken) == [(0, text)]


def test_what_the_first_look_at_a_training_under_way_finds_was_found_so() -> None:
    taken = [replace(each, step=12_000 + each.step) for each in lives({0: [3, 4], 4: [3, 4, 5]})]
    assert noticed(taken) == [fell(12_000, [3, 4], found=True), fell(12_003, [5])]
    assert lines(taken)[0] == (12_000, "units 3, 4 of h1 were dead when first looked at")


def test_of_tanh_and_sigmoid_units_saturate_and_leave_saturation() -> None:
    for activation in SATURATING:
        taken = lives({0: [], 4: [1], 8: [1, 2, 3], 16: [2]}, live={**RELU, "activation": activation})
        assert noticed(taken) == [
            fell(4, [1], activation=activation),
            fell(8, [2, 3], activation=activation),
            back(16, [1, 3], activation=activation),
        ]
        assert lines(taken) == [
            (4, "unit 1 of h1 saturated"),
            (8, "units 2, 3 of h1 saturated"),
            (16, "units 1, 3 of h1 left saturation"),
        ]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(RELU, TANH, "units 1, 2 of h1 fire again"), (TANH, RELU, "units 1, 2 of h1 left saturation")],
)
def test_units_that_another_activation_brings_back_leave_the_state_that_they_were_in(
    before: Live, after: Live, text: str
) -> None:
    taken = [*lives({0: [], 4: [1, 2]}, live=before, steps=6), *lives({6: []}, live=after)[6:]]
    assert noticed(taken)[-1] == back(6, [1, 2], activation=before["activation"])
    assert lines(taken)[-1] == (6, text)


def test_each_layer_has_its_own_lines() -> None:
    first = lives({0: [], 4: [1]})
    taken = [
        replace(each, fired={**each.fired, "h2": each.fired["h1"]}, looks={**each.looks, "h2": layer([7], 8)})
        if each.looks
        else each
        for each in first
    ]
    assert noticed(taken) == [fell(0, [7], "h2", born=True), fell(3, [1])]


def test_a_layer_of_any_name_has_its_lines_also_in_a_training_with_nothing_to_turn() -> None:
    name = "encoder.3/mlp.act"
    taken = [
        replace(each, live={}, looks={name: each.looks["h1"]} if each.looks else {}, fired={name: each.fired["h1"]})
        for each in lives({0: [], 4: range(6), 8: [1]})
    ]
    assert noticed(taken)[0] == fell(3, range(6), name)
    assert lines(taken) == [
        (3, "6 units of encoder.3/mlp.act fell silent"),
        (4, "encoder.3/mlp.act died: 6 of 8 units fire for no probe image"),
        (8, "5 units of encoder.3/mlp.act fire again"),
    ]


def test_a_look_that_changes_nothing_is_not_noticed() -> None:
    assert noticed(lives({step: [2] for step in range(1, 20)})) == [fell(1, [2], found=True)]


def test_a_network_that_diverges_brings_nobody_back() -> None:
    taken = lives({0: [], 4: [1, 2]})
    taken[8] = replace(taken[8], looks={"h1": units([NAN] * 8)})
    assert noticed(taken) == [fell(3, [1, 2])]


# A layer


def test_the_death_of_a_layer_is_noticed_when_more_than_half_of_it_is_dead() -> None:
    taken = lives({0: [], 4: [0, 1, 2, 3], 8: [0, 1, 2, 3, 4], 12: [0, 1, 2, 3, 4, 5]})
    assert noticed(taken) == [fell(3, [0, 1, 2, 3]), fell(7, [4]), layer_lost(8, 5), fell(11, [5])]
    assert lines(taken)[2] == (8, "h1 died: 5 of 8 units fire for no probe image")


def test_a_layer_that_came_back_may_die_again() -> None:
    found = noticed(lives({0: [], 4: range(8), 8: [], 12: range(8)}))
    assert [event.step for event in found if event.kind == "layer_lost"] == [4, 12]


def test_a_layer_of_tanh_saturates_and_a_leaky_one_never_dies() -> None:
    taken = lives({0: [], 4: range(6)}, live=TANH)
    assert noticed(taken)[-1] == layer_lost(4, 6, activation="tanh")
    assert lines(taken)[-1] == (4, "h1 saturated: 6 of 8 units are so on 99 % of the probe images")
    found = noticed(lives({0: [], 4: range(6)}, live=LEAKY))
    assert found == [fell(3, range(6), activation="leaky_relu")]


def test_a_layer_that_was_born_dead_is_noticed_at_once() -> None:
    taken = lives({0: range(8)})
    assert noticed(taken)[:2] == [fell(0, range(8), born=True), layer_lost(0, 8, born=True)]
    assert lines(taken)[:2] == [
        (0, "all 8 units of h1 were born dead"),
        (0, "h1 was born dead: 8 of 8 units fire for no probe image"),
    ]


def test_the_step_at_which_a_run_diverged_is_noticed_once_with_what_broke() -> None:
    assert lines(measured({"loss": from_step(6, NAN, 2.0)})) == [(6, "loss is nan: the run diverged")]
    assert noticed(measured({"loss": from_step(6, NAN, 2.0)})) == [diverged(6, "loss", NAN)]
    assert noticed(measured({"loss": INF})) == [diverged(0, "loss", INF)]
    assert noticed(measured({"grad_norm/w2": from_step(4, INF)})) == [diverged(4, "grad_norm/w2", INF)]
    broken = {"loss": from_step(8, NAN, 2.0), "pre_mean/h1": from_step(4, -INF)}
    assert noticed(measured(broken)) == [diverged(4, "pre_mean/h1", -INF)]
    assert lines(measured(broken)) == [(4, "pre_mean/h1 is −inf: the run diverged")]


def test_an_update_without_a_size_to_compare_it_with_is_no_divergence() -> None:
    assert noticed(measured({"update_ratio/b1": INF, "zero_fraction/h1": NAN})) == []


def test_the_end_of_an_epoch_is_noticed_with_its_scores() -> None:
    taken = [record(step, {"accuracy/test": 0.8235, "loss/test": 0.4567}, batches=5) for step in range(10)]
    scores = {"accuracy/test": 0.8235, "loss/test": 0.4567}
    assert noticed(taken) == [Event(4, "epoch", {"epoch": 1, **scores}), Event(9, "epoch", {"epoch": 2, **scores})]
    assert all(event.routine and not event.mark for event in noticed(taken))
    text = "test accuracy 82.3 %, loss 0.457"
    assert lines(taken) == [(4, f"epoch 1: {text}"), (9, f"epoch 2: {text}")]


# The effect of an intervention


def median(values: list[float]) -> float:
    """Return the middle of the values in order, or the mean of the two in the middle; NaN if one of them is none."""
    if any(math.isnan(each) for each in values):
        return NAN
    ordered, half = sorted(values), len(values) // 2
    low, high = ordered[half if len(values) % 2 else half - 1], ordered[half]
    return low if low == high else low + high if math.isinf(low) or math.isinf(high) else (low + high) / 2


def run(
    steps: int, marks: Sequence[int], loss: Sequence[float], zeros: Sequence[float],
    dead: Mapping[int, float] | None = None,
) -> History:  # fmt: skip
    history = History()
    history.add(start(batches=None))
    for step in range(steps):
        values = {"loss": loss[step], "zero_fraction/h1": zeros[step]}
        taken = record(step, values)
        if dead is not None and step in dead:
            taken = replace(taken, values=values | {"dead_fraction/h1": dead[step]}, looks={"h1": layer([], 4)})
        history.add(replace(taken, fired={"h1": np.ones(4, np.bool_)}))
    for step in marks:
        history.add(mark(step))
    return history


def mark(step: int) -> Event:
    return Event(step, "change", {"setting": "lr", "before": 0.1, "now": 0.01})


def ramp(steps: int) -> list[float]:
    return [float(step) for step in range(steps)]


def test_an_effect_compares_the_means_of_fifty_steps_on_either_side() -> None:
    found = effect(run(300, [100], ramp(300), [0.25] * 100 + [0.75] * 200), mark(100))
    assert found == Effect(
        50, 50, (Difference("loss", "", 74.5, 124.5), Difference("zero_fraction", "h1", 0.25, 0.75)),
    )  # fmt: skip
    assert SPAN == 50


@pytest.mark.parametrize(
    ("marks", "step", "spans", "means"),
    [
        ([20], 20, (20, 50), (9.5, 44.5)),  # the start
        ([280], 280, (50, 20), (254.5, 289.5)),  # the end
        ([90, 100], 100, (10, 50), (94.5, 124.5)),  # another before it
        ([100, 130], 100, (50, 30), (74.5, 114.5)),  # another behind it
        ([98, 100, 101], 100, (2, 1), (98.5, 100.0)),
        ([100, 100], 100, (50, 50), (74.5, 124.5)),  # two at one step are one
        ([40, 100, 160], 100, (50, 50), (74.5, 124.5)),  # others farther away
        ([50, 100, 150], 100, (50, 50), (74.5, 124.5)),
        ([299], 299, (50, 1), (273.5, 299.0)),
    ],
)
def test_neither_side_reaches_beyond_another_intervention_or_an_end(
    marks: list[int], step: int, spans: tuple[int, int], means: tuple[float, float]
) -> None:
    found = effect(run(300, marks, ramp(300), [0.5] * 300), mark(step))
    assert found is not None
    assert (found.steps_before, found.steps_after) == spans
    assert found.changes[0] == Difference("loss", "", *means)


def test_changes_at_one_step_have_one_effect_together() -> None:
    history = run(200, [100], ramp(200), [0.5] * 200)
    history.add(Event(100, "change", {"setting": "normalise", "before": False, "now": True}))
    first, last = history.marks
    assert effect(history, first) is None
    found = effect(history, last)
    assert found is not None
    assert (found.of, found.changes[0]) == (2, Difference("loss", "", 74.5, 124.5))
    assert changed(found).startswith("together: loss 74.5 → 124, ")


def test_events_without_a_mark_do_not_bound_an_effect() -> None:
    history = run(300, [100], ramp(300), [0.5] * 300)
    history.add(Event(99, "pause"))
    history.add(fell(104, [1]))
    found = effect(history, mark(100))
    assert found is not None
    assert (found.steps_before, found.steps_after) == (50, 50)


@pytest.mark.parametrize(
    ("dead", "change"),
    [
        ({0: 0.1, 90: 0.2, 100: 0.3, 101: 0.4, 140: 0.5, 160: 0.6}, (0.2, 0.5)),
        ({0: 0.1, 100: 0.3}, (0.1, 0.3)),  # the look at its own step is the first behind it
        ({0: 0.1, 99: 0.2, 149: 0.5, 150: 0.6}, (0.2, 0.5)),
        ({0: 0.1, 150: 0.6}, None),
        ({100: 0.1, 120: 0.6}, None),
        ({}, None),
    ],
)
def test_the_dead_are_those_of_the_last_look_on_either_side(
    dead: dict[int, float], change: tuple[float, float] | None
) -> None:
    found = effect(run(300, [100], [1.0] * 300, [0.5] * 300, dead), mark(100))
    assert found is not None
    told = [(each.before, each.after) for each in found.changes if (each.metric, each.of) == ("dead_fraction", "h1")]
    assert told == ([] if change is None else [pytest.approx(change)])


@pytest.mark.parametrize(
    ("event", "steps"),
    [
        (Event(100, "pause"), 300),  # nothing was changed
        (mark(0), 300),  # nothing before it
        (mark(100), 100),  # nothing behind it yet
        (mark(120), 100),
    ],
)
def test_without_steps_on_both_sides_there_is_no_effect(event: Event, steps: int) -> None:
    assert effect(run(steps, [event.step], [1.0] * steps, [0.5] * steps), event) is None


def test_an_effect_is_there_from_the_first_step_behind_it() -> None:
    found = effect(run(101, [100], ramp(101), [0.5] * 101), mark(100))
    assert found is not None
    assert (found.steps_before, found.steps_after) == (50, 1)


def test_a_run_without_metrics_has_an_effect_on_its_loss() -> None:
    history = History()
    for step in range(20):
        history.add(record(step, {"loss": 1.0 if step < 10 else 2.0}))
    assert effect(history, mark(10)) == Effect(10, 10, (Difference("loss", "", 1.0, 2.0),))


def test_every_layer_has_its_zeros_and_its_dead() -> None:
    history = History()
    history.add(start(batches=None, hidden=(4, 4)))
    for step in range(20):
        values = {f"zero_fraction/h{n}": n / 10 for n in (1, 2)}
        looks = {}
        if step in (4, 12):
            values |= {f"dead_fraction/h{n}": step / 100 for n in (1, 2)}
            looks = {f"h{n}": layer([], 4) for n in (1, 2)}
        history.add(replace(record(step, values), looks=looks))
    found = effect(history, mark(10))
    assert found is not None
    assert [(each.metric, each.of) for each in found.changes] == [
        ("loss", ""), ("zero_fraction", "h1"), ("zero_fraction", "h2"), ("dead_fraction", "h1"),
        ("dead_fraction", "h2"),
    ]  # fmt: skip


def test_an_effect_is_of_the_layers_by_the_names_that_they_have() -> None:
    name = "encoder.3/mlp.act"
    network = Network((Layer(name, 4, "relu"),))
    history = History()
    history.add(replace(start(batches=None, first=1_000), network=network, metrics=all_of(network)))
    for step in range(1_000, 1_020):
        history.add(record(step, {f"zero_fraction/{name}": 0.25 if step < 1_010 else 0.75}))
    found = effect(history, mark(1_010))
    assert found == Effect(10, 10, (Difference("loss", "", 2.0, 2.0), Difference("zero_fraction", name, 0.25, 0.75)))
    assert changed(found) == "loss 2.00 → 2.00, zeros encoder.3/mlp.act 25.0 % → 75.0 % (10 steps each side)"


extremes = st.sampled_from([0.0, 1.0, 2.3, 1e30, 3e38, -3e38, NAN, INF, -INF]) | st.floats(0, 10, width=32)


@settings(max_examples=150, deadline=None)
@given(
    pattern=st.lists(extremes, min_size=1, max_size=9),
    steps=st.integers(1, 140),
    marks=st.lists(st.integers(0, 150), max_size=6),
    looks=st.dictionaries(st.integers(0, 140), st.floats(0, 1, width=32) | st.just(NAN), max_size=12),
    step=st.integers(0, 150),
)
def test_an_effect_is_what_a_slow_reading_finds(
    pattern: list[float], steps: int, marks: list[int], looks: dict[int, float], step: int
) -> None:
    loss = (pattern * steps)[:steps]
    found = effect(run(steps, [*marks, step], loss, loss[::-1], looks), mark(step))
    before, after = [], []
    for now in range(steps):
        between = range(min(now, step) + 1, max(now, step) + 1)
        if abs(now - step) <= SPAN and not any(other in between for other in marks if other != step):
            if now < step:
                before.append(now)
            elif now - step < SPAN:
                after.append(now)
    if not before or not after:
        assert found is None
        return
    assert found is not None
    assert (found.steps_before, found.steps_after) == (len(before), len(after))
    assert found.of == 1 + marks.count(step)
    middle = {side: median([float(np.float32(loss[now])) for now in now_s])
              for side, now_s in (("before", before), ("after", after))}  # fmt: skip
    size = 1e-9 * max((abs(each) for each in loss if math.isfinite(each)), default=0)  # of what the sums cancel
    assert found.changes[0].metric == "loss"
    assert found.changes[0].before == pytest.approx(middle["before"], rel=1e-6, abs=size, nan_ok=True)
    assert found.changes[0].after == pytest.approx(middle["after"], rel=1e-6, abs=size, nan_ok=True)
    past = [now for now in looks if now < step and now < steps]
    later = [now for now in looks if now in after]
    dead = [each for each in found.changes if (each.metric, each.of) == ("dead_fraction", "h1")]
    assert len(dead) == (1 if past and later else 0)
    if dead:
        assert dead[0].before == pytest.approx(looks[max(past)], nan_ok=True)
        assert dead[0].after == pytest.approx(looks[max(later)], nan_ok=True)
    assert f"{len(after)} " in changed(found).rpartition("(")[2]


def test_an_effect_in_words() -> None:
    changes = (Difference("loss", "", 2.3026, 0.61), Difference("zero_fraction", "h1", 1.0, 0.742),
               Difference("dead_fraction", "h1", 0.99, 0.0))  # fmt: skip
    assert changed(Effect(50, 50, changes)) == (
        "loss 2.30 → 0.610, zeros h1 100 % → 74.2 %, dead h1 99.0 % → 0 % (50 steps each side)"
    )
    assert changed(Effect(50, 10, changes[:1])) == "loss 2.30 → 0.610 (50 steps before, 10 after)"
    assert changed(Effect(1, 1, (Difference("loss", "", NAN, INF),))) == "loss nan → inf (1 step each side)"
    assert changed(Effect(1, 2, (Difference("loss", "", NAN, INF),))) == "loss nan → inf (1 step before, 2 after)"


def test_what_has_no_mean_has_an_effect_without_one_and_warns_nobody() -> None:
    numbers = [INF, -INF] * 10 + [3e38, NAN] * 10
    found = effect(run(40, [20], numbers, numbers), mark(20))
    assert found is not None
    assert all(math.isnan(each.before) and math.isnan(each.after) for each in found.changes)
