"""Numbers as people read them, with a real minus sign and thin groups of thousands, and whether ASCII must do."""

from __future__ import annotations

import math
import os
import re
import time
from pathlib import Path

MINUS, GROUP = "−", "\N{NARROW NO-BREAK SPACE}"


def number(value: float, digits: int = 3) -> str:
    """Return a value with so many significant digits: 2.30, −2.1e5, 3.9e-4, 0, nan, inf."""
    if not math.isfinite(value):
        return str(value).replace("-", MINUS)
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -3 <= power < 4:
        text = f"{value:.{max(0, digits - 1 - power)}f}"
    else:
        text = f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{power}"
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def percent(share: float) -> str:
    """Return a share of 1 as a percentage with one decimal; 0 % and 100 % only when they are exact: <0.1 %, >99.9 %."""
    if not math.isfinite(share):
        return number(share)
    text = f"{100 * share:.1f}"
    if text == "100.0":
        text = "100" if share == 1 else ">99.9"
    elif text in ("0.0", "-0.0"):
        text = "0" if share == 0 else "<0.1"
    return f"{text.replace('-', MINUS)} %"


def count(value: int) -> str:
    """Return a whole number with its thousands apart: 60 000."""
    return f"{value:,}".replace(",", GROUP)


def size(amount: float) -> str:
    """Return a number of bytes in round numbers: 800 B, 132 KB, 5.67 MB, 1.5 GB."""
    if amount >= 1e9:
        return f"{amount / 1e9:.1f} GB"
    if amount >= 1e6:
        return f"{amount / 1e6:.3g} MB"
    return f"{amount / 1e3:.0f} KB" if amount >= 1e3 else f"{amount:.0f} B"


def duration(seconds: float) -> str:
    """Return a time as m:ss, or h:mm:ss from an hour on."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def moment(at: float, pattern: str = "%H:%M:%S") -> str:
    """Return a moment, in seconds since 1970, as hh:mm:ss of its day here, or by another pattern of strftime.

    Empty where no calendar has it.
    """
    try:
        return time.strftime(pattern, time.localtime(at))
    except (OverflowError, OSError, ValueError):
        return ""


def rate(lr: float) -> str:
    """Return a learning rate as one would type it: 0.1, 0.001, 1e-5."""
    return re.sub(r"e([+-])0*", lambda found: f"e{found[1].strip('+')}", f"{lr:g}")


def ascii_locale() -> bool:
    """Return whether the locale that is set is not UTF-8; nothing set counts as UTF-8, as terminals are."""
    _, value = locale_set()
    return bool(value) and "utf" not in value.lower()


def locale_set() -> tuple[str, str]:
    """Return the variable that decides the locale of characters, and its value; both are empty if none is set."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name, "")
        if name == "LC_CTYPE" and value in ("C.UTF-8", "C.utf8", "UTF-8"):
            value = _given(name, value)
        if value:
            return name, value
    return "", ""


def _given(name: str, value: str) -> str:
    """Return what a variable was when this process began: Python itself puts C.UTF-8 into LC_CTYPE (PEP 538)."""
    try:
        variables = os.fsdecode(Path("/proc/self/environ").read_bytes()).split("\0")
    except OSError:  # not on Linux: there is no knowing
        return value
    return next((each.partition("=")[2] for each in variables if each.startswith(f"{name}=")), "")


def printable(text: str) -> str:
    """Return a text with whatever a terminal would obey, or could not show, written out: \\x1b, \\udc80."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == GROUP else repr(char)[1:-1] for char in text)
