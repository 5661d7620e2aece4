"""Keys, mouse and pasted text for Textual, of the bytes that a terminal sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from textual import events
from textual.message import Message
from textual.messages import TerminalSupportsSynchronizedOutput

from deadrelu_tui.tui.wire.sequences import Kind, Sequences, Token
from deadrelu_tui.tui.wire.textual_private import Keys

_FOCUS: dict[str, type[Message]] = {"\x1b[I": events.AppFocus, "\x1b[O": events.AppBlur}
_SYNCHRONISED = re.compile(r"\x1b\[\?2026;[123]\$y")
"""The terminal's word that it can hold a frame back until it is complete."""


class Keyboard:
    """What was typed so far, and what is in the middle of being sent."""

    def __init__(self) -> None:
        self._sequences, self._keys = Sequences(), Keys()

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which to `wait`; None while nothing has begun."""
        return self._sequences.patience

    def feed(self, data: bytes, now: float) -> list[Message]:
        """Return what bytes mean that came at a time, in seconds."""
        return list(self._messages(self._sequences.feed(data, now)))

    def wait(self, now: float) -> list[Message]:
        """Return what silence up to a time means, in seconds."""
        return list(self._messages(self._sequences.wait(now)))

    def _messages(self, tokens: Iterable[Token]) -> Iterator[Message]:
        for kind, text in tokens:
            if kind is Kind.ESCAPE:
                yield events.Key("escape", "\x1b")
            elif kind is Kind.PASTE:
                yield events.Paste(text)
            elif kind is Kind.TEXT:
                yield from self._keys.pressed(text)
            else:
                yield from self._meant(text)

    def _meant(self, sequence: str) -> Iterator[Message]:
        """Yield what a control sequence means; of those that are no key, no mouse and no answer of use: nothing."""
        if sequence in _FOCUS:
            yield _FOCUS[sequence]()
        elif sequence.startswith("\x1b[<"):
            yield from self._keys.moused(sequence)
        elif _SYNCHRONISED.fullmatch(sequence):
            yield TerminalSupportsSynchronizedOutput()
        else:
            # Kitty's keyboard protocol alone sends characters by control sequences, which end in u. What looks like
            # them otherwise is some answer that Textual takes for a key.
            typed = not sequence.startswith("\x1b[") or sequence.endswith("u")
            for key in self._keys.pressed(sequence):
                if typed or not key.is_printable:
                    yield key
