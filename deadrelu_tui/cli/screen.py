"""The screen on a new run, which begins once it stands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from deadrelu_tui import __version__
from deadrelu_tui.builtin import config, needs
from deadrelu_tui.cli.options import (
    ORDER,
    PRESETS,
    Setting,
    chosen,
    chosen_beside,
    epilog,
    settings_options,
)
from deadrelu_tui.cli.showing import Opened, screen_options, show, training_options
from deadrelu_tui.cli.trainings import Trainings
from deadrelu_tui.errors import InputError

if TYPE_CHECKING:
    pass

OPENING = 1.0, 7
"""How many steps a second a session begins with, and how many of them: what kills a layer is over by then."""


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog(
        ("deadrelu-tui --tour", "what kills ReLUs, on a real run"),
        ("deadrelu-tui --lr 0.01 --hidden 300,100", "two layers, gently"),
        ("deadrelu-tui --paused --speed 2", "held; then two steps a second"),
        more=f"{PRESETS}\n\n{ORDER}",
    ),
)
@settings_options
@screen_options
@click.option(
    "--speed",
    type=Setting(config.BESIDE["speed"], "N|full"),
    envvar="DEADRELU_SPEED",
    metavar="N|full",
    help="Take at most so many steps a second.  [default: full, but the first 7 of the first run one a second]",
)
@click.option("--tour", is_flag=True, help="Explain the death of the ReLUs at six stops of a run; a flag alone.")
@click.option("--paused", is_flag=True, help="Hold the first run before its first step; a flag alone.")
@training_options
@click.version_option(__version__, prog_name="deadrelu-tui", message="%(prog)s %(version)s")
@click.pass_context
def main_command(ctx: click.Context, /, paused: bool, tour: bool, **_given: Any) -> None:
    """Watch ReLUs die: train an MLP on Fashion-MNIST and see, live, which ReLUs die, when and why.

    Without a command the screen opens and training starts at once; ? there shows the keys.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings, beside = chosen(ctx, epochs=None), chosen_beside(ctx)
    if tour:
        for name in ("preset", "lr", "normalise", "input_scale", "activation", "hidden", "epochs", "steps"):
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise InputError(f"the tour is of the article's first experiment: leave out --{name.replace('_', '-')}")
    needs.require_engine(settings.engine)
    from deadrelu_tui.engine import rehearsal

    unfit = rehearsal.require_room(settings)
    speed = beside["speed"]

    def opened(trainings: Trainings) -> Opened:
        from deadrelu_tui.record.commands import Pause, Speed

        own = settings
        if tour:
            from deadrelu_tui.tui.panels.tour import SETTINGS

            own = replace(settings, **SETTINGS)
        first = trainings.make(own)
        if paused or tour:
            first.send(Pause())
        first.send(Speed(*OPENING) if speed is None else Speed(speed if speed < math.inf else None))
        return Opened(first, first.begin)

    ctx.exit(show(beside, opened, unfit, tour))
