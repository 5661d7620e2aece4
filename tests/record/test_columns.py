"""Columns that only grow at their end: blocks of minima and maxima, and the gaps where there is no number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from conftest import record, start
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.record.columns import BLOCK, Column, Gap, find_gaps, shortest
from deadrelu_tui.record.history import History

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

NAN, INF = math.nan, math.inf
FAR = 10**6


def started() -> History:
    """Return the history of a run that has said what it will tell, and nothing else."""
    history = History()
    history.add(start(batches=None))
    return history


def column_of(values: Sequence[float]) -> Column:
    column = Column()
    for value in values:
        column.append(value)
    return column


def dense(values: Sequence[float]) -> History:
    history = started()
    for step, value in enumerate(values):
        history.add(record(step, {"loss": value}))
    return history


def sparse(values: dict[int, float], steps: int) -> History:
    history = started()
    for step in range(steps):
        history.add(record(step, {"dead_fraction/h1": values[step]} if step in values else {}))
    return history


def slowly(values: Sequence[float], first: int, stop: int) -> list[Gap]:
    """Return the gaps of a metric of every step, found step by step."""
    gaps, start = list[Gap](), None
    for step in range(max(0, first), min(stop, len(values))):
        if math.isfinite(values[step]):
            start = None
        elif start is None:
            start = step
            gaps.append(Gap(step, step))
        else:
            gaps[-1] = Gap(start, step)
    return gaps


def broken(length: int, *stretches: tuple[int, int], value: float = NAN) -> list[float]:
    """Return so many ones, but for the stretches first … last."""
    values = [1.0] * length
    for first, last in stretches:
        values[first : last + 1] = [value] * (last + 1 - first)
    return values


# Columns


@given(st.lists(st.floats(width=32), max_size=600))
@settings(max_examples=30, deadline=None)
def test_a_column_holds_what_was_appended(values: list[float]) -> None:
    column = column_of(values)
    assert len(column) == len(column.view()) == len(values)
    np.testing.assert_array_equal(column.view(), np.array(values, np.float32))
    if values:
        assert shortest(column.view()[-1]) == pytest.approx(float(np.float32(values[-1])), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("value", [1e39, -1e300, np.float64(1e39)])
def test_a_number_too_large_for_float32_is_kept_as_infinite_and_nobody_is_warned(value: float) -> None:
    assert column_of([1.0, value]).view().tolist() == [1.0, math.copysign(INF, value)]


ends = st.integers(0, 400) | st.sampled_from([0, 1, 63, 64, 65, 127, 128, 129, 256])


@given(length=ends, first=ends, stop=ends | st.just(FAR))
@settings(max_examples=100, deadline=None)
def test_the_pieces_of_a_view_are_whole_blocks_and_single_steps_around_them(length: int, first: int, stop: int) -> None:
    values = np.random.default_rng(length).normal(size=length).astype(np.float32)
    steps, low, high = column_of(values.tolist()).pieces(first, stop)
    stop, covered = min(stop, length), list[int]()
    for index, step in enumerate(steps.tolist()):
        following = int(steps[index + 1]) if index + 1 < len(steps) else stop
        assert (low[index], high[index]) == (values[step:following].min(), values[step:following].max())
        assert following == step + 1 or (following == step + BLOCK and step % BLOCK == 0)
        covered += range(step, following)
    assert covered == list(range(first, stop))
    assert len(low) == len(high) == len(steps) < length / BLOCK + 2 * BLOCK


def test_blocks_that_were_read_before_they_were_full_are_read_again() -> None:
    column = Column()
    for step in range(1_000):
        column.append(float(step))
        steps, low, high = column.pieces(0, FAR)
        assert (low[0], high[-1]) == (0, step)
        assert len(steps) == sum(divmod(step + 1, BLOCK))


def test_nan_in_a_block_does_not_hide_its_minimum_and_maximum() -> None:
    values = broken(192, (3, 60), (64, 127))
    values[2], values[61] = -5.0, 7.0
    steps, low, high = column_of(values).pieces(0, 192)
    assert steps.tolist() == [0, 64, 128]
    assert (low[0], high[0]) == (-5, 7)
    assert np.isnan([low[1], high[1]]).all()


def test_a_column_of_a_million_values_is_read_in_blocks() -> None:
    values = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    values[777_777], values[500_000:500_200] = INF, NAN
    column = Column()
    for value in values.tolist():
        column.append(value)
    np.testing.assert_array_equal(column.view(), values)
    steps, low, high = column.pieces(0, 10**9)
    assert len(steps) == 1_000_000 // BLOCK
    blocks = values.reshape(-1, BLOCK)
    np.testing.assert_array_equal(low, np.fmin.reduce(blocks, axis=1))
    np.testing.assert_array_equal(high, np.fmax.reduce(blocks, axis=1))
    at, bad = column.broken(0, 10**9)
    found = tuple(find_gaps(at, at, bad))
    assert found == (Gap(500_000, 500_199), Gap(777_777, 777_777))


# What is lacking


@given(values=st.lists(st.none() | st.floats(width=32) | st.just(NAN), max_size=300), lacking=st.integers(0, 300))
@settings(max_examples=60, deadline=None)
def test_what_is_lacking_is_known_from_what_was_measured_and_is_no_number(
    values: list[float | None], lacking: int
) -> None:
    column = Column(lacking=lacking)
    for value in values:
        if value is None:
            column.lack()
        else:
            column.append(value)
    everything = [None] * lacking + values
    assert len(column) == len(everything)
    for stop in (0, 1, lacking, lacking + 1, len(everything) - 1, len(everything)):
        assert column.lacks(stop) == (None in everything[: max(0, stop)])
    for stop in (0, lacking, len(everything)):
        known = column.known(stop)
        wanted = [each is not None for each in everything[:stop]]
        assert all(wanted) if known is None else known.tolist() == wanted, stop
        at, bad = column.broken(0, stop)
        none = [step for step, each in enumerate(everything[:stop]) if each is not None and not math.isfinite(each)]
        assert at[bad].tolist() == none
    numbers = np.array([NAN if each is None else each for each in everything], np.float32)
    np.testing.assert_array_equal(column.view(), numbers)


# Gaps of metrics of every step


@pytest.mark.parametrize(
    "stretches",
    [
        [],
        [(0, 0)],
        [(0, 63)],
        [(0, 299)],
        [(63, 63)],
        [(64, 64)],
        [(63, 64)],
        [(60, 63), (128, 130)],  # with a good block between two bad ones
        [(60, 63), (65, 70)],
        [(64, 127)],
        [(64, 127), (192, 255)],
        [(100, 200)],
        [(0, 63), (128, 191), (256, 299)],
        [(299, 299)],
        [(256, 299)],
        [(1, 1), (3, 3), (5, 5)],
    ],
)
def test_gaps_are_the_stretches_without_a_number(stretches: list[tuple[int, int]]) -> None:
    for value in (NAN, INF, -INF):
        history = dense(broken(300, *stretches, value=value))
        assert history.gaps("loss", 0, 300) == tuple(Gap(*each) for each in stretches)
        assert history.gaps("loss", 0, FAR) == history.gaps("loss", -5, FAR) == history.gaps("loss", 0, 300)


def test_a_gap_is_cut_off_where_the_view_ends() -> None:
    history = dense(broken(300, (50, 200)))
    assert history.gaps("loss", 100, 150) == (Gap(100, 149),)
    assert history.gaps("loss", 64, 128) == (Gap(64, 127),)
    assert history.gaps("loss", 0, 51) == (Gap(50, 50),)
    assert history.gaps("loss", 200, 300) == (Gap(200, 200),)
    assert history.gaps("loss", 201, 300) == history.gaps("loss", 0, 50) == ()
    assert history.gaps("loss", 150, 150) == history.gaps("loss", 160, 150) == history.gaps("loss", -9, -2) == ()


def test_one_gap_of_several_kinds_is_one() -> None:
    values = [1.0] * 300
    values[60:70] = [NAN, INF, -INF, NAN, NAN, INF, INF, NAN, -INF, NAN]
    assert dense(values).gaps("loss", 0, 300) == (Gap(60, 69),)


def test_gaps_come_in_as_the_run_goes_on() -> None:
    values, history = broken(400, (60, 70), (127, 130), (200, 399)), started()
    for step, value in enumerate(values):
        history.add(record(step, {"loss": value}))
        assert list(history.gaps("loss", 0, FAR)) == slowly(values[: step + 1], 0, FAR)


stretch = st.tuples(st.sampled_from([1.0, NAN, INF, -INF]), st.integers(1, 5) | st.sampled_from([62, 63, 64, 65, 128]))


@settings(max_examples=150, deadline=None)
@given(
    stretches=st.lists(stretch, max_size=12),
    first=st.integers(-3, 20) | st.sampled_from([63, 64, 65, 127, 128, 129]),
    span=st.integers(0, 10) | st.sampled_from([63, 64, 65, 128, 192, FAR]),
)
def test_gaps_are_what_a_slow_reading_finds(stretches: list[tuple[float, int]], first: int, span: int) -> None:
    values = [value for value, times in stretches for _ in range(times)]
    history = dense(values)
    if values:
        # A view of everything is read first, and of a part then: what is known of blocks must not depend on it.
        assert list(history.gaps("loss", 0, FAR)) == slowly(values, 0, FAR)
    assert list(history.gaps("loss", first, first + span)) == slowly(values, first, first + span)


# Gaps of metrics of some steps


def test_a_gap_of_a_metric_of_few_steps_is_the_measurements_without_a_number() -> None:
    history = sparse({0: 0.5, 1: NAN, 4: NAN, 8: 0.5, 16: NAN, 100: 0.5, 200: INF}, 210)
    assert history.gaps("dead_fraction/h1", 0, FAR) == (Gap(1, 4), Gap(16, 16), Gap(200, 200))
    assert history.gaps("dead_fraction/h1", 2, 16) == (Gap(4, 4),)
    assert history.gaps("dead_fraction/h1", 17, 100) == ()


@settings(max_examples=100, deadline=None)
@given(
    values=st.dictionaries(st.integers(0, 150), st.sampled_from([0.5, NAN, INF]), max_size=40),
    first=st.integers(-3, 160), span=st.integers(0, 160),
)  # fmt: skip
def test_gaps_of_few_steps_are_what_a_slow_reading_finds(values: dict[int, float], first: int, span: int) -> None:
    expected, before = list[Gap](), False
    for step in sorted(values):
        if first <= step < first + span:
            bad = not math.isfinite(values[step])
            if bad and before:
                expected[-1] = Gap(expected[-1].first, step)
            elif bad:
                expected.append(Gap(step, step))
            before = bad
    assert list(sparse(values, 151).gaps("dead_fraction/h1", first, first + span)) == expected


def test_of_a_metric_that_is_not_there_there_are_no_gaps() -> None:
    assert History().gaps("loss", 0, 10) == ()
    assert dense([1.0, NAN]).gaps("happiness", 0, 10) == ()


def test_steps_that_were_left_out_were_good_only_where_every_step_is_measured() -> None:
    steps, bad = np.array([0, 1, 5, 6, 9]), np.array([True, True, True, False, True])
    assert list(find_gaps(steps, steps, bad)) == [Gap(0, 1), Gap(5, 5), Gap(9, 9)]
    assert list(find_gaps(np.arange(5), steps, bad)) == [Gap(0, 5), Gap(9, 9)]
    assert list(find_gaps(steps[:0], steps[:0], bad[:0])) == []
