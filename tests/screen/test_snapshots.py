"""Pictures of the screen, compared cell by cell and colour by colour with those that were looked at and found right.

A picture is a story that has come to its end or rests at a step, so that nothing depends on the speed of a machine.
After a change that is wanted: `pytest tests/screen/test_snapshots.py --snapshot-update`, and look at every picture.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import apps
import pytest
from stories import DIVERGED, HEALTHY, SATURATED, SPARSE, TRAGEDY, Stage, Story, runs
from sweeps import phase, under_way
from textual.pilot import Pilot
from textual.widgets import Input

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.run.run import Training
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.themes import LIGHT
from deadrelu_tui.tui.wire.terminal import Meter

Deed = Callable[[Pilot[None]], Awaitable[None]]
WIDE, LESS, MIDDLE = (160, 48), (120, 36), (80, 24)
SIZES = [(200, 60), WIDE, LESS, MIDDLE, (60, 20), (40, 12), (20, 5)]


class Steady(Meter):
    """A meter of a terminal that always gets as much."""

    def bytes_per_second(self) -> float:
        return 3_000.0


class Picture:
    """Takes pictures of an application with a story in it, and compares them."""

    def __init__(self, compare: Callable[..., bool], stage: Stage) -> None:
        self.compare, self.stage = compare, stage

    def of(
        self, *stories: Story | Training, size: tuple[int, int] = WIDE, after: Deed | None = None,
        settings: RunSettings | None = None, theme: str | None = None,
    ) -> bool:  # fmt: skip
        """Return whether the screen looks as it did, with the stories as its runs and after something was done."""
        trainings = [self.stage.training(each) if isinstance(each, Story) else each for each in stories]
        first = next((each.settings for each in stories if isinstance(each, Story)), RunSettings())
        make_run = runs(iter([(training, self.stage) for training in trainings]))
        app = apps.monitor(settings or first, make_run, Steady(-1))
        if theme is not None:
            app.theme = theme

        async def prepare(pilot: Pilot[None]) -> None:
            await pilot.pause()
            if after is not None:
                await after(pilot)
            for field in app.screen.query(Input):
                field.cursor_blink = False
            await pilot.pause()
            assert app.monitor is not None
            app.monitor.draw()

        try:
            return self.compare(app, terminal_size=size, run_before=prepare)
        finally:
            self.stage.close()
            app.close()

    def of_map(self, size: tuple[int, int] = WIDE, at: int = 380, theme: str | None = None, *keys: str) -> bool:
        """Return whether the map of a sweep looks as it did, so many runs of which have ended."""
        app = phase(under_way(at), meter=Steady(-1))
        if theme is not None:
            app.theme = theme

        async def prepare(pilot: Pilot[None]) -> None:
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
            assert app.map is not None
            app.map.draw()

        return self.compare(app, terminal_size=size, run_before=prepare)


@pytest.fixture
def picture(snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> Iterator[Picture]:
    monkeypatch.setattr("deadrelu_tui.tui.panels.lines.time", SimpleNamespace(strftime=lambda _: "14:02:31"))
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    stage = Stage()
    yield Picture(snap_compare, stage)
    stage.shutdown()


def press(*keys: str) -> Deed:
    async def deed(pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return deed


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_a_network_that_died_and_trains_on_looks_the_same_at_every_size(
    picture: Picture, size: tuple[int, int]
) -> None:
    assert picture.of(picture.stage.training(TRAGEDY, rest_at=431), size=size)


@pytest.mark.parametrize(
    "story", [TRAGEDY, HEALTHY, SPARSE, DIVERGED, SATURATED], ids=["dead", "healthy", "sparse", "diverged", "sigmoid"]
)
def test_a_run_that_has_ended_looks_the_same(picture: Picture, story: Story) -> None:
    assert picture.of(story)


def test_a_paused_run_with_changes_made_to_it_looks_the_same(picture: Picture) -> None:
    training = picture.stage.training(SPARSE, rest_at=431, paused=True, rates={120: 0.2, 300: 0.05})
    assert picture.of(training, settings=SPARSE.settings)


def test_a_frozen_display_looks_the_same(picture: Picture) -> None:
    assert picture.of(
        picture.stage.training(SPARSE, rest_at=431), settings=SPARSE.settings, size=LESS, after=press("f")
    )


def test_a_ghost_and_a_cursor_look_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, HEALTHY, settings=HEALTHY.settings, after=press("r", "c", *["left"] * 2, "shift+left"))


def test_two_hidden_layers_look_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, settings=RunSettings(hidden=(300, 100)))


def test_a_unit_in_focus_looks_the_same(picture: Picture) -> None:
    async def go(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, MonitorApp)
        assert pilot.app.monitor is not None
        panel = pilot.app.monitor.query_one(UnitPanel)
        pilot.app.monitor.go_to(panel)
        while panel.drawn is None:  # its page has just come, and where the rows of units are is not known before
            await pilot.pause()
        await press("down", *["right"] * 5)(pilot)

    assert picture.of(SPARSE, size=MIDDLE, after=go)


def test_the_gradients_on_their_page_look_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, size=MIDDLE, after=press("tab", "tab"))


def test_the_events_on_their_page_look_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, size=MIDDLE, after=press("shift+tab"))


def test_a_smoothed_zoomed_loss_alone_looks_the_same(picture: Picture) -> None:
    assert picture.of(SPARSE, size=LESS, after=press("tab", "m", "z", "z", "t"))


def test_the_light_theme_looks_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, size=LESS, theme=LIGHT.name)


def test_without_colours_it_looks_the_same(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture.of(TRAGEDY, size=LESS)


def test_in_plain_ascii_it_looks_the_same(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert picture.of(TRAGEDY, size=LESS)


def test_the_reasons_of_a_verdict_look_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, size=LESS, after=press("enter"))


def test_the_form_of_settings_looks_the_same(picture: Picture) -> None:
    assert picture.of(TRAGEDY, size=LESS, after=press("s", "down", *"5"))


def test_the_list_of_runs_looks_the_same(picture: Picture) -> None:
    again = replace(SPARSE, settings=HEALTHY.settings)
    assert picture.of(TRAGEDY, HEALTHY, again, size=LESS, after=press("3", "r", "c", "o"))


@pytest.mark.parametrize("size", [LESS, (40, 12)], ids=lambda size: "{}x{}".format(*size))
def test_the_help_looks_the_same(picture: Picture, size: tuple[int, int]) -> None:
    assert picture.of(TRAGEDY, size=size, after=press("question_mark", "pagedown"))


@pytest.mark.parametrize("size", [WIDE, LESS, MIDDLE, (60, 18), (40, 12)], ids=lambda size: "{}x{}".format(*size))
def test_the_map_of_a_sweep_looks_the_same_at_every_size(picture: Picture, size: tuple[int, int]) -> None:
    assert picture.of_map(size)


def test_the_map_of_a_sweep_that_has_just_begun_looks_the_same(picture: Picture) -> None:
    assert picture.of_map(LESS, 60)


def test_the_map_of_another_metric_looks_the_same_in_light_colours(picture: Picture) -> None:
    assert picture.of_map(LESS, 380, LIGHT.name, "v", "v", "v")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("LC_ALL", "C")], ids=["no colours", "ascii"])
def test_the_map_of_a_sweep_looks_the_same_on_a_plain_terminal(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert picture.of_map(LESS)
