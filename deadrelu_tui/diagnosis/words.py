"""The words of a verdict, known without NumPy: who lists runs computes nothing."""

from __future__ import annotations

GLYPHS = {
    "diverged": "✖",
    "dead": "✖",
    "saturated": "▲",
    "dying": "▲",
    "vanishing": "▲",
    "guessing": "▲",
    "early": "…",
    "sparse": "✔",
    "healthy": "✔",
}
"""Each word with the sign for how grave it is, gravest first. What explains comes before what it explains: no gradient
before a loss that stands still."""
