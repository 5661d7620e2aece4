"""A run as one page that needs nothing else: no network, no script, and it can be sent to anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from deadrelu_tui.export import unit_maps
from deadrelu_tui.export.curves import LOST, drawn
from deadrelu_tui.export.palette import definition
from deadrelu_tui.export.plain import shown
from deadrelu_tui.export.prose import event_rows, facts, ledger, marks_of, verdict_card
from deadrelu_tui.export.recorded import ended, history_of, titled
from deadrelu_tui.export.stylesheet import STYLE
from deadrelu_tui.export.svg import Drawing, Line
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Record
from deadrelu_tui.wording import count, moment

GRADIENTS = 60
"""Charts of gradients on a page."""
# Which of a chart's two drawings is seen is a choice between these, so that no script is needed.
AXES = "<input class=axis type=radio name=axis id=even checked><input class=axis type=radio name=axis id=powers>\n"
CHOICE = "<p class=choice>steps <label for=even>evenly</label><label for=powers>first ones wider</label></p>\n"
_TITLES = {"zero_fraction": "Zeros", "dead_fraction": "Dead", "saturated_fraction": "Saturated"}


def write(records: Sequence[Record], path: Path) -> None:
    """Write the page."""
    history = history_of(records)
    with path.open("x", encoding="utf-8") as file:
        file.writelines(_page(history))


def _page(history: History) -> Iterator[str]:
    start = history.start
    assert start is not None
    title = escape(shown(titled(history)))
    yield f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n"
    yield '<meta name=viewport content="width=device-width,initial-scale=1">\n'
    yield f"<style>{STYLE}</style>\n"
    yield AXES
    when = moment(start.at, "%Y-%m-%d %H:%M")
    about = " · ".join(filter(None, (f"run {start.run}", when, start.device, ended(history))))
    yield f"<main>\n<h1>{title}</h1>\n<p class=sub>{escape(shown(about))}</p>\n"
    yield verdict_card(history)
    yield from _charts(history)
    yield from _units(history)
    yield event_rows(history)
    yield facts(history)
    yield "</main>\n</html>\n"


def _charts(history: History) -> Iterator[str]:
    if not len(history):
        return
    yield f"<h2>What happened</h2>\n{CHOICE}"
    yield from charts(history)


def charts(history: History) -> Iterator[str]:
    """Yield the charts of a run: shares, loss and accuracy, gradient sums."""
    drawing = Drawing(history, [(step, told) for step, told in marks_of(history)])
    yield "<div class=charts>\n"
    for metric in ("zero_fraction", *LOST):
        if layers := drawn(history, metric):
            many = f"; {count(len(layers))} layers from dark to bright" if len(layers) > 6 else ""
            lines = [Line(each.name, each.of) for each in layers]
            yield drawing.chart(lines, _TITLES[metric], definition(history, metric) + many, share=True)
    if losses := _told(history, {"loss": "batch", "loss/test": "test"}):
        yield drawing.chart(losses, "Loss", "mean per sample")
    if shares := _told(history, {"accuracy/probe": "probe", "accuracy/test": "test"}):
        yield drawing.chart(shares, "Accuracy", "share of samples classified rightly", share=True)
    for each in history.logged:
        if len(history.series(each.name).steps):
            yield drawing.chart([Line(each.name, "logged")], each.name, "as the training has logged it")
    yield "</div>\n"
    sums = drawn(history, "grad_sum")
    if sums:
        left_out = f"; of {count(len(sums))} parameters the first {GRADIENTS}" if len(sums) > GRADIENTS else ""
        yield "<h2>Gradient sums <small>Σ over the parameter of ∂L/∂p, with L the batch-summed loss"
        yield f"{left_out}</small></h2>\n<div class='charts small'>\n"
        for each in sums[:GRADIENTS]:
            yield drawing.chart([Line(each.name, "")], each.of, "")
        yield "</div>\n"


def _told(history: History, names: dict[str, str]) -> list[Line]:
    return [Line(metric, name) for metric, name in names.items() if len(history.series(metric).steps)]


def _units(history: History) -> Iterator[str]:
    rows = list(unit_maps.maps(history))
    if rows:
        looks = f"at {count(len(unit_maps.chosen(history)))} of {count(len(history.look_steps))} looks at the probe set"
        yield f"<h2>Units <small>{looks}</small></h2>\n{unit_maps.legend()}\n"
        yield from rows
    yield ledger(history)
