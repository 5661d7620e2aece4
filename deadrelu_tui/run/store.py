"""Who records the runs of this process, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deadrelu_tui.record.records import Event
from deadrelu_tui.run.run import Sink
from deadrelu_tui.run.writer import Writer


class Store:
    """Records the runs of this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: list[Writer] = []

    def recorded(self, say: Callable[[Event], object]) -> Sink:
        """Return what records a run; `say` puts an event among its records."""
        writer = Writer(self._folder, say)
        self._writers.append(writer)
        return writer

    def close(self, patience: float = 5.0) -> None:
        """Have all that was told in the files, but wait no longer than so for a disk that does not answer."""
        for writer in self._writers:
            writer.close(patience)
