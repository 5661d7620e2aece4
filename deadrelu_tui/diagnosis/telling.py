"""The sentences for what the rules find and for its causes, in the one place where there are any. No full stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deadrelu_tui.diagnosis.finding import Cause, Finding
from deadrelu_tui.diagnosis.happenings import Effect
from deadrelu_tui.record import probed
from deadrelu_tui.record.commands import as_data
from deadrelu_tui.wording import count, number, percent, rate

Facts = Mapping[str, Any]


def found(finding: Finding) -> str:
    """Return what was found, in numbers, the layer first where there is one."""
    return _FOUND[finding.rule](finding)


def why(finding: Finding) -> str:
    """Return the cause, in numbers; empty if there is none."""
    return caused(finding.cause) if finding.cause is not None else ""


def reason(finding: Finding) -> str:
    """Return what was found, and after it the cause."""
    return ". ".join(filter(None, (found(finding), why(finding))))


def reasons(finding: Finding) -> tuple[str, ...]:
    """Return what was found with its cause, at length, and where there is less room without what w·x and b are."""
    cause = finding.cause
    if cause is None or "product" not in cause.facts:
        return (reason(finding),)
    facts = {name: value for name, value in cause.facts.items() if name != "product"}
    return reason(finding), reason(replace(finding, cause=replace(cause, facts=facts)))


def as_row(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values: what it says, and its remedy as commands."""
    return {
        "rule": finding.rule, "word": finding.word, "text": found(finding), "cause": why(finding),
        "remedy": [as_data(each) for each in finding.remedy], "value": finding.value, "threshold": finding.threshold,
        "step": finding.step, "layer": finding.layer, **({"hints": list(finding.hints)} if finding.hints else {}),
    }  # fmt: skip


def caused(cause: Cause) -> str:
    """Return a cause, in numbers."""
    return _CAUSED[cause.kind](cause.facts)


def changed(found: Effect) -> str:
    """Return an effect as a line: what each metric was before and is after, and over how many steps."""
    words = {"zero_fraction": "zeros", "dead_fraction": "dead"}
    parts = []
    for change in found.changes:
        form = number if change.metric == "loss" else percent
        label = f"{words.get(change.metric, change.metric)} {change.of}".strip()
        parts.append(f"{label} {form(change.before)} → {form(change.after)}")
    before, after = found.steps_before, found.steps_after
    steps = f"{before} step{'' if before == 1 else 's'}"
    over = f"{steps} each side" if before == after else f"{steps} before, {after} after"
    return f"{'together: ' if found.of > 1 else ''}{', '.join(parts)} ({over})"


# What was found


def _exploding_tensor(it: Finding) -> str:
    what = {"pre_mean": f"{it.layer}: the mean pre-activation", "grad_norm": f"{it.layer}: the norm of the gradient"}
    return f"{what.get(it.facts['metric'], it.facts['metric'])} is {number(it.value)} since step {count(it.step)}"


def _exploded_loss(it: Finding) -> str:
    return f"loss is {number(it.value)}, over 100 × ln {it.facts['classes']} since step {count(it.step)}"


def _exploded_update(it: Finding) -> str:
    return f"{it.layer}: the update is {number(it.value, 2)}×{it.layer}, nothing of the weights is left"


def _vanishing_gradient(it: Finding) -> str:
    size = f"{number(it.value)}, below {rate(it.threshold)}"
    return f"{it.layer}{_more(it.facts)}: the mean |gradient| is {size} since step {count(it.step)}"


def _guessing(it: Finding) -> str:
    even = f"ln {it.facts['classes']} = {it.threshold:.3f}"
    if "right" in it.facts:
        right, lot = percent(it.facts["right"]), percent(1 / it.facts["classes"])
        some = f"{right} of the test {_things(it.facts)} are right"
        return f"{some}, by lot {lot} would be; loss averages {number(it.facts['loss'])}"
    if "mean" in it.facts:
        loss = f"loss averages {number(it.facts['mean'])} over {it.facts['steps']} steps, guessing has {even}"
        if "though" not in it.facts:
            return loss
        return f"{loss}, though {percent(it.facts['though'])} of the test {_things(it.facts)} are right"
    return f"loss is within 1 % of {even} since step {count(it.step)}"


def _dead_relu(it: Finding) -> str:
    units, probe = _units(it.value, it.facts), _probe(it.facts)
    if not it.word:
        return f"{it.layer}: {units} fire for less than 1 % of {probe} since step {count(it.step)}"
    reached = "half" if it.word == "dead" else "a tenth"
    if it.facts.get("found"):
        return f"{it.layer}: {_never_fire(it.value, it.facts)}, {reached} when it was joined"
    return f"{it.layer}: {_never_fire(it.value, it.facts)}, {reached} by step {count(it.step)}"


def _saturated(it: Finding) -> str:
    units = _units(it.value, it.facts)
    return f"{it.layer}: {units} saturate on 99 % of {_probe(it.facts)}, half by step {count(it.step)}"


def _sparse(it: Finding) -> str:
    return "; ".join(filter(None, (f"{it.layer}: {percent(it.value)} zeros is sparsity, not death", _silent(it.facts))))


def _healthy(it: Finding) -> str:
    if it.word == "early":
        return _early(it.facts)
    loss = f"loss averages {number(it.facts['loss'])}" if "loss" in it.facts else ""
    zeros = (f"{layer} {percent(share)} zeros" for layer, share in it.facts.get("zeros", {}).items())
    return "; ".join(filter(None, (loss, _silent(it.facts), *zeros))) or "no fault was found"


def _early(facts: Facts) -> str:
    steps = facts["steps"]
    since = "the start" if facts["start"] else "the last change"
    taken = f"{count(steps)} step{'' if steps == 1 else 's'} since {since}"
    loss = f"loss averages {number(facts['loss'])}" if "loss" in facts else ""
    if facts["high"]:
        loss += f", guessing has ln {facts['classes']} = {math.log(facts['classes']):.3f}"
    return "; ".join(filter(None, (f"too soon to tell, {taken}", loss)))


def _update_ratio(it: Finding) -> str:
    bound = f"{'above' if it.value > it.threshold else 'below'} {rate(it.threshold)}"
    size = f"{number(it.value, 2)}×{it.layer}"
    return f"{it.layer}{_more(it.facts)}: the update is {size}, {bound} since step {count(it.step)}"


def _poor_initialisation(it: Finding) -> str:
    if "than" in it.facts:
        return f"{it.layer}: first weights have {number(it.value)} times the variance of {it.facts['than']}"
    return f"{it.layer}{_more(it.facts)}: the first gradient ranges over {number(it.value)} only"


def _loss_not_decreasing(it: Finding) -> str:
    if it.value == 0:
        return f"loss is what it was {it.facts['steps']} steps ago"
    return f"loss {'fell' if it.value > 0 else 'rose'} by {percent(abs(it.value))} in {it.facts['steps']} steps"


def _input_images(it: Finding) -> str:
    return f"input averages {number(it.value)}, standard deviation {number(it.facts['deviation'])}"


def _overfit(it: Finding) -> str:
    test, train = number(it.facts["test"]), number(it.facts["train"])
    within = it.facts.get("steps")  # the test came before the end of an epoch
    loss = f"the epoch's training loss {train}" if within is None else f"the training loss {train} of {within} steps"
    return f"test loss {test} is {percent(it.value)} above {loss}"


_FOUND: dict[str, Callable[[Finding], str]] = {
    "": _healthy,
    "BornDead": _dead_relu,
    "CheckInputImages": _input_images,
    "DeadRelu": _dead_relu,
    "ExplodedLoss": _exploded_loss,
    "ExplodedUpdate": _exploded_update,
    "ExplodingTensor": _exploding_tensor,
    "Guessing": _guessing,
    "LossNotDecreasing": _loss_not_decreasing,
    "Overfit": _overfit,
    "PoorWeightInitialization": _poor_initialisation,
    "SaturatedActivation": _saturated,
    "VanishingGradient": _vanishing_gradient,
    "WeightUpdateRatio": _update_ratio,
    "ZeroFraction": _sparse,
}


def _silent(facts: Facts) -> str:
    """Return how many units of the worst layer never fire; empty where no look has told."""
    silent = facts.get("silent")
    if silent is None:
        return ""
    if not silent["share"]:
        if silent.get("by") == "chosen":
            return "every entry is chosen now and then"
        if silent.get("window"):
            return f"no {probed.unit(silent, 1)} was silent for {probed.window(silent)}"
        # Units that are no ReLUs may be silent for all that: nothing is said of them.
        return f"every {'ReLU' if silent.get('others') else 'unit'} fires for some of {_probe(silent)}"
    return _never_fire(silent["share"], silent, silent["layer"])


def _never_fire(share: float, facts: Facts, layer: str = "") -> str:
    one, units = _number(share, facts) == 1, f"{_units(share, facts)}{f' of {layer}' if layer else ''}"
    if facts.get("by") == "chosen":
        return f"{units} {'is' if one else 'are'} chosen no more"
    if silent := probed.window(facts):
        return f"{units} {'has' if one else 'have'} been silent for {silent}"
    return f"{units} never {'fires' if one else 'fire'} on {_probe(facts)}"


def _units(share: float, facts: Facts) -> str:
    """Return a share of a layer's units as their number, where it is known how many there are."""
    number = _number(share, facts)
    what = probed.unit(facts)
    return f"{percent(share)} of the {what}" if number is None else f"{count(number)} of {count(facts['of'])} {what}"


def _number(share: float, facts: Facts) -> int | None:
    of = facts["of"]
    return round(share * of) if of and 0 <= share <= 1 else None


def _probe(facts: Facts) -> str:
    return probed.probe(facts)


def _things(facts: Facts) -> str:
    return f"{probed.one(facts)}s"


def _more(facts: Facts) -> str:
    """Return how many other parameters are as bad as the one that is named."""
    return f" and {facts['more']} more" if facts.get("more") else ""


# Causes


def _overshoot(facts: Facts) -> str:
    """Return input and rate, the largest update of some weights, and what w·x and b make of the pre-activation."""
    mean = f"Input mean{' was' if facts.get('changed') else ''} {number(facts['input'])}" if "input" in facts else ""
    if mean and facts.get("deviation", 0.0) > 1:
        mean += f" ± {number(facts['deviation'])}"
    scale = ", ".join(filter(None, (mean, f"lr {rate(facts['lr'])}" if "lr" in facts else "")))
    told = ""
    if "update" in facts:
        told = f"update {count(facts['at'])} was {number(facts['update'], 2)}×{facts['weight']}"
    blow = ": ".join(filter(None, (scale, told)))
    before = f"the loss before was {number(facts['loss_before'])}" if "loss_before" in facts else ""
    fed = ""
    if "fed" in facts:
        fed = f"{facts['fed']['layer']}, which feeds it, is dead to {percent(facts['fed']['share'])}"
    return "; ".join(filter(None, (", ".join(filter(None, (blow, _terms(facts)))), fed, before)))


def _terms(facts: Facts) -> str:
    if "product" not in facts:
        return ""
    name = f"{facts['of']}·x" if facts["of"] else "w·x"
    return f"{f'|{name}|' if facts['size'] else name} {number(facts['product'], 2)}, b {number(facts['bias'], 1)}"


def _ever_less(facts: Facts) -> str:
    fall = f"from {number(facts['much'], 2)} in {facts['first']} to {number(facts['little'], 2)} in {facts['last']}"
    return ", ".join(filter(None, (f"Mean |a| falls {fall}", _terms(facts))))


def _fed_zeros(facts: Facts) -> str:
    fed = "is dead and feeds" if len(facts["by"]) == 1 else "are dead and feed"
    return f"{' and '.join(facts['by'])} {fed} it zeros only: its h is its bias"


def _born(facts: Facts) -> str:
    if "odds" in facts:
        network = f"{facts['layers']} layers of {facts['width']}"
        return f"Born so, as {network} are with a probability of at most {percent(facts['odds'])} (Lu et al. 2019)"
    born = f"{count(facts['units'])} {'was' if facts['units'] == 1 else 'were'} so before the first update"
    mean = f"the input's mean is {number(facts['input'])}" if "input" in facts else ""
    return ": ".join(filter(None, (born, ", ".join(filter(None, (_terms(facts), mean))))))


def _normalised(facts: Facts) -> str:
    top = f"{number(facts['top'], 2)} at most" if math.isfinite(facts["top"]) else ""
    where = ", ".join(filter(None, (f"{number(facts['mean'], 2)} on average", top)))
    return f"{facts['norm']} puts their h below 0: {where}"


def _lost_layer(facts: Facts) -> str:
    what = "sample" if facts.get("sample") else "image"
    left = f"hardly anything of the {what} is left" if facts["image"] else "hardly any gradient passes"
    return f"{percent(facts['share'])} of {facts['layer']} is {facts['state']}: {left}"


def _usual_update(facts: Facts) -> str:
    at = f"At lr {rate(facts['lr'])} updates average" if "lr" in facts else "Updates average"
    return f"{at} {number(facts['update'], 2)}×{facts['weight']}{', below 1e-3' if facts['feeble'] else ''}"


def _too_sure(facts: Facts) -> str:
    varied = f"the logits began with a variance of {number(facts['variance'])}, a loss of {number(facts['loss'])}"
    if "input" in facts:
        return f"The input is too large for the first weights, with a mean of {number(facts['input'])}: {varied}"
    return f"The first weights are too large: {varied}; weights of He make that variance less than 1"


def _bottleneck(facts: Facts) -> str:
    units = facts["units"]
    unit, what = ("unit", "which is") if units == 1 else ("units", "each of them")
    return (f"{facts['layer']} has {units} {unit}, {what} on or off: {2**units} patterns for "
            f"{count(facts['classes'])} classes")  # fmt: skip


def _small_weights(facts: Facts) -> str:
    return f"The first weights are small: {facts['weight']} had {number(facts['share'], 2)} of the variance of He's"


def _shrinking(facts: Facts) -> str:
    sizes = (f"{part} {number(size, 2)}" for part, size in facts["sizes"].items())
    return f"The gradient shrinks on its way back: {', '.join(sizes)}"


_CAUSED: dict[str, Callable[[Facts], str]] = {
    "overshoot": _overshoot,
    "ever_less": _ever_less,
    "fed_zeros": _fed_zeros,
    "born": _born,
    "normalised": _normalised,
    "not_chosen": lambda _: "Others are chosen in their place",
    "crowded_out": lambda _: "Updates are small: others fire in their place",
    "few_silent": lambda facts: f"Only {percent(facts['share'])} never fire",
    "lost_layer": _lost_layer,
    "usual_update": _usual_update,
    "shrinking": _shrinking,
    "too_sure": _too_sure,
    "bottleneck": _bottleneck,
    "small_weights": _small_weights,
    "little_left": lambda facts: f"The loss is {number(facts['loss'])}: little is left to learn",
    "means": lambda facts: f"{number(facts['before'])} before, {number(facts['now'])} now",
}
