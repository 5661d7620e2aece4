"""Which runs words mean, and in which order."""

from __future__ import annotations

import math
from typing import Any

import pytest

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.report.wanted import ordered, sifted
from deadrelu_tui.run.summary import Summary


def summary(run: str, accuracy: float | None = None, **more: Any) -> Summary:
    last = {} if accuracy is None else {"accuracy/test": accuracy}
    given = {name: more.pop(name) for name in list(more) if name in Summary._fields}
    base = {"at": 1.8e9, "how": "finished", "last": last, "settings": {**RunSettings().as_dict(), **more}, **given}
    return Summary(run, 100, 0, **base)


RUNS = [
    summary("a", 0.9, lr=0.1, verdict="healthy", steps=1175, seconds=10.0),
    summary("b", 0.1, lr=0.5, normalise=True, verdict="dead", steps=64, seconds=1.0, hidden=[300, 100]),
    summary("c", None, lr=0.001, verdict="dying", how="failed", steps=2, title="Fashion", epochs=None),
    summary("d", math.nan, lr=0.1, verdict="diverged", at=1.9e9, done="v@10", steps=1000),
]


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ("", "abcd"), ("lr=0.1", "ad"), ("lr=1e-1", "ad"), ("lr!=0.1", "bc"), ("normalise=on", "b"),
        ("normalise=false", "acd"), ("hidden=300,100", "b"), ("verdict=DEAD", "b"), ("status=failed", "c"),
        ("accuracy>0.8", "a"), ("accuracy>=90%", "a"), ("accuracy<50%", "b"), ("steps>=1000", "ad"), ("steps<64", "c"),
        ("preset=tragedy", "ad"), ("preset=low-lr", "c"),
        ("preset!=tragedy", "bc"), ("accuracy=", "c"), ("accuracy!=", "abd"), ("verdict=", ""), ("done!=", "d"),
        ("dyi", "c"), ("TRAGEDY", "ad"),
        ("lr=0.1 healthy", "a"), ("date=2030", "d"), ("date<2030", "abc"), ("date>=2027-01", "abcd"), ("v@10", "d"),
        ("batch-size=256", "abcd"), ("input_scale=1", "abcd"),  ("speed>60", "ab"), ("seconds<5", "bcd"),
        ("accuracy=nan", "d"), ("accuracy=NaN", "d"), ("accuracy!=nan", "abc"), ("accuracy<nan", ""),
        ("epochs=5", "abd"), ("epochs=endless", "c"), ("epochs!=endless", "abd"), ("epochs>5", "c"),
        ("date=2027-01-15", "abc"), ("date>2027-01-15", "d"), ("date!=2027", "d"),
        ("date>=2027-01-15T07", "abcd"), ("date<=2027-01-15T23:59", "abc"), ("date<2027-01-15T00:00:01", ""),
        ("status=CRASHED", ""), ("status!=paused", "abcd"), ("verdict=sparse", ""), ("preset=tanh", ""),
    ],
)  # fmt: skip
def test_words_mean_the_runs_of_which_each_is_true(words: str, runs: str) -> None:
    assert "".join(each.run for each in sifted(RUNS, words.split())) == runs


def test_a_run_of_so_many_steps_has_no_number_of_epochs() -> None:
    runs = [summary("s")._replace(settings=RunSettings(steps=50).as_dict()), summary("o")]
    for word, found in (("epochs=5", "o"), ("epochs!=5", "s"), ("epochs=endless", "")):
        assert "".join(each.run for each in sifted(runs, [word])) == found


def test_a_scale_of_the_input_can_be_asked_for_as_it_was_typed_and_an_older_run_had_that_of_1() -> None:
    runs = [summary("s", input_scale=1 / 255), summary("t", input_scale=0.1), summary("o")]
    runs[2].settings.pop("input_scale")  # type: ignore[attr-defined]
    for word, found in (("input-scale=1/255", "s"), ("input_scale=0.1", "t"), ("input_scale=1", "o"),
                        ("input_scale<1", "st"), ("input_scale!=0.1", "so")):  # fmt: skip
        assert "".join(each.run for each in sifted(runs, [word])) == found
    assert "".join(each.run for each in ordered(runs, "input_scale")) == "sto"
    with pytest.raises(InputError, match=r"^input-scale must be a number from 1e-12 to 1e12, .* not '1/0'$"):
        sifted(runs, ["input_scale=1/0"])


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("nosuch=1", "there is nothing called 'nosuch' in runs; allowed are run, date, preset"),
        ("lr=fast", "lr is a number, such as 0.1 or 80%, not 'fast'"), ("steps>many", "steps is a number"),
        ("verdict>dead", "verdict is no number: it takes = and !=, not >"),
        ("normalise=maybe", "normalise takes = and != with on or off, not '=maybe'"),
        ("normalise<on", "normalise takes = and != with on or off"),
        ("x/y=1", "there is nothing called 'x/y'"), ("epochs=forever", "epochs is a number, such as 5 or endless, not"),
        *((f"date{sign}{text}", f"or '2026-11-29 14:30', not '{text}'") for sign in ("<", "=") for text in (
            "foo", "2026-9-1", "2026-13", "2026-02-30", "26-01-01", "2026-11-29 25", "2026-11-29 12:60", "2026-11-29x",
            "2026-11-", "20261129", "0000-01-01", "2026-11-29T", "2026-11-29  12:00", "٢٠٢٦",
        )),
        ("status=x", "there is no status 'x'; allowed are starting, running, paused, stopped, finished, left, "
         "failed, crashed, damaged, unreadable"),
        ("verdict!=typo", "there is no verdict 'typo'; allowed are diverged, dead, saturated, dying, vanishing,"),
        ("preset=tragdy", "there is no preset 'tragdy'; allowed are tragedy, low-lr"),
    ],
)  # fmt: skip
def test_a_condition_that_is_none_is_told_in_a_line(word: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        sifted(RUNS, [word])
    assert told in str(raised.value)


def test_a_word_that_only_a_later_version_of_us_uses_can_be_meant() -> None:
    odd = [summary("a", verdict="lazy", how="parked"), summary("b")]
    assert [each.run for each in sifted(odd, ["verdict=lazy", "status=PARKED"])] == ["a"]


@pytest.mark.parametrize("word", ["date<foo", "status=x", "verdict=typo"])
def test_what_is_mistyped_is_told_where_there_is_no_run_either(word: str) -> None:
    with pytest.raises(InputError):
        sifted([], [word])


@pytest.mark.parametrize(
    ("field", "runs"),
    [("date", "dabc"), ("accuracy", "abcd"), ("steps", "adbc"), ("seconds", "abcd"), ("lr", "cadb"),
     ("verdict", "dbca"), ("speed", "abcd"), ("hidden", "acdb"), ("done", "dabc"), ("batch-size", "abcd")],
)  # fmt: skip
def test_runs_are_sorted_by_any_field_and_those_without_it_come_last(field: str, runs: str) -> None:
    assert "".join(each.run for each in ordered(RUNS, field)) == runs


def test_the_other_way_round_those_without_it_come_last_too() -> None:
    assert "".join(each.run for each in ordered(RUNS, "accuracy", back=True)) == "bacd"


def test_what_cannot_be_sorted_by_is_told_in_a_line() -> None:
    with pytest.raises(InputError, match=r"nothing called 'colour'.*allowed are"):
        ordered(RUNS, "colour")


def test_settings_of_different_kinds_are_sorted_all_the_same() -> None:
    odd = [summary("a", mode="fast"), summary("b", mode=3), summary("c", mode=[1, 2]), summary("d")]
    assert "".join(each.run for each in ordered(odd, "mode")) == "bcad"
