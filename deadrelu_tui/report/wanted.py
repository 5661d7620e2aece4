"""Which runs are meant by words: conditions such as lr=0.1 or accuracy>0.8, or a text that stands in the list."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from deadrelu_tui.diagnosis.words import GLYPHS
from deadrelu_tui.errors import InputError
from deadrelu_tui.report.fields import FIELDS, names, value_of
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.wording import printable

_CONDITION = re.compile(r"([\w/-]+?)(<=|>=|!=|<|>|=)(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SWITCH = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_FALLING = frozenset({"run", "date", "accuracy", "steps", "seconds", "speed", "bytes", "accuracy/test"})
"""What is sorted with the largest first."""
_GRAVE = {word: index for index, word in enumerate(GLYPHS)}


def is_condition(word: str) -> bool:
    """Return whether a word is a condition, not a text."""
    return _CONDITION.fullmatch(word) is not None


def sifted(runs: Sequence[Summary], words: Sequence[str]) -> list[Summary]:
    """Return the runs that all words want. Raises InputError for a condition that is none."""
    for word in words:
        runs = [run for run, wanted in zip(runs, _wanted(word, runs), strict=True) if wanted]
    return list(runs)


def _wanted(word: str, runs: Sequence[Summary]) -> list[bool]:
    found = _CONDITION.fullmatch(word)
    if found is None:
        text = word.casefold()
        return [any(text in str(get(run) or "").casefold() for get in FIELDS.values()) for run in runs]
    name, sign, wanted = found.groups()
    _check(name, runs)
    return [_holds(name, value_of(run, name), sign, wanted) for run in runs]


def _check(name: str, runs: Sequence[Summary]) -> None:
    known = names(runs)
    if name.replace("-", "_") not in known and name not in known:
        raise InputError(f"there is nothing called {printable(name)!r} in runs; allowed are {', '.join(known)}")


def _holds(name: str, value: Any, sign: str, wanted: str) -> bool:
    """Return whether a value is as wanted: numbers as numbers, dates as far as told, nothing where it is missing."""
    compare = _COMPARE[sign]
    if value is None or value == "":
        return sign == ("!=" if wanted else "=")
    if not wanted and sign in ("=", "!="):
        return sign == "!="
    if isinstance(value, bool):
        if sign not in ("=", "!=") or wanted.lower() not in _SWITCH:
            raise InputError(f"{name} takes = and != with on or off, not {printable(sign + wanted)!r}")
        return compare(value, _SWITCH[wanted.lower()])
    if isinstance(value, (int, float)):
        return compare(value, _number(name, wanted))
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    if name == "date":
        return compare(text[: len(wanted)], wanted)
    if sign not in ("=", "!="):
        raise InputError(f"{name} is no number: it takes = and !=, not {sign}")
    return compare(text.casefold(), wanted.casefold())


def _number(name: str, text: str) -> float:
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise InputError(f"{name} is a number, such as 0.1 or 80%, not {printable(text)!r}") from None


def ordered(runs: Sequence[Summary], name: str, back: bool = False) -> list[Summary]:
    """Return runs sorted by a field: dates, accuracy, steps, seconds and speed from the largest on, verdicts from the
    gravest on, all else from the smallest on; or the other way round. Those without it come last.

    Raises InputError for what is no field.
    """
    _check(name, runs)
    keys = {run.run: _key(name, run.began if name == "date" else value_of(run, name)) for run in runs}
    there = [run for run in runs if keys[run.run] is not None]
    there.sort(key=lambda run: keys[run.run], reverse=(name in _FALLING) != back)
    return there + [run for run in runs if keys[run.run] is None]


def _key(name: str, value: Any) -> Any:
    """Return what values are sorted by, of any kinds; None for what is missing."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if name == "verdict":
        return 0, _GRAVE.get(value, len(_GRAVE)), ""
    if isinstance(value, (int, float)):
        return 0, value, ""
    if isinstance(value, (list, tuple)):  # the units of the layers
        return 0, sum(each for each in value if isinstance(each, (int, float))), str(value)
    return 1, 0, str(value).casefold()
