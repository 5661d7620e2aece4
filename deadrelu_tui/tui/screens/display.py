"""What the monitor shows: it samples the history by a timer and lays panels out. What the keys do is in
monitor.py and viewing.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.css.query import NoMatches
from textual.reactive import reactive
from textual.widgets import Static

from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Start
from deadrelu_tui.run.library import Library
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.tui.frame import Frame
from deadrelu_tui.tui.keys import entries
from deadrelu_tui.tui.panels import banner, beginning, lines, tour
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.chart_panel import ChartPanel, told_in_the_middle
from deadrelu_tui.tui.panels.classes import class_rows
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.layer_panel import LayerPanel
from deadrelu_tui.tui.panels.roles import ROLE_CLASSES
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot import chart
from deadrelu_tui.tui.plot.chart import MARKS
from deadrelu_tui.tui.plot.charts import (
    LEDGER,
    MANY,
    ChartSpec,
    arranged,
    chart_specs,
    lacking,
    more_deaths_than_units,
    plot_of,
    title_of,
    worst_first,
)
from deadrelu_tui.tui.plot.view import WINDOWS, View
from deadrelu_tui.tui.screens.panes import Panes
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.tui.wire.typed import TypedInOrder
from deadrelu_tui.wording import count

FOLLOWED_AGAIN = 1.0
"""Seconds until a run is looked for again that could not be found."""
LOOK_EVERY = 0.05
"""Seconds between two looks for something new to draw. A look that finds nothing costs next to nothing, and what comes
after a while of nothing, such as the first step or one that a paused run takes, is shown at once."""


class Display(Panes):
    """Charts, units, events and verdict of the run in hand, as the view wants them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    status: reactive[Status] = reactive(Status.READY, bindings=True, repaint=False)

    def __init__(
        self, session: Session, meter: Meter | None, pace: Pace, ascii_only: bool, library: Library | None = None
    ) -> None:
        super().__init__(ascii_only)
        self.session, self.library = session, library
        self.meter, self.pace = meter, pace
        self.view = View()
        self.shown = session.history
        """The one history that a frame is drawn of: lines, charts, units and events belong to one step."""
        self.judged = self.shown
        """The same as it stood at the step under the cursor: what verdict, units and events are of."""
        self._past: tuple[tuple[str, int], History] | None = None
        """Run and step that were read last, and what stood there."""
        self._layer_in_focus = ""
        """The layer whose parameters are shown, of a network with too many for all of them."""
        self._plain: Start | None = None
        """The start of the run each of whose layers and parameters has its own chart just now."""
        self._seen: tuple[object, ...] = ()
        """The state of things when they were drawn last."""
        self._rest_until = 0.0
        """When the next frame may be drawn."""
        self.touring = ""
        """The run that is a tour."""
        self._following = False
        """Whether another run is about to be shown."""
        self._missed = "", 0
        """The run that could not be shown, and how often that was tried."""
        self._said_small = False
        """Whether it was said that the tour has no room."""
        self._stop: int | None = None
        """The stop of it whose panel was brought into sight."""
        self.frame = Frame(self, self._sample)
        self._judged: tuple[tuple[object, ...], Finding | None] = ((), None)
        self._drawn: dict[str, tuple[Content, int]] = {}

    @property
    def run_in_hand(self) -> Source:
        """The run that is looked at."""
        return self.session.in_hand

    @property
    def history(self) -> History:
        """The history that is shown: the run's as it stands, or what was held of it."""
        return self.session.history

    def read(self, history: History) -> History:
        """Return a history as it stood at the step under the cursor; as it is without one.

        What is past stays as it is: it is put together once, for that takes the longer the longer the run.
        """
        step, last = self.view.cursor, history.last
        if step is None or last is None or step >= last:
            return history
        place = (self.run_in_hand.start.run, step)
        if self._past is None or self._past[0] != place:
            self._past = place, history.until(step)
        return self._past[1]

    def compose(self) -> ComposeResult:
        """Lay out the lines, the panels and the keys."""
        self._drawn.clear()  # of lines that are made anew nothing is drawn yet
        return super().compose()

    def on_mount(self) -> None:
        """Begin to draw."""
        self.go_to(self.panels()[0])
        self.draw()

    def begin(self) -> None:
        """Keep drawing."""
        threading.Thread(target=chart.preload, daemon=True).start()
        self.set_interval(LOOK_EVERY, self._sample)

    # Drawing

    def _sample(self) -> None:
        """Draw the lines if anything is new, then the panels as far as a slice of time goes; the rest follows.

        A key is not kept waiting: the rest then comes after it.
        """
        if self.run_in_hand.successor and not self._following:
            self._following = True
            self.call_next(self._follow)
        if self.run_in_hand.start is not self.composed and not self._following:
            self.composed = self.run_in_hand.start
            self.call_next(self.follow_start)
        if self.meter and self.meter.stalled:
            return
        began, frame = time.monotonic(), self.frame
        if frame.complete:
            if began < self._rest_until or self._state() == self._seen:
                return
            frame.begin(self.draw_lines())
        if isinstance(self.app, TypedInOrder) and self.app.typing:
            return  # the rest follows the key's effect, or the next look
        frame.draw(self._draw_panel, began)
        if frame.complete:
            self._rest_until = time.monotonic() + self.pace.wait(frame.seconds, self.meter)

    async def _follow(self) -> None:
        try:
            await self.follow_run()
        except InputError as error:  # its file is not there yet, or cannot be: it may come
            wanted = self.run_in_hand.successor
            missed, times = self._missed
            self._missed = wanted, times + 1 if missed == wanted else 1
            if self._missed[1] == 2:
                self.notify(
                    f"Run {wanted} was begun in the place of this one, but cannot be shown: {error}.", timeout=8
                )
            self.set_timer(FOLLOWED_AGAIN, self._stop_following)
        else:
            self._following = False

    def _stop_following(self) -> None:
        self._following = False

    async def follow_run(self) -> None:
        """Show the run that another process has begun in the place of the one in hand."""

    def answer(self) -> None:
        """Show what a key has done: the lines at once, the panels as soon as these stand."""
        self.frame.begin(self.draw_lines())
        self.frame.ask()

    def _state(self) -> tuple[object, ...]:
        """Return what draw() would show anew, as far as it changes without a key."""
        run, held = self.run_in_hand, self.session.held
        history = run.history if held is None else held  # not frozen: this is asked all the time
        return (
            run.start.run, run.status, run.speed, history.start, len(run.history), len(history.events), self.size,
            lines.moment(self.meter.bytes_per_second() if self.meter else 0.0),
        )  # fmt: skip

    def draw(self) -> None:
        """Bring everything visible up to date."""
        for panel in self.draw_lines():
            self._draw_panel(panel)
        self.frame.begin(())

    def draw_lines(self) -> list[CellPanel]:
        """Bring the lines up to date, and return the panels that are to follow."""
        if self._changing.locked():  # panels come or go: just now there may be no lines, either
            self._seen = ()  # nothing of it was drawn
            return []
        run = self.run_in_hand
        history = self.shown = self.session.history
        self.view = self.view.of(run.start)
        judged = self.judged = self.read(history)
        self.status = run.status
        if isinstance(run.error, InputError) and not len(history) and not self.session.earlier:  # a later one says so
            self.app.refuse(run.error)  # type: ignore[attr-defined]
        if self.app.screen is not self and not self.app.screen.is_modal:
            return []
        self._seen = self._state()
        width = self.size.width
        held = None if self.session.held is None else history.reached
        self._line("header", lines.header(run, self.meter.bytes_per_second() if self.meter else 0.0, held, width))
        touring = self.touring == run.start.run
        self.show_held(beginning.held(run) if beginning.is_held(run) and not touring else None)
        self._show_tour(history if touring else None)
        now = history if held is None else run.history.frozen()
        self._line(
            "progress",
            self._progress(run, now, width),
        )
        self._line("settings", lines.settings_line(run, self.badges(), width))
        self._line("keys", lines.key_bar(list(self.key_entries()), width))
        panels = self.panels()
        self._arrange(history, [each for each in panels if isinstance(each, ChartPanel)])
        found = self._verdict(judged)
        air = 0 if self.has_class("-mini") else 2
        self._line("verdict", banner.banner(run, judged, found, max(1, width - air)))
        if self.has_class("-tiny"):
            self._line("numbers", lines.sentence(run, judged, found, width))
            return []
        if self.has_class("-small") or self.has_class("-mini"):
            self._line("numbers", lines.summary(judged, self.view, held is not None, width))
            return []
        return sorted(panels, key=lambda panel: not panel.has_focus)

    def _show_tour(self, history: History | None) -> None:
        """Show where the tour has come to, and bring the panel that it speaks of into sight; None ends it."""
        box = self.query_one("#tour", Static)
        if history is not None and self.has_class("-small") and not self._said_small:
            self._said_small = True
            self.notify("The tour needs a terminal of 60 columns and 18 rows.", timeout=6)
        shown = history is not None and (self.has_class("-wide") or self.has_class("-middle"))
        if box.display != shown:
            box.display = shown
            self.call_after_refresh(self.lay_out)
        if history is None or not shown:
            return
        self._line("tour", tour.told(history, self.size.width - 3, self.status is Status.PAUSED), layout=True)
        stop = tour.stop_of(history)
        if stop is not None and stop != self._stop:
            self._stop = stop
            for panel in self.query(f"#{tour.STOPS[stop].panel}"):
                self.go_to(panel)

    def _progress(self, run: Source, history: History, width: int) -> Content:
        """Return how far a run has come; as long as it is about to begin, or begins slowly, that and how to go on."""
        if beginning.is_held(run) and history.start is not None:
            return beginning.waiting(run, width)
        if len(history) and beginning.is_opening(run):
            return beginning.opening(run, history, width)
        return lines.progress(run, history, width)

    def _arrange(self, history: History, charts: Sequence[ChartPanel]) -> None:
        """Give each chart its layer or parameter, where there are more of them than charts or some are looked for."""
        start, chosen = self.run_in_hand.start, len(history.network) > MANY or bool(self.view.wanted)
        if not chosen and self._plain is start:
            return
        self._plain = None if chosen else start
        focused = self.focused.spec.layer if isinstance(self.focused, ChartPanel) else ""
        if isinstance(self.focused, UnitPanel):
            focused = self.focused.at[0]
        listed = next(iter(self.query(LayerPanel).results(LayerPanel)), None)
        picked = listed.at if listed is not None else ""
        if listed is not None and self.focused is listed:
            focused = listed.at or next(iter(worst_first(history, self.view)), "")
        focus = focused or self._layer_in_focus
        rows: list[Sequence[ChartSpec]] = [*chart_specs(start)]
        if chosen:
            layers, gradients = [[each.id for each in row if each.layer or each.parameter] for row in rows]
            rows += arranged(history, self.view, layers, gradients, focus, picked)
        specs = {spec.id: spec for row in rows for spec in row}
        for panel in charts:
            if (spec := specs.get(str(panel.id), panel.spec)) != panel.spec:
                panel.spec, panel.plot = spec, None
        self._layer_in_focus = focus

    def _verdict(self, history: History) -> Finding | None:
        """Return the verdict, judged anew only if there is anything new."""
        state = (self.run_in_hand.start.run, len(history), len(history.events))
        if self._judged[0] != state:
            self._judged = (state, verdict(history))
        return self._judged[1]

    def badges(self) -> list[str]:
        """Return what differs from the plain view of all steps, in words."""
        view, found = self.view, []
        if view.cursor is not None:
            found.append(lines.place(self.history, view.cursor))
        ghosts = [self.session.name(each) for each in self.session.ghosts]
        if len(ghosts) == 1:
            found.append(f"ghost: {ghosts[0]}")
        elif ghosts:
            marks = zip(MARKS.values(), ghosts, strict=False)
            found.append(f"ghosts: {'  '.join(f'{mark} {name}' for mark, name in marks)}")
        if view.window != WINDOWS[0] or view.zoom:
            first, stop = view.extent(self.history)
            found.append(f"steps {count(first)}–{count(stop)}")
        if view.wanted:
            found.append(f"/{view.wanted}")
        if view.smoothing:
            found.append(f"mean of {view.smoothing} steps")
        return found

    def key_entries(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield (key, label, action, whether it applies) for the line of keys."""
        return entries(self.app.get_key_display, lambda action: self.check_action(action.partition("(")[0], ()))

    def on_cell_panel_stale(self, event: CellPanel.Stale) -> None:
        """Draw a panel whose size has changed at once: the next frame may be a second away."""
        self._draw_panel(event.panel)

    def on_layer_panel_chosen(self, event: LayerPanel.Chosen) -> None:
        """Show the charts, the parameters and the units of the layer that was chosen."""
        units = self.query_one(UnitPanel)
        units.at, units.drawn = (event.layer, 0), None
        self.answer()

    def _line(self, name: str, text: Content, layout: bool = False) -> None:
        if self.ascii_only:
            text = lines.ascii_only(text)
        before, width = self._drawn.get(name, (None, 0))
        if before is not None and before.is_same(text) and width == self.size.width:  # == would compare the words alone
            return
        try:
            self.query_one(f"#{name}", Static).update(text, layout=layout)
        except NoMatches:  # between two layouts
            return
        self._drawn[name] = (text, self.size.width)

    def _draw_panel(self, panel: CellPanel) -> None:
        view, ghosts = self.view, self.session.ghosts
        history = self.shown if isinstance(panel, ChartPanel) else self.judged
        if self.focused is None and panel.id == self.chosen and panel.is_attached and panel.size:
            self.set_focus(panel)
        if not len(self.shown) and not chart.loaded():  # nothing yet: neither frame nor training waits for plotext
            return
        state = (
            self.run_in_hand.start.run, len(history), len(history.events), view,
            tuple(each.start.run for each in ghosts),
            panel.spec if isinstance(panel, ChartPanel) else None,
        )  # fmt: skip
        if panel.drawn == state or not (panel.is_attached and panel.size and self.can_view_partial(panel)):
            return
        below = [each.history.frozen() for each in ghosts]
        panel.drawn = state
        if isinstance(panel, ChartPanel):
            width, height = panel.room
            before = panel.plot.axis if panel.plot and panel.rows == height else None
            step = "" if view.cursor is None else f"step {count(view.cursor)}"
            note = more_deaths_than_units(history, view) if panel.spec is LEDGER else ""
            panel.hint = "  ".join(filter(None, (panel.more, note or step)))
            classes = (
                class_rows(history, view, width, height // 4, self.ascii_only) if panel.spec.id == "accuracy" else []
            )
            room = max(1, width - 7), height - len(classes)
            if lack := lacking(panel.spec, history):
                panel.plot = None
                panel.show([(panel.spec.label, "name")], told_in_the_middle(lack, width, height))
                return
            plot = plot_of(panel.spec, history, view, below, *room, before)
            panel.show_plot(title_of(panel.spec, history, view, below, plot.axis), plot, classes)
        elif isinstance(panel, LayerPanel):
            panel.show_layers(history, view)
        elif isinstance(panel, UnitPanel):
            panel.hint = panel.more
            panel.show_units(history, view, self.run_in_hand)
        elif isinstance(panel, EventPanel):
            panel.show_events(history)
