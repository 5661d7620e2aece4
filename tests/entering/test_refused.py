from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from targets import LOOP, PATIENCE, READY, can_enter, ended, found, python_of, running

from deadrelu_tui.entering import permission, proc, processes, registers
from deadrelu_tui.entering.elf import Functions
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.interpreter import Interpreter
from deadrelu_tui.entering.processes import find
from deadrelu_tui.errors import InputError

_LACK = can_enter()
pytestmark = pytest.mark.skipif(_LACK is not None, reason=str(_LACK))
NOBODY = 65534
WITH_TORCH = "import mmap, sys\nfile = open(sys.argv[1], 'rb')\nkept = mmap.mmap(file.fileno(), 0, access=1)\n"
SEIZES = (
    "import ctypes, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "assert libc.ptrace(0x4206, int(sys.argv[1]), None, None) == 0\n"
) + READY + "input()\n"  # fmt: skip
PYTHON = Interpreter((3, 12), False, "EM_X86_64", 64, (1, 2, 3), Functions([], [], []))


def refused(pid: int) -> str:
    """Return why a process is refused, in its one line."""
    with pytest.raises(InputError) as caught:
        find(pid)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_what_is_no_process() -> None:
    assert refused(2**22 + 1) == f"there is no process {2**22 + 1}"
    assert refused(0) == "there is no process 0"
    assert refused(-5) == "there is no process -5"


def test_itself_and_one_of_its_threads() -> None:
    assert refused(os.getpid()).endswith("it is this one itself")
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert thread.native_id is not None
    assert refused(thread.native_id).endswith(f"it is a thread of process {os.getpid()}")
    over.set()
    thread.join()


def test_one_that_has_ended_and_that_nobody_has_asked_after() -> None:
    with started(sys.executable, "-c", "") as process:
        deadline = time.monotonic() + PATIENCE
        while proc.times(process.pid).state != "Z" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert refused(process.pid).endswith("has ended already")


def test_what_is_no_python() -> None:
    with started("/bin/sleep", "60") as process:
        time.sleep(0.1)
        assert refused(process.pid).endswith("it is no Python process")
    if os.getuid() == 0:
        assert refused(2).endswith("it is no Python process")  # a thread of the kernel


@pytest.mark.parametrize("version", ["2.7", "3.8", "3.9"])
def test_a_python_that_is_too_old(version: str) -> None:
    code = "import sys, time\nsys.stdout.write('ready\\n')\nsys.stdout.flush()\ntime.sleep(60)\n"
    with running(python_of(version), code) as target:
        assert f"its Python {version} is too old" in refused(target.pid)


def test_one_without_torch_and_one_with_it(tmp_path: Path) -> None:
    library = tmp_path / "libtorch_cpu.so"
    library.write_bytes(b"torch")
    code = READY + "while True: pass\n"
    with (
        running(python_of("3.11"), LOOP) as without,
        running(python_of("3.11"), WITH_TORCH + code, str(library)) as one,
    ):
        assert refused(without.pid).endswith("it has not loaded torch")
        told = find(one.pid)
        assert told.version == (3, 11)
        assert told.command[1] == "-c"
        assert told.command[-1] == str(library)
        assert 0 < told.age < PATIENCE
        assert 0 <= told.share <= 1.1
        listed = {each.pid: each for each in processes.processes()}
        assert without.pid not in listed
        assert (listed[one.pid].share_now or 0) > 0.05


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can start another's process")
def test_another_users_process_even_as_root() -> None:
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with started(*user, "/bin/sleep", "60") as process:
        deadline = time.monotonic() + PATIENCE
        while not proc.status(process.pid)["Uid"].startswith(str(NOBODY)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert refused(process.pid).endswith("it is another user's")


def test_one_that_is_traced_already() -> None:
    with running(python_of("3.11"), LOOP) as target, running(sys.executable, SEIZES, str(target.pid)) as tracer:
        with pytest.raises(InputError, match=f"process {tracer.pid} traces it already"):
            enter(found(target), "1", 1.0)
        ended(tracer)
        assert ended(target)[0] == 7


def test_another_process_of_the_same_number() -> None:
    with running(python_of("3.11"), LOOP) as target:
        with pytest.raises(InputError, match="has ended"):
            enter(replace(found(target), started=1), "1", 1.0)
        assert ended(target)[0] == 7


@pytest.mark.parametrize(
    ("python", "why"),
    [
        (replace(PYTHON, machine="EM_AARCH64"), "it runs code of another kind of processor (EM_AARCH64, 64 bits)"),
        (replace(PYTHON, bits=32), "it runs code of another kind of processor (EM_X86_64, 32 bits)"),
        (replace(PYTHON, version=(3, 13), free_threaded=True), "its Python 3.13 is a free-threaded one"),
        (replace(PYTHON, calls=None), "its Python 3.12 is stripped of the symbols"),
    ],
)
def test_pythons_that_cannot_be_entered(python: Interpreter, why: str) -> None:
    with pytest.raises(InputError) as caught:
        processes._refuse_python(1, python, "EM_X86_64")
    assert why in str(caught.value)
    processes._refuse_python(1, replace(PYTHON, version=(3, 14), free_threaded=True, calls=None), "EM_X86_64")


def test_machines_that_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(InputError, match="this is linux on riscv64"):
        registers.ours()


@pytest.mark.parametrize(
    ("its", "own", "scope", "why"),
    [
        ({}, {"CapEff": "0"}, "1", "kernel.yama.ptrace_scope is 1, so only a parent may enter a process: `sudo sysctl"),
        ({}, {"CapEff": "0"}, "2", "kernel.yama.ptrace_scope is 2, so only root may"),
        ({}, {"CapEff": "1ffffffffff"}, "3", "kernel.yama.ptrace_scope is 3, so nobody may"),
        ({}, {"CapEff": "0", "Seccomp": "2"}, "0", "start the container with --cap-add=SYS_PTRACE"),
        ({"CapPrm": "20"}, {"CapEff": "0", "CapPrm": "0"}, "0", "rights or a group that we lack"),
        ({}, {"CapEff": "0"}, "0", "PR_SET_DUMPABLE"),
        ({}, {"CapEff": "1ffffffffff"}, "0", "a security module"),
        ({"TracerPid": "77"}, {"CapEff": "0"}, "1", "process 77 traces it already"),
        ({"State": "Z (zombie)"}, {"CapEff": "0"}, "1", "it has ended"),
    ],
)
def test_why_the_kernel_denies_it(
    its: dict[str, str], own: dict[str, str], scope: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scope").write_text(scope)
    monkeypatch.setattr(permission, "_SCOPE", tmp_path / "scope")
    monkeypatch.setattr(proc, "status", lambda pid: own if pid == "self" else its)
    told = str(permission.denied(5))
    assert told.startswith("process 5 may not be joined: ")
    assert why in told
    assert "\n" not in told


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can become another user")
def test_one_that_lets_nobody_look_into_it_is_refused_in_a_line() -> None:
    import elftools

    import deadrelu_tui

    python = shutil.which("python3", path="/usr/bin:/bin")
    roots = [str(Path(module.__file__ or "").parents[1]) for module in (deadrelu_tui, elftools)]
    user = (
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "env",
        f"PYTHONPATH={':'.join(roots)}",
    )
    joins = "import sys\nfrom deadrelu_tui.entering.processes import find\nfind(int(sys.argv[1]), torch=False)\n"
    if (
        python is None
        or subprocess.run([*user, python, "-c", joins, "0"], capture_output=True, check=False).returncode > 1
    ):
        pytest.skip("there is no Python that every user has")
    closes = "import ctypes, time\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    with started(*user, python, "-c", closes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        done = subprocess.run(
            [*user, python, "-c", joins, str(process.pid)], capture_output=True, text=True, check=False
        )
    if "No module named" in done.stderr:
        pytest.skip("the package lies where not every user can read it")
    assert "may not be joined: " in done.stderr
    assert "PR_SET_DUMPABLE" in done.stderr or "ptrace_scope" in done.stderr or "--cap-add" in done.stderr
