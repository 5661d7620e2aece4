from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.unit_map import DEAD, Row
from deadrelu_tui.tui.unit_map import unit_rows as rows_of


def unit_rows(
    layers: dict[str, npt.NDArray[np.float32]], width: int, height: int, ascii_only: bool = False
) -> list[Row]:
    return rows_of(layers, {name: rates == 0 for name, rates in layers.items()}, width, height, ascii_only)


def flat(rows: list[Row]) -> str:
    return "\n".join("".join(text for text, _ in row) for row in rows)


def test_dead_units_have_a_glyph_and_a_colour_of_their_own() -> None:
    rows = unit_rows({"h1": np.array([0, 0.005, 0.05, 0.3, 0.7, 1.0, 0], np.float32)}, 40, 4)
    assert "".join(text for text, _ in rows[0]).split() == ["h1", f"{DEAD}·░▒▓█{DEAD}"]
    assert rows[0][1] == (DEAD, "dead")
    assert f"{DEAD} dead 2" in flat(rows)


def test_300_units_stand_in_rows_of_one_length() -> None:
    rows = unit_rows({"h1": np.ones(300, np.float32)}, 74, 9)
    lengths = [flat([row]).count("█") for row in rows[:-1]]
    assert [length for length in lengths if length] == [60] * 5


def test_more_units_than_cells_are_pooled_and_the_map_says_so() -> None:
    rates = np.ones(4096, np.float32)
    rates[:100] = 0
    shown = flat(unit_rows({"h1": rates}, 74, 8))
    assert "1 cell = 9 units" in shown
    assert shown.count(DEAD) == 11 + 1  # 11 cells of 9 dead units, the one of 1 dead and 8 alive not; one in the legend


def test_without_utf8_it_is_ascii() -> None:
    rates = np.linspace(0, 1, 20, dtype=np.float32)
    assert flat(unit_rows({"h1": rates}, 60, 5, ascii_only=True)).isascii()


def test_more_layers_than_rows_leaves_the_last_out_and_says_so() -> None:
    shown = flat(unit_rows({f"h{i}": np.ones(10, np.float32) for i in range(1, 11)}, 60, 6))
    assert "h5" in shown
    assert "h6" not in shown
    assert "5 more layers" in shown


@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.integers(0, 120), st.integers(0, 20))
def test_it_never_has_more_rows_than_there_are(units: list[int], width: int, height: int) -> None:
    layers = {f"h{i}": np.zeros(count, np.float32) for i, count in enumerate(units, 1)}
    assert len(unit_rows(layers, width, height)) <= max(height, 0)
