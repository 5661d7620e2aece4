"""Recorded runs that a test makes."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.records import Record
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run.origin import origin
from deadrelu_tui.run.run import Run, Training


class Recorder:
    """A run of a training, and every record of it in the order in which it would stand in a file."""

    def __init__(self, settings: RunSettings, training: Training, executor: Executor, run: str = "") -> None:
        self.records: list[Record | Steps] = []
        said = promise(settings)
        said = replace(said, run=run or said.run, facts={**said.facts, **origin("test")})
        self.run = Run(said, training, executor, settings.live, recorded=lambda _say: self.records.append)

    def write(self, folder: Path) -> Path:
        """Write what has come so far as a file would hold it, and return where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.run.start.run}.run"
        path.write_bytes(dump(self.records))
        os.chmod(path, 0o600)
        return path
