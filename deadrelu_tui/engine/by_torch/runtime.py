"""The one import of PyTorch, and the devices it sees. Import this module in the training thread only."""

from __future__ import annotations

from typing import Any

import numpy as np

from deadrelu_tui.engine.loading import for_good
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line


def _import_torch() -> Any:
    try:
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


def gpus() -> int:
    """Return the number of GPUs that PyTorch can use; 0 for the CPU build."""
    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def device(name: str) -> Any:
    """Return PyTorch's device for 'auto', 'cpu' or 'gpu:N'. Raises InputError for a GPU that is not there.

    A GPU is taken only after it has computed something: no build has code for every card, and one without fails at the
    first operation, not before.
    """
    seen = gpus()
    if name == "cpu" or (name == "auto" and not seen):
        return torch.device("cpu")
    index = 0 if name == "auto" else int(name.removeprefix("gpu:"))
    if index >= seen:
        allowed = ", ".join(["auto", "cpu", *(f"gpu:{each}" for each in range(seen))])
        raise InputError(f"device {name} is not there: PyTorch sees {seen or 'no'} GPU(s). Allowed here: {allowed}")
    try:
        found = torch.device("cuda", index)
        torch.cuda.set_device(found)  # of this thread: memory of the host that a GPU writes to is asked of this one
        torch.ones((2, 2), device=found).mm(torch.ones((2, 2), device=found)).cpu()
    except RuntimeError as error:
        if name == "auto":
            return torch.device("cpu")
        raise InputError(
            f"device {name} cannot be used by this PyTorch ({in_a_line(error)}). Allowed here: auto, cpu"
        ) from error
    return found
