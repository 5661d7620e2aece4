"""What a real terminal sends beside keys reaches neither the training nor its end."""

from __future__ import annotations

import os
import re
import signal
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminals import Terminal, environment

Open = Callable[..., Terminal]
SOON = 1.5
"""Seconds in which a key that was typed by mistake would have had its effect."""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """Return what opens the command in a terminal, and close what was opened."""
    opened: list[Terminal] = []

    def open_one(*arguments: str, size: tuple[int, int] = (120, 36), **more: str) -> Terminal:
        opened.append(Terminal([*arguments], size, environment(tmp_path, **more)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def step(text: str) -> int:
    found = re.search(r"step ([\d\u202f]+)/", text)
    return -1 if found is None else int(found[1].replace("\u202f", ""))


def after(shown: Terminal, seconds: float) -> str:
    """Return what stands there after some seconds."""
    end = time.monotonic() + seconds
    return shown.until(lambda _: time.monotonic() >= end, seconds + 20)


PANELS = 5
"""Of 120 × 36: three charts, units, events."""


def begun(terminal: Open) -> tuple[Terminal, int]:
    shown = terminal("--embedded", "--epochs", "50000", "--no-trials")
    text = shown.until(lambda text: step(text) > 0)
    return shown, step(text)


def undisturbed(shown: Terminal, before: int) -> None:
    """Raise AssertionError unless the first run goes on, as it was set, with no dialog over it."""
    text = after(shown, SOON)
    assert step(text) > before
    assert "n input 0–255 │ - + lr 0.1 │ a relu │ 300 hidden │ 1 tragedy" in text
    assert "● running" in text
    assert text.count("╭") == PANELS, "a dialog"


def send(shown: Terminal, *parts: bytes, pause: float = 0.2) -> None:
    for part in parts:
        os.write(shown.master, part)
        after(shown, pause)


def test_answers_and_torn_sequences_press_no_keys(terminal: Open) -> None:
    shown, before = begun(terminal)
    for answer in (
        b"\x1b[>41;354;0c", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", b"\x1bP>|XTerm(354)\x1b\\", b"\x1b[8;40;120t",
        b"\x1b_Gi=31;ENOENT: n r 4\x1b\\", b"\x1b[?997;1n", b"\x1b]52;c;bnJyMTIzNDU=\x07", b"\x1b[0n",
    ):  # fmt: skip
        send(shown, answer, pause=0.05)
    for torn in ((b"\x1b[", b"4~"), (b"\x1b[3", b"~"), (b"\x1b[1", b"5~"), (b"\x1b[1;2", b"D"),
                 (b"\x1b[<35;10", b";4M"), (b"\x1b[20", b"0~r1n\x1b[2", b"01~"), (b"\x1b", b"[3~")):  # fmt: skip
        send(shown, *torn)
    undisturbed(shown, before)


def test_bytes_that_are_no_utf_8_end_nothing(terminal: Open) -> None:
    shown, before = begun(terminal)
    send(
        shown,
        b"\xff",
        b"\xe9",
        b"\xd6\xd0",
        b"\x1b[M\xff\xf1\xf2",
        b"\x1b[200~caf\xe9 \xff\x1b[201~",
        b"\x80\x81",
        pause=0.1,
    )
    undisturbed(shown, before)


def test_a_key_in_the_protocol_of_kitty_is_that_key(terminal: Open) -> None:
    shown, _ = begun(terminal)
    send(shown, b"\x1b[110u", b"\x1b[110;1:3u", b"\x1b[99999999999u", pause=0.05)  # n; n let go; nothing
    shown.until("n input 0–1 ")


def modes(shown: Terminal) -> int:
    return int(termios.tcgetattr(shown.master)[3]) & (termios.ECHO | termios.ICANON | termios.ISIG)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_it_the_terminal_is_as_it_was(terminal: Open, number: signal.Signals) -> None:
    shown, _ = begun(terminal)
    assert not modes(shown)
    os.kill(shown.pid, number)
    code = shown.ends()
    assert code == (130 if number in (signal.SIGTERM, signal.SIGINT) else -number)
    assert modes(shown) == termios.ECHO | termios.ICANON | termios.ISIG
    assert shown.raw.rfind(b"\x1b[?1049l") > shown.raw.rfind(b"\x1b[?1049h") >= 0
    assert shown.raw.rfind(b"\x1b[<u") > shown.raw.rfind(b"\x1b[>25u") > 0
    assert (b"killed or broke off" in shown.raw) == (code < 0)


@pytest.mark.parametrize("times", [1, 5])
def test_stopped_and_continued_in_any_way_it_draws_everything_again_and_ends_well(terminal: Open, times: int) -> None:
    shown, _ = begun(terminal)
    for numbers in ((signal.SIGCONT,), (signal.SIGSTOP, signal.SIGCONT), (signal.SIGTSTP, signal.SIGCONT)):
        shown.screen.reset()  # somebody wiped the terminal
        for number in numbers:
            for _ in range(times):
                os.kill(shown.pid, number)
            time.sleep(0.3)
        shown.until(lambda text: step(text) > 0 and text.count("╭") == PANELS and "q quit" in text)
        assert not modes(shown)
    shown.press("q")
    shown.until("Quit and end it?")
    shown.press("y")
    assert shown.ends() == 0
    assert modes(shown) == termios.ECHO | termios.ICANON | termios.ISIG


def test_ctrl_z_without_a_shell_and_ctrl_l_in_a_dialog(terminal: Open) -> None:
    shown, _ = begun(terminal)
    shown.press("\x1a")
    shown.until("There is no shell here to go back to")
    shown.press("?")
    shown.until("esc closes")
    shown.screen.reset()
    shown.press("\x0c")
    shown.until("esc closes")
