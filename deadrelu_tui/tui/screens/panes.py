"""Where things stand on the monitor: the lines, the rows of panels, and which of them a size has room for."""

from __future__ import annotations

import asyncio

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from deadrelu_tui.record.records import Start
from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.layout import LAYERS, SIZES, layout
from deadrelu_tui.tui.panels import beginning, lines
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.layer_panel import LayerPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot.charts import LEDGER, MANY, chart_specs


class Panes(Screen[None]):
    """Lines and panels for the run in hand, laid out for the size of the terminal."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual has it, but the whole screen is not drawn anew for it: the panels show their focus themselves."""

    def __init__(self, ascii_only: bool) -> None:
        super().__init__()
        self.ascii_only = ascii_only
        self.alone = False
        """Whether the focused panel is shown alone."""
        self.chosen = ""
        """The panel last in focus: a size without panels takes the focus away, and a larger one gives it back."""
        self.composed: Start | None = None
        """What the run had told of itself when the panels were made."""
        self._changing = asyncio.Lock()
        """Held by who adds panels or takes some off."""
        self.letters = "-ascii" if ascii_only else "-unicode"
        """The class that tells a screen which characters it may use."""
        self.add_class(self.letters)

    @property
    def run_in_hand(self) -> Source:
        """The run that is looked at."""
        raise NotImplementedError

    def answer(self) -> None:
        """Draw what has changed, as soon as it stands."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the lines, the panels and the keys."""
        for name in ("header", "progress", "settings", "verdict"):
            yield Static(id=name, classes="line")
        yield Static(id="numbers")
        for row, panels in self._told().items():
            with Horizontal(id=row):
                yield from panels
        with Horizontal(id="bottom"):
            yield UnitPanel("units", self.ascii_only)
            yield ChartPanel(LEDGER, self.ascii_only)
            yield EventPanel("events", self.ascii_only)
        yield Static(id="tour")
        yield Static(id="keys", classes="line")
        yield Static(id="held")

    def _told(self) -> dict[str, list[CellPanel]]:
        """Return new panels for what the run tells of by now, row by row."""
        start = self.composed = self.run_in_hand.start
        top, gradients = ([ChartPanel(spec, self.ascii_only) for spec in specs] for specs in chart_specs(start))
        listed = [LayerPanel(LAYERS, self.ascii_only)] if len(start.network) > MANY else []
        return {"top": [*listed, *top], "gradients": [*gradients]}

    async def follow_start(self) -> None:
        """Add panels for what the run has come to tell of since they were made, and take off those of what it tells no
        more; all others stay as they are.
        """
        async with self._changing:
            await self._follow_start()

    async def _follow_start(self) -> None:
        changed = False
        for row, panels in self._told().items():
            box = self.query_one(f"#{row}", Horizontal)
            there, wanted = {each.id: each for each in box.query(CellPanel)}, {each.id for each in panels}
            for index, panel in enumerate(panels):
                if panel.id not in there:
                    panel.display, changed = False, True  # until it is known whether there is room for it
                    after = next((there[each.id] for each in panels[index:] if each.id in there), None)
                    await box.mount(panel, before=after)
            for gone in (each for name, each in there.items() if name not in wanted):
                changed = True
                await gone.remove()
        if not changed:
            return
        panels = self.panels()
        if self.chosen in {each.id for each in panels}:
            self.lay_out()
            self.call_after_refresh(self.answer)
        else:
            self.go_to(self.focused if self.focused in panels else panels[0])

    def show_held(self, text: Content | None) -> None:
        """Show, over the panels, what is about to happen in a run that is held before its first step; None if it is
        not.
        """
        for box in self.query("#held").results(Static):
            width, height = self.size
            box.display = text is not None and width >= 64 and height >= 22
            if box.display and text is not None:
                box.styles.width = across = min(beginning.WIDTH, width - 4)
                box.styles.offset = (width - across) // 2, max(5, height // 2 - 5)
                box.update(lines.ascii_only(text) if self.ascii_only else text)

    def panels(self) -> list[CellPanel]:
        """Return every panel there is, shown or not, in the order of tab."""
        return list(self.query(CellPanel).results(CellPanel))

    def on_resize(self, _event: events.Resize) -> None:
        """Choose the layout for the new size, and draw as soon as it stands."""
        self.lay_out()
        self.call_after_refresh(self.answer)

    def go_to(self, panel: Widget) -> None:
        """Bring a panel to the focus, and so to the screen."""
        self.lay_out(panel)
        self.set_focus(panel)  # at once: a second tab may come before a focus that is asked for
        self.call_after_refresh(self.answer)

    def lay_out(self, wanted: Widget | None = None) -> None:
        """Show the panels that the size has room for, the wanted or the focused one among them."""
        wanted = wanted or self.focused
        rows = {str(row.id): [str(panel.id) for panel in row.query(CellPanel)] for row in self.query(Horizontal)}
        if not rows:
            return
        if wanted is not None:
            self.chosen = str(wanted.id)
        focused = self.chosen or next((panel for panels in rows.values() for panel in panels), "")
        taken = sum(box.outer_size.height for box in self.query("#tour").results(Static) if box.display)
        found = layout(rows, focused, *self.app.size, self.alone, taken)
        # The style sheet only for another size: a screen's styles take longer to work out than to draw.
        if not self.has_class(f"-{found.size}"):
            for size in SIZES:
                self.set_class(size == found.size, f"-{size}", update=False)
            self.update_node_styles(animate=False)
        for row in self.query(Horizontal):
            row.display = bool(found.panels & set(rows[str(row.id)]))
            row.styles.grid_size_columns = 1 if self.alone else 2  # where a row is a grid
        for panel in self.panels():
            panel.display = panel.id in found.panels
            hint = found.hints.get(str(panel.id), "")
            if panel.more != hint:
                panel.more, panel.drawn = hint, None
