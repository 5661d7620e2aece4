"""The sentence for every kind of event, in the one place where there are any: made from facts, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import DYING, SATURATING
from deadrelu_tui.record.commands import Speed
from deadrelu_tui.wording import count, number, percent, rate

if TYPE_CHECKING:
    from deadrelu_tui.record.records import Event

_NAMED = 3
"""So many units are named by their number; more are counted."""

Facts = Mapping[str, Any]


def told(event: Event) -> str:
    """Return an event as a line; of a kind that is not known here, or has other facts here, its name and its facts."""
    sentence = _SENTENCES.get(event.kind)
    if sentence is not None:
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # told by another version of us
            return sentence(event.facts)
    return " ".join((event.kind.replace("_", " "), *(f"{name} {value}" for name, value in event.facts.items())))


def described(settings: Mapping[str, Any]) -> str:
    """Return what tells one run from another."""
    parts = []
    if "normalise" in settings or "input_scale" in settings:
        told_input = input_text(settings.get("normalise", False), settings)
        parts.append(f"raw {told_input}" if told_input == RAW else told_input)
    if "lr" in settings:
        parts.append(f"lr {rate(settings['lr'])}")
    if "activation" in settings:
        parts.append(settings["activation"])
    if "hidden" in settings:
        parts.append(f"{'–'.join(map(str, settings['hidden']))} hidden")
    if "seed" in settings:
        parts.append(f"seed {settings['seed']}")
    return ", ".join(parts)


RAW = "input 0–255"
"""Pixels as they are."""


def input_text(normalised: bool, settings: Mapping[str, Any]) -> str:
    """Return what becomes of the pixels, given whether they are normalised now, and what else is set."""
    if normalised:
        return "input 0–1"
    scale = settings.get("input_scale", 1.0)
    return RAW if scale == 1 else f"input × {rate(scale)}"


def engine_name(engine: str) -> str:
    """Return an engine as its makers write it."""
    return {"mxnet": "MXNet", "numpy": "NumPy", "torch": "PyTorch"}.get(engine, engine)


def setting_text(name: str, value: Any) -> str:
    """Return the value of something that is set, as one would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return count(value) if isinstance(value, int) else rate(value) if isinstance(value, float) else str(value)


def _start(facts: Facts) -> str:
    return f"start: {described(facts.get('settings', {}))}".removesuffix(": ")


def _change(facts: Facts) -> str:
    name, before, now = facts["setting"], facts["before"], facts["now"]
    if isinstance(now, bool):
        return f"{name} {setting_text(name, now)}"
    return f"{name} {setting_text(name, before)} → {setting_text(name, now)}"


def _revive(facts: Facts) -> str:
    called = facts.get("called", {})
    told = (
        f"{count(units)} {probed.unit({'unit': called.get(layer, 'unit')}, units)} of {layer}"
        for layer, units in facts["layers"].items()
    )
    return f"revive {', '.join(told)}"


def _nobody_revived(facts: Facts) -> str:
    activation = facts.get("activation")
    if activation is not None and activation not in DYING:
        return f"revive: {activation} has no dead units to revive, only relu has"
    return "revive: no unit is dead"


def _units_lost(facts: Facts) -> str:
    """Return the ledger's entry in a line, however many units it is about."""
    first, last = facts["first"], facts["last"]
    saturating = facts["activation"] in SATURATING
    when = "" if first == last else f" in steps {count(first)}–{count(last)}"
    fell = "saturated" if saturating else "fell silent"
    if found := _found(facts):
        return f"{_units(facts)} {'was' if _many(facts) == 1 else 'were'} {found}"
    return f"{_units(facts)} {fell}{when}"


def _found(facts: Facts) -> str:
    """Return in which state the first look found what was lost already; empty if it was lost later."""
    activation = facts["activation"]
    lost = "saturated" if activation in SATURATING else "dead" if activation in DYING else "silent"
    if facts.get("born"):
        return f"born {lost}"
    return f"{lost} when first looked at" if facts.get("found") else ""


def _units_back(facts: Facts) -> str:
    again = "fires again" if _many(facts) == 1 else "fire again"
    return f"{_units(facts)} {'left saturation' if facts['activation'] in SATURATING else again}"


def _many(facts: Facts) -> int:
    return int(facts.get("many", len(facts["units"])))  # of very many not all are named


def _units(facts: Facts) -> str:
    which: Sequence[int] = facts["units"]
    layer, of = facts["layer"], facts["of"]
    many = _many(facts)
    if many == of > 1:
        return f"all {count(of)} {probed.unit(facts)} of {layer}"
    if many > _NAMED:
        return f"{count(many)} {probed.unit(facts)} of {layer}"
    return f"{probed.unit(facts, many)} {', '.join(map(str, which))} of {layer}"


def _layer_lost(facts: Facts) -> str:
    units = f"{count(facts['units'])} of {count(facts['of'])} {probed.unit(facts)}"
    saturating = facts["activation"] in SATURATING
    fell = f"was {found}" if (found := _found(facts)) else "saturated" if saturating else "died"
    if saturating:
        so = f"are so on 99 % of {probed.probe(facts)}"
    elif facts.get("by") == "chosen":
        so = "are chosen no more"
    elif silent := probed.window(facts):
        so = f"were silent for {silent}"
    elif facts.get("by") == "batch":
        so = f"fire for no sample of {'a training batch' if facts.get('joined') else 'the first batch'}"
    else:
        so = f"fire for no probe {probed.one(facts)}"
    return f"{facts['layer']} {fell}: {units} {so}"


def _trials(facts: Facts) -> str:
    rows = facts["rows"]
    best = percent(max(row["accuracy"] for row in rows))
    return f"tried {count(len(rows))} remedies for {count(facts['steps'])} steps each: {best} accuracy at best"


def _epoch(facts: Facts) -> str:
    parts = []
    if "accuracy/test" in facts:
        parts.append(f"test accuracy {percent(facts['accuracy/test'])}")
    if "loss/test" in facts:
        parts.append(f"loss {number(facts['loss/test'])}")
    return f"epoch {facts['epoch']}: {', '.join(parts)}".removesuffix(": ")


def _recorded(facts: Facts) -> str:
    gap = f", but for steps {count(facts['first'])}–{count(facts['last'])}" if "first" in facts else ""
    return f"recorded again{gap}"


def unwritten(steps: int, of: int, fault: str) -> str:
    """Return what is to be said of steps that are in no file; nothing where there are none."""
    return f"{count(steps)} of {count(of)} steps are not recorded: {fault}" if steps else ""


def _unwatched(facts: Facts) -> str:
    kind = f" ({facts['error']})" if facts.get("error") else ""
    return f"no longer watched, the training goes on: {facts['fault']}{kind}"


def speed_text(speed: Speed) -> str:
    """Return how fast a run may go, in words."""
    if speed.per_second is None:
        return "full speed"
    return f"{rate(speed.per_second)} step{'' if speed.per_second == 1 else 's'}/s"


_SENTENCES: dict[str, Callable[[Facts], str]] = {
    "start": _start,
    "left": lambda _: "left here: the training went on",
    "joined": lambda facts: (
        "joined here: what came before is not known" + ("" if facts.get("known") else ", nor how many steps")
    ),
    "change": _change,
    "engine": lambda facts: f"{engine_name(facts['engine'])} trains: {facts['lack']}",
    "passed_over": lambda facts: f"passed over: {facts['fault']}",
    "pause": lambda _: "pause",
    "resume": lambda _: "resume",
    "stop": lambda _: "stop",
    "train_on": lambda facts: f"train on: {count(facts['epochs'])} more epoch{'' if facts['epochs'] == 1 else 's'}",
    "planned": lambda facts: f"{count(facts['epochs'])} epochs, as many as the article's; this run goes on",
    "revive": _revive,
    "nobody_revived": _nobody_revived,
    "units_lost": _units_lost,
    "units_back": _units_back,
    "layer_lost": _layer_lost,
    "diverged": lambda facts: f"{facts['metric']} is {number(facts['value'])}: the run diverged",
    "epoch": _epoch,
    "trials": _trials,
    "untried": lambda facts: f"no remedy could be tried: {facts['error']}",
    "unrecorded": lambda facts: f"not recorded: {facts['fault']}; kept in memory meanwhile",
    "recorded": _recorded,
    "unwritten": lambda facts: unwritten(facts["steps"], facts["of"], facts["fault"]),
    "unwatched": _unwatched,
    "not_revived": lambda facts: f"{facts['layer']} was not revived: {facts['why']}",
    "unreachable": lambda facts: f"nobody can attach, the training is recorded all the same: {facts['fault']}",
    "left_out": lambda facts: f"{count(facts['events'])} more epochs",
}
