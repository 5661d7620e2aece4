"""Numbers as people read them, and the characters that they may be made of."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.wording import count, duration, moment, number, percent, rate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (2.302585, "2.30"), (0.5, "0.500"), (1.0, "1.00"), (99.96, "100"), (72.94, "72.9"),
        (847.2, "847"), (-2.1e5, "−2.1e5"), (3.9e-4, "3.9e-4"), (0.0012, "0.00120"), (1_234.5, "1234"),
        (12_345.0, "1.23e4"),
        (99_999.0, "1e5"), (100_000.0, "1e5"), (25_470.0, "2.55e4"), (-0.07, "−0.0700"), (1e300, "1e300"),
        (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "−inf"), (5e-324, "4.94e-324"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits_and_a_real_minus_sign(value: float, text: str) -> None:
    assert number(value) == text


def test_a_number_may_have_fewer_digits() -> None:
    assert [number(value, 2) for value in (2.302585, -210_000.0, 0.0456)] == ["2.3", "−2.1e5", "0.046"]


@given(st.floats())
def test_every_number_can_be_written_short_and_read_back(value: float) -> None:
    text = number(value)
    assert len(text) <= 10  # −1.23e-308
    if 1e-99 < abs(value) < 1e99:
        assert len(text) <= 9
    assert "-" not in text.replace("e-", "")
    read = float(text.replace("−", "-"))
    if not math.isfinite(value):
        assert str(read) == str(value)
    elif abs(value) < 1e308:
        assert math.isclose(read, value, rel_tol=5.1e-3, abs_tol=5e-324)
        assert math.copysign(1, read) == math.copysign(1, value) or read == 0


@given(st.floats(1e-30, 1e30), st.integers(2, 5))
def test_a_negative_number_is_its_opposite_with_a_minus(value: float, digits: int) -> None:
    assert number(-value, digits) == "−" + number(value, digits)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"), (1.0, "100 %"), (0.5, "50.0 %"), (0.998, "99.8 %"), (0.99999, ">99.9 %"), (0.00001, "<0.1 %"),
        (0.1034, "10.3 %"), (-0.25, "−25.0 %"), (math.nan, "nan"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_a_share_is_a_percentage_and_0_or_100_only_when_it_is_exact(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(0, 1))
def test_every_share_is_a_percentage(share: float) -> None:
    assert re.fullmatch(r"[<>]?\d{1,3}(\.\d)? %", percent(share))
    assert (percent(share) == "0 %") == (share == 0)
    assert (percent(share) == "100 %") == (share == 1)


def test_thousands_stand_apart() -> None:
    assert [count(value) for value in (0, 999, 2_000, 60_000, 1_234_567)] == [
        "0", "999", "2\u202f000", "60\u202f000", "1\u202f234\u202f567",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (4.4, "0:04"), (59.6, "1:00"), (61, "1:01"), (3_599, "59:59"), (3_600, "1:00:00"), (-1, "0:00")],
)
def test_a_time_is_minutes_and_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("lr", "text"), [(0.1, "0.1"), (0.001, "0.001"), (1e-5, "1e-5"), (500.0, "500"), (1e10, "1e10"), (0.5, "0.5")]
)
def test_a_rate_is_written_as_one_would_type_it(lr: float, text: str) -> None:
    assert rate(lr) == text
    assert float(rate(lr)) == lr


@pytest.mark.parametrize(
    ("environment", "is_ascii"),
    [
        ({}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_ALL": "C", "LC_CTYPE": "C.UTF-8", "LANG": "C.UTF-8"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "C"}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_CTYPE": "C", "LANG": "C.UTF-8"}, True),
    ],
)
def test_the_first_variable_of_the_locale_decides_whatever_python_itself_puts_there(
    environment: dict[str, str], is_ascii: bool
) -> None:
    others = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LC_CTYPE", "LANG")}
    code = "from deadrelu_tui.wording import ascii_locale; print(ascii_locale())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**others, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{is_ascii}\n"


def test_a_moment_is_a_time_of_day_here_and_nothing_where_no_calendar_has_it() -> None:
    assert re.fullmatch(r"[012]\d:[0-5]\d:[0-5]\d", moment(1_700_000_000.5))
    assert moment(1_700_000_000.5, "%Y%m") == "202311"
    for beyond in (1e20, -1e20, math.nan, math.inf):
        assert moment(beyond) == ""
