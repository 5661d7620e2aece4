"""Enters a Python that runs a file when it is asked to, as every one from 3.14 on does (sys.remote_exec, PEP 768)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib import resources

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.entered import Entered
from deadrelu_tui.entering.permission import denied
from deadrelu_tui.entering.processes import Found
from deadrelu_tui.entering.prologue import FAILED
from deadrelu_tui.errors import InputError

_FIRST = (
    "try:\n"
    " __import__('builtins').exec(%r,{'__name__':'deadrelu_entered','folder':%r,'process':%d})\n"
    "except BaseException:pass\n"
)
_ASKS = "import sys; sys.remote_exec(int(sys.argv[1]), sys.argv[2])"
_AT_ONCE = 2.0
_PATIENCE = 60.0


class Folder(Entered):
    """Files, of this user alone, that hold the text and its answer; a Page in what it can do."""

    def __init__(self, pid: int, folder: str) -> None:
        self._pid, self._folder = pid, folder

    @property
    def stops(self) -> tuple[float, ...]:
        """Nobody holds the process."""
        return ()

    def begun(self) -> bool:
        """Tell whether the text runs, or has run."""
        return not self._has("text")

    def answer(self, timeout: float) -> bytes | None:
        """Return what the text has answered, b"" if it ended without a word; None if it does not come in time."""
        deadline = time.monotonic() + timeout
        while not self._has("answer"):
            if self._has("over") and not self._has("answer"):
                return b""
            if time.monotonic() > deadline:
                return None
            if not os.path.exists(f"/proc/{self._pid}/exe"):
                raise InputError(f"process {self._pid} has ended")
            time.sleep(0.001)
        with open(os.path.join(self._folder, "answer"), "rb") as file:
            told = file.read()
        self.failed = told[0] == FAILED
        return told[1:]

    def peek(self, at: int, size: int) -> bytes:
        """Return some of the process's memory, at an address of its own. Raises InputError if it has ended."""
        try:
            memory = os.open(f"/proc/{self._pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(memory, size, at)
            finally:
                os.close(memory)
        except PermissionError:
            raise denied(self._pid) from None
        except OSError:
            raise InputError(f"process {self._pid} has ended") from None

    def withdraw(self, why: str) -> None:
        """Make it certain that the text does nothing later, and raise InputError; do nothing if it has begun."""
        try:
            os.rename(os.path.join(self._folder, "text"), os.path.join(self._folder, "withdrawn"))
        except FileNotFoundError:
            return
        self.close()
        raise InputError(f"process {self._pid} was not joined, and nothing will run there later: {why}")

    def close(self) -> None:
        """Remove the files, also while the text still makes new ones: where it makes them is gone at once."""
        gone = f"{self._folder}-closed"
        try:
            os.rename(self._folder, gone)
        except OSError:  # it is gone already, or somebody has that name
            gone = self._folder
        shutil.rmtree(gone, ignore_errors=True)

    def _has(self, name: str) -> bool:
        return os.path.exists(os.path.join(self._folder, name))


def enter(found: Found, text: str, timeout: float) -> Folder:
    """Have a text run in the main thread of a process, and return where its answer will be, as soon as it runs."""
    pid = found.pid
    deadline = time.monotonic() + timeout
    try:
        if proc.times(pid).started != found.started:
            raise InputError(f"process {pid} has ended")
        if not proc.same_namespace(pid, "mnt"):
            raise InputError(f"process {pid} has files of its own, as in a container: join it from in there")
        inner = int(proc.status(pid)["NSpid"].split()[-1])
    except (FileNotFoundError, ProcessLookupError):
        raise InputError(f"process {pid} has ended") from None
    except PermissionError:
        raise denied(pid) from None
    folder = Folder(pid, path := tempfile.mkdtemp(prefix="deadrelu-"))
    try:
        first = resources.files("deadrelu_tui.entering").joinpath("prologue.py").read_text(encoding="utf-8")
        _write(os.path.join(path, "text"), text)
        _write(os.path.join(path, "first.py"), _FIRST % (first, path, inner))
        ask(pid, os.path.join(path, "first.py"))
        while not folder.begun():
            if time.monotonic() > deadline:
                folder.withdraw(f"its main thread came to no Python code within {timeout:g} s")
                break
            time.sleep(0.001)
    except BaseException:
        folder.close()
        raise
    return folder


def ask(pid: int, path: str) -> None:
    """Ask a process to run a file, by its own interpreter: only one of the same version can."""
    program = proc.program(pid)
    done = subprocess.run(
        [program.removesuffix(" (deleted)"), "-I", "-c", _ASKS, str(pid), path],
        executable=f"/proc/{pid}/exe",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"its interpreter ended with {done.returncode}"])[-1]
        raise (
            denied(pid) if said.startswith("PermissionError") else InputError(f"process {pid} cannot be joined: {said}")
        )


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
