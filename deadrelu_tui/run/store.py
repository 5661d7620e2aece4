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
        self._hurried = False

    def recorded(self, say: Callable[[Event], object]) -> Sink:
        """Return what records a run; `say` puts an event among its records."""
        writer = Writer(self._folder, say)
        writer.hurry(self._hurried)
        self._writers.append(writer)
        return writer

    def hurry(self, wanted: bool) -> None:
        """Have what is told in the files at once, or soon: whether somebody reads them meanwhile."""
        self._hurried = wanted
        for writer in self._writers:
            writer.hurry(wanted)

    def close(self, patience: float = 5.0) -> None:
        """Have all that was told in the files, but wait no longer than so for a disk that does not answer."""
        for writer in self._writers:
            writer.close(patience)
