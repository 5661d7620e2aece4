"""How far something is that takes a while: a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told what is done."""

    def advance(self, by: float) -> None:
        """Say that so much more is done."""

    def tell(self, what: str) -> None:
        """Say what is being done."""


@contextmanager
def progress(total: float, unit: str) -> Iterator[Progress]:
    """Show on stderr how much of a total is done, if that is a terminal."""
    if not sys.stderr.isatty():
        yield _Nothing()
        return
    bar = _Bar(total, unit)
    try:
        yield bar
    finally:
        bar.close()


class _Nothing:
    def advance(self, by: float) -> None:
        pass

    def tell(self, what: str) -> None:
        pass


class _Bar:
    def __init__(self, total: float, unit: str) -> None:
        from tqdm import tqdm

        layout = "{desc}{percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f}{unit} [{elapsed}<{remaining}]"
        self._tqdm = tqdm(
            total=total, unit=f" {unit}", file=sys.stderr, leave=False, dynamic_ncols=True, bar_format=layout
        )

    def advance(self, by: float) -> None:
        # Shares of a whole add up to a hair more than it, of which tqdm would warn.
        self._tqdm.update(min(by, self._tqdm.total - self._tqdm.n))

    def tell(self, what: str) -> None:
        self._tqdm.set_description_str(f"{what} ", refresh=True)

    def close(self) -> None:
        self._tqdm.close()
