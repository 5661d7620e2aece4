"""What the screen costs the training: steps a second with it, beside the same run headless, and bytes to the terminal.

The two take turns, A B A B …, each in a new process, with the same preset for as many epochs. Both speeds are the
process's own: steps by the seconds since its first step, from the last line of `run --json` and from the line that
the screen leaves behind. The terminal of 160×48 is emptied all the time and its output is not looked at meanwhile.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator

from report import Row, Spread, ratios, show
from terminal import Terminal, command, environment

PRESET = "low-lr"
AT_LEAST = 0.90
PATIENCE = 60.0
"""Seconds that an epoch with the screen may take."""


def headless(variables: dict[str, str], epochs: int) -> float:
    """Return the steps a second of a run without the screen."""
    line = command("run", "--json", "--preset", PRESET, "--epochs", str(epochs))
    done = subprocess.run(line, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["steps_per_s"])


def with_screen(variables: dict[str, str], epochs: int) -> tuple[float, float]:
    """Return the steps a second of a run with the screen, and its kilobytes a second to the terminal."""
    with Terminal(command("--preset", PRESET, "--epochs", str(epochs)), variables) as terminal:
        terminal.drain(PATIENCE, until=b"running")
        first = len(terminal.chunks)
        terminal.drain(PATIENCE * epochs, until=b"finished")
        during = terminal.chunks[first:]
        terminal.quit()
        said = b"".join(got for _, got in terminal.chunks[-2:]).decode()
    speed = re.search(r"finished after .* steps, (\d+) steps/s", said)
    if speed is None:
        raise SystemExit(f"the run with the screen did not finish; it left: {said!r}")
    seconds = during[-1][0] - during[0][0]
    return float(speed[1]), sum(len(got) for _, got in during) / seconds / 1000


def measure(rounds: int, epochs: int) -> Iterator[Row]:
    """Run both in turns; yield the table's lines."""
    speeds, alone, rates = [], [], []
    with environment() as variables:
        for turn in range(rounds):
            alone.append(headless(variables, epochs))
            speed, rate = with_screen(variables, epochs)
            speeds.append(speed)
            rates.append(rate)
            line = f"headless {alone[-1]:.0f} steps/s  with the screen {speed:.0f} steps/s, {rate:.0f} KB/s"
            print(f"round {turn + 1}/{rounds}  {line}", file=sys.stderr)
    ratio, text = ratios(speeds, alone)
    ours, peer = (Spread(tuple(each), "steps/s", 0) for each in (speeds, alone))
    target = f"≥ {AT_LEAST:.2f}"
    yield Row("speed with the screen, peer: headless", str(ours), str(peer), text, target, ratio >= AT_LEAST)
    yield Row("output to the terminal while training", str(Spread(tuple(rates), "KB/s", 0)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs [5]")
    parser.add_argument("--epochs", type=int, default=5, help="epochs of each run [5]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    show(list(measure(given.rounds, given.epochs)), given.markdown)
