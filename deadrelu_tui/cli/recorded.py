"""What commands on recorded runs share: which run is meant, how it is completed, what is known of all of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder

if TYPE_CHECKING:
    from deadrelu_tui.run.summary import Summary

MANY = 50
"""Files from which on it is shown how far reading them is."""


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the runs whose id begins so."""
    from deadrelu_tui.run.folder import LAST, ids

    try:
        known = ids(runs_folder())
    except InputError:
        return []
    return [CompletionItem(each) for each in ([LAST, *known] if known else []) if each.startswith(incomplete)]


def complete_field(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what every list of runs can be sorted by."""
    from deadrelu_tui.report.fields import names

    return [CompletionItem(each) for each in names(()) if each.startswith(incomplete)]


def file_of(word: str) -> Path:
    """Return the file of the run that is meant by an id, the beginning of one, or `last`."""
    from deadrelu_tui.run.folder import find, path_of

    folder = runs_folder()
    try:
        return path_of(folder, find(folder, word))
    except ValueError as error:
        raise InputError(str(error)) from error


def summaries(newest: int | None = None) -> list[Summary]:
    """Return all recorded runs in short, or the newest ones alone; tell on a terminal how far reading them is."""
    from deadrelu_tui.run import index

    shown = False

    def told(read: int, of: int) -> None:
        nonlocal shown
        if of >= MANY and read % 10 == 0 and sys.stderr.isatty():
            shown = True
            print(f"\r\x1b[Kreading runs: {read} of {of}, once", end="", file=sys.stderr, flush=True)

    try:
        return index.summaries(runs_folder(), newest, told)
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
