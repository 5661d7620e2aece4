"""Thousands of keys and hundreds of sizes, dialogs open, in a real terminal: nothing breaks, and the run goes on."""

from __future__ import annotations

import fcntl
import os
import random
import re
import select
import struct
import termios
import time
from pathlib import Path

import pytest
from terminals import Terminal, environment

KEYS, RESIZES = 5_000, 500
SIZES = ((160, 48), (120, 36), (80, 24), (60, 20), (40, 12), (20, 5), (200, 60), (10, 3), (1, 1))
TYPED = [
    *"n-+lraevdzZwytcof/?smMRjkgG .12345", "\r", "\x1b", "\t", "\x1b[Z", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D",
    "\x1b[H", "\x1b[F", "\x1b[5~", "\x1b[6~", "\x1b[1;2D", "\x10", "\x0c", "\x7f", "[/", "y", "n",
    "\x1b[200~[b]x\x1b[201~", "0.05\r", "\x1b[<0;20;9M\x1b[<0;20;9m", "\x1b[<65;30;12M",
]  # fmt: skip
ARGUMENTS = [
    "--engine", "numpy", "--hidden", "30,20", "--batch-size", "64", "--epochs", "100000", "--no-trials", "--mouse",
]  # fmt: skip
OPENS = ["l", "?", "o", "\r", "s", "/", "\x10", "q"]


@pytest.mark.parametrize("seed", [0])
def test_whatever_is_typed_at_whatever_size_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)  # some keys save pictures
    chance = random.Random(seed)
    shown = Terminal(
        ARGUMENTS,
        (120, 36),
        environment(tmp_path),
    )
    try:
        shown.until("epoch ")
        resizes = 0
        for key in range(KEYS):
            if chance.random() < RESIZES / KEYS:
                resizes += 1
                os.write(shown.master, b"\x1b\x1b\x1b")
                os.write(shown.master, chance.choice(OPENS).encode())
                columns, rows = chance.choice(SIZES)
                fcntl.ioctl(shown.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.write(shown.master, chance.choice(TYPED).encode())
            drain(shown, 0.003)
            assert os.waitpid(shown.pid, os.WNOHANG) == (0, 0), f"it ended after {key} keys and {resizes} sizes"
        shown.resize(120, 36)
        end = time.monotonic() + 60
        drain(shown, 2)
        for key_ in ("\x1b", "\x1b", "\x1b", "\x0c"):
            time.sleep(0.3)
            shown.press(key_)
        while "epoch" not in shown.text and time.monotonic() < end:
            shown.until("epoch", 60)
        shown.press("\x11\x11")
        assert shown.ends(600) == 0  # thousands of keys may stand in line before these on a machine that is busy
    finally:
        shown.close()
    log = tmp_path / ".local/state/deadrelu-tui/log"
    # Textual's palette breaks at some of it; nothing of ours does.
    for broken in log.read_text().split("Traceback (most recent call last):\n")[1:]:
        assert f"{os.sep}deadrelu_tui{os.sep}" not in re.findall(r'^  File "([^"]+)"', broken, re.MULTILINE)[-1], broken


def drain(shown: Terminal, seconds: float) -> None:
    """Read what comes without looking at it, for an emulator is slow."""
    end = time.monotonic() + seconds
    while select.select([shown.master], [], [], max(0, end - time.monotonic()))[0]:
        os.read(shown.master, 1 << 16)
