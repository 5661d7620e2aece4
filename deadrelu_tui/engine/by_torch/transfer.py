"""What goes to the device and comes back, and when it is there. On the CPU everything is done when a call returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deadrelu_tui.engine.by_torch.runtime import torch
from deadrelu_tui.record.columns import Floats


class Mark(Protocol):
    """A place in what a device has to do: PyTorch's event of a GPU."""

    def record(self) -> None:
        """Put it behind all that was asked for so far."""

    def query(self) -> bool:
        """Return whether the device has come to it."""

    def synchronize(self) -> None:
        """Wait until the device has come to it."""


class _Passed:
    """The mark of a CPU."""

    def record(self) -> None: ...

    def query(self) -> bool:
        return True

    def synchronize(self) -> None: ...


def make_mark(device: Any) -> Mark:
    """Return a mark for a device; who waits at that of a GPU leaves the processor to others."""
    if device.type != "cuda":
        return _Passed()
    mark: Mark = torch.cuda.Event(blocking=True)
    return mark


def host_like(tensor: Any) -> Any:
    """Return memory of the host for what a tensor holds; a GPU reads and writes it beside what the host does."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)


def on_its_way(tensors: Sequence[Any]) -> list[Any]:
    """Queue copies to the host, which are there once a mark behind them is passed."""
    return [host_like(each).copy_(each, non_blocking=True) for each in tensors]


def arrays(tensors: Sequence[Any]) -> list[Floats]:
    """Return tensors of the host as arrays, of the same memory."""
    return [each.numpy() for each in tensors]


class Slot:
    """The memory of the host for a step: the indices of its images, what is told of it, and the mark behind that.

    As many steps may be under way as there are slots; the device is done with one as soon as its mark is passed.
    """

    def __init__(self, index: Any, told: Any, device: Any) -> None:
        self._index, self._told, self._mark = host_like(index), host_like(told), make_mark(device)

    def send(self, batch: npt.NDArray[np.int64], to: Any) -> None:
        """Queue the copy of a batch's indices to the device."""
        sent = self._index[: len(batch)]
        sent.copy_(torch.from_numpy(batch))
        to.copy_(sent, non_blocking=True)

    def ask(self, told: Any) -> None:
        """Queue the copy of what is told, the last that a step asks for."""
        self._told.copy_(told, non_blocking=True)
        self._mark.record()

    def is_there(self) -> bool:
        """Return whether it can be read without waiting."""
        return self._mark.query()

    def read(self) -> Floats:
        """Wait for it and return it; it stands until the slot is used again."""
        self._mark.synchronize()
        told: Floats = self._told.numpy()
        return told
