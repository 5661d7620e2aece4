"""Why units die in a network of somebody's own: of which the layers, the rates and the input may be anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from deadrelu_tui.diagnosis import causes, remedies
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Cause, Finding
from deadrelu_tui.diagnosis.thresholds import LAYER_DEAD, LAYER_DYING
from deadrelu_tui.record.activations import CHOSEN, OWN

THREW = 0.03
"""Ours: update against the weights from which on it may have thrown a unit; healthy is about 1e-3 (cs231n)."""


def death(evidence: Evidence, layer: str, share: float, step: int, word: str) -> Finding:
    """Return that a layer is dead, or dies, with the cause and with what this run can do about it."""
    threshold = LAYER_DEAD if word == "dead" else LAYER_DYING
    if evidence.activations.get(layer) == CHOSEN:
        facts = evidence.about(layer)
        return Finding("DeadRelu", word, facts, Cause("not_chosen"), (), share, threshold, step, layer)
    facts = evidence.about(layer)
    if facts.get("joined") and step <= evidence.history.first:
        facts["found"] = True
    born = step <= evidence.history.first and evidence.born_dead.get(layer, 0.0) >= share / 2
    cause = _normalised(evidence, layer) or (_born(evidence, layer) if born else None) or _thrown(evidence, layer, step)
    return Finding(
        "BornDead" if born else "DeadRelu", word, facts, cause,
        remedies.now(evidence, layer, step), share, threshold, step, layer,
    )  # fmt: skip


def _normalised(evidence: Evidence, layer: str) -> Cause | None:
    """Return that a normalisation puts h of the dead units where they never fire; None if there is none."""
    norms, units = evidence.norms(layer), evidence.units(layer)
    if not norms or units is None or not units.lost.any():
        return None
    mean, top = (_mean(each[units.lost]) for each in (units.pre_mean, units.pre_max))
    return Cause("normalised", {"norm": norms[-1], "mean": mean, "top": top}) if mean < 0 else None


def _born(evidence: Evidence, layer: str) -> Cause:
    """Return how many were dead before the first update, and what made them so."""
    ledger = evidence.history.ledgers[layer]
    facts: dict[str, Any] = {"units": int(ledger.born_dead.sum()), **causes.terms(evidence, layer)}
    mean, deviation = evidence.input(evidence.live_at(evidence.history.first))
    if causes.is_large(mean, deviation) and not evidence.network.before(layer):
        facts["input"] = mean
    return Cause("born", facts)


def _thrown(evidence: Evidence, layer: str, step: int) -> Cause | None:
    """Return which update threw the units, with w·x and b now, and a layer before it that says hardly anything."""
    found = causes.damage(evidence, layer, step)
    facts = dict(found.facts) if found is not None else {}
    if not facts.get("update", 0.0) >= THREW and "input" not in facts:  # which is told where it is large alone
        facts = {name: facts[name] for name in ("of", "product", "bias", "size") if name in facts}
    fed = [(each, share) for each in evidence.network.before(layer) if (share := evidence.dead(each) or 0) > LAYER_DEAD]
    if fed:
        facts["fed"] = {"layer": fed[0][0], "share": fed[0][1]}
    if not facts and evidence.activations.get(layer) == OWN:
        return Cause("crowded_out")
    return Cause("overshoot", facts) if facts else None


def guessing(evidence: Evidence) -> Cause | None:
    """Return that first updates, or the input, were too large for a network that has learned nothing; None if not."""
    first = evidence.history.first
    update = evidence.largest_update(first, first + causes.EARLY, evidence.network.weights())
    mean, deviation = evidence.input(evidence.live_at(first))
    if not causes.is_large(mean, deviation) and (update is None or update[2] <= remedies.GENTLE):
        return None
    return causes.blow(evidence, first + causes.EARLY)


def _mean(values: Any) -> float:
    return float(np.mean(values, dtype=np.float64))
