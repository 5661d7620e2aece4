"""From the start of `deadrelu-tui` in a terminal of 160×48 to its first frame, and to its first step on the screen.

The clock starts just before the process is made. The first frame is complete: it has the name at the top and the key
for quitting at the bottom. A step counts once its number stands on the screen, so the pause between two frames is in
it. One start that is not counted goes before, so that the files come from the system's cache in all that are.
"""

from __future__ import annotations

import argparse
import sys

from report import Row, Spread, show
from terminal import Terminal, command, environment, step_shown

FRAME_WITHIN, STEP_WITHIN = 0.7, 3.0
WITHIN = 12.0
"""Seconds of output in which both are looked for."""


def start(variables: dict[str, str]) -> list[float]:
    """Return the seconds to the first frame and to the first step."""
    with Terminal(command("--preset", "low-lr"), variables) as terminal:
        found = terminal.moments(
            lambda text: "deadrelu-tui" in text and "quit" in text,
            lambda text: step_shown(text) > 0,
            within=WITHIN,
        )
        terminal.quit()
        return found


def measure(rounds: int) -> tuple[Spread, Spread]:
    """Return the seconds of all counted starts: to the first frame, to the first step."""
    frames, steps = [], []
    with environment() as variables:
        start(variables)
        for turn in range(rounds):
            frame, step = start(variables)
            frames.append(frame)
            steps.append(step)
            print(f"round {turn + 1}/{rounds}  frame {frame:.2f} s  step {step:.2f} s", file=sys.stderr)
    return Spread(tuple(frames), "s"), Spread(tuple(steps), "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="starts that count [5]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    frame, step = measure(given.rounds)
    rows = [
        Row(f"start to {what}", str(seconds), target=f"≤ {limit:g} s", met=seconds.median <= limit)
        for what, seconds, limit in (("first frame", frame, FRAME_WITHIN), ("first step shown", step, STEP_WITHIN))
    ]
    show(rows, given.markdown)
