"""The map of a sweep: what its keys do, and when it is drawn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from deadrelu_tui.errors import InputError
from deadrelu_tui.run.source import Source
from deadrelu_tui.sweep.chart import value_words
from deadrelu_tui.sweep.grid import Limit
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.tui import phase_keys
from deadrelu_tui.tui.keys import entries
from deadrelu_tui.tui.panels import lines, phase_lines
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.phase_panel import Look, PhasePanel
from deadrelu_tui.tui.panels.roles import ROLE_CLASSES
from deadrelu_tui.tui.screens.help import HelpScreen
from deadrelu_tui.tui.screens.opened import LeaveQuestion, OpenedScreen, SeedQuestion
from deadrelu_tui.tui.sweeping import Sweeping
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.wording import count, printable

LOOK_EVERY = 0.05
"""Seconds between two looks for something new to draw."""
LATELY = 30.0
"""Seconds of which the speed is that of the sweep."""
FAR = 1_000_000
WAYS = {
    "left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1),
    "first": (-FAR, 0), "last": (FAR, 0), "top": (0, FAR), "bottom": (0, -FAR),
}  # fmt: skip
"""Places across and up that a key moves the cursor."""
LEAST = (40, 12)
"""Columns and rows that a map needs."""


class PhaseScreen(Screen[None]):
    """A map that fills while the sweep goes on."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = list(phase_keys.KEYS)

    def __init__(
        self, sweep: Sweeping, metric: str, find: Callable[[str], Source], limit: Limit, save: Callable[[], str],
        meter: Meter | None, pace: Pace, ascii_only: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.sweep, self._find, self._save = sweep, find, save
        self.meter, self.pace, self.ascii_only = meter, pace, ascii_only
        self.metrics = tuple(dict.fromkeys((*phase_lines.METRICS, metric)))
        """What the key for the next metric goes through."""
        self.map = PhasePanel("map", sweep.chart, Look(metric), limit, ascii_only)
        self.letters = "-ascii" if ascii_only else "-unicode"
        self.add_class(self.letters)
        self._seen: tuple[object, ...] = ()
        self._drawn: dict[str, tuple[Content, int]] = {}
        self._rest_until = 0.0
        self._lately: deque[tuple[float, int]] = deque()
        """When how many runs were done."""

    def compose(self) -> ComposeResult:
        """Lay out the lines, the map and the keys."""
        for name in ("header", "progress", "chosen", "verdict"):
            yield Static(id=name, classes="line")
        yield Static(id="numbers")
        yield self.map
        yield Static(id="keys", classes="line")

    def on_mount(self) -> None:
        """Put the cursor in the middle, and begin to draw."""
        across, up = self.map.size_of_page
        self.map.look = replace(self.map.look, at=(across // 2, up // 2))
        self.draw()

    def begin(self) -> None:
        """Keep drawing."""
        self.set_interval(LOOK_EVERY, self._sample)

    # Drawing

    def _sample(self) -> None:
        if self.meter and self.meter.stalled:
            return
        began = time.monotonic()
        self._count(began)
        if began < self._rest_until or self._state() == self._seen:
            return
        self.draw()
        self._rest_until = time.monotonic() + self.pace.wait(time.monotonic() - began, self.meter)

    def _count(self, now: float) -> None:
        done = self.sweep.chart.done - self.sweep.taken  # what is taken comes at once, and is no work
        if not self._lately or self._lately[-1][1] != done:
            self._lately.append((now, done))
        while len(self._lately) > 2 and now - self._lately[1][0] > LATELY:
            self._lately.popleft()

    @property
    def pulse(self) -> phase_lines.Pulse:
        """How the sweep goes."""
        now = time.monotonic()
        self._count(now)
        (then, before), (_, done) = self._lately[0], self._lately[-1]
        speed = (done - before) / (now - then) if now > then else 0.0
        return phase_lines.Pulse(speed, self.sweep.seconds)

    def _state(self) -> tuple[object, ...]:
        sweep = self.sweep
        return (
            sweep.chart.changes, sweep.over, sweep.waiting, sweep.where, sweep.error, sweep.unrecorded, self.size,
            lines.moment(self.meter.bytes_per_second() if self.meter else 0.0),
        )  # fmt: skip

    def draw(self) -> None:
        """Bring everything visible up to date."""
        if self.app.screen is not self and not self.app.screen.is_modal:
            return
        self._seen = self._state()
        width, height = self.size
        if not width:
            return
        bare = width < LEAST[0] or height < LEAST[1]
        if self.has_class("-bare") != bare:
            self.set_class(bare, "-bare")
        if bare:
            self._line("numbers", Content(phase_lines.bare(self.sweep, width)))
            return
        grid, look = self.sweep.chart.grid, self.map.look
        self._line(
            "header", phase_lines.header(self.sweep, self.meter.bytes_per_second() if self.meter else 0.0, width)
        )
        self._line("progress", phase_lines.progress(self.sweep, self.pulse, width))
        self._line("chosen", phase_lines.chosen(grid, self.metrics, look.metric, look.page, width))
        self._line("keys", lines.key_bar(list(self.key_entries()), width))
        self.map.show_chart()
        self._read()

    def _read(self) -> None:
        grid, look = self.sweep.chart.grid, self.map.look
        found = self.map.reading()
        told = phase_lines.reading(grid, self.map.place(), found, look.metric, max(1, self.size.width - 2))
        self._line("verdict", told)

    def key_entries(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield (key, label, action, whether it applies) for the line of keys."""
        return entries(
            self.app.get_key_display, lambda action: self.check_action(action.partition("(")[0], ()), phase_keys.KEYS
        )

    def _line(self, name: str, text: Content) -> None:
        if self.ascii_only:
            text = lines.ascii_only(text)
        before, width = self._drawn.get(name, (None, 0))
        if before is None or not before.is_same(text) or width != self.size.width:
            self.query_one(f"#{name}", Static).update(text, layout=False)
            self._drawn[name] = (text, self.size.width)

    def on_resize(self, _event: events.Resize) -> None:
        """Draw as soon as the new size stands."""
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        """Draw what has come while another screen was on top."""
        self.call_after_refresh(self.draw)

    def on_cell_panel_stale(self, _event: CellPanel.Stale) -> None:
        """Draw the map at its new size."""
        self.map.show_chart()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys apply."""
        if action == "leaf":
            return len(self.sweep.chart.grid.pages) > 1
        return True

    def _look(self, look: Look) -> None:
        self.map.look = look
        self.draw()

    def action_move(self, way: str) -> None:
        """Move the cursor."""
        self._look(self.map.moved(*WAYS[way]))

    def action_metric(self, way: str) -> None:
        """Go to the next metric, or to the one before."""
        now = self.metrics.index(self.map.look.metric) + (1 if way == "next" else -1)
        self._look(replace(self.map.look, metric=self.metrics[now % len(self.metrics)]))

    def action_leaf(self, way: str) -> None:
        """Go to the next page, or to the one before."""
        page = self.map.look.page + (1 if way == "next" else -1)
        self._look(replace(self.map.look, page=page % len(self.sweep.chart.grid.pages)))

    def on_phase_panel_picked(self, event: PhasePanel.Picked) -> None:
        """Read the place that was clicked on; open it if it was clicked on twice."""
        self._look(replace(self.map.look, at=event.at))
        if event.twice:
            self.action_open()

    def action_open(self) -> None:
        """Open the run of the place under the cursor; ask which, where there are several."""
        chart, place = self.sweep.chart, self.map.place()
        outcomes, first = chart.outcomes, chart.grid.base.seed
        ended = {seed: outcomes[place, seed] for seed in range(chart.grid.seeds) if (place, seed) in outcomes}
        recorded = {seed: each for seed, each in ended.items() if each.run}
        if not recorded:
            self.notify(_lacking(self.map.reading().running, list(ended.values())), timeout=4)
        elif len(recorded) == 1:
            self._open(*recorded.values())
        else:
            told = [f"seed {first + seed}: {_told(each, self.map.look.metric)}" for seed, each in recorded.items()]

            def take(chosen: int | None) -> None:
                if chosen is not None:
                    self._open(list(recorded.values())[chosen])

            self.app.push_screen(SeedQuestion(told, self.letters), take)

    def _open(self, outcome: Outcome) -> None:
        if outcome.failed and not outcome.steps:
            self.notify(f"This run took no step: {outcome.error or outcome.how}.", timeout=6)
            return
        self.notify(f"Run {outcome.run} is opened …", timeout=2)
        self.call_after_refresh(self._show, outcome)

    def _show(self, outcome: Outcome) -> None:
        try:
            source = self._find(outcome.run)
        except InputError as error:
            self.notify(f"This run cannot be opened: {error}.", severity="warning", timeout=6)
            return
        self.app.push_screen(OpenedScreen(source, self.meter, self.pace, self.ascii_only))

    async def action_picture(self) -> None:
        """Save the chart as a picture."""
        self.run_worker(self._saved(), exclusive=True)

    async def _saved(self) -> None:
        try:
            where = await asyncio.to_thread(self._save)
        except InputError as error:
            self.notify(f"No picture was saved: {error}.", severity="error", timeout=6)
        else:
            self.notify(f"Saved as {printable(where)}")

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(phase_keys.explained(self.app.get_key_display), self.letters))

    def action_leave(self) -> None:
        """Leave, asking first while the sweep goes on."""
        if self.sweep.over:
            self.app.exit()
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self.app.exit()

        left = len(self.sweep.chart.grid) - self.sweep.chart.done
        question = f"{count(left)} runs are left. Leave? What is computed is kept, and the same command goes on."
        self.app.push_screen(LeaveQuestion(question, self.letters), answer)


def _lacking(running: int, ended: Sequence[Outcome]) -> str:
    """Return why there is no run to be opened."""
    failed = next((each for each in ended if each.failed), None)
    if failed is not None:
        return f"This run failed, and nothing of it was recorded: {failed.error or failed.how}."
    if ended:
        return "This run was not recorded: there is nothing to open."
    return "This run has not ended yet: enter opens it then." if running else "This run has not begun yet."


def _told(outcome: Outcome, metric: str) -> str:
    value = outcome.values.get(metric)
    parts = [f"{metric} {value_words(metric, value)}" if value is not None else "", outcome.verdict, outcome.how]
    return " · ".join(filter(None, parts))
