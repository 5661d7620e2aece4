"""JSON that any parser reads: Python's own words for numbers that are not finite are none of it."""

from __future__ import annotations

import json
import math
from typing import Any

_finite = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def line(value: Any) -> str:
    """Return plain values as a line of JSON; a number that is not finite is the string nan, inf or -inf."""
    try:
        return _finite(value)
    except ValueError:  # there is such a number somewhere
        return json.dumps(_valid(value), ensure_ascii=False)


def _valid(value: Any) -> Any:
    """Return a value that valid JSON can hold: numbers that are not finite become strings, however deep."""
    if isinstance(value, dict):
        return {key: _valid(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_valid(each) for each in value]
    return str(float(value)) if isinstance(value, float) and not math.isfinite(value) else value
