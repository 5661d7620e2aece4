"""Names of layers and parameters, which may be long, in as many columns as there are."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

_LEAST = 8
"""Columns that a name has in any case."""
_TELLS = 11
"""Columns in which a name can be told from others: …31.mlp.act."""


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
    return f"{kept}…{_from_a_word_on(name, rest)}"


def _from_a_word_on(name: str, rest: str) -> str:
    """Return the end of a name without the half of a word that it begins with; a number, even cut, tells something."""
    before = name[: len(name) - len(rest)][-1:]
    half, dot, more = rest.partition(".")
    return more if dot and more and half.isalpha() and before.isalpha() else rest


_SUM = "Σ∂L/∂"


def entitled(parts: list[tuple[str, str]], room: int) -> list[tuple[str, str]]:
    """Return a title of (text, role) that is too long so that its name, the first part, and its first value have room.

    What has none after that is for others to leave out. A share stands in its line's colour and can do without its
    words: 95.8 % for never fires 95.8 %.
    """
    if not parts:
        return parts
    (name, role), *others = parts
    values = [text for text, each in others if each != "axis"]

    def left(beside: list[str]) -> int:
        return room - sum(cell_len(text) + 1 for text in beside)

    if left(values[:1]) > cell_len(name):  # a panel sets them two columns apart
        return parts
    bare = [_bare(text) for text in values]
    columns = left(bare) if left(bare) >= _TELLS else left(bare[:1])
    return [(shortened(name, max(columns, _LEAST)), role), *((_bare(text), each) for text, each in others)]


def _bare(text: str) -> str:
    """Return a share without its words."""
    return " ".join(text.split()[-2:]) if text.endswith("%") else text
