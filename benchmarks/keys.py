"""From a key press to its effect on the terminal of 160×48, while a network trains: 200 presses at random moments.

Every press has one effect that can be read off the screen: another setting, badge, scale, focus, dialog, status. The
clock runs from the moment the key is written to the terminal to the moment the piece of output has been read after
which the screen shows the effect. Meanwhile this process does nothing but write keys and take what comes, with its
time; only afterwards is it all fed to a terminal emulator, piece by piece, and the effects are looked for. What hides
others (help, one panel alone, a pause, …) is undone by the press that follows it. An effect that had not come when the
next press changed the same thing again is infinitely late.

The help is closed with `?`, not with escape: to tell the key from the sequences that begin with its code, every
program waits for 0.1 s after an escape.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import pyte
from report import Row, Spread, show
from terminal import Terminal, command, environment

from deadrelu_tui.run.file import Tail

P95_AT_MOST, WORST_AT_MOST = 100.0, 400.0
P95_ATTACHED = 150.0
"""Milliseconds; of a screen that is attached to a run of another process."""
BETWEEN, BETWEEN_OF_ONE = (0.15, 0.6), (0.45, 0.9)
"""Seconds between two presses, the second also if they change one and the same thing."""
APART = 3
"""Presses of other things, at least, between two that change the same thing and need not follow each other."""
PATIENCE = 60.0


def settings(screen: pyte.Screen) -> list[str]:
    """Return the pieces of the line of settings, and what follows the last of them."""
    return [piece.strip() for piece in row(screen, 2).split("│")]


def badge(pattern: str) -> Callable[[pyte.Screen], str]:
    """Return a reader of a badge at the end of that line: the numbers in it, 'none', or nothing if it is covered."""

    def read(screen: pyte.Screen) -> str:
        line = row(screen, 2)
        found = re.search(pattern, line)
        numbers = [int(re.sub(r"\D", "", each)) for each in found.groups()] if found else []
        return str(numbers[-1] - sum(numbers[:-1])) if numbers else "none" if "batch" in line else ""

    return read


def focus(screen: pyte.Screen) -> str:
    """Return the title of the panel that has a frame unlike all others; nothing if not all can be seen."""
    places = corners(screen)
    colours = [screen.buffer[y][x].fg for y, x in places]
    odd = [at for at, colour in zip(places, colours, strict=True) if colours.count(colour) == 1]
    if len(odd) != 1 or len(colours) != PANELS:
        return ""
    title = row(screen, odd[0][0])[odd[0][1] + 3 :]
    return next((name for name in FOCUSED if title.startswith(name)), "")


def scale(screen: pyte.Screen) -> str:
    """Return the scale of the loss; nothing if its title is covered."""
    found = re.search(r"╭─ loss  (log|train)", row(screen, 4))
    return found[1] if found else ""


def dialog(screen: pyte.Screen) -> str:
    """Return 'help' if it is open, 'monitor' if all panels stand whole, else nothing."""
    text = "\n".join(screen.display)
    if "esc closes" in text:
        return "help"
    return "monitor" if text.count("╭") == text.count("╰") == PANELS else ""


def row(screen: pyte.Screen, y: int) -> str:
    """Return a row of the screen."""
    return "".join(screen.buffer[y][x].data for x in range(screen.columns))


def corners(screen: pyte.Screen) -> list[tuple[int, int]]:
    """Return the places of the panels' upper left corners, as one reads."""
    return [(y, x) for y in range(screen.lines) for x in range(screen.columns) if screen.buffer[y][x].data == "╭"]


PANELS = 9
"""Of 160 × 48: the ledger comes in place of the events."""
FOCUSED = ("dead", "loss", "accuracy", "Σ∂L/∂w1", "Σ∂L/∂b1", "Σ∂L/∂w2", "Σ∂L/∂b2", "units", "ledger", "events")
"""How the titles of the panels begin, in the order of tab."""
RELU = "a relu", "a leaky_relu", "a sigmoid", "a tanh"


@dataclass(frozen=True)
class Kind:
    """Something that keys change, and where the screen tells it."""

    name: str
    keys: tuple[str, ...]
    """The key that leads from each value to the next, and from the last to the first."""
    values: tuple[str, ...]
    read: Callable[[pyte.Screen], str]
    whole: bool = False
    """All values are gone through in a row, because meanwhile others could not be read."""


def one_of(*values: str, where: Callable[[pyte.Screen], list[str] | str]) -> Callable[[pyte.Screen], str]:
    """Return a reader: which of some values is in a place, nothing if it is none or several."""

    def read(screen: pyte.Screen) -> str:
        found = [value for value in values if value in where(screen)]
        return found[0] if len(found) == 1 else ""

    return read


def header(screen: pyte.Screen) -> str:
    """Return the first row."""
    return row(screen, 0)


KINDS = (
    Kind("n input", ("n", "n"), ("n input 0–255", "n input 0–1"),
         one_of("n input 0–255", "n input 0–1", where=settings)),
    Kind("+ - lr", ("+", "-"), ("- + lr 0.001", "- + lr 0.002"),
         one_of("- + lr 0.001", "- + lr 0.002", where=settings)),
    Kind("a activation", ("a",) * 4, RELU, one_of(*RELU, where=settings)),
    Kind("y scale", ("y", "y"), ("log", "train"), scale),
    Kind("t smoothing", ("t",) * 3, ("none", "20", "100"), badge(r"mean of (\d+) steps")),
    Kind("tab focus", ("\t",) * len(FOCUSED), FOCUSED, focus),
    Kind("w window", ("w",) * 4, ("none", "16", "235", "200"), badge(r"steps ([\d\s]+)–([\d\s]+)"), whole=True),
    Kind("? help", ("?", "?"), ("monitor", "help"), dialog, whole=True),
    Kind("space pause", (" ", " "), ("● running", "● paused"),
         one_of("● running", "● paused", where=header), whole=True),
    Kind("m alone", ("m", "m"), (str(PANELS), "1"), lambda screen: str(len(corners(screen))), whole=True),
    Kind("f freeze", ("f", "f"), ("False", "True"), lambda screen: str("❄" in header(screen)), whole=True),
)  # fmt: skip


@dataclass(frozen=True)
class Press:
    """A key, what it changes, and what it changes it to."""

    kind: Kind
    key: str
    value: str
    pause: float
    """Seconds before it."""


def script(count: int, seed: int) -> Iterator[Press]:
    """Yield presses of all kinds in random order at random intervals."""
    chance = random.Random(seed)
    at = dict.fromkeys(KINDS, 0)
    last: list[Kind] = []
    done = 0
    while done < count:
        kind = chance.choice([kind for kind in KINDS if kind not in last[-APART:]])
        last.append(kind)
        for turn in range(len(kind.keys) if kind.whole else 1):
            now = at[kind]
            at[kind] = (now + 1) % len(kind.keys)
            pause = chance.uniform(*(BETWEEN_OF_ONE if turn else BETWEEN))
            yield Press(kind, kind.keys[now], kind.values[at[kind]], pause)
            done += 1


@contextmanager
def run_elsewhere(variables: dict[str, str], arguments: Sequence[str]) -> Iterator[list[str]]:
    """Begin a run without a terminal, give the command that shows it, and end it."""
    begun = subprocess.run(command("run", *arguments, "--detach", "--json"), env=variables, capture_output=True,
                           text=True, check=True)  # fmt: skip
    run = json.loads(begun.stdout)["run"]
    try:
        yield command("attach", run)
    finally:
        tail = Tail(Path(variables["XDG_DATA_HOME"]) / "deadrelu-tui" / "runs" / f"{run}.run")
        next(tail.read())
        with suppress(ProcessLookupError):
            os.kill(tail.start.facts["process"]["pid"] if tail.start else 0, signal.SIGTERM)


def type_keys(variables: dict[str, str], presses: list[Press], attached: bool) -> list[tuple[Press, float]]:
    """Start a run, in this terminal or seen from it, press the keys, and return each press with the milliseconds to its
    effect.
    """
    given = ("--preset", "low-lr", "--epochs", "1000")
    with (
        run_elsewhere(variables, given) if attached else nullcontext(command(*given)) as called,
        Terminal(called, variables) as terminal,
    ):
        terminal.wait_for(lambda text: "● running" in text, PATIENCE)
        terminal.drain(3.0)
        terminal.text()  # what came so far: the rest is looked at afterwards
        seen, typed = len(terminal.chunks), list[tuple[Press, float]]()
        for press in presses:
            if not terminal.drain(press.pause):
                raise SystemExit(f"the run ended by itself before {press.kind.name}")
            typed.append((press, terminal.press(press.key)))
        terminal.drain(2.0)
        last = len(terminal.chunks)
        terminal.quit()
        del terminal.chunks[last:]
        return effects(terminal, seen, typed)


def effects(terminal: Terminal, seen: int, typed: list[tuple[Press, float]]) -> list[tuple[Press, float]]:
    """Return each press with the milliseconds to its effect, given how many pieces of output were looked at before.

    Raises SystemExit if a press is to bring what stands on the screen already: then nothing can be told.
    """
    found: list[tuple[Press, float]] = []
    coming, waiting = list(typed), list[tuple[Press, float]]()
    times = [at for at, _ in terminal.chunks[seen:]]
    for (now, screen), following in zip(terminal.replay(), (*times[1:], math.inf), strict=False):
        for press, at in tuple(waiting):
            if at < now and press.kind.read(screen) == press.value:
                found.append((press, 1000 * (now - at)))
                waiting.remove((press, at))
        while coming and coming[0][1] < following:
            press, at = coming.pop(0)
            late = [each for each in waiting if each[0].kind is press.kind]
            found += [(each, math.inf) for each, _ in late]
            waiting = [each for each in waiting if each not in late]
            if press.kind.read(screen) != press.value:
                waiting.append((press, at))
            elif late:  # what it undoes had not come yet
                found.append((press, math.inf))
            else:
                raise SystemExit(f"{press.kind.name}: {press.value!r} stood there already:\n{terminal.text()}")
    return found + [(press, math.inf) for press, _ in waiting]


def tell(found: list[tuple[Press, float]]) -> None:
    """Print each kind's median and worst."""
    for kind in KINDS:
        taken = [taken for press, taken in found if press.kind is kind]
        if taken:
            line = f"median {statistics.median(taken):4.0f} ms  worst {max(taken):4.0f} ms"
            print(f"  {kind.name:14}{len(taken):4} presses  {line}", file=sys.stderr)


def percentile(values: list[float], share: float) -> float:
    """Return the smallest of some values that at least that share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def measure(rounds: int, presses: int, attached: bool) -> Iterator[Row]:
    """Type in run after run; yield the table's lines."""
    most = P95_ATTACHED if attached else P95_AT_MOST
    medians, slow, worst = [], [], []
    with environment() as variables:
        for turn in range(rounds):
            found = type_keys(variables, list(script(presses, seed=turn)), attached)
            taken = [each for _, each in found]
            medians.append(statistics.median(taken))
            slow.append(percentile(taken, 0.95))
            worst.append(max(taken))
            line = f"median {medians[-1]:.0f} ms  95th percentile {slow[-1]:.0f} ms  worst {worst[-1]:.0f} ms"
            unseen = f"{sum(map(math.isinf, taken))} of {len(taken)} effects not seen in time"
            print(f"round {turn + 1}/{rounds}  {line}  {unseen}", file=sys.stderr)
            tell(found)
    middle, high, highest = (Spread(tuple(each), "ms", 0) for each in (medians, slow, worst))
    what = f"key to its effect on {'an attached' if attached else 'the'} screen, {presses} presses"
    yield Row(f"{what}: median", str(middle))
    yield Row(f"{what}: 95th percentile", str(high), "", "", f"≤ {most:.0f} ms", high.median <= most)
    yield Row(f"{what}: worst", str(highest), "", "", f"≤ {WORST_AT_MOST:.0f} ms", max(worst) <= WORST_AT_MOST)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs in which keys are pressed [3]")
    parser.add_argument("--presses", type=int, default=200, help="presses in each, or one or two more [200]")
    parser.add_argument("--attached", action="store_true", help="attach to a run of another process")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    show(list(measure(given.rounds, given.presses, given.attached)), given.markdown)
