"""Which panels have room at a size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.layout import layout, size_class


def rows(layers: int) -> dict[str, list[str]]:
    parameters = [f"gradient-{kind}{index}" for index in range(1, layers + 2) for kind in "wb"]
    return {
        "top": [*(f"dead-h{index}" for index in range(1, layers + 1)), "loss", "accuracy"],
        "gradients": parameters,
        "bottom": ["units", "ledger", "events"],
    }


@pytest.mark.parametrize(
    ("size", "name"),
    [((200, 60), "wide"), ((160, 48), "wide"), ((120, 36), "wide"), ((119, 36), "middle"), ((80, 24), "middle"),
     ((60, 20), "middle"), ((40, 12), "small"), ((20, 5), "mini"), ((19, 5), "tiny"), ((10, 3), "tiny")],
)  # fmt: skip
def test_each_size_has_its_class(size: tuple[int, int], name: str) -> None:
    assert size_class(*size) == name


EVERYTHING = {name for row in rows(1).values() for name in row}


def test_a_wide_terminal_shows_every_panel_of_one_hidden_layer_and_the_ledger_where_it_is_wide_enough() -> None:
    found = layout(rows(1), "dead-h1", 160, 48, alone=False)
    assert found.panels == EVERYTHING - {"ledger"}
    assert not found.hints
    assert layout(rows(1), "dead-h1", 190, 44, alone=False).panels == EVERYTHING
    assert layout(rows(1), "dead-h1", 189, 44, alone=False).panels == EVERYTHING - {"ledger"}


@pytest.mark.parametrize("focused", ["loss", "accuracy", "units", "ledger"])
def test_below_44_rows_the_gradients_give_way_to_the_units(focused: str) -> None:
    found = layout(rows(1), focused, 160, 43, alone=False)
    assert not found.panels & set(rows(1)["gradients"])
    assert {"dead-h1", "loss", "units"} <= found.panels
    assert found.hints == {"accuracy": "gradients: tab"}


def test_below_44_rows_the_gradients_come_in_place_of_the_units_when_they_have_the_focus() -> None:
    found = layout(rows(1), "gradient-b1", 120, 36, alone=False)
    assert found.panels == {"dead-h1", "loss", "accuracy", *rows(1)["gradients"]}
    assert not found.hints


def test_at_120_columns_the_ledger_makes_room_and_comes_back_in_place_of_the_events_when_it_has_the_focus() -> None:
    assert {"units", "events"} <= layout(rows(1), "loss", 120, 36, alone=False).panels
    assert "ledger" not in layout(rows(1), "loss", 120, 36, alone=False).panels
    found = layout(rows(1), "ledger", 120, 36, alone=False).panels
    assert {"units", "ledger"} <= found
    assert "events" not in found


def test_at_80_by_24_there_is_a_page_for_each_row_and_one_for_the_units() -> None:
    assert layout(rows(1), "dead-h1", 80, 24, alone=False).panels == {"dead-h1", "loss"}
    assert layout(rows(1), "gradient-b2", 80, 24, alone=False).panels == set(rows(1)["gradients"])
    assert layout(rows(1), "units", 80, 24, alone=False).panels == {"units"}
    assert layout(rows(1), "events", 80, 24, alone=False).panels == {"ledger", "events"}


def test_at_80_by_24_each_page_says_which_of_how_many_it_is() -> None:
    pages = [layout(rows(1), name, 80, 24, alone=False) for name in ("dead-h1", "accuracy", "gradient-w1", "units")]
    hints = [hint for page in pages for hint in page.hints.values()]
    assert hints == [f"page {number}/5 · tab" for number in (1, 2, 3, 4)]
    assert [set(page.hints) <= page.panels for page in pages] == [True] * 4
    assert layout(rows(1), "events", 80, 24, alone=False).hints == {"ledger": "page 5/5 · tab"}


def test_what_has_no_room_is_counted_where_it_would_be() -> None:
    found = layout(rows(10), "dead-h1", 200, 60, alone=False)
    everything = sum(len(row) for row in rows(10).values())
    assert sum(int(note.split()[0]) for note in found.hints.values()) == everything - len(found.panels)
    assert "loss" in found.panels


def test_alone_there_is_the_focused_panel_and_nothing_else() -> None:
    assert layout(rows(2), "gradient-w2", 160, 48, alone=True).panels == {"gradient-w2"}


@given(st.integers(1, 50), st.integers(60, 300), st.integers(18, 90), st.booleans(), st.data())
def test_what_is_focused_is_always_shown(
    layers: int, width: int, height: int, alone: bool, data: st.DataObject
) -> None:
    everything = rows(layers)
    focused = data.draw(st.sampled_from([name for row in everything.values() for name in row]))
    assert focused in layout(everything, focused, width, height, alone).panels
