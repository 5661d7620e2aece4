"""What the rules find on canned histories: the word, the numbers, since when, the cause, and what would mend it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from canned import (
    AGAIN,
    EVEN,
    INF,
    MEAN,
    NAN,
    NORMALISE,
    NORMALISED,
    RAW,
    TANH,
    UNITS,
    Values,
    at_step,
    because,
    canned,
    changed,
    from_step,
    judged,
    lr,
    noted,
)  # fmt: skip
from conftest import record, start, units
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding, Remedy
from deadrelu_tui.diagnosis.remedies import brisk_rate
from deadrelu_tui.diagnosis.thresholds import little_right, without_bottlenecks
from deadrelu_tui.diagnosis.verdict import WORDS, findings, verdict
from deadrelu_tui.record.columns import Column
from deadrelu_tui.record.commands import Change, Restart, Revive, can_obey_all
from deadrelu_tui.record.history import History
from deadrelu_tui.record.kept import Extent
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import Event, Live, Start

# The whole


def test_before_the_first_step_there_is_nothing() -> None:
    assert verdict(History()) is None
    assert findings(History()) == ()


def test_the_verdict_is_the_first_finding_and_notes_come_last() -> None:
    found = findings(
        canned({"dead_fraction/h1": from_step(1, 0.99), "loss": EVEN, "grad_mean_abs/w1": 0.0, "update_ratio/w1": 0.0})
    )
    assert [(each.rule, each.word) for each in found] == [
        ("DeadRelu", "dead"), ("Guessing", "guessing"), ("VanishingGradient", ""), ("WeightUpdateRatio", ""),
        ("LossNotDecreasing", ""), ("CheckInputImages", ""),
    ]  # fmt: skip


def test_the_gravest_verdict_comes_first() -> None:
    everything: dict[str, Any] = {
        "pre_mean/h1": NAN, "loss": EVEN, "dead_fraction/h1": from_step(5, 0.99), "grad_mean_abs/w1": 0.0,
        "zero_fraction/h1": 0.9,
    }  # fmt: skip
    order = []
    for cured in ({}, {"pre_mean/h1": 0.0}, {"dead_fraction/h1": from_step(5, 0.2)}, {"dead_fraction/h1": 0.0},
                  {"grad_mean_abs/w1": 1.0}, {"loss": 1.0}, {"zero_fraction/h1": 0.5}):  # fmt: skip
        everything |= cured
        order.append(judged(everything).word)
    assert order == ["diverged", "dead", "dying", "vanishing", "guessing", "sparse", "healthy"]
    assert [word for word in WORDS if word not in ("saturated", "early")] == order


def test_a_verdict_does_not_depend_on_how_long_ago_things_were_fine() -> None:
    dead: Values = {"dead_fraction/h1": from_step(3, 0.99), "loss": 1.0}
    assert judged(dead, steps=60) == judged(dead, steps=2_000)


# Healthy and sparse


def test_about_half_zeros_and_no_dead_unit_is_healthy() -> None:
    found = judged({"loss": 0.75})
    assert (found.word, found.remedy) == ("healthy", ())
    silent = {"layer": "h1", "share": 0.0, "of": 300, "probe": 2_000}
    assert found.facts == {"silent": silent, "loss": pytest.approx(0.75), "zeros": {"h1": 0.5}}


def test_many_zeros_without_dead_units_are_sparsity() -> None:
    found = judged({"zero_fraction/h1": 0.82, "dead_fraction/h1": 0.01})
    assert (found.word, found.layer, found.remedy) == ("sparse", "h1", ())
    assert found.facts == {"silent": {"layer": "h1", "share": pytest.approx(0.01), "of": 300, "probe": 2_000}}
    assert found.value == pytest.approx(0.82)
    assert found.threshold == 0.7


def test_what_is_healthy_or_sparse_is_so_over_the_steps_that_were_averaged() -> None:
    assert judged({"loss": 0.75}, steps=60).step == 10
    assert judged({"zero_fraction/h1": 0.82}, steps=60).step == 10
    assert judged({"loss": 0.75}, steps=20).step == 0


def test_zeros_and_silence_say_nothing_of_activations_that_do_not_zero() -> None:
    for activation in ("leaky_relu", "tanh", "sigmoid"):
        live = {**RAW, "activation": activation}
        assert judged({"zero_fraction/h1": 0.9, "dead_fraction/h1": 0.9}, live=live).word == "healthy"


# Dead and dying


def test_a_tenth_of_dead_units_is_dying() -> None:
    found = judged({"dead_fraction/h1": from_step(20, 0.2)})
    assert (found.word, found.layer, found.step, found.threshold) == ("dying", "h1", 20, 0.1)
    assert found.facts == {"of": 300, "probe": 2_000}
    assert judged({"dead_fraction/h1": 0.1}).word == "healthy"


def test_half_of_the_units_dead_is_dead_since_the_step_that_passed_half() -> None:
    deaths = {0: 0.0, 1: 0.3}
    found = judged({"dead_fraction/h1": lambda step: deaths.get(step, 0.99), "zero_fraction/h1": 1.0})
    assert (found.word, found.layer, found.step, found.rule) == ("dead", "h1", 2, "DeadRelu")
    assert (found.value, found.threshold) == (0.99, 0.5)
    assert judged({"dead_fraction/h1": from_step(1, 0.5)}).word == "dying"


def test_units_that_came_back_count_from_their_last_death() -> None:
    assert judged({"dead_fraction/h1": at_step(30, 0.1, 0.9)}).step == 31


def test_the_cause_of_death_is_input_rate_largest_early_update_and_what_makes_the_pre_activation() -> None:
    ratios = {0: INF, 1: 2.3, 2: 51.4, 3: NAN, 4: 90.0}
    found = judged({"dead_fraction/h1": from_step(3, 0.99), "update_ratio/w1": lambda step: ratios.get(step, 1e-3)})
    because(
        found, "overshoot", input=MEAN, changed=False, lr=0.1, at=2, weight="w1", update=51.4,
        of="w1", product=-2.0, bias=-0.5, size=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("live", "events", "first", "remedy", "mean", "changed", "rate"),
    [
        (RAW, [], 2.0, (NORMALISE, AGAIN), MEAN, False, 0.1),
        ({**RAW, "lr": 10}, [], 2_000.0, (Change({"normalise": True, "lr": 0.1}), AGAIN), MEAN, False, 10),
        ({**RAW, "lr": 1e-3}, [], 0.02, (Change({"normalise": True, "lr": 0.1}), AGAIN), MEAN, False, 1e-3),
        (NORMALISED, [], 0.01, (lr(0.02), AGAIN), MEAN / 255, False, 0.1),
        ({**NORMALISED, "lr": 10}, [], 2.0, (lr(0.5), AGAIN), MEAN / 255, False, 10),
        (NORMALISED, [changed(50, "normalise", False, True)], 2.0, (Revive(),), MEAN, True, 0.1),
        (NORMALISED, [changed(50, "lr", 10, 0.1)], 2.0, (Revive(),), MEAN / 255, False, 10),
        (NORMALISED, [changed(5, "normalise", False, True)], 2.0, (lr(0.02), AGAIN), MEAN / 255, False, 0.1),
        (NORMALISED, [Event(50, "pause")], 0.01, (lr(0.02), AGAIN), MEAN / 255, False, 0.1),
    ],
)  # fmt: skip
def test_the_remedy_for_death_depends_on_what_did_the_damage(
    live: Live, events: list[Event], first: float, remedy: Remedy, mean: float, changed: bool, rate: float
) -> None:
    values: Values = {"dead_fraction/h1": from_step(20, 0.9), "update_ratio/w1": at_step(0, first, 1e-3)}
    found = judged(values, live=live, events=events)
    assert (found.word, found.remedy) == ("dead", remedy)
    assert found.cause is not None
    told = {name: found.cause.facts[name] for name in ("input", "changed", "lr")}
    assert told == pytest.approx({"input": mean, "changed": changed, "lr": rate})


def test_the_verdict_is_about_the_worst_layer_and_the_others_follow() -> None:
    values: Values = {
        "dead_fraction/h1": from_step(9, 0.9), "dead_fraction/h2": from_step(4, 0.6),
        "dead_fraction/h3": from_step(4, 0.7),
    }  # fmt: skip
    found = findings(canned(values, widths=(10, 10, 10)))
    assert [(each.layer, each.step) for each in found if each.word == "dead"] == [("h1", 9), ("h3", 4), ("h2", 4)]


def test_of_layers_that_are_lost_as_a_whole_the_first_that_is_so_by_itself_is_named_with_a_remedy() -> None:
    values: Values = {f"dead_fraction/h{number}": share for number, share in enumerate((0.6, 1.0, 1.0, 1.0), 1)}
    for when in (0, 1):
        later = {name: from_step(when, share) for name, share in values.items()}  # type: ignore[arg-type]
        found = findings(canned(later, widths=(10,) * 4, live=NORMALISED))
        assert [each.layer for each in found if each.word == "dead"] == ["h2", "h1", "h3", "h4"]
        assert found[0].remedy
        assert [each.cause and each.cause.kind for each in found if each.layer in ("h3", "h4")] == ["fed_zeros"] * 2


def test_a_dead_layer_is_graver_than_a_dying_one_before_it() -> None:
    found = judged({"dead_fraction/h1": from_step(1, 0.2), "dead_fraction/h2": from_step(5, 0.9)}, widths=(10, 10))
    assert (found.word, found.layer) == ("dead", "h2")


def test_a_layer_that_is_fed_zeros_only_says_so() -> None:
    found = findings(canned({"dead_fraction/h1": from_step(4, 1.0), "dead_fraction/h2": from_step(4, 1.0)},
                            widths=(10, 10)))  # fmt: skip
    assert found[0].cause is not None
    assert found[0].cause.kind == "overshoot"
    assert found[1].layer == "h2"
    because(found[1], "fed_zeros", by=("h1",))


def test_a_layer_that_is_dead_from_the_start_was_born_so_with_the_odds_of_lu() -> None:
    found = judged({"dead_fraction/h1": 1.0}, live=NORMALISED, widths=(3,) * 9)
    assert (found.word, found.rule, found.step) == ("dead", "BornDead", 0)
    assert found.remedy == (Restart({"hidden": [10] * 9}),)
    # Ten layers with the output, width 3: 0.579 were found by Monte Carlo, the bound is 1 − (7/8)^9 = 0.699.
    because(found, "born", units=3, layers=9, width=3, odds=1 - (7 / 8) ** 9)
    uneven = judged({"dead_fraction/h1": 1.0}, widths=(3, 4))
    because(uneven, "born", units=3)
    assert uneven.remedy == (NORMALISE, Restart({"hidden": [8, 8]}))


def test_small_first_weights_are_part_of_the_remedy() -> None:
    found = judged({"dead_fraction/h1": 1.0, "weight_variance/w2": 1e-4}, live={**NORMALISED, "lr": 2},
                   widths=(3, 3))  # fmt: skip
    assert found.remedy == (lr(0.1), Restart({"hidden": [8, 8], "init": "he"}))


def test_where_the_bias_outweighs_what_comes_in_the_first_weights_are_to_blame() -> None:
    values: Values = {"dead_fraction/h2": from_step(3, 1.0), "weight_variance/w2": 1e-4}
    faint = {"h2": {"activity": 1e-6, "pre_mean": -0.5 - 1e-6}}
    found = judged(values, live=NORMALISED, widths=(10, 10), units=faint)
    assert (found.layer, found.remedy) == ("h2", (Restart({"init": "he"}),))
    assert found.cause is not None
    assert found.cause.facts == pytest.approx({
        "first": "h1", "much": 1.0, "last": "h2", "little": 1e-6,
        "of": "w2", "product": pytest.approx(-1e-6, rel=0.1), "bias": -0.5, "size": False,
    })  # fmt: skip


def test_units_that_fire_for_few_images_are_a_note_by_the_field_s_rule_and_no_verdict() -> None:
    found = noted("DeadRelu", {"inactive_fraction/h1": from_step(7, 0.6)})
    assert found is not None
    assert (found.word, found.layer, found.step, found.threshold) == ("", "h1", 7, 0.5)
    assert found.facts == {"of": 300, "probe": 2_000}
    because(found, "few_silent", share=0.0)
    assert judged({"inactive_fraction/h1": 0.6}).word == "healthy"


# Saturated


def test_more_than_half_of_the_units_without_a_gradient_are_saturated() -> None:
    found = judged({"saturated_fraction/h1": from_step(2, 0.9)}, live=TANH)
    assert (found.word, found.rule, found.step) == ("saturated", "SaturatedActivation", 2)
    assert found.remedy == (NORMALISE, AGAIN)
    assert found.facts == {"of": 300, "probe": 2_000}
    because(
        found, "overshoot", input=MEAN, changed=False, lr=0.5, at=0, weight="w1", update=1e-3,
        of="w1", product=2.0, bias=-0.5, size=True,
    )  # fmt: skip
    assert judged({"saturated_fraction/h1": 0.5}, live=TANH).word == "healthy"
    assert judged({"saturated_fraction/h1": 0.9}, live=NORMALISED).word == "healthy"


def test_what_held_before_another_activation_was_chosen_does_not_count() -> None:
    events = [changed(40, "activation", "leaky_relu", "relu")]
    assert judged({"dead_fraction/h1": 0.9}, events=events).step == 40


# Diverged


@pytest.mark.parametrize("loss", [NAN, INF])
def test_a_loss_that_is_no_number_is_diverged_since_the_first_one(loss: float) -> None:
    found = judged({"loss": from_step(33, loss, 7.25), "update_ratio/w1": at_step(32, 1e4, 1e-3)})
    assert (found.word, found.rule, found.step, found.layer) == ("diverged", "ExplodingTensor", 33, "")
    assert repr(found.value) == repr(loss)
    assert found.facts == {"metric": "loss"}
    because(
        found, "overshoot", input=MEAN, changed=False, lr=0.1, at=32, weight="w1", update=1e4, loss_before=7.25,
    )  # fmt: skip


def test_the_series_that_broke_first_is_named_and_of_one_step_the_cause_before_the_effect() -> None:
    values: Values = {"loss": from_step(33, NAN), "pre_mean/h1": from_step(33, NAN), "grad_norm/w1": from_step(32, INF)}
    found = judged(values)
    assert (found.facts, found.layer, found.value, found.step) == ({"metric": "grad_norm"}, "w1", INF, 32)
    found = judged({**values, "grad_norm/w1": from_step(33, NAN)})
    assert (found.facts, found.layer, found.step) == ({"metric": "pre_mean"}, "h1", 33)


def test_what_has_become_a_number_again_is_not_diverged() -> None:
    assert judged({"loss": at_step(30, NAN, 1.0)}).word == "healthy"
    assert judged({"loss": lambda step: NAN if step in (20, 59) else 1.0}).step == 59


def test_a_network_of_nan_is_diverged_whatever_its_loss_and_never_dead() -> None:
    found = judged({"loss": EVEN, "dead_fraction/h1": 0.99, "pre_mean/h1": from_step(30, NAN)})
    assert (found.word, found.step) == ("diverged", 30)


def test_a_loss_beyond_all_losses_is_diverged_though_it_is_a_number() -> None:
    found = judged({"loss": from_step(30, 1e30, 2.0)})
    assert (found.word, found.rule, found.step) == ("diverged", "ExplodedLoss", 30)
    assert found.facts == {"classes": 10}
    assert (found.value, found.threshold) == pytest.approx((1e30, 100 * EVEN))
    assert judged({"loss": from_step(51, 1e30, 2.0)}).word == "healthy"  # nine steps only


def test_a_loss_that_explodes_is_never_called_healthy_from_its_second_step_on() -> None:
    for steps in (2, 3, 10, 60):
        assert judged({"loss": lambda step: 2.3 * 1e5**step if step < 50 else 1e30}, steps=steps).word == "diverged"


def test_a_loss_that_falls_from_a_high_start_has_not_diverged() -> None:
    assert judged({"loss": lambda step: 43_640 * 0.9**step}, steps=25).word != "diverged"


def test_a_layer_that_an_epoch_of_one_step_killed_was_not_born_dead() -> None:
    history = History()
    history.add(start(batches=1, epochs=1))
    made = record(0, {"zero_fraction/h1": 0.5, "pre_mean/h1": -1.0, "dead_fraction/h1": 0.9}, batches=1)
    history.add(replace(made, looks={"h1": units([0.0] * 9 + [1.0])}))
    found = verdict(history)
    assert found is not None
    assert (found.word, found.rule) == ("dead", "DeadRelu")
    assert not history.ledgers["h1"].born_dead.any()


def test_the_gradient_that_revival_itself_has_taken_away_is_not_vanishing() -> None:
    values: dict[str, Any] = {"grad_mean_abs/w1": lambda step: 0.0 if step == 59 else 1e-3, "loss": EVEN * 1.2}
    assert judged(values).word == "vanishing"
    assert judged(values, events=[Event(59, "revive", {"layers": {"h1": 3}})]).word != "vanishing"


def test_death_and_saturation_explain_a_loss_beyond_all_losses() -> None:
    assert judged({"loss": 1e5, "dead_fraction/h1": 0.9}).word == "dead"
    assert judged({"loss": 1e5, "saturated_fraction/h1": 0.9}, live=TANH).word == "saturated"
    assert judged({"loss": from_step(5, 1e5, 2.0), "dead_fraction/h1": 0.2}).word == "diverged"


# Guessing and vanishing


def test_a_loss_at_ln_c_for_fifty_steps_is_guessing() -> None:
    found = judged({"loss": from_step(10, EVEN * 1.009, 3.0)}, steps=60)
    assert (found.word, found.step) == ("guessing", 10)
    assert found.threshold == pytest.approx(EVEN)
    assert found.facts == {"classes": 10}
    assert judged({"loss": from_step(11, EVEN, 1.0)}, steps=60).word == "healthy"
    assert judged({"loss": EVEN * 0.98, "accuracy/test": 0.5}).word == "healthy"


def test_a_loss_no_better_than_guessing_in_its_mean_and_median_is_guessing_whatever_is_right() -> None:
    found = judged({"loss": 3.5, "accuracy/test": 0.13})
    assert (found.word, found.step) == ("guessing", 10)
    assert found.facts == {"classes": 10, "mean": 3.5, "steps": 50}
    wavering: Values = {"loss": lambda step: EVEN * (1.03 if step % 2 else 0.97), "accuracy/test": 0.1}
    assert judged(wavering).word == "guessing"
    falling: Values = {"loss": from_step(40, EVEN, 3.5), "accuracy/test": 0.1}
    assert judged(falling).value == pytest.approx(judged(falling).facts["mean"])  # what was compared, not the last one
    assert judged({**wavering, "accuracy/test": 0.3}).word == "guessing"
    though = judged({"loss": 38.0, "accuracy/test": 0.7})
    assert (though.word, though.facts["though"]) == ("guessing", pytest.approx(0.7))
    assert judged({"loss": lambda step: 1e6 if step % 20 == 7 else 0.6, "accuracy/test": 0.7}).word == "healthy"


def test_a_loss_that_will_be_below_that_of_guessing_soon_is_too_early_to_judge() -> None:
    assert judged({"loss": lambda step: 38 * 0.95**step}, steps=50).word == "early"
    assert judged({"loss": lambda step: 38 * 0.995**step}, steps=50).word == "guessing"
    assert judged({"loss": lambda step: 38 * 0.95**step}, steps=150).word == "healthy"


@pytest.mark.parametrize(("right", "word"), [(0.1, "guessing"), (0.299, "guessing"), (0.301, "healthy")])
def test_hardly_more_right_than_by_lot_is_guessing_whatever_the_loss(right: float, word: str) -> None:
    found = judged({"loss": 2.1, "accuracy/test": right})
    assert found.word == word
    if word == "guessing":
        assert found.facts == {"classes": 10, "right": pytest.approx(right), "loss": pytest.approx(2.1)}


@pytest.mark.parametrize(
    ("classes", "little", "more"), [(2, 0.611, 0.612), (10, 0.299, 0.301), (100, 0.229, 0.231), (1_000, 0.2229, 0.2231)]
)
def test_how_much_is_hardly_more_than_by_lot_goes_by_the_number_of_classes(
    classes: int, little: float, more: float
) -> None:
    assert little_right(little, classes)
    assert not little_right(more, classes)
    assert not little_right(1.0, classes)


def test_a_layer_with_fewer_patterns_than_classes_is_why_a_network_guesses() -> None:
    found = judged({"loss": 2.1, "accuracy/test": 0.2}, live=NORMALISED, widths=(300, 3))
    because(found, "bottleneck", layer="h2", units=3, classes=10)
    assert found.remedy == (Restart({"hidden": [300, 30], "init": "he"}),)
    wide = judged({"loss": 2.1, "accuracy/test": 0.2}, live=NORMALISED, widths=(300, 4))
    assert wide.cause is None or wide.cause.kind != "bottleneck"


@pytest.mark.parametrize(
    ("hidden", "classes", "wider"),
    [((300,), 10, (300,)), ((3,), 10, (30,)), ((4,), 10, (4,)), ((300, 1, 300), 10, (300, 30, 300)), ((1,), 2, (1,)),
     ((6,), 100, (300,)), ((7,), 100, (7,)), ((10_000,), 10, (10_000,))],
)  # fmt: skip
def test_layers_with_fewer_patterns_than_classes_are_given_room(
    hidden: tuple[int, ...], classes: int, wider: tuple[int, ...]
) -> None:
    assert without_bottlenecks(hidden, classes) == wider


def test_first_weights_that_made_a_network_sure_are_why_its_units_died_at_once() -> None:
    values: Values = {"dead_fraction/h1": from_step(3, 0.15), "loss": 2.0, "logit_variance": 1e6, "accuracy/test": 0.45}
    found = judged(values, live=NORMALISED)
    assert found.word == "dying"
    because(found, "too_sure", variance=1e6, loss=2.0)
    assert found.remedy == (Restart({"init": "he"}),)
    late = judged({**values, "dead_fraction/h1": from_step(49, 0.15, 0.05)}, live=NORMALISED)
    assert late.cause is not None
    assert late.cause.kind == "too_sure"
    raw = judged(values, live=RAW)
    assert raw.cause is not None
    assert raw.cause.kind == "overshoot"  # the input is large: it is the update that kills
    later = judged({**values, "dead_fraction/h1": from_step(50, 0.15, 0.05)}, live=NORMALISED)
    assert later.cause is not None
    assert later.cause.kind == "overshoot"


def test_what_was_right_before_the_loss_fell_says_nothing_any_more() -> None:
    then: Values = {"accuracy/test": lambda step: 0.15 if step == 59 else None}
    said = start(batches=60, epochs=3)
    assert judged({**then, "loss": from_step(60, 2.0, 2.1)}, steps=115, said=said).word == "guessing"
    assert judged({**then, "loss": from_step(60, 1.8, 2.1)}, steps=115, said=said).word == "healthy"


# The window of every rule begins anew where something was changed


@pytest.mark.parametrize("event", [changed(56, "lr", 0.01, 0.1), Event(56, "revive", {"layers": {"h1": 3}})])
def test_what_was_before_a_change_is_no_evidence_after_it(event: Event) -> None:
    still: Values = {"loss": lambda step: EVEN if step < 56 else 2.0, "accuracy/test": 0.1}
    assert judged(still, steps=56).word == "guessing"
    found = judged(still, steps=57, events=[event])
    assert (found.word, found.step, found.facts["steps"]) == ("early", 56, 1)
    assert judged(still, steps=66, events=[event]).word == "guessing"  # of ten steps, for hardly any image is right
    longer = {**still, "accuracy/test": lambda step: 0.1 if step < 56 else None}
    assert judged(longer, steps=66, events=[event]).word == "healthy"
    found = judged({**longer, "loss": EVEN}, steps=105, events=[event])
    assert found.word == "early"
    found = judged({**longer, "loss": EVEN}, steps=106, events=[event])
    assert (found.word, found.step) == ("guessing", 56)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, "early"),
        ({"loss": EVEN}, "early"),
        ({"grad_mean_abs/w1": 1e-9}, "early"),
        ({"dead_fraction/h1": from_step(1, 0.9)}, "dead"),
        ({"dead_fraction/h1": from_step(1, 0.2)}, "dying"),
        ({"loss": from_step(1, NAN, 2.3)}, "diverged"),
        ({"loss": from_step(1, 1e9, 2.3)}, "diverged"),
    ],
)
def test_before_ten_steps_only_death_and_divergence_are_told(values: Values, word: str) -> None:
    for steps in (3, 9):
        said = start(batches=235, epochs=1)
        assert judged(values, steps=steps, said=said).word == word
    assert judged(values, steps=10, said=start(batches=235, epochs=1)).word != ("early" if not values else "")


def test_who_raised_the_rate_in_vain_is_not_told_to_lower_it() -> None:
    stands: Values = {"loss": EVEN, "update_ratio/w1": 0.5}
    init = {name: value for name, value in start().settings.items() if name != "init"}
    said = replace(start(batches=120, epochs=1), settings={**init, "activation": "tanh"})
    live = {**NORMALISED, "activation": "none of ours"}
    lower = judged(stands, steps=120, live=live, said=said)
    assert lower.remedy == (lr(0.02), AGAIN)
    raised = judged(stands, steps=120, live=live, said=said, events=[changed(60, "lr", 0.05, 0.1)])
    assert (raised.word, raised.remedy) == ("guessing", ())


def test_who_has_lowered_the_rate_of_a_network_that_learned_is_told_to_raise_it() -> None:
    slow: Values = {"loss": from_step(60, EVEN, 0.9), "update_ratio/w1": 1e-6}
    events = [changed(60, "lr", 0.2, 1e-6)]
    found = judged(slow, steps=120, live={**NORMALISED, "lr": 1e-6}, events=events)
    assert (found.word, found.remedy) == ("guessing", (lr(0.02),))
    in_vain = judged({**slow, "loss": EVEN}, steps=120, live={**NORMALISED, "lr": 1e-6}, events=events)
    assert (in_vain.word, in_vain.remedy) == ("guessing", (lr(0.1), Restart({"init": "he"})))


def test_a_test_within_an_epoch_makes_nothing_sure_of_a_few_steps() -> None:
    tested, said = {"loss": EVEN, "accuracy/test": 0.1}, start(batches=235, epochs=1)
    assert judged(tested, steps=9, said=said).word == "early"
    assert judged(tested, steps=20, said=said).word == "guessing"


def test_a_run_of_fewer_than_fifty_steps_guesses_if_it_has_learned_nothing_by_its_end() -> None:
    assert judged({"loss": EVEN, "accuracy/test": 0.1}, steps=32).word == "guessing"
    assert judged({"loss": EVEN, "accuracy/test": 0.31}, steps=32).word == "early"
    assert judged({"loss": 2.0, "accuracy/test": 0.31}, steps=32).word == "healthy"
    assert judged({"loss": EVEN, "accuracy/test": from_step(31, 0.1, NAN)}, steps=31).word == "early"


def test_a_network_that_guesses_because_its_steps_are_small_is_told_a_rate() -> None:
    found = judged({"loss": EVEN, "update_ratio/w1": 3.5e-5}, live={**NORMALISED, "lr": 1e-4})
    because(found, "usual_update", lr=1e-4, weight="w1", update=3.5e-5, feeble=True)
    assert found.remedy == (lr(0.05),)
    assert judged({"loss": EVEN, "update_ratio/w1": 0.0}, live=NORMALISED).remedy == (lr(0.2),)
    he = Restart({"init": "he"})  # a lower rate alone cured none of nine
    assert judged({"loss": EVEN, "update_ratio/w1": 0.5}, live=NORMALISED).remedy == (he,)
    assert judged({"loss": EVEN, "update_ratio/w1": NAN}, live=NORMALISED).remedy == (he,)


def test_a_network_whose_layers_say_ever_less_is_told_another_init() -> None:
    found = judged({"loss": EVEN}, live=NORMALISED, widths=(10, 10), units={"h2": {"activity": 4.7e-4}})
    assert (found.word, found.remedy) == ("guessing", (Restart({"init": "he"}),))
    because(found, "ever_less", first="h1", much=1.0, last="h2", little=4.7e-4)


def test_first_weights_that_make_the_logits_vary_are_the_cause_of_a_high_loss() -> None:
    sure: Values = {"loss": 38.0, "logit_variance": lambda step: 6e5 if not step else None, "accuracy/test": 0.7}
    found = judged(sure, live=NORMALISED)
    assert (found.word, found.remedy) == ("guessing", (Restart({"init": "he"}),))
    because(found, "too_sure", variance=6e5, loss=38.0)
    raw = judged(sure, live=RAW)
    because(raw, "too_sure", variance=6e5, loss=38.0, input=MEAN)
    assert raw.remedy == (NORMALISE, Restart({"init": "he"}))
    slow = judged(sure, live={**NORMALISED, "lr": 0.001})
    assert slow.remedy == (lr(0.1), Restart({"init": "he"}))  # with such weights the rate may well have been so small
    modest = judged({**sure, "logit_variance": lambda step: None if step else 100.0}, live=NORMALISED)
    assert modest.cause is None or modest.cause.kind != "too_sure"


def test_a_gradient_that_shrinks_on_its_way_back_wants_another_activation_or_where_some_is_left_a_higher_rate() -> None:
    live = {**NORMALISED, "activation": "sigmoid"}
    gone: Values = {"loss": EVEN, "grad_mean_abs/w1": 1e-5, "grad_mean_abs/w2": 1e-3, "grad_mean_abs/w3": 2e-2}
    found = judged(gone, live=live, widths=(10, 10))
    assert found.word == "guessing"
    assert found.cause is not None
    assert found.cause.facts["sizes"] == pytest.approx({"w3": 2e-2, "w2": 1e-3, "w1": 1e-5})
    assert found.remedy == (Change({"activation": "tanh"}), Restart({"init": "he"}))
    some = judged({**gone, "grad_mean_abs/w1": 1.3e-4}, live=live, widths=(10, 10))
    assert some.remedy == (lr(0.5),)
    at_most = judged({**gone, "grad_mean_abs/w1": 1.3e-4}, live={**live, "lr": 0.5}, widths=(10, 10))
    assert at_most.remedy == (Change({"lr": 0.1, "activation": "tanh"}), Restart({"init": "he"}))
    enough = judged({**gone, "grad_mean_abs/w1": 5e-4}, live=live, widths=(10, 10))
    assert enough.cause is None or enough.cause.kind != "shrinking"


def test_small_first_weights_are_told_against_those_of_he() -> None:
    small: Values = {"loss": EVEN, "update_ratio/w1": 0.05, "weight_variance/w2": 1e-8}
    found = judged(small, live=NORMALISED)
    assert (found.word, found.remedy) == ("guessing", (Restart({"init": "he"}),))
    because(found, "small_weights", weight="w2", share=1e-8 * UNITS / 2)


@pytest.mark.parametrize(("share", "born", "word"), [(0.15, 0.15, "guessing"), (0.15, 0.07, "dying")])
def test_few_dead_that_were_born_so_are_no_reason_why_nothing_is_learned(share: float, born: float, word: str) -> None:
    found = judged(
        {"loss": EVEN, "update_ratio/w1": 1e-6, "dead_fraction/h1": lambda step: share if step else born},
        live={**NORMALISED, "lr": 1e-5},
    )
    assert found.word == word
    if word == "guessing":
        assert found.remedy == (lr(0.2),)


@pytest.mark.parametrize(("right", "rate", "told"), [(0.5, 0.1, False), (0.49, 0.1, True), (0.7, 0.2, True)])
def test_who_learns_in_spite_of_dying_units_is_told_no_lower_rate(right: float, rate: float, told: bool) -> None:
    dying: Values = {"dead_fraction/h1": from_step(20, 0.2), "accuracy/test": right, "update_ratio/w1": 0.2}
    found = judged(dying, live={**NORMALISED, "lr": rate})
    assert (found.word, bool(found.remedy)) == ("dying", told)


@pytest.mark.parametrize(("update", "word"), [(2.0**24, "early"), (2.0**25, "diverged")])
def test_an_update_that_leaves_nothing_of_the_weights_is_diverged(update: float, word: str) -> None:
    found = judged({"update_ratio/w1": update}, live=NORMALISED, steps=1, said=start(batches=235, epochs=1))
    assert (found.word, found.rule) == (word, "ExplodedUpdate" if word == "diverged" else "")


def test_a_mean_gradient_of_nearly_nothing_is_vanishing() -> None:
    values: Values = {"grad_mean_abs/w1": from_step(11, 1e-9, 1.0), "grad_mean_abs/w2": 0.01}
    found = judged(values, live=NORMALISED)
    assert (found.word, found.step, found.layer) == ("vanishing", 11, "w1")
    assert found.remedy == (Restart({"init": "he"}),)
    assert found.facts == {"more": 0}
    assert found.cause is not None
    assert found.cause.kind == "shrinking"
    assert list(found.cause.facts["sizes"].items()) == [("w2", pytest.approx(0.01)), ("w1", pytest.approx(1e-9))]
    sigmoid = judged(values, live={**RAW, "activation": "sigmoid"})
    assert sigmoid.remedy == (Change({"normalise": True, "activation": "tanh"}), Restart({"init": "he"}))
    assert judged(values, live={**NORMALISED, "lr": 10}).remedy == (lr(0.5), AGAIN)
    assert judged({"grad_mean_abs/b1": 0.0, "grad_mean_abs/w1": 1e-7}).word == "healthy"


def test_a_gradient_that_a_dead_layer_holds_up_is_a_note_that_says_so() -> None:
    values: Values = {"grad_mean_abs/w1": 0.0, "grad_mean_abs/w2": 0.0, "dead_fraction/h1": from_step(3, 0.9)}
    found = noted("VanishingGradient", values)
    assert found is not None
    assert (found.word, found.layer, found.facts) == ("", "w1", {"more": 1})
    because(found, "lost_layer", layer="h1", share=0.9, state="dead", image=False)


def test_a_gradient_is_small_also_when_little_is_left_to_learn() -> None:
    found = noted("VanishingGradient", {"grad_mean_abs/w1": 1e-8, "loss": 1e-4})
    assert found is not None
    assert found.word == ""
    because(found, "little_left", loss=1e-4)


# Notes


def test_updates_out_of_proportion_are_noted_of_weights_only() -> None:
    found = noted("WeightUpdateRatio", {"update_ratio/w1": from_step(5, 11.0), "update_ratio/b1": INF})
    assert found is not None
    assert (found.layer, found.value, found.threshold, found.step) == ("w1", 11, 10, 5)
    assert (found.facts.get("more", 0), found.remedy) == (0, (lr(0.05),))
    because(found, "overshoot", input=MEAN, changed=False, lr=0.1)
    found = noted("WeightUpdateRatio", {"update_ratio/w1": 1e-9, "update_ratio/b1": 0.0})
    assert found is not None
    assert (found.layer, found.threshold, found.step) == ("w1", 1e-8, 0)
    assert (found.facts, found.cause, found.remedy) == ({"more": 0}, None, (lr(0.2),))
    assert noted("WeightUpdateRatio", {"update_ratio/w1": 10.0}) is None
    assert noted("WeightUpdateRatio", {"update_ratio/w1": 1e-8}) is None


def test_first_weights_of_unlike_variance_and_a_first_gradient_without_range_are_noted() -> None:
    found = noted("PoorWeightInitialization", {"weight_variance/w1": 0.002, "weight_variance/w2": 0.2})
    assert found is not None
    assert (found.layer, found.facts) == ("w2", {"than": "w1"})
    assert found.value == pytest.approx(100)
    assert noted("PoorWeightInitialization", {"weight_variance/w1": 0.02, "weight_variance/w2": 0.19}) is None
    found = noted("PoorWeightInitialization", {"grad_range/w1": 1e-5, "grad_range/w2": 1e-3})
    assert found is not None
    assert (found.layer, found.facts) == ("w1", {"more": 0})
    assert found.value == pytest.approx(1e-5)


def test_of_the_first_weights_of_a_training_that_was_joined_later_nothing_is_said() -> None:
    for values in ({"weight_variance/w1": 0.002, "weight_variance/w2": 0.2}, {"grad_range/w1": 1e-5}):
        assert noted("PoorWeightInitialization", values, first=5_000) is None
    dead: Values = {"dead_fraction/h2": from_step(3, 0.9), "weight_variance/w2": 1e-4}
    faint = {"h2": {"pre_mean": -0.5 - 1e-6}}
    joined = judged(dead, live=NORMALISED, widths=(10, 10), units=faint, first=5_000)
    assert joined.remedy == (lr(0.02), AGAIN)


def test_a_loss_that_falls_by_less_than_a_thousandth_in_ten_steps_is_noted() -> None:
    found = noted("LossNotDecreasing", {"loss": from_step(50, 1.9991, 2.0)})
    assert found is not None
    assert found.value == pytest.approx(4.5e-4, rel=1e-3)
    assert found.facts == {"steps": 10}
    because(found, "means", before=2.0, now=1.9991)
    assert noted("LossNotDecreasing", {"loss": from_step(50, 1.997, 2.0)}) is None
    assert noted("LossNotDecreasing", {"loss": 2.0}, steps=19) is None
    rising = noted("LossNotDecreasing", {"loss": from_step(50, 3.0, 2.0)})
    assert rising is not None
    assert rising.value == -0.5
    because(rising, "means", before=2.0, now=3.0)


def test_pixels_that_are_not_centred_are_noted_as_they_are_fed() -> None:
    found = noted("CheckInputImages", {})
    assert found is not None
    assert (found.value, found.facts, found.remedy) == (MEAN, {"deviation": pytest.approx(90.0, abs=0.1)}, (NORMALISE,))
    found = noted("CheckInputImages", {}, live=NORMALISED)
    assert found is not None
    assert (found.threshold, found.remedy) == (0.2, ())
    assert found.value == pytest.approx(0.286, abs=1e-3)


def test_a_test_loss_a_tenth_above_the_epoch_s_training_loss_is_noted() -> None:
    found = noted("Overfit", {"loss": 1.0, "loss/test": 1.2})
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.step == 59
    assert found.facts == pytest.approx({"test": 1.2, "train": 1.0})
    assert noted("Overfit", {"loss": 1.0, "loss/test": 1.09}) is None
    within = noted("Overfit", {"loss": 1.0, "loss/test": 1.2}, said=start(batches=235, epochs=1))
    assert within is not None
    assert within.facts == pytest.approx({"test": 1.2, "train": 1.0, "steps": 60})


# What the run can be asked to do

CURES: list[tuple[Values, Live, list[Event], tuple[int, ...]]] = [
    ({"dead_fraction/h1": from_step(20, 0.9), "update_ratio/w1": at_step(0, 2.0, 1e-3)}, RAW, [], (300,)),
    ({"dead_fraction/h1": from_step(20, 0.9), "update_ratio/w1": at_step(0, 2.0, 1e-3)}, {**RAW, "lr": 10}, [], (300,)),
    ({"dead_fraction/h1": from_step(20, 0.9)}, NORMALISED, [changed(50, "normalise", False, True)], (300,)),
    ({"dead_fraction/h1": 1.0}, RAW, [], (3, 4)),
    ({"saturated_fraction/h1": 0.9}, TANH, [], (300,)),
    ({"loss": from_step(33, NAN)}, RAW, [], (300,)),
    ({"loss": 1e5}, RAW, [], (300,)),
    ({"grad_mean_abs/w1": 1e-9, "grad_mean_abs/w2": 0.01}, {**RAW, "activation": "sigmoid"}, [], (300,)),
    ({"loss": EVEN, "update_ratio/w1": 3.5e-5}, NORMALISED, [], (300,)),
    ({"loss": EVEN, "update_ratio/w1": 0.5}, NORMALISED, [], (300,)),
    ({"update_ratio/w1": 11.0}, RAW, [], (300,)),
]


@pytest.mark.parametrize("lacking", ["restart", "lr", "normalise", "activation", "revive"])
def test_no_remedy_asks_for_what_the_run_cannot_do_and_the_others_stay_as_they_are(lacking: str) -> None:
    withheld = 0
    for values, live, events, widths in CURES:
        said = start(batches=60, epochs=1, hidden=widths)
        whole = findings(canned(values, live=live, events=events, widths=widths, said=said))
        can = said.can - {lacking}
        found = findings(canned(values, live=live, events=events, widths=widths, said=replace(said, can=can)))
        assert repr([replace(each, remedy=()) for each in found]) == repr([replace(each, remedy=()) for each in whole])
        for each, full in zip(found, whole, strict=True):
            assert can_obey_all(can, each.remedy)
            if can_obey_all(can, full.remedy):
                assert each.remedy == full.remedy
            else:
                withheld += 1
    assert withheld


def test_what_cannot_be_restarted_is_told_no_restart() -> None:
    dead: Values = {"dead_fraction/h1": from_step(20, 0.9), "update_ratio/w1": at_step(0, 2.0, 1e-3)}
    said = start(batches=60, epochs=1)
    found = judged(dead, said=replace(said, can=said.can - {"restart"}))
    assert (found.word, found.remedy) == ("dead", ())
    assert found.cause == judged(dead, said=said).cause
    pixels = noted("CheckInputImages", dead, said=replace(said, can=said.can - {"restart"}))
    assert pixels is not None
    assert pixels.remedy == (NORMALISE,)  # that needs no restart


def test_whose_rate_cannot_be_changed_is_told_no_other_rate() -> None:
    slow: Values = {"loss": EVEN, "update_ratio/w1": 3.5e-5}
    said = start(batches=60, epochs=1)
    assert judged(slow, live=NORMALISED, said=said).remedy == (lr(0.5),)
    found = judged(slow, live=NORMALISED, said=replace(said, can=said.can - {"lr"}))
    assert (found.word, found.remedy) == ("guessing", (Restart({"init": "he"}),))


def test_what_can_be_asked_for_nothing_and_what_has_told_no_start_is_told_no_remedy() -> None:
    for values, live, events, widths in CURES:
        said = replace(start(batches=60, epochs=1, hidden=widths), can=frozenset())
        found = findings(canned(values, live=live, events=events, widths=widths, said=said))
        assert {each.remedy for each in found} == {()}
    history = History()
    for step in range(60):
        history.add(record(step, {"dead_fraction/h1": 0.9, "update_ratio/w1": 11.0}))
    assert {each.remedy for each in findings(history)} == {()}


def test_a_restart_is_told_only_of_settings_that_there_are() -> None:
    said = start(batches=60, epochs=1, hidden=(3, 3))
    bare = replace(said, settings={name: value for name, value in said.settings.items() if name != "hidden"})
    values: Values = {"dead_fraction/h1": 1.0, "weight_variance/w2": 1e-4}
    assert judged(values, live=NORMALISED, said=bare).remedy == (Restart({"init": "he"}),)


def test_a_network_that_does_not_classify_never_guesses() -> None:
    said = replace(start(batches=60, epochs=1), classes=None)
    assert judged({"loss": EVEN}, said=start(batches=60, epochs=1)).word == "guessing"
    assert judged({"loss": EVEN, "accuracy/test": 0.1}, said=said).word == "healthy"
    assert judged({"loss": from_step(5, 1e5)}, said=said).word == "healthy"
    assert judged({"loss": math.log(2)}, said=replace(said, classes=2)).word == "guessing"


def test_of_an_input_that_is_not_known_nothing_is_said() -> None:
    said = replace(start(batches=60, epochs=1), facts={})
    assert noted("CheckInputImages", {}, said=said) is None
    found = judged({"dead_fraction/h1": from_step(3, 0.9)}, said=said)
    assert found.cause is not None
    assert "input" not in found.cause.facts
    assert found.cause.facts["lr"] == 0.1


def test_a_training_with_nothing_to_turn_is_judged_as_any_other() -> None:
    said = replace(start(batches=60, epochs=1), can=frozenset({"stop"}))
    found = judged({"dead_fraction/h1": from_step(3, 0.9)}, live={}, said=said)
    assert (found.word, found.step, found.remedy) == ("dead", 3, ())
    assert found.cause is not None
    assert "lr" not in found.cause.facts
    because(judged({"loss": EVEN}, live={}, said=said), "usual_update", weight="w1", update=1e-3, feeble=False)


# Names and numbers

ODD = Network(
    (
        Layer("encoder.1/mlp.act", 10, "relu", "encoder.1/mlp.weight", "encoder.1/mlp.bias"),
        Layer("encoder.2/mlp.act", 10, "relu", "encoder.2/mlp.weight", "encoder.2/mlp.bias", ("encoder.1/mlp.act",)),
        Layer("encoder.3/mlp.act", 10, "relu", "encoder.3/mlp.weight", None,
              ("encoder.2/mlp.act", "encoder.1/mlp.act")),
    ),
    (
        Parameter("encoder.1/mlp.weight", (10, 3, 3, 3)), Parameter("encoder.1/mlp.bias", (10,)),
        Parameter("encoder.1/norm.scale", (10,)),
        Parameter("encoder.2/mlp.weight", (10, 10)), Parameter("encoder.2/mlp.bias", (10,)),
        Parameter("encoder.3/mlp.weight", (10, 10)),
        Parameter("head/weight", (10, 10)), Parameter("head/bias", (10,)),
    ),
)  # fmt: skip
FIRST, SECOND, THIRD = ODD.names


def odd() -> Start:
    """Return the start of a network whose names have every separator in them, and a layer that two others feed."""
    return replace(start(batches=60, epochs=1), network=ODD, metrics=all_of(ODD))


def test_layers_of_any_name_are_told_with_the_weights_before_them() -> None:
    values: Values = {
        f"dead_fraction/{SECOND}": from_step(9, 0.9),
        "update_ratio/encoder.1/mlp.weight": at_step(7, 4.0, 1e-3),
        "update_ratio/encoder.2/mlp.weight": at_step(8, 3.0, 1e-3),
        "update_ratio/encoder.1/norm.scale": at_step(8, 90.0, 1e-3),
        "update_ratio/encoder.3/mlp.weight": at_step(8, 50.0, 1e-3),
        "update_ratio/head/weight": at_step(8, 60.0, 1e-3),
    }
    found = judged(values, said=odd())
    assert (found.word, found.layer, found.step) == ("dead", "encoder.2/mlp.act", 9)
    because(
        found, "overshoot", input=MEAN, changed=False, lr=0.1, at=7, weight="encoder.1/mlp.weight", update=4.0,
        of="encoder.2/mlp.weight", product=-2.0, bias=-0.5, size=False,
    )  # fmt: skip


def test_a_dead_layer_of_any_name_is_named_as_the_cause_of_the_one_that_it_feeds() -> None:
    values: dict[str, Any] = {f"dead_fraction/{FIRST}": from_step(4, 1.0), f"dead_fraction/{SECOND}": from_step(5, 1.0)}
    first, second = (each for each in findings(canned(values, said=odd())) if each.word == "dead")
    assert (first.layer, second.layer) == (FIRST, SECOND)
    assert first.cause is not None
    assert first.cause.kind == "overshoot"
    because(second, "fed_zeros", by=(FIRST,))
    assert second.remedy == ()

    # What lives beside it feeds on.
    values = {f"dead_fraction/{SECOND}": from_step(4, 1.0), f"dead_fraction/{THIRD}": from_step(5, 1.0)}
    assert "fed_zeros" not in {each.cause.kind for each in findings(canned(values, said=odd())) if each.cause}
    values |= {f"dead_fraction/{FIRST}": from_step(3, 1.0)}
    dead = {each.layer: each for each in findings(canned(values, said=odd())) if each.word == "dead"}
    because(dead[THIRD], "fed_zeros", by=(SECOND, FIRST))


def test_the_other_rules_name_layers_and_parameters_as_the_network_does() -> None:
    first, second = ODD.weights()[:2]
    assert judged({f"pre_mean/{THIRD}": from_step(7, NAN)}, said=odd()).layer == THIRD
    assert judged({f"grad_norm/{second}": from_step(7, INF)}, said=odd()).layer == second
    assert judged({f"saturated_fraction/{THIRD}": from_step(7, 0.9)}, live=TANH, said=odd()).layer == THIRD
    vanishing = judged({f"grad_mean_abs/{first}": 1e-9, "grad_mean_abs/encoder.1/norm.scale": 0.0}, said=odd())
    assert (vanishing.word, vanishing.layer) == ("vanishing", first)
    sparse = judged({f"zero_fraction/{THIRD}": 0.9}, said=odd())
    assert (sparse.word, sparse.layer) == ("sparse", THIRD)
    ratio = noted("WeightUpdateRatio", {"update_ratio/head/weight": 11.0, "update_ratio/encoder.1/norm.scale": 99.0},
                  said=odd())  # fmt: skip
    assert ratio is not None
    assert ratio.layer == "head/weight"
    # He's variance is 2 / 27 for the first layer; those behind it have ten inputs.
    faint = {SECOND: {"pre_mean": -0.5 - 1e-6}}
    dead: Values = {f"dead_fraction/{SECOND}": from_step(3, 0.9)}
    timid = judged({**dead, f"weight_variance/{second}": 0.4 * 0.2 - 1e-3}, live=NORMALISED, said=odd(), units=faint)
    assert timid.remedy == (Restart({"init": "he"}),)
    bold = judged({**dead, f"weight_variance/{second}": 0.4 * 0.2 + 1e-3}, live=NORMALISED, said=odd(), units=faint)
    assert bold.remedy == (lr(0.02), AGAIN)


@pytest.mark.parametrize(
    "values",
    [
        {"dead_fraction/h1": from_step(20, 0.9), "update_ratio/w1": at_step(0, 2.0, 1e-3)},
        {"dead_fraction/h1": from_step(20, 0.2), "update_ratio/w1": at_step(19, 7.0, 1e-3)},
        {"loss": from_step(33, NAN, 7.25)},
        {"loss": from_step(30, 1e30, 2.0)},
        {"loss": from_step(8, EVEN, 3.0)},
        {"grad_mean_abs/w1": from_step(11, 1e-9, 1.0)},
    ],
)
def test_a_run_that_is_joined_late_is_judged_as_one_that_is_watched_from_its_first_step(values: Values) -> None:
    found, joined = judged(values), judged(values, first=5_000)
    assert (joined.rule, joined.word, joined.remedy) == (found.rule, found.word, found.remedy)
    assert joined.step == found.step + 5_000


# A run that goes on meanwhile


class Growing(History):
    """A history that another thread adds to whenever somebody looks: after each look everything is worse."""

    grows = False

    @property
    def _now(self) -> Extent:
        now = super()._now
        if self.grows:
            last = self._kept.extent().last
            worse = {
                "loss": NAN, "pre_mean/h1": INF, "grad_norm/w1": NAN, "grad_norm/w2": NAN, "update_ratio/w1": 1e9,
                "update_ratio/w2": 1e9, "dead_fraction/h1": 1.0, "saturated_fraction/h1": 1.0,
                "inactive_fraction/h1": 1.0, "zero_fraction/h1": 1.0, "grad_mean_abs/w1": 0.0,
                "accuracy/test": 0.0, "loss/test": 1e9, f"never_heard_of_{last}": 1.0,
            }  # fmt: skip
            live = {"normalise": False, "lr": 1e9, "activation": "sigmoid"}
            self._kept.add(Event(last, "revive", {"layers": {"h1": 300}}))
            made = record(last + 1, worse, live=live)
            looks = {name: units([0.0] * len(ledger.lost), "sigmoid") for name, ledger in now.ledgers.items()}
            self._kept.add(replace(made, looks=looks))
        return now


@pytest.mark.parametrize(("values", "live", "events", "widths"), CURES)
def test_the_findings_of_a_run_that_goes_on_meanwhile_are_those_of_one_step(
    values: Values, live: Live, events: list[Event], widths: tuple[int, ...]
) -> None:
    history = canned(values, live=live, events=events, widths=widths)
    still, first = findings(history.frozen()), verdict(history.frozen())
    growing = Growing()
    growing._kept = history._kept
    growing.grows = True
    assert repr(findings(growing)) == repr(still)  # NaN is not equal to itself
    assert growing._kept.extent().last > 60
    again = canned(values, live=live, events=events, widths=widths)
    growing._kept = again._kept
    assert repr(verdict(growing)) == repr(first)
    assert growing._kept.extent().last > 60


def test_the_findings_of_a_past_step_are_those_that_it_had() -> None:
    values: Values = {"dead_fraction/h1": from_step(20, 0.9), "loss": from_step(40, NAN, 2.0)}
    said, events = start(batches=60, epochs=1), [changed(30, "normalise", False, True)]
    history = canned(values, live=NORMALISED, events=events, said=said)
    for steps in (1, 5, 20, 21, 30, 31, 39, 40, 41, 59, 60):
        live, so_far = (RAW, []) if steps <= 30 else (NORMALISED, events)
        then = canned(values, steps=steps, live=live, events=so_far, said=said)
        assert repr(findings(history.until(steps - 1))) == repr(findings(then)), steps


# Whatever was recorded

extremes = st.floats() | st.sampled_from(
    [0.0, 1.0, 0.5, math.log(10), NAN, INF, -INF, 1e300, -1e300, 5e-324, 1e-40, 1e-7]
)
NAMES = (
    "loss", "zero_fraction/h1", "dead_fraction/h1", "inactive_fraction/h1", "saturated_fraction/h1",
    "dead_fraction/h2", "pre_mean/h1", "grad_norm/w1", "update_ratio/w1", "update_ratio/w2", "grad_mean_abs/w1",
    "grad_mean_abs/w2", "weight_variance/w1", "weight_variance/w2", "grad_range/w1", "accuracy/test", "loss/test",
)  # fmt: skip
marks = st.builds(
    Event,
    st.integers(0, 60),
    st.sampled_from(["change", "revive", "pause", "resume", "epoch", "of another version", ""]),
    st.sampled_from([
        {}, {"setting": "lr", "before": 0.1, "now": 10}, {"setting": "momentum"}, {"layers": {"h1": 3}},
    ]),
)  # fmt: skip


def sound(found: tuple[Finding, ...], steps: int, can: frozenset[str]) -> None:
    """Check what holds of all findings on a run that can be asked for so much."""
    assert found
    words = [each.word for each in found if each.word]
    assert words
    assert found[0].word == words[0]
    # A network that guesses comes before one that is dying where the dead were born so: they are not why.
    guesses = words[0] == "guessing" and "dying" in words
    graded = [word for word in words if not guesses or word != "guessing"]
    assert graded == sorted(graded, key=WORDS.index)
    for each in found:
        reason = telling.reason(each)
        assert telling.found(each)
        assert "\n" not in reason
        assert not reason.endswith(".")
        assert 0 <= each.step < steps
        assert each.word in (*WORDS, "")
        assert can_obey_all(can, each.remedy)


@settings(max_examples=300, deadline=None)
@given(
    columns=st.dictionaries(st.sampled_from(NAMES), st.lists(extremes, min_size=1, max_size=4)),
    steps=st.sampled_from([1, 2, 19, 20, 49, 50, 55]),
    live=st.fixed_dictionaries({}, optional={
        "lr": st.sampled_from([1e-300, 1e-6, 0.1, 1e300]), "normalise": st.booleans(),
        "activation": st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid", "gelu"]), "momentum": st.just(0.9),
    }),
    can=st.none() | st.frozensets(st.sampled_from(["restart", "revive", "lr", "normalise", "activation", "pause"])),
    classes=st.sampled_from([None, 2, 10]),
    numbers=st.sampled_from([(0, 1), (1, 1), (0, 3), (5_000, 10)]),
    shares=st.none() | st.lists(extremes, max_size=3),
    events=st.lists(marks, max_size=3),
)  # fmt: skip
@example(
    {"dead_fraction/h1": [0.0, 0.0, 0.0, 0.5], "loss": [0.0]}, 20, {}, frozenset(), 2, (0, 1), [0.0], [],
)  # fmt: skip
def test_whatever_was_recorded_there_is_a_verdict(
    columns: dict[str, list[float]], steps: int, live: Live, can: frozenset[str] | None, classes: int | None,
    numbers: tuple[int, int], shares: list[float] | None, events: list[Event],
) -> None:  # fmt: skip
    first, stride = numbers
    history = History()
    if can is not None:
        history.add(replace(start(first=first), can=can, classes=classes))
    for event in events:
        history.add(event)
    for step in range(steps):
        now = record(
            step, {name: values[step % len(values)] for name, values in columns.items()}, batches=20, live=live
        )
        with np.errstate(all="ignore"):
            looked = {} if shares is None else {
                "h1": units(shares, live.get("activation", "relu"), bias=shares[::-1])
            }  # fmt: skip
        history.add(replace(now, step=first + stride * step, looks=looked))
    found = findings(history)
    sound(found, first + stride * (steps - 1) + 1, can or frozenset())
    assert repr(verdict(history)) == repr(found[0])  # NaN is not equal to itself


MILLION = 1_000_000


def long(values: Mapping[str, Any], steps: int = MILLION) -> History:
    """Return a run with whole columns put in place: to append so many records would take minutes."""
    history = History()
    history.add(start(batches=235, epochs=steps // 235 + 1))
    kept = history._kept
    columns = {"loss": 1.0, "pre_mean/h1": -1.0, "grad_norm/w1": 1.0, "update_ratio/w1": 1e-3} | dict(values)
    for name, value in columns.items():
        column = kept.dense[name] = Column()
        with np.errstate(over="ignore"):
            column._values = np.broadcast_to(np.asarray(value, np.float32), steps).copy()
        column._count = steps
    moments = 2 * np.arange(0, steps, 100)
    kept.sparse["dead_fraction/h1"] = steps_of, shares = Column(np.int64), Column()
    steps_of._values, shares._values = moments, np.zeros(len(moments), np.float32)
    steps_of._count = shares._count = len(moments)
    kept._now = Extent(rows=steps, last=steps - 1, start=history.start, came=1, names=(*kept.dense, *kept.sparse))
    kept.live.set(0, RAW)
    return history


@pytest.mark.parametrize(
    ("values", "word", "step"),
    [
        ({}, "healthy", 999_950),
        ({"loss": EVEN}, "guessing", 0),
        ({"loss": np.where(np.arange(MILLION) < 1, 2.3, 1e20)}, "diverged", 1),
        ({"loss": 1e20}, "guessing", 999_950),
        ({"loss": NAN, "pre_mean/h1": NAN, "grad_norm/w1": NAN}, "diverged", 0),
        ({"loss": np.where(np.arange(MILLION) < 70_000, 1.0, NAN)}, "diverged", 70_000),
        ({"loss": np.where(np.arange(MILLION) < 999_930, 1.0, EVEN)}, "guessing", 999_930),
    ],
)  # fmt: skip
def test_a_million_steps_are_judged_as_a_few_are(values: dict[str, Any], word: str, step: int) -> None:
    found = verdict(long(values))
    assert found is not None
    assert (found.word, found.step) == (word, step)


@settings(max_examples=15, deadline=None)
@given(
    columns=st.dictionaries(st.sampled_from(["loss", "pre_mean/h1", "grad_norm/w1", "update_ratio/w1"]), extremes),
    spikes=st.lists(st.tuples(st.sampled_from(["loss", "pre_mean/h1"]), st.integers(0, MILLION - 1), extremes)),
)
def test_whatever_a_million_steps_hold_there_is_a_verdict(
    columns: dict[str, float], spikes: list[tuple[str, int, float]]
) -> None:
    history = long(columns)
    with np.errstate(over="ignore"):
        for name, step, value in spikes:
            history._kept.dense[name]._values[step] = value
    sound(findings(history), MILLION, start().can)


def test_the_ladders_end() -> None:
    assert brisk_rate(1e-300, 0.0) == 0.5
    assert brisk_rate(2.0, 1e-9) == 5
    dead: Values = {"dead_fraction/h1": from_step(3, 0.9), "update_ratio/w1": 1e30}
    assert judged(dead, live=NORMALISED).remedy == (lr(1e-6), AGAIN)
    assert judged(dead, live={**NORMALISED, "lr": 1e-6}).remedy == ()  # there is none below it
