"""A History keeps every step in columns; an outline shows all of a run in the points that a chart has."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from conftest import record, start
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.history import History
from deadrelu_tui.records import Event

NAN, INF = math.nan, math.inf


def history_of(values: Sequence[float], name: str = "loss") -> History:
    history = History()
    for step, value in enumerate(values):
        history.append(record(step, {"loss": 0.0} | {name: value}))
    return history


def points(history: History, first: int, stop: int, columns: int, name: str = "loss") -> list[tuple[int, float]]:
    steps, values = history.outline(name, first, stop, columns)
    assert len(steps) == len(values)
    return list(zip(steps.tolist(), values.tolist(), strict=True))


# Columns


def test_a_history_starts_empty() -> None:
    history = History()
    assert (len(history), history.names, history.events) == (0, (), ())
    assert (history.start, history.last, history.firing) == (None, None, None)
    assert history.latest("loss") is None
    assert len(history.series("loss").steps) == len(history.outline("loss", 0, 10, 5).steps) == 0


def test_every_value_of_every_step_is_kept() -> None:
    history = History()
    for step in range(1_000):
        history.append(record(step, {"loss": step / 7, "zero_fraction/h1": step / 1_000}))
    assert len(history) == 1_000
    steps, losses = history.series("loss")
    assert steps.tolist() == list(range(1_000))
    np.testing.assert_array_equal(losses, (np.arange(1_000) / 7).astype(np.float32))
    assert history.latest("zero_fraction/h1") == 0.999
    assert history.last is not None
    assert history.last.step == 999


def test_metrics_that_are_not_measured_at_every_step_keep_their_steps() -> None:
    history = History()
    for step in range(12):
        extra = {"dead_fraction/h1": step / 10} if step in (0, 1, 2, 4, 8) else {}
        history.append(record(step, extra, batches=4))
    assert history.series("dead_fraction/h1").steps.tolist() == [0, 1, 2, 4, 8]
    assert history.series("accuracy/test").steps.tolist() == [3, 7, 11]
    assert history.series("loss").steps.tolist() == list(range(12))
    assert history.latest("dead_fraction/h1") == 0.8
    assert set(history.names) == {"loss", "dead_fraction/h1", "accuracy/test", "loss/test"}


def test_a_metric_that_comes_later_has_the_steps_from_then_on() -> None:
    history = History()
    history.append(record(0))
    history.append(record(1, {"saturated_fraction/h1": 0.25}))
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
        history.append(record(step, {"loss": 2.0}))
    assert len(view) == 256
    assert set(view.tolist()) == {1.0}
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 0.0


def test_the_last_look_at_the_units_is_kept_with_its_step() -> None:
    history = History()
    rates = np.array([0.0, 0.5], np.float32)
    looked = record(0)
    history.append(type(looked)(0, 1, looked.live, looked.values, {"h1": rates}))
    history.append(record(1))
    assert history.firing is not None
    assert history.firing.step == 0
    assert history.firing.layers["h1"].tolist() == [0.0, 0.5]


def test_events_are_kept_in_order_and_what_was_read_does_not_change() -> None:
    history = History()
    history.add_event(Event(0, "start"))
    before = history.events
    history.add_event(Event(3, "lr 0.1 → 0.01", mark=True))
    assert before == (Event(0, "start"),)
    assert [event.step for event in history.events] == [0, 3]


def test_the_start_is_kept() -> None:
    history = History()
    history.begin(start(batches=32, epochs=5))
    assert history.start is not None
    assert history.start.steps == 160


def test_one_thread_writes_while_others_read() -> None:
    history, count, faults = History(), 4_000, list[str]()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            steps, values = history.series("loss")
            if not np.array_equal(values, steps % 97):
                faults.append(f"series of {len(steps)}")
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
        history.append(record(step, {"loss": float(step % 97)} | extra))
        history.add_event(Event(step, "x"))
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
        history.append(record(step, {"loss": value}))
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
    history = History()
    for step in range(2_000):
        extra = {"dead_fraction/h1": step / 2_000} if step % 10 == 0 else {}
        history.append(record(step, extra))
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
