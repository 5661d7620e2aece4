"""The map of a sweep in a real terminal, with workers that compute it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from terminals import Terminal, environment

from deadrelu_tui.run.folder import ids

pytest.importorskip("distributed")
pytest.importorskip("cryptography")
cores = pytest.importorskip("deadrelu_tui.sweep.cluster").cores

WORDS = (
    "sweep", "--lr", "log:1e-3:10:5", "--activation", "relu,tanh", "--hidden", "12", "--engine", "numpy", "--embedded",
)  # fmt: skip

RUNNING = f"{min(cores(), 10)} running"


def opened(home: Path, *words: str) -> Terminal:
    return Terminal([*WORDS, *words], (120, 40), environment(home))


def recorded(home: Path) -> int:
    return len(ids(home / ".local" / "share" / "deadrelu-tui" / "runs"))


def test_it_fills_opens_a_run_comes_back_and_is_there_again_the_next_time(private_home: Path) -> None:
    terminal = opened(private_home, "--steps", "30")
    try:
        terminal.until("all 10 runs are done", 120)
        assert recorded(private_home) == 10
        terminal.press("\r")
        terminal.until("back to the map")
        terminal.press("q")
        terminal.until("all 10 runs are done")
        terminal.press("q")
        assert terminal.ends() == 0
        assert "10 runs; deadrelu-tui runs sweep=" in terminal.raw.decode(errors="replace")
    finally:
        terminal.close()
    again = opened(private_home, "--steps", "30")
    try:
        again.until(lambda text: "all 10 runs" in text, 60)
        again.press("q")
        assert again.ends() == 0
    finally:
        again.close()
    assert recorded(private_home) == 10


def test_who_leaves_while_it_goes_on_is_asked_and_told_how_much_is_kept(private_home: Path) -> None:
    terminal = opened(private_home, "--epochs", "500")
    try:
        terminal.until(RUNNING, 120)
        terminal.press("q")
        terminal.until("leave it")
        terminal.press("y")
        assert terminal.ends() == 0
        assert "of 10 runs are recorded; the same command goes on" in terminal.raw.decode(errors="replace")
    finally:
        terminal.close()


@pytest.mark.parametrize("how", ["lost", "killed"])
def test_without_its_terminal_or_killed_it_leaves_no_worker_behind(private_home: Path, how: str) -> None:
    terminal = opened(private_home, "--epochs", "500")
    try:
        terminal.until(RUNNING, 120)
        workers = [int(each) for each in children(terminal.pid)]
        assert workers
        if how == "killed":
            os.kill(terminal.pid, signal.SIGKILL)
    finally:
        if how == "lost":
            os.close(terminal.master)
            os.waitpid(terminal.pid, 0)
        else:
            terminal.close()
    until = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{each}") for each in workers):
        assert time.monotonic() < until
        time.sleep(0.05)


def children(pid: int) -> list[str]:
    """Return the processes that a process has begun."""
    return [each for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()]
