"""The verdict in one line: what it is, why, and which keys to press."""

from __future__ import annotations

from textual.content import Content

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.words import GLYPHS
from deadrelu_tui.record.history import History
from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.panels.lines import MUTED, cut
from deadrelu_tui.tui.remedies import Reach
from deadrelu_tui.wording import percent

_STYLES = {"✔": "$success", "…": "$primary", "▲": "$warning", "✖": "$error"}
VERDICT_STYLE = {word: (glyph, _STYLES[glyph]) for word, glyph in GLYPHS.items()}


def banner(run: Source, judged: History, found: Finding | None, width: int) -> Content:
    """Return the verdict on a run as it stands, or as it stood at some step, or what ended it, in one line: what it is,
    why, and the key to press.
    """
    end = judged.end
    if end is not None and end.error is not None:
        again = " → r starts again" if "restart" in run.can else ""
        return cut(Content.styled(f"✖ FAILED  {' '.join(end.error.split())[:400]}{again}", "$error"), width)
    if found is None:
        return cut(Content.styled("no verdict before the first step", MUTED), width)
    glyph, style = VERDICT_STYLE[found.word]
    word, remedies = f"{glyph} {found.word.upper()}  ", _remedies(found, Reach(run.can, run.live, judged.live))
    options = [(text, remedy) for remedy in remedies for text in (*telling.reasons(found), telling.found(found))]
    fitting = (each for each in options if len(word) + len(each[0]) + len(each[1]) <= width)
    text, remedy = next(fitting, (None, ""))
    if text is None:  # cut, with as much of the remedy as leaves something to read
        rooms = [(width - len(word) - len(each), each) for each in remedies]
        room, remedy = next((each for each in rooms if each[0] >= _READABLE), rooms[-1])
        text = _words(telling.found(found), room) if room >= _READABLE else ""
    if not text:  # the word and the keys: no key is cut either
        word = word.rstrip()
        remedy = remedy if len(word) + len(remedy) <= width else ""
    more = "  enter: why" if len(word) + len(text) + len(remedy) + 12 <= width else ""
    line = Content.assemble((word, f"bold {style}"), (text, ""), (remedy, f"bold {style}"), (more, MUTED))
    return cut(line, width)


def _remedies(found: Finding, reach: Reach) -> tuple[str, ...]:
    """Return what is advised, at length and in short: that it is yet to be tried, or what it came to."""
    verb, what = reach.advice(found.remedy)
    if found.tried is None:
        if not what and found.hints:
            return f" → {found.hints[0]}", ""
        return (f" → {verb} {what}", f" → {what}") if what else ("",)
    if not found.remedy:
        return " → no change did better when tried", ""
    long = what if verb == "try" else f"{verb} {what}"
    return (f" → {long} (tried: {percent(found.tried)})", f" → {what}") if what else ("",)


_READABLE = 24
"""Columns below which a piece of a sentence tells less than no sentence."""


def _words(text: str, room: int) -> str:
    """Return as many whole words of a text that is too long as have room: half a number would be another number."""
    kept = text[:room].rpartition(" ")[0]
    while kept[-1:].isdigit():  # "300…" could be the beginning of 3000
        kept = kept.rpartition(" ")[0]
    return kept + "…" if kept else ""
