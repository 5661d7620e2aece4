"""What whoever has entered a process can do there, whichever way he has come in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Entered")


class Entered(ABC):
    """A text of ours in another process; closed, it leaves nothing there."""

    failed = False
    """Whether the text has raised: its answer is the traceback."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def stops(self) -> tuple[float, ...]:
        """For how long the process was held each time, in seconds, from before it stood to after it went on."""

    @abstractmethod
    def begun(self) -> bool:
        """Tell whether the text runs, or has run."""

    @abstractmethod
    def answer(self, timeout: float) -> bytes | None:
        """Return what the text has answered, b"" if it ended without a word; None if it does not come in time."""

    @abstractmethod
    def peek(self, at: int, size: int) -> bytes:
        """Return some of the process's memory, at an address of its own. Raises InputError if it has ended."""

    @abstractmethod
    def withdraw(self, why: str) -> None:
        """Make it certain that the text does nothing later, and raise InputError; do nothing if it has begun."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back."""
