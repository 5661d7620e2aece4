"""The screen through Textual's Pilot, over trainings without MXNet: each key and what is then to be seen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from unittest.mock import Mock

import pytest
from apps import begun, made, monitor
from fakes import canned, diverging, dying, healthy, waiting
from rich.console import RenderableType
from textual._compositor import LayoutUpdate
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Label, Static

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Pause, Stop
from deadrelu_tui.record.metrics import METRICS
from deadrelu_tui.record.records import Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run, Training
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.keys import ANYWHERE, EVENT_KEYS, KEYS, LAYER_KEYS, UNIT_KEYS, explained
from deadrelu_tui.tui.panels import lines as status
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot import chart
from deadrelu_tui.tui.screens.help import HelpScreen, HelpText, wrapped
from deadrelu_tui.tui.screens.questions import EndQuestion, QuitQuestion, RateQuestion

WIDE, MIDDLE = (160, 48), (80, 24)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Seen:
    """What a person sees of an app, and the run behind it."""

    def __init__(self, app: MonitorApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self._press = pilot.press
        pilot.press = self.press  # type: ignore[method-assign]

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until all panels show what they have done."""
        await self._press(*keys)
        await self.until(lambda: True)

    @property
    def dialog(self) -> str:
        """What the labels of the dialog on top say."""
        return "\n".join(str(each.visual) for each in self.app.screen.query(Label))

    @property
    def run(self) -> Run:
        assert self.app.monitor is not None
        run = self.app.monitor.run_in_hand
        assert isinstance(run, Run)
        return run

    def line(self, name: str) -> str:
        """Return what a line says; nothing while panels are made anew."""
        assert self.app.monitor is not None
        return "".join(str(each.visual) for each in self.app.monitor.query(f"#{name}").results(Static))

    def title(self, panel: str) -> str:
        assert self.app.monitor is not None
        return self.app.monitor.query_one(f"#{panel}", CellPanel).title

    def cells(self, panel: str) -> str:
        assert self.app.monitor is not None
        widget = self.app.monitor.query_one(f"#{panel}", CellPanel)
        return "\n".join(widget.render_line(y).text for y in range(widget.size.height))

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something shows, with every panel drawn."""
        for _ in range(500):
            whole = not self.app.is_running or self.app.monitor is None or self.app.monitor.frame.complete
            if whole and true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it never came to be")

    async def ended(self) -> None:
        await self.until(lambda: not self.run.alive)
        await self.until(lambda: f" {self.run.status.value}" in self.line("header"))


@asynccontextmanager
async def screen(
    executor: Executor,
    training: Training,
    size: tuple[int, int] = WIDE,
    settings: RunSettings | None = None,
) -> AsyncIterator[Seen]:
    app = monitor(settings or RunSettings(epochs=2), lambda each: made(each, training, executor))
    async with app.run_test(size=size) as pilot:
        seen = Seen(app, pilot)
        try:
            await seen.until(lambda: app.monitor is not None and app.monitor.run_in_hand.status is not Status.READY)
            yield seen
        finally:
            seen.run.send(Stop())
    app.close()


def paused_at(step: int) -> Training:
    """A healthy training that pauses itself before a step, so that a test finds it alive."""
    inner = canned(healthy)

    def training(promised: Start, controls: Controls) -> Iterator[Record | Steps]:
        for item in inner(promised, controls):
            if getattr(item, "step", -1) == step - 1:
                controls.send(Pause())
            yield item

    return training


def whole(frame: str) -> bool:
    """Say whether every panel stands there with all of its frame: three rows of them, of 3, 4 and 2."""
    rows = frame.split("\n")
    corners = [[row.count(corner) for row in rows if corner in row] for corner in "╭╮╰╯"]
    return corners == [[3, 4, 2]] * 4


def frames(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what every whole screen that is sent from now on reads, as a list that grows."""
    sent: list[str] = []
    show = MonitorApp._display

    def watched(app: MonitorApp, at: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate):
            sent.append("\n".join("".join(strip.text for strip in row) for row in renderable.strips))
        show(app, at, renderable)

    monkeypatch.setattr(MonitorApp, "_display", watched)
    return sent


async def test_the_first_frame_has_every_panel_in_its_frame(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = frames(monkeypatch)
    monkeypatch.setattr(chart, "loaded", lambda: False)  # as it is at first in a process
    ready = threading.Event()

    def loading(promised: Start, controls: Controls) -> Iterator[Record]:
        ready.wait()
        yield from ()

    try:
        async with screen(executor, loading) as seen:
            await seen.pilot.pause()
            assert whole(sent[0]), sent[0]
            now = "\n".join(strip.text for strip in seen.app.screen._compositor.render_strips())
            assert whole(now), now
            ready.set()
    finally:
        ready.set()


async def test_a_run_that_kills_its_units_is_called_dead_with_its_numbers(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        assert "DEAD" in seen.line("verdict")
        assert "300 of 300 units never fire on 2 000 probe images".replace("2 000", "2\u202f000") in seen.line(
            "verdict"
        )
        assert "never fires 100 %" in seen.title("dead-h1")
        assert "✖ " * 20 in seen.cells("units")
        assert "step 100/100" in seen.line("progress")


async def test_a_healthy_run_is_called_healthy(executor: Executor) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        assert "HEALTHY" in seen.line("verdict")
        assert "zeros 50.0 %" in seen.title("dead-h1")


async def test_there_is_a_chart_for_each_layer_the_loss_and_every_parameter(executor: Executor) -> None:
    async with screen(executor, canned(), settings=RunSettings(hidden=(30, 20), epochs=1)) as seen:
        await seen.ended()
        ids = [panel.id for panel in seen.app.screen.query(ChartPanel)]
        assert ids == [
            "dead-h1", "dead-h2", "loss", "accuracy",
            *(f"gradient-{p}" for p in ("w1", "b1", "w2", "b2", "w3", "b3")), "ledger",
        ]  # fmt: skip
        assert any(char > "⠀" for char in seen.cells("loss"))


async def test_a_run_that_diverges_is_shown_as_diverged_and_goes_on(executor: Executor) -> None:
    async with screen(executor, canned(diverging)) as seen:
        await seen.ended()
        assert "DIVERGED" in seen.line("verdict")
        assert "since step 21" in seen.line("verdict")
        assert seen.run.status is Status.FINISHED


async def test_a_run_that_breaks_is_shown_as_failed_in_one_line_and_can_be_restarted(executor: Executor) -> None:
    async with screen(executor, canned(healthy, fail_at=30)) as seen:
        await seen.ended()
        assert "FAILED  the engine broke second line" in seen.line("verdict")
        first = seen.run
        await seen.pilot.press("r")
        assert seen.run is not first
        await seen.ended()


async def test_n_normalises_from_the_next_step_on_and_leaves_a_mark_on_every_chart(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: len(seen.run.history) == 20)
        assert "input 0–255" in seen.line("settings")
        await seen.pilot.press("n")
        assert "input 0–1" in seen.line("settings")
        await seen.pilot.press("space")
        await seen.ended()
        assert [(event.step, told(event)) for event in seen.run.history.events if event.mark] == [(20, "normalise on")]
        for panel in seen.app.screen.query(ChartPanel):
            if panel.display:
                assert panel.plot is not None
                assert panel.plot.marks == (20,)


async def test_plus_and_minus_walk_the_learning_rate_along_1_2_5(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("+", "+")
        assert "lr 0.5" in seen.line("settings")
        await seen.pilot.press("-", "-", "-")
        assert "lr 0.05" in seen.line("settings")
        assert seen.run.live["lr"] == 0.05


async def test_l_takes_a_typed_rate_and_says_what_is_allowed_when_it_is_none(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("l", *"abc", "enter")
        assert isinstance(seen.app.screen, RateQuestion)
        assert "must be a number above 0" in str(seen.app.screen.query_one("#hint", Static).visual)
        await seen.pilot.press("backspace", "backspace", "backspace", *"0.03", "enter")
        assert seen.run.live["lr"] == 0.03
        await seen.until(lambda: "lr 0.03" in seen.line("settings"))


async def test_space_pauses_and_resumes_and_full_stop_takes_one_step(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header"))
        assert "space resume" in seen.line("keys")
        await seen.pilot.press(".")
        await seen.until(lambda: len(seen.run.history) == 21)
        await seen.until(lambda: "step 21/100" in seen.line("progress"))
        await seen.pilot.press("space")
        await seen.ended()
        assert len(seen.run.history) == 100


async def test_while_nothing_changes_nothing_is_drawn_and_the_clock_goes_on(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = "23:59:59"
    monkeypatch.setattr(status, "moment", lambda _speed: ("0 KB/s", now))
    async with screen(executor, paused_at(5)) as seen:
        await seen.until(lambda: "step 5/" in seen.line("progress") and "paused" in seen.line("header"))
        monitor = seen.app.monitor
        assert monitor is not None
        looks, drawn = Mock(side_effect=monitor._state), Mock(side_effect=monitor.draw_lines)
        await seen.until(lambda: monitor._seen == monitor._state())  # all that happened so far has been drawn
        monkeypatch.setattr(monitor, "_state", looks)
        monkeypatch.setattr(monitor, "draw_lines", drawn)
        await seen.until(lambda: looks.call_count > 5)
        assert not drawn.called
        now = "00:00:00"
        await seen.until(lambda: "00:00:00" in seen.line("header"))
        assert drawn.call_count == 1


async def test_r_starts_a_new_run_with_what_is_set_now(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: len(seen.run.history) == 20)
        first = seen.run
        await seen.pilot.press("n", "+", "a", "r", "y")
        assert RunSettings.of(seen.run.start.settings) == RunSettings(
            lr=0.2, normalise=True, activation="leaky_relu", epochs=2
        )
        await seen.until(lambda: first.status is Status.STOPPED)
        await seen.until(lambda: "step 20/100" in seen.line("progress"))


@pytest.mark.parametrize(("key", "name"), enumerate(PRESETS, 1))
async def test_the_digits_start_the_articles_experiments(executor: Executor, key: int, name: str) -> None:
    async with screen(executor, paused_at(20), settings=RunSettings(epochs=2, seed=7)) as seen:
        await seen.pilot.press(str(key))
        if isinstance(seen.app.screen, EndQuestion):
            await seen.pilot.press("y")
        preset = PRESETS[name]
        now = RunSettings.of(seen.run.start.settings)
        assert (now.lr, now.normalise, now.activation) == (preset.lr, preset.normalise, preset.activation)
        assert now.seed == 7
        assert f"{key} {name}" in seen.line("settings")


async def test_a_key_that_comes_after_the_end_says_that_a_restart_takes_it(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:
        await seen.ended()
        await seen.pilot.press("n")
        await seen.until(lambda: any("r starts a new one" in each.message for each in seen.app._notifications))


async def test_y_w_and_m_change_the_axes_the_window_and_the_layout(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:
        await seen.ended()
        assert "log" in seen.title("loss")
        await seen.pilot.press("y")
        assert "log" not in seen.title("loss")
        loss = seen.app.screen.query_one("#loss", ChartPanel)
        assert loss.plot is not None
        assert (loss.plot.first, loss.plot.stop) == (0, 100)
        await seen.pilot.press("w")
        assert (loss.plot.first, loss.plot.stop) == (0, 16)
        await seen.pilot.press("w")
        assert (loss.plot.first, loss.plot.stop) == (50, 100)
        await seen.pilot.press("w")
        assert (loss.plot.first, loss.plot.stop) == (0, 200)
        width = seen.app.screen.query_one("#dead-h1").size.width
        await seen.pilot.press("m")
        await seen.until(lambda: seen.app.screen.query_one("#dead-h1").size.width > 1.8 * width)
        await seen.pilot.press("m")
        await seen.until(lambda: seen.app.screen.query_one("#dead-h1").size.width == width)


async def test_a_panel_alone_leaves_status_settings_and_keys_in_view(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header"))
        await seen.pilot.press("tab", "m")
        await seen.until(lambda: seen.app.screen.query_one("#loss").size.height > 35)
        assert seen.app.screen.query_one("#header").size.height == 1
        assert seen.app.screen.query_one("#keys").size.height == 1
        assert not seen.app.screen.query_one("#dead-h1").size
        await seen.pilot.press("tab")
        await seen.until(lambda: seen.app.screen.query_one("#accuracy").size.height > 35)
        await seen.pilot.press("escape")
        await seen.until(lambda: bool(seen.app.screen.query_one("#dead-h1").size))


async def test_a_run_that_failed_is_told_to_the_command(executor: Executor) -> None:
    async with screen(executor, canned(healthy, fail_at=30)) as seen:
        await seen.ended()
    assert isinstance(seen.app.failure, RuntimeError)


async def test_the_units_of_the_run_before_are_gone_after_a_restart(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        assert "✖" in seen.cells("units")
        seen.app.session._begin = begun(lambda each: made(each, waiting, executor))
        await seen.pilot.press("r")
        assert "✖" not in seen.cells("units")


async def test_the_units_are_named_by_the_activation_that_was_recorded(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header") and "never fires" in seen.title("units"))
        await seen.pilot.press("a", "a", "y")
        assert seen.run.live["activation"] == "sigmoid"
        assert "never fires" in seen.title("units")
        assert "never fires: 0" in seen.cells("units")


async def test_tab_walks_through_every_panel_and_back_to_the_first(executor: Executor) -> None:
    for size in (WIDE, MIDDLE):
        async with screen(executor, canned(), size) as seen:
            await seen.ended()
            walked = []
            for _ in range(11):
                assert seen.app.focused is not None
                walked.append(seen.app.focused.id)
                assert seen.app.focused.size.height > 2
                await seen.pilot.press("tab")
            assert walked == ["dead-h1", "loss", "accuracy", "gradient-w1", "gradient-b1", "gradient-w2",
                              "gradient-b2", "units", "ledger", "events", "dead-h1"]  # fmt: skip
            await seen.pilot.press("shift+tab")
            assert seen.app.focused is not None
            assert seen.app.focused.id == "dead-h1"


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_a_panel_shown_alone_is_as_wide_as_the_screen(executor: Executor, size: tuple[int, int]) -> None:
    async with screen(executor, canned(), size=size) as seen:
        panels = list(seen.app.screen.query(CellPanel))
        for _ in panels:
            await seen.pilot.press("m")
            await seen.until(lambda: seen.app.focused is not None and seen.app.focused.size.width == size[0])
            await seen.pilot.press("m", "tab")


async def test_question_mark_lists_every_key_and_every_metric(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:
        await seen.pilot.press("question_mark")
        shown = seen.app.screen
        assert isinstance(shown, HelpScreen)
        names = {name for _, keys in shown.groups for _, name, _ in keys}
        assert {"normalise", "lr up", "type lr", "restart", "pause", "resume", "step", "activation", "tragedy",
                "next panel", "maximise", "log axis", "window", "help", "quit"} <= names  # fmt: skip
        await seen.pilot.press("escape")
        assert seen.app.screen is seen.app.monitor


async def test_the_help_has_its_text_from_its_first_frame_on(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(executor, canned()) as seen:
        sent = frames(monkeypatch)
        await seen.pilot.press("question_mark")
        assert "lr up" in next(frame for frame in sent if "esc closes" in frame)


async def test_the_help_keeps_its_place_when_the_terminal_changes_its_size(executor: Executor) -> None:
    async with screen(executor, canned(), size=(140, 20)) as seen:
        await seen.pilot.press("question_mark")
        help_text = seen.app.screen.query_one(HelpText)
        await seen.until(lambda: help_text.max_scroll_y > 90)

        def at_top() -> str:
            words = " ".join(help_text.render_line(y).text for y in range(2)).split()
            return words[0] if words else ""

        def heading(y: int) -> bool:
            help_text.scroll_to(y=y, animate=False, immediate=True)
            return at_top() in {metric.name for metric in METRICS}

        assert any(heading(y) for y in range(40, 140))
        name = at_top()

        async def resized(width: int) -> None:
            before = help_text.size
            await seen.pilot.resize_terminal(width, 20)
            await seen.until(lambda: help_text.size != before and at_top() == name)

        for width in (60, 100, 45, 140):
            await resized(width)
        await seen.pilot.resize_terminal(140, 30)
        await seen.until(lambda: help_text.size.height > 20 and at_top() == name)


@pytest.mark.parametrize("width", [40, 59, 80, 120])
def test_the_help_fits_its_width_and_leaves_nothing_out(width: int) -> None:
    keys = [("shift+tab", "previous panel", "Move the focus to the panel before."), ("q", "quit", "Leave.")]
    groups = [("the panels", keys[:1]), ("the way out", keys[1:])]
    rows = ["".join(text for text, _ in line) for entry in wrapped(groups, width) for line in entry]
    assert max(map(len, rows)) <= width
    said = " ".join(" ".join(rows).split())
    for words in (*(each for key in keys for each in key), *(metric.meaning for metric in METRICS)):
        assert " ".join(words.split()) in said or (width < 80 and set(words.split()) <= set(said.split()))


def test_the_help_has_every_key_once_under_a_heading() -> None:
    every = [each for each in (*KEYS, *ANYWHERE, *UNIT_KEYS, *EVENT_KEYS, *LAYER_KEYS) if not each.system]
    listed = [key for _, keys in explained(lambda binding: binding.key) for key in keys]
    assert sorted(name for _, name, _ in listed) == sorted(each.description for each in every)
    assert all(keys for _, keys in explained(lambda binding: binding.key))


async def test_the_help_finds_what_holds_a_text_and_shows_everything_again(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:

        def lines() -> list[str]:
            return [text for y in range(help_text.size.height - 2) if (text := help_text.render_line(y).text.strip())]

        await seen.pilot.press("question_mark")
        help_text = seen.app.screen.query_one(HelpText)
        await seen.until(lambda: any("normalise" in line for line in lines()))
        await seen.pilot.press("slash", *"GHOST", "enter")
        await seen.until(lambda: any("ghost" in line for line in lines()))
        assert not any("normalise" in line for line in lines())
        assert lines()[0] == "runs"
        await seen.pilot.press("slash", *"xyzzy", "enter")
        await seen.until(lambda: lines() == ["Nothing here holds xyzzy."])
        await seen.pilot.press("escape")
        await seen.until(lambda: any("normalise" in line for line in lines()))
        await seen.pilot.press("G")
        await seen.until(lambda: help_text.scroll_offset.y == help_text.max_scroll_y > 0)
        await seen.pilot.press("k", "k", "j")
        await seen.until(lambda: help_text.scroll_offset.y == help_text.max_scroll_y - 1)
        await seen.pilot.press("g")
        await seen.until(lambda: help_text.scroll_offset.y == 0)
        await seen.pilot.press("escape")
        assert seen.app.screen is seen.app.monitor


async def test_u_goes_from_the_sum_of_each_gradient_to_its_norm_and_to_the_size_of_the_update(
    executor: Executor,
) -> None:
    async with screen(executor, canned()) as seen:
        await seen.ended()
        for title, kind in (("‖∂L/∂w1‖", "log"), ("‖Δw1‖/‖w1‖", "log"), ("Σ∂L/∂w1", "symlog")):
            await seen.pilot.press("u")
            assert title in seen.title("gradient-w1")
            plot = seen.app.screen.query_one("#gradient-w1", ChartPanel).plot
            assert plot is not None
            assert plot.axis.kind in (kind, "linear")


async def test_the_keys_of_vi_move_in_every_list_as_the_arrows_do(executor: Executor) -> None:
    async with screen(executor, canned(dying), (80, 24), RunSettings(epochs=4, hidden=(30, 20, 10))) as seen:
        await seen.ended()
        assert seen.app.monitor is not None
        units, events = seen.app.monitor.query_one(UnitPanel), seen.app.monitor.query_one(EventPanel)
        seen.app.monitor.go_to(units)
        await seen.until(lambda: bool(units._counts))
        await seen.pilot.press("G")
        assert units.at == (list(units._counts)[-1], list(units._counts.values())[-1] - 1)
        await seen.pilot.press("g", "j")
        down = units.at
        await seen.pilot.press("g", "down")
        assert units.at == down != (next(iter(units._counts)), 0)
        await seen.pilot.press("k")
        up = units.at
        await seen.pilot.press("g", "down", "up")
        assert units.at == up
        seen.app.monitor.go_to(events)
        await seen.until(lambda: "↑" in events.hint)
        await seen.pilot.press("k")
        assert events._above == 1
        await seen.pilot.press("g")
        assert events.hint == "↓ more"
        await seen.pilot.press("j", "G")
        assert events._above == 0


async def test_a_text_is_found_among_the_events_and_no_text_shows_all_again(executor: Executor) -> None:
    async with screen(executor, canned(dying), (160, 48), RunSettings(epochs=4, hidden=(30, 20))) as seen:
        await seen.ended()
        assert seen.app.monitor is not None
        panel = seen.app.monitor.query_one(EventPanel)
        seen.app.monitor.go_to(panel)
        await seen.until(lambda: "start:" in seen.cells("events") and "epoch 4" in seen.cells("events"))
        await seen.pilot.press("slash", *"EPOCH", "enter")
        await seen.until(lambda: "start:" not in seen.cells("events"))
        assert "epoch 4" in seen.cells("events")
        assert "/EPOCH" in seen.title("events")
        await seen.pilot.press("slash", *["backspace"] * 5, "enter")
        await seen.until(lambda: "start:" in seen.cells("events"))


async def test_the_palette_offers_what_the_keys_do(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header"))
        commands = {command.title for command in seen.app.get_system_commands(seen.app.screen)}
        assert {"Normalise  (n)", "Resume  (space)", "Restart  (r)", "Low-lr  (2)", "Lr up  (+)", "Theme"} <= commands
        assert not any(each.startswith("Pause") for each in commands)
        assert not commands & {"Quit", "Keys", "Maximize", "Minimize", "Screenshot"}  # Textual's own
        await seen.pilot.press("ctrl+p")
        await seen.pilot.press(*"normalise", "enter")
        await seen.until(lambda: seen.run.live["normalise"])


async def test_q_asks_while_the_run_is_live_and_quitting_ends_it(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("q")
        assert isinstance(seen.app.screen, QuitQuestion)
        await seen.pilot.press("n")
        assert seen.run.alive
        await seen.pilot.press("q", "y")
        await seen.until(lambda: not seen.app.is_running)
        run = seen.run
    assert run.status is Status.STOPPED
    assert "stopped after 20 of 100 steps" in seen.app.farewell


async def test_q_does_not_ask_when_the_run_has_ended(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:
        await seen.ended()
        await seen.pilot.press("q")
        await seen.until(lambda: not seen.app.is_running)


async def test_events_stand_in_their_panel_with_their_steps(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        await seen.pilot.press("shift+tab", "m")
        await seen.until(lambda: "epoch 2" in seen.cells("events"))
        shown = seen.cells("events")
        assert "start: raw input 0–255, lr 0.1, relu, 300 hidden, seed 0" in shown
        assert "h1 died: 240 of 300 units fire for no probe image" in shown
        assert "epoch 2: test accuracy 10.0 %, loss 2.30" in shown


@pytest.mark.parametrize("size", [(200, 60), (160, 48), (120, 36), (80, 24), (60, 20), (40, 12), (20, 5), (10, 3)])
async def test_every_size_shows_the_run_and_no_line_is_longer_than_the_terminal(
    executor: Executor, size: tuple[int, int]
) -> None:
    async with screen(executor, canned(dying), size) as seen:
        await seen.until(lambda: not seen.run.alive)
        await seen.pilot.pause()
        assert len(seen.line("header")) <= size[0] or size[0] < 20


async def test_resizing_while_training_keeps_everything(executor: Executor) -> None:
    async with screen(executor, paused_at(60)) as seen:
        for size in ((200, 60), (80, 24), (20, 5), (40, 12), (10, 3), (120, 36), (160, 48)):
            await seen.pilot.resize_terminal(*size)
            await seen.pilot.pause()
        await seen.until(lambda: "step 60/100" in seen.line("progress"))
        assert any(char > "⠀" for char in seen.cells("loss"))
        assert len(seen.run.history) == 60


async def test_the_screen_never_waits_for_the_training_nor_the_training_for_the_screen(executor: Executor) -> None:
    async with screen(executor, canned(healthy), settings=RunSettings(epochs=40)) as seen:
        await asyncio.to_thread(seen.run.join, 60)  # the screen's loop runs on meanwhile
        await seen.ended()
        assert len(seen.run.history) == 2_000


async def test_where_the_locale_is_not_utf8_every_line_is_ascii(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        for name in ("header", "progress", "settings", "verdict", "keys"):
            assert seen.line(name).isascii(), name
        for panel in ("dead-h1", "loss", "gradient-w1", "units"):
            assert seen.cells(panel).isascii(), panel
        assert "x never fires: 300" in seen.cells("units")


async def test_a_dialog_that_is_answered_twice_takes_the_first_answer(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("l")
        field = seen.app.screen.query_one(Input)
        field.value = "0.03"
        await field.action_submit()
        await field.action_submit()
        await seen.until(lambda: seen.app.screen is seen.app.monitor)
        assert seen.run.live["lr"] == 0.03
