"""A History keeps every step in columns; an outline shows all of a run in the points that a chart has."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from conftest import record, start, units
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.record.columns import LACKING, Column, Gap, shortest
from deadrelu_tui.record.history import History
from deadrelu_tui.record.ledger import Ledger
from deadrelu_tui.record.looks import Looked
from deadrelu_tui.record.network import Layer, Network
from deadrelu_tui.record.records import End, Event, Look, Record, Step
from deadrelu_tui.record.steps import Steps, together
from deadrelu_tui.record.units import Units

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


def fill(history: History, steps: Iterable[int]) -> None:
    """Append steps with looks in between, units that die one by one, an event at every tenth step, and one of the
    announced metrics now and then.
    """
    for step in steps:
        lacking = {} if step % 11 == 3 else {"pre_mean/h1": NAN if step % 13 == 5 else step / 7}
        taken = record(step, {"loss": float(step) if step % 7 else NAN} | lacking, batches=100)
        if step % 5 == 0:
            shares = [0.5 if unit > step / 50 else 0.0 for unit in range(20)]
            dead = {"dead_fraction/h1": shares.count(0.0) / 20}
            taken = replace(taken, values={**taken.values, **dead}, looks={"h1": units(shares)})
        history.add(replace(taken, fired={"h1": np.ones(20, np.bool_)}))
        if step % 10 == 0:
            history.add(Event(step, "change", {"setting": "lr", "before": 0, "now": step}))


STEPS = (-1, 0, 5, 63, 64, 100, 399, 1_000, 10**6)
METRICS = ("loss", "pre_mean", "dead_fraction", "deaths", "revivals", "accuracy/test", "own")


def each_of(read: Callable[[Any], Any]) -> Callable[[History], Any]:
    """Return what reads something of every metric and tells it by its name."""
    return lambda history: {name: read((history, name)) for name in history.names}


def plain(value: Any) -> Any:
    """Return what was read so that equal texts are equal values."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Units):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Looked):
        return value.step, {name: plain(each) for name, each in value.layers.items()}
    if isinstance(value, Ledger):
        return {name: plain(each) for name, each in vars(value).items()}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


READERS: dict[str, Callable[[History], Any]] = {
    **{
        name: lambda history, name=name: getattr(history, name)  # type: ignore[misc]
        for name in (
            "first", "last", "start", "end", "network", "events", "marks", "tried", "live", "epoch", "seconds",
            "speed", "steps_planned", "epochs_planned", "looked", "names", "broken", "was_broken", "next", "reached",
            "activations",
            "known_at", "logged", "milestones", "unrecorded", "unwritten", "unseen", "taken", "before", "pace",
        )
    },
    "looks": lambda history: list(history.looks),
    "ledgers": lambda history: dict(history.ledgers),
    "live_at": lambda history: [history.live_at(step) for step in STEPS],
    "changed_at": lambda history: [history.changed_at(name) for name in ("lr", "normalise", "nothing")],
    "activation": lambda history: [history.activation(layer) for layer in ("", "h1", "h2")],
    "epoch_of": lambda history: [history.epoch_of(step) for step in STEPS],
    "seconds_at": lambda history: [history.seconds_at(step) for step in STEPS],
    "units": lambda history: [history.units(layer) for layer in ("h1", "h2")],
    "of": lambda history: [list(history.of(metric)) for metric in METRICS],
    "quantity": each_of(lambda each: each[0].quantity(each[1])),
    "series": each_of(lambda each: list(each[0].series(each[1]))),
    "latest": each_of(lambda each: each[0].latest(each[1])),
    "at": each_of(lambda each: [each[0].at(each[1], step) for step in STEPS]),
    "window": each_of(lambda each: [list(each[0].window(each[1], first, first + 70)) for first in STEPS]),
    "tail": each_of(lambda each: [list(each[0].tail(each[1], count)) for count in (0, 1, 70)]),
    "newest": each_of(lambda each: [list(each[0].newest(each[1], count)) for count in (0, 1, 70)]),
    "outline": each_of(lambda each: [
        list(each[0].outline(each[1], first, stop, columns))
        for first, stop in ((0, 401), (7, 70_000), (300, 1_000)) for columns in (3, 40)
    ]),
    "gaps": each_of(lambda each: [each[0].gaps(each[1], first, first + 500) for first in STEPS]),
    "look_steps": lambda history: history.look_steps,
    "look_at": lambda history: [history.look_at(index) for index in range(len(history.look_steps))],
    "means": each_of(lambda each: each[0].means(each[1], 0, 3_000, 40)),
    "whole_gap": each_of(lambda each: [each[0].whole_gap(each[1], Gap(step, step)) for step in STEPS]),
    "smooth": each_of(lambda each: each[0].smooth(each[1], np.arange(0, 3_000, 100), 50)),
}  # fmt: skip


def all_of(history: History) -> dict[str, str]:
    """Return all that can be read of a history, by what reads it."""
    return {"len": str(len(history))} | {name: repr(plain(read(history))) for name, read in READERS.items()}


@given(
    st.lists(st.floats(-100, 100, width=32) | st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1,
             max_size=90),
    st.integers(0, 30), st.integers(1, 100), st.integers(1, 40),
)  # fmt: skip
def test_the_mean_of_a_column_is_that_of_the_finite_values_of_its_steps(
    values: list[float], first: int, wide: int, columns: int
) -> None:
    history = History()
    history.add(start())
    for step, value in enumerate(values):
        history.add(record(step, {"loss": value}))
    stop, found = first + wide, history.means("loss", first, first + wide, columns)
    width = max(1, math.ceil(wide / columns))
    expected = {}
    for low in range(first, stop, width):
        inside = range(low, min(low + width, stop, len(values)))
        finite = [float(np.float32(values[step])) for step in inside if math.isfinite(values[step])]
        if finite:
            expected[inside[-1]] = sum(finite) / len(finite)
    assert dict(zip(found.steps.tolist(), found.values.tolist(), strict=True)) == pytest.approx(expected, abs=1e-3)


def test_the_means_of_a_long_run_are_those_of_all_its_steps() -> None:
    values = np.random.default_rng(1).normal(size=40_000).astype(np.float32)
    values[12_345], values[20_000:20_100] = np.nan, np.inf
    history = History()
    history.add(start(batches=50_000, epochs=1))
    for step, value in enumerate(values):
        history.add(record(step, {"loss": value}))
    for first in (0, 16, 1_000):
        found = history.means("loss", first, 40_000, 20)
        outline = history.outline("loss", first, 40_000, 20)
        assert 15 <= len(found.steps) <= 20 <= len(outline.steps) <= 40
        counted = np.isfinite(values[first:])
        width = (40_000 - first) // 20
        total = float(values[first:][counted].mean(dtype=np.float64))
        assert float(found.values.mean()) == pytest.approx(total, abs=0.02)
        assert float(np.abs(found.values).max()) < 5 / math.sqrt(width)


def test_all_that_can_be_read_is_read_here() -> None:
    public = {name for name in dir(History) if not name.startswith("_")}
    assert public - {"add", "frozen", "until"} == set(READERS)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 255, 256, 257, 700])
def test_a_frozen_history_stays_as_it_was_while_the_run_goes_on(length: int) -> None:
    history = started()
    fill(history, range(length))
    before = all_of(history)
    frozen = history.frozen()
    assert all_of(frozen) == before
    fill(history, range(length, length + 1_300))
    history.add(End(99.0, "stopped"))
    assert all_of(frozen) == before
    assert len(history) == length + 1_300


@pytest.mark.parametrize("length", [0, 1, 700, 5_000])
def test_a_frozen_history_stays_as_it_was_when_the_run_leaves_out_steps(length: int) -> None:
    history = started()
    fill(history, range(length))
    frozen, before = history.frozen(), all_of(history)
    fill(history, range(length + 10, length + 4_000, 10))
    assert all_of(frozen) == before
    assert all_of(history.until(length - 1))["outline"] == before["outline"]
    again = history.frozen()
    middle = all_of(again)
    fill(history, range(length + 4_000, length + 5_000, 7))
    assert all_of(again) == middle


def test_what_is_frozen_or_looked_back_at_is_no_copy() -> None:
    history = started()
    fill(history, range(2_000))
    for twin in (history.frozen(), history.until(1_500)):
        for name in ("loss", "dead_fraction/h1"):
            assert np.shares_memory(twin.series(name).values, history.series(name).values), name
        assert twin.looked is not None
    fill(history, range(2_000, 2_010))
    assert np.shares_memory(history.frozen().series("loss").values, history.until(5).series("loss").values)


def test_what_is_looked_back_at_can_be_frozen_and_looked_back_at_again() -> None:
    history = started()
    fill(history, range(300))
    then = history.until(200)
    assert all_of(then.frozen()) == all_of(then)
    assert all_of(then.until(100)) == all_of(history.until(100))
    assert all_of(then.until(10**6)) == all_of(then)


def test_a_history_may_be_frozen_whenever_another_thread_appends() -> None:
    history, expected = started(), started()
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
    history, count, faults = started(), 4_000, list[str]()
    done = threading.Event()

    def read() -> None:
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
        if len(history.names) > 2 or len(history.events) > count + 1:
            faults.append("too much")
        if history.speed < 0 or history.latest("loss") == -1:
            faults.append("speed")
        then = history.until(len(history) // 2)
        if [event.step for event in then.events] != sorted(event.step for event in then.events):
            faults.append("events")

    def go_on() -> None:
        try:
            while not done.is_set():
                read()
        except Exception as error:
            faults.append(repr(error))

    readers = [threading.Thread(target=go_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(count):
        extra = {"dead_fraction/h1": float(step)} if step % 5 == 0 else {}
        history.add(record(step, {"loss": float(step % 97)} | extra))
        history.add(Event(step, "resume" if step % 100 == 99 else "x"))
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(history) == len(history.events) - 1 == count


def test_while_the_numbers_of_the_steps_are_written_down_nobody_reads_half_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = started()
    fill(history, range(300))
    append, read = Column.append, list[list[int]]()

    def spied_on(column: Column, value: float) -> None:
        append(column, value)
        read.append(history.series("loss").steps.tolist())

    monkeypatch.setattr(Column, "append", spied_on)
    fill(history, [400])  # until now they need not be written down
    assert len(read) > 300
    assert all(steps == list(range(300)) for steps in read)
    assert history.series("loss").steps.tolist() == [*range(300), 400]


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
    history, columns, drawn = started(), 20, list[tuple[int, float]]()
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
    assert history.until(1).broken == history.broken == "pre_mean/h1"  # as it was last measured
    history.add(record(3, {"pre_mean/h1": 1.0}))
    assert history.broken is None
    assert history.was_broken


def test_a_loss_that_is_told_every_other_step_is_broken_in_between_too() -> None:
    history, told = started(), list[tuple[str | None, bool]]()
    for step in range(6):
        values = dict(record(step, {"pre_mean/h1": 1.0}).values)
        values["loss"] = NAN
        if step % 2:
            del values["loss"]
        history.add(replace(record(step), values=values))
        told.append((history.broken, history.was_broken))
    assert told == [("loss", False)] + 5 * [("loss", True)]


@pytest.mark.parametrize("every", [2, 3, 700])
def test_what_is_told_now_and_then_is_read_as_if_all_of_it_were_looked_at(every: int) -> None:
    history, values = started(), np.random.default_rng(every).normal(size=1_500).astype(np.float32)
    values[::9] = NAN
    for step, value in enumerate(values):
        history.add(record(step, {"grad_norm/w1": value} if step % every == 1 else {}))
    for step in (0, 1, 2, 63, 64, 65, 700, 701, 1_499):
        known = [value for at, value in enumerate(values[: step + 1]) if at % every == 1]
        found = history.at("grad_norm/w1", step)
        assert str(found) == (str(shortest(known[-1])) if known else "None")
    broken = {step for step in range(1_500) if step % every == 1 and np.isnan(values[step])}
    in_gaps = {step for gap in history.gaps("grad_norm/w1", 0, 1_500) for step in range(gap.first, gap.last + 1)}
    assert {step for step in in_gaps if step % every == 1} == broken


def test_a_step_that_is_refused_leaves_nothing_behind() -> None:
    history, same = started(), History()
    assert history.start is not None
    same.add(history.start)
    fired, looks = {"h1": np.ones(4, np.bool_)}, {"h1": units([0.5] * 4)}
    for each in (history, same):
        each.add(replace(record(0), fired=fired, looks=looks))
    for refused in (
        replace(record(10), fired={"h1": np.ones(5, np.bool_)}), replace(record(10), looks={"h1": units([0.5] * 3)}),
        record(0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"layer h1 has 4 units, not [53]|step 0 comes after step 0"):
            history.add(refused)
    for each in (history, same):
        each.add(replace(record(1), fired=fired, looks=looks))
    assert all_of(history) == all_of(same)


def test_an_event_of_another_version_of_us_lacks_what_it_lacks() -> None:
    history = started()
    history.add(record(0))
    history.add(Event(1, "train_on", {"epochs": 2}))
    assert history.steps_planned == started().steps_planned
    assert history.marks == ()
    assert history.speed == 0  # it has waited since


def test_the_activation_is_what_is_set_else_each_layer_s_own() -> None:
    network = Network((Layer("a", 2, "gelu"), Layer("b", 2, "relu"), Layer("c", 2, "tanh")))
    history = History()
    assert history.activation() == history.activation("b") == "relu"
    history.add(replace(start(), network=network, settings={}, can=frozenset()))
    assert [history.activation(name) for name in ("", "a", "b", "c")] == ["gelu", "gelu", "relu", "tanh"]
    history.add(replace(record(0, live={}), looks={"b": units([0.5, 0.5], "silu")}))
    assert dict(history.activations) == {"a": "gelu", "b": "silu", "c": "tanh"}
    history.add(record(1, live={"activation": "sigmoid"}))
    assert dict(history.activations) == dict.fromkeys("abc", "sigmoid")
    assert history.until(0).activation("c") == "tanh"


def test_what_a_record_lacks_is_no_gap_wherever_it_lies() -> None:
    history = started()
    lacking, none = {0, 1, 63, 64, 70, 127, 128, 299}, {2, 65, 71, 126, 200}
    for step in range(300):
        value = {} if step in lacking else {"grad_norm/w1": NAN if step in none else 1.0}
        history.add(record(step, value))
    assert [tuple(gap) for gap in history.gaps("grad_norm/w1", 0, 300)] == [(step, step) for step in sorted(none)]
    assert history.series("grad_norm/w1").steps.tolist() == [step for step in range(300) if step not in lacking]
    assert history.gaps("grad_norm/w1", 63, 65) == history.gaps("loss", 0, 300) == ()
    assert history.series("loss").steps.tolist() == list(range(300))
    shown = [step for step in range(300) if step not in lacking | none]
    assert points(history, 0, 300, 300, "grad_norm/w1") == [(step, 1.0) for step in shown]
    assert history.window("grad_norm/w1", 60, 80).steps.tolist() == [step for step in shown if 60 <= step < 80]
    assert history.tail("grad_norm/w1", 3).steps.tolist() == [297, 298]
    assert (history.latest("grad_norm/w1"), history.at("grad_norm/w1", 0)) == (1.0, None)
    assert str(history.smooth("grad_norm/w1", np.array([1, 3, 64, 65, 66]), 2).tolist()) == "[nan, 1.0, nan, nan, 1.0]"
    assert not history.was_broken
    assert history.until(200).broken == "grad_norm/w1"
    assert history.until(201).was_broken


def test_a_long_outline_leaves_out_what_was_lacking() -> None:
    history, values = started(), np.random.default_rng(5).normal(size=6_000).astype(np.float32)
    known = np.ones(6_000, np.bool_)
    known[500:1_700], known[3_000:3_001] = False, False
    for step in range(6_000):
        history.add(record(step, {"pre_mean/h1": float(values[step])} if known[step] else {}))
    found = columns_of(points(history, 0, 6_000, 5, "pre_mean/h1"))
    width = -(-6_000 // (5 * 64)) * 64
    expected = []
    for left in range(0, 6_000, width):
        inside = values[left : left + width][known[left : left + width]]
        expected.append((left, {float(inside.min()), float(inside.max())}))
    assert found == expected


def test_steps_may_start_anywhere_and_have_gaps() -> None:
    history = History()
    history.add(start(batches=None, first=12_000))
    assert (history.first, history.last) == (12_000, None)
    steps = list(range(12_000, 32_000, 10))
    for step in steps:
        history.add(record(step, {"loss": NAN if step == 12_500 else float(step)}))
    assert (history.first, history.last, len(history)) == (12_000, 31_990, 2_000)
    assert history.series("loss").steps.tolist() == steps
    assert [history.at("loss", step) for step in (11_999, 12_000, 12_019, 31_990, 10**6)] == [
        None, 12_000, 12_010, 31_990, 31_990,
    ]  # fmt: skip
    assert points(history, 12_000, 12_030, 10) == [(12_000, 12_000), (12_010, 12_010), (12_020, 12_020)]
    drawn = points(history, 0, 40_000, 40)
    assert drawn[0] == (12_000, 12_000)
    assert max(value for _, value in drawn) == 31_990
    assert all(abs(step - value) < 28_000 / 40 for step, value in drawn)
    assert [tuple(gap) for gap in history.gaps("loss", 0, 40_000)] == [(12_500, 12_500)]
    assert history.whole_gap("loss", Gap(12_500, 12_500)) == Gap(12_500, 12_500)
    assert history.window("loss", 12_005, 12_025).steps.tolist() == [12_010, 12_020]
    assert history.tail("loss", 2).steps.tolist() == [31_980, 31_990]
    assert history.smooth("loss", np.array([12_000, 12_015, 12_030, 12_500, 12_519]), 20).tolist() == [
        12_000, 12_005, 12_025, 12_490, 12_510,
    ]  # fmt: skip
    assert history.until(12_015).last == 12_010
    assert history.speed == pytest.approx(100)


@pytest.mark.parametrize("columns", [1, 3, 20])
def test_a_long_outline_of_steps_by_tens_is_read_from_blocks_and_shows_every_spike(columns: int) -> None:
    history, spikes = History(), {12_000: 5.0, 300_000: 9.0, 411_990: -7.0}
    history.add(start(batches=None, first=12_000))
    for step in range(12_000, 412_000, 10):
        history.add(record(step, {"loss": spikes.get(step, 0.0)}))
    for first, stop in ((0, 412_000), (12_000, 412_000), (250_000, 350_000)):
        found = points(history, first, stop, columns)
        assert len(found) <= 2 * columns
        assert [step for step, _ in found] == sorted(step for step, _ in found)
        shown = {value for step, value in spikes.items() if first <= step < stop}
        extremes = {max(shown), min(shown)} if columns == 1 else shown
        assert extremes <= {value for _, value in found} | {0.0}
        # A column's point stands at its first step, at most a column and a block before the spike.
        width = (stop - max(first, 12_000)) / columns + 640
        assert all(any(value == each and 0 <= step - at <= width for at, each in found)
                   for step, value in spikes.items() if value in extremes and first <= step < stop)  # fmt: skip


def test_a_step_that_is_not_later_than_the_last_is_refused() -> None:
    history = started()
    history.add(record(5))
    for step in (5, 4):
        with pytest.raises(ValueError, match="comes after step 5"):
            history.add(record(step))


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Return all that a run tells: steps left out, metrics that are lacking, NaN, looks, events before and after their
    steps, an end that is none.
    """
    shares = st.lists(st.sampled_from([0.0, 0.004, 0.5, NAN]), min_size=3, max_size=3)
    values = st.dictionaries(
        st.sampled_from(["loss", "pre_mean/h1", "dead_fraction/h1", "own"]), st.sampled_from([1.0, 2.5, NAN, INF])
    )
    steps = sorted(draw(st.sets(st.integers(0, 40) | st.integers(0, 400), min_size=1, max_size=25)))
    per_epoch = draw(st.sampled_from([None, 10, 150]))
    stream: list[Record] = [start(batches=per_epoch, epochs=40)]
    at = 0.0
    for index, step in enumerate(steps):
        done = draw(st.lists(st.sampled_from(["resume", "change"]), max_size=2))
        stream += [Event(step, kind, {"setting": "lr", "before": 0.1, "now": 0.2}) for kind in done]
        at += draw(st.sampled_from([0.01, 0.25, 4.0]))
        layers = draw(st.lists(st.sampled_from(["h1", "h2"]), max_size=2, unique=True))
        stream.append(Step(
            step, at, None if per_epoch is None else step // per_epoch + 1,
            {"lr": draw(st.sampled_from([0.1, 0.2]))}, draw(values),
            {"h1": np.array([draw(st.booleans()) for _ in range(3)])}, {each: units(draw(shares)) for each in layers},
            draw(st.booleans()),
        ))  # fmt: skip
        if draw(st.integers(0, 4)) == 0:
            seen = {"dead_fraction/h1": draw(st.sampled_from([0.0, 0.5, NAN])), "loss": 7.0}
            stream.append(Look(step, seen, {each: units(draw(shares)) for each in layers}))
        stream += [Event(each, "found") for each in draw(st.lists(st.sampled_from(steps[: index + 1]), max_size=2))]
        if draw(st.integers(0, 9)) == 0:
            stream += [End(at, "finished"), Event(step + 1, "train_on", {"epochs": 1, "steps": 10})]
    return [*stream, *draw(st.sampled_from([[], [End(at + 1, "stopped")], [End(at + 1, "failed", "why")]]))]


def fed(stream: Iterable[Record | Steps]) -> History:
    history = History()
    for each in stream:
        history.add(each)
    return history


@given(stream=streams(), at=st.integers(-2, 60) | st.integers(0, 420))
@settings(max_examples=80, deadline=None)
def test_as_of_a_step_a_run_is_what_it_was_when_that_step_was_the_newest(stream: list[Record], at: int) -> None:
    later = next((index for index, each in enumerate(stream) if isinstance(each, Step) and each.step > at), None)
    before = stream[:later]
    last = max((each.step for each in before if isinstance(each, Step)), default=None)
    if later is not None:
        # It went on: no end was one, and what was done before the next step belongs to that.
        before = [
            each
            for each in before
            if not isinstance(each, End) and not (isinstance(each, Event) and last is not None and each.step > last)
        ]
    assert all_of(fed(stream).until(at)) == all_of(fed(before))


@given(stream=streams(), cut=st.integers(0, 80))
@settings(max_examples=80, deadline=None)
def test_what_comes_later_does_not_reach_a_frozen_history(stream: list[Record], cut: int) -> None:
    history = fed(stream[:cut])
    frozen, before = history.frozen(), all_of(history)
    for each in stream[cut:]:
        history.add(each)
    assert all_of(frozen) == before


def test_a_metric_that_is_left_out_later_does_not_change_which_values_were_the_newest() -> None:
    history = started()
    for step, value in enumerate([1.0, NAN]):
        history.add(Step(step, 0.1 * step, None, {}, {"loss": value}, {}, {}, False))
    frozen, before = history.frozen(), history.newest("loss", 1)
    history.add(Step(2, 0.2, None, {}, {}, {}, {}, False))
    assert plain(frozen.newest("loss", 1)) == plain(before)


@settings(max_examples=150, deadline=None)
@given(stream=streams())
def test_steps_that_come_as_one_are_kept_as_if_they_had_come_one_by_one(stream: list[Record]) -> None:
    assert all_of(fed(together(stream))) == all_of(fed(stream))


def test_steps_that_come_as_one_stand_in_columns_to_the_last_bit() -> None:
    values = [0.1, 1e300, -0.0, NAN, INF, 1e-50, -1e300]
    for numbers in (range(7), range(3, 10), (0, 1, 5, 6, 7, 20, 21)):
        told = [
            record(step, {"loss": value, "zero_fraction/h1": index / 7})
            for index, (step, value) in enumerate(zip(numbers, values, strict=True))
        ]
        told[3] = replace(told[3], epoch=2)
        said = start(batches=None)
        one, by_one = fed([said]), fed([said])
        (each,) = together(told)
        assert isinstance(each, Steps)
        one.add(each)
        for step in told:
            by_one.add(step)
        assert all_of(one) == all_of(by_one)
        assert one.series("loss").values.tobytes() == by_one.series("loss").values.tobytes()


def test_no_value_of_steps_that_come_as_one_is_taken_for_one_that_lacks() -> None:
    (each,) = together([record(step, {"loss": 1.0}) for step in range(3)])
    assert isinstance(each, Steps)
    history = started()
    history.add(replace(each, values=np.full(each.values.shape, LACKING)))
    assert len(history.series("loss").steps) == 3


def test_steps_that_come_as_one_and_are_no_later_than_the_last_are_refused() -> None:
    history = history_of([1.0, 2.0, 3.0])
    (each,) = together([record(step, {"loss": 1.0}) for step in (2, 3, 4)])
    with pytest.raises(ValueError, match="step 2 comes after step 2"):
        history.add(each)
    assert len(history) == 3


def test_a_look_between_two_steps_belongs_to_the_first_of_them_and_changes_the_ledger() -> None:
    history = started()
    for step in range(3):
        history.add(replace(record(step), looks={"h1": units([0.5, 0.5, 0.5])} if step == 2 else {}))
    frozen = history.frozen()
    entries = history.add(Look(2, {"dead_fraction/h1": 1 / 3, "loss": 9.0}, {"h1": units([0.5, 0.0, 0.5])}))
    assert entries["h1"].died.tolist() == [1]
    assert history.latest("dead_fraction/h1") == pytest.approx(1 / 3)
    assert history.latest("loss") != 9.0
    assert [each.step for each in history.looks] == [2, 2]
    assert [each.layers["h1"].firing[1] for each in history.looks] == [0.5, 0.0]
    assert frozen.latest("dead_fraction/h1") is None
    assert [each.step for each in frozen.looks] == [2]
    for wrong in (1, 3):
        with pytest.raises(ValueError, match="comes after step 2"):
            history.add(Look(wrong, {}, {}))


def test_a_look_at_no_layer_counts_no_deaths() -> None:
    history = started()
    history.add(record(0))
    history.add(Look(0, {"dead_fraction/h1": 0.5}, {}))
    assert history.names == ("loss", "dead_fraction/h1")
    history.add(replace(record(1), looks={"h1": units([0.0, 0.5])}))
    assert [each.name for each in history.of("deaths")] == ["deaths/h1"]
    assert list(history.until(0).of("deaths")) == []


@pytest.mark.parametrize("at", [3_999, 4_000, 6_010])
def test_as_of_a_step_a_long_run_is_drawn_as_it_was_then(at: int) -> None:
    steps = [*range(4_000), *range(4_500, 6_000), *range(6_000, 9_000, 10)]
    whole = started()
    assert whole.start is not None
    then = fed([whole.start])
    fill(whole, steps)
    fill(then, [step for step in steps if step <= at])
    assert all_of(whole.until(at)) == all_of(then)


def test_before_the_first_step_a_run_had_said_what_it_will_do_and_nothing_else() -> None:
    history = fed([start(first=100), Event(100, "pause"), record(100), record(101)])
    then = history.until(99)
    assert (len(then), then.last, then.first, then.names) == (0, None, 100, ())
    assert [each.kind for each in then.events] == ["start", "pause"]
    assert then.start == history.start


def test_what_happened_after_a_step_is_not_in_it_though_it_was_found_in_an_earlier_one() -> None:
    history = started()
    for step in range(10):
        history.add(record(step))
    history.add(Event(3, "units_lost"))  # found out at step 9
    history.add(Event(10, "change", {"setting": "lr", "before": 0.1, "now": 0.2}))
    history.add(record(10))
    assert [each.kind for each in history.events] == ["start", "units_lost", "change"]
    assert [each.kind for each in history.until(8).events] == ["start"]
    assert [each.kind for each in history.until(9).events] == ["start", "units_lost"]
    assert history.until(9).marks == ()
    assert [each.step for each in history.marks] == [10]


# What a run says of its pace and its end


def timed(times: Iterable[tuple[int, float]], *, first: int = 0) -> History:
    return fed([start(batches=None, first=first), *(replace(record(step), at=at) for step, at in times)])


def test_the_speed_is_that_of_the_last_seconds_of_training() -> None:
    assert timed([]).speed == 0
    assert timed([(0, 0.5)]).speed == 2
    assert timed([(0, 0.5), (1, 1.0)]).speed == 2
    slow = [(step, 0.5 * (step + 1)) for step in range(100)]
    fast = [(100 + step, 50 + (step + 1) / 100) for step in range(400)]
    assert timed(slow).speed == pytest.approx(2)
    assert timed(slow + fast).speed == pytest.approx(100)
    assert timed(slow + fast).until(99).speed == pytest.approx(2)


def test_the_speed_counts_steps_and_not_records() -> None:
    history = timed([(12_000 + 10 * index, 0.5 * (index + 1)) for index in range(20)], first=12_000)
    assert history.speed == pytest.approx(20)


@pytest.mark.parametrize("event", [Event(10, "resume"), Event(10, "train_on", {"epochs": 1, "steps": 5})])
def test_what_was_before_a_wait_does_not_count_as_speed(event: Event) -> None:
    history = timed([(step, (step + 1) / 10) for step in range(10)])
    assert history.speed == pytest.approx(10)
    history.add(event)
    assert history.speed == 0
    history.add(replace(record(10), at=61.0))
    assert history.speed == 0  # how long it took is not known
    history.add(replace(record(11), at=61.25))
    assert history.speed == pytest.approx(4)


def test_a_step_is_told_with_the_seconds_from_the_start_to_it() -> None:
    history = timed([(3, 0.5), (5, 0.75), (9, 2.0)])
    assert [history.seconds_at(step) for step in (0, 3, 4, 5, 8, 9, 10)] == [0, 0.5, 0.5, 0.75, 0.75, 2, 2]
    assert history.seconds == 2
    assert history.until(5).seconds == 0.75
    assert History().seconds == 0


def test_a_run_that_was_told_to_train_on_has_not_ended_and_has_more_steps_before_it() -> None:
    history = fed([start(batches=4, epochs=2), record(7), End(1.0, "finished")])
    assert (history.end, history.steps_planned) == (End(1.0, "finished"), 8)
    history.add(Event(8, "train_on", {"epochs": 2, "steps": 8}))
    assert (history.end, history.steps_planned) == (None, 16)
    history.add(End(2.0, "stopped"))
    assert (history.end, history.events[-1]) == (End(2.0, "stopped"), Event(8, "stop"))
    assert started().steps_planned is None


def test_a_run_that_goes_on_beyond_what_it_announced_has_no_known_end() -> None:
    history = fed([start(batches=3, epochs=1), record(0), record(2)])
    assert history.steps_planned == 3
    history.add(record(3))
    assert history.steps_planned is None


def test_epochs_are_told_by_the_steps_and_a_training_may_have_none() -> None:
    history = fed([start(), *(record(step, batches=4) for step in range(10))])
    assert [history.epoch_of(step) for step in (0, 3, 4, 7, 8, 99)] == [1, 1, 2, 2, 3, 3]
    assert (history.epoch, history.until(5).epoch, History().epoch) == (3, 2, None)
    assert fed([start(), replace(record(0), epoch=None)]).epoch is None


def test_four_thousand_events_come_out_in_the_order_of_their_steps() -> None:
    history = started()
    for step in range(4_000):
        history.add(Event((step * 7_919) % 4_000, "found", {"of": step}))
        assert len(history.events) == step + 2
    found = [event for event in history.events if event.kind == "found"]
    assert [event.step for event in found] == list(range(4_000))
    assert all((event.facts["of"] * 7_919) % 4_000 == event.step for event in found)


def test_events_of_one_step_stay_in_the_order_in_which_they_came() -> None:
    history = started()
    for kind in ("pause", "resume", "change", "revive"):
        history.add(Event(0, kind))
    assert [event.kind for event in history.events] == ["start", "pause", "resume", "change", "revive"]


def test_nothing_can_be_added_to_a_frozen_history() -> None:
    history = started()
    with pytest.raises(AssertionError):
        history.frozen().add(record(0))


# Edges


@pytest.mark.parametrize("name", ["accuracy/test", "loss"])
def test_a_gap_is_found_from_the_first_step_of_a_stretch_to_its_last(name: str) -> None:
    """Of a metric of every step, and of one that is told now and then."""
    history = History()
    history.add(start())
    for step in range(40):
        known = {"loss": NAN if 10 <= step <= 20 else 1.0}
        if step % 10 == 0:
            known["accuracy/test"] = NAN if step in (10, 20) else 0.5
        history.add(record(step, known))
    every = 10 if name == "accuracy/test" else 1
    for first, stop, from_, to in (
        (10, 21, 10, 20),
        (10, 20, 10, 20 - every),
        (11, 21, 10 + every, 20),
        (0, 40, 10, 20),
    ):
        found = history.gaps(name, first, stop)
        assert [(gap.first, gap.last) for gap in found] == [(from_, to)], (first, stop)
    assert history.gaps(name, 0, 10) == history.gaps(name, 21, 40) == ()


def test_a_run_of_one_step_has_an_outline_wherever_it_begins() -> None:
    for first in (0, 7, 10_000):
        history = History()
        history.add(start(first=first))
        history.add(record(first, {"loss": 0.25}))
        assert [each.tolist() for each in history.outline("loss", 0, first + 1, 40)] == [[first], [0.25]]


def test_as_of_a_step_only_the_steps_up_to_it_count() -> None:
    history = History()
    history.add(start())
    for step in range(10):
        history.add(record(step, {"loss": float(step)}))
    for step in range(10):
        then = history.until(step)
        assert (then.last, len(then), then.series("loss").steps.tolist()) == (step, step + 1, list(range(step + 1)))


@pytest.mark.parametrize(("first", "reached"), [(0, 3), (7, 9)])
def test_how_far_a_run_is_are_the_steps_taken_or_the_number_of_the_newest(first: int, reached: int) -> None:
    history = History()
    history.add(start(first=first))
    for step in range(first, first + 3):
        history.add(record(step))
    assert (history.next, history.reached) == (first + 3, reached)


def test_steps_of_one_metric_are_kept_as_a_file_hands_them_over() -> None:
    values = np.frombuffer(np.arange(3, dtype=np.float32).tobytes(), np.float32).reshape(3, 1)  # not to be written to
    history = History()
    history.add(Steps(np.arange(3), np.arange(3.0), None, {}, ("loss",), values))
    assert history.series("loss").values.tolist() == [0, 1, 2]
