"""Record the tour as a person takes it: python screenshots/tour.py

The installed command runs in a pseudo-terminal and is pressed the keys that its stops wait for. What it writes becomes
tour.cast, in asciinema's format (https://docs.asciinema.org/manual/asciicast/v2), and what stands on the terminal from
moment to moment tour.svg, an animation that needs no player. Needs pyte, which the extra `test` brings.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte

HERE = Path(__file__).parent
SIZE = 120, 40
KEYS = (".", ".", ".", "n", "v")
READ = 7.0
"""Seconds that each stop stands."""
SETTLE = 1.5
"""Seconds of nothing new but the clock, after which a stop has come to rest."""
APART = 0.4
"""Seconds between two frames of the animation, at least."""
PLAIN, GROUND = "cfd6de", "11161c"
WIDE, HIGH = 8, 17
"""Pixels of a cell."""

Cell = tuple[str, str, str, bool, bool, bool]
"""Character, colour, ground, bold, italic, underlined."""


@dataclass
class Recording:
    """What the command wrote, and how the terminal looked, each with the seconds since the start."""

    written: list[tuple[float, str]]
    frames: list[tuple[float, list[list[Cell]]]]
    seconds: float


def record() -> Recording:
    """Take the tour."""
    screen = pyte.Screen(*SIZE)
    stream = pyte.ByteStream(screen)
    with tempfile.TemporaryDirectory() as home:
        child, master = pty.fork()
        if child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
            told = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "HOME": home}
            os.execvpe("deadrelu-tui", ["deadrelu-tui", "--tour"], {"PATH": os.environ["PATH"], **told})
        began, found = time.monotonic(), Recording([], [], 0.0)

        def now() -> float:
            return time.monotonic() - began

        def read(until: Callable[[], bool]) -> None:
            while not until():
                if not select.select([master], [], [], 0.05)[0]:
                    keep()
                    continue
                data = os.read(master, 65536)
                found.written.append((now(), data.decode("utf-8", "replace")))
                stream.feed(data)
                keep()

        def keep() -> None:
            cells = [list(row) for row in _cells(screen)]
            last = found.frames[-1] if found.frames else None
            if last is None or (now() - last[0] >= APART and cells[1:] != last[1][1:]):  # the first row has the clock
                found.frames.append((now(), cells))

        def rest() -> None:
            seen, since = len(found.frames), now()
            while now() - since < SETTLE:
                before = seen, since
                read(lambda: now() - before[1] >= SETTLE or len(found.frames) > before[0])  # noqa: B023
                if len(found.frames) > seen:
                    seen, since = len(found.frames), now()

        for number, key in enumerate((*KEYS, "q"), 1):
            read(lambda number=number: any(f"tour {number}/6" in row for row in screen.display))  # type: ignore[misc]
            rest()
            stands = now()
            read(lambda stands=stands: now() - stands >= READ)  # type: ignore[misc]
            os.write(master, key.encode())
        found.seconds = now()
        os.write(master, b"y")
        with suppress(OSError):  # which says that the command has ended
            while os.read(master, 65536):
                pass
        os.waitpid(child, 0)
    return found


def _cells(screen: Any) -> Iterator[Iterator[Cell]]:
    for y in range(screen.lines):
        row = screen.buffer[y]
        yield (_cell(row[x]) for x in range(screen.columns))


def _cell(char: Any) -> Cell:
    colour, ground = (PLAIN if char.fg == "default" else char.fg), (GROUND if char.bg == "default" else char.bg)
    if char.reverse:
        colour, ground = ground, colour
    return char.data or " ", colour, ground, char.bold, char.italics, char.underscore


def cast(found: Recording) -> str:
    """Return a recording in asciinema's format."""
    head = {"version": 2, "width": SIZE[0], "height": SIZE[1], "title": "deadrelu-tui --tour",
            "env": {"TERM": "xterm-256color"}}  # fmt: skip
    lines = [json.dumps(head), *(json.dumps([round(at, 3), "o", text]) for at, text in found.written)]
    return "\n".join(lines) + "\n"


def animation(found: Recording) -> str:
    """Return a recording as an SVG: every row that changes is there once for each of its states, and shown in its time.

    A frame that is whole for every change would take ten times the room.
    """
    width, height, total = SIZE[0] * WIDE + 20, SIZE[1] * HIGH + 20, found.seconds + 2
    body, styles = list[str](), list[str]()
    for y in range(SIZE[1]):
        states = [(at, rows[y]) for at, rows in found.frames]
        runs = [(key, [at for at, _ in group]) for key, group in groupby(states, key=lambda each: each[1])]
        times = [0.0, *(ats[0] for _, ats in runs[1:]), total]
        for index, (row, _) in enumerate(runs):
            text = "".join(_spans(row, y))
            if not text:
                continue
            if len(runs) == 1:
                body.append(text)
                continue
            first, last = (100 * times[at] / total for at in (index, index + 1))
            name = f"r{y}s{index}"
            shown = [] if first == 0 else [f"0%,{first:.3f}%{{visibility:hidden}}"]
            shown.append(f"{first + 0.001 * bool(first):.3f}%,{last:.3f}%{{visibility:visible}}")
            shown += [] if last >= 100 else [f"{last + 0.001:.3f}%,100%{{visibility:hidden}}"]
            styles.append(
                f"@keyframes {name}{{{''.join(shown)}}}#{name}{{animation:{name} {total:.2f}s infinite step-end}}"
            )
            body.append(f'<g id="{name}">{text}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="13.3" '
        f'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" xml:space="preserve"><style>{"".join(styles)}'
        f'text{{white-space:pre}}</style><rect width="100%" height="100%" rx="8" fill="#{GROUND}"/>'
        f'<g transform="translate(10 10)">{"".join(body)}</g></svg>\n'
    )


def _spans(row: list[Cell], y: int) -> Iterator[str]:
    x = 0
    for (colour, ground, bold, italic, under), group in groupby(row, key=lambda cell: cell[1:]):
        text = "".join(cell[0] for cell in group)
        left, span = x * WIDE, len(text) * WIDE
        x += len(text)
        if ground != GROUND:
            yield f'<rect x="{left}" y="{y * HIGH}" width="{span}" height="{HIGH}" fill="#{ground}"/>'
        if text.strip():
            kept = text.rstrip()
            start = len(kept) - len(kept.lstrip())
            kept = kept.lstrip()
            look = (
                ' font-weight="bold"' * bold + ' font-style="italic"' * italic + ' text-decoration="underline"' * under
            )
            yield (
                f'<text x="{(x - len(text) + start) * WIDE}" y="{y * HIGH + 13}" fill="#{colour}"{look} '
                f'textLength="{len(kept) * WIDE}">{escape(kept)}</text>'
            )


def main() -> None:
    """Record, and write both files."""
    found = record()
    (HERE / "tour.cast").write_text(cast(found), encoding="utf-8")
    (HERE / "tour.svg").write_text(animation(found), encoding="utf-8")
    print(f"tour.cast, tour.svg: {found.seconds:.0f} seconds, {len(found.frames)} frames")


if __name__ == "__main__":
    main()
