"""What becomes of a run whose disk is full, or takes nothing from the start: with a disk of that size."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminals import COMMAND, environment

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
