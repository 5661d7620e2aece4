"""One run at length: what was set, on what, how it went and ended, what it was judged to be, and all that happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.headless import epoch_row, flags
from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import SATURATING, SMOOTH
from deadrelu_tui.record.history import History
from deadrelu_tui.record.telling import described, engine_name, setting_text, told
from deadrelu_tui.report.fields import age, experiment
from deadrelu_tui.report.listing import row, speed, status, steps
from deadrelu_tui.report.listing import verdict as judged
from deadrelu_tui.report.paper import GAP, Column, Paper, table
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.wording import count, duration, moment, number, percent, printable, size

_LABEL = 12
"""Columns of the words on the left."""
_PRINT = 16
"""Digits of a fingerprint that are enough for people."""
_LOST = {
    "dead": ("born dead", "died", "revived"),
    "saturated": ("born so", "later", "left"),
}
"""What the ledger counts, in words."""


@dataclass(frozen=True)
class Shown:
    """A run, in short and with all that was recorded of it."""

    summary: Summary
    history: History

    @property
    def found(self) -> Finding | None:
        """The verdict; None before the first step."""
        return verdict(self.history)


def lines(run: Shown, paper: Paper) -> Iterator[str]:
    """Yield all of a run as text."""
    summary = run.summary
    word = status(summary)
    yield paper.put(summary.run, "bold") + "  " + paper.put(experiment(summary)) + "  " + paper.put(*word)
    yield ""
    yield from _verdict(run, paper)
    for label, text in _facts(run):
        yield from _labelled(label, text, paper)
    for title, block in (
        ("Layers", _layers(run.history, paper)),
        ("Epochs", _epochs(run.history, paper)),
        ("Events", _events(run.history, paper)),
    ):
        rest = list(block)
        if rest:
            yield ""
            yield paper.put(title, "bold")
            yield from rest


def _labelled(label: str, text: str, paper: Paper, look: str = "") -> Iterator[str]:
    first, *more = paper.wrapped(text, _LABEL, look)
    yield paper.put(label.ljust(_LABEL), "dim") + first[_LABEL:]
    yield from more


def _verdict(run: Shown, paper: Paper) -> Iterator[str]:
    """Yield what ended the run, if that was an error, and the verdict with its reason, cause and remedy."""
    if run.summary.error is not None:
        yield from _labelled("error", run.summary.error, paper, "bad")
    found = run.found
    if found is None:
        yield from _labelled("verdict", "none, as no step is recorded", paper)
    else:
        yield from _labelled("verdict", judged(run.summary).text, paper, judged(run.summary).look)
        yield from _labelled("because", telling.found(found), paper)
        if why := telling.why(found):
            yield from _labelled("cause", why, paper)
        if wanted := flags(found.remedy):
            came = "" if found.tried is None else f"  (tried: {percent(found.tried)} accuracy)"
            yield from _labelled("try", wanted + came, paper, "bold")
        for hint in found.hints:
            yield from _labelled("try", hint, paper, "bold")
    yield ""


def _facts(run: Shown) -> Iterator[tuple[str, str]]:
    """Yield what is known of a run beside its numbers, each with its label."""
    summary, start = run.summary, run.history.start
    if start is None:
        yield "file", _file(summary)
        return
    facts, settings = start.facts, summary.settings
    yield "settings", _settings(settings)
    yield "network" if facts.get("guest") else "data", start.title
    if by := probed.judged_by(start):
        yield "judged by", _judged_by({**by, "probe": start.probe})
    images = [f"{count(facts[name])} {name}" for name in ("train", "test") if isinstance(facts.get(name), int)]
    if images:
        yield "", f"{' and '.join(images)} images, {count(start.probe)} of them to probe"
    if facts.get("sha256"):
        yield "", f"SHA-256 {str(facts['sha256'])[:_PRINT]}…"
    yield "machine", _machine(summary, facts.get("versions"))
    yield "began", f"{moment(summary.began, '%Y-%m-%d %H:%M:%S')}, {age(summary)}"
    yield "ended", _ended(summary)
    yield "steps", ", ".join(filter(None, (steps(summary), speed(summary) and f"{speed(summary)} a second")))
    if last := _last(run.history):
        yield "last", last
    if summary.done:
        yield "done to it", summary.done
    yield "file", _file(summary)


def _judged_by(facts: Mapping[str, Any]) -> str:
    window = probed.window(facts)
    silence = f"dead after {window} without firing" if window else ""
    return silence if facts["by"] == "window" else ", ".join(filter(None, (probed.probe(facts), silence)))


def _settings(settings: Mapping[str, Any]) -> str:
    try:
        short = described(settings)
    except (AttributeError, TypeError, ValueError):  # somebody else's, of the same names
        return ", ".join(f"{name} {setting_text(name, value)}" for name, value in settings.items())
    more = {name: value for name, value in settings.items() if value is not None and name not in _DESCRIBED}
    if not settings.get("normalise") or more.get("input_scale") == 1:
        more.pop("input_scale", None)  # it is told in words, or of no matter
    if "steps" in more:
        more.pop("epochs", None)  # which end nothing then
    return ", ".join(filter(None, (short, *(f"{name.replace('_', ' ')} {value}" for name, value in more.items()))))


_DESCRIBED = frozenset({"normalise", "lr", "activation", "hidden", "seed", "engine", "device", "full"})
"""Settings that stand elsewhere, or are told in words."""


def _machine(summary: Summary, versions: Any) -> str:
    parts = [summary.host, summary.device, summary.engine and f"engine {engine_name(summary.engine)}"]
    if isinstance(versions, Mapping):
        parts += [f"{engine_name(name)} {version}" for name, version in versions.items()]
    return ", ".join(filter(None, parts))


def _ended(summary: Summary) -> str:
    how, lasted = summary.status, duration(summary.seconds)
    if summary.alive:
        return f"not yet, it is {how}: {lasted} so far"
    if not summary.how:
        gone = "the rest of its file" if summary.damaged else "its process"
        return f"{how}: {gone} is gone, {lasted} are recorded"
    return f"{how} after {lasted}"


def _file(summary: Summary) -> str:
    return size(summary.bytes) + (", damaged: what follows cannot be read" if summary.damaged else "")


def _last(history: History) -> str:
    named = (("loss", "loss", number), ("test loss", "loss/test", number), ("test accuracy", "accuracy/test", percent))
    told_of = ((word, history.latest(name), form) for word, name, form in named)
    parts = [f"{word} {form(value)}" for word, value, form in told_of if value is not None]
    own = ((each.name, history.latest(each.name)) for each in history.logged)
    return ", ".join([*parts, *(f"{printable(name)} {number(value)}" for name, value in own if value is not None)])


def layers(history: History) -> Iterator[dict[str, Any]]:
    """Yield each layer's units and what became of them; saturated or dormant stands for dead where nothing dies."""
    activations, ledgers = history.activations, history.ledgers
    for layer in history.network.layers:
        activation = activations.get(layer.name, layer.activation)
        lost = "saturated_fraction" if activation in SATURATING else "dead_fraction"
        if activation in SMOOTH:
            lost = "dormant_fraction"
        shares = {
            name: value
            for name in ("zero_fraction", lost)
            if (value := history.latest(f"{name}/{layer.name}")) is not None
        }
        ledger = ledgers.get(layer.name)
        told_of: dict[str, Any] = {"layer": layer.name, "units": layer.units, "activation": activation, **shares}
        if ledger is not None:
            told_of |= {
                "born_dead": int(ledger.born_dead.sum()),
                "died": int(ledger.deaths.sum()) - int(ledger.born_dead.sum()),
                "revived": int(ledger.revivals.sum()),
            }
        yield told_of


def _layers(history: History, paper: Paper) -> Iterator[str]:
    rows = list(layers(history))
    kinds = [kind for kind in ("dead", "saturated") if any(f"{kind}_fraction" in each for each in rows)] or ["dead"]
    kinds += ["dormant"] if any("dormant_fraction" in each for each in rows) else []
    lost = kinds[0]
    columns = [_column("layer", [each["layer"] for each in rows], right=False)]
    columns += [_column("units", [count(each["units"]) for each in rows])]
    columns += [_column("activation", [each["activation"] for each in rows], right=False)]
    for heading, name in (("zeros", "zero_fraction"), *((each, f"{each}_fraction") for each in kinds)):
        columns.append(_column(heading, [percent(each[name]) if name in each else "" for each in rows]))
    for heading, name in zip(_LOST[lost], ("born_dead", "died", "revived"), strict=True):
        columns.append(_column(heading, [count(each[name]) if name in each else "" for each in rows]))
    spared = ("activation", *reversed(_LOST[lost]))
    return _indented(table(columns, _within(paper), spared)) if rows else iter(())


def epochs(history: History) -> list[dict[str, Any]]:
    """Return a row for each epoch that has ended; none for a training without epochs, or one that was joined."""
    start, last = history.start, history.last
    if start is None or not start.steps_per_epoch or last is None or history.first:
        return []
    with np.errstate(all="ignore"):
        return [epoch_row(history, epoch) for epoch in range(1, (last + 1) // start.steps_per_epoch + 1)]


def _epochs(history: History, paper: Paper) -> Iterator[str]:
    rows = epochs(history)
    if not rows:
        return iter(())
    columns = [_column("epoch", [count(each["epoch"]) for each in rows])]
    forms: dict[str, Callable[[float], str]] = {"loss": number, "loss/test": number, "accuracy/test": percent}
    named = [("loss", "loss"), ("test loss", "loss/test"), ("accuracy", "accuracy/test")]
    for layer in history.network.layers:
        named += [(f"zeros {layer.name}", f"zero_fraction/{layer.name}")]
        lost = "saturated" if history.activation(layer.name) in SATURATING else "dead"
        named += [(f"{lost} {layer.name}", f"{lost}_fraction/{layer.name}")]
    for heading, name in named:
        form = forms.get(name, percent)
        columns.append(_column(heading, [form(each[name]) if name in each else "" for each in rows]))
    columns.append(_column("steps/s", [f"{each['steps_per_s']:.0f}" for each in rows]))
    spared = [heading for heading, _ in reversed(named[3:])]
    return _indented(table(columns, _within(paper), spared))


def _events(history: History, paper: Paper) -> Iterator[str]:
    events = history.events
    width = max([len("step"), *(len(count(each.step)) for each in events)])
    for event in events:
        first, *more = paper.wrapped(told(event), GAP + width + GAP, "bold" if event.mark else "")
        yield " " * GAP + paper.put(count(event.step).rjust(width), "dim") + first[GAP + width :]
        yield from more


def _column(heading: str, texts: list[str], right: bool = True) -> Column:
    return Column(heading, texts, right=right)


def _within(paper: Paper) -> Paper:
    return Paper(paper.width and paper.width - GAP, paper.height, paper.ascii, paper.colours)


def _indented(rows: Iterator[str]) -> Iterator[str]:
    return (" " * GAP + each for each in rows)


def data(run: Shown) -> dict[str, Any]:
    """Return all of it as plain values that JSON can hold."""
    found, start = run.found, run.history.start
    facts = dict(start.facts) if start is not None else {}
    return {
        **row(run.summary),
        "dataset": {name: facts.get(name) for name in ("source", "train", "test", "sha256")},
        "versions": facts.get("versions"),
        "finding": telling.as_row(found) if found is not None else None,
        "layers": list(layers(run.history)),
        "epochs": epochs(run.history),
        "events": [
            {"step": each.step, "kind": each.kind, "text": told(each), "facts": dict(each.facts)}
            for each in run.history.events
        ],
    }
