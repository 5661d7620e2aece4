"""The folder in which every run has its file: what lies there, and which run is meant by a word. Needs no NumPy."""

from __future__ import annotations

import os
from pathlib import Path

from deadrelu_tui.errors import InputError
from deadrelu_tui.wording import printable

SUFFIX = ".run"
SECOND = len("20261129-120000")
"""Of an id the part that tells the second in which the run began; the rest is by lot."""
LAST = "last"
"""The word for the run that was started last."""


def path_of(folder: Path, run: str) -> Path:
    """Return where a run's file lies. Raises ValueError for what is no id of a run."""
    if not is_id(run):
        raise ValueError(f"{run!r} is no id of a run")
    return folder / f"{run}{SUFFIX}"


def is_id(run: str) -> bool:
    """Return whether a text can be the id of a run."""
    return bool(run) and not run.startswith(".") and all(each.isalnum() or each in "-_." for each in run)


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the files of all runs in a folder; none where there is no folder. Raises InputError where it is closed."""
    try:
        with os.scandir(folder) as found:
            return [each for each in found if each.name.endswith(SUFFIX) and not each.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{printable(str(folder))} cannot be read: {error.strerror}") from error


def ids(folder: Path) -> list[str]:
    """Return the ids of all runs in a folder, the one that was started last first; none where there is no folder."""
    return sorted(filter(is_id, (each.name.removesuffix(SUFFIX) for each in entries(folder))), reverse=True)


def find(folder: Path, wanted: str) -> str:
    """Return the id of the run that is meant by an id, by the beginning of one, or by `last`.

    Raises InputError where that is none, or several.
    """
    known = ids(folder)
    if not known:
        raise InputError(f"no run is recorded yet in {printable(str(folder))}")
    if wanted == LAST:
        return _newest(folder, known)
    found = [each for each in known if each.startswith(wanted)] if wanted else []
    if wanted in found:
        return wanted
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
        raise InputError(f"{printable(wanted)} may be any of {len(found)} runs: {some}")
    raise InputError(f"there is no run {printable(wanted)!r}; allowed are an id, the beginning of one, or: {LAST}")


def _newest(folder: Path, known: list[str]) -> str:
    """Return which of some runs, the newest second first, was started last; of the same second their files say it."""
    same = [each for each in known if each[:SECOND] == known[0][:SECOND]]
    if len(same) == 1:
        return same[0]
    from deadrelu_tui.run.file import began  # loads NumPy

    return max(same, key=lambda run: (began(path_of(folder, run)), run))
