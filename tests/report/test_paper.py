"""Tables that fit what they are printed on."""

from __future__ import annotations

import io

import pytest

from deadrelu_tui.report.paper import Column, Paper, cut, room, table


def columns() -> list[Column]:
    return [
        Column("run", ["a", "bb"]),
        Column("what", ["a long text that can be cut", "short"], least=10),
        Column("none", ["", ""]),
        Column("steps", ["1", "10"], right=True),
    ]


def test_columns_are_as_wide_as_they_have_to_be_and_empty_ones_left_out() -> None:
    assert list(table(columns(), Paper())) == [
        "run  what                         steps",
        "a    a long text that can be cut      1",
        "bb   short                           10",
    ]


def test_what_is_too_wide_is_cut_where_that_is_allowed() -> None:
    lines = list(table(columns(), Paper(width=30)))
    assert lines[1] == "a    a long text that…       1"
    assert max(map(len, lines)) <= 30


def test_what_still_does_not_fit_loses_the_columns_that_can_be_spared() -> None:
    assert next(table(columns(), Paper(width=20), spared=["steps"])) == "run  what"


@pytest.mark.parametrize(
    ("text", "wide"), [("abc", 3), ("✔ healthy", 9), ("画像", 4), ("é", 1), ("e\u0301", 1), ("🙂", 2)]
)
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text: str, wide: int) -> None:
    assert room(text) == wide


def test_wide_characters_are_not_cut_in_half() -> None:
    assert cut("画像認識", 6) == "画像…"
    assert room(cut("画像認識", 6)) <= 6


def test_where_there_are_no_colours_a_look_is_left_out() -> None:
    assert Paper().put("dead", "bad") == "dead"
    assert Paper(colours=True).put("dead", "bad") == "\x1b[31mdead\x1b[0m"


def test_where_ascii_must_do_signs_become_ascii() -> None:
    assert list(table([Column("", ["✖ dead – gone"])], Paper(ascii=True)))[1] == "x dead - gone"


def test_what_is_no_terminal_has_no_width_and_no_colours() -> None:
    assert Paper.of(io.TextIOWrapper(io.BytesIO(), "utf-8"), {"TERM": "xterm"}) == Paper()
