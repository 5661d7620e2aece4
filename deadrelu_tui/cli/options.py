"""What commands share: how settings are given on the command line, in the environment and in the config file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, fields
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from deadrelu_tui.builtin import config, presets
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError

USAGE_ERROR, INTERRUPTED = 2, 130
_TWO_SIDED = {"normalise": "--normalise/--no-normalise", "full": "--full/--embedded"}


def listed(*rows: tuple[str, str]) -> str:
    """Return rows of a help text, kept as they are."""
    width = max(len(left) for left, _ in rows) + 2
    return "\b\n" + "\n".join(f"  {left:<{width}}{right}" for left, right in rows)


def epilog(*examples: tuple[str, str], more: str = "") -> str:
    """Return what a help text ends with: examples, and more."""
    return "\n\n".join(filter(None, ("Examples:", listed(*examples), more)))


PRESETS = "Presets:\n\n" + listed(*presets.MEANING.items())
ORDER = (
    "Every setting can also stand in the environment (DEADRELU_LR=0.01) or in config.toml (lr = 0.01). A flag beats "
    "the environment, which beats the file, which beats the preset."
)


class Setting(click.ParamType):  # type: ignore[type-arg]
    """A value read by the settings field it belongs to."""

    def __init__(self, parse: Callable[[Any], Any], metavar: str) -> None:
        self.parse, self.name = parse, metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what was read, or say what is allowed."""
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
    return some_settings("data_dir", "full")(command)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for every field of RunSettings, and --preset."""
    return _with_preset(_options(command, fields(RunSettings)))


def some_settings(*names: str, preset: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the options of some fields of RunSettings alone, and --preset if that is wanted."""

    def given(command: Callable[..., Any]) -> Callable[..., Any]:
        command = _options(command, [each for each in fields(RunSettings) if each.name in names])
        return _with_preset(command) if preset else command

    return given


def _with_preset(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--preset", type=click.Choice(list(presets.PRESETS)), default=None, envvar="DEADRELU_PRESET",
        help=f"One of the article's experiments; what else is set changes it.  [default: {presets.DEFAULT}]",
    )(command)  # fmt: skip


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
                type=Setting(each.metadata["parse"], each.metadata["metavar"]), help=each.metadata["help"],
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
    named: dict[str, Any] = {}
    for nearer in (config.read(), *_said(ctx)):
        if "input_scale" in nearer:
            if nearer.get("normalise"):
                raise InputError("--normalise is an input scale of 1/255; give one of the two")
            named["normalise"] = False  # whoever names a scale means that one, whatever was said farther off
        if "epochs" in nearer:
            if "steps" in nearer:
                raise InputError("--steps ends a run whatever its epochs; give --steps or --epochs")
            named["steps"] = None
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
        "on_hangup": "detach",
        "on_suspend": "pause",
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


STORE = click.option(
    "--store/--no-store",
    default=None,
    envvar="DEADRELU_STORE",
    help="Record the run in a file, to look at later (deadrelu-tui runs).  [default: store]",
)
ON_HANGUP = click.option(
    "--on-hangup",
    type=Setting(config.BESIDE["on_hangup"], "detach|stop"),
    envvar="DEADRELU_ON_HANGUP",
    metavar="detach|stop",
    help="What becomes of the run when the terminal goes: it trains on, to be seen by deadrelu-tui attach, or "
    "it ends.  [default: detach]",
)
ON_SUSPEND = click.option(
    "--on-suspend",
    type=Setting(config.BESIDE["on_suspend"], "pause|train"),
    envvar="DEADRELU_ON_SUSPEND",
    metavar="pause|train",
    help="What becomes of the run while ctrl+z has given the terminal to the shell.  [default: pause]",
)
TRIALS = click.option(
    "--trials/--no-trials",
    default=None,
    envvar="DEADRELU_TRIALS",
    help="Try remedies on copies of a network that does not learn, while nobody else wants the processor, and advise "
    "what worked.  [default: trials]",
)
