"""Numbers on their way from a device: copied behind the work that makes them, and waited for in another thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def later(tensor: torch.Tensor | None) -> Callable[[], Any]:
    """Return what gives a tensor as an array, once it is computed; nothing of the training waits for that."""
    if tensor is None:
        return lambda: None
    tensor = tensor.detach()
    if tensor.device.type != "cuda":
        here = tensor.cpu().numpy()
        return lambda: here
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    done = torch.cuda.Event()
    done.record(torch.cuda.current_stream(tensor.device))

    def arrived() -> Any:
        done.synchronize()  # gives up the interpreter's lock meanwhile
        return host.numpy()

    return arrived
