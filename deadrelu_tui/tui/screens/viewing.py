"""What keys and the mouse do to the view of a run: the step that is read, what is shown of it, and where."""

from __future__ import annotations

from dataclasses import replace

from deadrelu_tui.errors import InputError
from deadrelu_tui.run.session import MOST_GHOSTS
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.plot.across import BEGINNING
from deadrelu_tui.tui.plot.chart import MARKS
from deadrelu_tui.tui.plot.charts import GRADIENT_WORDS
from deadrelu_tui.tui.plot.view import GRADIENTS, SMOOTHING, WINDOWS
from deadrelu_tui.tui.screens.display import Display
from deadrelu_tui.tui.screens.questions import NameQuestion


class Viewing(Display):
    """A display whose view is changed by keys and by the mouse."""

    def _look(self, **fields: object) -> None:
        self.view = replace(self.view, **fields)  # type: ignore[arg-type]
        self.answer()

    def action_definition(self) -> None:
        """Go to the next definition of death."""
        activations = self.history.activations.values() or [self.history.activation()]
        activation = max(activations, key=lambda each: len(self.view.definitions(each)))
        if len(self.view.definitions(activation)) < 2:
            only = self.view.definition_for(activation)
            self.notify(f"Of these units only one thing is told: {only.name}.", timeout=3)
            return
        self._look(dead=self.view.dead + 1)
        self.notify(f"dead is now: {self.view.definition_for(activation).name}", timeout=2)

    def _has_steps(self) -> bool:
        """Return whether there is a step to read; say so if there is none."""
        if not len(self.history):
            self.notify("There is no step to read yet.", timeout=2)
        return len(self.history) > 0

    def action_cursor(self, by: int) -> None:
        """Move the cursor by a step, or set it at the newest one."""
        if self._has_steps():
            self.view = self.view.moved(self.history, by)
            self.answer()

    def action_event(self, way: int) -> None:
        """Move the cursor to the event before, or to the next."""
        if self._has_steps():
            before, self.view = self.view, self.view.at_event(self.history, way)
            if self.view == before:
                self.notify(f"There is no {'earlier' if way < 0 else 'later'} event.", timeout=2)
            self.answer()

    def action_stride(self, way: int) -> None:
        """Move the cursor by a stride."""
        self.action_cursor(way * self.view.stride(self.history))

    def action_first(self) -> None:
        """Move the cursor to the first step."""
        if self._has_steps():
            self._look(cursor=self.history.first)

    def action_last(self) -> None:
        """Follow the newest step."""
        self._look(cursor=None)

    def on_chart_panel_picked(self, event: ChartPanel.Picked) -> None:
        """Read the step that was clicked on, or the one nearest to it that there is."""
        history = self.history
        if history.last is not None:
            self._look(cursor=min(max(history.first, event.step), history.last))

    def on_chart_panel_zoomed(self, event: ChartPanel.Zoomed) -> None:
        """Show half or twice as many steps."""
        self.action_zoom(event.by)

    def action_zoom(self, by: int) -> None:
        """Show half or twice as many steps."""
        before, self.view = self.view, self.view.zoomed(self.history, by)
        if self.view == before:
            self.notify("This is as close as it gets." if by > 0 else "Nothing is zoomed in.", timeout=2)
        self.answer()

    def action_window(self) -> None:
        """Go to the next window of steps."""
        self._look(window=WINDOWS[(WINDOWS.index(self.view.window) + 1) % len(WINDOWS)], zoom=0)
        self.notify(f"window: {self.view.window}", timeout=2)

    def action_apart(self) -> None:
        """Keep a part of the charts for the first steps, or draw all steps equally wide."""
        self._look(apart=not self.view.apart)
        shown = "keep a quarter of the charts of all steps" if self.view.apart else "are as wide as all others"
        self.notify(f"the first {BEGINNING} steps {shown}", timeout=2)

    def action_scale(self) -> None:
        """Switch between logarithmic and linear axes."""
        self._look(logarithmic=not self.view.logarithmic)

    def action_smooth(self) -> None:
        """Go to the next width of the running mean."""
        self._look(smoothing=SMOOTHING[(SMOOTHING.index(self.view.smoothing) + 1) % len(SMOOTHING)])

    def action_gradient(self) -> None:
        """Go to the next of what is told of each parameter's gradient."""
        self._look(gradient=GRADIENTS[(GRADIENTS.index(self.view.gradient) + 1) % len(GRADIENTS)])
        seen = any(panel.display for panel in self.query(ChartPanel) if panel.spec.parameter)
        more = "" if seen else "; tab leads to their charts"
        self.notify(f"parameters: {GRADIENT_WORDS[self.view.gradient].format('p')}{more}", timeout=3)

    def action_find(self) -> None:
        """Ask for a part of a name; what holds it comes first."""

        def take(text: str | None) -> None:
            if text is not None:
                self._look(wanted=text)

        self.app.push_screen(
            NameQuestion(self.view.wanted, next(iter(self.history.network.names), ""), self.letters), take
        )

    def on_event_panel_find(self, event: EventPanel.Find) -> None:
        """Ask for a text, and show the events alone that hold it."""

        def take(text: str | None) -> None:
            if text is not None:
                self.query_one(EventPanel).find(text)

        self.app.push_screen(NameQuestion(event.wanted, "h1", self.letters, "Events that hold:"), take)

    def action_freeze(self) -> None:
        """Hold the display still, or let it catch up."""
        self.session.freeze()
        self.answer()

    def action_ghost(self) -> None:
        """Go to the next earlier run as the ghost, and after the last one to none."""
        self.session.next_ghost()
        self.answer()

    def action_runs(self) -> None:
        """List the session's runs and all that were recorded; the one that is chosen becomes a ghost, or ceases to be
        one.
        """

        def take(chosen: RunRow | None) -> None:
            if chosen is None:
                return
            ours = next((each for _, each in self.session.runs[1:] if each.start.run == chosen.run), None)
            ghost = next((each for each in self.session.ghosts if each.start.run == chosen.run), None)
            try:
                wanted = ours or ghost or (self.library.open(chosen.run) if self.library else None)
            except InputError as error:
                self.notify(str(error), severity="warning")
                return
            if wanted is not None and not self.session.lay_under(wanted):
                self.notify(f"There are {MOST_GHOSTS} ghosts: choose one of them, and it is none any more.")
            self.answer()

        from deadrelu_tui.tui.screens.runs import RunRow, RunsScreen, row_of, rows_of

        marks = {each.start.run: mark for each, mark in zip(self.session.ghosts, MARKS.values(), strict=False)}
        rows = [row_of(number, run, marks.get(run.start.run, "")) for number, run in self.session.runs]
        shown = {each.run for each in rows}
        library = self.library
        more = None if library is None else lambda: rows_of(library.newest(), shown, marks)
        self.app.push_screen(RunsScreen(rows, self.letters, more), take)

    def action_picture(self) -> None:
        """Save what is shown as a picture."""
        self.app.clear_notifications()
        self.set_timer(0.1, self.app.deliver_screenshot)  # what lies above, a message or the palette, is gone then

    # Where the panels stand

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
        """Show everything again, or else let go of the cursor, or else leave the tour."""
        if self.alone:
            self.alone = False
            self.lay_out()
        elif self.view.cursor is None and self.touring:
            self.touring = ""
            self.answer()
        else:
            self._look(cursor=None)
