"""The map of a sweep in a panel: the page, metric and place that are looked at, and the colours of the ramp."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style
from textual import events
from textual.color import Color, lab_to_rgb, rgb_to_lab
from textual.message import Message

from deadrelu_tui.sweep.chart import Chart, Reading
from deadrelu_tui.sweep.grid import Limit, Place
from deadrelu_tui.tui.panels import phase_fit, phase_map, phase_squares
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.phase_fit import Fit
from deadrelu_tui.tui.panels.phase_lines import legend, meaning
from deadrelu_tui.tui.panels.phase_squares import FAINT, NOTHING, STEPS, VOID, Scale, Square
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import count

PHASE_ROLES = ("alive", "lost", "void", "bright", "dark", "pending", "running", "diverged", "failed")
"""Ends of the ramp, what has no number, what can be read on them, and the signs."""
ROOMY = 3
"""Rows of the panel beside the map from which on the axis across has its name below it."""
FAINTLY = 0.28
"""How much of the colour of the nearest cell one has that has no number yet."""
_PLAIN = {"ink": "text", "value": "strong", "end": "strong", "line": "strong", "limit": "text", "at": "at",
          "outline": "at", phase_squares.LACKING: "text", phase_squares.PENDING: "text", phase_squares.RUNNING: "mark",
          phase_squares.DIVERGED: "dead", phase_squares.FAILED: "dead"}  # fmt: skip
"""Roles of what the map shows where colours do not carry it."""


@dataclass(frozen=True)
class Look:
    """What is looked at: a metric, a page, and a place on it."""

    metric: str
    page: int = 0
    at: tuple[int, int] = (0, 0)


class PhasePanel(CellPanel, can_focus=False):
    """A cell for each combination of two settings, and the boundary between those that live and those that die."""

    @dataclass
    class Picked(Message):
        """A place was clicked on, once or twice."""

        at: tuple[int, int]
        twice: bool

    def __init__(self, id: str, chart: Chart, look: Look, limit: Limit, ascii_only: bool) -> None:
        super().__init__(id, ascii_only)
        self.chart, self.look, self._limit_of, self._pages = chart, look, limit, chart.grid.pages
        self._fit = Fit((1, 1), (0, 0), (1, 1), 0)
        self._top = 0
        """Rows above the map."""
        self._readings: dict[Place, Reading] = {}
        """What was read since the chart changed last."""
        self._squares: dict[tuple[int, int], Square] = {}
        """What is shown of it, of the page."""
        self._read: tuple[int, str, int] = (-1, "", 0)
        self._scale = Scale(0, 1, True)
        self._limits: dict[tuple[int, int], float | None] = {}
        """Where theory's limit lies, by page and row, or column."""

    @property
    def size_of_page(self) -> tuple[int, int]:
        """Places across and up."""
        axes = self.chart.grid.axes
        return len(axes[0].values), len(axes[1].values) if len(axes) > 1 else 1

    def place(self, at: tuple[int, int] | None = None) -> Place:
        """Return a place of the page as the grid has it; that of the cursor if none is given."""
        across, up = at or self.look.at
        return (across, up, *self._pages[self.look.page]) if len(self.chart.grid.axes) > 1 else (across,)

    def reading(self, at: tuple[int, int] | None = None) -> Reading:
        """Return what is to be read there, as it was when the chart was drawn last."""
        place = self.place(at)
        if place not in self._readings:
            self._readings[place] = self.chart.reading(place, self.look.metric)
        return self._readings[place]

    def show_chart(self) -> None:
        """Show the chart as it stands."""
        chart, look, grid = self.chart, self.look, self.chart.grid
        state = (chart.changes, look, self.size, self.coloured)
        if self.drawn == state or not self.size:
            return
        if self._read != (now := (chart.changes, look.metric, look.page)):
            self._read = now
            self._readings.clear()
            self._squares.clear()
            ended = (each.values.get(look.metric, float("nan")) for each in chart.outcomes.values()
                     if not (each.failed or each.diverged))  # fmt: skip
            self._scale = phase_squares.scale_of(look.metric, ended)
        self.drawn = state
        columns, rows = self.room
        up = grid.axes[1] if len(grid.axes) > 1 else None
        labels = max(map(len, map(up.text, range(len(up.values))))) if up is not None else 0
        within = self._limits_below(columns, rows, labels)
        there = {way for way, _, _ in within} | self._signs()
        told = legend(look.metric, self._scale, there, columns, self.ascii_only, self.coloured)
        rest = rows - self.size_of_page[1]
        told = told[: max(1, rest - 2)]  # of a map that has just room, its rows are worth more than its signs
        roomy = rest >= len(told) + ROOMY
        named = rest >= len(told) + 2 or self.size_of_page[1] > rows
        free = rows - len(told) - (ROOMY if roomy else 1 + named)
        fit = self._fit = Fit.of(self.size_of_page, labels, (columns, free), look.at, self._fit.first)
        spare = free - fit.height
        above = [self._names_above(roomy, columns)] if named else []
        above += [[]] * max(0, spare // 3)
        self._top = len(above)
        squares = phase_map.map_rows(fit, self._square, look.at, self._in_view(fit), self.ascii_only, self.coloured)
        names = phase_fit.row_names(up, fit, look.at[1])
        shown: list[Row] = [*above, *([*name, *row] for name, row in zip(names, squares, strict=True))]
        shown.append(phase_fit.ticks(grid.axes[0], fit, look.at[0]))
        if roomy:
            name = grid.axes[0].words
            shown.append([(" " * (fit.left + max(0, fit.width - len(name)) // 2), "axis"), (name, "axis")])
        shown += [[]] * (rows - len(shown) - len(told)) + told
        self.hint = self._part(fit)
        self.show(self._title(named), [_filled(row, columns) for row in shown[:rows]])

    def _title(self, named: bool) -> list[tuple[str, str]]:
        grid, metric = self.chart.grid, self.look.metric
        title = [(metric, "name")]
        if not named:
            title.append((self._names_above(False, self.size.width)[0][0], "text"))
        elif told := meaning(metric, grid):
            title.append((told, "text"))
        if grid.seeds > 1:
            title.append((f"mean of {grid.seeds} seeds", "text"))
        if len(grid.pages) > 1:
            title.append((grid.page_text(grid.pages[self.look.page]), "strong"))
        return title

    def _signs(self) -> set[str]:
        """Return which signs there are, wherever on the map."""
        chart = self.chart
        ended = chart.outcomes.values()
        there = {
            phase_squares.PENDING: chart.done + chart.running < len(chart.grid),
            phase_squares.RUNNING: chart.running > 0,
            phase_squares.DIVERGED: any(each.diverged for each in ended),
            phase_squares.FAILED: any(each.failed for each in ended),
        }
        return {word for word, is_there in there.items() if is_there}

    def _names_above(self, roomy: bool, columns: int) -> Row:
        axes = self.chart.grid.axes
        found = [f"↑ {axes[1].words}"] if len(axes) > 1 else []
        if not roomy:
            found.append(f"→ {axes[0].words}")
        return [("   ".join(found)[:columns], "axis")]

    def _part(self, fit: Fit) -> str:
        (wide, high), (across, up) = self.size_of_page, fit.shown
        parts = []
        for name, first, shown, whole in (
            ("columns", fit.first[0], across, wide), ("rows", fit.first[1], up, high)
        ):  # fmt: skip
            if shown < whole:
                parts.append(f"{name} {count(first + 1)}–{count(first + shown)} of {count(whole)}")
        return ", ".join(parts)

    def _square(self, across: int, up: int) -> Square:
        at = across, up
        if at not in self._squares:
            self._squares[at] = phase_squares.square_of(self.reading(at), self.look.metric, self._scale)
        return self._squares[at]

    def _limits_below(self, columns: int, rows: int, labels: int) -> list[tuple[str, int, float]]:
        """Return the limits that are in view, if the panel is as it was; those of a first view otherwise."""
        return self._in_view(Fit.of(self.size_of_page, labels, (columns, max(1, rows - 4)), self.look.at,
                                    self._fit.first))  # fmt: skip

    def _in_view(self, fit: Fit) -> list[tuple[str, int, float]]:
        axes = self.chart.grid.axes
        along = next((at for at, axis in enumerate(axes[:2]) if axis.name == "lr"), None)
        if along is None:
            return []
        other, found = 1 - along, list[tuple[str, int, float]]()
        for index in range(fit.first[other], fit.first[other] + fit.shown[other]):
            key = self.look.page, index
            if key not in self._limits:
                place = self.place((0, index) if along == 0 else (index, 0))
                limit = self._limit_of(self.chart.grid.cell(place).settings)
                self._limits[key] = None if limit is None else phase_fit.place_of(limit, axes[along].values)
            if (limited := self._limits[key]) is not None:
                found.append((("across", "up")[along], index, limited))
        return found

    def moved(self, across: int, up: int) -> Look:
        """Return the look with the cursor so many places on."""
        at = (
            min(max(0, self.look.at[0] + across), self.size_of_page[0] - 1),
            min(max(0, self.look.at[1] + up), self.size_of_page[1] - 1),
        )
        return replace(self.look, at=at)

    def on_click(self, event: events.Click) -> None:
        """Tell which place was clicked on."""
        at = self._fit.place_at(event.x - 1, event.y - 1 - self._top)
        if at is not None:
            self.post_message(self.Picked(at, event.chain > 1))

    # Colours

    def _style(self, role: str) -> Style:
        if ":" not in role or role in self._styles:
            return super()._style(role)
        kind, ground, *under = role.split(":")
        plain = super()._style(_PLAIN.get(kind, "text"))
        style = self._coloured(kind, ground) if self.coloured else plain
        self._styles[role] = style + Style(underline=True) if under else style
        return self._styles[role]

    def _coloured(self, kind: str, ground: str) -> Style:
        if kind == "at":
            return super()._style("at")
        if ground == NOTHING:
            return super()._style({"line": "bright", "limit": "text", "outline": "bright", "value": "strong"}.get(
                kind, kind if kind in PHASE_ROLES else "text"))  # fmt: skip
        below = self._ground(ground)
        bright, dark = self._colour("bright"), self._colour("dark")
        ink = max((bright, dark), key=lambda each: _contrast(each, below))
        shown = {
            "value": below.blend(ink, 0.86), "end": below.blend(ink, 0.45), "limit": below.blend(ink, 0.6),
            "line": bright, "outline": ink,
            phase_squares.RUNNING: below.blend(ink, 0.7), phase_squares.DIVERGED: ink, phase_squares.FAILED: ink,
        }.get(kind, below)  # fmt: skip
        if kind == phase_squares.PENDING:
            shown = below.blend(ink, 0.3)
        elif (ground == VOID or ground.endswith(FAINT)) and kind in PHASE_ROLES:
            shown = self._colour(kind)
        return Style(color=shown.rich_color, bgcolor=below.rich_color, bold=kind in ("line", "outline"))

    def _colour(self, role: str) -> Color:
        found = super()._style(role).color
        return Color.from_rich_color(found) if found is not None else Color(128, 128, 128)

    def _ground(self, ground: str) -> Color:
        if ground == VOID:
            return self._colour("void")
        if ground.endswith(FAINT):
            return self._colour("dark").blend(self._ground(ground[:-1]), FAINTLY)
        alive, lost = rgb_to_lab(self._colour("alive")), rgb_to_lab(self._colour("lost"))
        share = int(ground) / (STEPS - 1)
        mixed = [one + (other - one) * share for one, other in zip(alive, lost, strict=True)]
        return lab_to_rgb(type(alive)(*mixed)).clamped


def _contrast(one: Color, other: Color) -> float:
    """Return how much two colours differ in lightness, as WCAG 2 has it."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: Color) -> float:
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in (colour.r / 255, colour.g / 255, colour.b / 255)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _filled(row: Row, columns: int) -> Row:
    return [*row, (" " * (columns - sum(len(text) for text, _ in row)), "text")]
