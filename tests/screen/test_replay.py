"""A recorded run on the screen: the same cells as when it was live, played by the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apps
import pytest
from recordings import Recorder
from stories import DIVERGED, HEALTHY, SATURATED, SPARSE, TRAGEDY, Stage, Story
from textual.pilot import Pilot

from deadrelu_tui.report import leaving
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.panels.cells import CellPanel

SIZES = [(160, 48), (80, 24), (200, 60)]


def panels(app: MonitorApp) -> dict[str, Any]:
    """Return every cell of every panel, with its style."""
    assert app.monitor is not None
    found = {}
    for panel in app.monitor.query(CellPanel):
        rows = [panel.render_line(y) for y in range(panel.size.height)]
        found[str(panel.id)] = [[(each.text, each.style) for each in row] for row in rows]
    return found


async def settled(app: MonitorApp, pilot: Pilot[None], *keys: str) -> dict[str, Any]:
    assert app.monitor is not None
    await pilot.pause()
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
    app.monitor.draw()
    await pilot.pause()
    app.monitor.draw()
    return {**panels(app), "verdict": str(app.monitor.query_one("#verdict").visual)}  # type: ignore[attr-defined]


def shown(first: Source) -> MonitorApp:
    def begin(_values: Mapping[str, Any], _paused: bool) -> Source:
        raise AssertionError("nobody asked for another run")

    return MonitorApp(first, begin)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize(
    "story", [TRAGEDY, HEALTHY, SPARSE, DIVERGED, SATURATED], ids=["dead", "healthy", "sparse", "diverged", "sigmoid"]
)
async def test_a_recorded_run_has_the_cells_that_it_had_live(
    story: Story, size: tuple[int, int], tmp_path: Path
) -> None:
    keys = ("tab", "tab", "c") if size == (80, 24) else ("left", "shift+left", "y")
    stage = Stage()
    try:
        made = Recorder(story.settings, stage.training(story), stage)
        made.run.begin()
        app = shown(made.run)
        async with app.run_test(size=size) as pilot:
            live = await settled(app, pilot, *keys)
        found = Recorded(made.write(tmp_path))
        app = shown(found)
        async with app.run_test(size=size) as pilot:
            while found.status is Status.READING:
                await pilot.pause(0.01)
            again = await settled(app, pilot, *keys)
        found.close()
    finally:
        stage.shutdown()
    for name, cells in live.items():
        assert again[name] == cells, name


async def test_space_plays_a_recorded_run_and_the_keys_of_speed_its_tempo(tmp_path: Path) -> None:
    stage = Stage()
    made = Recorder(TRAGEDY.settings, stage.training(TRAGEDY), stage)
    made.run.begin()
    found = Recorded(made.write(tmp_path))
    app = shown(found)
    async with app.run_test(size=(160, 48)) as pilot:
        assert app.monitor is not None
        while found.status is Status.READING:
            await pilot.pause(0.01)
        whole = len(found.history)
        header = str(app.monitor.query_one("#header").visual)  # type: ignore[attr-defined]
        assert "recorded 20" in header
        await pilot.press("space", "space")
        assert str(found.status) == "Status.PAUSED"
        before = len(found.history)
        assert before < whole
        app.monitor.draw()
        header = str(app.monitor.query_one("#header").visual)  # type: ignore[attr-defined]
        assert "replay of 20" in header
        assert [*leaving.lines([found], "", True, Paper(120))] == []  # it does not go on anywhere
        await pilot.press("full_stop")
        while len(found.history) != before + 1:
            await pilot.pause(0.01)
        await pilot.press("greater_than_sign")
        assert (str(found.status), found.speed.times) == ("Status.PAUSED", 2)
        await pilot.press("space")
        assert str(found.status) == "Status.RUNNING"
        await pilot.press(*["greater_than_sign"] * 7)
        while found.status is not Status.FINISHED:
            await pilot.pause(0.01)
        assert len(found.history) == whole
        await pilot.press(*["less_than_sign"] * 8)  # of what is not played it sets the tempo alone
        assert (found.status, found.speed.times) == (Status.FINISHED, None)
        await pilot.press("left", "left", "space", "space")
        assert found.speed.times == 1
        assert app.monitor.view.cursor is None
        await pilot.press("q")  # nothing is lost, so nobody is asked
    assert not app.is_running
    found.close()
    stage.shutdown()


async def test_r_begins_a_run_with_the_settings_of_the_recorded_one(tmp_path: Path) -> None:
    stage = Stage()
    made = Recorder(SPARSE.settings, stage.training(SPARSE), stage)
    made.run.begin()
    found, begun = Recorded(made.write(tmp_path)), list[Mapping[str, Any]]()

    def begin(values: Mapping[str, Any], paused: bool) -> Source:
        begun.append(values)
        return apps.begun(lambda settings: apps.made(settings, stage.training(SPARSE), stage))(values, paused)

    app = MonitorApp(found, begin)
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("minus", "r")
        await pilot.pause()
        assert app.monitor is not None
        assert app.monitor.session.earlier == [found]
        assert begun == [{**SPARSE.settings.as_dict(), "lr": 0.2}]
        app.close()
    found.close()
    stage.shutdown()
