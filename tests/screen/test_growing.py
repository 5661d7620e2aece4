"""The screen of a run that comes to tell more than it said at first: tables, numbers of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from conftest import units
from made_up import MadeUp
from test_made_up_network import drawn, screen, shown, text_of

from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.metrics import Quantity, quantity
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import Record, Start, Step
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.layer_panel import LayerPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot.charts import MANY
from deadrelu_tui.tui.screens.monitor import MonitorScreen

STEPS = 60


def small(*names: str) -> Start:
    """Return what a run of two layers says, with numbers that it logs."""
    layers = tuple(Layer(name, 8, "relu", f"{name}.w") for name in ("h1", "h2"))
    network = Network(layers, tuple(Parameter(f"{each.name}.w", (8, 8)) for each in layers))
    told = [quantity("loss"), *(quantity("dead_fraction", each.name) for each in layers),
            *(quantity("grad_sum", each.name) for each in network.parameters)]  # fmt: skip
    return Start("small", 1_700_000_000.0, "Net", "cpu", network, (*told, *(Quantity(name, name) for name in names)),
                 facts={"guest": True, "engine": "torch", "probe": "batch"})  # fmt: skip


def steps(start: Start, first: int, stop: int) -> Iterator[Record]:
    """Yield some steps of such a run."""
    own = [each.name for each in start.metrics if each.name == each.metric and each.name != "loss"]
    for step in range(first, stop):
        firing = np.linspace(0.0, 0.9, 8, dtype=np.float32)
        looks = {each.name: units(firing[: each.units], each.activation) for each in start.network.layers}
        values = {"loss": 2 * math.exp(-step / 40), **dict.fromkeys(own, 0.01 * (step + 1))}
        values |= {f"dead_fraction/{each.name}": 0.125 for each in start.network.layers}
        values |= {f"grad_sum/{each.name}": 1.0 for each in start.network.parameters}
        yield Step(step, step / 50, None, {}, values, {}, looks if step % 10 == 0 else {})


def run(*names: str) -> MadeUp:
    """Return such a run at its newest step."""
    start = small(*names)
    return MadeUp(iter([start, *steps(start, 0, STEPS)]))


def grow(source: MadeUp, start: Start) -> None:
    """Have a run say more, and take some steps more."""
    source.history.add(start)
    for each in steps(start, STEPS, STEPS + 20):
        source.history.add(each)


def with_tables(start: Start, *names: str) -> Start:
    """Return what a run says that has come to count tables."""
    network = replace(start.network, layers=(*start.network.layers, *(Layer(name, 4, "chosen") for name in names)))
    return replace(start, network=network)


def panel(monitor: MonitorScreen, label: str) -> ChartPanel:
    return next(each for each in monitor.query(ChartPanel) if each.spec.label == label)


async def test_a_number_that_is_logged_has_a_chart_with_its_name_and_value() -> None:
    async with screen(run("accuracy"), (160, 48)) as (monitor, _):
        assert shown(monitor, "top") == ["h1", "h2", "accuracy"]
        chart = panel(monitor, "accuracy")
        assert drawn(chart).splitlines()[0].startswith("╭─ accuracy  0.600 ")
        assert chart.plot is not None
        assert chart.plot.axis.kind == "linear"
        assert [line.role for line in chart.plot.lines] == ["train"]


async def test_it_is_read_at_the_cursor_smoothed_and_logarithmic_by_the_keys_of_other_charts() -> None:
    async with screen(run("accuracy"), (160, 48)) as (monitor, pilot):
        await pilot.press("home", "right")
        await pilot.press("y", "t")
        monitor.draw()
        chart = panel(monitor, "accuracy")
        assert drawn(chart).splitlines()[0].startswith("╭─ accuracy  log  0.02")
        assert chart.plot is not None
        assert {line.role for line in chart.plot.lines} == {"raw", "train"}


async def test_what_has_no_room_is_a_tab_away_and_the_loss_stays() -> None:
    names = [f"number {index}" for index in range(6)]
    async with screen(run(*names), (160, 48)) as (monitor, pilot):
        assert "4 more: tab" in text_of(monitor)
        for _ in range(5):
            await pilot.press("tab")
        await pilot.pause()
        monitor.draw()
        visible = [each.spec.label for each in monitor.query(ChartPanel) if each.display and each.spec.id[0] in "dl"]
        assert "loss" in visible
        assert "number 2" in visible


@pytest.mark.parametrize("size", [(160, 48), (120, 36), (80, 24), (60, 18), (40, 12), (20, 5)])
@pytest.mark.parametrize("name", ["a\nb\x1b[31m", "精度の指標", "x" * 300, "[bold]no markup[/]", "", "‖w‖²"])
async def test_any_name_keeps_the_frame_whole(name: str, size: tuple[int, int]) -> None:
    async with screen(run(name), size) as (monitor, pilot):
        for _ in range(3):
            await pilot.press("tab")
        await pilot.pause()
        monitor.draw()
        await pilot.pause()
        chart = monitor.query_one("#logged-0", ChartPanel)
        if chart.display:
            strips = list(chart._strips)
            assert {each.cell_length for each in strips} == {chart.size.width}
            assert strips[0].text.endswith("╮")
            assert strips[0].text.isprintable()


async def test_a_table_and_a_number_that_come_late_come_to_the_screen_and_all_else_stays() -> None:
    source = run()
    async with screen(source, (200, 60)) as (monitor, pilot):
        await pilot.press("tab", "home", "right", "z")
        await pilot.pause()
        before, view, focused = {each.id: each for each in monitor.panels()}, monitor.view, monitor.focused
        assert focused is not None
        grow(source, with_tables(small("accuracy"), "codes"))
        await pilot.pause(0.3)
        monitor.draw()
        await pilot.pause()
        assert shown(monitor, "top") == ["h1", "h2", "codes", "accuracy"]
        assert [each.id for each in monitor.panels()][:5] == ["dead-h1", "dead-h2", "dead-codes", "loss", "logged-0"]
        assert all(each in monitor.panels() for each in before.values())
        assert (monitor.view, monitor.focused) == (view, focused)
        await pilot.press("end")
        monitor.draw()
        assert "codes" in drawn(monitor.query_one(UnitPanel))
        assert "accuracy  0.8" in text_of(monitor)


async def test_nothing_is_made_anew_where_nothing_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    source = run("accuracy")
    async with screen(source, (160, 48)) as (monitor, pilot):
        before = monitor.panels()
        laid_out = list[object]()
        monkeypatch.setattr(monitor, "lay_out", laid_out.append)
        grow(source, replace(small("accuracy")))
        await pilot.pause(0.3)
        assert monitor.panels() == before
        assert not laid_out


async def test_of_more_layers_than_charts_a_list_comes_and_what_is_told_no_more_goes() -> None:
    source = run("accuracy")
    async with screen(source, (160, 48)) as (monitor, pilot):
        panel(monitor, "accuracy").focus()
        await pilot.pause()
        grow(source, with_tables(small(), *(f"t{index}" for index in range(MANY))))
        await pilot.pause(0.3)
        monitor.draw()
        await pilot.pause()
        assert monitor.panels()[0] is monitor.query_one(LayerPanel)
        assert not monitor.query("#logged-0")
        assert monitor.focused in monitor.panels()
        assert monitor.chosen == monitor.focused.id
        assert "10, the worst first" in drawn(monitor.query_one(LayerPanel))


async def test_an_entry_is_chosen_and_does_not_fire_and_has_no_h() -> None:
    source = MadeUp(iter([with_tables(small(), "codes"), *steps(with_tables(small(), "codes"), 0, STEPS)]))
    async with screen(source, (160, 48)) as (monitor, pilot):
        panel = monitor.query_one(UnitPanel)
        panel.at = ("codes", 0)
        panel.drawn = None
        monitor.draw()
        text = drawn(panel)
        assert "chosen no more  step" in text.splitlines()[0]
        assert "▸dead" in text.splitlines()[1]
        assert "✖ dead: " in text
        assert "entry 0 of codes: chosen for 0 % of the choices" in text
        assert "h mean" not in text
        assert "bias" not in text
        assert " of 512" not in text
        assert "table codes  chosen no more 12.5 %" in drawn(next(each for each in monitor.query(ChartPanel)
                                                                  if each.spec.layer == "codes"))  # fmt: skip
        await pilot.press("right")
        monitor.draw()
        panel.at = ("h1", 0)
        panel.drawn = None
        monitor.draw()
        assert "never fires" in drawn(panel).splitlines()[0]
        assert "h mean" in drawn(panel)


async def test_a_viewer_in_another_process_follows_by_the_file(tmp_path: Path) -> None:
    more = with_tables(small("accuracy"), "codes")
    before = [small(), *steps(small(), 0, STEPS)]
    whole, path = dump([*before, more, *steps(more, STEPS, STEPS + 20)]), tmp_path / "small.run"
    path.write_bytes(dump(before))
    assert whole.startswith(path.read_bytes())
    source = Recorded(path)
    source.settle()
    async with screen(cast(MadeUp, source), (160, 48)) as (monitor, pilot):
        assert shown(monitor, "top") == ["h1", "h2"]
        path.write_bytes(whole)
        for _ in range(100):
            await pilot.pause(0.05)
            if len(shown(monitor, "top")) == 4:
                break
        assert shown(monitor, "top") == ["h1", "h2", "codes", "accuracy"]
    source.close()
