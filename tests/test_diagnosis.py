"""The verdict on canned histories: the word, the numbers, since when, and what would mend it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from conftest import record, start
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui import diagnosis
from deadrelu_tui.diagnosis import Verdict, verdict
from deadrelu_tui.history import History
from deadrelu_tui.records import Event, Live

RAW = Live(0.1, False, "relu")
NORMALISED = replace(RAW, normalise=True)
UNITS = 300

Values = Mapping[str, float | Callable[[int], float]]


def canned(values: Values, steps: int = 60, live: Live = RAW, events: tuple[Event, ...] = ()) -> History:
    """Return a run on which every metric has the value, or the function of the step, that is given for it."""
    history = History()
    history.begin(start(batches=steps, epochs=1))
    for event in events:
        history.add_event(event)
    everything: Values = {"loss": 1.0, "zero_fraction/h1": 0.5, "grad_norm/w1": 1.0, "update_ratio/w1": 1e-3} | dict(
        values
    )
    for step in range(steps):
        found = {name: value(step) if callable(value) else value for name, value in everything.items()}
        rates = np.ones(UNITS, np.float32)
        rates[: round(UNITS * found.get("dead_fraction/h1", 0))] = 0
        history.append(replace(record(step, found, live=live), firing={"h1": rates, "h2": rates}))
    return history


def judged(values: Values, steps: int = 60, live: Live = RAW, events: tuple[Event, ...] = ()) -> Verdict:
    found = verdict(canned(values, steps, live, events))
    assert found is not None
    return found


def from_step(step: int, after: float, before: float = 0.0) -> Callable[[int], float]:
    return lambda now: after if now >= step else before


def test_before_the_first_step_there_is_no_verdict() -> None:
    assert verdict(History()) is None


def test_about_half_zeros_and_no_dead_unit_is_healthy() -> None:
    found = judged({"dead_fraction/h1": 0.0})
    assert (found.word, found.remedy) == ("healthy", "")
    assert found.reason == (
        "every unit fires for some of 2\u202f000 probe images; pre-activations at or below 0: h1 50.0 %"
    )


def test_many_zeros_without_dead_units_are_sparsity() -> None:
    found = judged({"zero_fraction/h1": 0.82, "dead_fraction/h1": 0.01})
    assert (found.word, found.layer, found.remedy) == ("sparse", "h1", "")
    assert found.reason.startswith("h1: 82.0 % zeros is sparsity, not death; 3 of 300 units of h1 fire for none")
    assert found.value == pytest.approx(0.82)
    assert found.threshold == 0.7


def test_zeros_say_nothing_of_activations_that_do_not_zero() -> None:
    for activation in ("leaky_relu", "tanh", "sigmoid"):
        assert judged({"zero_fraction/h1": 0.9}, live=replace(RAW, activation=activation)).word == "healthy"


def test_a_tenth_of_dead_units_is_dying() -> None:
    found = judged({"dead_fraction/h1": from_step(20, 0.2)})
    assert (found.word, found.layer, found.step) == ("dying", "h1", 20)
    assert found.reason.startswith(
        "h1: 60 of 300 units fire for none of 2\u202f000 probe images, over a tenth since step 20."
    )
    assert judged({"dead_fraction/h1": 0.1}).word == "healthy"


def test_half_of_the_units_dead_is_dead_since_the_step_that_passed_half() -> None:
    deaths = {0: 0.0, 1: 0.3}
    found = judged({"dead_fraction/h1": lambda step: deaths.get(step, 0.99), "zero_fraction/h1": 1.0})
    assert (found.word, found.layer, found.step, found.rule) == ("dead", "h1", 2, "DeadRelu")
    assert (found.value, found.threshold) == (0.99, 0.5)
    assert judged({"dead_fraction/h1": 0.5}).word == "dying"


def test_units_that_came_back_count_from_their_last_death() -> None:
    found = judged({"dead_fraction/h1": lambda step: 0.1 if step == 30 else 0.9})
    assert found.step == 31


def test_the_reason_of_death_is_told_in_numbers() -> None:
    found = judged({"dead_fraction/h1": 0.99, "update_ratio/w1": lambda step: [math.inf, 51.4, math.nan, 2][step % 4]})
    assert found.reason == (
        "h1: 297 of 300 units fire for none of 2\u202f000 probe images, more than half since step 0. "
        "Input averages 72.9; update 1 was 51 × w1."
    )


@pytest.mark.parametrize(
    ("live", "events", "remedy", "said"),
    [
        (RAW, (), "n, then r", "Input averages 72.9"),
        (NORMALISED, (), "- (smaller lr), then r", "Input averages 0.286"),
        (NORMALISED, (Event(50, "normalise on", mark=True),), "r (the dead stay dead)", "Input averaged 72.9 then"),
        (NORMALISED, (Event(5, "pause"),), "- (smaller lr), then r", "Input averages 0.286"),
    ],
)
def test_the_remedy_for_death_depends_on_the_input(
    live: Live, events: tuple[Event, ...], remedy: str, said: str
) -> None:
    found = judged({"dead_fraction/h1": 0.9}, live=live, events=events)
    assert (found.word, found.remedy) == ("dead", remedy)
    assert said in found.reason


def test_units_that_do_not_die_are_never_called_dead() -> None:
    for activation in ("leaky_relu", "tanh", "sigmoid"):
        assert judged({"dead_fraction/h1": 0.9}, live=replace(RAW, activation=activation)).word == "healthy"


def test_more_than_half_of_the_units_without_a_gradient_are_saturated() -> None:
    tanh = replace(RAW, activation="tanh")
    found = judged({"saturated_fraction/h1": from_step(7, 0.8)}, live=tanh)
    assert (found.word, found.layer, found.step, found.remedy) == ("saturated", "h1", 7, "n, then r")
    assert "80.0 %" in found.reason
    found = judged({"saturated_fraction/h1": 0.8}, live=replace(tanh, normalise=True))
    assert found.remedy == "- (smaller lr), then r"
    assert judged({"saturated_fraction/h1": 0.8}).word == "healthy"


def test_a_loss_of_ln_10_for_fifty_steps_is_guessing() -> None:
    even = math.log(10)
    found = judged({"loss": from_step(4, even * 1.005, 2.0)}, steps=54)
    assert (found.word, found.step) == ("guessing", 4)
    assert "2.303 since step 4" in found.reason
    assert found.remedy == "+ (larger lr) or another init, then r"
    assert judged({"loss": from_step(5, even, 2.0)}, steps=54).word == "healthy"
    assert judged({"loss": even * 1.02}).word == "healthy"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_diverged(loss: float) -> None:
    found = judged({"loss": from_step(33, loss, 2.0)})
    assert (found.word, found.step, found.remedy) == ("diverged", 33, "- (smaller lr), then r")
    assert found.reason.startswith(f"loss is {loss} since step 33")


def test_a_gradient_of_nearly_nothing_is_vanishing() -> None:
    found = judged({"grad_norm/w2": from_step(11, 1e-9, 1.0)})
    assert (found.word, found.step, found.layer) == ("vanishing", 11, "w2")
    assert "w2 measures 1e-9, since step 11" in found.reason
    assert judged({"grad_norm/b1": 0.0}).word == "healthy"


def test_the_gravest_verdict_comes_first() -> None:
    everything = {
        "loss": math.nan, "dead_fraction/h1": 0.99, "grad_norm/w1": 0.0, "zero_fraction/h1": 1.0,
        "saturated_fraction/h1": 1.0,
    }  # fmt: skip
    order = []
    for cured in ({}, {"loss": math.log(10)}, {"dead_fraction/h1": 0.0}, {"loss": 1.0}, {"grad_norm/w1": 1.0},
                  {"zero_fraction/h1": 0.5}):  # fmt: skip
        everything |= cured
        order.append(judged(everything).word)
    assert order == ["diverged", "dead", "guessing", "vanishing", "sparse", "healthy"]


def test_a_dead_layer_is_graver_than_a_dying_one_before_it() -> None:
    found = judged({"dead_fraction/h1": 0.2, "dead_fraction/h2": 0.9})
    assert (found.word, found.layer) == ("dead", "h2")


def test_a_verdict_does_not_depend_on_how_long_ago_things_were_fine() -> None:
    dead = {"dead_fraction/h1": from_step(3, 0.99)}
    assert judged(dead, steps=60) == judged(dead, steps=2_000)


extremes = st.floats() | st.sampled_from([0.0, 1.0, 0.5, math.log(10), math.nan, math.inf, -math.inf, 1e300, -1e300])


@settings(max_examples=200, deadline=None)
@given(
    columns=st.fixed_dictionaries({
        name: st.lists(extremes, min_size=1, max_size=4)
        for name in ("loss", "zero_fraction/h1", "silent_fraction/h1", "dead_fraction/h1", "saturated_fraction/h1",
                     "grad_norm/w1", "update_ratio/w1", "dead_fraction/h2", "accuracy/test", "loss/test")
    }),
    steps=st.sampled_from([1, 2, 49, 50, 55]),
    activation=st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid"]),
    begun=st.booleans(),
    looked=st.booleans(),
)  # fmt: skip
def test_whatever_was_recorded_there_is_a_verdict(
    columns: dict[str, list[float]], steps: int, activation: str, begun: bool, looked: bool
) -> None:
    history = History()
    if begun:
        history.begin(start())
    for step in range(steps):
        now = record(step, {name: values[step % len(values)] for name, values in columns.items()}, batches=20)
        rates = {"h1": np.zeros(3, np.float32), "h2": np.ones(3, np.float32)} if looked else {}
        now = replace(now, live=replace(now.live, activation=activation), firing=rates)
        for event in diagnosis.notices(history, now):
            assert event.text.isprintable() or "\u202f" in event.text
        history.append(now)
    found = verdict(history)
    assert found is not None
    assert found.word in (
        "healthy", "sparse", "dying", "dead", "saturated", "guessing", "diverged", "vanishing",
    )  # fmt: skip
    assert found.reason
    assert "\n" not in found.reason
    assert 0 <= found.step < steps


# Notices


def noticed(values: Values, steps: int = 10, live: Live = RAW) -> list[Event]:
    history, found = History(), list[Event]()
    full = canned(values, steps, live)
    for step in range(steps):
        named = {name: float(full.series(name).values[step]) for name in full.names}
        rates = np.ones(UNITS, np.float32)
        rates[: round(UNITS * named.get("dead_fraction/h1", 0))] = 0
        now = replace(record(step, named, batches=steps, live=live), firing={"h1": rates})
        found += diagnosis.notices(history, now)
        history.append(now)
    return found[:-1]  # without the end of the epoch


def test_the_moment_when_half_of_a_layer_falls_silent_is_noticed_once() -> None:
    assert noticed({"silent_fraction/h1": from_step(3, 0.81)}) == [
        Event(3, "h1: 81.0 % of the units silent on the batch")
    ]


def test_the_death_of_a_layer_is_noticed_once() -> None:
    assert noticed({"dead_fraction/h1": from_step(4, 0.99)}) == [
        Event(4, "h1 died: 297 of 300 units fire for no probe image")
    ]


def test_the_step_at_which_the_loss_ceased_to_be_a_number_is_noticed_once() -> None:
    assert noticed({"loss": from_step(6, math.nan, 2.0)}) == [Event(6, "loss is nan: the run diverged")]
    assert noticed({"loss": math.inf}) == [Event(0, "loss is inf: the run diverged")]


def test_the_end_of_an_epoch_is_noticed_with_its_scores() -> None:
    ending = record(9, {"accuracy/test": 0.8235, "loss/test": 0.4567}, batches=10)
    assert list(diagnosis.notices(History(), ending)) == [Event(9, "epoch 1: test accuracy 82.3 %, loss 0.457")]


def test_a_network_of_nan_is_diverged_whatever_its_loss_and_never_dead() -> None:
    found = judged({"loss": math.log(10), "dead_fraction/h1": 0.99, "pre_mean/h1": from_step(30, math.nan)})
    assert (found.word, found.step) == ("diverged", 30)
    assert "pre_mean/h1 is nan since step 30" in found.reason
