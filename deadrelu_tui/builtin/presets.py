"""The article's five experiments, by name: the same 784–300–10 network with another rate, input, activation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from deadrelu_tui.builtin.settings import LATER, RunSettings
from deadrelu_tui.errors import InputError

PRESETS: dict[str, RunSettings] = {
    "tragedy": RunSettings(),
    "low-lr": RunSettings(lr=0.001),
    "normalised": RunSettings(lr=0.5, normalise=True),
    "sigmoid": RunSettings(lr=0.5, activation="sigmoid"),
    "tanh": RunSettings(lr=0.5, activation="tanh"),
}
"""In the article's order, which is also the order of the keys 1 to 5."""

MEANING = {
    "tragedy": "raw pixels, 0–255, at lr 0.1: two updates kill most units",
    "low-lr": "raw pixels at lr 0.001: it learns, with most activations zero",
    "normalised": "pixels of 0–1 at lr 0.5: sparse, and nearly nothing dead",
    "sigmoid": "raw pixels at lr 0.5 with sigmoid: most units saturate",
    "tanh": "raw pixels at lr 0.5 with tanh: all but all units saturate",
}
"""What each of them shows, for people who choose."""
DEFAULT = "tragedy"
_EXPERIMENTS = {name: settings.live for name, settings in PRESETS.items()}
_KNOWN = {each.name for each in fields(RunSettings)} - {*LATER}
_SINCE = {each.name: each.default for each in fields(RunSettings) if each.name in LATER}


def matching(settings: RunSettings) -> str | None:
    """Return the name of the experiment that these settings are: by rate, input and activation, whatever else is set.

    The one rule for it: the keys 1 to 5 set just these, and leave layers, seed and the rest as they are.
    """
    return matching_values({**settings.live, "input_scale": settings.input_scale})


def matching_values(settings: Mapping[str, Any]) -> str | None:
    """Return the same of settings as plain values."""
    if not settings.get("normalise") and settings.get("input_scale", 1.0) != 1.0:
        return None
    return next((name for name, wanted in _EXPERIMENTS.items() if wanted.items() <= settings.items()), None)


def experiment(name: str) -> dict[str, Any]:
    """Return what makes an experiment: rate, input, activation."""
    return {**_EXPERIMENTS[name], "input_scale": 1.0}


def apply(name: str, settings: RunSettings) -> RunSettings:
    """Return the settings with what makes an experiment taken from a preset."""
    return replace(settings, **experiment(name))


def completed(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings of ours with what an older version did not tell of; those of somebody else's run as they are."""
    return {**_SINCE, **settings} if settings.keys() >= _KNOWN else settings


def ours(settings: Mapping[str, Any]) -> RunSettings | None:
    """Return settings of ours; None for those of somebody else's run, which has others, or others than we allow."""
    try:
        return RunSettings.of(settings) if settings.keys() >= _KNOWN else None
    except (InputError, TypeError):
        return None


def named(settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return number and name of the experiment that some settings are, both empty for any other."""
    name = (matching_values(settings) or "") if settings.keys() >= _KNOWN else ""
    return (str(list(PRESETS).index(name) + 1) if name else ""), name
