"""What came of a sweep so far, read at its places."""

from __future__ import annotations

import math

import pytest

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.chart import Chart, is_share
from deadrelu_tui.sweep.grid import Grid
from deadrelu_tui.sweep.outcome import Outcome

GRID = Grid(RunSettings(), (Axis("lr", (0.01, 0.1, 1.0)),), seeds=2)


def ended(chart: Chart, x: int, seed: int, how: str = "finished", verdict: str = "healthy", **values: float) -> None:
    chart.ended(GRID.cell((x,), seed), Outcome(f"run-{x}-{seed}", how, verdict, values=values))


def test_a_place_has_the_mean_over_the_seeds_that_have_ended() -> None:
    chart = Chart(GRID)
    assert math.isnan(chart.reading((0,), "dead").mean)
    ended(chart, 0, 0, dead=0.25)
    assert (chart.reading((0,), "dead").mean, chart.reading((0,), "dead").complete) == (0.25, False)
    ended(chart, 0, 1, dead=0.75)
    reading = chart.reading((0,), "dead")
    assert (reading.mean, reading.values, reading.complete, chart.done) == (0.5, (0.25, 0.75), True, 2)


def test_what_failed_or_diverged_is_counted_and_measured_nowhere() -> None:
    chart = Chart(GRID)
    ended(chart, 0, 0, "failed", dead=1.0)
    ended(chart, 0, 1, verdict="diverged", dead=1.0)
    reading = chart.reading((0,), "dead")
    assert (reading.values, reading.failed, reading.diverged, reading.complete) == ((), 1, 1, True)


def test_a_metric_that_a_run_lacks_is_no_value_of_it() -> None:
    chart = Chart(GRID)
    ended(chart, 0, 0, dead=0.5)
    ended(chart, 0, 1, dead=0.5, loss=math.nan)
    assert chart.reading((0,), "loss").values == ()


def test_what_is_computed_is_told_until_it_has_ended() -> None:
    chart = Chart(GRID)
    for seed in (0, 1):
        chart.begun(GRID.cell((1,), seed))
    assert (chart.reading((1,), "dead").running, chart.running) == (2, 2)
    ended(chart, 1, 0, dead=0.0)
    assert (chart.reading((1,), "dead").running, chart.running) == (1, 1)


@pytest.mark.parametrize(("mean", "beyond"), [(0.0, False), (0.5, False), (0.5001, True), (1.0, True)])
def test_a_place_is_beyond_the_boundary_if_more_than_half_is_dead(mean: float, beyond: bool) -> None:
    chart = Chart(GRID)
    ended(chart, 0, 0, dead=mean)
    assert chart.beyond((0,), "dead") is beyond
    assert chart.beyond((1,), "dead") is None
    assert chart.beyond((0,), "loss") is None, "half of a loss is no boundary"


def test_whatever_diverged_is_beyond_the_boundary_of_the_dead_and_below_that_of_the_accurate() -> None:
    chart = Chart(GRID)
    ended(chart, 0, 0, verdict="diverged", dead=0.0, accuracy=0.9)
    assert chart.beyond((0,), "dead") is True
    assert chart.beyond((0,), "accuracy") is False
    ended(chart, 1, 0, "failed")
    assert chart.beyond((1,), "dead") is None


def test_each_change_is_counted() -> None:
    chart = Chart(GRID)
    seen = [chart.changes]
    chart.begun(GRID.cell((0,), 0))
    seen.append(chart.changes)
    ended(chart, 0, 0)
    seen.append(chart.changes)
    assert len(set(seen)) == 3


@pytest.mark.parametrize(("metric", "share"), [
    ("dead", True), ("accuracy", True), ("zero_fraction/h1", True), ("accuracy/test", True), ("loss", False),
    ("grad_norm/w1", False), ("update_ratio/w1", False),
])  # fmt: skip
def test_shares_are_known_by_their_names(metric: str, share: bool) -> None:
    assert is_share(metric) is share
