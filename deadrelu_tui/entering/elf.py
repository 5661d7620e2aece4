"""Where functions of Python lie in another process: read from the files that it has mapped."""

from __future__ import annotations

import mmap
import os
import re
import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

from deadrelu_tui.entering.proc import Mapping
from deadrelu_tui.errors import InputError

_SYMBOL = struct.Struct("<IBBHQQ")
_SIZED = (1, 2)  # objects and functions


def open_mapped(pid: int, mapping: Mapping) -> BinaryIO:
    """Open the very file that a process has mapped, in its own mount namespace, even if it was deleted since."""
    for path in (
        f"/proc/{pid}/map_files/{mapping.start:x}-{mapping.end:x}",  # the surest, and for the privileged alone
        f"/proc/{pid}/root{mapping.path}",
        f"/proc/{pid}/exe",
    ):
        try:
            file = open(path, "rb")  # noqa: SIM115
        except OSError:
            continue
        # Devices differ between maps and stat on btrfs and overlays; the inode is the same.
        if os.fstat(file.fileno()).st_ino == mapping.inode:
            return file
        file.close()
    raise InputError(
        f"{mapping.path} of process {pid} was replaced or cannot be read, so where Python lies is not known"
    )


class Image:
    """An ELF file as a process has it mapped."""

    def __init__(self, file: BinaryIO, mappings: list[Mapping]) -> None:
        """Read the file's head; the mappings are those of this file."""
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile

        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._elf: Any = ELFFile(self._data)
        except ELFError as error:
            raise InputError(f"{mappings[0].path} is no ELF file: {error}") from None
        self.mappings = mappings
        self.machine = str(self._elf.header.e_machine)
        self.bits = int(self._elf.elfclass)

    @cached_property
    def _loads(self) -> list[tuple[int, int, int, int, int]]:
        """Offset, address, size in the file, size in memory and flags of what is loaded."""
        heads = [each.header for each in self._elf.iter_segments("PT_LOAD")]
        return [(head.p_offset, head.p_vaddr, head.p_filesz, head.p_memsz, head.p_flags) for head in heads]

    @cached_property
    def bias(self) -> int:
        """What is to be added to the file's addresses: 0 if it was linked for fixed ones."""
        first = min(self.mappings, key=lambda each: each.start)
        for offset, address, size, _, _ in self._loads:
            if offset - offset % mmap.PAGESIZE <= first.offset < offset + size:
                return first.start - (address - offset + first.offset)
        raise InputError(f"{first.path} is mapped in a way that its symbols cannot be found")

    @cached_property
    def symbols(self) -> dict[str, tuple[int, int]]:
        """Address in the process and size of each function and object, by name."""
        found: dict[str, tuple[int, int]] = {}
        for kind in ("SHT_DYNSYM", "SHT_SYMTAB"):
            for section in self._elf.iter_sections(kind):
                names = self._elf.get_section(section.header.sh_link).data()
                for name, info, _, place, value, size in _SYMBOL.iter_unpack(section.data()):
                    if place and info & 15 in _SIZED:
                        text = names[name : names.index(0, name)].decode(errors="replace")
                        found.setdefault(text, (self.bias + value, size))
        return found

    def slack(self, room: int) -> tuple[int, bytes] | None:
        """Return an address behind the code that is executable and that nothing uses, and what the file has there.

        A segment ends where it likes, and is mapped to the end of its page.
        """
        for offset, address, size, in_memory, flags in self._loads:
            end = offset + size
            at = self.bias + address + size
            at += -at % 16
            if not flags & 1 or in_memory != size:
                continue
            for each in self.mappings:
                if "x" in each.rights and "w" not in each.rights and each.start <= at and at + room <= each.end:
                    at_file = end + (at - self.bias - address - size)
                    return at, self._data[at_file : at_file + room].ljust(room, b"\0")
        return None

    def has(self, text: bytes) -> bool:
        """Tell whether the file has these bytes anywhere."""
        return self._data.find(text) >= 0

    def search(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """Return the first group of the first match in the file."""
        found = pattern.search(self._data)
        return bytes(found[1]) if found else None

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()


@dataclass(frozen=True)
class Functions:
    """Which function an address lies in."""

    starts: list[int]
    ends: list[int]
    names: list[str]
    ranges: tuple[tuple[int, int], ...] = field(default=())

    @classmethod
    def of(cls, image: Image) -> Functions:
        """Return the functions of an image, and where its code lies."""
        sized = sorted((at, at + size, name) for name, (at, size) in image.symbols.items() if size)
        code = tuple((each.start, each.end) for each in image.mappings if "x" in each.rights)
        return cls([each[0] for each in sized], [each[1] for each in sized], [each[2] for each in sized], code)

    def holds(self, address: int) -> bool:
        """Tell whether an address is in the code at all."""
        return any(start <= address < end for start, end in self.ranges)

    def name(self, address: int) -> str | None:
        """Return the function's name without what compilers append; None if it is not told."""
        i = bisect_right(self.starts, address) - 1
        return self.names[i].partition(".")[0] if i >= 0 and address < self.ends[i] else None
