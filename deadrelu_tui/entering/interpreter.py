"""Which Python a process runs, and where its functions lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.elf import Functions, Image, open_mapped
from deadrelu_tui.entering.proc import Mapping

_LIBRARY = re.compile(r"libpython(\d)\.?(\d*)(t?)d?m?\.so")
_PROGRAM = re.compile(r"python(\d)\.(\d+)(t?)d?$")
_TEXT = re.compile(rb"\x00(\d\.\d+)\.\d+(?:(?:a|b|rc)\d+)?\+?\x00")
_CALLED = ("Py_IsInitialized", "Py_AddPendingCall", "PyRun_SimpleString")
OLDEST, LAST_ENTERED = (3, 10), (3, 13)


@dataclass(frozen=True)
class Interpreter:
    """A Python as a process has it mapped."""

    version: tuple[int, int]
    free_threaded: bool
    machine: str
    bits: int
    calls: tuple[int, int, int] | None
    """Where Py_IsInitialized, Py_AddPendingCall and PyRun_SimpleString are; None if the file does not say."""
    functions: Functions


def interpreter(pid: int, mappings: list[Mapping]) -> Interpreter | None:
    """Return the Python that a process runs; None if it runs none."""
    for own in _candidates(pid, mappings):
        with image(pid, own) as looked_at:
            symbols = looked_at.symbols
            version = _version(pid, looked_at)
            named = _LIBRARY.match(own[0].name)
            if not named and "Py_AddPendingCall" not in symbols and not _PROGRAM.search(own[0].name):
                continue
            if version is None:
                continue
            calls = tuple(symbols[each][0] for each in _CALLED if each in symbols)
            free = looked_at.has(b"free-threading build")
            return Interpreter(
                version,
                free,
                looked_at.machine,
                looked_at.bits,
                (calls[0], calls[1], calls[2]) if len(calls) == len(_CALLED) else None,
                Functions.of(looked_at),
            )
    return None


@contextmanager
def image(pid: int, mappings: list[Mapping]) -> Iterator[Image]:
    """Open an ELF file that a process has mapped."""
    with open_mapped(pid, mappings[0]) as file:
        looked_at = Image(file, mappings)
    try:
        yield looked_at
    finally:
        looked_at.close()


def by_file(mappings: list[Mapping]) -> dict[str, list[Mapping]]:
    """Return the mappings of each file that has code mapped."""
    code = {each.path for each in mappings if "x" in each.rights and each.inode and each.path.startswith("/")}
    found: dict[str, list[Mapping]] = {}
    for each in mappings:
        if each.path in code:
            found.setdefault(each.path, []).append(each)
    return found


def _candidates(pid: int, mappings: list[Mapping]) -> Iterator[list[Mapping]]:
    """Yield the mappings of the shared library of Python, then those of the program itself."""
    files = by_file(mappings)
    libraries = [own for own in files.values() if _LIBRARY.match(own[0].name)]
    yield from libraries
    if not libraries:
        program = proc.program(pid)
        yield from (own for path, own in files.items() if path == program)


def _version(pid: int, looked_at: Image) -> tuple[int, int] | None:
    if place := looked_at.symbols.get("Py_Version"):
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(place[0])
            word = int.from_bytes(memory.read(4), "little")
        return word >> 24, word >> 16 & 255
    name = looked_at.mappings[0].name
    if (told := _LIBRARY.match(name) or _PROGRAM.search(name)) and told[2]:
        return int(told[1]), int(told[2])
    if "Py_AddPendingCall" in looked_at.symbols and (text := looked_at.search(_TEXT)):
        major, minor = text.split(b".")
        return int(major), int(minor)
    return None
