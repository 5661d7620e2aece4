"""A unit's weights as a picture: each pixel where it belongs, in the colour of its sign."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.panels.picture import GLYPHS, HALF, LEVELS, picture_rows
from deadrelu_tui.tui.plot.chart import Row


def roles(row: Row) -> list[tuple[str, str]]:
    """Return for each column the roles of its upper and its lower pixel."""
    return [(role.split("/")[0], role.split("/")[1]) for text, role in row for _ in text]


def flat(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def test_two_pixels_share_a_cell_the_upper_one_over_the_lower() -> None:
    rows = picture_rows(np.array([-3.0, 0.0, 3.0, 1.0, -1.0, 2.0], np.float32), (2, 3))
    assert roles(rows[0]) == [("below3", "above1"), ("none", "below1"), ("above3", "above2")]
    assert set("".join(flat(rows[:1]))) == {HALF}


@given(st.integers(1, 6), st.integers(1, 9), st.booleans())
def test_it_has_half_as_many_rows_as_the_picture_and_one_for_the_colours(height: int, width: int, plain: bool) -> None:
    weights = np.random.default_rng(height * width).normal(size=height * width).astype(np.float32)
    rows = picture_rows(weights, (height, width), plain)
    assert len(rows) == (height + 1) // 2 + 1
    assert {len(text) for text in flat(rows[:-1])} == {2 * ((width + 1) // 2) if plain else width}


def test_a_single_weight_far_out_leaves_the_colours_to_the_others() -> None:
    weights = np.ones(100, np.float32)
    weights[0] = 1e9
    rows = picture_rows(weights, (10, 10))
    assert {role for row in rows[:-1] for pair in roles(row) for role in pair} == {"above3"}
    assert flat(rows)[-1].split() == ["≤", "−1.0", HALF * 2 * len(LEVELS), "≥", "1.0"]


@pytest.mark.parametrize("weights", [np.zeros(4), np.full(4, np.nan), np.array([np.inf, -np.inf, np.nan, 0])])
def test_what_is_no_number_and_what_is_zero_has_no_colour_of_its_own(weights: npt.NDArray[np.float64]) -> None:
    for plain in (False, True):
        assert len(picture_rows(weights.astype(np.float32), (2, 2), plain)) == 2


def test_where_it_is_plain_four_pixels_are_one_cell_of_their_mean_in_ascii() -> None:
    weights = np.array(
        [[3, 3, -3, -3, 0, 0], [3, 3, -3, -3, 0, 0], [1, 1, 0, 0, 3, 3], [1, 1, 0, 0, -3, -3]], np.float32
    )
    rows = picture_rows(weights.ravel(), (4, 6), plain=True)
    strong, weak = GLYPHS[-1], GLYPHS[4]
    assert flat(rows)[:2] == [2 * strong + 2 * GLYPHS[0] + "  ", 2 * weak + "    "]
    assert all(text.replace("−", "-").isascii() for text in flat(rows))
