"""The sheet on which a run is drawn with matplotlib: its title, rows of charts, and a key to what was changed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.export.curves import LOST, Epochs, drawn, shorter
from deadrelu_tui.export.graph import Graph, Line
from deadrelu_tui.export.palette import BLACK, BLUE, SKY, colours, definition
from deadrelu_tui.export.plain import shown
from deadrelu_tui.export.recorded import ended, titled
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import Quantity
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.telling import told
from deadrelu_tui.wording import count

WIDTH = 11.0
"""Inches; so are all lengths here."""
_LEFT, _BETWEEN, _RIGHT = 0.75, 1.25, 0.95
_NEAR = 0.85
"""Between charts of gradients, which have no names at their right."""
_HEAD, _LINE, _ABOVE, _BELOW = 0.6, 0.2, 0.55, 0.5
_TALL, _LOW = 1.9, 1.25
"""Heights of the charts above, and of those of gradients."""
MOST = 48
"""Charts of gradients that are drawn; a network may have a thousand parameters."""
_KEYS = 8
"""Changes that are told below the charts."""
_CHARACTERS = 145
"""Of a line of the title."""


class Sheet:
    """A figure of matplotlib, filled from top to bottom."""

    def __init__(self, figure: Any, history: History, epochs: Epochs) -> None:
        self._figure, self._history, self._epochs = figure, history, epochs
        marks = sorted(history.marks, key=lambda each: each.step)
        self._marks = [(step, tuple(each)) for step, each in groupby(marks, key=lambda each: each.step)]

    def draw(self) -> None:
        """Draw everything."""
        history = self._history
        reason, keys = self._reason(), self._keys()
        shares = [metric for metric in ("zero_fraction", *LOST) if drawn(history, metric)]
        sums = drawn(history, "grad_sum")
        kept = sums[:MOST]
        beside = 2 if len(kept) <= 4 else 3 if len(kept) <= 12 else 4
        rows = -(-len(kept) // beside)
        above = [*shares, *(["loss"] if self._losses() else []), *(["accuracy"] if self._accuracies() else [])]
        tall = -(-len(above) // 2)
        height = _HEAD + _LINE * (len(reason) + len(keys)) + tall * (_TALL + _ABOVE + _BELOW)
        height += bool(kept) * 0.45 + rows * (_LOW + 0.3 + 0.4) + (0.25 if keys else 0)
        self._figure.set_size_inches(WIDTH, height)
        self._height, self._y = height, 0.3
        self._title(reason)
        for index, what in enumerate(above):
            if index % 2 == 0:
                self._y += _ABOVE
            graph = self._graph(index % 2, 2, _TALL)
            self._above(graph, what)
            if index % 2 or index == len(above) - 1:
                self._y += _TALL + _BELOW
        if kept:
            self._heading(len(sums))
        for index, each in enumerate(kept):
            if index % beside == 0:
                self._y += 0.3
            self._gradient(self._graph(index % beside, beside, _LOW), each, index + beside >= len(kept))
            if index % beside == beside - 1 or index == len(kept) - 1:
                self._y += _LOW + 0.4
        self._y += 0.15
        for line in keys:
            self._text(line, 8.5, "#444444")

    def _graph(self, column: int, of: int, height: float) -> Graph:
        between, right = (_BETWEEN, _RIGHT) if of == 2 else (_NEAR, _NEAR / 2)
        wide = (WIDTH - _LEFT - right - (of - 1) * between) / of
        left = _LEFT + column * (wide + between)
        box = (left / WIDTH, 1 - (self._y + height) / self._height, wide / WIDTH, height / self._height)
        return Graph(self._figure.add_axes(box), self._history, self._epochs, (wide, height))

    # Words

    def _text(self, text: str, size: float, colour: str = BLACK, weight: str = "normal") -> None:
        place = (_LEFT - 0.45) / WIDTH, 1 - self._y / self._height
        self._figure.text(*place, shown(text), fontsize=size, color=colour, weight=weight, va="center")
        self._y += _LINE

    def _title(self, reason: Sequence[str]) -> None:
        title = textwrap.shorten(titled(self._history), 100, placeholder=" …")
        self._text(title, 12.5, weight="bold")
        self._y += 0.05
        for line in reason:
            self._text(line, 9.5, "#333333")

    def _reason(self) -> list[str]:
        """Return the verdict in lines."""
        history = self._history
        worst = verdict(history)
        if worst is None:
            return ["no step was recorded"]
        text = f"{worst.word} — {telling.reason(worst)} ({ended(history)})"
        lines = textwrap.wrap(text, _CHARACTERS)
        return lines if len(lines) <= 3 else [*lines[:2], textwrap.shorten(lines[2], _CHARACTERS - 2) + " …"]

    def _keys(self) -> list[str]:
        """Return what was changed, by the numbers that stand at the marks."""
        lines = [f"{number}  {self._changed(step, each)}" for number, (step, each) in enumerate(self._marks, 1)]
        if len(lines) > _KEYS:
            lines[_KEYS - 1 :] = [f"and {count(len(lines) - _KEYS + 1)} more changes"]
        return lines

    def _changed(self, step: int, events: Sequence[Event]) -> str:
        told_of = "; ".join(told(each) for each in events)
        return textwrap.shorten(f"step {count(step)}: {told_of}", _CHARACTERS, placeholder=" …")

    def _heading(self, many: int) -> None:
        self._y += 0.2
        self._text("Gradient sums", 10, weight="bold")
        self._y -= _LINE
        left_out = f"; of {count(many)} parameters the first {MOST}" if many > MOST else ""
        place = (_LEFT + 0.78) / WIDTH, 1 - self._y / self._height
        formula = f"Σ over the parameter of ∂L/∂p, with L the batch-summed loss, as in the article{left_out}"
        self._figure.text(*place, formula, fontsize=8.5, color="#555555", va="center")
        self._y += 0.25

    # Charts

    def _above(self, graph: Graph, what: str) -> None:
        if what == "loss":
            names = self._losses()
            lines = [Line(name, {"loss": "batch", "loss/test": "test"}[name], colour)
                     for name, colour in zip(names, colours(len(names)), strict=True)]  # fmt: skip
            of_epochs = "; of an epoch the mean over its steps" if self._epochs.spans else ""
            graph.draw(lines, "Loss", f"mean per sample{of_epochs}")
        elif what == "accuracy":
            names = self._accuracies()
            lines = [Line(name, name.partition("/")[2], colour, of_epochs=name == "accuracy/test")
                     for name, colour in zip(names, (SKY, BLUE)[-len(names) :], strict=True)]  # fmt: skip
            graph.draw(lines, "Accuracy", "share of samples classified rightly", share=True)
        else:
            layers = drawn(self._history, what)
            lines = [Line(each.name, each.of, colour)
                     for each, colour in zip(layers, colours(len(layers)), strict=True)]  # fmt: skip
            title = {"zero_fraction": "Zeros", "dead_fraction": "Dead", "saturated_fraction": "Saturated"}[what]
            graph.draw(lines, title, definition(self._history, what), share=True)
        graph.mark([step for step, _ in self._marks], numbered=True)
        graph.below("epoch" if self._epochs.spans else "step")

    def _gradient(self, graph: Graph, quantity: Quantity, lowest: bool) -> None:
        graph.draw([Line(quantity.name, "", BLUE)], shorter(quantity.of, 30), "", zero=True)
        graph.mark([step for step, _ in self._marks], numbered=False)
        graph.below(("epoch" if self._epochs.spans else "step") if lowest else "")

    def _losses(self) -> list[str]:
        return [name for name in ("loss", "loss/test") if len(self._history.series(name).steps)]

    def _accuracies(self) -> list[str]:
        return [name for name in ("accuracy/probe", "accuracy/test") if len(self._history.series(name).steps)]
