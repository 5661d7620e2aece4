"""Text for a locale that is not UTF-8: every character becomes one ASCII character, so that columns stay."""

from __future__ import annotations

from typing import TextIO

from deadrelu_tui.wording import GROUP, ascii_locale

_TABLE = str.maketrans(
    {"✔": "+", "✖": "x", "▲": "!", "●": "*", "◆": "o", "–": "-", "—": "-", "·": ".", "→": ">", "−": "-", "×": "x",
     "│": "|", "─": "-", "…": "~", "≤": "<", "≥": ">", "Σ": "S", "∂": "d", "‖": "|", "Δ": "D", "²": "2",
     "√": "V", "±": "+", "τ": "t", "↳": ">", "▸": ">", "◀": "<", "▶": ">", "↑": "^", "↓": "v", "←": "<", "❄": "*",
     "½": "/", GROUP: " "}
    | dict.fromkeys("┤├┬┴┼└┌┐┘╭╮╰╯", "+") | dict.fromkeys("▕▏", "|") | dict.fromkeys("▎▍▌▋▊▉█", "#")
    | dict(zip("▁▂▃▄▅▆▇", "_.-=+*%", strict=True))
)  # fmt: skip


def to_ascii(text: str) -> str:
    """Return the text in ASCII, as long as it was."""
    return text.translate(_TABLE).encode("ascii", "replace").decode()


def is_plain(stream: TextIO) -> bool:
    """Return whether a stream should get ASCII only."""
    encoding = (stream.encoding or "").lower().replace("-", "")
    return ascii_locale() or encoding not in ("utf8", "utf16", "utf32")
