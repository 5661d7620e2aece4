"""Every combination of the values, each with every seed."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.grid import Grid

LR = Axis("lr", (0.001, 0.01, 0.1, 1.0, 10.0))
BATCH = Axis("batch_size", (32, 64, 128))
HOW = Axis("activation", ("relu", "tanh"))


def test_every_combination_comes_once_with_every_seed_and_all_else_is_as_in_the_base() -> None:
    base = RunSettings(seed=7, hidden=(20,), init="he")
    cells = list(Grid(base, (LR, BATCH, HOW), 2).cells())
    assert len(cells) == len(Grid(base, (LR, BATCH, HOW), 2)) == 60
    found = {
        (each.settings.lr, each.settings.batch_size, each.settings.activation, each.settings.seed) for each in cells
    }
    assert found == set(product(LR.values, BATCH.values, HOW.values, (7, 8)))
    assert {(each.settings.hidden, each.settings.init) for each in cells} == {((20,), "he")}
    for each in cells:
        x, y, page = each.place
        assert (each.settings.lr, each.settings.batch_size) == (LR.values[x], BATCH.values[y])
        assert each.settings.activation == HOW.values[page]
        assert each.settings.seed == 7 + each.seed


@settings(deadline=None)
@given(st.integers(2, 24), st.integers(2, 24))
def test_the_corners_come_first_and_no_stretch_is_halved_before_all_longer_ones(wide: int, high: int) -> None:
    axes = Axis("lr", tuple(float(each + 1) for each in range(wide))), Axis("batch_size", tuple(range(1, high + 1)))
    places = [each.place for each in Grid(RunSettings(), axes).cells()]
    assert sorted(places) == sorted(product(range(wide), range(high)))
    assert set(places[:4]) == set(product((0, wide - 1), (0, high - 1)))
    for upto in range(4, len(places) + 1, 7):  # whatever is done: the largest hole is at most four times the smallest
        seen = sorted({x for x, _ in places[:upto]})
        holes = [right - left for left, right in pairwise(seen)]
        assert max(holes) <= 4 * min(holes) + 4


def test_all_cells_have_one_seed_before_any_has_two() -> None:
    seeds = [each.seed for each in Grid(RunSettings(), (LR,), 3).cells()]
    assert seeds == [0] * 5 + [1] * 5 + [2] * 5


def test_a_key_tells_a_cell_from_every_other_and_from_itself_by_another_version_or_on_other_images() -> None:
    cells = list(Grid(RunSettings(), (LR, BATCH), 3).cells())
    assert len({each.key("1 a") for each in cells}) == len(cells)
    assert len({cells[0].key(of) for of in ("1 a", "2 a", "1 b")}) == 3
    again = next(Grid(RunSettings(), (Axis("lr", LR.values[:2]),), 9).cells())
    alone = next(Grid(RunSettings(), (LR,)).cells())
    assert again.key("1 a") == alone.key("1 a"), "whatever the grid that it lies in"


@pytest.mark.parametrize(
    ("axes", "seeds", "said"),
    [
        ((), 1, "nothing is varied"),
        ((Axis("lr", tuple(float(each) for each in range(1, 1001))), Axis("batch_size", tuple(range(1, 1001)))), 1,
         "1000 × 1000 cells are 1000000 runs; 100000 are the most of one sweep"),
        ((Axis("lr", tuple(map(float, range(1, 1001)))),), 101, "1000 cells with 101 seeds each are 101000"),
    ],
)  # fmt: skip
def test_a_grid_of_nothing_or_of_too_much_is_told_in_a_line(axes: tuple[Axis, ...], seeds: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Grid(RunSettings(), axes, seeds)


def test_axes_beyond_the_second_are_pages() -> None:
    grid = Grid(RunSettings(), (LR, BATCH, HOW, Axis("normalise", (True, False))))
    assert grid.pages == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert grid.page_text((1, 0)) == "activation tanh, normalise on"
    assert Grid(RunSettings(), (LR, BATCH)).pages == [()]
    assert Grid(RunSettings(), (LR, BATCH)).page_text(()) == ""
