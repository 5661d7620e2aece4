"""The screen of a live run: it samples the history by a timer and turns the run's controls by keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from deadrelu_tui import presets
from deadrelu_tui.diagnosis import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.run import Run, Status
from deadrelu_tui.settings import ACTIVATIONS, RunSettings, next_lr
from deadrelu_tui.tui import chart
from deadrelu_tui.tui import status as lines
from deadrelu_tui.tui.charts import WINDOWS, activation_of, chart_specs, plot_of, title_of
from deadrelu_tui.tui.keys import KEYS, entries, explained
from deadrelu_tui.tui.panels import CellPanel, ChartPanel, EventPanel, UnitPanel
from deadrelu_tui.tui.screens.help import HelpScreen
from deadrelu_tui.tui.screens.questions import QuitQuestion, RateQuestion
from deadrelu_tui.tui.terminal import Meter
from deadrelu_tui.wording import count

MakeRun = Callable[[RunSettings], Run]
FRAMES_PER_SECOND = 5
DRAWING_SHARE = 4
"""The next frame comes no sooner than so many times the duration of the last one: drawing and training share
the interpreter lock, and drawing gets a fifth of it at most."""
PAGES = ("top", "gradients", "bottom")
VERDICT_ROWS = 3
PANEL_WIDTH, PANEL_HEIGHT = 28, 8
"""Columns and rows that a panel needs to be of use."""
WIDE, MIDDLE, TINY = (120, 36), (60, 18), (20, 5)


class MonitorScreen(Screen[None]):
    """Charts, units, events and verdict of the run in hand."""

    BINDINGS: ClassVar[list[BindingType]] = list(KEYS)

    status: reactive[Status] = reactive(Status.READY, bindings=True)

    def __init__(self, run: Run, make_run: MakeRun, meter: Meter | None, ascii_only: bool) -> None:
        super().__init__()
        self.run_in_hand = run
        self.make_run = make_run
        self.meter = meter
        self.ascii_only = ascii_only
        self.window = WINDOWS[0]
        self.logarithmic = True
        self.alone = False
        """Whether the focused panel is shown alone."""
        self._drawn: dict[str, tuple[object, ...]] = {}
        self.letters = "-ascii" if ascii_only else "-unicode"
        """The class that tells a screen which characters it may use."""
        self.add_class(self.letters)

    def compose(self) -> ComposeResult:
        """Lay out the lines, the panels and the keys."""
        for name in ("header", "progress", "settings"):
            yield Static(id=name, classes="line")
        yield Static(id="verdict")
        yield Static(id="numbers")
        top, gradients = chart_specs(len(self.run_in_hand.settings.hidden))
        with Horizontal(id="top"):
            yield from (ChartPanel(spec, self.ascii_only) for spec in top)
        with Horizontal(id="gradients"):
            yield from (ChartPanel(spec, self.ascii_only) for spec in gradients)
        with Horizontal(id="bottom"):
            yield UnitPanel("units", self.ascii_only)
            yield EventPanel(self.ascii_only)
        yield Static(id="keys", classes="line")

    def on_mount(self) -> None:
        """Begin to draw."""
        self._size_class()
        self._go_to(self._panels()[0])
        self.draw()

    def begin(self) -> None:
        """Start the run and keep drawing. Called after the first frame: loading MXNet would hold it up."""
        self.run_in_hand.start()
        threading.Thread(target=chart.preload, daemon=True).start()
        self._frame()

    # Drawing

    def _frame(self) -> None:
        began = time.monotonic()
        self.draw()
        elapsed = time.monotonic() - began
        if self.is_attached:
            self.set_timer(max(1 / FRAMES_PER_SECOND, DRAWING_SHARE * elapsed), self._frame)

    def draw(self) -> None:
        """Bring everything visible up to date."""
        run = self.run_in_hand
        self.status = run.status
        if isinstance(run.error, InputError) and not len(run.history):
            self.app.refuse(run.error)  # type: ignore[attr-defined]
            return
        if self.app.screen is not self and not self.app.screen.is_modal:
            return
        width = self.size.width
        self._line("header", lines.header(run, self.meter.bytes_per_second() if self.meter else 0.0, width))
        self._line("progress", lines.progress(run, width))
        self._line("settings", lines.settings_line(run, width))
        self._line("keys", lines.key_bar(list(self._entries()), width))
        found = verdict(run.history)
        self._line("verdict", self._shortened(lines.banner(run, found), max(1, width - 2)))
        if self.has_class("-tiny"):
            self._line("numbers", lines.sentence(run, found))
            return
        if self.has_class("-small"):
            self._line("numbers", lines.summary(run.history, width))
            return
        for panel in self._panels():
            self._draw_panel(panel)

    def on_cell_panel_stale(self, event: CellPanel.Stale) -> None:
        """Draw a panel whose size has changed at once: the next frame may be a second away."""
        self._draw_panel(event.panel)

    @staticmethod
    def _shortened(text: Content, width: int) -> Content:
        """Return a text that takes no more than VERDICT_ROWS rows."""
        length = text.cell_length
        while text.get_height({}, width) > VERDICT_ROWS and length > 8:
            length -= 4
            text = text.truncate(length, ellipsis=True)
        return text

    def _line(self, name: str, text: Content) -> None:
        if self.ascii_only:
            text = lines.ascii_only(text)
        if self._drawn.get(name) != (text, self.size.width):
            self._drawn[name] = (text, self.size.width)
            line = self.query_one(f"#{name}", Static)
            line.update(text, layout=False)
            if name == "verdict":
                line.styles.height = text.get_height({}, max(1, self.size.width - 2))

    def _draw_panel(self, panel: Widget) -> None:
        run, history = self.run_in_hand, self.run_in_hand.history
        if run.status is Status.READY:  # nothing to draw yet, and the first frame need not wait for plotext
            return
        if not (panel.size and self.can_view_partial(panel)):
            return
        state = (run.id, len(history), len(history.events), self.window, self.logarithmic)
        if isinstance(panel, CellPanel):
            if panel.drawn == state:
                return
            panel.drawn = state
        if isinstance(panel, ChartPanel):
            before = panel.plot.axis if panel.plot else None
            width, height = panel.room
            plot = plot_of(panel.spec, history, self.window, self.logarithmic, max(1, width - 7), height, before)
            panel.show_plot(title_of(panel.spec, history, plot.axis), plot)
        elif isinstance(panel, UnitPanel) and history.firing is not None and history.start is not None:
            panel.show_units(history.firing, history.start.probe, activation_of(history))
        elif isinstance(panel, EventPanel):
            panel.show_events(history.events)

    # Layout

    def _panels(self) -> list[Widget]:
        return list(self.query(".panel").results(Widget))

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the new size, and draw as soon as it stands."""
        self._size_class()
        self._arrange()
        self.call_after_refresh(self.draw)

    def _size_class(self) -> None:
        width, height = self.app.size

        def at_least(size: tuple[int, int]) -> bool:
            return width >= size[0] and height >= size[1]

        wide, middle = at_least(WIDE), at_least(MIDDLE)
        self.set_class(middle and not wide, "-middle")
        self.set_class(not middle and not wide, "-small")
        self.set_class(not at_least(TINY), "-tiny")

    def _go_to(self, panel: Widget) -> None:
        page = panel.parent.id if panel.parent else None
        for name in PAGES:
            self.set_class(name == page, f"-page-{name}")
        self._arrange(panel)
        self.set_focus(panel)  # at once: a second tab may come before a focus that is asked for
        self.call_after_refresh(self.draw)

    def _arrange(self, wanted: Widget | None = None) -> None:
        """Show of each row of panels as many as have room, the wanted or focused one and the loss among them."""
        wanted = wanted or self.focused
        page = wanted.parent if wanted is not None else None
        for row in self.query(Horizontal):
            row.set_class(self.alone and row is not page, "-away")
        for panel in self._panels():
            panel.set_class(self.alone and panel is not wanted, "-away")
        if self.alone:
            return
        wide = not self.has_class("-middle")
        across, down = self.app.size.width // PANEL_WIDTH, max(1, (self.app.size.height - 7) // PANEL_HEIGHT)
        for row in self.query("#top, #gradients").results(Horizontal):
            panels = list(row.query(ChartPanel))
            pinned = [panel for panel in panels if panel.id == "loss"]
            others = [panel for panel in panels if panel not in pinned]
            grid = 1 if row.id == "top" else 2
            room = max(1, (across if wide else grid * down) - len(pinned))
            at = others.index(wanted) if wanted in others else 0
            first = at // room * room
            for panel in others:
                panel.set_class(panel not in others[first : first + room], "-away")
            for panel in pinned:
                fits = room + len(pinned) <= (across if wide else down)
                panel.set_class(not fits and wanted is not panel, "-away")
            rest = len(others) - room
            for panel in others:
                last = panel is others[min(first + room, len(others)) - 1]
                panel.note = f"{rest} more: tab" if last and rest > 0 else ""

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys apply: pause while running, resume while paused, neither after the end."""
        paused, alive = self.status is Status.PAUSED, self.run_in_hand.alive
        if action == "pause":
            return False if paused else (True if alive else None)
        if action == "resume":
            return paused
        if action == "step":
            return True if alive else None
        if action == "restore":
            return self.alone
        return True

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
        self.draw()

    def action_pause(self) -> None:
        """Pause."""
        self.run_in_hand.controls.pause()
        self.draw()

    def action_resume(self) -> None:
        """Resume."""
        self.run_in_hand.controls.resume()
        self.draw()

    def action_step(self) -> None:
        """Pause, or take one step when paused."""
        controls = self.run_in_hand.controls
        if controls.paused:
            controls.step()
        else:
            controls.pause()
        self.draw()

    def action_restart(self) -> None:
        """Start a new run with the settings as they are now."""
        self._start(self.run_in_hand.settings_now)

    def action_experiment(self, name: str) -> None:
        """Start one of the article's experiments."""
        self._start(presets.apply(name, self.run_in_hand.settings_now))

    def _start(self, settings: RunSettings) -> None:
        self.run_in_hand.controls.stop()
        self.run_in_hand = self.make_run(settings)
        self.run_in_hand.start()
        self.query_one(EventPanel).forget()
        for chart_panel in self.query(ChartPanel):
            chart_panel.plot = None
        self.query_one(UnitPanel).clear()
        self.draw()

    def action_panel(self, direction: int) -> None:
        """Move the focus among the panels, those of hidden pages included."""
        panels = self._panels()
        now = panels.index(self.focused) if self.focused in panels else -1
        self._go_to(panels[(now + direction) % len(panels)])

    def action_maximise(self) -> None:
        """Show the focused panel alone under the lines, or everything again."""
        self.alone = not self.alone
        self._arrange()

    def action_restore(self) -> None:
        """Show everything again."""
        self.alone = False
        self._arrange()

    def action_scale(self) -> None:
        """Switch between logarithmic and linear axes."""
        self.logarithmic = not self.logarithmic
        self.draw()

    def action_window(self) -> None:
        """Go to the next window of steps."""
        self.window = WINDOWS[(WINDOWS.index(self.window) + 1) % len(WINDOWS)]
        self.notify(f"window: {self.window}", timeout=2)
        self.draw()

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(explained(self.app.get_key_display), self.letters))

    def _entries(self) -> Iterator[tuple[str, str, str, bool]]:
        return entries(self.app.get_key_display, lambda action: self.check_action(action, ()))

    def action_leave(self) -> None:
        """Quit, asking first while the run is live."""
        if not self.run_in_hand.alive:
            self.app.exit()
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self.app.exit()

        self.app.push_screen(QuitQuestion(count(len(self.run_in_hand.history)), self.letters), answer)
