"""Every size and every way from one to another, while the training runs: nothing is lost, no number is cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from types import SimpleNamespace

import apps
import pytest
from stories import SPARSE, TRAGEDY, Stage, runs
from textual.pilot import Pilot

from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.run.source import ALIVE
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.layout import size_class
from deadrelu_tui.tui.panels import banner, lines
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.classes import class_rows
from deadrelu_tui.tui.panels.definitions import definition_rows, portrait
from deadrelu_tui.tui.panels.event_list import event_rows
from deadrelu_tui.tui.panels.joy import joy_rows
from deadrelu_tui.tui.panels.unit_map import Grid, legend
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot.chart import peaks
from deadrelu_tui.tui.plot.charts import title_of
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.wording import count

Size = tuple[int, int]
SIZES: list[Size] = [(200, 60), (160, 48), (120, 36), (80, 24), (60, 20), (40, 12), (20, 5)]
BROAD = 1_000
"""Columns that have room for everything."""
STEPS, BEFORE = 2, 120


def walk(places: Sequence[Size]) -> list[Size]:
    """Return a way that leads from every place to every other once (Hierholzer), and back to the first."""
    ways = {place: [other for other in places if other != place] for place in places}
    trail, done = [places[0]], list[Size]()
    while trail:
        if ways[trail[-1]]:
            trail.append(ways[trail[-1]].pop())
        else:
            done.append(trail.pop())
    return done[::-1]


IN_FOCUS = {"loss": ("c", "home", "shift+right"), "units": ("z",), "events": ("c", "f", "t")}
"""Panels, and what is pressed in each before it walks its share of the ways."""


def share(focus: str) -> list[Size]:
    """Return the part of the walk that a panel takes: each begins where the one before it ends."""
    way, each = walk(SIZES), len(SIZES) * (len(SIZES) - 1) // len(IN_FOCUS)
    first = list(IN_FOCUS).index(focus) * each
    return way[first : first + each + 1]


def test_the_shares_of_the_walk_take_every_way_once() -> None:
    ways = [way for focus in IN_FOCUS for way in pairwise(share(focus))]
    assert sorted(ways) == sorted(pairwise(walk(SIZES))) == sorted(permutations(SIZES, 2))


_LINES = re.compile(r"[│┤├┬┴┼┌┐└┘╭╮╰╯─┊↑↓▕▏█▉▊▋▌▍▎▁▂▃▄▅▆▇\s…]+".replace(r"\s", r" \n\xa0"))


def numbers(text: str) -> set[str]:
    """Return the words with a digit in them; the thin space in 60 000 is part of a word."""
    words = (word.strip("⠀") for word in _LINES.split(text))
    return {word for word in words if re.search(r"\d", word)}


def full_texts(monitor: MonitorScreen) -> Iterator[str]:
    """Yield everything that the screen could say if it had all the room there is."""
    run, history, view = monitor.run_in_hand, monitor.history, monitor.view
    ghosts = [each.history for each in monitor.session.ghosts]
    judged = monitor.read(history)
    found, start, looked = verdict(judged), history.start, judged.looked
    assert start is not None
    assert looked is not None
    held = len(history) if monitor.session.held is not None else None
    yield from (
        text.plain
        for text in (
            lines.header(run, 0.0, held, BROAD), lines.progress(run, run.history.frozen(), BROAD),
            lines.settings_line(run, monitor.badges(), BROAD), banner.banner(run, judged, found, BROAD),
            lines.key_bar(list(monitor.key_entries()), BROAD), lines.summary(judged, view, held is not None, BROAD),
            lines.sentence(run, judged, found, BROAD),
        )
    )  # fmt: skip
    yield f"{history.speed:.0f}/s {lines.summary(judged, view, held is not None, 39).plain}"
    for each in monitor.query(CellPanel):
        yield each.more
    for panel in monitor.query(ChartPanel):
        yield f"step {count(view.cursor or 0)}"
        if panel.plot is not None:
            yield " ".join(text for text, _ in title_of(panel.spec, history, view, ghosts, panel.plot.axis))
            yield " ".join(label for _, label in panel.plot.axis.ticks)
            yield " ".join(peak.told for peak in peaks(panel.plot))
            for columns in range(14, 210, 14):
                yield " ".join(label for _, label in panel.plot.across.ticks(columns))
    definition = view.definition_for(history.activation())
    units, at = looked.layers["h1"], monitor.query_one(UnitPanel).at
    yield f"units h1 {definition.name} on {count(start.probe)} images step {count(looked.step)}"
    yield " ".join(portrait(at, units, judged.ledgers["h1"], start.probe))
    shown = [
        *definition_rows(looked.layers, definition, start.probe, start.facts["batch"], 200, 20, "h1"),
        *event_rows(judged, judged.events, BROAD, 1_000),
    ]
    shown += [
        legend(looked.layers, definition, Grid({"h1": 300}, 0, pooled, 60), width)
        for pooled in range(1, 9)
        for width in (28, 60, BROAD)
    ]
    yield "h of h1, step by step, log both ways"
    spreads = [(each.step, each.layers["h1"].spread) for each in judged.looks]
    for width in range(20, 80):
        shown += [row for first in range(len(spreads)) for row in joy_rows(spreads[first:], width)[:1]]
        shown += joy_rows(spreads, width)
        shown += class_rows(history, view, width, 3)
    for row in shown:
        yield "".join(text for text, _ in row)


def text_of(monitor: MonitorScreen) -> str:
    return "\n".join(strip.text for strip in monitor._compositor.render_strips())


async def settled(pilot: Pilot[None], size: Size) -> None:
    """Resize, and wait until the screen has drawn itself at that size."""
    monitor = pilot.app.screen
    assert isinstance(monitor, MonitorScreen)
    await pilot.resize_terminal(*size)
    for _ in range(500):
        await pilot.pause()
        panels = [each for each in monitor.query(CellPanel) if each.size and monitor.can_view_partial(each)]
        if monitor.size == size and all(each.drawn is not None for each in panels):
            break
    monitor.draw()
    await pilot.pause()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("deadrelu_tui.tui.panels.lines.time", SimpleNamespace(strftime=lambda _: "14:02:31"))
    stage = Stage()
    yield stage
    stage.shutdown()


def app_of(stage: Stage) -> MonitorApp:
    """Return an app with a run that died and, after `r`, one that takes a step when it is let."""
    short = replace(SPARSE.settings, epochs=1)
    trainings = iter([(stage.training(TRAGEDY), stage), (stage.paced(SPARSE), stage)])
    return apps.monitor(short, runs(trainings))


@pytest.mark.parametrize(("focus", "keys"), IN_FOCUS.items())
async def test_on_every_way_between_two_sizes_nothing_is_lost_and_no_number_is_cut(
    stage: Stage, focus: str, keys: tuple[str, ...]
) -> None:
    app = app_of(stage)
    async with app.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        await pilot.press("r")
        monitor = app.screen
        assert isinstance(monitor, MonitorScreen)
        run = monitor.run_in_hand
        stage.advance(BEFORE)
        monitor.draw()
        monitor.go_to(monitor.query_one(f"#{focus}", CellPanel))
        await pilot.press(*keys)
        state, held = (
            (monitor.view, monitor.session.ghosts, monitor.alone, monitor.session.earlier),
            monitor.session.held,
        )
        assert state[0].cursor is not None or "home" not in keys
        assert (held is not None) == ("f" in keys)
        for taken, size in enumerate(share(focus), 1):
            stage.advance(STEPS)
            await settled(pilot, size)
            where = f"{focus} at {size}"
            assert app.screen_stack == [monitor], where
            assert monitor.run_in_hand is run, where
            assert run.status in ALIVE, where
            assert len(run.history) == BEFORE + STEPS * taken, where
            assert (monitor.view, monitor.session.ghosts, monitor.alone, monitor.session.earlier) == state, where
            assert monitor.session.held is held, where
            assert held is None or len(held) == BEFORE, where
            if size_class(*size) in ("wide", "middle"):
                assert app.focused is not None, where
                assert app.focused.id == focus, where
                assert app.focused.size.height > 2, where
            screen = text_of(monitor)
            said = set().union(*map(numbers, full_texts(monitor)))
            assert numbers(screen) <= said, f"{where}: {sorted(numbers(screen) - said)}\n{screen}"
            assert not re.search(r"\d…", screen), f"{where}\n{screen}"
            assert {len(line) for line in screen.split("\n")} == {size[0]}, where
        stage.close()
    app.close()


async def test_a_size_looks_the_same_whichever_way_one_came_to_it(stage: Stage) -> None:
    def app() -> MonitorApp:
        return apps.monitor(TRAGEDY.settings, runs(iter([(stage.training(TRAGEDY), stage)])))

    fresh, sizes = {}, [size for size in SIZES if size != (40, 12)]
    for size in sizes:
        async with app().run_test(size=size) as pilot:
            await settled(pilot, size)
            assert isinstance(pilot.app.screen, MonitorScreen)
            fresh[size] = text_of(pilot.app.screen)
    async with app().run_test(size=sizes[0]) as pilot:
        monitor = pilot.app.screen
        assert isinstance(monitor, MonitorScreen)
        for before, size in pairwise(walk(sizes)):
            await settled(pilot, size)
            assert text_of(monitor) == fresh[size], f"from {before} to {size}"


async def test_ten_columns_and_three_rows_have_one_sentence_and_nothing_is_lost_there(stage: Stage) -> None:
    app = app_of(stage)
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("r")
        monitor = app.screen
        assert isinstance(monitor, MonitorScreen)
        stage.advance(BEFORE)
        monitor.draw()
        await pilot.press("home")
        for size in ((10, 3), (160, 48), (10, 3), (80, 24)):
            await settled(pilot, size)
            if size == (10, 3):
                assert text_of(monitor).split() == ["early"]  # at the step that is read
            assert monitor.view.cursor == 0
        assert "◀ step 0 of " in text_of(monitor)
        stage.close()
    app.close()
