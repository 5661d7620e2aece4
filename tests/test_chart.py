from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.tui.chart import ROLES, Line, Plot, Span, draw
from deadrelu_tui.tui.scale import fit, share_axis


def plot(values: list[float], kind: str = "linear", **more: object) -> Plot:
    array = np.array(values, np.float64)
    lines = (Line(np.arange(len(array)), array, "train"),) if len(array) else ()
    return Plot(lines, fit(kind, array, 12), 0, max(1, len(array)), **more)  # type: ignore[arg-type]


def text(rows: list[list[Span]]) -> list[str]:
    return ["".join(part for part, _ in row) for row in rows]


def dots(rows: list[list[Span]], role: str) -> int:
    return sum(len(part) for row in rows for part, each in row if each == role)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(width=64, allow_nan=True, allow_infinity=True), max_size=60),
    st.sampled_from(["linear", "log", "symlog"]),
    st.integers(0, 90),
    st.integers(0, 30),
)
def test_any_series_at_any_size_gives_rows_of_that_size(
    values: list[float], kind: str, width: int, height: int
) -> None:
    rows = draw(plot(values, kind, marks=(1,), rules=(math.log(10),)), width, height)
    assert len(rows) == height
    assert {len(row) for row in text(rows)} <= {width}
    assert all(role in ROLES for row in rows for _, role in row)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf], [3.0], [5.0] * 9, [1e300, -1e300], [5e-324]])
def test_the_awkward_ones_are_drawn_without_complaint(values: list[float]) -> None:
    for kind in ("linear", "log", "symlog"):
        assert len(draw(plot(values, kind), 60, 12)) == 12


def test_a_rising_line_rises() -> None:
    rows = draw(plot([float(i) for i in range(100)]), 60, 12)
    columns = [max(x for x, cell in enumerate(cells(row)) if cell == "train") for row in rows if "train" in cells(row)]
    assert columns == sorted(columns, reverse=True)


def cells(row: list[Span]) -> list[str]:
    return [role for part, role in row for _ in part]


def test_nan_is_left_out_and_the_rest_is_drawn() -> None:
    rows = draw(plot([1.0, math.nan, 2.0, math.inf, 3.0]), 60, 12)
    assert dots(rows, "train") > 0


def test_a_mark_is_a_vertical_line_and_a_rule_a_horizontal_one() -> None:
    rows = draw(Plot((), share_axis(12), 0, 100, marks=(50,), rules=(0.5,)), 60, 12)
    marked = [cells(row).index("mark") for row in rows if "mark" in cells(row)]
    assert len(marked) >= 8
    assert len(set(marked)) == 1
    assert sum("rule" in cells(row) for row in rows) == 1


def test_scattered_points_are_not_joined() -> None:
    line = Line(np.array([0, 99]), np.array([0.0, 1.0]), "test", scattered=True)
    assert dots(draw(Plot((line,), share_axis(12), 0, 100), 60, 12), "test") == 2


def test_the_axis_says_its_ticks_and_its_steps() -> None:
    shown = "\n".join(text(draw(plot([0.0, 1.0] * 100, marks=()), 80, 12)))
    assert "0.5" in shown
    assert "100" in shown


def test_without_utf8_every_character_is_ascii() -> None:
    rows = text(draw(plot([1.0, -2e-5, 3e6], "symlog", marks=(1,), rules=(0.5,)), 60, 12, ascii_only=True))
    assert all(row.isascii() for row in rows)
    assert any("*" in row for row in rows)
