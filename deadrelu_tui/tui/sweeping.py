"""What the map of a sweep knows of whoever computes it."""

from __future__ import annotations

from typing import Protocol

from deadrelu_tui.sweep.chart import Chart


class Sweeping(Protocol):
    """A sweep as its map sees it."""

    @property
    def chart(self) -> Chart:
        """What came of it so far. Another thread adds to it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def where(self) -> str:
        """Who computes it: 2 workers here."""

    @property
    def waiting(self) -> str:
        """Why nothing goes on just now; empty if it does."""

    @property
    def taken(self) -> int:
        """How many of its runs were recorded before it began."""

    @property
    def unrecorded(self) -> str:
        """Why what is computed is not recorded just now; empty if it is, or was never to be."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""

    @property
    def error(self) -> BaseException | None:
        """What ended it before its end, if anything did."""

    @property
    def seconds(self) -> float:
        """How long it has gone on, or has taken in all."""

    def stop(self) -> None:
        """Have it begin nothing more."""
