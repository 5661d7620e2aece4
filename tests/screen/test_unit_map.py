"""The unit map, the table of definitions and a unit's portrait, as text."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import units
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.ledger import Bookkeeper, Ledger
from deadrelu_tui.record.units import DEFINITIONS, Units, definition_of
from deadrelu_tui.tui.panels.definitions import definition_rows, packed, portrait
from deadrelu_tui.tui.panels.unit_map import DEAD, Grid, legend, map_rows, moved
from deadrelu_tui.tui.plot.chart import Row

DEAD_ON_PROBE = definition_of("dead_fraction")


def drawn(layers: dict[str, Units], width: int, rows: int, ascii_only: bool = False) -> list[Row]:
    grid = Grid.fit({name: len(each) for name, each in layers.items()}, width, rows)
    return [
        *map_rows(layers, DEAD_ON_PROBE, grid, None, ascii_only),
        legend(layers, DEAD_ON_PROBE, grid, width, ascii_only),
    ]


def flat(rows: list[Row]) -> str:
    return "\n".join("".join(text for text, _ in row) for row in rows)


def test_dead_units_have_a_glyph_and_a_colour_of_their_own() -> None:
    rows = drawn({"h1": units([0, 0.005, 0.05, 0.3, 0.7, 1.0, 0])}, 11, 1)
    assert "".join(text for text, _ in rows[0]).split() == ["h1", f"{DEAD}·░▒▓█{DEAD}"]
    assert rows[0][1] == (DEAD, "dead")
    rows = drawn({"h1": units([0, 0.005, 0.05, 0.3, 0.7, 1.0, 0])}, 60, 3)
    assert f"{DEAD} never fires: 2" in flat(rows)


def test_300_units_stand_in_rows_of_one_length() -> None:
    rows = drawn({"h1": units(np.ones(300))}, 74, 8)
    assert [flat([row]).count("█") for row in rows[:-1]] == [60] * 5


@pytest.mark.parametrize(("width", "height", "cell"), [
    (64, 9, (1, 1)), (64, 10, (2, 1)), (63, 10, (1, 1)), (124, 20, (4, 2)), (124, 19, (2, 1)), (123, 20, (2, 1)),
])  # fmt: skip
def test_a_cell_is_as_large_as_all_of_them_have_room_for(width: int, height: int, cell: tuple[int, int]) -> None:
    grid = Grid.fit({"h1": 300}, width, height)
    assert (grid.cell, grid.pooled) == (cell, 1)


def test_large_cells_are_filled_by_shades_and_a_glyph_stands_at_their_corner() -> None:
    layers = {"h1": units([0, 0.005, 0.3, 1.0])}
    rows = map_rows(layers, DEAD_ON_PROBE, Grid.fit({"h1": 4}, 20, 2), None)
    assert flat(rows).split("\n") == [f"h1  {DEAD}   ·   ▒▒▒ ███ ", "            ▒▒▒ ███ "]
    rows = map_rows(layers, DEAD_ON_PROBE, Grid.fit({"h1": 4}, 12, 1), None)
    assert flat(rows) == f"h1  {DEAD} · ▒▒██"


def test_more_units_than_cells_are_pooled_and_the_map_says_so() -> None:
    rates = np.ones(4096)
    rates[:100] = 0
    shown = flat(drawn({"h1": units(rates)}, 74, 7))
    assert "1 cell = 9 units" in shown
    assert shown.count(DEAD) == 11 + 1  # 11 cells of 9 dead units, the one of 1 dead and 8 alive not; one in the legend


def test_without_utf8_it_is_ascii() -> None:
    assert flat(drawn({"h1": units(np.linspace(0, 1, 20))}, 60, 4, ascii_only=True)).isascii()


def test_a_layer_that_is_no_number_is_neither_dead_nor_alive() -> None:
    assert "?????????" in flat(drawn({"h1": units([np.nan] * 9)}, 13, 1))
    rows = drawn({"h1": units([np.nan] * 9)}, 70, 3)
    assert DEAD + " never fires: ?  ? no number" in flat(rows)


def test_more_layers_than_rows_are_paged_around_the_cursor_and_the_map_says_so() -> None:
    layers = {f"h{i}": units(np.ones(10)) for i in range(1, 11)}
    counts = dict.fromkeys(layers, 10)
    first, second = Grid.fit(counts, 60, 5, "h1"), Grid.fit(counts, 60, 5, "h7")
    assert list(first.counts) == ["h1", "h2", "h3", "h4", "h5"]
    assert list(second.counts) == ["h6", "h7", "h8", "h9", "h10"]
    assert "5 more layers" in flat([legend(layers, DEAD_ON_PROBE, second, 80)])


sizes = st.lists(st.integers(1, 700), min_size=1, max_size=5)


@given(sizes, st.integers(0, 120), st.integers(0, 20))
def test_the_map_never_has_more_rows_than_there_are(counts: list[int], width: int, height: int) -> None:
    layers = {f"h{i}": units(np.zeros(count)) for i, count in enumerate(counts, 1)}
    grid = Grid.fit({name: len(each) for name, each in layers.items()}, width, height)
    assert len(map_rows(layers, DEAD_ON_PROBE, grid, ("h1", 0))) <= max(height, 0)


@given(sizes, st.integers(20, 120), st.integers(5, 20), st.data())
def test_a_unit_is_found_again_at_its_cell(counts: list[int], width: int, height: int, data: st.DataObject) -> None:
    named = {f"h{i}": count for i, count in enumerate(counts, 1)}
    grid = Grid.fit(named, width, height)
    layer = data.draw(st.sampled_from(list(named)))
    index = data.draw(st.integers(0, named[layer] - 1))
    cell = grid.cell_of((layer, index))
    assert cell is not None
    for line, column in ((0, 0), (grid.cell[1] - 1, grid.cell[0] - 1)):  # anywhere in the cell
        found = grid.unit_at(cell[0] * grid.cell[1] + line, cell[1] * grid.cell[0] + column)
        assert found is not None
        assert (found[0], found[1] // grid.pooled) == (layer, index // grid.pooled)


@given(sizes, st.lists(st.integers(-900, 900), max_size=5))
def test_the_cursor_walks_through_all_layers_and_stops_at_the_ends(counts: list[int], walk: list[int]) -> None:
    named = {f"h{i}": count for i, count in enumerate(counts, 1)}
    every = [(name, index) for name, count in named.items() for index in range(count)]
    at, place = ("h1", 0), 0
    for by in walk:
        at, place = moved(at, named, by), min(max(0, place + by), len(every) - 1)
        assert at == every[place]


def test_the_cell_under_the_cursor_stands_out() -> None:
    layers, grid = {"h1": units([1.0] * 61 + [0.0] + [1.0] * 238)}, Grid.fit({"h1": 300}, 74, 8)

    def at(index: int, ascii_only: bool = False) -> list[tuple[int, str]]:
        rows = map_rows(layers, DEAD_ON_PROBE, grid, ("h1", index), ascii_only)
        return [(y, text) for y, row in enumerate(rows) for text, role in row if role == "at"]

    assert (at(61), at(62)) == ([(1, DEAD)], [(1, "◆")])  # a block would be as bright as the cursor
    assert (at(61, ascii_only=True), at(62, ascii_only=True)) == ([(1, "x")], [(1, "&")])


@pytest.mark.parametrize(("width", "told"), [
    (80, f"{DEAD} never fires: 1  ·<1 %  ░<10 %  ▒<50 %  ▓<90 %  █≥90 %"),
    (50, f"{DEAD} never fires: 1 ·<1 % ░<10 % ▒<50 % ▓<90 % █≥90 %"),
    (32, f"{DEAD} 1 ·<1 ░<10 ▒<50 ▓<90 █≥90%"),
    (4, f"{DEAD} 1"),
])  # fmt: skip
def test_the_legend_is_whole_in_fewer_words_where_there_is_less_room(width: int, told: str) -> None:
    row = legend({"h1": units([0.0, 1.0])}, DEAD_ON_PROBE, Grid.fit({"h1": 2}, 40, 1), width)
    assert flat([row]) == f"{told:<{width}}"


def test_the_map_follows_the_definition() -> None:
    layers = {"h1": units([0.0, 0.005, 0.5, 0.5], batch=[0.0, 0.2, 0.0, 1.0])}
    grid = Grid.fit({"h1": 4}, 8, 1)
    shown = {each.metric: flat(map_rows(layers, each, grid, None)).split()[-1] for each in DEFINITIONS}
    assert shown["dead_fraction"] == f"{DEAD}·▓▓"
    assert shown["inactive_fraction"] == f"{DEAD}{DEAD}▓▓"
    assert shown["silent_fraction"] == f"{DEAD}▒{DEAD}█"


# The meter


def test_the_meter_sets_the_definitions_side_by_side_with_their_images() -> None:
    layers = {"h1": units([0.0, 0.005, 0.5, 0.5], batch=[0.0, 0.2, 0.0, 0.5])}
    rows = definition_rows(layers, DEAD_ON_PROBE, 2_000, 256, 70, 4, "h1")
    assert flat(rows).split("\n")[0].split("  ")[-1] == "this batch"
    assert flat(rows[1:2]).replace(" %", "").split() == ["h1", "25.0", "50.0", "50.0", "50.0"]
    assert [each.strip() for each in flat(rows[2:]).split("of ")[1:]] == ["2\u202f000"] * 3 + ["256"]
    assert next(text for row in rows for text, role in row if role == "chosen").strip() == "▸never fires"


def test_the_meter_of_many_layers_shows_those_around_the_cursor_and_counts_the_others() -> None:
    layers = {f"h{i}": units([1.0, 0.0]) for i in range(1, 11)}
    rows = flat(definition_rows(layers, DEAD_ON_PROBE, 2_000, 256, 70, 5, "h9"))
    assert [word for word in rows.split() if word.startswith("h")] == ["h8", "h9", "h10"]
    assert "+7" in rows


@pytest.mark.parametrize(("width", "rows"), [(30, 5), (70, 2)])
def test_a_meter_without_room_is_left_out_and_not_cut(width: int, rows: int) -> None:
    assert definition_rows({"h1": units([1.0])}, DEAD_ON_PROBE, 2_000, 256, width, rows, "h1") == []


def test_a_layer_of_tanh_is_metered_by_what_can_happen_to_it() -> None:
    layers = {"h1": units([0.0, 1.0], "tanh", unsaturated=[0.0, 1.0])}
    head = flat(definition_rows(layers, definition_of("saturated_fraction"), 2_000, 256, 70, 4, "h1")).split("\n")[0]
    assert head.split() == ["▸saturated", "τ-dormant"]


# The portrait


def told(ledger: Ledger, index: int = 0, activation: str = "relu") -> list[str]:
    layer = units([0.0, 0.5], activation, pre_mean=[-3, 1], pre_max=[-1, 2], bias=[-0.07, 0], unsaturated=[0, 1])
    return portrait(("h1", index), layer, ledger, 2_000)


def test_a_portrait_tells_what_a_unit_does_is_made_of_and_went_through() -> None:
    ledger = Bookkeeper(2)
    ledger.look(0, units([0.5, 0.5]))
    assert told(ledger.ledger, 1)[1] == "alive all along"
    ledger.batch(3, np.array([True, True]))
    ledger.look(8, units([0.0, 0.5]))
    pieces = told(ledger.ledger)
    assert pieces[:2] == ["unit 0 of h1: fires for 0 % of 2\u202f000", "died at step 4"]
    assert pieces[2:] == ["h mean −3.00, max −1.00", "bias −0.0700", "‖w‖ 1.00", "‖∂L/∂w‖ 1.00"]
    ledger.look(16, units([0.5, 0.5]))
    assert told(ledger.ledger)[1] == "revived at step 16"
    ledger.look(32, units([0.0, 0.5]))
    assert told(ledger.ledger)[1] == "died at step 17, 2 times so far"


def test_of_an_activation_that_neither_dies_nor_saturates_a_unit_is_silent() -> None:
    ledger = Bookkeeper(2)
    ledger.look(0, units([0.5, 0.5], "swish"))
    assert told(ledger.ledger, 0, "swish")[1] == "firing all along"
    ledger.look(8, units([0.0, 0.5], "swish"))
    assert told(ledger.ledger, 0, "swish")[1] == "fell silent at step 1"
    ledger.look(16, units([0.5, 0.5], "swish"))
    assert told(ledger.ledger, 0, "swish")[1] == "fires again since step 16"


def test_a_unit_that_never_fired_was_born_dead() -> None:
    ledger = Bookkeeper(2)
    ledger.look(0, units([0.0, 0.5]))
    assert told(ledger.ledger)[1] == "born dead"


def test_of_a_unit_that_was_dead_when_a_training_was_joined_nobody_knows_when_it_died() -> None:
    ledger = Bookkeeper(2)
    ledger.look(12_000, units([0.0, 0.5]))
    assert told(ledger.ledger)[1] == "dead when first looked at, step 12\u202f000"
    ledger.look(12_100, units([0.5, 0.5]))
    ledger.look(12_200, units([0.0, 0.5]))
    assert told(ledger.ledger)[1] == "died at step 12\u202f101, 2 times so far"


def test_a_portrait_of_tanh_speaks_of_saturation() -> None:
    ledger = Bookkeeper(2)
    ledger.look(0, units([0.5, 0.5], "tanh"))
    ledger.look(4, units([0.0, 0.5], "tanh", unsaturated=[0, 1]))
    assert told(ledger.ledger, 0, "tanh")[:2] == [
        "unit 0 of h1: unsaturated for 0 % of 2\u202f000",
        "saturated at step 4",
    ]


@given(st.lists(st.text("abc 0123", min_size=1, max_size=20)), st.integers(1, 60), st.integers(0, 4))
def test_pieces_are_packed_whole_or_not_at_all(pieces: list[str], width: int, rows: int) -> None:
    lines = packed(pieces, width, rows)
    assert len(lines) <= rows
    assert all(len(line) <= width for line in lines)
    assert [part for line in lines for part in line.split(" · ") if part not in pieces] == []
