from __future__ import annotations

import json
import sys
from contextlib import ExitStack, suppress

import pytest
from targets import (
    LOOP,
    PATIENCE,
    READY,
    UNTIL_CLOSED,
    VERSIONS,
    WORK,
    answered,
    asked,
    belongings,
    can_enter,
    ended,
    found,
    python_of,
    running,
    wait_for,
)  # fmt: skip

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.page import Page
from deadrelu_tui.errors import InputError

_LACK = can_enter()
pytestmark = pytest.mark.skipif(_LACK is not None, reason=str(_LACK))
each_python = pytest.mark.parametrize("version", VERSIONS)

NAMES = "answer(repr(sorted(__import__('sys').modules['__main__'].__dict__)).encode())"
THREADS = (
    UNTIL_CLOSED + WORK + "import threading, ctypes\nright = work()\nover = []\n"
    "def beside():\n"
    "    while not over:\n"
    "        if work() != right: over.append(3)\n"
    "threads = [threading.Thread(target=beside) for _ in range(3)]\n"
    "for each in threads: each.start()\n" + READY + "while not closed():\n    if work() != right: over.append(3)\n"
    "over.append(7)\n"
    "for each in threads: each.join()\n"
    "sys.exit(over[0])\n"
)
SIGNALS = (
    UNTIL_CLOSED + WORK + "import signal, ctypes\nright, came = work(), 0\n"
    "def handler(*_):\n"
    "    global came\n"
    "    came += 1\n"
    "signal.signal(signal.SIGALRM, handler)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)\n"
    + READY
    + "while not closed():\n    if work() != right: sys.exit(3)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0)\n"
    "sys.exit(7 if came > 50 else 4)\n"
)
ARRAYS = (
    UNTIL_CLOSED + "import numpy\n"
    "a, b = numpy.random.default_rng(1).normal(size=(2, 160, 160))\n"
    "def work(): return (a @ b).tobytes(), float(numpy.tanh(a).sum()), (a.astype('f') @ b.astype('f')).tobytes()\n"
    "right = work()\n" + READY + "while not closed():\n    if work() != right: sys.exit(3)\nsys.exit(7)\n"
)
WAITS = """
import ctypes, json, os, select, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
class Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]
def late(*_):
    reading, writing = os.pipe()
    threading.Timer(4.0, os.write, (writing, b"late")).start()
    return reading
def read():
    room = ctypes.create_string_buffer(16)
    return libc.read(late(), room, 16), room.value.decode()
def locked():
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(4.0, lock.release).start()
    return lock.acquire()
def held(timeout):
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire(timeout=timeout)
waits = {
    "sleep": (lambda: time.sleep(4.0), None),
    "nanosleep": (lambda: libc.nanosleep(ctypes.byref(Time(4, 0)), None), 0),
    "poll": (lambda: libc.poll(None, 0, 4000), 0),
    "select": (lambda: select.select([], [], [], 4.0), [[], [], []]),
    "read": (read, [4, "late"]),
    "os.read": (lambda: os.read(late(), 16).decode(), "late"),
    "acquire": (locked, True),
    "acquire for some time": (lambda: held(4.0), False),
    "join": (lambda: threading.Timer(4.0, int).start() or threading.enumerate()[-1].join(), None),
}
wait, result = waits[sys.argv[1]]
print("ready", flush=True)
began = time.monotonic()
got = wait()
print(json.dumps([time.monotonic() - began, got, result]))
"""

KINDS = ["sleep", "nanosleep", "poll", "select", "read", "os.read", "acquire", "acquire for some time", "join"]


@each_python
@pytest.mark.parametrize("code", [LOOP, THREADS, SIGNALS], ids=["loop", "threads", "signals"])
def test_what_is_computed_stays_the_same_over_ten_texts(version: str, code: str) -> None:
    with running(python_of(version), code) as target:
        before, names = belongings(target.pid), asked(target, NAMES)
        for i in range(10):
            assert asked(target, f"answer(b'{i}')") == str(i)
        assert asked(target, NAMES) == names
        wait_for(lambda: belongings(target.pid) == before)
        assert ended(target) == (7, "", "")


@pytest.mark.skipif(_LACK is not None, reason="nothing can be entered")
def test_arrays_multiplied_meanwhile_have_the_same_product() -> None:
    with running(sys.executable, ARRAYS) as target:
        for i in range(20):
            assert asked(target, f"answer(b'{i}')") == str(i)
        assert ended(target) == (7, "", "")


@each_python
def test_nothing_stays(version: str) -> None:
    with running(python_of(version), LOOP) as target:
        which = found(target)
        with enter(which, "answer(str(page).encode())", PATIENCE) as page:
            at = int(answered(page))
            assert any(each.start <= at < each.end for each in proc.maps(target.pid))
            assert isinstance(page, Page)
            ((code_at, code_was),) = page._target.places
        assert not any(each.start <= at < each.end for each in proc.maps(target.pid))
        with open(f"/proc/{target.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(code_at)
            assert memory.read(len(code_was)) == code_was
        assert ended(target)[0] == 7


@each_python
def test_a_wait_ends_when_it_would_have_with_what_it_would_have(version: str) -> None:
    python = python_of(version)
    with ExitStack() as stack:
        targets = {kind: stack.enter_context(running(python, WAITS, kind)) for kind in KINDS}
        known = {kind: found(target) for kind, target in targets.items()}
        for kind in KINDS * 3:
            if targets[kind].poll() is None:
                with suppress(InputError):
                    enter(known[kind], "1 / 0", 0.03)
        for kind, target in targets.items():
            code, out, err = ended(target)
            took, got, right = json.loads(out)
            assert (kind, code, err, got) == (kind, 0, "", right)
            assert 3.99 <= took < 5.5, kind  # begun anew, it would take longer
