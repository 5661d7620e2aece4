"""What a run is made with: one frozen model, the source of every flag, variable, config key and header.

Knows nothing of the engine, of Fashion-MNIST or of the screen. To add a hyperparameter, add a field and use it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import ACTIVATIONS

LATER = ("input_scale", "steps")
"""What runs of older versions do not tell of: they were as it is where nothing is set."""
LIVE = ("normalise", "lr", "activation")
"""What can be changed between two steps, in the order in which changes are told."""
_LONGEST = 40
"""Characters of what was given that an error repeats."""
ENDLESS = "endless"
"""What no number of epochs is called."""
MAX_UNITS, MAX_LAYERS, MAX_SEED, MAX_STEPS = 10_000, 50, 2**32 - 1, 100_000_000


def _quoted(value: object) -> str:
    """Return what was given as one can read it in a line: it may have thousands of characters."""
    text = str(value)
    return repr(text) if len(text) <= _LONGEST else repr(text[:_LONGEST])[:-1] + "…'"


def _number(kind: type[float], text: object) -> float:
    """Return a number as it is written outside of programs, where nothing stands between its digits: not 1_000."""
    if "_" in str(text):
        raise ValueError(text)
    return kind(text)  # type: ignore[arg-type]


def _real(text: object) -> float:
    """Return a number as it is written, or as it is; NaN for what is none."""
    try:
        return math.nan if isinstance(text, bool) else _number(float, text)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def parse_fps(text: str | float) -> float:
    """Return how many frames a second are drawn at most."""
    value = _real(text)
    if not 0.1 <= value <= 30:
        raise InputError(f"fps must be a number from 0.1 to 30, not {_quoted(text)}")
    return value


def parse_speed(text: str | float) -> float:
    """Return how many steps a second are taken at most; infinity for as many as it can."""
    value = _real(text)
    if text == "full":
        return math.inf
    if not 0.1 <= value <= 1000:
        raise InputError(f"speed must be full or a number of steps a second from 0.1 to 1000, not {_quoted(text)}")
    return value


def parse_on_hangup(text: Any) -> str:
    """Return what becomes of a run when its terminal goes."""
    if text not in ("detach", "stop"):
        raise InputError(f"on-hangup must be detach or stop, not {_quoted(text)}")
    return str(text)


def parse_on_suspend(text: Any) -> str:
    """Return what becomes of a run while a shell has the terminal."""
    if text not in ("pause", "train"):
        raise InputError(f"on-suspend must be pause or train, not {_quoted(text)}")
    return str(text)


def parse_times(text: str | float) -> float:
    """Return how many times as fast as it went a recorded run is played."""
    value = _real(text)
    if not 1 <= value <= 100:
        raise InputError(f"times must be a number from 1 to 100, not {_quoted(text)}")
    return value


def parse_lr(text: str | float) -> float:
    """Return a learning rate: any finite number above 0. A number that is too large is a lesson, not an error."""
    value = _real(text)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"lr must be a number above 0, such as 0.1 or 1e-3, not {_quoted(text)}")
    return value


def parse_scale(text: str | float) -> float:
    """Return by what pixels are multiplied: a finite number above 0, or a fraction such as 1/255."""
    above, slash, below = text.partition("/") if isinstance(text, str) else (text, "", "")
    value, by = _real(above), _real(below) if slash else 1.0
    value = value / by if by else math.nan
    if not 1e-12 <= value <= 1e12:
        raise InputError(f"input-scale must be a number from 1e-12 to 1e12, such as 0.01 or 1/255, not {_quoted(text)}")
    return value


def parse_hidden(text: str | int | tuple[int, ...] | list[int]) -> tuple[int, ...]:
    """Return the units of each hidden layer, from '300' or '300,100' or a sequence of numbers."""
    parts = list(text) if isinstance(text, (tuple, list)) else str(text).split(",")
    try:
        units = tuple(int(_number(int, str(part))) for part in parts)
    except ValueError:
        units = ()
    if not (1 <= len(units) <= MAX_LAYERS and all(1 <= count <= MAX_UNITS for count in units)):
        given = ",".join(map(str, parts))
        raise InputError(
            f"hidden must be 1 to {MAX_LAYERS} layers of 1 to {MAX_UNITS} units each, "
            f"such as 300 or 300,100, not {_quoted(given)}"
        )
    return units


def _one_of(name: str, *choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise InputError(f"{name} must be one of {', '.join(choices)}, not {_quoted(text)}")
        return text

    return parse


def _whole(name: str, low: int, high: int, word: str = "") -> Callable[[Any], int]:
    """Return what reads a whole number within limits; where a word is allowed, too, it is somebody else's to read."""

    def parse(text: Any) -> int:
        try:
            value = int(_number(int, str(text)))
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            either = f"{word} or " if word else ""
            raise InputError(f"{name} must be {either}a whole number from {low} to {high}, not {_quoted(text)}")
        return value

    return parse


def _epochs(text: str | int | None) -> int | None:
    return None if text is None or text == ENDLESS else _whole("epochs", 1, 100_000, ENDLESS)(text)


def _shaped(name: str, pattern: str, example: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, str(text)):
            raise InputError(f"{name} must be {example}, not {_quoted(text)}")
        return text

    return parse


def _init(text: str) -> str:
    _shaped("init", r"he|xavier|normal:\d*\.?\d+(e[-+]?\d+)?", "he, xavier or normal:SCALE (normal:0.01)")(text)
    if text.startswith("normal:"):
        scale = float(text.removeprefix("normal:"))
        if not (1e-30 <= scale < 1e6):  # what single precision can hold with room to spare
            raise InputError(f"init normal:SCALE needs a scale from 1e-30 to below 1e6, not {_quoted(text)}")
    return text


def parse_switch(name: str) -> Callable[[Any], bool]:
    """Return what reads true or false."""

    def parse(value: Any) -> bool:
        if value not in (True, False):
            raise InputError(f"{name} must be true or false, not {_quoted(value)}")
        return bool(value)

    return parse


def parse_word(name: str) -> Callable[[Any], str]:
    """Return what reads a name, whatever it may be."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{name} must be a name, not {_quoted(value)}")
        return value.strip()

    return parse


def _folder(text: Any) -> str:
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(f"data-dir must be the name of a folder, not {_quoted(text)}")
    return text


def _maybe(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else parse(value)


def _setting(default: Any, parse: Callable[[Any], Any], help_text: str, metavar: str = "") -> Any:
    """Declare a field with what every front end needs of it: how to read it, its help, its placeholder."""
    return field(default=default, metadata={"parse": parse, "help": help_text, "metavar": metavar})


@dataclass(frozen=True)
class RunSettings:
    """Everything that determines a run. Making one with a value that is not allowed raises InputError."""

    lr: float = _setting(0.1, parse_lr, "Learning rate of plain SGD on the batch mean.", "RATE")
    normalise: bool = _setting(
        False, parse_switch("normalise"), "Divide the pixels by 255, so that they lie in 0–1; raw is 0–255."
    )
    input_scale: float = _setting(
        1.0, parse_scale, "Multiply the pixels, 0–255, by this; --normalise is 1/255.", "FACTOR"
    )
    activation: str = _setting(
        "relu", _one_of("activation", *ACTIVATIONS), "What follows each hidden layer.", "|".join(ACTIVATIONS)
    )
    hidden: tuple[int, ...] = _setting((300,), parse_hidden, "Units of the hidden layers, first to last.", "N[,N…]")
    batch_size: int = _setting(256, _whole("batch-size", 1, 60_000), "Images per step.", "N")
    epochs: int | None = _setting(
        5, _epochs, f"Passes over the training set, or {ENDLESS}: until it is stopped.", f"N|{ENDLESS}"
    )
    steps: int | None = _setting(
        None, _maybe(_whole("steps", 1, MAX_STEPS)), "Stop after so many steps, whatever the epochs.", "N"
    )
    init: str = _setting("normal:0.01", _init, "First weights; biases start at 0.", "normal:SCALE|he|xavier")
    seed: int = _setting(0, _whole("seed", 0, MAX_SEED), "Seed of the weights and of the order of the images.", "N")
    engine: str = _setting(
        "auto", _one_of("engine", "auto", "mxnet", "torch", "numpy"),
        "What computes the steps; auto takes MXNet if it works, on the GPU if one is there, else PyTorch, else NumPy.",
        "auto|mxnet|torch|numpy",
    )  # fmt: skip
    device: str = _setting(
        "auto", _shaped("device", r"auto|cpu|gpu:\d{1,3}", "auto, cpu or gpu:N (gpu:0)"),
        "Where to train; auto takes a GPU that the engine can use.", "auto|cpu|gpu:N",
    )  # fmt: skip
    data_dir: str | None = _setting(
        None, _maybe(_folder), "Folder with the four IDX files, plain or .gz; they are verified.", "DIR"
    )
    full: bool | None = _setting(
        None,
        _maybe(parse_switch("full")),
        "Insist on the full Fashion-MNIST, or take the embedded subset; else the full set if it is found.",
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, each.metadata["parse"](getattr(self, each.name)))

    @property
    def live(self) -> dict[str, Any]:
        """What of them can be changed between two steps, by name."""
        return {name: getattr(self, name) for name in LIVE}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RunSettings:
        """Return the settings of that names and values; raises InputError for one that is not allowed."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold."""
        return {**asdict(self), "hidden": list(self.hidden)}
