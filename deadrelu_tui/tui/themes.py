"""The palette: calm, and told apart by colour-blind readers (after Okabe and Ito, 2008); and which one was chosen."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from textual.theme import BUILTIN_THEMES, Theme

from deadrelu_tui.errors import InputError
from deadrelu_tui.wording import printable

DARK = Theme(
    name="deadrelu-dark",
    primary="#6cb6e8",
    secondary="#7fc8a9",
    accent="#e8c268",
    warning="#e8a33d",
    error="#ee7b4d",
    success="#58b99d",
    foreground="#cfd6de",
    background="#11161c",
    surface="#161c24",
    panel="#1d2530",
    boost="#243040",
    dark=True,
)
LIGHT = Theme(
    name="deadrelu-light",
    primary="#0067a3",
    secondary="#00755c",
    accent="#8a6100",
    warning="#9a5b00",
    error="#b83c00",
    success="#00755c",
    foreground="#1f2933",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e8e5de",
    boost="#dedad1",
    dark=False,
)

SHORT = {"dark": DARK.name, "light": LIGHT.name}
"""Our own, as they are called on the command line."""

NAMES = (*SHORT, *BUILTIN_THEMES)


def named(name: str) -> str:
    """Return the full name of a theme. Raises InputError for one that there is not."""
    known = {**SHORT, **{each: each for each in (*SHORT.values(), *BUILTIN_THEMES)}}
    if name not in known:
        raise InputError(f"there is no theme {printable(name)}; there are {', '.join(NAMES)}")
    return known[name]


class Kept:
    """The theme that was chosen last on the screen, in a file of the user's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> str:
        """Return its full name, or that of ours where none was chosen, or none that there is."""
        with suppress(OSError, ValueError, InputError):
            return named(self._file.read_text(encoding="utf-8").strip())
        return DARK.name

    def write(self, name: str) -> None:
        """Keep a choice; what cannot be kept holds for this session."""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(f"{name}\n", encoding="utf-8")
