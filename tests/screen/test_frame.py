"""The frame of a panel at the edges: what of its title and of its hint has room, and how wide every row is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.panels.frame import framed, room_in
from deadrelu_tui.tui.plot.chart import Row, Span

TITLE = [("dead ReLU h1", "name"), ("97.0 %", "dead")]


def lines(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def above(title: list[Span], width: int, **more: object) -> str:
    return lines(framed(title, [], (width, 3), **more))[0]  # type: ignore[arg-type]


def test_a_frame_takes_a_line_on_each_side_and_a_column_of_air() -> None:
    assert lines(framed([("a", "name")], [[("xy", "text")]], (8, 3))) == ["╭─ a  ─╮", "│xy    │", "╰──────╯"]
    assert [room_in(*size) for size in ((8, 3), (3, 2), (1, 0))] == [(5, 1), (0, 0), (0, 0)]


def test_where_nothing_is_known_a_frame_is_empty() -> None:
    assert lines(framed([], [], (6, 4))) == ["╭─ ──╮", "│    │", "│    │", "╰────╯"]


def test_a_short_row_is_filled_to_the_right_line() -> None:
    rows = framed([], [[("x", "dead")], [("12345", "text")]], (8, 4))
    assert lines(rows)[1:3] == ["│x     │", "│12345 │"]
    assert rows[1] == [("│", "border"), ("x", "dead"), ("    ", "text"), (" │", "border")]


@pytest.mark.parametrize(
    ("width", "title"),
    [(26, "╭─ dead ReLU h1  97.0 %  ╮"), (27, "╭─ dead ReLU h1  97.0 %  ─╮"), (25, "╭─ dead ReLU h1  97.0 % ╮"),
     (24, "╭─ dead ReLU h1 97.0 % ╮"), (30, "╭─ dead ReLU h1  97.0 %  ────╮")],
)  # fmt: skip
def test_the_parts_of_a_title_stand_two_columns_apart_or_one_where_that_makes_room(width: int, title: str) -> None:
    assert above(TITLE, width) == title


def test_what_has_no_room_is_said_shorter_and_else_left_out() -> None:
    asked: list[object] = []

    def shorter(parts: list[Span]) -> list[Span]:
        asked.append(parts)
        return [("h1", "name"), *parts[1:]]

    assert above(TITLE, 24, shorter=shorter) == "╭─ dead ReLU h1 97.0 % ╮"
    assert asked == []
    assert above(TITLE, 23, shorter=shorter) == "╭─ h1  97.0 %  ───────╮"
    assert asked == [TITLE]
    assert above([], 4, shorter=shorter) == "╭─ ╮"
    assert above(TITLE, 14, shorter=shorter) == "╭─ h1 97.0 % ╮"
    assert above(TITLE, 13, shorter=shorter) == "╭─ h1  ─────╮"


def test_the_last_part_may_end_one_column_from_the_corner_and_no_nearer() -> None:
    assert above([("abc", "name")], 8) == "╭─ abc ╮"
    assert "abc" not in above([("abc", "name")], 7)
    assert above([("abc", "name")], 9) == "╭─ abc  ╮"


@pytest.mark.parametrize(("width", "bottom"), [(13, "╰── ↑ more ─╯"), (11, "╰ ↑ more ─╯"), (10, "╰────────╯")])
def test_a_hint_stands_in_the_lower_right_corner_if_a_line_is_left_beside_it(width: int, bottom: str) -> None:
    assert lines(framed([], [], (width, 2), hint="↑ more"))[-1] == bottom


def test_the_frame_is_in_the_colour_of_the_focus_or_of_a_border_and_a_hint_in_that_of_text() -> None:
    for focus, role in ((False, "border"), (True, "focus")):
        top, row, bottom = framed(TITLE, [[("x", "dead")]], (30, 3), hint="more", focus=focus)
        assert [each for _, each in top] == [role, "name", "dead", role]
        assert [each for _, each in row] == [role, "dead", "text", role]
        assert [each for _, each in bottom] == [role, "text", role]


def test_in_ascii_a_frame_its_title_in_short_too_and_what_is_within_are_ascii() -> None:
    def shorter(parts: list[Span]) -> list[Span]:
        return [("∂w1", "name"), *parts[1:]]

    title = [("Σ∂L/∂w1", "name"), ("h ≤ 0", "axis")]
    rows = framed(title, [[("✖▁", "dead")]], (21, 3), hint="↑ more", ascii_only=True, shorter=shorter)
    assert lines(rows) == ["+- SdL/dw1  h <= 0  +", "|x_" + " " * 17 + "|", "+" + "-" * 10 + " ^ more -+"]
    assert above(title, 15, ascii_only=True, shorter=shorter) == "+- dw1 h <= 0 +"


spans = st.lists(st.tuples(st.text("ab ✖≤", min_size=1, max_size=9), st.sampled_from(("name", "dead"))), max_size=4)


@given(title=spans, rows=st.lists(spans, max_size=4), width=st.integers(5, 60), hint=st.text("ab↑", max_size=9),
       ascii_only=st.booleans())  # fmt: skip
def test_every_row_of_a_frame_is_as_wide_as_it(
    title: list[Span], rows: list[Row], width: int, hint: str, ascii_only: bool
) -> None:
    room = room_in(width, 4)[0]
    fitting = [row for row in rows if sum(len(text) for text, _ in row) <= room]
    for text in lines(framed(title, fitting, (width, 4), hint=hint, ascii_only=ascii_only)):
        assert len(text) == width
        assert text.isascii() or not ascii_only
