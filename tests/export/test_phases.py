"""What is drawn of a map: where numbers lie on its sides, where the line runs, and which colour is which."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deadrelu_tui.export.phases import Map, Panel, Shades, Side, Spot, edges, limit_line

DECADES = Side("learning rate", ("0.01", "0.1", "1", "10"), (0.01, 0.1, 1.0, 10.0), geometric=True, even=True)
KINDS = Side("activation", ("relu", "tanh"))


def spots(*sides: bool | None) -> tuple[Spot, ...]:
    return tuple(Spot(beyond=each) for each in sides)


def shades(*values: float, share: bool = True, bright_high: bool = False) -> Shades:
    panel = Panel("", (tuple(Spot((each,)) for each in values),))
    return Shades(Map("", (), "", share, bright_high, DECADES, None, (panel,)))


@pytest.mark.parametrize(("value", "place"), [(0.01, 0), (1, 2), (0.1 * 10**0.5, 1.5), (100, 4), (0.001, -1)])
def test_a_number_of_a_geometric_series_lies_by_its_logarithm_and_so_beyond_its_ends(
    value: float, place: float
) -> None:
    assert DECADES.place(value) == pytest.approx(place)


def test_between_irregular_values_a_number_lies_as_far_as_it_does_between_these() -> None:
    side = Side("batch size", ("1", "2", "10"), (1.0, 2.0, 10.0))
    assert [side.place(each) for each in (1.5, 6, 18)] == pytest.approx([0.5, 1.5, 3])


def test_what_no_number_stands_for_lies_nowhere() -> None:
    assert all(math.isnan(each) for each in (DECADES.place(-1), DECADES.place(math.inf), KINDS.place(1)))


def test_where_there_is_room_each_value_is_written() -> None:
    ticks, between = DECADES.ticks(4, wide=True)
    assert [(each.at, each.text) for each in ticks] == [(0, "0.01"), (1, "0.1"), (2, "1"), (3, "10")]
    assert between == []


def test_of_a_long_series_round_numbers_are_written_where_they_lie() -> None:
    values = tuple(10 ** (each / 10) for each in range(-20, 11))
    side = Side("lr", tuple(f"{each:.3g}" for each in values), values, geometric=True, even=True)
    ticks, between = side.ticks(4, wide=True)
    assert {"0.01", "0.1", "1", "10"} <= {each.text for each in ticks}
    assert [each.at for each in ticks] == pytest.approx([10 * math.log10(float(each.text)) + 20 for each in ticks])
    assert min(between) >= -0.5
    assert round(side.place(2), 6) in [round(each, 6) for each in between]


def test_of_many_values_that_are_no_series_some_are_written() -> None:
    side = Side("kind", tuple(f"kind{each}" for each in range(30)))
    ticks, _ = side.ticks(3, wide=True)
    assert 2 <= len(ticks) <= 6
    assert all(each.text == f"kind{each.at:.0f}" for each in ticks)


def test_the_boundary_runs_along_the_edges_between_its_sides_alone() -> None:
    xs, ys = edges([spots(False, True, None), spots(False, False, True)])
    lines = {((xs[at], ys[at]), (xs[at + 1], ys[at + 1])) for at in range(0, len(xs), 3)}
    assert lines == {((0.5, -0.5), (0.5, 0.5)), ((1.5, 0.5), (1.5, 1.5)), ((0.5, 0.5), (1.5, 0.5))}
    assert all(math.isnan(xs[at]) for at in range(2, len(xs), 3))


def test_theory_s_limit_is_a_line_to_the_edges_of_the_map_where_the_other_side_has_numbers() -> None:
    panel = Panel("", (), (0.1, 1.0, None))
    places, across = limit_line(panel, DECADES, Side("batch", ("1", "2", "3"), (1.0, 2.0, 3.0), even=True))
    assert places[:3] == pytest.approx([0.5, 1, 2])
    assert across[:3] == [-0.5, 0, 1]
    assert math.isnan(places[3])


def test_theory_s_limit_is_a_step_in_each_cell_where_the_other_side_has_none() -> None:
    places, across = limit_line(Panel("", (), (0.1, None)), DECADES, KINDS)
    assert places[:2] == [1, 1]
    assert across[:2] == [-0.5, 0.5]
    assert all(map(math.isnan, places[2:]))


def test_shares_go_from_bright_to_dark_as_units_die_and_accuracies_the_other_way() -> None:
    def light(of: Shades, value: float) -> float:
        return float(of.of(of.height(value)) @ np.array([0.299, 0.587, 0.114]))

    dying, learning = shades(0.2), shades(0.2, bright_high=True)
    lights = [light(dying, share / 20) for share in range(21)]
    assert lights == sorted(lights, reverse=True)
    assert light(learning, 0.9) > light(learning, 0.1)
    assert dying.is_dark(1)
    assert not dying.is_dark(0)


def test_what_is_no_share_takes_all_colours_and_what_is_unknown_is_white() -> None:
    found = shades(2.0, 2000.0, share=False)
    assert found.height([2.0, 2000.0]).tolist() == pytest.approx([0, 1])
    assert [each.text for each in found.ticks()] == ["3", "10", "30", "100", "300", "1\N{NARROW NO-BREAK SPACE}000"]
    assert found.of(math.nan).tolist() == [1, 1, 1]
