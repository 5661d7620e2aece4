"""Joining a training that somebody has begun without us, and leaving it again."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deadrelu_tui.cli.options import chosen_beside
from deadrelu_tui.cli.recorded import file_of
from deadrelu_tui.cli.showing import Opened, show
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.run.origin import process
from deadrelu_tui.watching.sent import seen_by, text
from deadrelu_tui.wording import count, duration, percent, printable

if TYPE_CHECKING:
    from deadrelu_tui.cli.trainings import Trainings
    from deadrelu_tui.entering.entered import Entered
    from deadrelu_tui.entering.processes import Found

WIDE = 60
"""Characters of a command that are shown."""
ANSWERED = 5.0
"""Seconds beyond its time-out within which a process says what came of joining it."""
WITHIN = 10.0
"""Seconds within which a training that is left says so."""


def join(ctx: click.Context, pid: int, wanted: Mapping[str, Any], detach: bool, timeout: float) -> int:
    """Join the training of a process, and show it or say which run it is; return the exit code."""
    from deadrelu_tui.entering.processes import find

    found = find(pid)
    shown = not detach and os.isatty(0) and os.isatty(1)
    if shown:
        from deadrelu_tui.tui.wire import terminal

        terminal.check()
    if not (detach or shown):
        raise InputError("there is no terminal for the screen; --detach joins and prints an id for attach")
    click.echo(f"Joining {described(found)}: hooks at its next step, no number changes.", err=True)
    runs = runs_folder()
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {
        **wanted,
        "stays": detach,
        "joiner": process(os.getpid()) if same_processes(pid) else None,
        "runs": str(runs) if seen_by(pid, runs) else None,
    }
    said = _entered(found, told, timeout)
    file, root = Path(said["file"]), ""
    if not seen_by(pid, file):  # it is in a container, which has a root folder of its own
        root = f"/proc/{pid}/root"
        file = Path(f"{root}{file}")
    if detach:
        click.echo(said["run"] if not root else f"{said['run']} (in a container: attach there)")
        return 0
    return _seen(ctx, file, root, pid)


def same_processes(pid: int) -> bool:
    """Return whether a process knows us by the number by which we do."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    return False


def described(found: Found) -> str:
    """Return a process in a line."""
    version, command = ".".join(map(str, found.version)), printable(" ".join(found.command))
    command = command if len(command) <= WIDE else f"{command[: WIDE - 1]}…"
    return f"{found.pid}, {command} (Python {version}, {duration(found.age)} old)"


def choose() -> int:
    """Ask which of the processes that have PyTorch loaded is meant; return its number."""
    from deadrelu_tui.entering.processes import processes

    found = processes()
    if not found:
        raise InputError("no Python process of yours has PyTorch loaded; watch SCRIPT.py ARGS… runs a script of yours")
    click.echo("Your Python processes that have PyTorch loaded:\n")
    click.echo(f"     {'pid':>8}  {'age':>10}  {'processor':>9}  command")
    for number, each in enumerate(found, 1):
        click.echo(
            f"{number:>4} {each.pid:>8}  {duration(each.age):>10}  {percent(each.share_now or 0.0):>9}  "
            f"{printable(' '.join(each.command))[:80]}"
        )
    click.echo()
    chosen = click.prompt("Join which", type=click.IntRange(1, len(found)), default=1 if len(found) == 1 else None)
    return found[int(chosen) - 1].pid


def _entered(found: Found, wanted: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
    """Have a process join itself to us; return which run that is, and where its file lies."""
    from deadrelu_tui.entering.entering import enter

    until = time.monotonic() + timeout
    with enter(found, text(found.pid, {**wanted, "patience": timeout}), timeout) as page:
        where = page.answer(timeout)
        if page.failed or not where:
            raise InputError(f"process {found.pid} was not joined: {_last(where)}")
        # What has begun there answers within its own time-out, whatever it meets.
        said = _said(page, int(where), until + timeout + ANSWERED)
    if "fault" in said:
        raise InputError(f"process {found.pid} was not joined: {said['fault']}")
    return said


def _said(page: Entered, where: int, until: float) -> Mapping[str, Any]:
    """Return what is told at a place in the process's memory as soon as it is."""
    while time.monotonic() < until:
        length = int.from_bytes(page.peek(where, 4), "little")
        if length:
            return dict(json.loads(page.peek(where + 4, length)))
        time.sleep(0.02)
    return {"fault": "it does not answer"}


def _last(told: bytes | None) -> str:
    lines = (told or b"").decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it does not answer")


def _seen(ctx: click.Context, path: Path, root: str, pid: int) -> int:
    from deadrelu_tui.run.attached import Attached

    def opened(_trainings: Trainings) -> Opened:
        return Opened(Attached(path, holds=True, root=root), begin=_no_other)

    code = show(chosen_beside(ctx), opened, farewell=False)
    if code == 0:
        _say_left(path, pid)
    return code


def _say_left(path: Path, pid: int) -> None:
    """Say what was seen, and that the training goes on, if it does."""
    from deadrelu_tui.run.recorded import Recorded
    from deadrelu_tui.run.source import ALIVE

    found, until = Recorded(path), time.monotonic() + WITHIN
    found.settle()
    while found.status in ALIVE and time.monotonic() < until:
        time.sleep(0.05)
    name, steps = found.start.run, count(found.history.taken)
    found.close()
    if os.path.exists(f"/proc/{pid}"):
        click.echo(f"left process {pid} after {steps} steps; it trains on")
    else:
        click.echo(f"process {pid} has ended; {steps} of its steps were seen")
    click.echo(f"to see them again: deadrelu-tui replay {name}")


def _no_other(_values: Any, _paused: bool) -> Any:
    raise InputError("this training began outside deadrelu-tui: only there it can be started again")


def leave(run: str) -> int:
    """Have a training be left that was joined; return the exit code."""
    from deadrelu_tui.run.attached import Attached
    from deadrelu_tui.run.source import ALIVE

    found = Attached(file_of(run), patience=0)
    try:
        found.settle()
        name = found.start.run
        if not found.start.facts.get("joined"):
            raise InputError(f"run {name} was not joined; deadrelu-tui stop {name} ends it")
        if found.status not in ALIVE:
            raise InputError(f"run {name} was left already, or its training has ended")
        if found.lack:
            raise InputError(found.lack)
        found.leave()
        until = time.monotonic() + WITHIN
        while found.status in ALIVE and time.monotonic() < until:
            time.sleep(0.05)
        left = found.status not in ALIVE
        click.echo(f"left run {name}; the training goes on" if left else f"run {name} has not been left yet")
        return 0 if left else 1
    finally:
        with contextlib.suppress(Exception):
            found.close()
