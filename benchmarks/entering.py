"""For how long a process is held while a text of ours is brought into it, with each Python that is installed.

A text is brought in with two or three stops: one for memory, one for the queue, and one or two for giving back what was
taken. Each is measured by the one that holds it, from when the process was last seen to run to when it was let go: a
little more than it is. The target computes on and on in its main thread, or sleeps, which the stop interrupts. Beside
it stands what gdb takes, where it is installed, from attaching until detached, to do nothing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Row, Spread, show

from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.processes import Found, find

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
AT_MOST = 5.0
PATIENCE = 60.0
TARGETS = {
    "computes": "import ctypes\nprint(flush=True)\nx = 0\nwhile True: x += 1",
    "sleeps": "import ctypes, time\nprint(flush=True)\nwhile True: time.sleep(0.02)",
}


def python_of(version: str) -> str | None:
    """Return an interpreter of a version; None if there is none."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return sys.executable
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


@contextmanager
def running(python: str, code: str) -> Iterator[Found]:
    """Start a target."""
    process = subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield find(process.pid, torch=False)
    finally:
        process.kill()
        process.communicate()


def stops(target: Found, times: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each stop, and those from the call until the text ran."""
    held, until = [], []
    for _ in range(times):
        began = time.perf_counter()
        with enter(target, "answer(b'')", PATIENCE) as page:
            until.append(1e3 * (time.perf_counter() - began))
            page.answer(PATIENCE)
        held += [1e3 * each for each in page.stops]
    return held, until


def gdb(target: Found, times: int) -> list[float]:
    """Return the milliseconds that gdb takes to attach and to leave."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        command = ["gdb", "-nx", "-batch", "-p", str(target.pid), "-ex", "detach"]
        subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
        took.append(1e3 * (time.perf_counter() - began))
    return took


def main() -> None:
    """Enter each target so many times, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50, help="texts brought into each target")
    parser.add_argument("--markdown", action="store_true", help="rows for README.md")
    arguments = parser.parse_args()
    rows = []
    for version in VERSIONS:
        python = python_of(version)
        if python is None:
            print(f"Python {version} is not installed", file=sys.stderr)
            continue
        for kind, code in TARGETS.items():
            with running(python, code) as target:
                held, until = stops(target, arguments.times)
                peer = gdb(target, 3) if shutil.which("gdb") else []
            ninety_five = statistics.quantiles(held, n=20)[-1]
            median = statistics.median(held)
            rows.append(
                Row(
                    f"held at a stop, Python {version} that {kind}: median, 95th percentile, largest",
                    f"{median:.2f}, {ninety_five:.2f}, {max(held):.2f} ms",
                    str(Spread(tuple(peer), "ms", 0)) if peer else "",
                    f"{median / statistics.median(peer):.4f}" if peer else "",
                    f"≤ {AT_MOST:.0f} ms",
                    max(held) <= AT_MOST,
                )
            )
            rows.append(Row(f"until the text runs, Python {version} that {kind}", str(Spread(tuple(until), "ms", 1))))
    show(rows, arguments.markdown)


if __name__ == "__main__":
    main()
