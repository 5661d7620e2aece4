"""Long names in few columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from deadrelu_tui.tui.panels.names import entitled, fitted, named_in, shortened


@given(name=st.text(max_size=60), columns=st.integers(8, 70))
def test_a_name_has_just_its_columns_and_keeps_its_end(name: str, columns: int) -> None:
    assert cell_len(fitted(name, columns)) == columns
    short = shortened(name, columns)
    assert short == name or name.endswith(short.rpartition("…")[2])
    assert (short == name) == (cell_len(name) <= columns) or "…" in name


def test_what_a_parameter_s_chart_shows_stays_at_its_head() -> None:
    assert shortened("Σ∂L/∂vision.encoder.layer_11.mlp.weight", 20) == "Σ∂L/∂…_11.mlp.weight"
    assert shortened("Σ∂L/∂w1", 20) == "Σ∂L/∂w1"


def test_a_long_name_leaves_the_first_value_of_a_title_its_columns() -> None:
    name, dead, zeros = ("encoder.31.mlp.act", "name"), ("never fires 95.8 %", "dead"), ("zeros 97.5 %", "zeros")
    bare = [("95.8 %", "dead"), ("97.5 %", "zeros")]
    for room, parts in {50: [name, dead, zeros], 38: [name, dead, zeros], 37: [name, *bare]}.items():
        assert entitled([name, dead, zeros], room) == parts  # what has no room then is left out by the panel
    assert entitled([name, dead, zeros], 25) == [("…31.mlp.act", "name"), *bare]
    assert entitled([name, dead, zeros], 10) == [("…mlp.act", "name"), *bare]  # less tells nothing
    assert entitled([("loss", "name"), dead], 10)[0] == ("loss", "name")
    assert entitled([], 10) == []


def test_names_take_a_third_of_the_width_at_most() -> None:
    assert named_in(["h1", "h10"], 60) == 3
    assert named_in(["x" * 50], 60) == 20
    assert named_in([], 60) == 0
