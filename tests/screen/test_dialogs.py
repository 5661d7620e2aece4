"""The three larger dialogs through Textual's Pilot: the settings form, the list of runs, the reasons of a verdict."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import start
from fakes import canned, dying
from made_up import MadeUp
from textual.app import App, ComposeResult
from textual.geometry import Region, Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input, OptionList, Static

import deadrelu_tui.tui
from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.promise import CAN, promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.finding import Cause, Finding, Remedy
from deadrelu_tui.diagnosis.trials import Trial, Trials
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Change, Restart, Revive
from deadrelu_tui.record.history import History
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import Status
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.tui.panels import banner, lines
from deadrelu_tui.tui.panels.banner import VERDICT_STYLE
from deadrelu_tui.tui.remedies import Reach
from deadrelu_tui.tui.screens.choice import Choice
from deadrelu_tui.tui.screens.help import HelpScreen
from deadrelu_tui.tui.screens.reasons import MEANING, ReasonsScreen, measured
from deadrelu_tui.tui.screens.runs import RunRow, RunsScreen, row_of, rows_of
from deadrelu_tui.tui.screens.settings_form import FieldRow, SettingsScreen, options, typed
from deadrelu_tui.tui.themes import DARK

SIZES = [(160, 48), (80, 24), (40, 12)]
EVERY_SIZE = [*SIZES, (20, 5), (10, 3)]
NAMES = [each.name for each in fields(RunSettings)]


class Shell(App[None]):
    """An application with our style and nothing but the dialog."""

    CSS_PATH = Path(deadrelu_tui.tui.__path__[0]) / "app.tcss"

    def __init__(self, dialog: Screen[Any]) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.dialog, self.results = dialog, list[Any]()

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.results.append)


class Shown:
    """A dialog as a person has it before them."""

    def __init__(self, app: Shell, pilot: Pilot[None]) -> None:
        self.app, self.pilot, self.press = app, pilot, pilot.press

    @property
    def lines(self) -> list[str]:
        return [strip.text for strip in self.app.dialog._compositor.render_strips()]

    @property
    def text(self) -> str:
        """What is to be read, line breaks and frame left out."""
        return " ".join(" ".join(line.strip("│| +") for line in self.lines).split())

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            if true():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"it never came to be:\n{chr(10).join(self.lines)}")

    def field(self, name: str) -> FieldRow:
        return next(row for row in self.app.dialog.query(FieldRow) if row.name == name)

    async def to(self, name: str) -> FieldRow:
        """Walk to a field by key."""
        row = self.field(name)
        for _ in range(20):
            if row.control.has_focus:
                return row
            await self.press("down")
        raise AssertionError(f"{name} is not on the way")

    async def type(self, name: str, text: str) -> None:
        """Type into a field, key by key."""
        self.field(name).control.focus()
        await self.press("end", "ctrl+u", *text)

    async def fill(self, name: str, text: str) -> None:
        """Have a text in a field as if it had been typed: the form hears the same, but once."""
        control = self.field(name).control
        assert isinstance(control, Input)
        control.focus()
        control.value = text
        await self.pilot.pause()

    @property
    def result(self) -> Any:
        assert len(self.app.results) == 1
        return self.app.results[0]


@asynccontextmanager
async def shown(dialog: Screen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Shown]:
    app = Shell(dialog)
    async with app.run_test(size=size) as pilot:
        seen = Shown(app, pilot)
        await seen.until(lambda: app.screen is dialog)
        await pilot.pause()
        yield seen


# Settings


def form(settings: RunSettings | None = None, classes: str = "-unicode") -> SettingsScreen:
    return SettingsScreen(settings or RunSettings(), classes)


def test_a_setting_of_a_few_values_is_chosen_and_any_other_is_typed() -> None:
    assert options("activation") == {name: name for name in ("relu", "leaky_relu", "sigmoid", "tanh")}
    assert options("normalise") == {False: "off", True: "on"}
    assert list(options("full").items()) == [(None, "as found"), (True, "full"), (False, "embedded")]
    assert [name for name in NAMES if not options(name)] == [
        "lr", "input_scale", "hidden", "batch_size", "epochs", "steps", "init", "seed", "device", "data_dir",
    ]  # fmt: skip


@pytest.mark.parametrize("lr", [0.1, 1e-5, 0.1234567890123, 1e300, 5e-324])
def test_what_is_shown_of_a_rate_is_read_as_the_same_rate(lr: float) -> None:
    assert float(typed(lr)) == lr


async def test_every_field_has_its_row_and_all_of_them_fit_in_80_by_24() -> None:
    async with shown(form()) as seen:
        for name in NAMES:
            assert sum(line.strip("│▸ ").split(" ")[0] == name.replace("_", "-") for line in seen.lines) == 1, name
        for label in (*presets.PRESETS, "leaky_relu", "as found", "embedded", "start a new run", "esc"):
            assert label in seen.text
        assert "DIR" in seen.text  # the placeholder is the metavar


async def test_enter_hands_over_what_was_set_in_every_field() -> None:
    wanted = RunSettings(0.03, True, 0.02, "tanh", (30, 20), 64, 7, 90, "he", 3, "numpy", "cpu", "/data", False)
    async with shown(form()) as seen:
        for name in NAMES:
            value = getattr(wanted, name)
            if options(name):
                seen.field(name).control.focus()
                await seen.press(*["right"] * list(options(name)).index(value))
            else:
                await seen.type(name, typed(value))
        await seen.press("enter")
        assert seen.result == wanted


async def test_enter_on_an_untouched_form_hands_over_the_same_settings() -> None:
    settings = RunSettings(
        0.1234567890123, True, 1 / 255, "sigmoid", (3, 2), 7, 2, None, "xavier", 9, "mxnet", "gpu:1", "/data", True
    )
    async with shown(form(settings)) as seen:
        await seen.press("enter")
        assert seen.result == settings


async def test_the_button_is_reached_by_tab_and_arrows_and_does_what_enter_does() -> None:
    async with shown(form()) as seen:
        first, button = seen.app.focused, seen.app.dialog.query_one("#begin")
        for way in (("up",), ("shift+tab",), ("tab",) * (len(NAMES) + 1), ("down",) * (len(NAMES) + 1)):
            seen.app.dialog.set_focus(first)
            await seen.press(*way)
            assert seen.app.focused is button, way
            assert "Ends the run in hand" in seen.text, way
        await seen.press("enter")
        assert seen.result == RunSettings()


async def test_escape_leaves_everything_as_it_was() -> None:
    async with shown(form()) as seen:
        await seen.press("right", "right", "escape")
        assert seen.result is None


@pytest.mark.parametrize("size", SIZES[1:])
async def test_a_wrong_value_is_told_in_its_field_and_nothing_is_lost(size: tuple[int, int]) -> None:
    async with shown(form(), size) as seen:
        await seen.fill("seed", "12")
        for name, text, words in (
            ("lr", "abc", "lr must be a number above 0"),
            ("input_scale", "1/0", "input-scale must be a number from 1e-12 to 1e12"),
            ("hidden", "300,", "hidden must be 1 to 50 layers"),
            ("batch_size", "", "batch-size must be a whole number from 1 to 60000"),
            ("steps", "0", "steps must be a whole number from 1"),
            ("init", "zero", "init must be he, xavier or normal:SCALE"),
            ("device", "tpu", "device must be auto, cpu or gpu:N"),
        ):
            await seen.fill(name, text)
            seen.field("full").control.focus()
            await seen.press("enter")
            assert not seen.app.results, name
            await seen.until(lambda words=words: words in seen.text)  # type: ignore[misc]
            assert seen.app.focused is seen.field(name).control, name
            assert seen.app.dialog.query_one(".fault", Static).region.bottom <= size[1], name
            await seen.fill(name, typed(getattr(RunSettings(), name)))
            assert words not in seen.text, name
        await seen.press("enter")
        assert seen.result == RunSettings(seed=12)


@pytest.mark.parametrize(("turns", "name"), enumerate(presets.PRESETS))
async def test_an_experiment_fills_in_rate_input_and_activation_and_leaves_the_rest(turns: int, name: str) -> None:
    settings = RunSettings(seed=7, hidden=(20,), input_scale=0.1)
    async with shown(form(settings)) as seen:
        await seen.fill("lr", "abc")
        await seen.fill("epochs", "3")
        seen.app.dialog.query_one("#field-preset", Choice).focus()
        await seen.press(*["right"] * (turns + 1), "enter")
        assert seen.result == presets.apply(name, replace(settings, epochs=3))


async def test_the_experiment_is_shown_that_the_fields_make() -> None:
    async with shown(form()) as seen:
        assert "● tragedy" in seen.text
        await seen.fill("lr", "0.001")
        await seen.until(lambda: "● low-lr" in seen.text)
        await seen.fill("lr", "0.7")
        await seen.until(lambda: not any(f"● {name}" in seen.text for name in ("tragedy", "low-lr", "normalised")))


@pytest.mark.parametrize(("classes", "sign"), [("-unicode", "•"), ("-ascii", "*")])
async def test_what_differs_from_the_run_in_hand_is_marked_with_what_it_was(classes: str, sign: str) -> None:
    async with shown(form(classes=classes)) as seen:
        assert not any(f"{sign}{name}" in seen.text for name in ("lr", "activation"))
        await seen.fill("lr", "0.2")
        seen.field("activation").control.focus()
        await seen.press("right", "right")
        assert f"{sign}lr" in seen.text
        assert "was 0.1" in seen.text
        assert "was relu" in seen.text
        await seen.press("left", "left")
        assert f"{sign}activation" not in seen.text


async def test_the_field_in_focus_is_pointed_at_and_explained_in_full() -> None:
    async with shown(form()) as seen:
        for each in fields(RunSettings):
            await seen.to(each.name)
            assert f"▸ {each.name.replace('_', '-')}" in seen.text
            assert each.metadata["help"] in seen.text


async def test_every_field_comes_into_view_at_every_size() -> None:
    async with shown(form()) as seen:
        for size in (*SIZES, (20, 5)):
            await seen.pilot.resize_terminal(*size)
            await seen.until(lambda size=size: seen.app.dialog.size == size)  # type: ignore[misc]
            for name in NAMES:
                row = await seen.to(name)
                await seen.until(lambda row=row: seen.app.dialog.can_view_entire(row))  # type: ignore[misc]


async def test_a_click_chooses_and_the_button_begins() -> None:
    async with shown(form()) as seen:
        control = seen.field("activation").control
        await seen.pilot.click(control, offset=("● relu  ○ leaky_relu  ".index("leaky"), 0))
        assert "● leaky_relu" in seen.text
        assert control.has_focus
        await seen.pilot.click("#begin")
        assert seen.result == RunSettings(activation="leaky_relu")


async def test_where_only_one_option_has_room_a_click_goes_to_the_next() -> None:
    async with shown(form(), (40, 12)) as seen:
        row = seen.field("activation")
        row.control.focus()
        await seen.until(lambda: "‹ relu ›" in seen.text)
        await seen.pilot.click(row.control, offset=(4, 0))
        assert "‹ leaky_relu ›" in seen.text
        await seen.pilot.click(row.control, offset=(0, 0))
        assert "‹ relu ›" in seen.text


# Runs

ROWS = (
    RunRow("3", 3, "14:04:00", "own", "input 0–1, lr 0.2, leaky_relu, 300–100 hidden, seed 0", Status.RUNNING, 431,
           1175, "healthy", None),
    RunRow("2", 2, "14:03:00", "tanh", "raw input 0–255, lr 0.5, tanh, 300 hidden, seed 0", Status.STOPPED, 900,
           1175, "saturated", 0.1),
    RunRow("1", 1, "14:02:31", "tragedy", "raw input 0–255, lr 0.1, relu, 300 hidden, seed 0", Status.FAILED, 0, None,
           "", None),
)  # fmt: skip


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_row_tells_of_a_run_what_it_recorded(executor: Executor) -> None:
    at = time.mktime((2024, 1, 31, 14, 2, 31, 0, 0, -1))
    settings = RunSettings(epochs=2)
    run = Run(replace(promise(settings), at=at), canned(dying), executor, settings.live)
    fresh = row_of(1, run)
    assert (fresh.status, fresh.done, fresh.steps, fresh.verdict, fresh.accuracy) == (Status.READY, 0, None, "", None)
    run.begin()
    run.join(60)
    row = row_of(1, run, ghost="·")
    assert row.started == "14:02:31"
    assert row.experiment == "tragedy"
    assert row.description == "raw input 0–255, lr 0.1, relu, 300 hidden, seed 0"
    assert (row.status, row.done, row.steps, row.verdict) == (Status.FINISHED, 100, 100, "dead")
    assert row.accuracy == pytest.approx(0.1)
    assert row.ghost


@pytest.mark.parametrize("size", SIZES[:2])
async def test_the_list_tells_of_every_run(size: tuple[int, int]) -> None:
    async with shown(RunsScreen(ROWS, "-unicode"), size) as seen:
        text = seen.text.replace("\u202f", " ")
        for words in ("3 14:04:00 own ✔ healthy – running 431/1 175", "in hand input 0–1, lr 0.2, leaky_relu",
                      "2 14:03:00 tanh ▲ saturated 10.0 % stopped 900/1 175",
                      "1 14:02:31 tragedy – – failed 0"):  # fmt: skip
            assert words in text


async def test_enter_chooses_the_run_that_is_pointed_at() -> None:
    async with shown(RunsScreen(ROWS, "-unicode")) as seen:
        assert "▸ 2 14:03:00" in seen.text
        await seen.press("down")
        await seen.until(lambda: "▸ 1 14:02:31" in seen.text)
        await seen.press("enter")
        assert seen.result == ROWS[2]


@pytest.mark.parametrize("size", SIZES)
async def test_a_click_chooses_a_run_and_the_run_in_hand_cannot_be_chosen(size: tuple[int, int]) -> None:
    async with shown(RunsScreen(ROWS, "-unicode"), size) as seen:
        runs = seen.app.dialog.query_one(OptionList)
        runs.scroll_home(animate=False, immediate=True)
        await seen.pilot.pause()
        await seen.pilot.click(runs, offset=(5, 0))
        assert not seen.app.results
        below = next(index for index, line in enumerate(seen.lines) if "14:03:00" in line)
        await seen.pilot.click(offset=(runs.region.x + 5, below))
        assert seen.result == ROWS[1]


@pytest.mark.parametrize("size", SIZES)
async def test_the_ghost_is_marked_and_chosen_again_at_once(size: tuple[int, int]) -> None:
    async with shown(RunsScreen((*ROWS[:2], replace(ROWS[2], ghost="·")), "-unicode"), size) as seen:
        await seen.until(lambda: "ghost" in " ".join(seen.lines[:-1]) and "14:02:31" in seen.text)
        assert "ghost on/off" in seen.text
        await seen.press("enter")
        assert seen.result == replace(ROWS[2], ghost="·")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [ROWS[:1], ()])
async def test_the_only_run_is_shown_with_a_sentence_and_cannot_be_chosen(
    rows: tuple[RunRow, ...], size: tuple[int, int]
) -> None:
    async with shown(RunsScreen(rows, "-unicode"), size) as seen:
        assert "There is no earlier run yet. Close this and press r to start another" in seen.text
        await seen.press("enter", "down", "enter")
        assert not seen.app.results
        await seen.press("escape")
        assert seen.result is None


async def test_many_runs_scroll_and_the_keys_stay_in_view() -> None:
    rows = tuple(replace(ROWS[1], number=number) for number in range(40, 0, -1))
    for size in SIZES:
        async with shown(RunsScreen(rows, "-unicode"), size) as seen:
            await seen.press("end")
            await seen.until(lambda seen=seen: "▸ 1 " in seen.text)  # type: ignore[misc]
            assert "esc close" in seen.text


async def test_no_line_of_the_list_is_cut_however_long_the_run() -> None:
    row = replace(ROWS[1], number=999, done=9_999_999, steps=10_000_000, description="x, " * 60 + "end")
    for size in SIZES:
        async with shown(RunsScreen((ROWS[0], row), "-unicode"), size) as seen:
            await seen.press("pagedown", "end")
            runs = seen.app.dialog.query_one(OptionList)
            runs.scroll_end(animate=False, immediate=True)
            await seen.until(lambda seen=seen: "end" in seen.text)  # type: ignore[misc]


# Reasons


LIVE = RunSettings().live
REACH = Reach(CAN, LIVE)
FINDINGS = (
    Finding("DeadRelu", "dead", {"of": 300, "probe": 2_000}, Cause("overshoot", {"input": 72.94, "changed": False}),
          (Change({"normalise": True}), Restart()), 0.99, 0.5, 8, "h1"),
    Finding("Guessing", "guessing", {"classes": 10}, None, (Restart({"init": "he"}),), 2.3026, math.log(10), 12),
    Finding("CheckInputImages", "", {"deviation": 90.0}, value=72.9, threshold=0.2),
)  # fmt: skip


def test_a_value_stands_against_its_threshold_rounded() -> None:
    assert measured(0.98765, 0.5) == "0.988 > 0.5"
    assert measured(1e-9, 1e-7) == "1e-9 < 1e-7"
    assert measured(2.3026, math.log(10)) == "2.30 ~ 2.3"
    assert measured(1.0, 1.0) == "1.00 = 1"
    assert measured(math.nan, math.inf) == "nan"
    assert measured(math.nan, math.nan) == "–"


def test_every_word_of_the_verdict_is_explained() -> None:
    assert set(MEANING) == set(VERDICT_STYLE)


async def test_the_reasons_say_what_why_and_how_to_test_it_and_list_every_finding() -> None:
    async with shown(ReasonsScreen(FINDINGS, 1174, REACH, "-unicode"), (160, 48)) as seen:
        text = seen.text.replace("\u202f", " ")
        for words in (
            "✖ DEAD h1: 297 of 300 units never fire on 2 000 probe images, half by step 8.",
            MEANING["dead"], "Why Input mean 72.9.", "Test it Press n, then r. Not tried so far.",
            "Every finding as of step 1 174, the gravest first", "rule layer measured since",
            "✖ DeadRelu h1 0.990 > 0.5 step 8", "▲ Guessing all 2.30 ~ 2.3 step 12",
            "· CheckInputImages all 72.9 > 0.2 step 0", "note: Input averages 72.9, standard deviation 90.0.",
        ):  # fmt: skip
            assert words in text
        assert text.index("Why") < text.index("Test it") < text.index("Every finding")


async def test_a_remedy_that_sets_something_says_what_and_what_is_not_known_is_left_out() -> None:
    async with shown(ReasonsScreen(FINDINGS[1:], 60, REACH, "-unicode"), (160, 48)) as seen:
        assert "▲ GUESSING" in seen.text
        assert "Test it Press s: init he, then r. Not tried so far." in seen.text
        assert "Why" not in seen.text


TRIED = Trials(
    LIVE, 60,
    (Trial((), 0.1), Trial((Change({"normalise": True}), Restart()), 0.7125), Trial((Restart({"init": "he"}),), 0.333)),
)  # fmt: skip


async def test_what_was_tried_stands_below_the_best_first_and_what_is_advised_is_marked() -> None:
    advised = (replace(FINDINGS[0], tried=0.7125), *FINDINGS[1:])
    async with shown(ReasonsScreen(advised, 1174, REACH, "-unicode", TRIED), (160, 48)) as seen:
        came = "Tried on a copy, that came to 71.2 % of the probe images right."
        assert f"Test it Press n, then r. {came}" in seen.text
        assert "What was tried, 60 steps each, and the share of probe images then right" in seen.text
        table = seen.text[seen.text.index("What was tried") :]
        assert table.index("▸ n, then r 71.2 %") < table.index("s: init he, then r 33.3 %")
        assert table.index("33.3 %") < table.index("nothing changed 10.0 %")
        assert table.count("▸") == 1


async def test_where_no_change_did_better_that_is_said() -> None:
    leave = (replace(FINDINGS[0], remedy=(), tried=0.72), *FINDINGS[1:])
    async with shown(ReasonsScreen(leave, 1174, REACH, "-unicode", TRIED), (160, 48)) as seen:
        assert "Test it Leave it as it is. Tried on a copy, that came to 72.0 %" in seen.text


async def test_a_remedy_for_whom_no_key_does_it_is_what_another_run_would_begin_with() -> None:
    lower = (Change({"normalise": True, "lr": 0.05}), Restart({"hidden": (600, 600)}))
    read, words = Reach(frozenset({"play"}), LIVE), "normalise, lr 0.05, wider layers (600,600)"
    ill = (replace(FINDINGS[0], remedy=lower), *FINDINGS[1:])
    async with shown(ReasonsScreen(ill, 1174, read, "-unicode", TRIED), (160, 48)) as seen:
        assert f"Test it Begin another run with {words}. Not tried so far." in seen.text
        table = seen.text[seen.text.index("What was tried") :]
        assert (
            table.index("begun with normalise 71.2 %")
            < table.index("init he 33.3 %")
            < table.index("nothing changed 10.0 %")
        )
        assert "press" not in seen.text


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ((Change({"lr": 0.05}), Revive()), ("while it trains:", "lr 0.05, revive")),
        ((Change({"lr": 0.05}),), ("while it trains:", "lr 0.05")),
        ((Revive(),), ("while it trains:", "revive")),
        ((Restart(),), ("begin with", "the same settings")),
        ((Change({"normalise": False}), Restart()), ("begin with", "no normalise")),
    ],
)
def test_a_remedy_that_begins_nothing_anew_is_no_run_to_begin(remedy: Remedy, told: tuple[str, str]) -> None:
    assert Reach(frozenset(), LIVE).advice(remedy) == told


async def test_a_remedy_that_is_set_already_is_no_key_and_no_better_than_nothing() -> None:
    done = (replace(FINDINGS[0], remedy=(Change({"normalise": True}),), tried=0.72), *FINDINGS[1:])
    tried = replace(TRIED, rows=(Trial((), 0.1), Trial((Change({"normalise": True}),), 0.72)))
    now = Reach(REACH.can, {**LIVE, "normalise": True})
    async with shown(ReasonsScreen(done, 1174, now, "-unicode", tried), (160, 48)) as seen:
        assert "Test it It is set already. Tried on a copy, that came to 72.0 %" in seen.text
        assert "▸ what is set now 72.0 %" in seen.text


@pytest.mark.parametrize(
    ("finding", "width", "expected"),
    [
        (FINDINGS[0], 160, "half by step 8. Input mean 72.9 → try n, then r  enter: why"),
        (replace(FINDINGS[0], tried=0.7125), 160, "Input mean 72.9 → n, then r (tried: 71.2 %)  enter: why"),
        (replace(FINDINGS[0], remedy=(), tried=0.72), 160, " → no change did better when tried"),
        (FINDINGS[0], 80, "… → try n, then r"),
    ],
)
def test_the_banner_says_whether_its_remedy_was_tried(finding: Finding, width: int, expected: str) -> None:
    history = History()
    history.add(start())
    run = SimpleNamespace(history=history, live=LIVE, can=REACH.can)
    text = banner.banner(run, history, finding, width).plain.replace("\u202f", " ")
    assert expected in text
    assert len(text) <= width


@pytest.mark.parametrize(
    ("finding", "width", "expected"),
    [
        (FINDINGS[0], 160, "Input mean 72.9 → begin with normalise  enter: why"),
        (replace(FINDINGS[0], tried=0.7125), 160, "Input mean 72.9 → begin with normalise (tried: 71.2 %)  enter: why"),
        (FINDINGS[0], 48, " → normalise"),
    ],
)
def test_the_banner_of_a_run_that_is_only_read_names_no_keys(finding: Finding, width: int, expected: str) -> None:
    history = History()
    history.add(start())
    run = SimpleNamespace(history=history, live=LIVE, can=frozenset({"play"}))
    text = banner.banner(run, history, finding, width).plain.replace("\u202f", " ")
    assert expected in text
    assert " n" not in text.partition("→")[2].replace(" normalise", "")


async def test_without_a_finding_the_reasons_say_so() -> None:
    async with shown(ReasonsScreen((), 0, REACH, "-unicode")) as seen:
        assert "No verdict before the first step." in seen.text


@pytest.mark.parametrize("key", ["enter", "escape", "q"])
async def test_enter_escape_and_q_close_the_reasons(key: str) -> None:
    async with shown(ReasonsScreen(FINDINGS, 9, REACH, "-unicode")) as seen:
        await seen.press(key)
        assert seen.result is None


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 5)])
async def test_the_last_finding_is_reached_by_scrolling(size: tuple[int, int]) -> None:
    async with shown(ReasonsScreen(FINDINGS, 9, REACH, "-unicode"), size) as seen:
        await seen.press("end")
        await seen.until(lambda: "90.0." in seen.text)


# All three


def dialogs(classes: str) -> list[Screen[Any]]:
    return [
        SettingsScreen(RunSettings(), classes),
        RunsScreen((*ROWS[:2], replace(ROWS[2], ghost="·")), classes),
        RunsScreen(ROWS[:1], classes),
        ReasonsScreen(FINDINGS, 1174, REACH, classes),
    ]


@pytest.mark.parametrize("size", EVERY_SIZE)
async def test_where_the_locale_is_not_utf8_everything_is_ascii(size: tuple[int, int]) -> None:
    for dialog in dialogs("-ascii"):
        async with shown(dialog, size) as seen:
            for key in ("right", "down", "down", "down", "right", "end"):
                text = "\n".join(seen.lines)
                assert text.isascii(), text
                assert "?" not in text, text
                await seen.press(key)
            if isinstance(dialog, SettingsScreen):
                for name in NAMES:
                    seen.field(name).control.focus()
                    await seen.pilot.pause()
                    assert seen.text.isascii(), seen.text
                await seen.fill("lr", "abc")
                await seen.press("enter")
                assert seen.text.isascii(), seen.text


async def test_any_dialog_stands_every_size_while_it_is_open() -> None:
    for dialog in dialogs("-unicode"):
        async with shown(dialog, (80, 24)) as seen:
            for size in [*EVERY_SIZE, (1, 1), (200, 60), (80, 24)]:
                await seen.pilot.resize_terminal(*size)
                await seen.press("down")
            assert seen.app.screen is dialog


async def test_without_colour_focus_choice_and_change_can_still_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(form()) as seen:
        await seen.fill("lr", "0.001")
        assert "▸•lr" in seen.text
        assert "● low-lr" in seen.text
        assert isinstance(seen.field("lr").control, Input)


async def test_the_list_points_at_the_next_run_that_holds_a_text() -> None:
    rows = [replace(ROWS[1], number=9 - index, experiment=name) for index, name in
            enumerate(("own", "tragedy", "low-lr", "tanh", "low-lr"))]  # fmt: skip
    async with shown(RunsScreen(rows, "-unicode"), (160, 48)) as seen:
        runs = seen.app.screen.query_one(OptionList)
        for found in (2, 4, 2):
            await seen.press("slash", *"LOW", "enter")
            await seen.until(lambda found=found: runs.highlighted == found)  # type: ignore[misc]
        await seen.press("slash", *"nobody", "enter")
        assert runs.highlighted == 2
        for key, at in (("G", 4), ("k", 3), ("g", 1), ("j", 2)):
            await seen.press(key)
            assert runs.highlighted == at


async def test_a_click_on_esc_closes() -> None:
    for dialog, widget in zip(dialogs("-unicode"), (".keys", ".window", ".window", ".window"), strict=True):
        async with shown(dialog, (160, 48)) as seen:
            region = seen.app.dialog.query_one(widget).region
            line = region.bottom - 1
            await seen.pilot.click(offset=(seen.lines[line].index("esc"), line))
            await seen.until(lambda seen=seen: bool(seen.app.results))  # type: ignore[misc]
            assert seen.result is None


def some_help() -> HelpScreen:
    return HelpScreen([("the screen", [("q", "quit", "Leave.")])], "-unicode")


class Behind(App[None]):
    """A coloured screen behind a dialog."""

    CSS = "Static { background: red; color: green; height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Static("colours")


def cells_behind(app: App[None]) -> list[Strip]:
    return app.screen.render_lines(Region(0, 0, *app.size))


async def test_what_lies_behind_a_dialog_is_dimmed_and_as_large_as_the_terminal_while_that_is_resized() -> None:
    app = Behind()
    async with app.run_test(size=(40, 10)) as pilot:
        plain = next(iter(app.screen._compositor.render_strips()[0])).style
        await app.push_screen(some_help())
        await pilot.pause()
        dimmed = next(iter(cells_behind(app)[0])).style
        assert plain is not None
        assert dimmed is not None
        assert plain.bgcolor != dimmed.bgcolor
        for size in ((80, 30), (20, 6)):
            await pilot.resize_terminal(*size)
            assert [strip.cell_length for strip in cells_behind(app)] == [size[0]] * size[1]
        app.screen_stack[0]._compositor.size = Size(10, 3)  # as it is while the terminal grows
        assert [strip.cell_length for strip in cells_behind(app)] == [20] * 6


async def test_without_colour_there_is_none_behind_a_dialog_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Behind()
    async with app.run_test(size=(40, 10)) as pilot:
        await app.push_screen(some_help())
        await pilot.pause()
        for strip in cells_behind(app):
            for segment in strip:
                for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    if colour is not None and colour.triplet is not None:
                        assert len(set(colour.triplet)) == 1, colour


@pytest.mark.parametrize(
    ("engine", "width", "expected"),
    [
        ("numpy", 120, "784–300–10 · NumPy on cpu"), ("torch", 120, "784–300–10 · PyTorch on cpu"),
        ("mxnet", 90, "784–300–10 · MXNet"),
        ("mxnet", 80, "embedded · MXNet"), (None, 120, "784–300–10 · cpu"),
    ],
)  # fmt: skip
def test_the_header_says_what_computes_the_steps(engine: str | None, width: int, expected: str) -> None:
    facts = {} if engine is None else {"engine": engine}
    run = SimpleNamespace(
        start=replace(start(), facts=facts), status=Status.RUNNING, can=frozenset(), here=True, unrecorded="",
        history=History(),
    )  # fmt: skip
    text = lines.header(run, 0.0, None, width).plain
    assert len(text) == width
    assert f"{expected}  " in text


def test_the_header_says_that_a_run_is_not_recorded_as_long_as_it_is_not() -> None:
    source = MadeUp()
    for why in ("", "No space left on device"):
        source.unrecorded = why
        assert ("not recorded" in lines.header(source, 0.0, None, 100).plain) is bool(why)


async def test_recorded_runs_come_below_those_of_the_session_as_soon_as_they_are_read() -> None:
    goes_on, more = threading.Event(), [replace(ROWS[1], run="old", number=None, started="12 Nov")]

    def read() -> list[RunRow]:
        assert goes_on.wait(20)
        return more

    async with shown(RunsScreen(ROWS[:1], "-unicode", read), (120, 36)) as seen:
        assert seen.app.screen.query_one(OptionList).option_count == 1
        assert not seen.app.screen.query_one(".alone").display
        goes_on.set()
        await seen.until(lambda: seen.app.screen.query_one(OptionList).option_count == 2)
        assert "12 Nov" in str(seen.app.screen.query_one(OptionList).get_option_at_index(1).prompt)
        await seen.pilot.press("enter")
        assert seen.result == more[0]


async def test_where_there_is_no_other_run_at_all_that_is_said_once_it_is_known() -> None:
    def read() -> list[RunRow]:
        raise InputError("the folder cannot be read")

    async with shown(RunsScreen(ROWS[:1], "-unicode", read), (120, 36)) as seen:
        await seen.until(lambda: bool(seen.app.screen.query_one(".alone").display))


def test_a_recorded_run_is_told_by_its_day_and_one_that_is_shown_already_is_left_out() -> None:
    old = Summary("old", 7, 7, at=time.mktime((2024, 1, 31, 14, 2, 31, 0, 0, -1)), how="stopped", verdict="dead",
                  settings=RunSettings().as_dict(), steps=12, last={"accuracy/test": 0.1})  # fmt: skip
    (row,) = rows_of([old, old._replace(run="here")], {"here"}, {"old": "·"})
    assert (row.run, row.number, row.started, row.experiment, row.ghost) == ("old", None, "31 Jan", "tragedy", "·")
    assert (row.status, row.done, row.steps, row.verdict, row.accuracy) == (Status.STOPPED, 12, None, "dead", 0.1)
