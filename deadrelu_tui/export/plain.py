"""Records as plain values and as text that any file can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from deadrelu_tui.record.columns import shortest
from deadrelu_tui.wording import GROUP

_SPACES = frozenset({GROUP, "\N{NO-BREAK SPACE}"})
"""What Python takes for unprintable and we write ourselves."""


def plain(value: Any) -> Any:
    """Return a value as what valid JSON knows: a number that is not finite is a string, a float32 its shortest decimal.

    Read back as what it was, every float has the same bits.
    """
    if isinstance(value, np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, np.float32):
        return plain(shortest(value))
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def as_json(value: Any) -> str:
    """Return a value as a line of JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain)
    except (TypeError, ValueError):  # some number is not finite: the long way round
        return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def cell(value: Any) -> str:
    """Return a value as a table of text holds it: empty for None, a float by its shortest decimal."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return cell(value.tolist())
    return as_json(value)


def whole(text: str) -> str:
    """Return a text that UTF-8 can hold: half a surrogate pair, as in the name of a file, is written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(text: str) -> str:
    """Return a text with whatever nobody could see written out, as in a name: \\n, \\x1b, \\udc80."""
    return "".join(char if char.isprintable() or char in _SPACES else repr(char)[1:-1] for char in text)
