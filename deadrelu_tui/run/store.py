"""The folder in which every run has its file: who writes there from here, and which run is meant by a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.records import Event
from deadrelu_tui.run.file import SUFFIX
from deadrelu_tui.run.run import Sink
from deadrelu_tui.run.writer import Writer
from deadrelu_tui.wording import printable

LAST = "last"
"""The word for the run that was started last."""


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


def ids(folder: Path) -> list[str]:
    """Return the ids of all runs in a folder, the one that was started last first; none where there is no folder."""
    try:
        names = [each.name for each in folder.iterdir() if each.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{printable(str(folder))} cannot be read: {error.strerror}") from error
    return sorted((name.removesuffix(SUFFIX) for name in names if not name.startswith(".")), reverse=True)


def find(folder: Path, wanted: str) -> str:
    """Return the id of the run that is meant by an id, by the beginning of one, or by `last`.

    Raises InputError where that is none, or several.
    """
    known = ids(folder)
    if not known:
        raise InputError(f"no run is recorded yet in {printable(str(folder))}")
    if wanted == LAST:
        return known[0]
    found = [each for each in known if each.startswith(wanted)] if wanted else []
    if wanted in found:
        return wanted
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
        raise InputError(f"{printable(wanted)} may be any of {len(found)} runs: {some}")
    raise InputError(f"there is no run {printable(wanted)!r}; allowed are an id, the beginning of one, or: {LAST}")
