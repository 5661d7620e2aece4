"""What a terminal sends is parted into keys and control sequences wherever a link cuts it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.wire.sequences import DROPPED_AFTER, ESCAPE_AFTER, Kind, Sequences, Token

ANSWERS = (
    b"\x1b[>41;354;0c", b"\x1b[?61;6;7;21;22;23;24;28;32;42c", b"\x1b[?1;2c", b"\x1b[=0;1c", b"\x1b/Z",  # who are you
    b"\x1bP!|00000000\x1b\\", b"\x1bP>|XTerm(354)\x1b\\", b"\x1bP1+r5463=787465726d\x1b\\", b"\x1bP0+r\x1b\\",
    b"\x1bP1$r0m\x1b\\", b"\x1bP1$r2 q\x1b\\",
    b"\x1b]4;1;rgb:cdcd/0000/0000\x07", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
    b"\x1b]52;c;bnJyMTIzNDU=\x07", b"\x1b]lrename 1 to 5\x1b\\", b"\x1b]Lnq\x1b\\",
    b"\x1b[0n", b"\x1b[3n", b"\x1b[?997;1n", b"\x1b[12;40R", b"\x1b[?12;40;1R",
    b"\x1b[8;40;120t", b"\x1b[4;800;1200t", b"\x1b[6;20;10t", b"\x1b[48;40;120;800;1200t", b"\x1b[1t",
    b"\x1b[?2026;2$y", b"\x1b[?2048;0$y", b"\x1b[12;10$y", b"\x1b[?31u",
    b"\x1b_Gi=31;OK\x1b\\", b"\x1b_Gi=31;ENOENT: r 1 2 3\x1b\\", b"\x1b^r1\x1b\\", b"\x1bXr1\x1b\\",
    b"\x1b[>0q", b"\x1b[2;1;1;112;112;1;0x", b"\x1b[<35;10;12M", b"\x1b[32;10;12M", b"\x1b[M 14", b"\x1b[M\xa0\xf1\xf2",
    b"\x1b[I", b"\x1b[O", b"\xc2\x9b>41;354;0c", b"\x9b?62;4c", b"\x9d11;rgb:1/2/3\x9c\x07",
)  # fmt: skip
"""What terminals say of themselves, and nobody types."""
KEYS = (
    b"\x1b[A", b"\x1b[1;2D", b"\x1bOP", b"\x1b[3~", b"\x1b[15~", b"\x1b[[A", b"\x1b[3$", b"\x1b[Z", b"\x1b[114;5u",
    b"\x1bOq", b"\x1b[1;5H", b"\x1b[4~",
)  # fmt: skip
"""Keys that send a sequence."""
PASTED = b"\x1b[200~r1 \xc3\xa9 \xff \x1b[A\x1b[201~"


def tokens(*parts: bytes, pause: float = 0.01) -> list[Token]:
    """Return what parts are that come one after the other, with a pause before each and a long silence after all."""
    sequences, now = Sequences(), 100.0
    found: list[Token] = []
    for part in parts:
        now += pause
        found += sequences.wait(now)
        found += sequences.feed(part, now)
    return found + sequences.wait(now + ESCAPE_AFTER) + sequences.wait(now + DROPPED_AFTER)


def typed(found: list[Token]) -> str:
    return "".join(each.text for each in found if each.kind is Kind.TEXT)


def text(*chars: str) -> list[Token]:
    return [Token(Kind.TEXT, char) for char in chars]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_of_a_terminal_types_nothing_whole_or_torn_anywhere(answer: bytes) -> None:
    for pause in (0.01, 0.2, 2.0):
        for at in range(len(answer)):
            if answer[1:2] in b"/^X" and pause > ESCAPE_AFTER and at < 3:
                continue  # escape and some keys, for all that anybody can tell; no terminal of today sends these
            assert typed(tokens(answer[:at], answer[at:] + b"n", pause=pause)) == "n", (at, pause)


@pytest.mark.parametrize("key", [*KEYS, PASTED])
def test_a_key_is_the_same_key_wherever_it_was_torn(key: bytes) -> None:
    whole = tokens(key)
    assert [each.kind for each in whole] == [Kind.PASTE if key is PASTED else Kind.SEQUENCE]
    for pause in (0.01, 0.2, 2.0):
        for at in range(1, len(key)):
            found = tokens(key[:at], key[at:] + b"n", pause=pause)
            # ESC, then silence, is the escape key; what is left then continues it all the same.
            escape = [Token(Kind.ESCAPE, "\x1b")] if at == 1 and pause > ESCAPE_AFTER else []
            assert found == [*escape, *whole, *text("n")], (at, pause)


@given(st.data())
def test_keys_and_answers_in_any_order_and_any_parts_are_what_they_are_whole(data: st.DataObject) -> None:
    letters = st.sampled_from(string.ascii_letters + string.digits + "-+é\r\t ").map(str.encode)
    said = data.draw(st.lists(letters | st.sampled_from([*ANSWERS, *KEYS, PASTED]), max_size=12))
    stream = b"".join(said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parts = [stream[first:last] for first, last in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert tokens(*parts) == [each for one in said for each in tokens(one)]


@given(st.lists(st.binary(max_size=12), max_size=6), st.sampled_from([0.001, 0.2, 6.0]))
def test_no_bytes_at_all_break_it_and_after_a_silence_a_key_is_a_key(parts: list[bytes], pause: float) -> None:
    sequences, now = Sequences(), 0.0
    for part in parts:
        now += pause
        sequences.feed(part, now)
    sequences.wait(now + DROPPED_AFTER)
    assert sequences.patience is None
    assert sequences.feed(b"q", now + 2 * DROPPED_AFTER)[-1:] == text("q")


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), max_size=20))
def test_text_in_utf_8_is_typed_as_it_is(written: str) -> None:
    assert typed(tokens(*(bytes((each,)) for each in written.encode()))) == written


def test_bytes_that_are_no_utf_8_are_left_out() -> None:
    assert tokens(b"a\xffb\xe9", b"c", b"\xc3(") == text("a", "b", "c", "(")


def test_escape_is_a_key_of_its_own_once_nothing_follows_and_alt_is_not() -> None:
    escape = Token(Kind.ESCAPE, "\x1b")
    assert tokens(b"\x1b") == [escape]
    assert tokens(b"\x1b\x1b") == [escape, escape]
    for key in "r", "\x1a", "\r", "\t", "\x7f", "é":
        assert tokens(b"\x1b", key.encode(), pause=0.2) == [escape, *text(key)]
    assert tokens(b"\x1bn") == [Token(Kind.SEQUENCE, "\x1bn")]
    assert tokens(b"\x1b\x1b[A") == [Token(Kind.SEQUENCE, "\x1b\x1b[A")]


@pytest.mark.parametrize("opener", [b"\x1bP", b"\x1b]", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b-", b"\x1b/"])
def test_alt_and_a_character_that_begins_a_string_does_not_deafen(opener: bytes) -> None:
    assert tokens(opener, b"n", b"q", pause=0.5) == text("n", "q")


def test_rxvt_ends_its_answers_with_a_bare_escape() -> None:
    assert tokens(b"\x1b]11;rgb:0/0/0\x1b", b"n", pause=0.2) == text("n")
    assert tokens(b"\x1b]11;rgb:0/0/0\x1b\x1b]10;rgb:0/0/0\x1b\x1b[A") == [Token(Kind.SEQUENCE, "\x1b[A")]


def test_a_sequence_is_broken_off_by_what_cannot_belong_to_it() -> None:
    assert tokens(b"\x1b[12\x1ar") == tokens(b"\x1b]12\x1ar") == text("\x1a", "r")
    assert tokens(b"\x1b[12\rr") == text("\r", "r")
    assert tokens(b"\x1b[1\x1b[A") == [Token(Kind.SEQUENCE, "\x1b[A")]


def test_what_is_pasted_is_text_whatever_it_holds_and_its_end_is_not_waited_for_for_ever() -> None:
    assert tokens(PASTED) == [Token(Kind.PASTE, "r1 é � \x1b[A")]
    assert tokens(b"\x1b[200~abc", b"n", pause=6.0) == [Token(Kind.PASTE, "abc"), *text("n")]


def test_a_very_long_answer_is_not_kept() -> None:
    assert tokens(b"\x1b]52;c;" + b"r" * 10**6 + b"\x07", b"\x1b[" + b"1;" * 10**5 + b"c", b"n")[-1:] == text("n")
