"""The vocabulary: scripts rely on these names."""

from __future__ import annotations

from deadrelu_tui.record.metrics import METRICS, Quantity, all_of, quantity
from deadrelu_tui.record.network import mlp

OF_EVERY_STEP = {"loss", "zero_fraction/h1", "silent_fraction/h1", "pre_mean/h1",
                 *(f"{metric}/{parameter}" for metric in ("grad_sum", "grad_norm", "update_ratio")
                   for parameter in ("w1", "b1", "w2", "b2"))}  # fmt: skip
NOW_AND_THEN = {"dead_fraction/h1", "inactive_fraction/h1", "dormant_fraction/h1", "saturated_fraction/h1",
                "bias_mean/h1", "grad_mean_abs/w1", "grad_mean_abs/b1", "grad_mean_abs/w2", "grad_mean_abs/b2",
                "weight_variance/w1", "weight_variance/w2", "grad_range/w1", "grad_range/w2", "logit_variance",
                "loss/test", "accuracy/test"}  # fmt: skip


def test_a_network_has_these_series_and_some_at_every_step() -> None:
    found = {each.name: each for each in all_of(mlp(784, (300,), 10, "relu"))}
    assert found.keys() == OF_EVERY_STEP | NOW_AND_THEN
    assert {name for name, each in found.items() if each.every_step} == OF_EVERY_STEP


def test_where_the_classes_have_names_it_is_told_which_are_predicted_and_how_often_rightly() -> None:
    network = mlp(784, (300,), 10, "relu")
    more = [each for each in all_of(network, ("a cat", "a dog")) if each not in all_of(network)]
    assert [(each.name, each.every_step) for each in more] == [
        ("accuracy/probe", False), ("predicted_fraction/a cat", False), ("predicted_fraction/a dog", False),
    ]  # fmt: skip


def test_the_vocabulary_explains_every_metric_once() -> None:
    names = [each.name for each in METRICS]
    used = {each.metric for each in all_of(mlp(784, (300,), 10, "relu"), ("a cat", "a dog"))}
    assert len(names) == len(set(names))
    assert set(names) - used == {"deaths", "revivals"}  # which a history counts itself
    assert {each.when for each in METRICS} == {"step", "probe", "start", "epoch"}
    assert all(each.formula and each.meaning.endswith(".") for each in METRICS)


def test_a_series_is_told_at_every_step_unless_it_says_otherwise() -> None:
    assert Quantity("mine", "mine").every_step
    assert not quantity("dead_fraction", "h1").every_step
