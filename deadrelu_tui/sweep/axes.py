"""What is varied: a setting and the values that it takes, as one writes them on a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.telling import setting_text
from deadrelu_tui.wording import rate

FIXED = ("seed", "data_dir", "full")
"""Settings of which a sweep has one value: where the images lie, and with which seed it begins."""
NUMBERS = ("lr", "input_scale", "batch_size", "epochs", "steps")
"""Settings that may be given as a range."""
WHOLE = ("batch_size", "epochs", "steps")
WORDS = {"lr": "learning rate", "hidden": "hidden units", "normalise": "normalised"}
"""Settings that are not called as they are spelled."""
MOST = 1_000
"""Values of one axis."""
DIGITS = 6
"""Significant digits of the values within a range: so that one can type them."""
_SCALES = ("log", "lin")
_SWITCH = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False,
           "0": False}  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes, two at least, in the order in which they are shown."""

    name: str
    values: tuple[Any, ...]

    @property
    def flag(self) -> str:
        """The setting as it is called on the command line, without dashes."""
        return self.name.replace("_", "-")

    @property
    def words(self) -> str:
        """The setting as people call it: learning rate, batch size."""
        return WORDS.get(self.name, self.flag.replace("-", " "))

    def text(self, index: int) -> str:
        """Return a value as one would type it."""
        return value_text(self.name, self.values[index])


def value_text(name: str, value: Any) -> str:
    """Return the value of a setting as one would type it, and as short as that can be."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    if isinstance(value, float):
        power = re.sub(r"\.?0*e([+-])0*", lambda found: f"e{found[1].strip('+')}", f"{value:.2e}")
        plain = rate(float(f"{value:.3g}"))
        return power if len(power) < len(plain) - 1 else plain
    return setting_text(name, value)


def values_of(name: str, texts: Sequence[str]) -> tuple[Any, ...]:
    """Return the values that a setting takes: ranges (log:LOW:HIGH:N, lin:LOW:HIGH:N), or values with commas between
    them; units of layers have commas of their own, so each of these is given by itself.

    Raises InputError for what is none, and for a value that comes twice.
    """
    parse = next(each.metadata["parse"] for each in fields(RunSettings) if each.name == name)
    flag = name.replace("_", "-")
    found = list[Any]()
    for text in texts:
        scale = text.partition(":")[0]
        if scale in _SCALES and ":" in text:
            found += _range(name, flag, text, parse)
        else:
            parts = [text] if name == "hidden" else text.split(",")
            found += [parse(_SWITCH.get(part.strip(), part.strip()) if name == "normalise" else part) for part in parts]
    if len(found) > MOST:
        raise InputError(f"{flag} has {len(found)} values; {MOST} are the most")
    for index, value in enumerate(found):
        if value in found[:index]:
            raise InputError(f"{flag} has the value {value_text(name, value)} twice")
    if len(found) > 1 and name in NUMBERS and None not in found:
        found.sort()
    return tuple(found)


def _range(name: str, flag: str, text: str, parse: Callable[[Any], Any]) -> list[Any]:
    scale, *parts = text.split(":")
    form = f"{flag} must be {scale}:LOW:HIGH:N"
    example = {"lr": "log:1e-4:10:21", "input_scale": "log:1/255:1:9"}.get(name, f"{scale}:1:64:7")
    if name not in NUMBERS:
        raise InputError(f"{flag} has no range: give its values with commas between them, not {text[:40]!r}")
    if len(parts) != 3:
        raise InputError(f"{form}, such as {example}, not {text[:40]!r}")
    low, high = _end(parts[0]), _end(parts[1])
    if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 or scale == "lin")):
        above = "above 0 and below HIGH" if scale == "log" else "below HIGH"
        raise InputError(f"{form} with two numbers, LOW {above}, such as {example}, not {text[:40]!r}")
    if not (parts[2].isdecimal() and parts[2].isascii() and len(parts[2]) < 10 and 2 <= int(parts[2]) <= MOST):
        raise InputError(f"{form} with a whole number N from 2 to {MOST}, such as {example}, not {text[:40]!r}")
    count = int(parts[2])
    shares = [index / (count - 1) for index in range(count)]
    raw = [low * (high / low) ** each if scale == "log" else low + (high - low) * each for each in shares]
    rounded = [low, *(float(f"{each:.{DIGITS}g}") for each in raw[1:-1]), high]
    apart = [after - before for before, after in pairwise(raw)]
    if any(abs(exact - each) > gap / 100 for exact, each, gap in zip(raw[1:-1], rounded[1:-1], apart, strict=False)):
        rounded = [low, *raw[1:-1], high]  # they lie too close together for that
    if name in WHOLE:
        rounded = [round(each) for each in rounded]
    return [parse(each) for each in rounded]


def _end(text: str) -> float:
    """Return a number, or a fraction such as 1/255; NaN for what is none."""
    above, _, below = text.partition("/")
    try:
        return math.nan if "_" in text else float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
