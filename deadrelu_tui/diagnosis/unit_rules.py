"""The rules over units: born dead, dead, dying, saturated, and the states of a network in which none of it is found."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from deadrelu_tui.diagnosis import causes, remedies
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.thresholds import LAYER_DEAD, LAYER_DYING
from deadrelu_tui.diagnosis.training_rules import Finding
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.wording import count, number, percent

LAYER_SPARSE = 0.7
"""Ours: share of zeros. The article's two healthy runs have 0.72 to 0.82."""
RECENT = 50
"""Steps over which zeros and loss are averaged."""


def dead_relu(evidence: Evidence) -> Iterator[Finding]:
    """Find layers of which over half (dead) or over a tenth (dying) of the units never fire, the first to fall first.

    Then, as a note, those that are dead by the field's rule only: units that fire for less than 1 % of the images.
    """
    if evidence.activation != "relu":
        return
    floor = evidence.changed_at("activation")
    shares = {layer: (name, share) for name, layer, share in evidence.of("dead_fraction")}
    found: list[tuple[bool, int, int, str, float]] = []
    for layer, (name, share) in shares.items():
        if share > LAYER_DYING:
            limit = LAYER_DEAD if share > LAYER_DEAD else LAYER_DYING
            step = evidence.since(name, above=limit, floor=floor)
            found.append((share <= LAYER_DEAD, step, len(found), layer, share))
    for dying, step, _, layer, share in sorted(found):
        yield _death(evidence, layer, share, step, "dying" if dying else "dead")
    for name, layer, share in evidence.of("inactive_fraction"):
        silent = shares.get(layer, ("", 0.0))[1]
        if share > LAYER_DEAD and not silent > LAYER_DYING:
            step = evidence.since(name, above=LAYER_DEAD, floor=floor)
            yield Finding(
                "DeadRelu", "",
                f"{layer}: {_units(evidence, layer, share)} fire for less than 1 % of {_probe(evidence)} "
                f"since step {step}", f"Only {percent(silent)} never fire", (),
                share, LAYER_DEAD, step, layer,
            )  # fmt: skip


def _death(evidence: Evidence, layer: str, share: float, step: int, word: str) -> Finding:
    reached = "half" if word == "dead" else "a tenth"
    text = f"{layer}: {_silent_units(evidence, layer, share)}, {reached} by step {step}"
    rule, threshold = "DeadRelu", LAYER_DEAD if word == "dead" else LAYER_DYING
    feeding = evidence.network.before(layer)
    if feeding and all(evidence.dead(each) == 1 for each in feeding):
        before = " and ".join(feeding)
        fed = "is dead and feeds" if len(feeding) == 1 else "are dead and feed"
        cause = f"{before} {fed} it zeros only: its h is its bias"
        remedy = remedies.Remedy()
    elif step == 0 and _were_born_so(evidence, layer):
        rule, cause = "BornDead", _born(evidence, layer, share)
        init = {"init": "he"} if causes.timid(evidence) else {}
        remedy = remedies.afresh(evidence, {"hidden": list(remedies.wider(evidence)), **init})
    elif causes.timid(evidence) and causes.by_bias(evidence, layer, step):
        cause = ", ".join(filter(None, (causes.ever_less(evidence), causes.shares(evidence, layer))))
        remedy = remedies.afresh(evidence, {"init": "he"})
    else:
        cause = causes.damage(evidence, layer, step)
        gentle = remedies.gentle_now(evidence, step)
        remedy = (remedies.revive(evidence) if gentle else ()) or remedies.gentler(evidence, step)
    return Finding(rule, word, text, cause, remedy, share, threshold, step, layer)


def _were_born_so(evidence: Evidence, layer: str) -> bool:
    ledger = evidence.history.ledgers.get(layer)
    return ledger is not None and bool(ledger.born_dead.any())


def _born(evidence: Evidence, layer: str, share: float) -> str:
    """Return how many were dead before the first update, and for a layer that is dead as a whole the odds of that
    (Lu, Shin, Su, Karniadakis 2019) where all layers are of one width.
    """
    ledger, looked = evidence.history.ledgers.get(layer), evidence.history.looked
    widths = {len(units) for units in looked.layers.values()} if looked else set()
    if looked is not None and share == 1 and len(widths) == 1:
        width, layers = widths.pop(), len(looked.layers)
        odds = percent(1 - (1 - 2.0**-width) ** layers)
        return f"Born so, as {layers} layers of {width} are with a probability of at most {odds} (Lu et al. 2019)"
    born = int(ledger.born_dead.sum()) if ledger is not None else 0
    return f"{count(born)} {'was' if born == 1 else 'were'} so before the first update" if born else ""


def saturated(evidence: Evidence) -> Iterator[Finding]:
    """Find layers of tanh or sigmoid of which over half of the units saturate on 99 % of the probe set.

    After SageMaker Debugger, SaturatedActivation.
    """
    if evidence.activation not in SATURATING:
        return
    floor = evidence.changed_at("activation")
    found = []
    for name, layer, share in evidence.of("saturated_fraction"):
        if share > LAYER_DEAD:
            found.append((evidence.since(name, above=LAYER_DEAD, floor=floor), layer, share))
    for step, layer, share in sorted(found, key=lambda each: each[0]):
        yield Finding(
            "SaturatedActivation", "saturated",
            f"{layer}: {_units(evidence, layer, share)} saturate on 99 % of {_probe(evidence)}, "
            f"half by step {step}", causes.damage(evidence, layer, step), remedies.gentler(evidence, step),
            share, LAYER_DEAD, step, layer,
        )  # fmt: skip


def alive(evidence: Evidence) -> Finding:
    """Return the state of a network with which no rule found fault: sparse or healthy."""
    relu = evidence.activation == "relu"
    zeros = []
    for name, layer, _ in evidence.of("zero_fraction"):
        values = evidence.tail(name, RECENT)
        if len(values):
            zeros.append((layer, float(values.mean(dtype=np.float64))))
    silent = _silent(evidence) if relu else ""
    for layer, share in zeros:
        if relu and share >= LAYER_SPARSE:
            text = f"{layer}: {percent(share)} zeros is sparsity, not death"
            return Finding(
                "ZeroFraction", "sparse", "; ".join(filter(None, (text, silent))), value=share,
                threshold=LAYER_SPARSE, layer=layer,
            )  # fmt: skip
    loss = evidence.tail("loss", RECENT)
    parts = [f"loss averages {number(float(loss.mean(dtype=np.float64)))}"] if len(loss) else []
    told = [*parts, silent, *(f"{layer} {percent(share)} zeros" for layer, share in zeros[:3] if relu)]
    return Finding("", "healthy", "; ".join(filter(None, told)) or "no fault was found")


def _silent(evidence: Evidence) -> str:
    dead = {layer: share for _, layer, share in evidence.of("dead_fraction") if math.isfinite(share)}
    if not dead:
        return ""
    worst = max(dead, key=lambda layer: dead[layer])
    if dead[worst]:
        return _silent_units(evidence, worst, dead[worst], f" of {worst}")
    return f"every unit fires for some of {_probe(evidence)}"


def _silent_units(evidence: Evidence, layer: str, share: float, where: str = "") -> str:
    units = _units(evidence, layer, share)
    return f"{units}{where} never {'fires' if units.startswith('1 of') else 'fire'} on {_probe(evidence)}"


def _units(evidence: Evidence, layer: str, share: float) -> str:
    units = evidence.count(layer)
    if not units or not 0 <= share <= 1:
        return f"{percent(share)} of the units"
    return f"{count(round(share * units))} of {count(units)} units"


def _probe(evidence: Evidence) -> str:
    return f"{count(evidence.probe)} probe images" if evidence.probe else "the probe images"
