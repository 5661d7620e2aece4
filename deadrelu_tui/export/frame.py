"""Where the parts of an SVG chart stand, and what each looks like."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import numpy.typing as npt

from deadrelu_tui.export.plain import shown
from deadrelu_tui.export.scale import Tick

_LEFT, _TOP, _BOTTOM = 62, 14, 22
_NAME = 92
"""Room for a name behind a line."""
Places = npt.NDArray[np.float64]


class Frame:
    """Where things stand in a chart of some height."""

    def __init__(self, wide: int, high: int, named: bool) -> None:
        self.high, self.tall = high, high - _TOP - _BOTTOM
        self._stop = wide - (_NAME if named else 12)

    def x(self, place: float) -> float:
        """Return where a place across is, in the units of the drawing."""
        return _LEFT + place * (self._stop - _LEFT)

    def y(self, place: float) -> float:
        """Return where a place up the axis is."""
        return _TOP + (1 - place) * self.tall

    def path(self, places: Places, values: Places) -> str:
        """Return a line through some places, with a gap wherever a value is no number."""
        parts, pen = list[str](), "M"
        places = _LEFT + places * (self._stop - _LEFT)
        heights = _TOP + (1 - np.clip(values, 0, 1)) * self.tall
        for x, y in zip(places.tolist(), heights.tolist(), strict=True):
            if not math.isnan(y):
                # A point between two gaps is a line of no length, which its round ends make a dot.
                parts.append(f"{pen}{x:.1f} {y:.1f}{'h0' if pen == 'M' else ''}")
            pen = "M" if math.isnan(y) else "L"
        return "".join(parts)

    def across(self, tick: Tick) -> str:
        """Return a value below the chart."""
        return f'<text class=tick text-anchor=middle x="{self.x(tick.at):.1f}" y={self.high - 6}>{tick.text}</text>'

    def up(self, tick: Tick, share: bool) -> str:
        """Return a value beside the chart, and the line behind the chart that belongs to it."""
        words = f"{float(tick.text) * 100:.0f} %" if share else tick.text
        line = f'<path class=grid d="M{_LEFT} {self.y(tick.at):.1f}H{self._stop}"/>'
        return f'{line}<text class=tick text-anchor=end x={_LEFT - 6} y="{self.y(tick.at) + 4:.1f}">{words}</text>'

    def zero(self, place: float) -> str:
        """Return the line at zero."""
        return f'<path class=zero d="M{_LEFT} {self.y(place):.1f}H{self._stop}"/>'

    def hole(self, low: float, high: float) -> str:
        """Return the shade over steps without a finite number."""
        left, right = self.x(low), self.x(high)
        middle = f'x="{(left + right) / 2:.1f}" y="{self.y(0.5):.1f}"'
        words = f"<text class=none text-anchor=middle {middle}>not finite</text>" if right - left > 70 else ""
        shade = (
            f'<rect class=hole x="{left:.1f}" y="{_TOP}" width="{max(0.5, right - left):.1f}" height="{self.tall}"/>'
        )
        return shade + words

    def name(self, place: float, name: str, full: str, colour: str) -> str:
        """Return a line's name behind its end; the mouse shows it in full."""
        at = f'style="{colour}" x="{self._stop + 6}" y="{self.y(place) + 4:.1f}"'
        return f"<text class=name {at}>{escape(shown(name))}<title>{escape(shown(full))}</title></text>"

    def mark(self, place: float, number: str, sentence: str) -> str:
        """Return the line where something was changed, with its number; the mouse shows what it was."""
        x = self.x(place)
        return (
            f'<g class=mark><title>{escape(shown(sentence))}</title><path d="M{x:.1f} {_TOP}V{self.y(0):.1f}"/>'
            f'<text text-anchor=middle x="{x:.1f}" y="{_TOP - 2}">{number}</text></g>'
        )
