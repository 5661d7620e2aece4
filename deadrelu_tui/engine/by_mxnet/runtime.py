"""The one import of MXNet, and the devices it sees. Import this module in the training thread only."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any

import numpy as np

from deadrelu_tui.builtin import kernels
from deadrelu_tui.builtin.needs import apt_line
from deadrelu_tui.engine.loading import for_good
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line


def _import_mxnet() -> Any:
    # MXNet 1.9.1 reads np.bool at import, which NumPy 1.24 removed; setuptools gives Python 3.12 its distutils.
    if "bool" not in vars(np):
        np.bool = bool  # type: ignore[attr-defined]
    os.environ.setdefault("SETUPTOOLS_USE_DISTUTILS", "local")
    # All workers of a CPU take turns with so many scratch spaces. With MXNet's own 4 of them a look and a step would
    # wait for each other, though they have no array in common.
    os.environ.setdefault("MXNET_CPU_TEMP_COPY", "1024")
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if "," in threads:  # OpenMP takes a list, a number for each level of nesting; MXNet breaks off at one
        os.environ["OMP_NUM_THREADS"] = threads.partition(",")[0]
    try:
        if sys.version_info >= (3, 12):
            import setuptools  # noqa: F401 - installs its distutils, which MXNet imports
        else:
            # Where setuptools is installed, its shim would load all of it in place of Python's own distutils.
            with contextlib.suppress(ImportError):
                importlib.import_module("_distutils_hack").remove_shim()
        with kernels.of_this_core():
            import mxnet
    except OSError as error:
        if "cannot open shared object file" not in str(error):  # it is there; a system that is short of memory says so
            raise NoRoomError(f"MXNet cannot be loaded, there is too little memory: {in_a_line(error)}") from error
        library = str(error).partition(":")[0]
        raise InputError(
            f"MXNet cannot be loaded: the native library {library} is missing. On Debian or Ubuntu: {apt_line()}"
        ) from error
    except ImportError as error:
        raise InputError(
            f"MXNet cannot be imported ({error}). It needs Python 3.10 to 3.12, NumPy below 2 and mxnet 1.9.1"
        ) from error
    return mxnet


with for_good():
    mx: Any = _import_mxnet()


def gpus() -> int:
    """Return the number of GPUs that MXNet can use; 0 for the CPU build."""
    try:
        return int(mx.context.num_gpus())
    except mx.base.MXNetError:  # the CUDA build on a machine whose driver does not answer
        return 0


def device(name: str) -> Any:
    """Return MXNet's context for 'auto', 'cpu' or 'gpu:N'. Raises InputError for a GPU that is not there.

    A GPU is taken only after it has computed something: the CUDA wheels know no card newer than compute
    capability 8.6 and fail on those at the first operation, not before.
    """
    seen = gpus()
    if name == "cpu" or (name == "auto" and not seen):
        return mx.cpu()
    index = 0 if name == "auto" else int(name.removeprefix("gpu:"))
    try:
        if index < seen:
            context = mx.gpu(index)
            mx.nd.ones((2, 2), ctx=context).asnumpy()
            return context
    except mx.base.MXNetError as error:
        if name == "auto":
            return mx.cpu()
        raise InputError(
            f"device {name} cannot be used by this MXNet ({in_a_line(error)}). Allowed here: auto, cpu"
        ) from error
    allowed = ", ".join(["auto", "cpu", *(f"gpu:{each}" for each in range(seen))])
    raise InputError(f"device {name} is not there: MXNet sees {seen or 'no'} GPU(s). Allowed here: {allowed}")


def facts() -> dict[str, Any]:
    """Return what `doctor` says of MXNet: version, enabled features, number of GPUs."""
    features = [feature.name for feature in mx.runtime.feature_list() if feature.enabled]
    return {"version": mx.__version__, "features": features, "gpus": gpus()}
