"""The command line: commands to front ends. The composition root, the one place that sees both sides."""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import Field, fields, replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem, get_completion_class

from deadrelu_tui import __version__
from deadrelu_tui.builtin import config, needs, presets, room
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line
from deadrelu_tui.wording import printable

if TYPE_CHECKING:
    from deadrelu_tui.run.run import Run

USAGE_ERROR, INTERRUPTED = 2, 130
OPENING = 1.0, 7
"""How many steps a second a session begins with, and how many of them: what kills a layer is over by then."""
LONGEST_EXIT = 10.0
"""Seconds that libraries may take to close."""
_TWO_SIDED = {"normalise": "--normalise/--no-normalise", "full": "--full/--embedded"}


def _listed(*rows: tuple[str, str]) -> str:
    """Return rows of a help text, kept as they are."""
    width = max(len(left) for left, _ in rows) + 2
    return "\b\n" + "\n".join(f"  {left:<{width}}{right}" for left, right in rows)


def _epilog(*examples: tuple[str, str], more: str = "") -> str:
    return "\n\n".join(filter(None, ("Examples:", _listed(*examples), more)))


PRESETS = "Presets:\n\n" + _listed(*presets.MEANING.items())
ORDER = (
    "Every setting can also stand in the environment (DEADRELU_LR=0.01) or in config.toml (lr = 0.01). A flag beats "
    "the environment, which beats the file, which beats the preset."
)


class _Setting(click.ParamType):  # type: ignore[type-arg]
    """A value read by the settings field it belongs to."""

    def __init__(self, parse: Callable[[Any], Any], metavar: str) -> None:
        self.parse, self.name = parse, metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.parse(value)
        except InputError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the words among what is allowed, as far as its name tells them."""
        words = [word for word in self.name.split("|") if word.islower() and word.isalpha()]
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which images are taken."""
    return _options(command, [each for each in fields(RunSettings) if each.name in ("data_dir", "full")])


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for every field of RunSettings, and --preset."""
    return click.option(
        "--preset", type=click.Choice(list(presets.PRESETS)), default=None, envvar="DEADRELU_PRESET",
        help=f"One of the article's experiments; what else is set changes it.  [default: {presets.DEFAULT}]",
    )(_options(command, fields(RunSettings)))  # fmt: skip


def _options(command: Callable[..., Any], settings: Sequence[Field[Any]]) -> Callable[..., Any]:
    for each in reversed(settings):
        variable = f"DEADRELU_{each.name.upper()}"
        if each.name in _TWO_SIDED:
            option = click.option(
                _TWO_SIDED[each.name], each.name, default=None, envvar=variable, help=each.metadata["help"]
            )
        else:
            option = click.option(
                "--" + each.name.replace("_", "-"), each.name, default=None, envvar=variable,
                type=_Setting(each.metadata["parse"], each.metadata["metavar"]), help=each.metadata["help"],
                metavar=each.metadata["metavar"],
            )  # fmt: skip
        command = option(command)
    return command


def chosen(ctx: click.Context, **otherwise: Any) -> RunSettings:
    """Return the settings: a flag beats the environment, which beats the config file, which beats what is otherwise
    so here, which beats the preset.

    Raises InputError for the first that is not allowed.
    """
    for fault in ctx.find_root().obj or ():
        raise InputError(fault)
    named = config.read()
    for nearer in _said(ctx):
        if nearer.get("data_dir") is not None and "full" not in nearer:
            named.pop("full", None)  # a folder that was named is not passed over for what was said farther off
        named |= nearer
    preset = named.pop("preset", presets.DEFAULT)
    known = {each.name for each in fields(RunSettings)}
    base = {name: getattr(presets.PRESETS[preset], name) for name in known} | otherwise
    return RunSettings(**{**base, **{name: value for name, value in named.items() if name in known}})


def chosen_beside(ctx: click.Context) -> dict[str, Any]:
    """Return what else is set, which determines no number of a run, by the same precedence."""
    said = {
        "trials": True,
        "store": True,
        "fps": None,
        "speed": None,
        "theme": None,
        "low_bandwidth": False,
        "mouse": not os.environ.get("SSH_CONNECTION"),
    }
    for nearer in (config.read(), *_said(ctx)):
        said |= {name: nearer[name] for name in said if nearer.get(name) is not None}
    return said


def _said(ctx: click.Context) -> Iterator[dict[str, Any]]:
    """Yield what the environment says, then what the command line does: of a command, and of the one before it."""
    contexts = [ctx]
    while contexts[0].parent is not None:
        contexts.insert(0, contexts[0].parent)
    for source in (ParameterSource.ENVIRONMENT, ParameterSource.COMMANDLINE):
        nearer: dict[str, Any] = {}
        for each in contexts:
            nearer |= {name: value for name, value in each.params.items() if each.get_parameter_source(name) is source}
        yield nearer


def _themes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from deadrelu_tui.tui import themes

    return [CompletionItem(name) for name in themes.NAMES if name.startswith(incomplete)]


STORE = click.option(
    "--store/--no-store",
    default=None,
    envvar="DEADRELU_STORE",
    help="Record the run in a file, to look at later (deadrelu-tui runs).  [default: store]",
)
TRIALS = click.option(
    "--trials/--no-trials",
    default=None,
    envvar="DEADRELU_TRIALS",
    help="Try remedies on copies of a network that does not learn, while nobody else wants the processor, and advise "
    "what worked.  [default: trials]",
)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_epilog(
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
    type=_Setting(config.BESIDE["fps"], "N"),
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
    type=_Setting(config.BESIDE["speed"], "N|full"),
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

    kept = themes.Kept(_state() / "theme")
    theme = kept.read() if beside["theme"] is None else themes.named(beside["theme"])

    terminal.check()
    unfit = rehearsal.require_room(settings)
    with terminal.taken(_state() / "log") as (meter, guard), ThreadPoolExecutor(1, "training") as executor:
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


@main_command.command(
    "run",
    short_help="Train without a screen, for scripts and logs.",
    epilog=_epilog(
        ("deadrelu-tui run --preset normalised", "five epochs, a line for each"),
        ("deadrelu-tui run --lr 0.05 --json | jq .", "the same for programs"),
        ("deadrelu-tui run --epochs 1 --steps-json -", "every number of every step"),
        more=PRESETS,
    ),
)
@settings_options
@TRIALS
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: a start, every epoch, a summary.")
@click.option(
    "--steps-json", type=click.Path(path_type=Path), help="Write every step to this file, a line each; - is stdout."
)
@click.pass_context
def run_command(ctx: click.Context, /, as_json: bool, steps_json: Path | None, **_given: Any) -> None:
    """Train without a screen; for scripts, logs and machines without a terminal."""
    from deadrelu_tui.engine import rehearsal

    settings = chosen(ctx)
    needs.require_engine(settings.engine)
    unfit = rehearsal.require_room(settings)  # before anything that starts threads is loaded

    from deadrelu_tui import headless
    from deadrelu_tui.engine import begin as engine
    from deadrelu_tui.record.commands import Stop
    from deadrelu_tui.run.store import Store

    interrupted, deadline = threading.Event(), Deadline()
    beside, store = chosen_beside(ctx), Store(runs_folder())
    with ThreadPoolExecutor(1, "training") as executor:
        recorded = store.recorded if beside["store"] else None
        run = engine.make_run(settings, executor, False, beside["trials"], unfit, recorded)

        def stop(_signal: int, _frame: object) -> None:
            interrupted.set()
            deadline.set(INTERRUPTED)
            run.send(Stop())

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(signal.SIGHUP, stop)
        run.begin()
        try:
            with headless.apart(sys.stdout) as out:
                whole = headless.watch(
                    run, as_json=as_json, steps_file=steps_json, out=out, err=sys.stderr, asked=interrupted
                )
        finally:
            run.close()
            store.close()
            deadline.call_off()
    if run.error is not None:
        raise run.error
    ctx.exit(INTERRUPTED if interrupted.is_set() else 0 if whole else 1)


@main_command.command(
    "doctor",
    short_help="Name what is missing, and how to mend it.",
    epilog=_epilog(
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


@main_command.group(
    "data", invoke_without_command=True, epilog=_epilog(("deadrelu-tui data", "where the images are found"))
)
@click.pass_context
def data_group(ctx: click.Context) -> None:
    """Show where the images are found."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(data_status)


@data_group.command(
    "status",
    short_help="List the places that are looked at.",
    epilog=_epilog(
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


@main_command.command(
    "completion",
    short_help="Complete by tab, in bash, zsh or fish.",
    epilog=_epilog(
        ('eval "$(deadrelu-tui completion bash)"', "in ~/.bashrc"),
        ('eval "$(deadrelu-tui completion zsh)"', "in ~/.zshrc, after compinit"),
        ("deadrelu-tui completion fish | source", "in ~/.config/fish/config.fish"),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what lets a shell complete commands, options and their values by tab."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main_command, {}, "deadrelu-tui", "_DEADRELU_TUI_COMPLETE").source())


def _engine_facts(unfit: str) -> dict[str, Any]:
    if unfit:
        raise NoRoomError(unfit)
    from deadrelu_tui.engine.by_mxnet import runtime

    return runtime.facts()


def runs_folder() -> Path:
    """Return where runs are recorded."""
    import platformdirs

    return Path(platformdirs.user_data_dir("deadrelu-tui")) / "runs"


def _state() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir("deadrelu-tui"))


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


def _noted(error: BaseException) -> str:
    """Append the traceback to the log and return where it is; nothing if there can be no log."""
    import traceback

    path = _state() / "log"
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
