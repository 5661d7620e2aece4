"""Registers and machine code of x86-64."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from deadrelu_tui.entering.registers import Read, Seen

ELF = "EM_X86_64"
FUTEX, MMAP, MUNMAP = 202, 9, 11
ROOM = 320
"""Bytes that a stub takes, at most."""
FAR: int | None = None
"""How far code may lie from where it is to go back to."""
_RESTART = 219
_AX, _ORIGINAL, _PC, _CODE, _SP, _WORDS = 10, 15, 16, 17, 19, 27
_LONG_MODE = 0x33
_TABLE = 256

# Both stubs stand behind the 128 bytes below the stack pointer that a function may use without telling, save the flags
# and all registers that what they call may change, and end in a jump by way of memory, which changes none. What differs
# from one time to the next is in a table behind the code: the first word of it says where to go on.
#
#   lea rsp,[rsp-128]; pushfq; push rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
#   mov rax, rdi, rsi, rdx, r10, r8, r9 from the table; syscall
#   pop them again; popfq; lea rsp,[rsp+128]; jmp [table]
_SYSTEM_CALL = bytes.fromhex(
    "488d6424809c50515256574150415141524153488b05ee000000488b3def000000488b35f0000000488b15f10000004c8b15f20000004c8b05f3"
    "0000004c8b0df40000000f05415b415a415941585f5e5a59589d488da42480000000ff259e000000"
)
#   lea rsp,[rsp-128]; pushfq; push rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11; mov rbx,rsp
#   mov rbp,[page]; cld; and rsp,-64; mov eax,0x800e7; xor edx,edx; xsave64 [rbp+0x1000]
#   call [Py_IsInitialized]; mov edx,2; test eax,eax; je done
#   mov rdi,[PyRun_SimpleString]; mov rsi,[text]; call [Py_AddPendingCall]; mov [rbp+20],eax; mov edx,1
# done: mov qword [rsp-8],0         no return address into this code stays on the stack
#   mov [rbp+24],edx; mov eax,0x800e7; xor edx,edx; xrstor64 [rbp+0x1000]; mov rsp,rbx
#   pop them again; popfq; lea rsp,[rsp+128]; jmp [table]
# The mask is x87, SSE, AVX, AVX-512 and APX: all that a called function may change.
_CALL = bytes.fromhex(
    "488d6424809c5051525355565741504151415241534889e3488b2de9000000fc4883e4c0b8e700080031d2480faea500100000ff15d7000000ba"
    "0200000085c0741c488b3dd7000000488b35d8000000ff15c2000000894514ba0100000048c74424f800000000895518b8e700080031d2480fae"
    "ad001000004889dc415b415a415941585f5e5d5b5a59589d488da42480000000ff2566000000"
)
_WITHOUT_XSAVE = (
    (bytes.fromhex("480faea500100000"), "480fae8500100000"),
    (bytes.fromhex("480faead00100000"), "480fae8d00100000"),
)


def seen(raw: bytes, read: Read) -> Seen:
    """Return what matters of the registers.

    A system call that the stop has interrupted holds one of the kernel's own codes in rax. The kernel would now put the
    call's number back and step back onto the instruction, which is two bytes long, when it lets the thread go; as the
    thread goes elsewhere first, that is done here, in the same words: so the call restarts as if nothing had been. For
    a call with a time to wait that number is the one of "go on with what was begun", which knows until when.
    """
    del read
    words = list(struct.unpack(f"<{_WORDS}Q", raw))
    call = None
    if words[_ORIGINAL] < 1 << 63 and (code := 2**64 - words[_AX]) in (512, 513, 514, 516):
        call = words[_ORIGINAL]
        words[_AX] = _RESTART if code == 516 else call
        words[_PC] -= 2
    words[_ORIGINAL] = 2**64 - 1  # not in a call any more: the kernel restarts nothing by itself
    return Seen(words[_PC], words[_SP], call, tuple(words), words[_CODE] == _LONG_MODE)


def turned(registers: Seen, stub: int) -> bytes:
    """Return registers that go to a stub, all others as they are to be afterwards."""
    words = list(registers.words)
    words[_PC] = stub
    return struct.pack(f"<{_WORDS}Q", *words)


def system_call(at: int, back: int, number: int, arguments: Sequence[int]) -> bytes | None:
    """Return the code that asks the kernel for something, and goes back."""
    del at
    return _with_table(_SYSTEM_CALL, back, number, *arguments)


def call(at: int, back: int, page: int, functions: tuple[int, int, int], text: int, vectors: bytes) -> bytes | None:
    """Return the code that queues the text, if Python is still up, and goes back."""
    del at
    return _with_table(vectors, back, page, *functions, text)


def vectors(pid: int) -> bytes:
    """Return the code that queues a text, as this processor keeps its vector registers."""
    del pid
    code = _CALL
    if " xsave " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        for each, other in _WITHOUT_XSAVE:
            code = code.replace(each, bytes.fromhex(other))
    return code


def _with_table(code: bytes, *table: int) -> bytes:
    return code.ljust(_TABLE, b"\xcc") + struct.pack(f"<{len(table)}Q", *(word % 2**64 for word in table))
