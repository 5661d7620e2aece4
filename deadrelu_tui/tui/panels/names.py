"""Names of layers and parameters, which may be long, in as many columns as there are."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

_LEAST = 8
"""Columns in which a name can still be told from others."""


def named_in(names: Iterable[str], width: int) -> int:
    """Return the columns for some names: as many as the longest has, but not over a third of the width."""
    return min(max(map(cell_len, names), default=0), max(1, width // 3))


def fitted(name: str, columns: int) -> str:
    """Return a name in so many columns; of one that is longer the end, which is what tells layers apart."""
    return set_cell_size(shortened(name, columns), columns)


def shortened(name: str, columns: int) -> str:
    """Return a name in at most so many columns, its beginning left out: …31.mlp.act, Σ∂L/∂…mlp.weight."""
    if cell_len(name) <= columns:
        return name
    kept = _SUM if name.startswith(_SUM) else ""
    rest = name[len(kept) :]
    while rest and cell_len(kept) + 1 + cell_len(rest) > columns:
        rest = rest[1:]
    return f"{kept}…{rest}"


_SUM = "Σ∂L/∂"


def entitled(parts: list[tuple[str, str]], room: int) -> list[tuple[str, str]]:
    """Return a title of (text, role) whose name, the first part, leaves the others their columns where it can."""
    if not parts:
        return parts
    (name, role), *others = parts
    left = room - sum(len(text) + 1 for text, _ in others)
    return [(shortened(name, max(left, _LEAST)), role), *others]
