"""Whether the tests notice a change: they run in a copy of the project, in a process made for each change.

What takes long to import is imported once, before processes are made.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SLACK = 20.0
"""Seconds that a run of tests may take beyond four times what it took unchanged: then it hangs, which is noticed."""
_stamps = itertools.count(1_000_000_000)


class Chosen(NamedTuple):
    """Tests to run, in their order, and what they took unchanged, in seconds."""

    names: tuple[str, ...]
    seconds: float


class _Only:
    """Has pytest run some tests alone, in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._order = {name: index for index, name in enumerate(names)}
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list) -> None:  # type: ignore[type-arg]
        items[:] = sorted(
            (each for each in items if each.nodeid in self._order), key=lambda each: self._order[each.nodeid]
        )

    def pytest_runtest_logreport(self, report) -> None:  # type: ignore[no-untyped-def]
        if report.failed:
            self.failed.append(report.nodeid)


def make_copy() -> Path:
    """Copy what git knows of the project and what was changed in it, and go there."""
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)
    sys.path.insert(0, str(folder))
    return folder


def preload() -> None:
    """Import what every process needs and no change touches."""
    for name in ("pytest", "hypothesis", "numpy", "textual.app", "textual.widgets", "plotext"):
        importlib.import_module(name)


def failing(folder: Path, module: str, source: str, chosen: Chosen, *, every: bool = False) -> list[str] | None:
    """Return the first of some tests that fail with another source of a module, or every one; None where all pass.

    A run that breaks off or hangs names no test.
    """
    path = folder / module
    kept = path.read_bytes()
    try:
        path.write_text(source, encoding="utf-8")
        stamp = next(_stamps)
        os.utime(path, (stamp, stamp))  # or bytecode of the change before might be taken for its own
        return _run(chosen, every)
    finally:
        path.write_bytes(kept)
        stamp = next(_stamps)
        os.utime(path, (stamp, stamp))


def _run(chosen: Chosen, every: bool) -> list[str] | None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        _be_pytest(write, chosen, every)
    os.close(write)
    limit = time.monotonic() + SLACK + 4 * chosen.seconds
    code = None
    while code is None and time.monotonic() < limit:
        pid, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if pid else None
        time.sleep(0.02)
    with open(read, encoding="utf-8") as told:
        if code is None:
            _kill(child)
            os.waitpid(child, 0)
        else:
            _kill(child)  # what the tests left running
        failed = told.read().split("\n")
    return None if code == 0 else [each for each in failed if each]


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _be_pytest(write: int, chosen: Chosen, every: bool) -> None:
    code = 70
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        import pytest

        only = _Only(chosen.names)
        files = sorted({name.split("::")[0] for name in chosen.names})
        code = int(pytest.main(
            [*files, *([] if every else ["-x"]), "-p", "no:cacheprovider", "-p", "no:faulthandler",
             "-p", "no:xdist", "-p", "no:cov", "--hypothesis-seed=1", "-W", "ignore"],
            plugins=[only],
        ))  # fmt: skip
        os.write(write, "\n".join(only.failed).encode())
    finally:
        os._exit(code)
