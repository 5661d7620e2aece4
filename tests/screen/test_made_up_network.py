"""The whole screen on a network that is not ours: it follows from what the run announces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from made_up import SICK, MadeUp, odd_stream
from textual.pilot import Pilot
from textual.widgets import Static

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.record.commands import Change, Pause, can_obey_all
from deadrelu_tui.record.records import Live, Start
from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.runs import row_of


@pytest.fixture(scope="module")
def source() -> MadeUp:
    return MadeUp()


@pytest.fixture(scope="module")
def odd() -> MadeUp:
    return MadeUp(odd_stream())


@asynccontextmanager
async def screen(source: MadeUp, size: tuple[int, int]) -> AsyncIterator[tuple[MonitorScreen, Pilot[None]]]:
    def nothing(_settings: Mapping[str, Any], _paused: bool) -> Source:
        raise AssertionError("a run that cannot restart was restarted")

    app = MonitorApp(source, nothing)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, MonitorScreen)
        app.screen.draw()
        await pilot.pause()
        yield app.screen, pilot


def text_of(monitor: MonitorScreen) -> str:
    return "\n".join(strip.text for strip in monitor._compositor.render_strips())


def line(monitor: MonitorScreen, name: str) -> str:
    return str(monitor.query_one(f"#{name}", Static).visual)


def drawn(panel: CellPanel) -> str:
    return "\n".join("".join(text for text, _ in row) for row in panel._rows)


def shown(monitor: MonitorScreen, row: str) -> list[str]:
    return [panel.spec.label for panel in monitor.query_one(f"#{row}").query(ChartPanel) if panel.id != "loss"]


def test_the_sick_layers_are_found_by_their_own_names_and_nothing_is_advised_that_cannot_be_done(
    source: MadeUp,
) -> None:
    found = [each for each in findings(source.history) if each.word]
    assert [(each.word, each.layer) for each in found] == [
        ("dead", "encoder.31.mlp.act"), ("dead", "encoder.7.mlp.act"),  # as they fell
    ]  # fmt: skip
    assert all(can_obey_all(source.can, each.remedy) for each in findings(source.history))
    assert "encoder.31.mlp.act.weight" in telling.why(found[0])


@pytest.mark.parametrize("size", [(200, 60), (160, 48), (120, 36), (80, 24), (60, 20), (40, 12), (20, 5), (10, 3)])
@pytest.mark.parametrize("which", ["source", "odd"])
async def test_every_size_shows_it_without_a_fault(
    which: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    async with screen(request.getfixturevalue(which), size) as (monitor, pilot):
        for key in ("tab", "m", "left", "z", "w", "d", "y", "t", "f", "m", "escape", "end", "shift+tab"):
            await pilot.press(key)
        monitor.draw()
        await pilot.pause()
        assert "dead" in (line(monitor, "verdict") + line(monitor, "numbers")).lower()


async def test_each_layer_is_judged_by_its_own_activation(odd: MadeUp) -> None:
    found = [each for each in findings(odd.history) if each.word]
    assert [(each.word, each.layer) for each in found] == [("dead", "1")]  # the others cannot die of h ≤ 0
    async with screen(odd, (160, 48)) as (monitor, _):
        lines = drawn(monitor.query_one(UnitPanel))
        assert "✖ never fires: 8 " in lines
        rows = [row.strip("│ ").split() for row in lines.splitlines()]
        for name, glyph in (("0", "·"), ("1", "✖"), ("head.act", "█")):
            cells = next(row[1:9] for row in rows if row[:1] == [name] and set(row[1]) == {glyph})
            assert "".join(cells).replace("█", "") in ("", 8 * glyph)
        assert "head.act  saturated 0 %" in text_of(monitor)


async def test_settings_that_are_none_of_ours_are_no_experiment_of_ours(odd: MadeUp) -> None:
    async with screen(odd, (160, 48)) as (monitor, _):
        assert "own settings" not in line(monitor, "settings")
        assert "tragedy" not in text_of(monitor)
        assert row_of(1, odd).experiment == "own"


async def test_a_long_name_leaves_the_map_its_room_and_keeps_its_end(odd: MadeUp) -> None:
    async with screen(odd, (160, 48)) as (monitor, _):
        rows = drawn(monitor.query_one(UnitPanel)).splitlines()
        named = [row for row in rows[1:] if ".activation  " in row]
        assert named
        assert all("…" in row for row in named)


async def test_the_lines_tell_what_is_known_and_leave_out_what_is_not(source: MadeUp) -> None:
    async with screen(source, (160, 48)) as (monitor, _):
        assert "train.py · 60 layers · cuda:0" in line(monitor, "header")
        assert "step 14\u202f990" in line(monitor, "progress")
        assert "200 steps/s" in line(monitor, "progress")
        for unknown in ("epoch", "ETA", "accuracy", "/"):
            assert unknown not in line(monitor, "progress").replace("steps/s", "")
        assert "lr 3e-4" in line(monitor, "settings").replace("0.0003", "3e-4")
        for unknown in ("hidden", "seed", "own settings"):
            assert unknown not in line(monitor, "settings")
        assert "ln " not in monitor.query_one("#loss", CellPanel).title


async def test_the_worst_layers_come_first_and_the_parameters_are_those_of_the_layer_in_focus(source: MadeUp) -> None:
    worst = [f"encoder.{index}.mlp.act" for index in sorted(SICK, key=lambda index: -SICK[index])]
    async with screen(source, (160, 48)) as (monitor, pilot):
        assert shown(monitor, "top")[:3] == [*worst, "stem.0/relu"]
        assert shown(monitor, "gradients")[:2] == [f"{worst[0]}.{each}" for each in ("weight", "bias")]
        await pilot.press("tab", "tab")
        monitor.draw()
        assert shown(monitor, "gradients")[:2] == [f"{worst[1]}.{each}" for each in ("weight", "bias")]


async def test_the_cursor_among_the_units_picks_the_layer_whose_parameters_are_shown(source: MadeUp) -> None:
    async with screen(source, (160, 60)) as (monitor, pilot):
        units = monitor.query_one(UnitPanel)
        monitor.go_to(units)
        await pilot.pause()
        for key in ("g", "down", "G"):
            await pilot.press(key)
            monitor.draw()
            shown_of = shown(monitor, "gradients")[0]
            assert shown_of == f"{units.at[0]}.weight"
            assert units.at[0] == list(units._counts)[{"g": 0, "down": 1, "G": -1}[key]] or key == "down"


async def test_a_part_of_a_name_brings_layers_and_parameters_to_the_front(source: MadeUp) -> None:
    async with screen(source, (160, 48)) as (monitor, pilot):
        await pilot.press("slash", *"42.ML", "enter")
        for _ in range(1_000):
            if monitor.view.wanted:
                break
            await pilot.pause(0.01)
        monitor.draw()
        assert shown(monitor, "top")[0] == "encoder.42.mlp.act"
        assert shown(monitor, "gradients")[0] == "encoder.42.mlp.act.weight"
        assert "/42.ML" in line(monitor, "settings")


async def test_keys_that_the_run_cannot_obey_are_neither_offered_nor_obeyed(source: MadeUp) -> None:
    source.sent.clear()
    async with screen(source, (160, 48)) as (monitor, pilot):
        for label in ("normalise", "restart", "revive", "activation", "experiments", "settings", "train on"):
            assert f" {label}" not in line(monitor, "keys")
        await pilot.press("n", "a", "v", "r", "1", "s", "e")
        assert source.sent == []
        await pilot.press("minus", "space")
        assert source.sent == [Change({"lr": 2e-4}), Pause()]


class Silent(MadeUp):
    """A run that can be asked for every change, and does not tell what is set."""

    @property
    def can(self) -> frozenset[str]:
        return frozenset({"normalise", "lr", "activation", "restart"})

    @property
    def start(self) -> Start:
        return replace(super().start, can=self.can)

    live: Live = {"activation": "swish"}  # noqa: RUF012


async def test_what_is_not_known_to_be_set_cannot_be_turned_and_an_activation_of_none_of_ours_has_a_next() -> None:
    run = Silent()
    async with screen(run, (160, 48)) as (monitor, pilot):
        for label in ("normalise", "lr", "experiments", "settings"):  # the last two are for settings as ours
            assert f" {label}" not in line(monitor, "keys")
        await pilot.press("n", "plus", "minus", "l", "1", "s")
        assert pilot.app.screen is monitor
        assert run.sent == []
        await pilot.press("a")
        assert run.sent == [Change({"activation": "relu"})]
