"""What a worker is asked for and what it answers, and how its answer becomes a recorded run."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from deadrelu_tui.record.records import new_id
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.sweep.outcome import Outcome


class Wanted(NamedTuple):
    """One run that somebody else is to compute: plain values, which any process can be sent."""

    settings: Mapping[str, Any]
    run: str
    """The id that it is to have."""
    facts: Mapping[str, Any]
    """What it is to tell of itself beside all else: which sweep, which cell."""
    version: str
    """Of us: another one might compute something else."""
    images: str
    """The fingerprint of the images that are meant."""
    unfit: str = ""
    """Why MXNet does not fit there, if that is known."""


class Computed(NamedTuple):
    """What a worker answers."""

    outcome: Outcome
    records: bytes
    """The run as its file has it."""


def free_id(folder: Path, taken: set[str]) -> str:
    """Return an id that no run has, and remember it: workers that begin in the same second could have the same."""
    while (run := new_id(time.time())) in taken or path_of(folder, run).exists():
        pass
    taken.add(run)
    return run


def put(folder: Path, computed: Computed) -> None:
    """Record what was computed: a file that is there as a whole or not at all. Raises OSError where that cannot be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path_of(folder, computed.outcome.run)
    place = folder / f".{path.name}-{secrets.token_hex(4)}"
    try:
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(computed.records)
        os.replace(place, path)
    except OSError:
        place.unlink(missing_ok=True)
        raise
