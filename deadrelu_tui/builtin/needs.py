"""What a machine must have for MXNet and for PyTorch: the facts behind error messages and `doctor`, found out without
loading either. NumPy, the third engine, is always there.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deadrelu_tui.errors import InputError

PYTHON_FIRST, PYTHON_LAST = (3, 10), (3, 12)
"""The Pythons that MXNet works with."""
NUMPY_BELOW = 2
MXNET = "1.9.1"
EXTRA = "pip install 'deadrelu-tui[mxnet]', or in a clone: pip install '.[mxnet]'"
NATIVE_LIBRARIES = ("libgomp.so.1", "libquadmath.so.0")
"""What MXNet's wheel links to and a slim Debian lacks."""
GPU_WHEEL = "mxnet-cu112"
"""The build with CUDA, which takes the place of the package mxnet."""
TORCH_FROM, TORCH_FROM_FOR_NUMPY_2 = (2, 1), (2, 3)
TORCH_EXTRA = "pip install 'deadrelu-tui[torch]', or in a clone: pip install '.[torch]'"
GPUS = "/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"
"""Where Linux has a GPU of Nvidia, the last within Windows."""


def apt_line() -> str:
    """Return the command that brings the native libraries to Debian or Ubuntu; a bare container has no sudo."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return f"{'' if root else 'sudo '}apt-get install -y libgomp1 libquadmath0"


class Lack(NamedTuple):
    """Why an engine cannot be used."""

    found: str
    fix: str
    """What would bring it; empty where nothing can."""
    installed: bool


THREADS = (
    "OMP_NUM_THREADS", "MXNET_CPU_WORKER_NTHREADS", "MXNET_CPU_PRIORITY_NTHREADS", "MXNET_CPU_TEMP_COPY",
    "MXNET_CPU_PARALLEL_RAND_COPY", "MXNET_OMP_MAX_THREADS", "MXNET_GPU_WORKER_NTHREADS", "MXNET_GPU_COPY_NTHREADS",
    "MXNET_GPU_TEMP_COPY", "MXNET_GPU_PARALLEL_RAND_COPY",
)  # fmt: skip
"""Variables in which MXNet looks for a number of threads or of their scratch spaces. What is none ends the process
within native code, or has it wait for ever."""
TORCH_THREADS = "OMP_NUM_THREADS", "MKL_NUM_THREADS"
"""Those in which PyTorch looks: it starts as many threads as it is told, or ends when it cannot."""
MOST_THREADS = 1024
ENGINE_TYPES = ("NaiveEngine", "ThreadedEngine", "ThreadedEnginePerDevice")


def _threads_lack(names: Sequence[str]) -> Lack | None:
    """Return which of some variables is no number of threads."""
    for name in names:
        # OpenMP takes a list, of which the first number is for us.
        value = os.environ.get(name, "").partition("," if name == "OMP_NUM_THREADS" else "\0")[0].strip()
        if value and not (
            value.isdecimal() and value.isascii() and 1 <= len(value) <= 4 and 1 <= int(value) <= MOST_THREADS
        ):
            return Lack(f"{name} is {os.environ[name]!r}, not a number from 1 to {MOST_THREADS}", f"unset {name}", True)
    return None


def _variable_lack() -> Lack | None:
    """Return which variable of the environment MXNet would not survive."""
    if (lack := _threads_lack(THREADS)) is not None:
        return lack
    kind = os.environ.get("MXNET_ENGINE_TYPE", "")
    if kind and kind not in ENGINE_TYPES:
        return Lack(
            f"MXNET_ENGINE_TYPE is {kind!r}, not one of {', '.join(ENGINE_TYPES)}", "unset MXNET_ENGINE_TYPE", True
        )
    role = os.environ.get("DMLC_ROLE", "")
    if role not in ("", "worker"):
        return Lack(
            f"DMLC_ROLE is {role!r}: MXNet then serves other processes and does not train", "unset DMLC_ROLE", True
        )
    return None


def _numpy_version() -> str:
    """Return NumPy's version; it is not loaded for that, for its threads may be too many here (`room`)."""
    if (loaded := sys.modules.get("numpy")) is not None:
        return str(loaded.__version__)
    import importlib.metadata

    return importlib.metadata.version("numpy")


def mxnet_lack() -> Lack | None:
    """Return what keeps MXNet from being used here, as far as can be told without loading it."""
    first, last = (".".join(map(str, each)) for each in (PYTHON_FIRST, PYTHON_LAST))
    version, installed = sys.version_info[:2], importlib.util.find_spec("mxnet") is not None
    if not installed:
        import platform  # here, where it is needed, as below: a start should cost nothing

        here = f"{platform.system()} on {platform.machine()}"
        if here != "Linux on x86_64":
            return Lack(f"MXNet {MXNET} has no build for {here}", "", installed)
    if not PYTHON_FIRST <= version <= PYTHON_LAST:
        here = ".".join(map(str, version))
        fix = f"use Python {first} to {last}, and there in a clone: pip install '.[mxnet]'"
        return Lack(f"MXNet {MXNET} has no build for Python {here}", fix, installed)
    if not installed:
        return Lack("MXNet is not installed", EXTRA, installed)
    numpy = _numpy_version()
    if int(numpy.partition(".")[0]) >= NUMPY_BELOW:
        found = f"MXNet {MXNET} does not work with NumPy {numpy}"
        return Lack(found, f"pip install 'numpy<{NUMPY_BELOW}'", installed)
    return _variable_lack()


def mxnet_has_cuda() -> bool:
    """Return whether the MXNet that is installed may be a build with CUDA: those come by other names."""
    import importlib.metadata

    try:
        importlib.metadata.version("mxnet")
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


class TorchBuild(NamedTuple):
    """The PyTorch that is installed, as it is written down beside it."""

    version: str
    """Empty where it does not tell."""
    cuda: str
    """The CUDA, or the ROCm, that it was built with; empty for the CPU build."""


def torch_build() -> TorchBuild | None:
    """Return which PyTorch is installed, without loading it, which takes seconds; None if there is none."""
    found = importlib.util.find_spec("torch")
    if found is None:
        return None
    told = dict[str, str]()
    for folder in getattr(found, "submodule_search_locations", None) or ():
        try:
            text = Path(folder, "version.py").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        told = dict(re.findall(r"^(__version__|cuda|hip)\b[^=\n]*= *['\"]([^'\"]+)", text, re.MULTILINE))
    return TorchBuild(told.get("__version__", ""), told.get("cuda") or told.get("hip", ""))


def torch_lack() -> Lack | None:
    """Return what keeps PyTorch from being used here, as far as can be told without loading it."""
    build = torch_build()
    if build is None:
        return Lack("PyTorch is not installed", TORCH_EXTRA, False)
    version = tuple(map(int, re.findall(r"\d+", build.version)[:2]))
    if not version:
        return Lack("the module torch that is installed is not PyTorch, or damaged", TORCH_EXTRA, True)
    numpy = _numpy_version()
    if version < TORCH_FROM:
        because, least = "is too old", TORCH_FROM
    elif version < TORCH_FROM_FOR_NUMPY_2 and int(numpy.partition(".")[0]) >= NUMPY_BELOW:
        because, least = f"does not work with NumPy {numpy}", TORCH_FROM_FOR_NUMPY_2
    else:
        return _threads_lack(TORCH_THREADS)
    return Lack(f"PyTorch {build.version} {because}", f"pip install 'torch>={'.'.join(map(str, least))}'", True)


def gpu_is_here() -> bool:
    """Return whether there seems to be a GPU that this process may use."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    return not hidden and any(map(os.path.exists, GPUS))


def lack_of(engine: str) -> Lack | None:
    """Return what keeps an engine from being used here; None for NumPy."""
    return mxnet_lack() if engine == "mxnet" else torch_lack() if engine == "torch" else None


def require_engine(name: str) -> None:
    """Raise InputError where an engine is asked for by its name and cannot be there."""
    lack = lack_of(name)
    if lack is not None:
        fix = f"; {lack.fix}" if lack.fix else ""
        others = ["auto", *(each for each in ("mxnet", "torch") if each != name and lack_of(each) is None), "numpy"]
        raise InputError(f"engine {name} cannot be used: {lack.found}{fix}. Allowed here: {', '.join(others)}")
