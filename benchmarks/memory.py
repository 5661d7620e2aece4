"""Peak resident memory of a run on the full set: headless, and with the screen in a terminal of 160×48.

The number is the kernel's own (ru_maxrss of the ended process, which is its VmHWM): reading the images and loading
MXNet are in it, as is all that the run recorded.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from report import Row, Spread, show
from terminal import Terminal, command, environment

PRESET = "low-lr"
AT_MOST = 450.0
PATIENCE = 60.0
"""Seconds that an epoch may take."""


def headless(variables: dict[str, str], epochs: int) -> float:
    """Return the megabytes of a run without the screen."""
    line = command("run", "--json", "--preset", PRESET, "--epochs", str(epochs))
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(line[0], line, variables, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"the headless run ended with {os.waitstatus_to_exitcode(status)}")
    return megabytes(usage.ru_maxrss)


def with_screen(variables: dict[str, str], epochs: int) -> float:
    """Return the megabytes of a run with the screen."""
    with Terminal(command("--preset", PRESET, "--epochs", str(epochs)), variables) as terminal:
        terminal.drain(PATIENCE * epochs, until=b"finished")
        terminal.quit()
        return megabytes(terminal.peak_kib or 0)


def megabytes(kib: int) -> float:
    """Return kibibytes as megabytes of 10⁶ bytes."""
    return kib * 1024 / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind [3]")
    parser.add_argument("--epochs", type=int, default=5, help="epochs of each run [5]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    kinds: dict[str, Callable[[dict[str, str], int], float]] = {
        "headless": headless, "with the screen": with_screen,
    }  # fmt: skip
    rows = []
    with environment() as variables:
        for name, run in kinds.items():
            peaks = Spread(tuple(run(variables, given.epochs) for _ in range(given.rounds)), "MB", 0)
            print(f"{name}: {peaks}", file=sys.stderr)
            target = f"≤ {AT_MOST:.0f} MB"
            rows.append(Row(f"peak memory, {name}", str(peaks), "", "", target, max(peaks.values) <= AT_MOST))
    show(rows, given.markdown)
