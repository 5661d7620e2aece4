"""Choices from a table, counted where PyTorch has them: nothing of the training waits for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from deadrelu_tui.watching.by_torch.readback import later
from deadrelu_tui.watching.tables import Counted, Counts, counts_of, require_whole


class Chosen:
    """Counts choices on each device that has some."""

    def __init__(self, size: int) -> None:
        """Take how many entries there are."""
        self._size, self._here = size, Counted(size)
        self._there: dict[torch.device, torch.Tensor] = {}

    def add(self, indices: Any) -> None:
        """Count choices. Raises InputError for what is no whole number."""
        if not isinstance(indices, torch.Tensor):
            self._here.add(indices)
            return
        kind = indices.dtype
        require_whole(not (kind.is_floating_point or kind.is_complex or kind == torch.bool), kind)
        if indices.device.type == "cpu":
            self._here.add(indices.detach().numpy())
            return
        chosen = indices.detach().reshape(-1).long()
        # An index outside would end the program there, and to ask whether there is one would have it wait.
        chosen = torch.where((chosen >= 0) & (chosen < self._size), chosen, self._size)
        counts = self._there.get(chosen.device)
        if counts is None:
            counts = self._there[chosen.device] = torch.zeros(self._size + 1, dtype=torch.int64, device=chosen.device)
        counts.scatter_add_(0, chosen, torch.ones_like(chosen))

    def take(self) -> Callable[[], Counts]:
        """Return what reads back the counts since the last time."""
        reads = [self._here.take(), *(later(each) for each in self._there.values())]
        self._there = {}
        return lambda: sum((each() for each in reads), start=counts_of([], self._size))
