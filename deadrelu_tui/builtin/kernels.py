"""Which kernels OpenBLAS computes with: it picks those of the core that it believes to run on.

MXNet's wheel brings an OpenBLAS that takes the cores that came after it for those of 2007, and computes at half speed
there. What it is told by a variable it takes for granted.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CORE_TYPE = "OPENBLAS_CORETYPE"
"""Read by every OpenBLAS when it is loaded."""
HASWELL = ("avx2", "fma")
"""What a processor must have for the best kernels that every such OpenBLAS knows."""
OLD = frozenset({"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Barcelona", "Bulldozer"})
"""Cores whose kernels use nothing of what Haswell's have."""
_ASKED = ("openblas_get_corename", "openblas_get_corename64_", "scipy_openblas_get_corename64_")


@contextmanager
def of_this_core() -> Iterator[None]:
    """Have an OpenBLAS that is loaded meanwhile use kernels that fit this core, unless somebody has said which; those
    that are loaded already, and other processes, do not hear of it.
    """
    if CORE_TYPE in os.environ or not able():
        yield
        return
    os.environ[CORE_TYPE] = "Haswell"
    try:
        yield
    finally:
        del os.environ[CORE_TYPE]


def able() -> bool:
    """Return whether the processor has what Haswell's kernels need."""
    return set(HASWELL) <= _flags()


def mistaken(package: str) -> bool:
    """Return whether a package's OpenBLAS takes the processor for one that can much less."""
    return in_use().get(package) in OLD and able()


def for_others() -> Mapping[str, str]:
    """Return what to tell a process that loads NumPy anew, if this one's is mistaken."""
    return {CORE_TYPE: "Haswell"} if mistaken("numpy") else {}


def _flags() -> set[str]:
    """Return what the processor can, as Linux tells it; nothing elsewhere."""
    with suppress(OSError):
        found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        return set(found[1].split()) if found else set()
    return set()


def in_use() -> Mapping[str, str]:
    """Return the core whose kernels each OpenBLAS of this process uses, by the name of the package that brought it;
    nothing where Linux does not tell which libraries there are.
    """
    cores: dict[str, str] = {}
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        for path in dict.fromkeys(line.partition("/")[2] for line in lines if "openblas" in line):
            library = ctypes.CDLL(f"/{path}")
            for name in _ASKED:
                with suppress(AttributeError):
                    ask = getattr(library, name)
                    ask.restype = ctypes.c_char_p
                    package = Path(path).parent.name.partition(".")[0]
                    cores.setdefault(package, ask().decode("ascii", "replace"))
    return cores
