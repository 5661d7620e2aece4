"""The one import of PyTorch, and the devices it sees. Import this module in the training thread only."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from deadrelu_tui.engine.loading import for_good
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line

SPINS = "GOMP_SPINCOUNT", "1000"
"""How often OpenMP's threads look for work before they sleep. By its own choice they spin for as long as anybody may
want them, and where the screen, trials or another program want the cores a step takes ten times as long."""
SAID = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@contextmanager
def _brief_spins() -> Iterator[None]:
    """Have an OpenMP that is loaded meanwhile wait so, unless somebody has said how; no other process hears of it."""
    if any(name in os.environ for name in SAID):
        yield
        return
    os.environ[SPINS[0]] = SPINS[1]
    try:
        yield
    finally:
        del os.environ[SPINS[0]]


def _import_torch() -> Any:
    try:
        with _brief_spins():
            import torch

        torch.from_numpy(np.zeros(1, np.float32))  # one that was built for another NumPy is imported, and fails here
    except OSError as error:
        if "cannot open shared object file" not in str(error):
            raise NoRoomError(f"PyTorch cannot be loaded, there is too little memory: {in_a_line(error)}") from error
        raise InputError(f"PyTorch cannot be loaded: {in_a_line(error)}") from error
    except (ImportError, AttributeError, RuntimeError) as error:
        raise InputError(f"PyTorch cannot be imported ({in_a_line(error)})") from error
    return torch


with for_good():
    torch: Any = _import_torch()


def gpus() -> tuple[int, str]:
    """Return the number of GPUs that PyTorch can use, and where it can use none what it says of that."""
    with warnings.catch_warnings(record=True) as told:  # of a driver that is too old, for one
        warnings.simplefilter("always")
        count = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if count or told:
        return count, "" if count else in_a_line(Warning(told[0].message))
    with_cuda = torch.version.cuda or torch.version.hip
    return 0, "" if with_cuda else "it is a build for the CPU alone"


def device(name: str) -> Any:
    """Return PyTorch's device for 'auto', 'cpu' or 'gpu:N'. Raises InputError for a GPU that is not there.

    A GPU is taken only after it has computed something: no build has code for every card, and one without fails at the
    first operation, not before.
    """
    if name == "cpu":
        return torch.device("cpu")
    seen, why = gpus()
    index = 0 if name == "auto" else int(name.removeprefix("gpu:"))
    try:
        if index < seen:
            return _working(torch.device("cuda", index))
    except RuntimeError as error:
        why = in_a_line(error)
    if name == "auto":
        return torch.device("cpu")
    if index < seen:
        raise InputError(f"device {name} cannot be used by this PyTorch ({why}). Allowed here: auto, cpu")
    allowed = ", ".join(["auto", "cpu", *(f"gpu:{each}" for each in range(seen))])
    told = f"{seen or 'no'} GPU(s){f' ({why})' if why else ''}"
    raise InputError(f"device {name} is not there: PyTorch sees {told}. Allowed here: {allowed}")


def _working(gpu: Any) -> Any:
    """Make a GPU that of this thread, and return it once it has computed something."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of code that is missing for it: what it computes will show
        torch.cuda.set_device(gpu)  # memory of the host that a GPU writes to is asked of this one
        some = torch.ones((2, 2), device=gpu)
        some.mm(some).cpu()
    return gpu
