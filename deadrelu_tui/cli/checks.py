"""What looks at the machine and changes nothing: the doctor, the places of the data, completion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.options import USAGE_ERROR, chosen, data_options, epilog
from deadrelu_tui.errors import InputError, NoRoomError


@click.command(
    "doctor",
    short_help="Name what is missing, and how to mend it.",
    epilog=epilog(
        ("deadrelu-tui doctor", "what is there, what is missing, how to mend it"),
        ("deadrelu-tui doctor --json", "the same for programs"),
    ),
)
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor_command(ctx: click.Context, /, as_json: bool, **_given: Any) -> None:
    """Check Python, the engine, libraries, devices, data and terminal, and name a fix for each fault."""
    from deadrelu_tui.engine import rehearsal

    faults: Sequence[str] = ()
    settings = None
    try:
        settings = chosen(ctx)
    except InputError as error:
        faults = ctx.find_root().obj or [str(error)]
    unfit = rehearsal.require_room(RunSettings())  # of the plainest run: what is set is examined, not obeyed

    from deadrelu_tui import doctor

    checks = list(doctor.examine(lambda: _engine_facts(unfit), settings, faults))
    if as_json:
        click.echo(json.dumps(doctor.as_dict(checks), ensure_ascii=False))
    else:
        for line in doctor.lines(checks):
            click.echo(line)
    ctx.exit(0 if doctor.can_train(checks) else 1)


@click.group("data", invoke_without_command=True, epilog=epilog(("deadrelu-tui data", "where the images are found")))
@click.pass_context
def data_group(ctx: click.Context) -> None:
    """Show where the images are found."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(data_status)


@data_group.command(
    "status",
    short_help="List the places that are looked at.",
    epilog=epilog(
        ("deadrelu-tui data status", "all places, and the one taken"),
        ("deadrelu-tui data status --data-dir ~/fashion", "whether yours would do"),
    ),
)
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def data_status(ctx: click.Context, /, as_json: bool = False, **_given: Any) -> None:
    """List every place that is looked at, what is there, and which one a run would use.

    Exits with 2 if a run would stop.
    """
    from deadrelu_tui.engine import rehearsal

    settings = chosen(ctx)
    rehearsal.require_room(RunSettings(engine="numpy", full=False))

    from deadrelu_tui import doctor

    lines, usable = doctor.data_lines(settings.data_dir, settings.full, as_json)
    for line in lines:
        click.echo(line)
    ctx.exit(0 if usable else USAGE_ERROR)


@click.command(
    "completion",
    short_help="Complete by tab, in bash, zsh or fish.",
    epilog=epilog(
        ('eval "$(deadrelu-tui completion bash)"', "in ~/.bashrc"),
        ('eval "$(deadrelu-tui completion zsh)"', "in ~/.zshrc, after compinit"),
        ("deadrelu-tui completion fish | source", "in ~/.config/fish/config.fish"),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and their values by tab."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "deadrelu-tui", "_DEADRELU_TUI_COMPLETE").source())


def _engine_facts(unfit: str) -> dict[str, Any]:
    if unfit:
        raise NoRoomError(unfit)
    from deadrelu_tui.engine.by_mxnet import runtime

    return runtime.facts()
