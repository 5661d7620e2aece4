"""Which runs are meant by words: conditions such as lr=0.1 or accuracy>0.8, or a text that stands in the list."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import ENDLESS, parse_scale
from deadrelu_tui.diagnosis.words import GLYPHS
from deadrelu_tui.errors import InputError
from deadrelu_tui.report.fields import FIELDS, instant, names, value_of
from deadrelu_tui.run.source import Status
from deadrelu_tui.run.summary import DAMAGED, UNREADABLE, Summary
from deadrelu_tui.wording import printable

_CONDITION = re.compile(r"([\w/-]+?)(<=|>=|!=|<|>|=)(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[ T](\d\d)(?::(\d\d)(?::(\d\d))?)?)?)?)?", re.ASCII)
_WORDS = {
    "status": (*(each.value for each in Status if each not in (Status.READY, Status.READING)), DAMAGED, UNREADABLE),
    "verdict": tuple(GLYPHS), "preset": tuple(presets.PRESETS),
}  # fmt: skip
"""What can be meant where a field is one of a few words, beside what is found in the runs."""
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
    if name == "date" and wanted:
        wanted = _date(wanted)
    elif name in _WORDS and wanted:
        _check_word(name, wanted, runs)
    value = instant if name == "date" else lambda run: value_of(run, name)
    return [_holds(name, value(run), sign, wanted) for run in runs]


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
        number = _number(name, wanted)
        if math.isnan(number) and math.isnan(value):  # which is no number to compare, but a word to be found
            return sign == "="
        return compare(value, number)
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    if name == "date":
        return compare(text[: len(wanted)], wanted)
    if sign not in ("=", "!="):
        raise InputError(f"{name} is no number: it takes = and !=, not {sign}")
    return compare(text.casefold(), wanted.casefold())


def _date(text: str) -> str:
    """Return a date as far as it is told, as the dates of runs are written. Raises InputError for what is none."""
    found = _DATE.fullmatch(text)
    if found is not None:
        given = [each for each in found.groups() if each]
        try:
            # Also of what is not told there has to be something.
            datetime(*map(int, given), *(1,) * (3 - len(given)))  # type: ignore[arg-type]
        except ValueError:
            pass
        else:
            return text.replace("T", " ")
    told = "such as 2026, 2026-11, 2026-11-29 or '2026-11-29 14:30'"
    raise InputError(f"date is a year, a month, a day or a moment, {told}, not {printable(text)!r}")


def _check_word(name: str, wanted: str, runs: Sequence[Summary]) -> None:
    """Raise InputError for a word that no run can have: what is mistyped is not to find nothing, or all."""
    if wanted.casefold() in _WORDS[name]:
        return
    known = dict.fromkeys([*_WORDS[name], *(str(value_of(run, name) or "").casefold() for run in runs)])
    if wanted.casefold() not in known:
        raise InputError(f"there is no {name} {printable(wanted)!r}; allowed are {', '.join(filter(None, known))}")


def _number(name: str, text: str) -> float:
    if name == "epochs" and text == ENDLESS:
        return math.inf
    try:
        if name.replace("-", "_") == "input_scale" and "/" in text:
            return parse_scale(text)
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        such = f"5 or {ENDLESS}" if name == "epochs" else "0.1 or 80%"
        raise InputError(f"{name} is a number, such as {such}, not {printable(text)!r}") from None


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
