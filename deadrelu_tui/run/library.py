"""All that was ever recorded: what there is in short, and any run of it as a source."""

from __future__ import annotations

from pathlib import Path

from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.index import summaries
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.summary import Summary

NEWEST = 200
"""Runs that a list on the screen holds; `deadrelu-tui runs` lists all."""


class Library:
    """The recorded runs of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> list[Summary]:
        """Return the newest runs in short; those of which nothing can be told are left out. Takes a while if many are
        new. Raises InputError where the folder cannot be read.
        """
        return [each for each in summaries(self._folder, NEWEST) if not each.fault and each.at is not None]

    def open(self, run: str) -> Recorded:
        """Return a run. Raises InputError for what is none."""
        return Recorded(path_of(self._folder, run))
