"""The screen, and what it needs around it: a terminal, a log, a training that begins once it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from deadrelu_tui import __version__
from deadrelu_tui.builtin import config, needs
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.options import (
    INTERRUPTED,
    ORDER,
    PRESETS,
    STORE,
    TRIALS,
    Setting,
    chosen,
    chosen_beside,
    epilog,
    settings_options,
)
from deadrelu_tui.cli.places import runs_folder, state_folder
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError

if TYPE_CHECKING:
    from deadrelu_tui.run.run import Run

OPENING = 1.0, 7
"""How many steps a second a session begins with, and how many of them: what kills a layer is over by then."""


def _themes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from deadrelu_tui.tui import themes

    return [CompletionItem(name) for name in themes.NAMES if name.startswith(incomplete)]


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
@click.option(
    "--mouse/--no-mouse",
    "mouse",
    default=None,
    envvar="DEADRELU_MOUSE",
    help="Listen to the mouse.  [default: yes, except over SSH, where a lost link leaves its codes in the shell]",
)
@click.option(
    "--fps",
    type=Setting(config.BESIDE["fps"], "N"),
    envvar="DEADRELU_FPS",
    metavar="N",
    help="Draw the screen at most so many times a second; it draws less often by itself where the machine or the link "
    "cannot bear it.  [default: 5]",
)
@click.option(
    "--low-bandwidth",
    is_flag=True,
    default=None,
    envvar="DEADRELU_LOW_BANDWIDTH",
    help="For a poor link: a frame and 2 KB a second at most.",
)
@click.option(
    "--speed",
    type=Setting(config.BESIDE["speed"], "N|full"),
    envvar="DEADRELU_SPEED",
    metavar="N|full",
    help="Take at most so many steps a second.  [default: full, but the first 7 of the first run one a second]",
)
@click.option(
    "--theme",
    shell_complete=_themes,
    envvar="DEADRELU_THEME",
    metavar="NAME",
    help="Colours: dark, light, or a theme of Textual's, such as nord.  [default: what was chosen last in ctrl+p, "
    "Theme]",
)
@click.option("--tour", is_flag=True, help="Explain the death of the ReLUs at six stops of a run; a flag alone.")
@click.option("--paused", is_flag=True, help="Hold the first run before its first step; a flag alone.")
@TRIALS
@STORE
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
        for name in ("preset", "lr", "normalise", "activation", "hidden", "epochs"):
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise InputError(f"the tour is of the article's first experiment: leave out --{name}")
    needs.require_engine(settings.engine)
    from deadrelu_tui.engine import rehearsal
    from deadrelu_tui.tui import themes
    from deadrelu_tui.tui.wire import terminal

    kept = themes.Kept(state_folder() / "theme")
    theme = kept.read() if beside["theme"] is None else themes.named(beside["theme"])

    terminal.check()
    unfit = rehearsal.require_room(settings)
    with terminal.taken(state_folder() / "log") as (meter, guard), ThreadPoolExecutor(1, "training") as executor:
        from deadrelu_tui.engine import begin as engine
        from deadrelu_tui.record.commands import Pause, Speed
        from deadrelu_tui.run.store import Store
        from deadrelu_tui.tui.app import MonitorApp
        from deadrelu_tui.tui.wire import pace

        paced = pace.POOR_LINK if beside["low_bandwidth"] else pace.Pace()
        paced = replace(paced, frames=beside["fps"] or paced.frames)
        if tour:
            from deadrelu_tui.tui.panels.tour import SETTINGS

            settings, paused = replace(settings, **SETTINGS), True
        store = Store(runs_folder())
        recorded = store.recorded if beside["store"] else None
        first, speed = engine.make_run(settings, executor, True, beside["trials"], unfit, recorded), beside["speed"]
        if paused:
            first.send(Pause())
        first.send(Speed(*OPENING) if speed is None else Speed(speed if speed < math.inf else None))

        def begin(values: Mapping[str, Any], paused: bool) -> Run:
            run = engine.make_run(RunSettings.of(values), executor, True, beside["trials"], unfit, recorded)
            if paused:
                run.send(Pause())
            run.begin()
            return run

        def last() -> None:
            if app.farewell and not app.is_running:
                meter.write(f"{app.farewell}\n")
            guard.leaving()

        deadline = Deadline(last)
        app = MonitorApp(
            first, begin, meter, paced, first.begin, lambda: deadline.set(INTERRUPTED), tour, theme, kept.write
        )
        try:
            app.run(mouse=beside["mouse"])
        finally:
            if not app.terminated:
                deadline.set(app.return_code or 0)
            app.close()
            store.close()
            deadline.call_off()
    if error := app.error or app.failure:
        raise error
    if app.farewell:
        click.echo(app.farewell)
    ctx.exit(INTERRUPTED if app.terminated else app.return_code or 0)
