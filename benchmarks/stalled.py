"""A terminal that takes nothing for half a minute while a network trains: does the training go on, does the screen?

A link that hangs: nobody reads what the process writes, until the terminal's own buffer is full and every write of
the process waits. The steps are those that the screen shows: the speed before is that between two frames as far apart
as the stall is long; the speed during the stall is that between the last frame before it and the first right frame
after it. A frame is right when the clock in its first row is less than a second old: it was drawn since the terminal
takes output again. The seconds to it are counted from the first byte read again to the last byte of that frame.

Some seconds later the run is paused, and the screen is compared with what stands there after everything was drawn
anew, on an empty screen: all rows but the first, which has the clock. A difference ends the script.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator

from report import Row, Spread, ratios, show
from terminal import WIDTH, Terminal, command, environment, step_shown

SPEED_AT_LEAST, RIGHT_WITHIN = 0.95, 1.0
WARM_UP, AFTER, SETTLE = 5.0, 10.0, 2.0
"""Seconds of training before anything counts, after the stall, and for the screen to come to rest."""
PATIENCE = 60.0
_CLOCK = re.compile(r"\b(\d\d):(\d\d):(\d\d)\b")
DAY = 86_400


def stall(variables: dict[str, str], seconds: float) -> tuple[float, float, float]:
    """Return the steps a second before and during a stall, and the seconds until the screen is right again."""
    with Terminal(command("--preset", "low-lr", "--epochs", "1000"), variables) as terminal:
        terminal.wait_for(lambda text: "● running" in text, PATIENCE)
        if not terminal.drain(WARM_UP):
            raise SystemExit("the run ended by itself")
        terminal.text()
        terminal.drain(seconds)
        frames = [(at, step_shown("\n".join(rows))) for at, rows in terminal.frames()]
        if len(frames) < 2:
            raise SystemExit(f"no frames came within {seconds:.0f} s; the screen:\n{terminal.text()}")
        (first_at, first), (last_at, last) = frames[0], frames[-1]
        time.sleep(seconds)
        again = terminal.now
        terminal.drain(AFTER)
        right_at, right = next(
            ((at, step_shown("\n".join(rows))) for at, rows in terminal.frames() if age(rows[0], terminal, at) < 1),
            (0.0, 0),
        )
        if not right_at:
            raise SystemExit(f"{AFTER:.0f} s after the stall the screen was still old:\n{terminal.text()}")
        compare(terminal)
        terminal.quit()
    return (last - first) / (last_at - first_at), (right - last) / (right_at - last_at), right_at - again


def age(header: str, terminal: Terminal, at: float) -> float:
    """Return how many seconds ago the second began that a header shows; a day if it shows none."""
    found = _CLOCK.search(header)
    if found is None:
        return DAY
    hours, minutes, seconds = map(int, found.groups())
    moment = time.time() - (terminal.now - at)
    local = time.localtime(moment)
    now = 3600 * local.tm_hour + 60 * local.tm_min + local.tm_sec + moment % 1
    return (now - (3600 * hours + 60 * minutes + seconds)) % DAY


def compare(terminal: Terminal) -> None:
    """Pause, have everything drawn anew, and raise SystemExit if anything below the first row is another."""
    terminal.press(" ")
    terminal.wait_for(lambda text: "● paused" in text, PATIENCE)
    terminal.drain(SETTLE)
    before = terminal.text().split("\n")
    terminal.resize(WIDTH - 1)
    terminal.drain(SETTLE)
    terminal.forget()
    terminal.resize(WIDTH)
    terminal.drain(SETTLE)
    anew = terminal.text().split("\n")
    for number, (old, new) in enumerate(zip(before, anew, strict=True)):
        if number and old != new:
            raise SystemExit(f"after the stall row {number} shows\n{old}\nand drawn anew it is\n{new}")


def measure(rounds: int, seconds: float) -> Iterator[Row]:
    """Stall run after run; yield the table's lines."""
    before, during, late = [], [], []
    with environment() as variables:
        for turn in range(rounds):
            free, held, right = stall(variables, seconds)
            before.append(free)
            during.append(held)
            late.append(right)
            line = f"before {free:.0f} steps/s  stalled {held:.0f} steps/s  right again after {right:.2f} s"
            print(f"round {turn + 1}/{rounds}  {line}", file=sys.stderr)
    ratio, text = ratios(during, before)
    ours, peer = (Spread(tuple(each), "steps/s", 0) for each in (during, before))
    what = f"speed while the terminal takes nothing for {seconds:.0f} s, peer: before"
    yield Row(what, str(ours), str(peer), text, f"≥ {SPEED_AT_LEAST:.2f}", ratio >= SPEED_AT_LEAST)
    what = "from taking output again to a right screen"
    yield Row(what, str(Spread(tuple(late), "s")), "", "", f"≤ {RIGHT_WITHIN:g} s", max(late) <= RIGHT_WITHIN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs that are stalled [3]")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each stall is [30]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    show(list(measure(given.rounds, given.seconds)), given.markdown)
