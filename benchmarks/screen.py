"""What the screen costs the training, in speed, and the terminal, in bytes: while a network trains and while it rests.

Speed: runs with the screen and headless take turns, A B A B …, each in a new process, with the same preset for as many
epochs; then again with both held to one core, where drawing and training cannot get out of each other's way. Both
speeds are the process's own: steps by the seconds since its first step, from the last line of `run --json` and from
the line that the screen leaves behind. The terminal of 160×48 is emptied all the time and its output is not looked at
meanwhile.

Bytes: all that comes up to the end of such a run, by the seconds since its first frame. The peer is three plain
widgets, each with a plotext chart, drawn twice a second (plain_charts.py), for as long.

Rest: a run is paused, gets some seconds to settle, and then what it still sends and computes is counted, all threads
together.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from report import Row, Spread, ratios, show
from terminal import Terminal, command, environment, on_cores

AT_LEAST, AT_LEAST_ON_ONE_CORE = 0.95, 0.80
KB_AT_MOST, KB_PAUSED_AT_MOST = 20.0, 1.0
CPU_PAUSED_AT_MOST = 2.0
"""Per cent of a core."""
PATIENCE = 60.0
"""Seconds that an epoch with the screen may take."""
BEFORE_PAUSE, SETTLE, PAUSED = 5.0, 2.0, 15.0
"""Seconds that a run has before it is paused, that it gets to settle, and for which it is then watched."""
PEER = [sys.executable, str(Path(__file__).with_name("plain_charts.py"))]


def headless(variables: dict[str, str], preset: str, epochs: int, cores: set[int]) -> float:
    """Return the steps a second of a run without the screen."""
    line = command("run", "--json", "--preset", preset, "--epochs", str(epochs))
    with on_cores(cores):
        process = subprocess.Popen(line, env=variables, stdout=subprocess.PIPE, text=True)
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the headless run ended with {process.returncode}")
    return float(json.loads(said.splitlines()[-1])["steps_per_s"])


def with_screen(variables: dict[str, str], preset: str, epochs: int, cores: set[int]) -> tuple[float, float, float]:
    """Return a run's steps a second with the screen, its kilobytes a second to the terminal, and its seconds."""
    with on_cores(cores):
        terminal = Terminal(command("--preset", preset, "--epochs", str(epochs)), variables)
    with terminal:
        terminal.drain(PATIENCE * epochs, until=b"finished")
        whole, seconds = sum(len(got) for _, got in terminal.chunks), terminal.now - first_frame(terminal)
        terminal.quit()
        said = b"".join(got for _, got in terminal.chunks[-2:]).decode()
    speed = re.search(r"finished after .* steps, (\d+) steps/s", said)
    if speed is None:
        raise SystemExit(f"the run with the screen did not finish; it left: {said!r}")
    return float(speed[1]), whole / seconds / 1000, seconds


def first_frame(terminal: Terminal) -> float:
    """Return when the first frame began to come. Raises SystemExit if none did."""
    for at, got in terminal.chunks:
        if b"deadrelu-tui" in got:
            return at
    raise SystemExit(f"no frame came; the screen:\n{terminal.text()}")


def plain(variables: dict[str, str], seconds: float) -> float:
    """Return the kilobytes a second of the plain widgets."""
    with Terminal(PEER, variables) as terminal:
        if not terminal.drain(PATIENCE, until="┤".encode()):
            raise SystemExit(f"the plain widgets ended: {terminal.text()}")
        began = terminal.now
        terminal.drain(seconds)
        return terminal.bytes_since(began) / (terminal.now - began) / 1000


def paused(variables: dict[str, str], preset: str) -> tuple[float, float]:
    """Return the kilobytes a second of a paused run, and its computing in per cent of a core."""
    with Terminal(command("--preset", preset, "--epochs", "1000"), variables) as terminal:
        terminal.wait_for(lambda text: "● running" in text, PATIENCE)
        terminal.drain(BEFORE_PAUSE)
        terminal.press(" ")
        terminal.wait_for(lambda text: "● paused" in text, PATIENCE)
        terminal.drain(SETTLE)
        began, computed = terminal.now, terminal.cpu_seconds
        if not terminal.drain(PAUSED):
            raise SystemExit("the paused run ended by itself")
        seconds = terminal.now - began
        found = terminal.bytes_since(began) / seconds / 1000, 100 * (terminal.cpu_seconds - computed) / seconds
        terminal.quit()
        return found


def speeds(variables: dict[str, str], rounds: int, preset: str, epochs: int) -> Iterator[Row]:
    """Run with the screen and without it in turns, and the plain widgets after each; yield the table's lines."""
    ours, alone, rates, plain_rates = [], [], [], []
    for turn in range(rounds):
        alone.append(headless(variables, preset, epochs, all_cores()))
        speed, kilobytes, seconds = with_screen(variables, preset, epochs, all_cores())
        ours.append(speed)
        rates.append(kilobytes)
        plain_rates.append(plain(variables, seconds))
        line = f"headless {alone[-1]:.0f} steps/s  with the screen {speed:.0f} steps/s, {kilobytes:.1f} KB/s"
        said(turn, rounds, f"{line}  plain widgets {plain_rates[-1]:.0f} KB/s")
    yield speed_row("speed with the screen, peer: headless", ours, alone, AT_LEAST)
    sent, peer = (str(Spread(tuple(each), "KB/s", 1)) for each in (rates, plain_rates))
    what = "output to the terminal over a whole run, peer: three plain plotext widgets at 2 Hz"
    yield Row(what, sent, peer, ratios(rates, plain_rates)[1], *target(rates, KB_AT_MOST, "KB/s"))


def on_one_core(variables: dict[str, str], rounds: int, preset: str, epochs: int) -> Iterator[Row]:
    """Run with the screen and without it in turns, all on one core; yield the table's line."""
    ours, alone, core = [], [], {min(all_cores())}
    for turn in range(rounds):
        alone.append(headless(variables, preset, epochs, core))
        ours.append(with_screen(variables, preset, epochs, core)[0])
        said(turn, rounds, f"one core: headless {alone[-1]:.0f} steps/s  with the screen {ours[-1]:.0f} steps/s")
    yield speed_row("the same, both on one core", ours, alone, AT_LEAST_ON_ONE_CORE)


def at_rest(variables: dict[str, str], rounds: int, preset: str, _epochs: int) -> Iterator[Row]:
    """Pause run after run; yield the table's lines."""
    rates, shares = [], []
    for turn in range(rounds):
        kilobytes, share = paused(variables, preset)
        rates.append(kilobytes)
        shares.append(share)
        said(turn, rounds, f"paused: {kilobytes:.2f} KB/s  {share:.1f} % of a core")
    for what, values, limit, unit in (
        ("output to the terminal while paused", rates, KB_PAUSED_AT_MOST, "KB/s"),
        ("computing while paused", shares, CPU_PAUSED_AT_MOST, "% of a core"),
    ):
        spread = Spread(tuple(values), unit)
        yield Row(what, str(spread), "", "", *target(values, limit, unit))


def speed_row(what: str, ours: list[float], alone: list[float], at_least: float) -> Row:
    """Return the line of two speeds."""
    ratio, text = ratios(ours, alone)
    first, second = (str(Spread(tuple(each), "steps/s", 0)) for each in (ours, alone))
    return Row(what, first, second, text, f"≥ {at_least:.2f}", ratio >= at_least)


def target(values: list[float], limit: float, unit: str) -> tuple[str, bool]:
    """Return an upper limit as text, and whether the median of some values keeps it."""
    return f"≤ {limit:g} {unit}", Spread(tuple(values), unit).median <= limit


def all_cores() -> set[int]:
    """Return the cores that this process may use."""
    return os.sched_getaffinity(0)


def said(turn: int, rounds: int, line: str) -> None:
    """Tell how a round went."""
    print(f"round {turn + 1}/{rounds}  {line}", file=sys.stderr)


PARTS: dict[str, Callable[[dict[str, str], int, str, int], Iterator[Row]]] = {
    "speed": speeds, "one-core": on_one_core, "paused": at_rest,
}  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each part [3]")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each run [20]")
    parser.add_argument("--preset", default="low-lr", help="what is trained [low-lr]")
    parser.add_argument("--only", choices=list(PARTS), help="measure one part alone")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    rows: list[Row] = []
    with environment() as variables:
        for name, part in PARTS.items():
            if given.only in (None, name):
                rows += part(variables, given.rounds, given.preset, given.epochs)
    show(rows, given.markdown)
