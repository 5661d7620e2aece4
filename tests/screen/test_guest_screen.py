"""The screen on a training of somebody's own: it says what is lacking, and by what it judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from made_up import MadeUp, stream
from test_made_up_network import drawn, line, screen

from deadrelu_tui.record.records import Record, Start, Step
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.layer_panel import LayerPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel


def guest(**facts: Any) -> Iterator[Record]:
    """Yield a run that is only watched, of which no loss is told."""
    for each in stream():
        if isinstance(each, Start):
            known = {"guest": True, "engine": "torch", "probe": "batch"} | facts
            yield replace(each, facts=known, title="Net", can=frozenset({"pause", "stop", "lr", "revive"}))
        elif isinstance(each, Step):
            values = {name: value for name, value in each.values.items() if name != "loss"}
            yield replace(each, values=values | ({"watching": 0.004} if each.step % 100 == 0 else {}))


@pytest.fixture(scope="module")
def watched() -> MadeUp:
    return MadeUp(guest())


async def test_it_says_that_no_loss_is_told_and_what_the_watching_takes(watched: MadeUp) -> None:
    async with screen(watched, (160, 48)) as (monitor, _):
        loss = next(each for each in monitor.query(ChartPanel) if each.id == "loss")
        assert "no loss is told" in drawn(loss)
        assert "watching 0.4 %" in line(monitor, "header")
        assert "PyTorch on cuda:0" in line(monitor, "header")
        title = monitor.query_one(UnitPanel).title
        assert "never fires on 512 samples of the first batch" in title
        assert "this batch" not in drawn(monitor.query_one(UnitPanel))


async def test_a_window_is_the_definition_of_death_everywhere() -> None:
    async with screen(MadeUp(guest(probe="window", window=10_000)), (160, 48)) as (monitor, _):
        units = monitor.query_one(UnitPanel)
        assert "silent for 10\u202f000 samples" in units.title
        assert "silent for 10\u202f000 samples: " in drawn(units)
        assert "image" not in drawn(units)


async def test_a_key_that_cannot_act_says_that_the_training_began_outside(watched: MadeUp) -> None:
    async with screen(watched, (160, 48)) as (_, pilot):
        for key, said in {"r": "began outside", "n": "normalised there", "a": "are its own"}.items():
            await pilot.press(key)
            await pilot.pause()
            assert any(said in each.message for each in pilot.app._notifications)
        assert watched.sent == []


async def test_of_many_layers_there_is_a_list_the_worst_first_that_charts_and_units_follow(watched: MadeUp) -> None:
    async with screen(watched, (160, 48)) as (monitor, pilot):
        layers = monitor.query_one(LayerPanel)
        rows = drawn(layers).splitlines()
        assert "60, the worst first" in rows[0]
        assert "encoder.31.mlp.act" in rows[2]
        assert "encoder.7.mlp.act" in rows[3]
        await pilot.press("j")
        monitor.draw()
        assert layers.at == monitor.query_one(UnitPanel).at[0] == "encoder.7.mlp.act"
        first = next(each for each in monitor.query(ChartPanel) if each.spec.layer)
        assert first.spec.layer == "encoder.7.mlp.act"
        await pilot.press("G")
        monitor.draw()
        assert "above" in layers.hint
        assert layers.at in drawn(layers)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 18), (40, 12)])
async def test_the_list_has_room_at_every_size(watched: MadeUp, size: tuple[int, int]) -> None:
    async with screen(watched, size) as (monitor, pilot):
        for key in ("j", "k", "G", "g", "tab", "shift+tab", "m", "m"):
            await pilot.press(key)
        if size[0] >= 60:
            assert "encoder.31.mlp.act" in drawn(monitor.query_one(LayerPanel))
