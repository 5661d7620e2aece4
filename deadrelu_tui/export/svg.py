"""Charts as SVG for a page: each twice, its steps evenly apart and by powers of ten, of which the page shows one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from deadrelu_tui.export.curves import brief, broken, early, outline
from deadrelu_tui.export.frame import Frame, Places
from deadrelu_tui.export.plain import shown
from deadrelu_tui.export.scale import SHARES, Scale, Tick, apart, fitting, wholes
from deadrelu_tui.record.columns import Gap, Series
from deadrelu_tui.record.history import History
from deadrelu_tui.wording import count

_LARGE, _SMALL = (540, 210), (360, 150)
"""Width and height of a chart whose lines have names, and of one with a single line without one."""
NAMED = 6
"""So many lines have a colour each; of more, those that end highest are named."""
_HIGHEST = 3
_CHARACTERS = 13


@dataclass(frozen=True)
class Across:
    """The axis of the steps: where they lie between 0 and 1, and which of them are written below it."""

    kind: str
    place: Callable[[npt.ArrayLike], Places]
    ticks: list[Tick]


def evenly(history: History, most: int) -> Across:
    """Return an axis on which each step has as much room as any other."""
    scale = Scale("even", history.first, max(history.next - 1, history.first + 1))
    ticks = [Tick(float(scale.place(at)), words) for at, words in wholes(scale.low, scale.high, most)]
    return Across("even", scale.place, ticks)


def by_powers(history: History, most: int) -> Across:
    """Return an axis on which the first ten steps have as much room as the next ninety."""
    first = history.first
    scale = Scale("powers", 1, max(history.next - first, 2))

    def place(steps: npt.ArrayLike) -> Places:
        return scale.place(np.maximum(np.asarray(steps, np.float64) - first, 0) + 1)

    powers = [0, *(10**power for power in range(19) if 10**power < history.next - first)]
    stride = -(-len(powers) // most)
    return Across("powers", place, [Tick(float(place(first + each)), count(first + each)) for each in powers[::stride]])


@dataclass(frozen=True)
class Line:
    """A metric and what it is called at its end."""

    metric: str
    name: str


@dataclass(frozen=True)
class Drawing:
    """The charts of a run: all have the same steps, and the same marks with their numbers and sentences."""

    history: History
    marks: Sequence[tuple[int, str]]

    def chart(self, lines: Sequence[Line], title: str, about: str, *, share: bool = False) -> str:
        """Return a chart with its title and, in smaller letters, what it shows."""
        history, named = self.history, any(each.name for each in lines)
        most, columns = (6, 240) if named else (3, 120)
        many = [
            (evenly(history, most), [self._points(each, outline, columns) for each in lines]),
            (by_powers(history, most), [self._points(each, early, columns) for each in lines]),
        ]
        scale = fitting((values for _, points in many for _, values in points), share)
        drawn = "".join(self._svg(lines, across, points, scale, title) for across, points in many)
        below = f"<small>{escape(about)}</small>" if about else ""
        return f"<figure class=chart><figcaption><b>{escape(shown(title))}</b>{below}</figcaption>{drawn}</figure>"

    def _points(
        self, line: Line, thinned: Callable[[History, str, int], Series], columns: int
    ) -> tuple[Places, Places]:
        steps, values = broken(self.history, line.metric, thinned(self.history, line.metric, columns))
        return np.asarray(steps, np.float64), values

    def _svg(
        self, lines: Sequence[Line], across: Across, points: Sequence[tuple[Places, Places]], scale: Scale,
        title: str,
    ) -> str:  # fmt: skip
        named = any(each.name for each in lines)
        wide, high = _LARGE if named else _SMALL
        frame = Frame(wide, high, named)
        parts = [
            *(frame.across(tick) for tick in across.ticks),
            *(frame.up(tick, scale is SHARES) for tick in scale.ticks(5 if high > 180 else 4)),
        ]
        gaps = _merged(gap for line in lines for gap in self.history.gaps(line.metric, 0, self.history.next))
        parts += [frame.hole(*across.place([low - 0.5, high_ + 0.5])) for low, high_ in gaps]
        if scale.low < 0 < scale.high:
            parts.append(frame.zero(float(scale.place(0.0))))
        ends = dict[int, float]()
        for index, (steps, values) in enumerate(points):
            places = scale.place(values)
            parts.append(f'<path class=line style="{_colour(index, len(lines))}" d="'
                         f'{frame.path(across.place(steps), places)}"/>')  # fmt: skip
            if (known := np.isfinite(places)).any():
                ends[index] = float(places[known][-1])
        parts += self._named(frame, lines, ends)
        free = 0.0
        for number, (step, sentence) in enumerate(self.marks, 1):
            place = float(across.place(step))
            parts.append(frame.mark(place, str(number) if frame.x(place) >= free else "", sentence))
            free = frame.x(place) + 14 if frame.x(place) >= free else free
        label = escape(shown(title), quote=True)
        head = f'<svg class={across.kind} viewBox="0 0 {wide} {high}" role=img aria-label="{label}">'
        return f"{head}{''.join(parts)}</svg>"

    def _named(self, frame: Frame, lines: Sequence[Line], ends: dict[int, float]) -> Iterator[str]:
        order = sorted(ends, key=lambda index: ends[index])
        order = [index for index in order if lines[index].name][-(NAMED if len(lines) <= NAMED else _HIGHEST) :]
        places = apart([ends[index] for index in order], 13 / frame.tall)
        names = brief([lines[index].name for index in order], _CHARACTERS)
        for index, place, name in zip(order, places, names, strict=True):
            yield frame.name(place, name, lines[index].name, _colour(index, len(lines)))


def _colour(index: int, many: int) -> str:
    if many <= NAMED:
        return f"--own:var(--line{index + 1})"
    return f"--own:color-mix(in oklab,var(--ramp2) {100 * index / (many - 1):.0f}%,var(--ramp1))"


def _merged(gaps: Iterator[Gap]) -> list[tuple[int, int]]:
    """Return stretches that do not overlap; those next to one another are one."""
    found = list[tuple[int, int]]()
    for gap in sorted(gaps):
        if found and gap.first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], gap.last)
        else:
            found.append((gap.first, gap.last))
    return found
