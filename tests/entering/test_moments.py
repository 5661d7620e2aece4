from __future__ import annotations

import struct
import time

import pytest

from deadrelu_tui.entering.elf import Functions
from deadrelu_tui.entering.moment import Moments, in_sequence
from deadrelu_tui.entering.registers import Read, Seen

FUTEX, SLEEP = 202, 35
STARTS = {"_PyEval_EvalFrameDefault": 1000, "make_pending_calls.part.0": 1100, "PyThread_acquire_lock_timed": 1200}
FUNCTIONS = Functions(list(STARTS.values()), [at + 50 for at in STARTS.values()], list(STARTS), ((1000, 2000),))
EVAL, QUEUE, LOCK, UNKNOWN, ELSEWHERE, OURS = 1010, 1110, 1210, 1500, 9000, 5000


def judged(pc: int, call: int | None, *stack: int) -> bool:
    return moments().fits(Seen(pc, 0, call, ()), memory(*stack))


def moments() -> Moments:
    return Moments(FUNCTIONS, FUTEX, [(5000, 5100)])


def memory(*words: int) -> Read:
    data = struct.pack(f"<{len(words)}Q", *words)
    return lambda at, size: data[at : at + size]


@pytest.mark.parametrize(
    ("pc", "stack", "fits"),
    [
        (EVAL, (), True),
        (EVAL, (QUEUE,), True),  # what is further out has called the loop: it holds nothing
        (QUEUE, (EVAL,), False),
        (LOCK, (EVAL,), False),
        (UNKNOWN, (EVAL,), False),
        (ELSEWHERE, (), True),
        (ELSEWHERE, (7, EVAL, QUEUE), True),
        (ELSEWHERE, (7, QUEUE, EVAL), False),
        (ELSEWHERE, (LOCK, EVAL), False),
        (ELSEWHERE, (UNKNOWN,), False),
        (OURS, (), False),
        (ELSEWHERE, (EVAL, *[0] * 90, OURS), False),
    ],
)
def test_a_thread_that_computes_is_judged_by_the_innermost_function_of_pythons(
    pc: int, stack: tuple[int, ...], fits: bool
) -> None:
    assert judged(pc, None, *stack) is fits


def test_a_thread_that_waits_for_no_lock_holds_none() -> None:
    assert judged(ELSEWHERE, SLEEP, QUEUE)
    assert not judged(ELSEWHERE, SLEEP, OURS)


def test_a_thread_that_waits_for_a_lock_waits_for_another_one_or_has_waited_for_long() -> None:
    assert judged(ELSEWHERE, FUTEX, LOCK, EVAL)
    assert not judged(ELSEWHERE, FUTEX, LOCK, QUEUE)
    judges, seen, stack = moments(), Seen(ELSEWHERE, 0, FUTEX, (1,)), memory(LOCK, UNKNOWN)
    assert not judges.fits(seen, stack)
    time.sleep(0.06)
    assert not judges.fits(Seen(ELSEWHERE, 0, FUTEX, (2,)), stack)
    assert not judges.fits(seen, stack)
    time.sleep(0.06)
    assert judges.fits(seen, stack)


def test_a_restartable_sequence_is_told_from_one_that_is_over() -> None:
    words = {
        108: 500,
        508: 700,
        516: 20,
    }  # told of at 100: it begins at 700 and is 20 bytes long

    def read(at: int, size: int) -> bytes:
        return b"".join(struct.pack("<Q", words.get(each, 0)) for each in range(at, at + size, 8))

    assert in_sequence(700, 100, read)
    assert in_sequence(719, 100, read)
    assert not in_sequence(720, 100, read)
    assert not in_sequence(700, 0, read)
    words[108] = 0
    assert not in_sequence(700, 100, read)
