"""Machine code of 64-bit ARM, by an emulator: `pip install unicorn`."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from deadrelu_tui.entering import aarch64

AT, BACK, FUNCTIONS, PAGE, STACK = 0x10000, 0x20000, 0x30000, 0x400000, 0x500000
SLEEP, WORDS = 101, 34
SYSTEM_CALL, RETURN = b"\x01\x00\x00\xd4", b"\xc0\x03\x5f\xd6"


def registers(pc: int, **set_to: int) -> bytes:
    words = [*range(100, 100 + WORDS)]
    words[32] = pc
    for name, value in set_to.items():
        words[int(name[1:])] = value
    return struct.pack(f"<{WORDS}Q", *words)


@pytest.mark.parametrize(
    ("set_to", "number"),
    [
        ({"x8": 101}, 128),  # nanosleep
        ({"x8": 115, "x1": 0}, 128),  # clock_nanosleep, for a time
        ({"x8": 115, "x1": 1}, 115),  # clock_nanosleep, until a time
        ({"x8": 98, "x1": 128, "x3": 5}, 128),  # futex, for a time
        ({"x8": 98, "x1": 128, "x3": 0}, 98),  # futex, for ever
        ({"x8": 98, "x1": 137, "x3": 5}, 98),  # futex, until a time
        ({"x8": 63}, 63),  # read
    ],
)
def test_a_wait_for_a_time_is_gone_on_with_and_others_are_begun_again(set_to: dict[str, int], number: int) -> None:
    seen = aarch64.seen(registers(BACK, **set_to), lambda at, size: SYSTEM_CALL)
    assert (seen.pc, seen.call) == (BACK, set_to["x8"])
    after = struct.unpack(f"<{WORDS}Q", aarch64.turned(seen, AT))
    assert (after[8], after[32]) == (number, AT)
    assert after[:1] + after[9:32] == seen.words[:1] + seen.words[9:32]


def test_a_thread_that_computes_goes_on_as_it_is() -> None:
    seen = aarch64.seen(registers(BACK, x8=SLEEP), lambda at, size: RETURN)
    assert seen.call is None
    assert aarch64.turned(seen, BACK) == registers(BACK, x8=SLEEP)


def test_code_does_not_go_back_further_than_a_branch_reaches() -> None:
    assert aarch64.system_call(AT, AT + (1 << 27) - 4096, 1, (0,) * 6)
    assert aarch64.system_call(AT, AT + (1 << 27) + 4096, 1, (0,) * 6) is None
    assert len(aarch64.call(AT, BACK, 1, (2, 3, 4), 5, aarch64._CALL_SCALABLE) or b"") <= aarch64.ROOM


def emulated(code: bytes, up: int = 1, result: int = 0) -> tuple[list[list[int]], bytes]:
    """Run code until it goes back, and return what it has asked for and what it has left in the page."""
    unicorn = pytest.importorskip("unicorn")
    names = pytest.importorskip("unicorn.arm64_const")
    machine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    machine.reg_write(names.UC_ARM64_REG_CPACR_EL1, 3 << 20)  # vector registers are there
    for base in (AT, BACK, FUNCTIONS, PAGE, STACK):
        machine.mem_map(base, 0x10000)
    machine.mem_write(AT, code)
    machine.mem_write(BACK, bytes.fromhex("1f2003d5") * 2)
    spoils = b"".join((0xD2800000 | 0xDEAD << 5 | i).to_bytes(4, "little") for i in range(1, 19))
    spoils += b"".join((0x4F00E420 | i).to_bytes(4, "little") for i in range(32))  # movi v.16b, #1
    for at, value in ((FUNCTIONS, up), (FUNCTIONS + 0x1000, result)):
        returns = (0xD2800000 | value << 5).to_bytes(4, "little") + bytes.fromhex("1f0000f1") + RETURN
        machine.mem_write(at, spoils + returns)
    asked: list[list[int]] = []

    def at_call(each: Any, at: int, size: int, data: Any) -> None:
        if at == FUNCTIONS + 0x1000:
            asked.append([each.reg_read(names.UC_ARM64_REG_X0 + i) for i in range(2)])

    def at_interrupt(each: Any, number: int, data: Any) -> None:
        asked.append([each.reg_read(names.UC_ARM64_REG_X0 + i) for i in (8, *range(6))])
        each.reg_write(names.UC_ARM64_REG_X0, 77)

    machine.hook_add(unicorn.UC_HOOK_CODE, at_call)
    machine.hook_add(unicorn.UC_HOOK_INTR, at_interrupt)
    general = [*(names.UC_ARM64_REG_X0 + i for i in range(29)), names.UC_ARM64_REG_X29, names.UC_ARM64_REG_X30]
    before = {each: random.getrandbits(64) for each in general}
    before |= {names.UC_ARM64_REG_Q0 + i: random.getrandbits(128) for i in range(32)}
    before |= {names.UC_ARM64_REG_SP: STACK + 0x8000, names.UC_ARM64_REG_NZCV: 0xA0000000}
    for each, value in before.items():
        machine.reg_write(each, value)
    machine.emu_start(AT, BACK + 4)
    assert {each: machine.reg_read(each) for each in before} == before
    below = struct.unpack("<100Q", machine.mem_read(STACK + 0x8000 - 800, 800))
    assert not any(AT <= word < AT + len(code) for word in below)
    return asked, bytes(machine.mem_read(PAGE + 20, 8))


def test_a_system_call_leaves_all_registers_as_they_were() -> None:
    code = aarch64.system_call(AT, BACK, 222, (1, 2, 3, 4, -1, 6))
    assert code is not None
    assert emulated(code)[0] == [[222, 1, 2, 3, 4, 2**64 - 1, 6]]


@pytest.mark.parametrize(
    ("up", "result", "told"), [(1, 0, (0, 1)), (1, 0xFFFF, (0xFFFF, 1)), (0, 0, (0, 2))], ids=["well", "full", "ending"]
)
def test_queueing_leaves_all_registers_as_they_were(up: int, result: int, told: tuple[int, int]) -> None:
    functions = (FUNCTIONS, FUNCTIONS + 0x1000, 0xAAAA)
    code = aarch64.call(AT, BACK, PAGE, functions, 0xBBBB, aarch64._CALL)
    assert code is not None
    asked, page = emulated(code, up, result)
    assert asked == ([[0xAAAA, 0xBBBB]] if up else [])
    assert struct.unpack("<iI", page) == told
