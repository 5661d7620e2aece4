"""The way in: streams, the command, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import sys
from io import TextIOWrapper

import click

from deadrelu_tui.builtin import room
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.advise import advise_command
from deadrelu_tui.cli.checks import completion_command, data_group, doctor_command
from deadrelu_tui.cli.compared import compare_command, show_command
from deadrelu_tui.cli.export import export_command
from deadrelu_tui.cli.options import INTERRUPTED, USAGE_ERROR
from deadrelu_tui.cli.replay import attach_command, replay_command
from deadrelu_tui.cli.reproduce import reproduce_command
from deadrelu_tui.cli.runs import runs_group
from deadrelu_tui.cli.screen import main_command
from deadrelu_tui.cli.stop import stop_command
from deadrelu_tui.cli.sweep import sweep_command
from deadrelu_tui.cli.train import run_command
from deadrelu_tui.cli.watch import watch_command
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line
from deadrelu_tui.places import state_folder
from deadrelu_tui.wording import printable

LONGEST_EXIT = 10.0
"""Seconds that libraries may take to close."""


for _command in (
    run_command,
    watch_command,
    attach_command,
    replay_command,
    stop_command,
    export_command,
    runs_group,
    show_command,
    compare_command,
    reproduce_command,
    advise_command,
    sweep_command,
    doctor_command,
    data_group,
    completion_command,
):
    main_command.add_command(_command)


def main() -> None:
    """Run the command line; the one place where an InputError becomes a line and exit code 2."""
    _open_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale without − or … costs a character, not the run
    try:
        code = main_command(standalone_mode=False, obj=_faulty_variables()) or 0
        if "mxnet" in sys.modules:  # at exit it waits for what it has under way, for ever if its workers are gone
            atexit.register(Deadline().set, code, LONGEST_EXIT)
        sys.exit(code)
    except InputError as error:
        _fail(str(error), USAGE_ERROR)
    except NoRoomError as error:
        _fail(str(error), 1)
    except click.ClickException as error:
        _fail(error.format_message(), USAGE_ERROR)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _drop_output()  # whoever read it has gone; there is nobody to tell
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError):
            _drop_output()
            if error.errno == errno.EIO and _hung_up():  # there is nobody to tell either
                sys.exit(1)
        if short := room.lacking(error):
            _fail(room.told(short, RunSettings()), 1)
        kind, told = type(error).__name__, in_a_line(error)
        _fail(f"the run failed: {kind if told == kind else f'{kind}: {told}'}{_noted(error)}", 1)


def _drop_output() -> None:
    """Have stdout lead nowhere, if it takes nothing any more: Python would complain again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _hung_up() -> bool:
    """Return whether stdin or stderr leads to a terminal that has gone; of stdout nothing is known any more."""
    return any(map(_leads_nowhere, (0, 2)))


def _leads_nowhere(descriptor: int) -> bool:
    import termios

    try:
        termios.tcgetattr(descriptor)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def _noted(error: BaseException) -> str:
    """Append the traceback to the log and return where it is; nothing if there can be no log."""
    import traceback

    path = state_folder() / "log"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return ""
    return f"; details in {path}"


def _faulty_variables() -> list[str]:
    """Return what is wrong with variables of ours in the environment, which are then as if they were not set.

    So each is told by its own name, help is shown all the same, and `doctor` reports them.
    """
    faults = {}
    for command in (main_command, run_command):
        for param in command.params:
            name = param.envvar
            value = os.environ.get(name) if isinstance(name, str) else None
            if isinstance(name, str) and value:
                try:
                    param.type.convert(value, param, None)
                except click.BadParameter as error:
                    faults[name] = f"{name}={value!r}: {error.message}"
                    del os.environ[name]
    return list(faults.values())


def _open_streams() -> None:
    """Have standard streams lead nowhere that were closed before us: whoever prints shall not stumble."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            stream = open(descriptor, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - stays
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _fail(message: str, code: int) -> None:
    with contextlib.suppress(OSError):  # nobody may be there to be told
        print(f"deadrelu-tui: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)
    sys.exit(code)
