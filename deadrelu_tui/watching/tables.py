"""Tables of which a network chooses: the codes of a codebook, the experts of a mixture. An entry is a unit that fires
when it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.metrics import Quantity, quantity
from deadrelu_tui.record.network import Layer
from deadrelu_tui.record.units import DEFINITIONS
from deadrelu_tui.watching.told import Read

Counts = npt.NDArray[np.int64]
MOST_ENTRIES = 4_000_000
OFTEN = 100
"""Choices for each entry of a table after which one that none of them was is dead."""


class Table(Protocol):
    """Counts choices, wherever a framework has them."""

    def add(self, indices: Any) -> None:
        """Count choices. Raises InputError for what is no whole number."""

    def take(self) -> Callable[[], Counts]:
        """Return what reads back how often each entry was chosen since the last time, and as the last number how often
        one that there is not.
        """


class Counted:
    """Counts choices that are at hand: lists, and arrays of NumPy's."""

    def __init__(self, size: int) -> None:
        """Take how many entries there are."""
        self._size, self._counts = size, np.zeros(size + 1, np.int64)

    def add(self, indices: Any) -> None:
        """Count choices. Raises InputError for what is no whole number."""
        self._counts += counts_of(indices, self._size)

    def take(self) -> Callable[[], Counts]:
        """Return what gives the counts since the last time."""
        counts, self._counts = self._counts, np.zeros(self._size + 1, np.int64)
        return lambda: counts


class Tables:
    """What a training counts, by the names that it gives."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[int, Table]] = {}

    def count(
        self, name: str, indices: Any, size: int, make: Callable[[int], Table], layers: Container[str]
    ) -> bool:  # fmt: skip
        """Count choices; return whether the table is new. Raises InputError for a size that cannot be, or another than
        before, for the name of a layer, and for indices that are none.
        """
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"count({name!r}, …): size is the number of entries, not {size!r}")
        if size > MOST_ENTRIES:
            raise InputError(f"count({name!r}, …): at most {MOST_ENTRIES} entries are counted, not {size}")
        known, table = self._tables.get(name, (size, None))
        if known != size:
            raise InputError(f"count({name!r}, …): it had {known} entries before, not {size}")
        new = table is None
        if new and name in layers:
            raise InputError(f"count({name!r}, …): a layer of the network is called so")
        table = table or make(size)
        table.add(indices)
        self._tables[name] = size, table
        return new

    def take(self) -> list[Callable[[], Read]]:
        """Return what reads back the choices since the last time, table by table."""
        return [_reader(name, table.take()) for name, (_, table) in self._tables.items()]


def _reader(name: str, counts: Callable[[], Counts]) -> Callable[[], Read]:
    def read() -> Read:
        chosen = counts()
        if not chosen[:-1].any():
            return Read({}, {}, {})  # nothing was counted at this step: nothing is known of it
        return Read({f"silent_fraction/{name}": float(np.mean(chosen[:-1] == 0))}, {}, {}, {name: chosen[:-1]})

    return read


def counts_of(indices: Any, size: int) -> Counts:
    """Return how often each entry is among some indices, (size + 1,): the last number is of those that are outside.

    Raises InputError for what is no whole number.
    """
    found = np.asarray(indices).reshape(-1)
    if not len(found):
        return np.zeros(size + 1, np.int64)
    require_whole(found.dtype.kind in "iu", found.dtype)
    whole = found.astype(np.int64, copy=False)
    inside = (whole >= 0) & (whole < size)
    return np.bincount(np.where(inside, whole, size), minlength=size + 1)


def require_whole(so: bool, what: object) -> None:
    """Raise InputError for indices that are none."""
    if not so:
        raise InputError(f"count() takes the indices of entries, whole numbers, not {what}")


def layer_of(name: str, size: int) -> Layer:
    """Return a table as a layer."""
    return Layer(name, size, CHOSEN)


def told_of(name: str) -> tuple[Quantity, ...]:
    """Return what is told of a table."""
    return tuple(quantity(each.metric, name) for each in DEFINITIONS if each.applies(CHOSEN))


def silence(size: int, window: int | None) -> int:
    """Return after how many choices of others an entry is dead: a window if one is given, else so many that chance
    would leave out one of equal entries with a probability of exp(−OFTEN).
    """
    return OFTEN * size if window is None else window
