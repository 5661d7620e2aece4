"""The words and tables of the page: the verdict, what was set, what happened, and who died."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby
from typing import Any

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import BAD, findings
from deadrelu_tui.export.plain import cell, shown
from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.history import History
from deadrelu_tui.record.network import outline
from deadrelu_tui.record.telling import setting_text, told
from deadrelu_tui.wording import count, duration, number, percent

EVENTS = 400
"""Events that are listed; of more, those that come again and again are left out first."""
_LONG = 300
"""Characters of a value or a sentence, as an event may name a thousand units."""


def _said(text: str) -> str:
    return escape(shown(text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"))


def verdict_card(history: History) -> str:
    """Return what is wrong with the run and why, the gravest first."""
    found = findings(history)
    if not found:
        return "<section class=verdict style='--own:var(--soft)'><p>No step was recorded.</p></section>\n"
    worst, *others = found
    colour = "bad" if worst.word in BAD else "fair" if worst.word in ("early", "sparse") else "good"
    listed = "".join(
        f"<li>{f'<b>{_said(each.word)}</b> ' if each.word else ''}{_said(telling.reason(each))}</li>" for each in others
    )
    more = f"<ul class=findings>{listed}</ul>" if others else ""
    return (
        f"<section class=verdict style='--own:var(--{colour})'><p><b class=word>{_said(worst.word)}</b>"
        f"{_said(telling.found(worst))}</p><p>{_said(telling.why(worst))}</p>{more}</section>\n"
    )


def marks_of(history: History) -> list[tuple[int, str]]:
    """Return the steps at which something was changed, each with what it was; their order is their number."""
    marks = sorted(history.marks, key=lambda each: each.step)
    return [
        (step, f"step {count(step)}: {'; '.join(told(each) for each in group)}")
        for step, group in groupby(marks, key=lambda each: each.step)
    ]


def event_rows(history: History) -> str:
    """Return the events in the order of their steps, with the numbers of the marks on the charts."""
    events = history.events
    if len(events) > EVENTS:
        events = tuple(each for each in events if not each.routine)
    left_out = len(history.events) - len(events[:EVENTS])
    numbers = {step: index for index, (step, _) in enumerate(marks_of(history), 1)}
    rows = []
    for event in events[:EVENTS]:
        mark = f"<span class=no>{numbers[event.step]}</span>" if event.mark else ""
        rows.append(f"<tr><td class=n>{count(event.step)}<td>{mark}{_said(told(event))}")
    note = f"<p class=note>{count(left_out)} more events are left out.</p>" if left_out else ""
    head = "<tr><th class=n>step<th>what happened"
    return f"<h2>Events</h2>\n<div class=wide><table>{head}{''.join(rows)}</table></div>{note}\n"


def ledger(history: History) -> str:
    """Return of each layer who was born dead, who died, who came back and who is dead now."""
    known = [name for name in (*history.network.names, *history.ledgers) if name in history.ledgers]
    if not known:
        return ""
    rows, activations = [], history.activations
    for name in dict.fromkeys(known):
        book = history.ledgers[name]
        units, now = len(book.lost), int(book.lost.sum())
        cells = [
            count(units), count(int(book.born_dead.sum())), count(int(book.deaths.sum() - book.born_dead.sum())),
            count(int(book.revivals.sum())), f"{count(now)} · {percent(now / units)}",
        ]  # fmt: skip
        numbers = "".join(f"<td class=n>{each}" for each in cells)
        rows.append(f"<tr><td>{_said(name)}<td>{_said(activations.get(name, ''))}{numbers}")
    heads = "".join(f"<th class=n>{each}" for each in ("units", "born dead", "died", "came back", "dead at the end"))
    head = f"<tr><th>layer<th>activation{heads}"
    tables = "; entries of tables: are chosen no more" if CHOSEN in activations.values() else ""
    dead = f"fires for no sample of the probe set; tanh and sigmoid: saturated{tables}"
    note = f"Dead: {dead}. A unit may die more than once."
    return f"<h2>Ledger</h2>\n<div class=wide><table>{head}{''.join(rows)}</table></div><p class=note>{note}</p>\n"


def facts(history: History) -> str:
    """Return what was set, and what is known of the data, the network and the machine."""
    start = history.start
    assert start is not None
    settings = {name: _value(value) for name, value in start.settings.items()}
    settings |= {
        f"{name}, at the end": _value(value)
        for name, value in history.live.items()
        if start.settings.get(name) != value
    }
    known: dict[str, str] = {"trained on": start.title, "device": start.device, "network": next(outline(start.network))}
    known |= {name.replace("_", " "): _value(value) for name, value in start.facts.items()}
    if start.probe:
        known["probe set"] = f"{count(start.probe)} samples"
    if start.steps_per_epoch:
        known["steps of an epoch"] = count(start.steps_per_epoch)
    seconds = history.end.at if history.end is not None else history.seconds
    known["time"] = f"{duration(seconds)}, {number(history.pace)} steps/s" if seconds > 0 else ""
    return f"<h2>Settings and facts</h2>\n<div class=facts>{_list(settings)}{_list(known)}</div>\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value))
    return setting_text("", value) if isinstance(value, (bool, int, float)) else cell(value)


def _list(pairs: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{_said(name)}<dd>{_said(value)}' for name, value in pairs.items() if value)}</dl>"
