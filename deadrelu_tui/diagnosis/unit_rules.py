"""The rules over units: born dead, dead, dying, saturated, and the states of a network in which none of it is found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis import causes, causes_of_a_guest, remedies
from deadrelu_tui.diagnosis.evidence import RECENT, Evidence
from deadrelu_tui.diagnosis.finding import Cause, Finding
from deadrelu_tui.diagnosis.thresholds import LAYER_DEAD, LAYER_DYING
from deadrelu_tui.record.activations import DYING, SATURATING

LEARNS = 0.5
"""Ours: accuracy of a network that learns in spite of what it has lost."""
LAYER_SPARSE = 0.7
"""Ours: share of zeros. The article's two healthy runs have 0.72 to 0.82."""
TOLD = 3
"""Layers of which the zeros of a healthy network are told."""


def dead_relu(evidence: Evidence) -> Iterator[Finding]:
    """Find layers of which over half (dead) or over a tenth (dying) of the units never fire: the worst of those first
    that are lost by themselves, then those that are fed zeros only.

    Then, as a note, those that are dead by the field's rule only: units that fire for less than 1 % of the images.
    """
    floor = evidence.history.changed_at("activation")
    shares = {layer: (name, share) for name, layer, share in evidence.of_layers("dead_fraction", DYING)}
    found: list[tuple[bool, bool, float, int, int, str]] = []
    for layer, (name, share) in shares.items():
        if share > LAYER_DYING:
            limit = LAYER_DEAD if share > LAYER_DEAD else LAYER_DYING
            step = evidence.since(name, above=limit, floor=floor)
            found.append((share <= LAYER_DEAD, bool(_fed_zeros(evidence, layer)), -share, step, len(found), layer))
    for dying, _, share, step, _, layer in sorted(found):
        yield _death(evidence, layer, -share, step, "dying" if dying else "dead")
    for name, layer, share in evidence.of_layers("inactive_fraction", DYING):
        silent = shares.get(layer, ("", 0.0))[1]
        if share > LAYER_DEAD and not silent > LAYER_DYING:
            step = evidence.since(name, above=LAYER_DEAD, floor=floor)
            yield Finding(
                "DeadRelu", "", _units(evidence, layer), Cause("few_silent", {"share": silent}), (),
                share, LAYER_DEAD, step, layer,
            )  # fmt: skip


def _death(evidence: Evidence, layer: str, share: float, step: int, word: str) -> Finding:
    rule, threshold = "DeadRelu", LAYER_DEAD if word == "dead" else LAYER_DYING
    he = remedies.afresh(evidence, {"init": "he"})
    if feeding := _fed_zeros(evidence, layer):
        return Finding(
            rule, word, _units(evidence, layer), Cause("fed_zeros", {"by": feeding}), (), share, threshold, step, layer
        )
    cause: Cause | None
    if evidence.guest:
        return causes_of_a_guest.death(evidence, layer, share, step, word)
    if step == 0 and (born := _born(evidence, layer, share)):
        rule, cause = "BornDead", born
        init = {"init": "he"} if causes.timid(evidence) else {}
        remedy = remedies.afresh(evidence, {"hidden": list(remedies.wider(evidence)), **init}) or he
    elif causes.timid(evidence) and causes.by_bias(evidence, layer, step):
        cause = causes.ever_less(evidence, layer) or causes.overshoot(causes.terms(evidence, layer))
        remedy = he
    elif step < causes.EARLY and (sure := causes.first_weights(evidence)) and "input" not in sure.facts:
        cause, remedy = sure, he  # of large input it is the update that kills
    else:
        cause = causes.damage(evidence, layer, step)
        gentle = remedies.gentle_now(evidence, step)
        remedy = (remedies.revive(evidence) if gentle else ()) or remedies.gentler(evidence, step)
    remedy = remedy or he or remedies.lower_and_again(evidence)
    if word == "dying" and (evidence.accuracy or 0.0) >= LEARNS and evidence.lr <= remedies.USUAL:
        remedy = ()  # it learns, at a rate at which a lower one would only make it slower
    return Finding(rule, word, _units(evidence, layer), cause, remedy, share, threshold, step, layer)


def _fed_zeros(evidence: Evidence, layer: str) -> tuple[str, ...]:
    """Return the layers before one, if all of them are dead as a whole: then it is lost by no fault of its own."""
    feeding = evidence.network.before(layer)
    return feeding if feeding and all(evidence.dead(each) == 1 for each in feeding) else ()


def _born(evidence: Evidence, layer: str, share: float) -> Cause | None:
    """Return how many were dead before the first update, and for a layer that is dead as a whole the odds of that
    (Lu, Shin, Su, Karniadakis 2019) where all layers are of one width; None if nobody was.
    """
    ledger, looked = evidence.history.ledgers.get(layer), evidence.looked
    if ledger is None or not ledger.born_dead.any():
        return None
    facts: dict[str, Any] = {"units": int(ledger.born_dead.sum())}
    widths = {len(units) for units in looked.layers.values()} if looked else set()
    if looked is not None and share == 1 and len(widths) == 1:
        width, layers = widths.pop(), len(looked.layers)
        facts |= {"layers": layers, "width": width, "odds": 1 - (1 - 2.0**-width) ** layers}
    return Cause("born", facts)


def saturated(evidence: Evidence) -> Iterator[Finding]:
    """Find layers of tanh or sigmoid of which over half of the units saturate on 99 % of the probe set.

    After SageMaker Debugger, SaturatedActivation.
    """
    floor = evidence.history.changed_at("activation")
    found = []
    for name, layer, share in evidence.of_layers("saturated_fraction", SATURATING):
        if share > LAYER_DEAD:
            found.append((evidence.since(name, above=LAYER_DEAD, floor=floor), layer, share))
    for step, layer, share in sorted(found, key=lambda each: each[0]):
        yield Finding(
            "SaturatedActivation", "saturated", _units(evidence, layer), causes.damage(evidence, layer, step),
            remedies.gentler(evidence, step), share, LAYER_DEAD, step, layer,
        )  # fmt: skip


def alive(evidence: Evidence) -> Finding:
    """Return the state of a network with which no rule found fault: sparse or healthy, or too early to tell."""
    recent = evidence.stretch("loss", RECENT)
    step = int(recent.steps[0]) if len(recent.steps) else evidence.changed
    if too_early := early(evidence):
        return too_early
    facts: dict[str, Any] = {}
    if silent := _silent(evidence):
        facts["silent"] = silent
    zeros = {}
    for name, layer, _ in evidence.of_layers("zero_fraction", DYING):
        values = evidence.tail(name, RECENT)
        if len(values):
            zeros[layer] = float(values.mean(dtype=np.float64))
    for layer, share in zeros.items():
        if share >= LAYER_SPARSE:
            return Finding("ZeroFraction", "sparse", facts, None, (), share, LAYER_SPARSE, step, layer)
    if len(recent.values):
        facts["loss"] = float(recent.values.mean(dtype=np.float64))
    return Finding("", "healthy", {**facts, "zeros": dict(islice(zeros.items(), TOLD))}, step=step)


def early(evidence: Evidence) -> Finding | None:
    """Return that it is too early to tell: a few steps after the start or a change, or as long as the loss is no better
    than that of guessing but has not stood there for long, or falls fast (ours).
    """
    recent = evidence.stretch("loss", RECENT)
    facts: dict[str, Any] = {"steps": evidence.settled, "start": evidence.changed == evidence.history.first}
    if len(recent.values):
        facts["loss"] = float(recent.values.mean(dtype=np.float64))
    high = evidence.guesses(recent.values)
    if evidence.fresh or high:
        return Finding("", "early", {**facts, "high": high, "classes": evidence.classes}, step=evidence.changed)
    return None


def _silent(evidence: Evidence) -> Mapping[str, Any] | None:
    """Return the layer of which most units never fire, with that share; None where no look has told."""
    shares = evidence.of_layers("dead_fraction", DYING)
    dead = {layer: share for _, layer, share in shares if math.isfinite(share)}
    if not dead:
        return None
    worst = max(dead, key=lambda layer: dead[layer])
    others = {"others": True} if evidence.activations.keys() - dead.keys() else {}
    return {"layer": worst, "share": dead[worst], **others, **_units(evidence, worst)}


def _units(evidence: Evidence, layer: str) -> Mapping[str, Any]:
    """Return of how many units, on how many images of the probe set, a share is told; 0 for what is not known."""
    return evidence.about(layer)
