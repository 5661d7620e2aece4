"""The config file: settings by name in TOML, checked like flags."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import platformdirs

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import (
    RunSettings,
    parse_fps,
    parse_on_hangup,
    parse_on_suspend,
    parse_speed,
    parse_switch,
    parse_word,
)
from deadrelu_tui.errors import InputError, in_a_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


BESIDE: dict[str, Callable[[Any], Any]] = {
    "trials": parse_switch("trials"),
    "fps": parse_fps,
    "mouse": parse_switch("mouse"),
    "speed": parse_speed,
    "theme": parse_word("theme"),
    "store": parse_switch("store"),
    "on_hangup": parse_on_hangup,
    "on_suspend": parse_on_suspend,
    "low_bandwidth": parse_switch("low-bandwidth"),
}
"""What can be set beside what determines a run, and how it is read."""


def path() -> Path:
    """Return where the file is looked for; it need not exist."""
    return Path(platformdirs.user_config_dir("deadrelu-tui")) / "config.toml"


def read() -> dict[str, Any]:
    """Return what the file sets, parsed; nothing without a file. Raises InputError naming file and key."""
    where = path()
    try:
        if stat.S_ISFIFO(os.stat(where).st_mode):  # reading would wait for somebody who writes
            raise ValueError("it is a pipe, not a file")
        text = where.read_text(encoding="utf-8-sig")  # some editors put a mark at its beginning
        found = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and not os.path.lexists(where):  # nor can it be, in a home that is not ours
            return {}
        raise InputError(f"{where} cannot be read: {in_a_line(error)}. It holds lines such as: lr = 0.01") from error
    known = {each.name: each.metadata["parse"] for each in fields(RunSettings)} | BESIDE
    settings: dict[str, Any] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name == "preset":
            if not isinstance(value, str) or value not in presets.PRESETS:
                raise InputError(
                    f"{where}{_line(text, key)}: preset must be one of {', '.join(presets.PRESETS)}, not {value!r}"
                )
            settings[name] = value
        elif name in known:
            try:
                settings[name] = known[name](value)
            except InputError as error:
                raise InputError(f"{where}{_line(text, key)}: {error}") from error
        else:
            allowed = ", ".join(["preset", *known])
            raise InputError(f"{where}{_line(text, key)}: {key} = {value!r} is not a setting; allowed are {allowed}")
    return settings


def _line(text: str, key: str) -> str:
    """Return in which line a key stands, if that can be told."""
    at = re.search(rf"^[ \t]*['\"]?{re.escape(key)}['\"]?[ \t]*=", text, re.MULTILINE)
    return "" if at is None else f", line {text.count(chr(10), 0, at.start()) + 1}"
