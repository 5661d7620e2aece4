"""Each published threshold from both sides, and on it where a float32 can be: which side is ill, and by how much."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from canned import (
    AGAIN,
    EVEN,
    INF,
    NAN,
    NORMALISED,
    RAW,
    TANH,
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
from conftest import start

from deadrelu_tui.diagnosis import causes, remedies, telling
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.record.commands import Change, Restart
from deadrelu_tui.record.records import Event, Live


def near(limit: float, exact: bool, above: bool) -> list[tuple[float, bool]]:
    """Return values beside a limit, and on it where a float32 can be that, with whether each is ill."""
    beside = [(limit * (1 - 1e-4), not above), (limit * (1 + 1e-4), above)]
    return [*beside, (limit, False)] if exact else beside


VARIED: Values = {"weight_variance/w2": 1.0}
LIMITS: list[tuple[str, str, Callable[[float], Values], float, bool, bool, Live]] = [
    ("DeadRelu", "dead", lambda x: {"dead_fraction/h1": from_step(9, x)}, 0.5, True, True, RAW),
    ("DeadRelu", "dying", lambda x: {"dead_fraction/h1": from_step(9, x)}, 0.1, False, True, RAW),
    ("DeadRelu", "", lambda x: {"inactive_fraction/h1": x}, 0.5, True, True, RAW),
    ("SaturatedActivation", "saturated", lambda x: {"saturated_fraction/h1": x}, 0.5, True, True, TANH),
    ("ZeroFraction", "sparse", lambda x: {"zero_fraction/h1": x}, 0.7, False, True, RAW),
    ("WeightUpdateRatio", "", lambda x: {"update_ratio/w1": x}, 10, True, True, RAW),
    ("WeightUpdateRatio", "", lambda x: {"update_ratio/w1": x}, 1e-8, False, False, RAW),
    ("ExplodedUpdate", "diverged", lambda x: {"update_ratio/w1": x}, 2.0**24, True, True, RAW),
    ("ExplodedLoss", "diverged", lambda x: {"loss": from_step(1, x, 2.0)}, 100 * EVEN, False, True, RAW),
    ("PoorWeightInitialization", "", lambda x: {**VARIED, "weight_variance/w1": x}, 10, True, True, RAW),
    ("PoorWeightInitialization", "", lambda x: {**VARIED, "weight_variance/w1": x}, 0.1, False, False, RAW),
    ("PoorWeightInitialization", "", lambda x: {"grad_range/w1": x}, 0.001, False, False, RAW),
    ("VanishingGradient", "vanishing", lambda x: {"grad_mean_abs/w1": x, "grad_mean_abs/w2": 0.01}, 1e-7, False, False,
     RAW),
    ("Overfit", "", lambda x: {"loss": 2.0, "loss/test": x}, 2.2, False, True, RAW),
    ("LossNotDecreasing", "", lambda x: {"loss": from_step(50, x, 1000.0)}, 999, True, True, RAW),
    ("Guessing", "guessing", lambda x: {"loss": x, "accuracy/test": 0.7}, 0.99 * EVEN, False, True, RAW),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "word", "values", "limit", "exact", "above", "live"), LIMITS)
def test_a_threshold_stands_where_it_is_published(
    rule: str, word: str, values: Callable[[float], Values], limit: float, exact: bool, above: bool, live: Live
) -> None:
    for value, ill in near(limit, exact, above):
        history = canned(values(value), live=live)
        assert ((rule, word) in {(each.rule, each.word) for each in findings(history)}) is ill, value


@pytest.mark.parametrize(("mean", "ill"), [(0.1999, False), (0.2001, True), (-0.1999, False), (-0.2001, True)])
def test_pixels_are_centred_up_to_a_mean_of_a_fifth_on_either_side(mean: float, ill: bool) -> None:
    said = start(batches=60, epochs=1, input_mean=mean)
    assert (noted("CheckInputImages", {}, said=said) is not None) is ill


@pytest.mark.parametrize(("loss", "within"), [(1.0099, True), (1.0101, False), (0.9901, True)])
def test_a_loss_stands_at_ln_c_within_one_per_cent(loss: float, within: bool) -> None:
    found = judged({"loss": EVEN * loss, "accuracy/test": 0.7})
    assert (found.word, "mean" not in found.facts) == ("guessing", within)
    assert found.step == (0 if within else 10)


@pytest.mark.parametrize(("steps", "word"), [(9, "early"), (10, "diverged")])
def test_a_loss_has_exploded_when_ten_steps_in_a_row_did(steps: int, word: str) -> None:
    said = start(batches=235, epochs=1)
    found = judged({"loss": lambda step: 1e4 if step >= 60 - steps else 2.5}, said=said)
    assert (found.word == "diverged") is (word == "diverged")
    assert noted("ExplodedLoss", {"loss": lambda step: 1e4 if step >= 60 - steps and step != 55 else 2.5}) is None


def test_a_loss_that_began_beyond_the_limit_has_diverged_only_above_where_it_began() -> None:
    assert noted("ExplodedLoss", {"loss": 1e4}) is None
    assert noted("ExplodedLoss", {"loss": from_step(1, 9_999.0, 1e4)}) is None
    assert noted("ExplodedLoss", {"loss": from_step(1, 10_001.0, 1e4)}) is not None


@pytest.mark.parametrize(("loss", "kind"), [(0.0099, "little_left"), (0.0101, "shrinking")])
def test_below_a_hundredth_of_ln_c_little_is_left_to_learn(loss: float, kind: str) -> None:
    values: Values = {"grad_mean_abs/w1": 1e-8, "grad_mean_abs/w2": 0.01, "loss": loss * EVEN}
    found = noted("VanishingGradient", values)
    assert found is not None
    assert found.cause is not None
    assert (found.cause.kind, found.word) == (kind, "" if kind == "little_left" else "vanishing")


def test_only_a_rate_above_the_article_s_highest_is_to_blame_for_a_gradient_that_vanished() -> None:
    values: Values = {"grad_mean_abs/w1": 1e-8, "grad_mean_abs/w2": 0.01}
    for rate, remedy in ((0.5, (Restart({"init": "he"}),)), (0.51, (lr(0.2), AGAIN))):
        assert judged(values, live={**NORMALISED, "lr": rate}).remedy == remedy


@pytest.mark.parametrize(("variance", "sure"), [(100.0, False), (100.01, True)])
def test_first_weights_are_too_sure_above_a_variance_of_a_hundred(variance: float, sure: bool) -> None:
    values: Values = {"loss": 38.0, "logit_variance": lambda step: None if step else variance, "accuracy/test": 0.7}
    cause = judged(values, live=NORMALISED).cause
    assert (cause is not None and cause.kind == "too_sure") is sure


@pytest.mark.parametrize(("share", "kind"), [(0.399, "small_weights"), (0.401, "usual_update")])
def test_first_weights_are_small_below_two_fifths_of_he_s_variance(share: float, kind: str) -> None:
    values: Values = {"loss": EVEN, "update_ratio/w1": 0.05, "weight_variance/w2": share * 2 / 300}
    cause = judged(values, live=NORMALISED).cause
    assert cause is not None
    assert cause.kind == kind


@pytest.mark.parametrize(("share", "kind"), [(0.0999, "ever_less"), (0.1001, "usual_update")])
def test_layers_say_ever_less_below_a_tenth(share: float, kind: str) -> None:
    cause = judged({"loss": EVEN}, live=NORMALISED, widths=(10, 10), units={"h2": {"activity": share}}).cause
    assert cause is not None
    assert cause.kind == kind


@pytest.mark.parametrize(("share", "kind"), [(0.0199, "shrinking"), (0.0201, "usual_update")])
def test_a_gradient_shrinks_below_a_fiftieth(share: float, kind: str) -> None:
    cause = judged({"loss": EVEN, "grad_mean_abs/w1": share, "grad_mean_abs/w2": 1.0}, live=NORMALISED).cause
    assert cause is not None
    assert cause.kind == kind


@pytest.mark.parametrize(("share", "higher"), [(1 / 299, True), (1 / 301, False)])
def test_a_higher_rate_makes_up_for_a_gradient_of_which_a_three_hundredth_is_left(share: float, higher: bool) -> None:
    values: Values = {"loss": EVEN, "grad_mean_abs/w1": share, "grad_mean_abs/w2": 1.0}
    assert (judged(values, live=NORMALISED).remedy == (lr(0.5),)) is higher


@pytest.mark.parametrize(("update", "feeble"), [(0.999e-3, True), (1.001e-3, False)])
def test_updates_are_feeble_below_a_thousandth(update: float, feeble: bool) -> None:
    cause = judged({"loss": EVEN, "update_ratio/w1": update}, live=NORMALISED).cause
    assert cause is not None
    assert cause.facts["feeble"] is feeble


@pytest.mark.parametrize(("update", "by_bias"), [(0.999, True), (1.0, False)])
def test_where_an_update_was_as_large_as_the_weights_the_bias_is_not_to_blame(update: float, by_bias: bool) -> None:
    values: Values = {
        "dead_fraction/h2": from_step(20, 0.9), "weight_variance/w2": 1e-4, "update_ratio/w1": at_step(19, update, 1e-4)
    }  # fmt: skip
    faint = {"h2": {"pre_mean": -0.5 - 1e-6}}  # hardly anything comes in beside the bias
    found = judged(values, live=NORMALISED, widths=(10, 10), units=faint)
    assert found.word == "dead"
    assert (found.remedy == (Restart({"init": "he"}),)) is by_bias


@pytest.mark.parametrize(("at", "told"), [(48, False), (49, True), (98, True), (99, False)])
def test_the_update_that_killed_is_looked_for_in_the_fifty_steps_before(at: int, told: bool) -> None:
    values: Values = {"dead_fraction/h1": from_step(99, 0.9), "update_ratio/w1": at_step(at, 7.0, 1e-4)}
    cause = judged(values, steps=120).cause
    assert cause is not None
    assert (cause.facts["at"] == at) is told


@pytest.mark.parametrize(("died", "sure"), [(49, True), (50, False)])
def test_first_weights_are_to_blame_for_deaths_in_the_first_fifty_steps(died: int, sure: bool) -> None:
    values: Values = {"dead_fraction/h1": from_step(died, 0.9), "logit_variance": lambda step: None if step else 1e3}
    said = start(batches=120, epochs=1, input_mean=0.5)
    cause = judged(values, steps=120, live=NORMALISED, said=said).cause
    assert cause is not None
    assert (cause.kind == "too_sure") is sure


def usual(values: Sequence[float | None], events: Sequence[Event] = ()) -> tuple[str, float] | None:
    history = canned({"update_ratio/w1": lambda step: values[step]}, steps=len(values), events=events)
    found = causes.usual_update(Evidence(history, len(values) - 1))
    return None if found is None else (found[0], round(found[1], 6))


def test_the_usual_update_is_the_mean_of_fifty_and_none_where_one_of_them_is_no_number() -> None:
    assert usual([9.0] * 10 + [1.0] * 25 + [2.0] * 25) == ("w1", 1.5)
    assert usual([9.0] * 10 + [1.0] * 25 + [INF] + [2.0] * 24) is None
    assert usual([INF] + [1.0] * 50) == ("w1", 1.0)
    assert usual([1.0] * 50 + [None] * 10, [changed(50, "lr", 0.2, 0.1)]) is None  # nothing is known since the change


# Windows


def accuracy(loss: Callable[[int], float], steps: int, tested: int, events: Sequence[Any] = ()) -> float | None:
    """Return the accuracy that still says something, of a run that was tested once."""
    values: Values = {"loss": loss, "accuracy/test": lambda step: 0.25 if step == tested else None}
    said = start(batches=1_000, epochs=1)
    return Evidence(canned(values, steps=steps, events=events, said=said), steps - 1).accuracy


@pytest.mark.parametrize(("fall", "known"), [(0.0999, True), (0.1001, False)])
def test_an_accuracy_is_forgotten_once_the_loss_has_fallen_by_a_tenth(fall: float, known: bool) -> None:
    assert (accuracy(from_step(100, 2 * (1 - fall), 2.0), 200, 99) is not None) is known


def test_what_the_loss_was_at_the_test_are_the_fifty_steps_up_to_it_the_test_s_own_among_them() -> None:
    """Of one large loss the mean of the fifty goes from 1 to 3, and to fall by a tenth is easy then."""
    spike = 1 + 50 * 2.0
    for at, counts in ((49, False), (50, True), (99, True), (100, False)):
        found = accuracy(lambda step, at=at: spike if step == at else 1.0, 200, 99)  # type: ignore[misc]
        assert (found is None) is counts, at


def test_before_the_last_change_no_loss_of_a_test_counts() -> None:
    event = changed(90, "lr", 0.2, 0.1)
    assert accuracy(from_step(90, 1.0, 100.0), 200, 99, [event]) == pytest.approx(0.25)
    assert accuracy(from_step(90, 1.0, 100.0), 200, 99) is None


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_of_three_losses_nobody_can_tell_how_fast_they_fall(steps: int) -> None:
    history = canned({"loss": lambda step: 8.0 / (1 + step)}, steps=steps, said=start(batches=99, epochs=1))
    assert not Evidence(history, steps - 1).reaches(1e-9)
    assert not Evidence(history, steps - 1).reaches(1e9)


def test_how_fast_a_loss_falls_is_judged_by_its_first_and_last_quarter() -> None:
    """From 8 to 4 in 100 steps, whose outer quarters are 75 steps apart: half of it is left every 75 steps."""
    history = canned({"loss": lambda step: 8.0 if step < 50 else 4.0}, steps=100, said=start(batches=200, epochs=1))
    evidence = Evidence(history, 99)
    assert evidence.reaches(4 * 2 ** -(100 / 75) * 1.001)
    assert not evidence.reaches(4 * 2 ** -(100 / 75) * 0.999)


# Remedies


@pytest.mark.parametrize(("units", "twice"), [(999, 1_998), (1_000, 1_000), (1_001, 1_001)])
def test_a_layer_of_a_thousand_units_is_wide_enough(units: int, twice: int) -> None:
    history = canned({}, widths=(units,), said=start(batches=60, epochs=1, hidden=(units,)))
    assert remedies.wider(Evidence(history, 59)) == (twice,)


def test_a_network_is_made_so_wide_that_hardly_any_is_born_dead() -> None:
    """Of one layer 7 units: 2^-7 is the first power below a hundredth; of forty layers 12."""
    for depth, least in ((1, 7), (2, 8), (40, 12)):
        history = canned({}, widths=(1,) * depth, said=start(batches=60, epochs=1, hidden=(1,) * depth))
        assert set(remedies.wider(Evidence(history, 59))) == {least}
        assert 1 - (1 - 2.0**-least) ** depth <= 0.01 < 1 - (1 - 2.0 ** -(least - 1)) ** depth


def gentler(first: float, rate: float, live: Live = NORMALISED) -> Any:
    """Return the rate that is advised where the first update was so large at some rate."""
    history = canned({"update_ratio/w1": at_step(0, first, 1e-4)}, live={**live, "lr": rate})
    remedy = remedies.gentler(Evidence(history, 59), 20)
    return next((each.fields.get("lr") for each in remedy if isinstance(each, Change)), None)


@pytest.mark.parametrize(
    ("first", "rate", "advised"),
    [(1e-3, 0.1, 0.02), (0.49, 0.1, 0.02), (0.51, 0.1, 0.01), (1.9, 0.1, 0.005), (2.1, 0.1, 0.002), (1e-3, 0.2, 0.05),
     (1e-3, 10, 0.5), (1e-3, 2.0, 0.5), (NAN, 0.1, 0.02)],
)  # fmt: skip
def test_a_gentler_rate_is_two_places_lower_and_brings_the_first_update_to_a_tenth(
    first: float, rate: float, advised: float
) -> None:
    assert gentler(first, rate) == advised


@pytest.mark.parametrize(
    ("first", "rate", "advised"),
    [(76.0, 0.01, None), (38.4, 0.01, None), (38.0, 0.01, 0.02), (7.6, 0.01, 0.1), (0.1, 0.01, 0.1), (38.0, 0.05, 0.1),
     (38.4, 0.05, None), (76.4, 0.1, None), (76.6, 0.1, 0.02)],
)  # fmt: skip
def test_small_inputs_bear_a_larger_rate_up_to_a_first_update_of_three_tenths(
    first: float, rate: float, advised: float | None
) -> None:
    """Of pixels, which are 255 times as large as what the update is reckoned for."""
    assert gentler(first, rate, RAW) == advised


def test_where_a_dead_layer_keeps_updates_small_no_higher_rate_is_advised() -> None:
    small: Values = {"update_ratio/w1": 1e-9}
    alive, dead = noted("WeightUpdateRatio", small), noted("WeightUpdateRatio", {**small, "dead_fraction/h1": 0.9})
    assert alive is not None
    assert dead is not None
    assert (alive.remedy, dead.remedy) == ((lr(0.2),), ())
    because(dead, "lost_layer", layer="h1", share=0.9, state="dead", image=False)


def test_weights_that_do_not_vary_at_all_are_unlike_those_that_do_and_like_each_other() -> None:
    for other, found in ((1e-3, math.inf), (0.0, None)):
        note = noted("PoorWeightInitialization", {"weight_variance/w1": 0.0, "weight_variance/w2": other})
        assert (note.value if note else None) == found


def test_a_loss_of_nothing_or_less_does_not_fall() -> None:
    for loss in (0.0, -1.0):
        found = noted("LossNotDecreasing", {"loss": loss})
        assert found is not None
        assert found.value == 0


def test_of_a_window_with_a_loss_that_is_no_number_nothing_is_noted() -> None:
    values: Values = {"loss": lambda step: INF if step == 45 else 2.0}
    assert noted("LossNotDecreasing", values) is None
    assert noted("LossNotDecreasing", {"loss": at_step(39, INF, 2.0)}) is not None


def test_it_is_the_last_layer_that_says_ever_less_not_one_between() -> None:
    activity = {"h2": {"activity": 0.05}, "h3": {"activity": 0.2}}
    cause = judged({"loss": EVEN}, live=NORMALISED, widths=(10, 10, 10), units=activity).cause
    assert cause is None or cause.kind != "ever_less"
    found = judged({"loss": EVEN}, live=NORMALISED, widths=(10, 10, 10), units={**activity, "h3": {"activity": 0.02}})
    because(found, "ever_less", first="h1", much=1.0, last="h3", little=0.02)


def test_what_first_weights_came_to_is_told_of_the_first_step() -> None:
    values: Values = {"loss": at_step(0, 400.0, 38.0), "logit_variance": at_step(0, 1e3, 1e3), "accuracy/test": 0.7}
    events = [changed(1, "normalise", True, False)]
    because(judged(values, live=RAW, events=events), "too_sure", variance=1e3, loss=400.0)
    events = [changed(1, "normalise", False, True)]
    because(judged(values, live=NORMALISED, events=events), "too_sure", variance=1e3, loss=400.0, input=72.9)


@pytest.mark.parametrize(("mean", "large"), [(1.0, False), (1.01, True), (-1.01, True), (-1.0, False)])
def test_an_input_is_large_for_its_weights_beyond_a_mean_of_one(mean: float, large: bool) -> None:
    values: Values = {"loss": 38.0, "logit_variance": at_step(0, 1e3, 1e3), "accuracy/test": 0.7}
    said = start(batches=60, epochs=1, input_mean=mean)
    cause = judged(values, live=RAW, said=said).cause
    assert cause is not None
    assert (cause.kind, "input" in cause.facts) == ("too_sure", large)


@pytest.mark.parametrize(("rate", "lower"), [(0.5, False), (1.0, True)])
def test_of_usual_updates_only_a_rate_above_the_article_s_highest_is_told_to_be_lower(rate: float, lower: bool) -> None:
    remedy = judged({"loss": EVEN, "update_ratio/w1": 0.05}, live={**NORMALISED, "lr": rate}).remedy
    assert isinstance(remedy[0], Change) is lower


def test_too_soon_to_tell_says_how_many_steps_and_what_the_loss_was() -> None:
    found = judged({"loss": 1.5}, steps=5, said=start(batches=235, epochs=1))
    assert found.facts == {"steps": 5, "start": True, "loss": 1.5, "high": False, "classes": 10}


@pytest.mark.parametrize(
    ("word", "values"),
    [("healthy", {}), ("guessing", {"loss": EVEN}), ("diverged", {"loss": from_step(1, 1e4, 2.0)})],
)
def test_what_is_found_of_the_whole_network_names_no_layer(word: str, values: Values) -> None:
    found = judged(values)
    assert (found.word, found.layer) == (word, "")


@pytest.mark.parametrize(("dead", "few"), [(0.0999, True), (0.1, True), (0.1001, False)])
def test_where_more_than_a_tenth_never_fire_that_few_fire_is_not_said_beside_it(dead: float, few: bool) -> None:
    found = findings(canned({"dead_fraction/h1": dead, "inactive_fraction/h1": 0.6}))
    assert any(each.cause is not None and each.cause.kind == "few_silent" for each in found) is few


@pytest.mark.parametrize(("normalise", "by"), [(True, 255), (False, 1)])
def test_mean_and_deviation_of_the_input_are_those_of_what_is_fed(normalise: bool, by: float) -> None:
    said = start(batches=60, epochs=1)
    said = replace(said, facts={**said.facts, "divisor": 255, "input_mean": 72.9, "input_std": 90.0})
    evidence = Evidence(canned({}, said=said), 59)
    assert evidence.input({"normalise": normalise}) == pytest.approx((72.9 / by, 90.0 / by))


@pytest.mark.parametrize(("scale", "normalised"), [(1.0, False), (0.1, False), (1 / 255, True), (1e-3, True)])
def test_an_input_is_as_large_as_its_scale_makes_it_and_as_small_as_normalised_at_1_255(
    scale: float, normalised: bool
) -> None:
    said = start(batches=60, epochs=1)
    facts = {**said.facts, "divisor": 255, "input_mean": 72.9, "input_std": 90.0}
    said = replace(said, facts=facts, settings={**said.settings, "normalise": False, "input_scale": scale})
    evidence = Evidence(canned({}, said=said, live={"lr": 0.1, "normalise": False}), 59)
    assert evidence.input({"normalise": False}) == pytest.approx((72.9 * scale, 90.0 * scale))
    assert evidence.input({"normalise": True}) == pytest.approx((72.9 / 255, 90.0 / 255))
    assert evidence.scale({"normalise": False}) == pytest.approx(255 * scale)
    assert evidence.scale({"normalise": True}) == 1
    assert evidence.normalised is normalised


def test_of_equally_large_updates_the_first_weight_s_is_told() -> None:
    history = canned({"update_ratio/w1": 2.0, "update_ratio/w2": 2.0})
    assert Evidence(history, 59).largest_update(10, 20, ("w1", "w2")) == (10, "w1", 2.0)


def test_without_a_bottleneck_no_wider_layers_are_advised() -> None:
    assert remedies.roomy(Evidence(canned({}, widths=(4, 300)), 59)) == ()
    said = start(batches=60, epochs=1, hidden=(3, 300))
    *_, again = remedies.roomy(Evidence(canned({}, said=said), 59))
    assert isinstance(again, Restart)
    assert again.settings["init"] == "he"
    assert again.settings["hidden"][0] > 3
    assert remedies.roomy(Evidence(canned({}, said=replace(said, classes=None)), 59)) == ()


def test_every_cause_that_is_found_has_a_sentence_and_no_other_has() -> None:
    found = set()
    for path in Path(causes.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Cause":
                assert isinstance(node.args[0], ast.Constant)
                found.add(node.args[0].value)
    assert found == set(telling._CAUSED)
