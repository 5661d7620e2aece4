"""The installed command in a real terminal, with the real MXNet on real images."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminals import Terminal, environment

Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_one(*arguments: str, size: tuple[int, int] = (160, 48), **more: str) -> Terminal:
        opened.append(Terminal(list(arguments), size, environment(tmp_path, **more)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def step_of(text: str) -> int:
    found = re.search(r"step ([\d\u202f]+)/", text)
    return int(found[1].replace("\u202f", "")) if found else -1


def clock_of(text: str) -> str:
    return next(re.finditer(r"\d\d:\d\d:\d\d", text))[0]


def test_a_tragedy_from_the_first_frame_to_the_farewell(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000")
    shown.until("deadrelu-tui  Fashion-MNIST")
    text = shown.until("✖ DEAD")
    assert "8\u202f000 embedded" in text
    assert "n input 0–255 │ - + lr 0.1 │ a relu" in text
    shown.until("✖ ✖ ✖ ✖ ✖")
    shown.press("\x1b[Z\x1b[5~\x1b[5~")  # back to the events, and up
    shown.until("h1 died")
    shown.press("\x1b[6~\x1b[6~\t ")
    shown.until("● paused")
    held = re.search(r"step +([\d\u202f]+)  pause", shown.until(lambda text: "  pause " in text.partition("events")[2]))
    assert held is not None
    shown.press(".")
    shown.until(lambda text: step_of(text) == int(held[1].replace("\u202f", "")) + 1)
    shown.press("n+")
    shown.until("n input 0–1 │ - + lr 0.2")
    shown.press(" ")
    shown.until(lambda text: "normalise on" in text and "lr 0.1 → 0.2" in text and "● running" in text)
    shown.press("2")
    shown.until("This ends run 1 at step")
    shown.press("y")
    shown.until("2 low-lr")
    shown.until("✔ SPARSE")
    shown.resize(80, 24)
    shown.until(lambda text: "✔ SPARSE" in text and "dead ReLU h1" in text and "Σ∂L/∂w1" not in text)
    shown.press("\t\t\t")
    shown.until("Σ∂L/∂w1")
    shown.until("● finished")  # of the experiment's five epochs
    shown.press("e")
    shown.until("● running")
    shown.press("q")
    shown.until(lambda text: "Quit and end it?" in text or "after" in text)
    shown.press("y")
    assert shown.ends() == 0
    assert re.search("(stopped|finished) after", shown.text)
    assert "Traceback" not in shown.text
    assert b"\x1b[?1049l" in shown.raw  # the alternate screen is left
    assert b"\x1b[?25h" in shown.raw  # the cursor is back


def test_a_fault_in_the_data_ends_the_screen_with_one_line_and_2(terminal: Open, tmp_path: Path) -> None:
    shown = terminal("--data-dir", str(tmp_path / "nothing"))
    assert shown.ends() == 2
    assert "deadrelu-tui: --data-dir: the folder" in shown.text.replace("\n", "")
    assert "Traceback" not in shown.text


def test_a_gpu_that_is_not_there_ends_the_screen_with_one_line_and_2(terminal: Open) -> None:
    shown = terminal("--device", "gpu:7", "--embedded")
    assert shown.ends() == 2
    assert "device gpu:7 is not there" in shown.text
    assert "Allowed here: auto, cpu" in shown.text


@pytest.mark.parametrize(("size", "more"), [((10, 3), {}), ((80, 24), {"TERM": "dumb"})])
def test_a_terminal_that_cannot_show_it_is_told_so_in_one_sentence(
    terminal: Open, size: tuple[int, int], more: dict[str, str]
) -> None:
    shown = terminal(size=size, **more)
    assert shown.ends() == 2
    said = re.sub(r"\s+", " ", shown.raw.decode())
    assert "deadrelu-tui run" in said
    assert "Traceback" not in said
    assert shown.raw.count(b"\n") == 1


def test_a_session_begins_slowly_so_that_the_death_can_be_seen_and_has_no_end(terminal: Open) -> None:
    shown = terminal("--embedded", "--no-trials", DEADRELU_SPEED="")
    shown.until(lambda text: "step 1 " in text and "slow motion, 1 step/s" in text)
    shown.until(lambda text: "step 3 " in text and "space full speed" in text)
    shown.press(" ")
    shown.until("5 epochs, as many as the article's")  # and it goes on
    assert "slow motion" not in shown.text
    assert "● running" in shown.text
    assert re.search(r" epoch \d+  step ", shown.text)  # of how many nobody knows
    shown.press("qy")
    assert shown.ends() == 0


def test_a_first_run_can_be_held_before_its_first_step_and_be_slow_for_good(terminal: Open) -> None:
    shown = terminal("--embedded", "--no-trials", "--paused", "--speed", "2", DEADRELU_SPEED="")
    text = shown.until("Held before the first step")
    assert "784–300–10" in text
    shown.press(".")
    shown.until(lambda text: "step 1 " in text and "Held" not in text)
    shown.press(" ")
    shown.until("slowed to 2 steps/s")
    shown.press("qy")
    assert shown.ends() == 0


def test_a_run_that_diverges_is_a_result(terminal: Open) -> None:
    shown = terminal("--embedded", "--lr", "1e30", "--epochs", "1")
    shown.until(lambda text: "✖ DIVERGED" in text and "● finished" in text)
    shown.press("q")
    assert shown.ends() == 0


def test_a_run_that_is_told_to_end_gives_the_terminal_back(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000")
    shown.until(lambda text: step_of(text) > 0)
    os.kill(shown.pid, signal.SIGTERM)
    assert shown.ends() == 130
    assert b"\x1b[?1049l" in shown.raw


MOUSE_ON = b"\x1b[?1000h"


@pytest.mark.parametrize(
    ("arguments", "over_ssh", "listens"),
    [((), "", True), ((), "10.0.0.2 5022 10.0.0.1 22", False), (("--mouse",), "10.0.0.2 5022 10.0.0.1 22", True),
     (("--no-mouse",), "", False)],
)  # fmt: skip
def test_the_mouse_is_left_alone_over_ssh_unless_it_is_asked_for(
    terminal: Open, arguments: tuple[str, ...], over_ssh: str, listens: bool
) -> None:
    shown = terminal("--embedded", *arguments, **({"SSH_CONNECTION": over_ssh} if over_ssh else {}))
    shown.until("step ")
    assert (MOUSE_ON in shown.raw) is listens


def test_a_real_tragedy_is_cured_by_normalising_and_reviving_and_the_events_measure_it(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000")
    shown.until("✖ DEAD")
    shown.press("n")
    shown.until("normalise on")
    shown.press("v")
    shown.until(lambda text: re.search(r"revive \d+ units? of h1", text) is not None)
    shown.until("✔ HEALTHY")
    shown.press("\r")
    shown.until("What that means")
    shown.press("\x1b")
    shown.until(lambda text: "What that means" not in text)
    shown.press("q")
    shown.until("Quit and end it?")
    shown.press("y")
    assert shown.ends() == 0


def test_a_terminal_that_stops_reading_does_not_stop_the_training_and_then_shows_the_present(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000")
    before = step_of(shown.until(lambda text: step_of(text) > 0))
    time.sleep(4)  # nobody reads
    mark = len(shown.raw)
    shown.until(lambda text: step_of(text) > before + 50)
    assert len(shown.raw) - mark < 200_000  # the present, and not every frame that was missed
    shown.press(" ")
    shown.until("● paused")


def test_a_dialog_does_not_make_everything_under_it_be_sent_again(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000")
    shown.until(lambda text: step_of(text) > 0)
    shown.press(" ")
    shown.until("● paused")
    shown.press("?")
    clock = clock_of(shown.until("the article"))
    for _ in range(3):
        mark, before = len(shown.raw), clock
        clock = clock_of(shown.until(lambda text: clock_of(text) != before))  # noqa: B023
    assert len(shown.raw) - mark < 2_000


def test_keys_that_one_packet_brings_have_the_effect_of_keys_typed_slowly(terminal: Open) -> None:
    shown = terminal("--embedded", "--epochs", "4000", size=(80, 24))
    shown.until(lambda text: step_of(text) > 0)
    shown.press("l\x7f\x7f\x7f0.037\r")  # the dialog, its field emptied, a number, enter
    shown.until("lr 0.037")
    shown.press("qnqy")  # asked, denied, asked again, and out
    assert shown.ends() == 0
    assert "Traceback" not in shown.text


def test_a_rate_of_frames_out_of_bounds_is_refused_in_a_line(terminal: Open) -> None:
    shown = terminal("--fps", "0")
    assert shown.ends() == 2
    assert "--fps" in shown.text
