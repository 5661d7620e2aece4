"""Every look at the probe set, so that any past step can be shown whole.

A look at 300 units is 11 kB, and a run of a million steps has ten thousand. What is more than MEMORY goes to an unnamed
file, which vanishes with the process; where none can be had, all stays in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Column
from deadrelu_tui.record.units import OF_EACH, Units

MEMORY = 2_000_000
"""Bytes of looks that are kept at hand, the newest ones."""
_ITEM = np.dtype(np.float32).itemsize


@dataclass(frozen=True)
class Looked:
    """Each layer's units as a look at the probe set found them, and the step of the look."""

    step: int
    layers: Mapping[str, Units]


_Form = tuple[tuple[str, int, str, int], ...]
"""Name, units, activation and bins of each layer of a look."""


class Looks:
    """The looks of a run, oldest first. One thread appends, any thread reads."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._steps, self._places, self._forms = Column(np.int64), Column(np.int64), Column(np.int64)
        self._known_forms: list[_Form] = []
        self._near: deque[tuple[int, Looked]] = deque()
        """Those at hand, each with its index."""
        self._bytes = self._written = 0
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return len(self._steps)

    def append(self, looked: Looked) -> None:
        """Add a look that is no earlier than those before."""
        self._near.append((len(self._steps), looked))
        self._steps.append(looked.step)
        self._bytes += _size(_form(looked))
        while self._bytes > self._memory and len(self._near) > 1 and self._move_out(self._near[0][1]):
            self._bytes -= _size(_form(self._near.popleft()[1]))

    def _move_out(self, looked: Looked) -> bool:
        form = _form(looked)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the run is looked at
            data = b"".join(
                np.ascontiguousarray(getattr(units, name), np.float32).tobytes()
                for units in looked.layers.values()
                for name in (*OF_EACH, "spread")
            )
            done = 0
            while done < len(data):
                done += os.pwrite(self._file.fileno(), data[done:], self._written + done)
        except OSError:
            self._memory = 2 * self._bytes  # not to be tried anew with every look
            return False
        if form not in self._known_forms:
            self._known_forms.append(form)
        self._forms.append(self._known_forms.index(form))
        self._places.append(self._written)
        self._written += len(data)
        return True

    def upto(self, step: int) -> int:
        """Return how many looks there are up to a step, its own included."""
        return int(np.searchsorted(self._steps.view(), step, side="right"))

    def steps(self, count: int) -> npt.NDArray[np.int64]:
        """Return the steps of the first so many looks."""
        return self._steps.view(count)

    def at(self, index: int) -> Looked:
        """Return one of the looks, by its index."""
        near = tuple(self._near)  # one call: what is moved out meanwhile is still here
        found = next((each for number, each in reversed(near) if number == index), None)
        if found is not None:
            return found
        assert self._file is not None
        step = int(self._steps.view()[index])
        form = self._known_forms[int(self._forms.view()[index])]
        data = os.pread(self._file.fileno(), _size(form), int(self._places.view()[index]))
        numbers, layers, at = np.frombuffer(data, np.float32), {}, 0
        for name, units, activation, bins in form:
            behind = at + units * len(OF_EACH)
            columns = numbers[at:behind].reshape(len(OF_EACH), units)
            at = behind + bins
            layers[name] = Units(activation, **dict(zip(OF_EACH, columns, strict=True)), spread=numbers[behind:at])
        return Looked(step, layers)


def _form(looked: Looked) -> _Form:
    return tuple((name, len(units), units.activation, len(units.spread)) for name, units in looked.layers.items())


def _size(form: _Form) -> int:
    return sum(units * len(OF_EACH) + bins for _, units, _, bins in form) * _ITEM
