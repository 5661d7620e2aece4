"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.wording import printable

OURS = "events.out.tfevents."
"""What the files in a folder are called that is made here; a folder with anything else in it is never overwritten."""


@contextmanager
def placed(path: Path, *, folder: bool = False, overwrite: bool = False) -> Iterator[Path]:
    """Yield a place beside a path, and move what is written there to the path when all of it is written.

    Raises InputError where that cannot be, and leaves nothing behind.
    """
    target = Path(os.path.realpath(path))  # what a link points to is replaced, and not the link
    check(path, folder=folder, overwrite=overwrite)
    # Of another kind than the names that people give, and short, as the path's own may be as long as a name can be.
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if folder:
            beside.mkdir()
        yield beside
        for each in beside.iterdir() if folder else (beside,):
            _to_disk(each)
        check(path, folder=folder, overwrite=overwrite)  # it took a while
        _move(beside, target)
    except OSError as error:
        raise InputError(_told(path, error)) from error
    finally:
        _remove(beside)


def check(path: Path, *, folder: bool = False, overwrite: bool = False) -> None:
    """Raise InputError if something at a path is in the way."""
    where, target = printable(str(path)), Path(os.path.realpath(path))
    try:
        if not target.parent.is_dir():
            raise InputError(f"{where} cannot be written (there is no folder {printable(str(target.parent))}); make it")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise InputError(f"{where} cannot be written (its folder takes nothing); name a file in another one")
        if not target.exists():
            return
        if folder:
            _check_folder(where, target, overwrite)
        elif target.is_dir():
            raise InputError(f"{where} is a folder; name a file in it")
        elif not target.is_file():
            raise InputError(f"{where} is no plain file; name one")
        elif not overwrite:
            raise InputError(f"{where} is there already; name another file or say that it may be overwritten")
    except OSError as error:
        raise InputError(_told(path, error)) from error


def _check_folder(where: str, target: Path, overwrite: bool) -> None:
    if not target.is_dir():
        raise InputError(f"{where} is a file, and a folder is to be made; name another")
    there = [each.name for each in target.iterdir()]
    if there and not overwrite:
        raise InputError(f"{where} is there already; name another folder or say that it may be overwritten")
    if others := [name for name in there if not name.startswith(OURS)]:
        raise InputError(f"{where} has other files in it ({printable(min(others))}); name another folder")


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk: some of them tell only now that they are full."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(beside: Path, target: Path) -> None:
    if not (beside.is_dir() and target.is_dir()):
        os.replace(beside, target)
        return
    old = target.with_name(f".{secrets.token_hex(8)}.old")
    os.replace(target, old)
    try:
        os.replace(beside, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _told(path: Path, error: OSError) -> str:
    where, why = printable(str(path)), error.strerror or in_a_line(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where} cannot be written ({why}); make room, or name a file on another disk"
    return f"{where} cannot be written ({why}); name a file in a folder that you may write to"
