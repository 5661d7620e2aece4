"""What is sent to the terminal: a terminal shows the same with it as with everything sent, for fewer bytes."""

from __future__ import annotations

import io
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from deadrelu_tui.tui.wire.sparing import Sent
from deadrelu_tui.tui.wire.textual_private import Rewritten

WIDTH, HEIGHT = 24, 4
STYLES = [
    Style.parse(text)
    for text in ("#6cb6e8 on #11161c", "#ee7b4d on #11161c", "bold #ee7b4d on #11161c", "italic red on #000000",
                 "reverse #ee7b4d on #11161c", "#6cb6e8 on #000000", "blue", "bold", "on green", "none")
]  # fmt: skip
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")


def shown(*written: str) -> list[list[tuple[object, ...]]]:
    """Return the cells of a terminal after what was written to it."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for text in written:
        stream.feed(text.replace("\n", "\r\n"))
    return [
        [(cell.data, cell.fg, cell.bg, cell.bold, cell.italics, cell.reverse) for cell in
         (screen.buffer[y][x] for x in range(WIDTH))]
        for y in range(HEIGHT)
    ]  # fmt: skip


texts = st.text("ab✖█⠀ 你", max_size=6)
rows = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=6).map(
    lambda parts: Strip(Segment(text, style) for text, style in parts).adjust_cell_length(WIDTH)
)
screens = st.lists(rows, min_size=HEIGHT, max_size=HEIGHT)


def whole(screen: list[Strip]) -> CompositorUpdate:
    return LayoutUpdate([[strip] for strip in screen], Region(0, 0, WIDTH, HEIGHT))


def chops(screen: list[Strip], spans: list[tuple[int, int, int]]) -> CompositorUpdate:
    return ChopsUpdate([{0: strip} for strip in screen], spans, [[WIDTH]] * HEIGHT)


@settings(deadline=None)
@given(screens, st.lists(st.tuples(screens, st.booleans()), max_size=3))
def test_a_terminal_shows_the_same_as_with_everything_sent(
    first: list[Strip], later: list[tuple[list[Strip], bool]]
) -> None:
    sent = Sent()
    written = [Rewritten(whole(first), sent).render_segments(CONSOLE)]
    for screen, laid_out in later:
        update = whole(screen) if laid_out else chops(screen, [(y, 0, WIDTH) for y in range(HEIGHT)])
        written.append(Rewritten(update, sent).render_segments(CONSOLE))
    last = later[-1][0] if later else first
    assert shown(*written) == shown(whole(last).render_segments(CONSOLE))


@settings(deadline=None)
@given(screens, st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, WIDTH))
def test_a_span_changes_nothing_outside_of_itself(first: list[Strip], y: int, x: int, width: int) -> None:
    new = [Strip([Segment("#" * WIDTH, STYLES[0])])] * HEIGHT
    plain = [Strip([Segment("." * WIDTH, STYLES[1])])] * HEIGHT
    sent = Sent()
    written = Rewritten(whole(plain), sent).render_segments(CONSOLE)
    stop = min(WIDTH, x + width)
    written += Rewritten(chops(new, [(y, x, stop)]), sent).render_segments(CONSOLE)
    assert ["".join(str(cell[0]) for cell in row) for row in shown(written)] == [
        "." * x + "#" * (stop - x) + "." * (WIDTH - stop) if row == y else "." * WIDTH for row in range(HEIGHT)
    ]


def test_what_already_stands_there_is_not_sent_again() -> None:
    screen = [Strip([Segment("a" * WIDTH, STYLES[0])])] * HEIGHT
    sent = Sent()
    Rewritten(whole(screen), sent).render_segments(CONSOLE)
    every = [(y, 0, WIDTH) for y in range(HEIGHT)]
    assert Rewritten(chops(screen, every), sent).render_segments(CONSOLE) == ""
    other = [*screen[:-1], Strip([Segment("a" * 20, STYLES[0]), Segment("b", STYLES[1]), Segment("aaa", STYLES[0])])]
    written = Rewritten(chops(other, every), sent).render_segments(CONSOLE)
    assert written == "\x1b[4;21H\x1b[38;2;238;123;77;48;2;17;22;28mb\x1b[0m"


def test_a_layout_is_sent_whole_only_when_the_terminal_may_have_been_written_to() -> None:
    screen = [Strip([Segment("a" * WIDTH, STYLES[0])])] * HEIGHT
    sent = Sent()
    everything = Rewritten(whole(screen), sent).render_segments(CONSOLE)
    assert Rewritten(whole(screen), sent).render_segments(CONSOLE) == ""
    sent.forget()
    assert Rewritten(whole(screen), sent).render_segments(CONSOLE) == everything


def test_without_colours_none_is_sent_and_what_is_bright_behind_dark_text_is_reversed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    row = Strip([Segment("plain", Style(color="#aaaaaa", bgcolor="#111111")),
                 Segment("bold", Style(color="red", bold=True)),
                 Segment("cursor", Style(color="#111111", bgcolor="#aaaaaa"))])  # fmt: skip
    sent = Rewritten(LayoutUpdate([[row]], Region(0, 0, 15, 1)), Sent()).render_segments(CONSOLE)
    assert sent == "\x1b[1;1Hplain\x1b[0;1mbold\x1b[0;7mcursor\x1b[0m"


def test_a_frame_with_what_was_not_rendered_is_left_out_and_the_next_is_whole() -> None:
    lost: list[bool] = []
    sent = Sent()
    row = Strip([Segment("text")])
    unready: Any = LayoutUpdate([[None]], Region(0, 0, 4, 1))  # type: ignore[list-item]
    whole = Rewritten(LayoutUpdate([[row]], Region(0, 0, 4, 1)), sent).render_segments(CONSOLE)
    assert not Rewritten(unready, sent, lambda: lost.append(True)).render_segments(CONSOLE)
    assert lost == [True]
    assert Rewritten(LayoutUpdate([[row]], Region(0, 0, 4, 1)), sent).render_segments(CONSOLE) == whole
