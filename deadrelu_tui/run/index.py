"""What all runs of a folder are in short, kept in a file beside them, so that only what has changed is read again.

The index can be made anew from the runs at any time. So it is never locked or mended: it is replaced as a whole, and
what is not exactly as it was written is not used. Of two processes that write it at once the last one wins.
"""

from __future__ import annotations

import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from math import inf, isfinite
from operator import attrgetter
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

from deadrelu_tui import __version__
from deadrelu_tui.run.folder import SECOND, SUFFIX, entries
from deadrelu_tui.run.summary import Summary

NAME = ".index"
"""A line that tells what it is, then of each run `[[id, bytes, changed], [the other fields of Summary]]`."""
END = "],["
"""Where the first part of a line ends."""
VERSION = 1
SETTLED = 2.0
"""Seconds after a change within which a file may be changed again and its time stay the same."""
_json = json.JSONEncoder(separators=(",", ":")).encode  # ASCII: the name of a file may hold half a surrogate pair
Told = Callable[[int, int], object]
"""Takes how many files were read, and how many are to be."""


class _Line(NamedTuple):
    """What the index holds of a run: which state of its file, and the line that has the summary."""

    bytes: int
    changed: int
    text: str


def summaries(folder: Path, newest: int | None = None, told: Told = lambda _read, _of: None) -> list[Summary]:
    """Return every run in a folder in short, or the newest ones alone; the one that was started last first.

    Raises InputError only where the folder itself cannot be read.
    """
    now, kept = time.time(), _kept(folder)
    there = sorted(entries(folder), key=attrgetter("name"), reverse=True)
    same, changed, found = list[str](), list[tuple[Path, os.stat_result]](), list[Summary]()
    for entry in there[:newest]:
        run = entry.name.removesuffix(SUFFIX)
        try:
            at = entry.stat()
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError as error:
            found.append(Summary(run, 0, 0, error.strerror or str(error)))
            continue
        line = kept.get(run)
        if line is not None and (line.bytes, line.changed) == (at.st_size, at.st_mtime_ns):
            same.append(line.text)
        elif S_ISREG(at.st_mode):
            changed.append((Path(entry.path), at))
    found += [Summary(*key, *rest) for key, rest in json.loads(f"[{','.join(same)}]")]
    news = list[Summary]()
    try:
        for each in _read(changed, told):
            news.append(each)
    finally:
        settled = [each for each in news if now - each.changed / 1e9 > SETTLED and not (each.fault or END in each.run)]
        if settled or len(kept) > len(there):
            lines = {each.run: _json([each[:3], each[3:]]) for each in settled}
            runs = (each.name.removesuffix(SUFFIX) for each in there)
            _keep(folder, [lines.get(run) or kept[run].text for run in runs if run in lines or run in kept])
    return sorted(found + news, key=_began, reverse=True)


def _began(run: Summary) -> tuple[str, float, str]:
    """Return what runs are ordered by: the second in which they began, and within it the moment that they tell."""
    at = run.at if run.at is not None and isfinite(run.at) else -inf
    return run.run[:SECOND], at, run.run


def _read(changed: Sequence[tuple[Path, os.stat_result]], told: Told) -> Iterator[Summary]:
    if not changed:
        return
    from deadrelu_tui.run.summing import summed  # loads NumPy

    for count, (path, at) in enumerate(changed):
        told(count, len(changed))
        summary = summed(path, at)
        if summary is not None:
            yield summary
    told(len(changed), len(changed))


def _kept(folder: Path) -> dict[str, _Line]:
    """Return what the index holds by run; nothing where it is not as it was written, or by another version of us."""
    try:
        head, _, body = (folder / NAME).read_bytes().partition(b"\n")
        if json.loads(head) != _head(body):
            return {}
        lines = body.decode("ascii").splitlines()
        keys = json.loads(f"[{','.join(line[1 : line.index(END) + 1] for line in lines)}]")
        return {run: _Line(size, changed, line) for (run, size, changed), line in zip(keys, lines, strict=True)}
    except (OSError, ValueError):
        return {}


def _keep(folder: Path, lines: Iterable[str]) -> None:
    """Replace the index, if that can be."""
    body = "\n".join(lines).encode("ascii")
    place = folder / f"{NAME}-{secrets.token_hex(4)}"
    with suppress(OSError):
        try:
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(_json(_head(body)).encode() + b"\n" + body)
            os.replace(place, folder / NAME)
        except OSError:
            place.unlink(missing_ok=True)
            raise


def _head(body: bytes) -> dict[str, Any]:
    return {"index": VERSION, "of": __version__, "fields": list(Summary._fields), "crc": zlib.crc32(body)}
