"""A History keeps every step in columns; an outline shows all of a run in the points that a chart has."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import record, start, units
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.record.history import History
from deadrelu_tui.record.looks import Looked
from deadrelu_tui.record.records import Event, Record, Step

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

NAN, INF = math.nan, math.inf


def started() -> History:
    """Return the history of a run that has said what it will tell, and nothing else."""
    history = History()
    history.add(start(batches=None))
    return history


def history_of(values: Sequence[float], name: str = "loss") -> History:
    history = started()
    for step, value in enumerate(values):
        history.add(record(step, {"loss": 0.0} | {name: value}))
    return history


def points(history: History, first: int, stop: int, columns: int, name: str = "loss") -> list[tuple[int, float]]:
    steps, values = history.outline(name, first, stop, columns)
    assert len(steps) == len(values)
    return list(zip(steps.tolist(), values.tolist(), strict=True))


# Columns


def test_a_history_starts_empty() -> None:
    history = History()
    assert (len(history), history.names, history.events) == (0, (), ())
    assert (history.start, history.last, history.looked) == (None, None, None)
    assert history.ledgers == {}
    assert history.at("loss", 10) is None
    assert history.latest("loss") is None
    assert len(history.series("loss").steps) == len(history.outline("loss", 0, 10, 5).steps) == 0


def test_every_value_of_every_step_is_kept() -> None:
    history = started()
    for step in range(1_000):
        history.add(record(step, {"loss": step / 7, "zero_fraction/h1": step / 1_000}))
    assert len(history) == 1_000
    steps, losses = history.series("loss")
    assert steps.tolist() == list(range(1_000))
    np.testing.assert_array_equal(losses, (np.arange(1_000) / 7).astype(np.float32))
    assert history.latest("zero_fraction/h1") == 0.999
    assert history.last == 999


def test_metrics_that_are_not_measured_at_every_step_keep_their_steps() -> None:
    history = started()
    for step in range(12):
        extra = {"dead_fraction/h1": step / 10} if step in (0, 1, 2, 4, 8) else {}
        history.add(record(step, extra, batches=4))
    assert history.series("dead_fraction/h1").steps.tolist() == [0, 1, 2, 4, 8]
    assert history.series("accuracy/test").steps.tolist() == [3, 7, 11]
    assert history.series("loss").steps.tolist() == list(range(12))
    assert history.latest("dead_fraction/h1") == 0.8
    assert set(history.names) == {"loss", "dead_fraction/h1", "accuracy/test", "loss/test"}


def test_a_metric_that_comes_later_has_the_steps_from_then_on() -> None:
    history = started()
    history.add(record(0))
    history.add(record(1, {"saturated_fraction/h1": 0.25}))
    assert history.series("saturated_fraction/h1").steps.tolist() == [1]


def test_values_that_are_not_finite_are_kept_as_they_are() -> None:
    history = history_of([NAN, INF, -INF, 1e300, -1e300])
    assert str(history.series("loss").values.tolist()) == "[nan, inf, -inf, inf, -inf]"
    assert history.latest("loss") == -INF


def test_the_last_value_is_the_shortest_decimal() -> None:
    assert history_of([0.1]).latest("loss") == 0.1


def test_a_view_stays_as_it_was_and_cannot_be_written() -> None:
    history = history_of([1.0] * 256)
    view = history.series("loss").values
    for step in range(256, 2_000):
        history.add(record(step, {"loss": 2.0}))
    assert len(view) == 256
    assert set(view.tolist()) == {1.0}
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 0.0


def test_the_last_look_at_the_units_is_kept_with_its_step() -> None:
    history = started()
    first, second = units([0.0, 0.5]), units([0.5, 0.0])
    history.add(replace(record(0), looks={"h1": first}))
    history.add(record(1))
    assert history.looked == Looked(0, {"h1": first})
    history.add(replace(record(2), looks={"h1": second}))
    assert history.looked == Looked(2, {"h1": second})


def test_events_are_kept_in_order_and_what_was_read_does_not_change() -> None:
    history = started()
    before = history.events
    history.add(Event(3, "change", {"setting": "lr", "before": 0.1, "now": 0.01}))
    assert [event.kind for event in before] == ["start"]
    assert [event.step for event in history.events] == [0, 3]


def test_the_start_is_kept() -> None:
    history = started()
    history.add(start(batches=32, epochs=5))
    assert history.start is not None
    assert history.start.steps == 160


# The value at a step


def test_the_value_at_a_step_is_the_one_that_was_measured_there_or_last_before_it() -> None:
    history = started()
    for step in range(20):
        history.add(record(step, {"loss": step / 10} | ({"dead_fraction/h1": step / 20} if step in (3, 8) else {})))
    assert [history.at("loss", step) for step in (0, 1, 19, 100)] == [0.0, 0.1, 1.9, 1.9]
    assert [history.at("dead_fraction/h1", step) for step in (0, 2, 3, 7, 8, 9, 19)] == [
        None, None, 0.15, 0.15, 0.4, 0.4, 0.4,
    ]  # fmt: skip
    assert history.at("loss", -1) is None
    assert history.at("accuracy/test", 19) is None


def test_the_value_at_a_step_is_the_shortest_decimal_and_may_be_no_number() -> None:
    history = history_of([0.1, NAN, INF, -INF])
    assert history.at("loss", 0) == 0.1
    assert math.isnan(history.at("loss", 1) or 0.0)
    assert (history.at("loss", 2), history.at("loss", 3)) == (INF, -INF)


# Smoothed


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3, width=32) | st.sampled_from([NAN, INF, -INF]), max_size=60),
    asked=st.lists(st.integers(-5, 80), max_size=20),
    width=st.integers(1, 30),
)
def test_a_smoothed_metric_is_the_mean_of_what_was_measured_over_the_steps_that_end_there(
    values: list[float], asked: list[int], width: int
) -> None:
    found = history_of(values).smooth("loss", np.array(asked, np.int64), width)
    assert found.dtype == np.float32
    for step, value in zip(asked, found, strict=True):
        window = [values[now] for now in range(step - width + 1, step + 1) if 0 <= now < len(values)]
        finite = [each for each in window if math.isfinite(each)]
        wanted = sum(finite) / len(finite) if finite else NAN
        assert value == pytest.approx(wanted, rel=1e-5, abs=1e-3 * 1e-3, nan_ok=True), step


def test_a_smoothed_metric_is_the_same_at_every_zoom() -> None:
    history = history_of(np.random.default_rng(3).normal(size=2_000).tolist())
    every_step = history.smooth("loss", np.arange(2_000), 50)
    for first, stop, stride in ((0, 2_000, 7), (100, 300, 1), (1_990, 2_000, 3), (777, 778, 1)):
        some = np.arange(first, stop, stride)
        np.testing.assert_array_equal(history.smooth("loss", some, 50), every_step[some])


def test_the_first_steps_are_smoothed_over_those_that_there_are() -> None:
    assert history_of([4.0, 2.0, 3.0]).smooth("loss", np.arange(3), 100).tolist() == [4.0, 3.0, 3.0]
    assert history_of([4.0, 2.0, 3.0]).smooth("loss", np.arange(3), 1).tolist() == [4.0, 2.0, 3.0]


def test_a_metric_of_few_steps_is_smoothed_over_steps_and_not_over_measurements() -> None:
    history = started()
    for step in range(40):
        history.add(record(step, {"dead_fraction/h1": float(step)} if step in (0, 10, 12, 30) else {}))
    found = history.smooth("dead_fraction/h1", np.array([0, 5, 10, 12, 15, 29, 30, 39]), 10)
    assert str(found.tolist()) == "[0.0, 0.0, 10.0, 11.0, 11.0, nan, 30.0, 30.0]"


def test_a_metric_that_is_not_there_is_smoothed_to_nothing() -> None:
    assert np.isnan(History().smooth("loss", np.arange(5), 3)).all()


# Frozen


def fill(history: History, steps: range) -> None:
    """Append steps with looks in between, units that die one by one, and an event at every tenth step."""
    for step in steps:
        taken = record(step, {"loss": float(step) if step % 7 else NAN}, batches=100)
        if step % 5 == 0:
            shares = [0.5 if unit > step / 50 else 0.0 for unit in range(20)]
            dead = {"dead_fraction/h1": shares.count(0.0) / 20}
            taken = replace(taken, values={**taken.values, **dead}, looks={"h1": units(shares)})
        history.add(replace(taken, fired={"h1": np.ones(20, np.bool_)}))
        if step % 10 == 0:
            history.add(Event(step, "change", {"setting": "lr", "before": 0, "now": step}))


def everything(history: History) -> str:
    """Return all that a history tells."""
    ledgers = {layer: {name: str(value) for name, value in vars(each).items()}
               for layer, each in history.ledgers.items()}  # fmt: skip
    told: list[Any] = [
        len(history),
        history.start,
        history.last,
        history.looked,
        history.events,
        ledgers,
        history.names,
    ]
    for name in history.names:
        steps, values = history.series(name)
        told += [steps.tolist(), values.tolist(), history.latest(name), history.gaps(name, 0, 10**6)]
        told += [history.outline(name, 0, 10**5, columns)[1].tolist() for columns in (3, 40)]
        told += [history.at(name, 10**6), history.smooth(name, np.arange(0, 3_000, 100), 50).tolist()]
    return repr(told)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 255, 256, 257, 700])
def test_a_frozen_history_stays_as_it_was_while_the_run_goes_on(length: int) -> None:
    history = started()
    fill(history, range(length))
    before = everything(history)
    frozen = history.frozen()
    assert everything(frozen) == before
    fill(history, range(length, length + 1_300))
    assert everything(frozen) == before
    assert len(history) == length + 1_300


def test_a_history_may_be_frozen_whenever_another_thread_appends() -> None:
    history, expected = History(), History()
    twins = list[History]()
    writer = threading.Thread(target=fill, args=(history, range(1_500)))
    writer.start()
    while writer.is_alive() and len(twins) < 200:
        twins.append(history.frozen())
    writer.join()
    twins.append(history.frozen())
    for twin in sorted(twins, key=len):
        fill(expected, range(len(expected), len(twin)))
        for name in twin.names:
            (steps, values), (wanted_steps, wanted) = twin.series(name), expected.series(name)
            np.testing.assert_array_equal(steps, wanted_steps)
            np.testing.assert_array_equal(values, wanted)
        assert twin.names == expected.names
        assert (-1 if twin.last is None else twin.last) == len(twin) - 1
        for layer, ledger in twin.ledgers.items():
            assert ledger.lost.tolist() == expected.ledgers[layer].lost.tolist()
            assert ledger.changed_at.tolist() == expected.ledgers[layer].changed_at.tolist()


# Several threads


def test_one_thread_writes_while_others_read() -> None:
    history, count, faults = History(), 4_000, list[str]()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            steps, values = history.series("loss")
            if not np.array_equal(values, steps % 97):
                faults.append(f"series of {len(steps)}")
            if history.gaps("loss", 0, 10**6):
                faults.append("a gap")
            steps, values = history.outline("loss", 0, 10**6, 3)
            if len(steps) > 6 or (np.diff(steps) < 0).any() or (len(values) and values.max() > 96):
                faults.append(f"outline {steps} {values}")
            probe = history.series("dead_fraction/h1")
            if not np.array_equal(probe.steps, probe.values) or len(probe.steps) != len(probe.values):
                faults.append(f"probe {probe}")
            history.latest("loss")
            assert len(history.names) <= 2
            assert len(history.events) <= count

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(count):
        extra = {"dead_fraction/h1": float(step)} if step % 5 == 0 else {}
        history.add(record(step, {"loss": float(step % 97)} | extra))
        history.add(Event(step, "x"))
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(history) == len(history.events) == count


# Outlines


def reference(values: Sequence[float], first: int, stop: int, columns: int) -> list[tuple[int, set[float]]]:
    """Return, slowly and obviously, each column's first step and its lowest and highest value."""
    width = -(-(stop - first) // columns)
    found = []
    for left in range(first, stop, width):
        inside = [values[step] for step in range(left, min(left + width, stop, len(values)))]
        numbers = [value for value in inside if not math.isnan(value)]
        if numbers:
            found.append((left, {min(numbers), max(numbers)}))
    return found


def columns_of(found: list[tuple[int, float]]) -> list[tuple[int, set[float]]]:
    grouped: dict[int, set[float]] = {}
    for step, value in found:
        grouped.setdefault(step, set()).add(value)
    return list(grouped.items())


numbers = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, NAN, INF, -INF])


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(numbers, max_size=300), first=st.integers(0, 200), span=st.integers(1, 400),
    columns=st.integers(1, 40),
)  # fmt: skip
def test_an_outline_is_what_a_slow_reading_finds(values: list[float], first: int, span: int, columns: int) -> None:
    found = points(history_of(values), first, first + span, columns)
    steps = [step for step, _ in found]
    assert len(found) <= 2 * columns
    assert steps == sorted(steps)
    if span <= 2 * columns:
        inside = list(enumerate(values))[first : first + span]
        assert found == [(step, value) for step, value in inside if not math.isnan(value)]
    else:
        assert columns_of(found) == reference(values, first, first + span, columns)


@pytest.mark.parametrize("first", [0, 64, 1, 63, 5_000])
@pytest.mark.parametrize("length", [6_000, 6_400, 12_863, 20_000])
def test_a_long_outline_is_read_from_blocks_and_still_exact(first: int, length: int) -> None:
    random = np.random.default_rng(length)
    values = random.normal(size=length).astype(np.float32)
    values[random.integers(0, length, 200)] = NAN
    values[7_000:7_700] = NAN
    history = history_of(values.tolist())
    columns, stop = 9, 20_000
    found = columns_of(points(history, first, stop, columns))
    assert len(found) <= columns
    anchor = first - first % 64
    width = -(-(stop - anchor) // (columns * 64)) * 64
    assert (stop - first) / columns <= width < (stop - first) / columns + 2 * 64
    expected = []
    for left in range(anchor, stop, width):
        inside = values[max(left, first) : min(left + width, stop)]
        if not np.isnan(inside).all():
            expected.append((max(left, first), {float(np.nanmin(inside)), float(np.nanmax(inside))}))
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(length=st.integers(1, 30_000), spike=st.integers(0, 29_999), columns=st.integers(1, 200))
def test_a_spike_of_one_step_is_seen_from_its_step_on(length: int, spike: int, columns: int) -> None:
    spike %= length
    values = np.zeros(length)
    values[spike] = 9.0
    assert 9.0 in [value for _, value in points(history_of(values.tolist()), 0, 40_000, columns)]


@pytest.mark.parametrize("length", [10, 1_000, 60_000])
def test_the_points_do_not_grow_with_the_run(length: int) -> None:
    history = history_of(np.sin(np.arange(length)).tolist())
    assert len(points(history, 0, length, 50)) <= 100


def test_what_was_drawn_of_a_step_stays_when_more_steps_come() -> None:
    values = np.random.default_rng(0).normal(size=5_000).tolist()
    history, columns, drawn = History(), 20, list[tuple[int, float]]()
    for step, value in enumerate(values):
        history.add(record(step, {"loss": value}))
        if step % 97 == 0:
            now = points(history, 0, 5_000, columns)
            complete = [point for point in drawn if point[0] + 250 <= step - 97]
            assert now[: len(complete)] == complete
            drawn = now


def test_nothing_outside_the_view_is_shown() -> None:
    history = history_of([5.0] * 10_000 + [1.0] * 10_000 + [7.0] * 10_000)
    for first, stop, columns in ((10_000, 20_000, 10), (10_001, 19_999, 3), (10_100, 10_200, 4), (12_345, 12_346, 1)):
        found = points(history, first, stop, columns)
        assert {value for _, value in found} == {1.0}
        assert all(first <= step < stop for step, _ in found)


def test_nan_leaves_a_gap_and_infinity_stays() -> None:
    history = history_of([1.0] * 100 + [NAN] * 100 + [INF, -INF] * 50)
    assert points(history, 0, 300, 3) == [(0, 1.0), (200, INF), (200, -INF)]


def test_a_falling_line_falls_and_a_rising_line_rises() -> None:
    down, up = np.arange(1_000.0)[::-1], np.arange(1_000.0)
    for values, sign in ((down, -1), (up, 1)):
        outline = history_of(values.tolist()).outline("loss", 0, 1_000, 10)
        assert len(outline.values) == 20
        assert (np.diff(outline.values) * sign > 0).all()


def test_a_constant_is_one_point_a_column() -> None:
    assert points(history_of([2.0] * 1_000), 0, 1_000, 10) == [(step, 2.0) for step in range(0, 1_000, 100)]


def test_metrics_of_few_steps_are_shown_at_their_steps_until_they_are_many() -> None:
    history = started()
    for step in range(2_000):
        extra = {"dead_fraction/h1": step / 2_000} if step % 10 == 0 else {}
        history.add(record(step, extra))
    few = points(history, 1_000, 1_100, 5, "dead_fraction/h1")
    assert few == [(step, float(np.float32(step / 2_000))) for step in range(1_000, 1_100, 10)]
    many = points(history, 0, 2_000, 5, "dead_fraction/h1")
    assert [step for step, _ in many] == [step for step in range(0, 2_000, 400) for _ in range(2)]
    assert [value for _, value in many][:4] == [0.0, pytest.approx(0.195), pytest.approx(0.2), pytest.approx(0.395)]


def test_an_empty_view_is_empty() -> None:
    history = history_of([1.0] * 10)
    for first, stop in ((5, 5), (7, 3), (10, 20), (-5, 0)):
        assert points(history, first, stop, 4) == []
    assert len(points(history, -5, 5, 10)) == 5


# What a record lacks, where steps begin, how a run looked at a step


def test_a_record_that_lacks_a_metric_moves_no_other_value() -> None:
    history = started()
    for step in range(200):
        values = {"zero_fraction/h1": step / 200} if step != 70 else {}
        history.add(record(step, {"loss": float(step)} | values))
    assert history.at("zero_fraction/h1", 69) == history.at("zero_fraction/h1", 70) == pytest.approx(69 / 200)
    assert history.at("zero_fraction/h1", 199) == pytest.approx(199 / 200)
    assert history.series("zero_fraction/h1").steps.tolist() == [step for step in range(200) if step != 70]
    assert history.gaps("zero_fraction/h1", 0, 200) == ()  # not told is not broken
    assert history.broken is None


def test_a_metric_that_comes_late_or_ceases_is_nowhere_else() -> None:
    history = started()
    for step in range(30):
        history.add(record(step, {"pre_mean/h1": -1.0} if 10 <= step < 20 else {}))
    assert history.series("pre_mean/h1").steps.tolist() == list(range(10, 20))
    assert history.latest("pre_mean/h1") == -1.0
    assert history.at("pre_mean/h1", 9) is None
    assert points(history, 0, 30, 100, "pre_mean/h1") == [(step, -1.0) for step in range(10, 20)]
    assert history.broken is None


def test_a_nan_that_was_measured_is_told_from_one_that_stands_for_nothing() -> None:
    history = started()
    for step, values in enumerate(({"pre_mean/h1": 1.0}, {"pre_mean/h1": NAN}, {})):
        history.add(record(step, values))
    assert [tuple(gap) for gap in history.gaps("pre_mean/h1", 0, 3)] == [(1, 1)]
    assert history.until(1).broken == "pre_mean/h1"
    assert history.broken is None


def test_steps_may_start_anywhere_and_have_gaps() -> None:
    history = History()
    history.add(start(batches=None, first=12_000))
    assert (history.first, history.last) == (12_000, None)
    for step in range(12_000, 32_000, 10):
        history.add(record(step, {"loss": NAN if step == 12_500 else float(step)}))
    assert (history.first, history.last, len(history)) == (12_000, 31_990, 2_000)
    assert history.at("loss", 12_019) == 12_010
    assert points(history, 12_000, 12_030, 10) == [(12_000, 12_000), (12_010, 12_010), (12_020, 12_020)]
    drawn = points(history, 0, 40_000, 40)
    assert drawn[0] == (12_000, 12_000)
    assert max(value for _, value in drawn) == 31_990
    assert all(abs(step - value) < 28_000 / 40 for step, value in drawn)
    assert [tuple(gap) for gap in history.gaps("loss", 0, 40_000)] == [(12_500, 12_500)]
    assert history.window("loss", 12_005, 12_025).steps.tolist() == [12_010, 12_020]
    assert history.tail("loss", 2).steps.tolist() == [31_980, 31_990]
    assert history.until(12_015).last == 12_010


def test_a_step_that_is_not_later_than_the_last_is_refused() -> None:
    history = started()
    history.add(record(5))
    for step in (5, 4):
        with pytest.raises(ValueError, match="comes after step 5"):
            history.add(record(step))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_as_of_a_step_a_run_is_what_it_was_when_that_step_was_the_newest(data: st.DataObject) -> None:
    steps = sorted(data.draw(st.sets(st.integers(0, 400), min_size=1, max_size=40)))
    shares = st.sampled_from([0.0, 0.004, 0.5, NAN])
    stream: list[Record] = [start(batches=None)]
    for step in steps:
        made = record(step, data.draw(st.dictionaries(st.sampled_from(["loss", "pre_mean/h1", "own"]),
                                                      st.sampled_from([1.0, 2.5, NAN, INF]))))  # fmt: skip
        if data.draw(st.booleans()):
            made = replace(made, looks={"h1": units([data.draw(shares) for _ in range(3)])})
        made = replace(made, fired={"h1": np.array([data.draw(st.booleans()) for _ in range(3)])})
        made = replace(made, live={"lr": data.draw(st.sampled_from([0.1, 0.2]))})
        stream.append(made)
        if data.draw(st.booleans()):
            stream.append(Event(data.draw(st.sampled_from([each for each in steps if each <= step])), "found"))
    whole = History()
    for each in stream:
        whole.add(each)
    at = data.draw(st.integers(0, 420))
    then = History()
    for each in stream:
        if isinstance(each, Step) and each.step > at:
            break
        then.add(each)
    assert as_text(whole.until(at)) == as_text(then)


def as_text(history: History) -> str:
    """Return all that can be read of a history."""
    told: list[object] = [len(history), history.last, history.live, history.lives, history.epoch, history.seconds]
    told += [history.broken, history.was_broken, history.names, history.speed, history.first]
    told += [history.events if len(history) else (), history.marks]
    for name in history.names:
        told += [[each.tolist() for each in history.series(name)], history.latest(name), history.at(name, 100)]
        told += [points(history, 0, 401, 20, name), history.gaps(name, 0, 401)]
    for looked in history.looks:
        told += [looked.step, {name: each.firing.tolist() for name, each in looked.layers.items()}]
    for layer, ledger in history.ledgers.items():
        told += [layer, *(getattr(ledger, each).tolist() for each in ("lost", "born_dead", "changed_at", "deaths"))]
    return repr(told)


def test_four_thousand_events_come_out_in_the_order_of_their_steps() -> None:
    history = started()
    for step in range(4_000):
        history.add(Event((step * 7_919) % 4_000, "found"))
    assert [event.step for event in history.events if event.kind == "found"] == list(range(4_000))


def test_nothing_can_be_added_to_a_frozen_history() -> None:
    history = started()
    with pytest.raises(AssertionError):
        history.frozen().add(record(0))
