"""The monitor: what each key does to the run, and to the view of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import RunSettings, next_lr
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.record.activations import ACTIVATIONS
from deadrelu_tui.run.run import Run, Status
from deadrelu_tui.tui.keys import KEYS, explained
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot.charts import activation_of
from deadrelu_tui.tui.plot.view import SMOOTHING, WINDOWS
from deadrelu_tui.tui.screens.display import Display
from deadrelu_tui.tui.screens.help import HelpScreen
from deadrelu_tui.tui.screens.questions import QuitQuestion, RateQuestion
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.wording import count

MakeRun = Callable[[RunSettings], Run]
KEPT = 20
"""Runs of a session that are kept as ghosts."""


class MonitorScreen(Display):
    """The screen of a live run."""

    BINDINGS: ClassVar[list[BindingType]] = list(KEYS)

    def __init__(self, run: Run, make_run: MakeRun, meter: Meter | None, pace: Pace, ascii_only: bool) -> None:
        super().__init__(run, meter, pace, ascii_only)
        self.make_run = make_run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys apply: pause while running, resume while paused, neither after the end."""
        paused, alive = self.status is Status.PAUSED, self.run_in_hand.alive
        if action == "pause":
            return False if paused else (True if alive else None)
        if action == "resume":
            return paused
        if action in ("step", "revive"):
            return True if alive else None
        if action == "ghost":
            return True if self.earlier else None
        if action == "restore":
            return self.alone or self.view.cursor is not None
        return True

    # The run

    def action_normalise(self) -> None:
        """Turn normalisation on or off."""
        self._change(normalise=not self.run_in_hand.controls.live.normalise)

    def action_rate(self, way: str) -> None:
        """Go to the next learning rate, up or down the ladder 1-2-5."""
        self._change(lr=next_lr(self.run_in_hand.controls.live.lr, 1 if way == "up" else -1))

    def action_type_rate(self) -> None:
        """Ask for a learning rate."""

        def take(lr: float | None) -> None:
            if lr is not None:
                self._change(lr=lr)

        self.app.push_screen(RateQuestion(self.run_in_hand.controls.live.lr, self.letters), take)

    def action_activation(self) -> None:
        """Go to the next activation."""
        now = ACTIVATIONS.index(self.run_in_hand.controls.live.activation)
        self._change(activation=ACTIVATIONS[(now + 1) % len(ACTIVATIONS)])

    def _change(self, **fields: object) -> None:
        self.run_in_hand.controls.change(**fields)
        if not self.run_in_hand.alive:
            self.notify("The run has ended: r starts a new one with this.", timeout=4)
        self.answer()

    def action_revive(self) -> None:
        """Revive the dead units before the next step."""
        self.run_in_hand.controls.revive()
        if self.status is Status.PAUSED:
            self.notify("The dead units come back with the next step.", timeout=4)

    def action_pause(self) -> None:
        """Pause."""
        self.run_in_hand.controls.pause()
        self.answer()

    def action_resume(self) -> None:
        """Resume."""
        self.run_in_hand.controls.resume()
        self.answer()

    def action_step(self) -> None:
        """Pause, or take one step when paused."""
        controls = self.run_in_hand.controls
        if controls.paused:
            controls.step()
        else:
            controls.pause()
        self.answer()

    async def action_restart(self) -> None:
        """Start a new run with the settings as they are now."""
        await self._start(self.run_in_hand.settings_now)

    async def action_experiment(self, name: str) -> None:
        """Start one of the article's experiments."""
        await self._start(presets.apply(name, self.run_in_hand.settings_now))

    def action_settings(self) -> None:
        """Show every setting, and start a run with what is made of them."""
        from deadrelu_tui.tui.screens.settings_form import SettingsScreen

        async def take(settings: RunSettings | None) -> None:
            if settings is not None:
                await self._start(settings)

        self.app.push_screen(SettingsScreen(self.run_in_hand.settings_now, self.letters), take)

    async def _start(self, settings: RunSettings) -> None:
        before = self.run_in_hand
        before.controls.stop()
        self.earlier = [before, *self.earlier][:KEPT]
        if self.ghost is not None and not any(each is self.ghost for each in self.earlier):
            self.ghost = None
        self.run_in_hand, self.started = self.make_run(settings), self.started + 1
        self.run_in_hand.start()
        self.held, self.view = None, replace(self.view, cursor=None)
        if len(settings.hidden) != len(before.settings.hidden):
            await self.recompose()
            self.go_to(self.panels()[0])
        self.query_one(EventPanel).forget()
        for chart_panel in self.query(ChartPanel):
            chart_panel.plot = None
        self.query_one(UnitPanel).clear()
        self.answer()

    # The view

    def _look(self, **fields: object) -> None:
        self.view = replace(self.view, **fields)  # type: ignore[arg-type]
        self.answer()

    def action_definition(self) -> None:
        """Go to the next definition of death."""
        self._look(dead=self.view.dead + 1)
        definition = self.view.definition_for(activation_of(self.history))
        self.notify(f"dead is now: {definition.name}", timeout=2)

    def action_cursor(self, by: int) -> None:
        """Move the cursor by a step, or set it at the newest one."""
        if len(self.history):
            self.view = self.view.moved(self.history, by)
            self.answer()

    def action_stride(self, way: int) -> None:
        """Move the cursor by a stride."""
        self.action_cursor(way * self.view.stride(self.history))

    def action_first(self) -> None:
        """Move the cursor to the first step."""
        if len(self.history):
            self._look(cursor=0)

    def action_last(self) -> None:
        """Follow the newest step."""
        self._look(cursor=None)

    def action_zoom(self, by: int) -> None:
        """Show half or twice as many steps."""
        self.view = self.view.zoomed(self.history, by)
        self.answer()

    def action_window(self) -> None:
        """Go to the next window of steps."""
        self._look(window=WINDOWS[(WINDOWS.index(self.view.window) + 1) % len(WINDOWS)], zoom=0)
        self.notify(f"window: {self.view.window}", timeout=2)

    def action_scale(self) -> None:
        """Switch between logarithmic and linear axes."""
        self._look(logarithmic=not self.view.logarithmic)

    def action_smooth(self) -> None:
        """Go to the next width of the running mean."""
        self._look(smoothing=SMOOTHING[(SMOOTHING.index(self.view.smoothing) + 1) % len(SMOOTHING)])

    def action_freeze(self) -> None:
        """Hold the display still, or let it catch up."""
        self.held = self.run_in_hand.history.frozen() if self.held is None else None
        self.answer()

    def action_ghost(self) -> None:
        """Go to the next earlier run as the ghost, and after the last one to none."""
        at = self.earlier.index(self.ghost) + 1 if self.ghost in self.earlier else 0
        self.ghost = self.earlier[at] if at < len(self.earlier) else None
        self.answer()

    def action_runs(self) -> None:
        """List the session's runs; the one that is chosen becomes the ghost, or ceases to be."""

        def take(index: int | None) -> None:
            if index is not None and index > 0:
                chosen = self.earlier[index - 1]
                self.ghost = None if chosen is self.ghost else chosen
                self.answer()

        from deadrelu_tui.tui.screens.runs import RunsScreen, row_of

        runs = [self.run_in_hand, *self.earlier]
        rows = [row_of(self.started - index, run, ghost=run is self.ghost) for index, run in enumerate(runs)]
        self.app.push_screen(RunsScreen(rows, self.letters), take)

    def action_panel(self, direction: int) -> None:
        """Move the focus among the panels, those of hidden pages included."""
        panels = self.panels()
        now = next((index for index, panel in enumerate(panels) if panel is self.focused), -1)
        self.go_to(panels[(now + direction) % len(panels)])

    def action_maximise(self) -> None:
        """Show the focused panel alone under the lines, or everything again."""
        self.alone = not self.alone
        self.lay_out()

    def action_restore(self) -> None:
        """Show everything again, or else let go of the cursor."""
        if self.alone:
            self.alone = False
            self.lay_out()
        else:
            self._look(cursor=None)

    # Dialogs

    @on(events.Click, "#verdict")
    def _asked_why(self) -> None:
        self.action_reasons()

    def action_reasons(self) -> None:
        """Show the whole reasoning behind the verdict."""
        from deadrelu_tui.tui.screens.reasons import ReasonsScreen

        if len(self.history):
            self.app.push_screen(ReasonsScreen(findings(self.history), len(self.history) - 1, self.letters))

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(explained(self.app.get_key_display), self.letters))

    def action_leave(self) -> None:
        """Quit, asking first while the run is live."""
        if not self.run_in_hand.alive:
            self.app.exit()
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self.app.exit()

        self.app.push_screen(QuitQuestion(count(len(self.run_in_hand.history)), self.letters), answer)
