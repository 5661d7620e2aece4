"""What a list of runs can be sorted and sifted by, each by its name, and what people read of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.telling import described, setting_text
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.wording import moment

_OWN = RunSettings().as_dict()
_COUNTED = ("lr", "normalise", "input_scale", "activation", "hidden", "batch_size", "init")
"""Settings that tell, with the seed, what was tried; the others tell where."""
_TOLD = {"batch_size": "batch", "init": "init"}
"""Settings beside those that `described` tells, and the word for each."""
_RECENT = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))
_DAYS = 7
"""For so many days a run is recent."""


def preset_of(run: Summary) -> str:
    """Return the name of the article's experiment that a run is; empty for any other."""
    return presets.named(run.settings)[1]


def experiment(run: Summary) -> str:
    """Return what was tried: an experiment by its name, and what of the settings is not as everywhere."""
    given = run.settings
    try:
        text = _tried(
            given["lr"], given["normalise"], given.get("input_scale", 1.0), given["activation"],
            tuple(given["hidden"]), given["batch_size"], given["init"],
        )  # fmt: skip
        return text if given["seed"] == _OWN["seed"] else f"{text}, seed {given['seed']}"
    except (AttributeError, LookupError, TypeError, ValueError):  # settings of another version, or of somebody else
        return run.title


@cache
def _tried(*values: Any) -> str:
    """Return what was tried, but for the seed, from what was set: in a list of thousands it comes again and again."""
    given = dict(zip(_COUNTED, values, strict=True))
    preset = presets.matching_values(given) or ""
    usual = {name: value if name != "hidden" else tuple(value) for name, value in _OWN.items()}
    usual |= presets.experiment(preset or presets.DEFAULT)
    odd = {name: value for name, value in given.items() if value != usual[name]}
    if given["normalise"]:
        odd.pop("input_scale", None)  # it is of no matter
    parts = [
        preset,
        described(odd),
        *(f"{word} {setting_text(name, odd[name])}" for name, word in _TOLD.items() if name in odd),
    ]
    return ", ".join(filter(None, parts))


def date(run: Summary) -> str:
    """Return when a run began: 2026-03-05 14:02."""
    return moment(run.began, "%Y-%m-%d %H:%M")


def instant(run: Summary) -> str:
    """Return the same to the second: 2026-03-05 14:02:59."""
    return moment(run.began, "%Y-%m-%d %H:%M:%S")


def age(run: Summary) -> str:
    """Return how long ago a run began, in words; if that is long, its day."""
    ago = time.time() - run.began
    if 0 <= ago < 86_400 * _DAYS:
        for below, unit, word in _RECENT:
            if ago < below:
                return f"{ago // unit:.0f} {word} ago"
        days = int(ago // 86_400)
        return f"{days} day{'' if days == 1 else 's'} ago"
    return moment(run.began, "%Y-%m-%d")


FIELDS: dict[str, Callable[[Summary], Any]] = {
    "run": lambda run: run.run,
    "date": date,
    "preset": preset_of,
    "experiment": experiment,
    "title": lambda run: run.title,
    "verdict": lambda run: run.verdict,
    "status": lambda run: run.status,
    "accuracy": lambda run: run.accuracy,
    "loss": lambda run: run.loss,
    "dead": lambda run: max(run.dead.values(), default=None),
    "steps": lambda run: run.steps,
    "seconds": lambda run: run.seconds,
    "speed": lambda run: run.speed,
    "bytes": lambda run: run.bytes,
    "engine": lambda run: run.engine,
    "device": lambda run: run.device,
    "host": lambda run: run.host,
    "done": lambda run: run.done,
    "sweep": lambda run: run.sweep,
}
"""Each field by its name, empty or None where a run has none; beside them stands whatever was set or measured."""


def value_of(run: Summary, name: str) -> Any:
    """Return a field of a run, a setting or what was measured last, by its name; None where there is none."""
    if name in FIELDS:
        return FIELDS[name](run)
    if name == "epochs" and run.settings.get("steps") is not None:  # which end it whatever its epochs
        return None
    if name == "epochs" and run.settings.get(name, 0) is None:  # as many as anybody may want
        return math.inf
    return presets.completed(run.settings).get(name.replace("-", "_"), run.last.get(name))


def names(runs: Iterable[Summary]) -> list[str]:
    """Return the names of all that can be asked of some runs."""
    return list(dict.fromkeys([*FIELDS, *_OWN, *(name for run in runs for name in (*run.settings, *run.last))]))
