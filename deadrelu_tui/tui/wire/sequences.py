"""What a terminal sends, parted into keys, pasted text and control sequences: bytes in, whole tokens out.

A terminal answers questions (also those of a program that is gone) on the same line on which it sends keys, and a slow
link cuts what it sends anywhere. So a sequence, once begun, is finished or dropped, and never becomes letters. The
states are those of Paul Williams' parser for DEC terminals (https://vt100.net/emu/dec_ansi_parser); what is added is
the silence after which a sequence is given up.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from enum import Enum, auto
from typing import NamedTuple

ESCAPE_AFTER = 0.1
"""Seconds of silence that make a lone ESC the escape key."""
DROPPED_AFTER = 5.0
"""Seconds of silence after which the rest of a sequence is no longer waited for: as long as a slow link may stall."""
LONGEST = 256
"""Bytes of a control sequence that are kept: none that is known has so many."""

_ESC, _BEL, _CAN, _SUB = 0x1B, 0x07, 0x18, 0x1A
_PASTE, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_STRINGS = b"]P_^X"
"""What begins a string after ESC: OSC, DCS, APC, PM, SOS."""
_ANSWERS = {ord("]"): b"0123456789lLI", ord("P"): b"0123456789>!$+|=?", ord("_"): b"G"}
"""How strings begin that terminals send: a key after alt+] or alt+P does not."""
_C1 = {"\x8f": "O", "\x90": "P", "\x98": "X", "\x9b": "[", "\x9d": "]", "\x9e": "^", "\x9f": "_"}
"""Controls of a single character, and what stands for each after ESC."""


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    ESCAPE = auto()
    SEQUENCE = auto()
    PASTE = auto()


class Token(NamedTuple):
    """A character, the escape key, a whole control sequence, or pasted text."""

    kind: Kind
    text: str


class _In(Enum):
    GROUND = auto()
    ESCAPE = auto()
    ALT = auto()  # ESC and a character that begins a sequence of three, or is a key with alt
    SINGLE_SHIFT = auto()
    CONTROL = auto()
    REST = auto()  # so many bytes more, whatever they are
    STRING = auto()
    STRING_ESCAPE = auto()
    PASTE = auto()


class Sequences:
    """The bytes so far."""

    def __init__(self) -> None:
        self._in = _In.GROUND
        self._held = bytearray()
        """The sequence that has begun, or what was pasted so far."""
        self._rest = 0
        self._opener = 0
        """What began the string."""
        self._told = False
        """Whether the ESC that stands at the end was told as the escape key already."""
        self._unsure = False
        """Whether silence came before the first character of a string."""
        self._last = 0.0
        self._tokens: list[Token] = []
        self._characters = getincrementaldecoder("utf-8")("surrogateescape")

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which `wait` has something to do; None if it never has."""
        if self._in is _In.GROUND:
            return None
        return ESCAPE_AFTER if self._hasty else DROPPED_AFTER

    @property
    def _hasty(self) -> bool:
        opened = self._in is _In.STRING and not self._held and not self._unsure
        return opened or self._in is _In.ALT or (self._in in (_In.ESCAPE, _In.STRING_ESCAPE) and not self._told)

    def feed(self, data: bytes, now: float) -> list[Token]:
        """Take bytes that came at a time, in seconds, and return what is complete with them."""
        self._silent(now - self._last)
        self._last = now
        for byte in data:
            self._take(byte)
        return self._taken()

    def wait(self, now: float) -> list[Token]:
        """Return what silence up to a time completes, in seconds: the escape key; and drop what it cuts off."""
        self._silent(now - self._last)
        return self._taken()

    def _silent(self, seconds: float) -> None:
        if seconds >= ESCAPE_AFTER and self._hasty:
            if self._in is _In.STRING:
                self._unsure = True
            elif self._in is _In.ALT:
                self._drop()
            else:
                if self._in is _In.ESCAPE:
                    self._tokens += [Token(Kind.ESCAPE, "\x1b")] * len(self._held)
                self._in, self._told = _In.ESCAPE, True
                self._held.clear()
        if seconds >= DROPPED_AFTER:
            if self._in is _In.PASTE:
                self._pasted(bytes(self._held))
            self._drop()

    def _taken(self) -> list[Token]:
        tokens, self._tokens = self._tokens, []
        return tokens

    def _drop(self) -> None:
        self._in, self._told, self._unsure = _In.GROUND, False, False
        self._held.clear()

    def _finish(self) -> None:
        text = self._held.decode("latin-1")
        self._drop()
        self._tokens.append(Token(Kind.SEQUENCE, text))

    def _take(self, byte: int) -> None:
        if self._in is _In.PASTE:
            self._held.append(byte)
            if self._held.endswith(_PASTE_END):
                self._pasted(bytes(self._held[: -len(_PASTE_END)]))
                self._drop()
        elif self._in is _In.REST:
            self._held.append(byte)
            self._rest -= 1
            if not self._rest:
                self._finish()
        elif byte in (_CAN, _SUB) and self._in is _In.STRING:
            self._cancel(byte)
        elif byte == _ESC:
            self._escape()
        else:
            _TAKES[self._in](self, byte)

    def _escape(self) -> None:
        if self._in is _In.STRING:
            self._in, self._told = _In.STRING_ESCAPE, False
        elif self._in is _In.ESCAPE and not self._told:
            self._held.append(_ESC)  # once more: escape, or alt with what follows
        else:
            self._characters.reset()  # ESC cuts a character off
            self._drop()
            self._in = _In.ESCAPE
            self._held.append(_ESC)

    def _ground(self, byte: int) -> None:
        for char in self._characters.decode(bytes((byte,))):
            code = ord(char)
            control = chr(code - 0xDC00) if 0xDC80 <= code <= 0xDCFF else char  # a byte that is no UTF-8
            if control in _C1:
                self._held[:] = b"\x1b"
                self._begin(ord(_C1[control]), late=True)
            elif code < 0x80 or (code >= 0xA0 and not 0xDC80 <= code <= 0xDCFF):
                self._tokens.append(Token(Kind.TEXT, char))

    def _after_escape(self, byte: int) -> None:
        late, pressed = self._told, len(self._held)
        if byte in b"[O" or byte in _STRINGS:
            self._held[:] = b"\x1b" * max(pressed, 1)
            self._begin(byte, late)
        elif late:
            # A string that was cut before its last character ends here; what else comes is a key of its own.
            self._drop()
            if byte != ord("\\"):
                self._take(byte)
        elif 0x20 <= byte <= 0x2F:
            self._in = _In.ALT
            self._held.append(byte)
        else:
            self._held.append(byte)
            self._finish()

    def _begin(self, byte: int, late: bool) -> None:
        self._told = False
        if byte in b"[O":
            self._in = _In.CONTROL if byte == ord("[") else _In.SINGLE_SHIFT
            self._held.append(byte)
        else:
            self._in, self._opener, self._unsure = _In.STRING, byte, late
            self._held.clear()

    def _alt(self, byte: int) -> None:
        self._held.append(byte)
        if 0x30 <= byte <= 0x7E:
            self._finish()
        elif not 0x20 <= byte <= 0x2F:
            self._cancel(byte)

    def _single_shift(self, byte: int) -> None:
        if 0x40 <= byte <= 0x7E:
            self._held.append(byte)
            self._finish()
        elif 0x30 <= byte <= 0x3F:
            self._keep(byte)
        else:
            self._cancel(byte)

    def _control(self, byte: int) -> None:
        begun = len(self._held.lstrip(b"\x1b")) == 1  # nothing but the bracket
        if begun and byte == ord("["):  # a function key of Linux' console
            self._held.append(byte)
            self._in, self._rest = _In.REST, 1
        elif begun and byte == ord("M"):  # the mouse as X10 reports it: button, column, row
            self._held.append(byte)
            self._in, self._rest = _In.REST, 3
        elif 0x40 <= byte <= 0x7E or (byte == ord("$") and self._held[2:].isdigit()):  # rxvt's
            self._held.append(byte)
            self._finish_control()
        elif 0x20 <= byte <= 0x3F:
            self._keep(byte)
        else:
            self._cancel(byte)

    def _finish_control(self) -> None:
        if self._held == _PASTE:
            self._held.clear()
            self._in = _In.PASTE
        elif self._held != _PASTE_END:
            self._finish()
        else:
            self._drop()

    def _string(self, byte: int) -> None:
        if not self._held:
            if self._unsure and byte not in _ANSWERS.get(self._opener, b""):
                self._cancel(byte)
                return
            self._held.append(byte)  # of what it says nothing is kept
        if byte == _BEL:
            self._drop()

    def _string_escape(self, byte: int) -> None:
        if byte == ord("\\"):
            self._drop()
        elif byte in b"[O" or byte in _STRINGS:
            self._held[:] = b"\x1b"
            self._begin(byte, late=False)
        else:  # rxvt ends its answers with ESC alone
            self._cancel(byte)

    def _keep(self, byte: int) -> None:
        if len(self._held) < LONGEST:
            self._held.append(byte)

    def _cancel(self, byte: int) -> None:
        """Drop a sequence that a byte cannot belong to, and take the byte for itself."""
        self._drop()
        self._take(byte)

    def _pasted(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace").replace("\x00", "")
        self._tokens.append(Token(Kind.PASTE, text))


_TAKES = {
    _In.GROUND: Sequences._ground,
    _In.ESCAPE: Sequences._after_escape,
    _In.ALT: Sequences._alt,
    _In.SINGLE_SHIFT: Sequences._single_shift,
    _In.CONTROL: Sequences._control,
    _In.STRING: Sequences._string,
    _In.STRING_ESCAPE: Sequences._string_escape,
}
