"""What becomes of a run whose disk is full, or takes nothing from the start: with a disk of that size."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from terminals import COMMAND, Terminal, environment
from test_detach import lives, until

RUN = ("run", "--embedded", "--engine", "numpy", "--no-trials")

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a disk")


class Small:
    """A home whose runs lie on a disk of so many bytes."""

    def __init__(self, home: Path, size: str) -> None:
        self.home, self.disk = home, home / "data"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(self.disk)], check=False)
        if mounted.returncode:
            pytest.skip("no disk can be mounted here")
        self.variables = environment(home, XDG_DATA_HOME=str(self.disk))

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMAND, *arguments], env=self.variables, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)  # fmt: skip

    def room(self) -> int:
        """Return how many bytes more it takes."""
        found = os.statvfs(self.disk)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.disk)], check=False)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    small = Small(tmp_path, "64k")
    yield small
    small.close()


def test_a_run_that_ends_on_a_full_disk_says_what_is_not_recorded_and_how_it_ended(small: Small) -> None:
    done = small.ask(*RUN, "--epochs", "20")
    assert done.returncode == 1
    lost = done.stderr.splitlines()[-1]
    assert lost.startswith("deadrelu-tui: ")
    assert lost.endswith(" of 640 steps are not recorded: No space left on device")
    row = json.loads(small.ask("runs", "--json").stdout)
    assert row["status"] == "finished"
    assert row["steps"] < 640
    assert lost.removeprefix("deadrelu-tui: ") in small.ask("show", "last").stdout


def test_stop_says_what_is_not_recorded_and_how_the_run_ended(small: Small) -> None:
    run = small.ask(*RUN, "--epochs", "endless", "--detach").stdout.strip()
    until(lambda: small.room() == 0)
    done = small.ask("stop", run)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        rf"run {run} is stopped: .* of .* steps are not recorded: No space left on device\n", done.stdout
    )
    until(lambda: json.loads(small.ask("runs", "--json").stdout)["status"] == "stopped")


# Without room from the start


@pytest.fixture
def none(small: Small) -> Small:
    """A disk that takes no byte, but names of files."""
    with suppress(OSError), (small.disk / "filled").open("wb", buffering=0) as filled:
        while True:
            filled.write(b"x" * 4096)
    return small


def test_a_run_that_nobody_could_see_ends_with_its_terminal(none: Small) -> None:
    shown = Terminal([*RUN[1:], "--epochs", "100000"], (120, 36), none.variables)
    try:
        shown.until("not recorded")
        pid = int(Path(f"/proc/{shown.pid}/task/{shown.pid}/children").read_text(encoding="ascii"))
        os.close(shown.master)
        shown.master = os.open(os.devnull, os.O_RDWR)
        until(lambda: not lives(pid))
    finally:
        shown.close()


def test_a_run_without_a_file_is_stopped_by_its_id(none: Small) -> None:
    process = subprocess.Popen([COMMAND, *RUN, "--epochs", "100000"], env=none.variables, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stderr is not None
    assert "not recorded: No space left on device" in process.stderr.readline()
    run = next((none.disk / "deadrelu-tui/runs").glob("*.run")).stem
    other = none.ask("stop", "20201129")
    assert (other.returncode, other.stdout) == (2, "")
    done = none.ask("stop", run[:-2])
    assert done.returncode == 0, done.stderr
    assert re.match(rf"run {run} has ended: (.+) of \1 steps are not recorded: No space left on device\n", done.stdout)
    assert process.wait(20) == 1
    process.stderr.close()


def test_a_run_that_has_no_file_at_all_is_stopped_by_its_id(none: Small) -> None:
    (none.disk / "deadrelu-tui").touch()  # in the way of a folder
    process = subprocess.Popen([COMMAND, *RUN, "--epochs", "100000", "--json"], env=none.variables, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    assert process.stdout is not None
    run = json.loads(process.stdout.readline())["run"]
    done = none.ask("stop", run)
    assert (done.returncode, done.stdout[: len(run) + 14]) == (0, f"run {run} has ended"), done
    process.wait(20)
    process.stdout.close()
