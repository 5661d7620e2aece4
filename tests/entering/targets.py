"""Processes that the tests enter, with each Python that is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from deadrelu_tui.entering import registers
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.page import Page
from deadrelu_tui.entering.processes import Found, find
from deadrelu_tui.entering.remote import Folder
from deadrelu_tui.errors import InputError

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
PATIENCE = 30.0
READY = "print('ready', flush=True)\n"
UNTIL_CLOSED = "import select, sys\ndef closed():\n    return bool(select.select([0], [], [], 0)[0])\n"
"""The target ends when its standard input is closed."""
WORK = (
    "def work():\n"
    "    a, x, told = 1, 0.5, {}\n"
    "    for i in range(3000):\n"
    "        a = (a * 6364136223846793005 + i) % 2**61\n"
    "        x = 3.7 * x * (1 - x)\n"
    "        told[i % 97] = str(a) + repr(x)\n"
    "    return hash(tuple(told.items())), x\n"
)
LOOP = (
    UNTIL_CLOSED
    + WORK
    + "import ctypes\nright = work()\n"
    + READY
    + "while not closed():\n    if work() != right: sys.exit(3)\nsys.exit(7)\n"
)
"""Computes the same again and again: ends with 3 once it has come to something else, with 7 as it should."""


def python_of(version: str) -> str:
    """Return an interpreter of a version; skips the test where none is installed."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return sys.executable
    found: list[str | Path] = [
        *sorted((Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv" / "versions").glob(f"{version}.*/bin/python")),
        *filter(None, [shutil.which(f"python{version}")]),
    ]
    for each in found:
        if subprocess.run([each, "-c", "import ctypes"], capture_output=True, check=False).returncode == 0:
            return str(each)
    pytest.skip(f"Python {version} is not installed")


@cache
def can_enter() -> str | None:
    """Return why no process can be entered here; None if one can."""
    try:
        registers.ours()
        with running(sys.executable, LOOP) as target, enter(found(target), "answer(b'yes')", PATIENCE) as page:
            assert page.answer(PATIENCE) == b"yes"
    except InputError as error:
        return str(error)
    return None


@contextmanager
def running(python: str, code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program, and wait until it says that it is ready."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [python, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", (line, process.stderr.read() if process.stderr and not line else "")
        yield process
    finally:
        process.kill()
        process.communicate()


def found(target: subprocess.Popen[str]) -> Found:
    """Return a target as what can be entered."""
    return find(target.pid, torch=False)


def ended(target: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Have a target end, and return its exit code and what it has printed."""
    out, err = target.communicate(timeout=PATIENCE)
    return target.returncode, out, err


def asked(target: subprocess.Popen[str], text: str) -> str:
    """Enter a target, and return what it answers."""
    with enter(found(target), text, PATIENCE) as page:
        return answered(page)


def answered(page: Page | Folder) -> str:
    answer = page.answer(PATIENCE)
    assert answer is not None
    return answer.decode()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def belongings(pid: int) -> dict[str, object]:
    """Return what a process has open and how many threads it has."""
    folder = Path(f"/proc/{pid}")
    files = {each.name: os.readlink(each) for each in (folder / "fd").iterdir()}
    return {"files": files, "threads": sorted(each.name for each in (folder / "task").iterdir())}
