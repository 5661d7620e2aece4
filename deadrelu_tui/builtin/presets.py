"""The article's five experiments, by name: the same 784–300–10 network with another rate, input, activation."""

from __future__ import annotations

from dataclasses import replace

from deadrelu_tui.builtin.settings import RunSettings

PRESETS: dict[str, RunSettings] = {
    "tragedy": RunSettings(),
    "low-lr": RunSettings(lr=0.001),
    "normalised": RunSettings(lr=0.5, normalise=True),
    "sigmoid": RunSettings(lr=0.5, activation="sigmoid"),
    "tanh": RunSettings(lr=0.5, activation="tanh"),
}
"""In the article's order, which is also the order of the keys 1 to 5."""

DEFAULT = "tragedy"
_EXPERIMENT = ("lr", "normalise", "activation")
_IRRELEVANT = ("seed", "epochs", "device", "data_dir", "full")


def matching(settings: RunSettings) -> str | None:
    """Return the name of the experiment that these settings are, whatever seed, length, device and data."""
    common = {key: getattr(settings, key) for key in _IRRELEVANT}
    return next((name for name, preset in PRESETS.items() if replace(preset, **common) == settings), None)


def apply(name: str, settings: RunSettings) -> RunSettings:
    """Return the settings with what makes an experiment (rate, input, activation) taken from a preset."""
    preset = PRESETS[name]
    return replace(settings, **{key: getattr(preset, key) for key in _EXPERIMENT})
