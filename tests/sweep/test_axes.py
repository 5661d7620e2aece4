"""What is varied, as it is written on a command line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.errors import InputError
from deadrelu_tui.sweep.axes import Axis, values_of

ENDS = st.floats(1e-6, 1e6)


@given(ENDS, st.floats(1.1, 1e6), st.integers(2, 50))
def test_a_log_range_begins_and_ends_where_it_says_and_each_value_is_as_many_times_the_one_before(
    low: float, times: float, count: int
) -> None:
    high = low * times
    values = values_of("lr", [f"log:{low!r}:{high!r}:{count}"])
    assert len(values) == count
    assert (values[0], values[-1]) == (low, high)
    for index, value in enumerate(values):
        assert math.isclose(value, low * times ** (index / (count - 1)), rel_tol=1e-5)
        assert index in (0, count - 1) or value == float(f"{value:.6g}")


@given(ENDS, st.floats(0.1, 1e6), st.integers(2, 50))
def test_a_lin_range_is_evenly_apart(low: float, apart: float, count: int) -> None:
    values = values_of("lr", [f"lin:{low!r}:{low + apart!r}:{count}"])
    assert len(values) == count
    for index, value in enumerate(values):
        assert math.isclose(value, low + apart * index / (count - 1), rel_tol=1e-5)


@pytest.mark.parametrize(
    ("name", "texts", "values"),
    [
        ("lr", ["0.1,0.01"], (0.01, 0.1)),
        ("lr", ["0.1", "log:1:100:3"], (0.1, 1.0, 10.0, 100.0)),
        ("lr", ["log:1/4:4:3"], (0.25, 1.0, 4.0)),
        ("activation", ["tanh,relu"], ("tanh", "relu")),
        ("batch_size", ["lin:64:256:4"], (64, 128, 192, 256)),
        ("batch_size", ["log:1:64:7"], (1, 2, 4, 8, 16, 32, 64)),
        ("hidden", ["300", "300,100"], ((300,), (300, 100))),
        ("normalise", ["on,off"], (True, False)),
        ("epochs", ["2,endless"], (2, None)),
        ("init", ["he,xavier,normal:0.01"], ("he", "xavier", "normal:0.01")),
        ("device", ["cpu"], ("cpu",)),
    ],
)
def test_values_are_read_as_a_run_reads_them(name: str, texts: list[str], values: tuple[object, ...]) -> None:
    assert values_of(name, texts) == values


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lr", "log:0:1", "lr must be log:LOW:HIGH:N, such as log:1e-4:10:21, not 'log:0:1'"),
        ("lr", "log:0:1:5", "LOW above 0"),
        ("lr", "log:1:0.1:5", "below HIGH"),
        ("lr", "log:1:1:5", "below HIGH"),
        ("lr", "log:1:x:5", "two numbers"),
        ("lr", "log:1:inf:5", "two numbers"),
        ("lr", "log:1:1_0:5", "two numbers"),
        ("lr", "log:1:10:1", "a whole number N from 2"),
        ("lr", "log:1:10:0", "a whole number N from 2"),
        ("lr", "log:1:10:2.5", "a whole number N from 2"),
        ("lr", "log:1:10:-3", "a whole number N from 2"),
        ("lr", "log:1:10:1000000", "a whole number N from 2"),
        ("lr", "lin:0:1:3", "lr must be a number above 0"),
        ("lr", "0.1,0.10", "lr has the value 0.1 twice"),
        ("lr", "0.1,,0.2", "lr must be a number above 0"),
        ("lr", "exp:1:2:3", "lr must be a number above 0"),
        ("batch_size", "lin:1:4:9", "batch-size has the value 1 twice"),
        ("hidden", "log:1:2:3", "hidden has no range"),
        ("activation", "relu,gelu", "activation must be one of"),
        ("normalise", "maybe", "normalise must be true or false"),
    ],
)
def test_what_is_no_axis_is_told_in_a_line(name: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as told:
        values_of(name, [text])
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_thousand_values_are_the_most() -> None:
    assert len(values_of("lr", ["log:1:10:1000"])) == 1000
    with pytest.raises(InputError, match="lr has 1001 values; 1000 are the most"):
        values_of("lr", ["log:1:10:1000", "0.5"])


@pytest.mark.parametrize(
    ("axis", "texts"),
    [
        (Axis("lr", (1e-4, 0.000316228, 0.1, 10.0, 1e5)), ["1e-4", "0.000316", "0.1", "10", "1e5"]),
        (Axis("hidden", ((300,), (300, 100))), ["300", "300,100"]),
        (Axis("normalise", (True, False)), ["on", "off"]),
        (Axis("batch_size", (64, 256)), ["64", "256"]),
    ],
)
def test_values_are_told_as_one_would_type_them(axis: Axis, texts: list[str]) -> None:
    assert [axis.text(index) for index in range(len(axis.values))] == texts
