"""Registers and machine code of 64-bit ARM. Tested by an emulator only: it has not yet met such a processor."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from deadrelu_tui.entering.registers import Read, Seen

ELF = "EM_AARCH64"
FUTEX, MMAP, MUNMAP = 98, 222, 215
ROOM = 1072
FAR = 1 << 27
"""How far code may lie from where it is to go back to: no instruction that goes further leaves all registers alone."""
_RESTART, _SLEEP, _SLEEP_ON = 128, 101, 115
_SYSTEM_CALL_INSTRUCTION = b"\x01\x00\x00\xd4"
_BRANCH = 0x14000000
_NUMBER, _SP, _PC, _WORDS = 8, 31, 32, 34
_HARDWARE, _SVE = 16, 1 << 22
_TABLE = 1024

# As on x86-64, but the stack pointer needs no distance, and the branch back is made for where it goes to. The table is
# read by distance from the instruction.
#
#   stp x0 to x5, x8 to x10, x30; ldr x8, x0 to x5 from the table; svc #0; ldp them again
_SYSTEM_CALL = bytes.fromhex(
    "e007bba9e20f01a9e41702a9e82703a9ea7b04a9a81f0058c01f0058e11f005802200058232000584420005865200058010000d4ea7b44a9"
    "e82743a9e41742a9e20f41a9e007c5a8"
)
#   stp x0 to x21, nzcv, x30; mov x19,sp; ldr x20,page; add x9,x20,#0x1000; stp q0 to q31, fpsr, fpcr at x9
#   ldr x9,Py_IsInitialized; blr x9; mov w10,#2; cbz w0,done
#   ldr x0,PyRun_SimpleString; ldr x1,text; ldr x9,Py_AddPendingCall; blr x9; str w0,[x20,#20]; mov w10,#1
# done: stp xzr,xzr 16 times below sp   no return address into this code stays on the stack
#   str w10,[x20,#24]; ldp q0 to q31, fpsr, fpcr; mov sp,x19; ldp all others
_CALL = bytes.fromhex(
    "e007b4a9e20f01a9e41702a9e61f03a9e82704a9ea2f05a9ec3706a9ee3f07a9f04708a9f24f09a9f4570aa909423bd5e97b0ba9f3030091"
    "941e005889064091200500ad220d01ad241502ad261d03ad282504ad2a2d05ad2c3506ad2e3d07ad304508ad324d09ad34550aad365d0bad"
    "38650cad3a6d0dad3c750ead3e7d0fad2a443bd50b443bd52a0101f92b0501f9091c005820013fd64a008052e0000034001c0058211c0058"
    "891b005820013fd6801600b92a008052ff7f3fa9ff7f3ea9ff7f3da9ff7f3ca9ff7f3ba9ff7f3aa9ff7f39a9ff7f38a9ff7f37a9ff7f36a9"
    "ff7f35a9ff7f34a9ff7f33a9ff7f32a9ff7f31a9ff7f30a98a1a00b989064091200540ad220d41ad241542ad261d43ad282544ad2a2d45ad"
    "2c3546ad2e3d47ad304548ad324d49ad34554aad365d4bad38654cad3a6d4dad3c754ead3e7d4fad2a0141f92b0541f92a441bd50b441bd5"
    "7f020091e97b4ba909421bd5f4574aa9f24f49a9f04748a9ee3f47a9ec3746a9ea2f45a9e82744a9e61f43a9e41742a9e20f41a9e007cca8"
)
# The same for processors with scalable vectors: z0 to z31 at x9+0x400, p0 to p15 and ffr at x9+0x2400, whatever their
# length; writing a q register clears the rest of its z register, so these are put back last.
_CALL_SCALABLE = bytes.fromhex(
    "e007b4a9e20f01a9e41702a9e61f03a9e82704a9ea2f05a9ec3706a9ee3f07a9f04708a9f24f09a9f4570aa909423bd5e97b0ba9f3030091"
    "941e005889064091200500ad220d01ad241502ad261d03ad282504ad2a2d05ad2c3506ad2e3d07ad304508ad324d09ad34550aad365d0bad"
    "38650cad3a6d0dad3c750ead3e7d0fad2a443bd50b443bd52a0101f92b0501f92a011091404180e5414580e5424980e5434d80e5445180e5"
    "455580e5465980e5475d80e5484181e5494581e54a4981e54b4d81e54c5181e54d5581e54e5981e54f5d81e5504182e5514582e5524982e5"
    "534d82e5545182e5555582e5565982e5575d82e5584183e5594583e55a4983e55b4d83e55c5183e55d5583e55e5983e55f5d83e52a094091"
    "4a011091400180e5410580e5420980e5430d80e5441180e5451580e5461980e5471d80e5480181e5490581e54a0981e54b0d81e54c1181e5"
    "4d1581e54e1981e54f1d81e500f01925400182e56915005820013fd64a008052e00000346015005881150058e914005820013fd6801600b9"
    "2a008052ff7f3fa9ff7f3ea9ff7f3da9ff7f3ca9ff7f3ba9ff7f3aa9ff7f39a9ff7f38a9ff7f37a9ff7f36a9ff7f35a9ff7f34a9ff7f33a9"
    "ff7f32a9ff7f31a9ff7f30a98a1a00b989064091200540ad220d41ad241542ad261d43ad282544ad2a2d45ad2c3546ad2e3d47ad304548ad"
    "324d49ad34554aad365d4bad38654cad3a6d4dad3c754ead3e7d4fad2a0141f92b0541f92a441bd50b441bd52a0110914041808541458085"
    "42498085434d8085445180854555808546598085475d808548418185494581854a4981854b4d81854c5181854d5581854e5981854f5d8185"
    "504182855145828552498285534d8285545182855555828556598285575d828558418385594583855a4983855b4d83855c5183855d558385"
    "5e5983855f5d83852a0940914a0110914001828500902825400180854105808542098085430d8085441180854515808546198085471d8085"
    "48018185490581854a0981854b0d81854c1181854d1581854e1981854f1d81857f020091e97b4ba909421bd5f4574aa9f24f49a9f04748a9"
    "ee3f47a9ec3746a9ea2f45a9e82744a9e61f43a9e41742a9e20f41a9e007cca8"
)


def seen(raw: bytes, read: Read) -> Seen:
    """Return what matters of the registers.

    Where a system call was interrupted, the kernel has already put everything back to begin it again, and does not tell
    whether it is to be begun anew or gone on with. Those that wait for a time from now are gone on with, by the number
    that the kernel would have taken.
    """
    words = list(struct.unpack(f"<{_WORDS}Q", raw))
    call = None
    if read(words[_PC], 4) == _SYSTEM_CALL_INSTRUCTION:
        call = words[_NUMBER]
        relative = (
            call == _SLEEP
            or (call == _SLEEP_ON and not words[1] & 1)
            or (call == FUTEX and words[1] & 127 == 0 and words[3] != 0)
        )
        if relative:
            words[_NUMBER] = _RESTART
    return Seen(words[_PC], words[_SP], call, tuple(words), len(raw) == 8 * _WORDS)


def turned(registers: Seen, stub: int) -> bytes:
    """Return registers that go to a stub, all others as they are to be afterwards."""
    words = list(registers.words)
    words[_PC] = stub
    return struct.pack(f"<{_WORDS}Q", *words)


def system_call(at: int, back: int, number: int, arguments: Sequence[int]) -> bytes | None:
    """Return the code that asks the kernel for something, and goes back; None if that is too far away."""
    return _with_table(_SYSTEM_CALL, at, back, number, *arguments)


def call(at: int, back: int, page: int, functions: tuple[int, int, int], text: int, vectors: bytes) -> bytes | None:
    """Return the code that queues the text, if Python is still up, and goes back; None if that is too far away."""
    return _with_table(vectors, at, back, page, *functions, text)


def vectors(pid: int) -> bytes:
    """Return the code that queues a text, as this processor keeps its vector registers."""
    told = Path(f"/proc/{pid}/auxv").read_bytes()
    pairs = dict(struct.iter_unpack("<QQ", told[: len(told) // 16 * 16]))
    return _CALL_SCALABLE if pairs.get(_HARDWARE, 0) & _SVE else _CALL


def _with_table(code: bytes, at: int, back: int, *table: int) -> bytes | None:
    distance = back - (at + len(code))
    if not -FAR <= distance < FAR:
        return None
    branch = (_BRANCH | distance // 4 & 0x3FFFFFF).to_bytes(4, "little")
    words = struct.pack(f"<{len(table) + 1}Q", 0, *(word % 2**64 for word in table))
    return (code + branch).ljust(_TABLE, b"\0") + words
