from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.ascii import to_ascii


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_becomes_ascii_of_the_same_length(text: str) -> None:
    plain = to_ascii(text)
    assert plain.isascii()
    assert len(plain) == len(text)


def test_what_the_screen_uses_stays_readable() -> None:
    assert to_ascii("✖ DEAD  −2.1e5 · 60\u202f000 → n") == "x DEAD  -2.1e5 . 60 000 > n"
    assert to_ascii("▕██▌ ▏╭─╮") == "|### |+-+"
