from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest
from targets import (
    LOOP,
    PATIENCE,
    READY,
    UNTIL_CLOSED,
    VERSIONS,
    answered,
    asked,
    can_enter,
    ended,
    found,
    python_of,
    running,
    wait_for,
)  # fmt: skip

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.processes import Found
from deadrelu_tui.entering.prologue import MAGIC
from deadrelu_tui.entering.target import Target
from deadrelu_tui.errors import InputError

_LACK = can_enter()
pytestmark = pytest.mark.skipif(_LACK is not None, reason=str(_LACK))
each_python = pytest.mark.parametrize("version", VERSIONS)

QUEUE = (
    UNTIL_CLOSED + "import ctypes\npython = ctypes.pythonapi\n" + READY + "while not closed():\n"
    "    for _ in range(200): python.Py_AddPendingCall(python.PyErr_CheckSignals, None)\n"
    "sys.exit(7)\n"
)
"""Is in the queue of pending calls, and holds its lock, as much of the time as a thread can."""
LONG = "import ctypes, sys, time\n" + READY + "ctypes.PyDLL(None).usleep(900_000)\ntime.sleep(0.3)\nsys.exit(7)\n"
"""In one call that keeps the interpreter's lock, then in a second one."""
HANDLES = (
    UNTIL_CLOSED + "import ctypes, signal, threading\n"
    "class Late(Exception): pass\n"
    "def late(*_): raise Late\n"
    "def end(*_): sys.exit(9)\n"
    "signal.signal(signal.SIGUSR1, late)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "try:\n"
    "    " + READY + "    while not closed(): pass\n"
    "except (KeyboardInterrupt, Late) as error:\n"
    "    print(type(error).__name__)\n"
)
SIGNALLED = "import os\nos.kill(os.getpid(), %d)\nwhile True: pass\n"
FORKS = (
    "import ctypes, os, sys, time\nlibc = ctypes.CDLL(None)\n"
    "libc.__register_atfork(libc.getchar, None, None, None)\n" + READY
    + "child = os.fork()\n"
    "if not child:\n    x = [0] * 100\n    os._exit(5)\n"
    "assert os.waitpid(child, 0)[1] == 5 << 8\ntime.sleep(0.5)\nsys.exit(7)\n"
)  # fmt: skip
"""Waits for a byte within fork(): whatever is queued then, both processes have in their queues."""


def try_to_enter(which: Found, text: str) -> int:
    """Fork a process that enters, and return it."""
    child = os.fork()
    if child:
        return child
    try:
        with enter(which, text, PATIENCE) as page:
            page.answer(PATIENCE)
    finally:
        os._exit(0)


def heads(pid: int) -> list[proc.Mapping]:
    """Return the pages of ours that a process has."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        found = []
        for each in proc.maps(pid):
            if each.rights == "rw-p" and not each.path:
                memory.seek(each.start)
                found += [each] if memory.read(8) == MAGIC else []
        return found


@each_python
def test_who_enters_may_be_killed_at_any_moment(version: str) -> None:
    chance, killed = random.Random(version), 0
    with running(python_of(version), LOOP) as target:
        which = found(target)
        for _ in range(30):
            child = try_to_enter(which, "answer(b'x')")
            time.sleep(chance.uniform(0.0, 0.06))
            os.kill(child, signal.SIGKILL)
            killed += os.waitpid(child, 0)[1] == signal.SIGKILL
            assert target.poll() is None
        assert killed > 5
        assert asked(target, "answer(b'still here')") == "still here"
        assert proc.status(target.pid)["TracerPid"] == "0"
        wait_for(lambda: not heads(target.pid))
        assert ended(target) == (7, "", "")


@each_python
def test_a_thread_that_holds_the_lock_of_the_queue_is_left_alone_until_it_does_not(version: str) -> None:
    with running(python_of(version), QUEUE) as target:
        which = found(target)
        for i in range(10):
            with enter(which, f"answer(b'{i}')", PATIENCE) as page:
                assert answered(page) == str(i)
        assert ended(target) == (7, "", "")


@each_python
def test_what_was_withdrawn_never_runs(version: str, tmp_path: Path) -> None:
    with running(python_of(version), LONG) as target:
        which = found(target)
        for i in range(3):
            with pytest.raises(InputError, match="came to no Python code"):
                enter(which, f"open({str(tmp_path / str(i))!r}, 'w')", 0.1)
        assert ended(target) == (7, "", "")
    assert list(tmp_path.glob("[0-9]*")) == []


def test_what_was_withdrawn_leaves_no_memory_once_the_process_comes_by() -> None:
    with running(python_of("3.11"), "import ctypes, time\n" + READY + "time.sleep(1)\nx = 1\ninput()\n") as target:
        before = proc.maps(target.pid)
        with pytest.raises(InputError, match="nothing will run"):
            enter(found(target), "1", 0.1)
        assert new_in_gaps(before, target.pid)
        wait_for(lambda: not new_in_gaps(before, target.pid))


def new_in_gaps(before: list[proc.Mapping], pid: int) -> bool:
    """Tell whether there is memory far from all that was there before."""
    return any(
        all(abs(each.start - other.end) > 1 << 32 and abs(other.start - each.end) > 1 << 32 for other in before)
        for each in proc.maps(pid)
    )


@each_python
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 0, "KeyboardInterrupt"), (signal.SIGUSR1, 0, "Late"), (signal.SIGTERM, 9, "")],
)
def test_what_a_signal_raises_while_the_text_runs_is_raised_in_the_script(
    version: str, number: int, code: int, said: str
) -> None:
    with running(python_of(version), HANDLES) as target:
        with enter(found(target), SIGNALLED % number, PATIENCE) as page:
            assert page.answer(PATIENCE)
            assert page.failed
        target.wait(PATIENCE)
        assert ended(target) == (code, said + "\n" if said else "", "")


@each_python
def test_a_text_that_raises_answers_with_its_traceback_and_the_script_goes_on(version: str) -> None:
    with running(python_of(version), LOOP) as target:
        with enter(found(target), "1 / 0", PATIENCE) as page:
            assert answered(page).splitlines()[-1] == "ZeroDivisionError: division by zero"
            assert page.failed
        with enter(found(target), "def", PATIENCE) as page:
            assert "SyntaxError" in answered(page)
        with enter(found(target), "import sys\nsys.exit(2)", PATIENCE) as page:
            assert "SystemExit" in answered(page)
        code, out, err = ended(target)
    assert (code, out, err) == (2, "", "")


def test_an_answer_has_a_limit_and_there_is_one_only() -> None:
    with running(python_of("3.11"), LOOP) as target:
        assert "has room for 65536 bytes" in asked(target, "answer(b'x' * 65537)")
        assert asked(target, "answer(b'x' * 65536)") == "x" * 65536
        assert asked(target, "pass") == ""
        assert asked(target, "answer(b'1')\nanswer(b'2')") == "1"
        asked(target, "import builtins\nbuiltins.kept = answer")
        late = "import builtins\ntry: builtins.kept(b'')\nexcept RuntimeError as error: answer(str(error).encode())\n"
        assert "only while the text runs" in asked(target, late)
        assert ended(target)[0] == 7


@each_python
def test_a_child_of_the_process_does_not_run_its_parents_text(version: str, tmp_path: Path) -> None:
    text = f"import os\nopen({str(tmp_path)!r} + '/' + str(os.getpid()), 'w')\nanswer(b'')"
    with running(python_of(version), FORKS) as target:
        which, stdin = found(target), target.stdin
        assert stdin is not None
        Timer(0.5, lambda: (stdin.write("x"), stdin.flush())).start()
        with enter(which, text, PATIENCE) as page:
            assert page.answer(PATIENCE) == b""
        assert ended(target) == (7, "", "")
        assert [each.name for each in tmp_path.glob("[0-9]*")] == [str(target.pid)]


def test_a_process_that_is_stopped_stays_so() -> None:
    with running(python_of("3.11"), LOOP) as target:
        which = found(target)
        target.send_signal(signal.SIGSTOP)
        wait_for(lambda: proc.times(target.pid).state == "T")
        with pytest.raises(InputError, match="is stopped"):
            enter(which, "1", 0.2)
        # The kernel wakes whom we let go of for a moment, in which it stops again without an instruction of its own.
        wait_for(lambda: proc.times(target.pid).state == "T")
        target.send_signal(signal.SIGCONT)
        assert ended(target)[0] == 7


@each_python
def test_a_process_that_ends_meanwhile_ends_as_it_would_have(version: str) -> None:
    code = "import ctypes, sys, time\n" + READY + "time.sleep(%f)\nsys.exit(7)\n"
    for seconds in (0.0, 0.01, 0.02, 0.04, 0.06, 0.1):
        with running(python_of(version), code % seconds) as target:
            with suppress(InputError), enter(found(target), "answer(b'')", 1.0) as page:
                page.answer(1.0)
            assert ended(target) == (7, "", "")


def test_a_kernel_that_forbids_to_write_to_code_lets_who_holds_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = Target.write

    def forbidden(self: Target, at: int, data: bytes) -> bool:
        return at not in dict(self.places) and write(self, at, data)

    monkeypatch.setattr(Target, "write", forbidden)
    with running(python_of("3.11"), LOOP) as target:
        for i in range(3):
            assert asked(target, f"answer(b'{i}')") == str(i)
        assert ended(target) == (7, "", "")
