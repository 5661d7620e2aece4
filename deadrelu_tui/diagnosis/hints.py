"""What somebody can change in a training that no key begins anew: said in words, where commands end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from deadrelu_tui.diagnosis import causes
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.remedies import GENTLE, lowered
from deadrelu_tui.record.activations import CHOSEN, OWN
from deadrelu_tui.record.commands import next_lr
from deadrelu_tui.wording import number, rate

MOST = 2
"""Hints that are given at once."""


def hinted(evidence: Evidence, finding: Finding) -> tuple[str, ...]:
    """Return in words what would mend what was found, for a run that cannot be begun anew from here."""
    start = evidence.history.start
    if not evidence.guest or start is None or "restart" in start.can:
        return ()
    return tuple(dict.fromkeys(_hints(evidence, finding)))[:MOST]


def _hints(evidence: Evidence, finding: Finding) -> Iterator[str]:
    facts = finding.cause.facts if finding.cause is not None else {}
    kind = finding.cause.kind if finding.cause is not None else ""
    if kind == "normalised":
        yield f"begin with a bias of 0 in {facts['norm']}"
        return
    if finding.word not in ("dead", "dying", "saturated", "diverged", "guessing", "vanishing"):
        return
    mean, deviation = evidence.input(evidence.live_at(evidence.history.first))
    if causes.is_large(mean, deviation):
        yield f"normalise the input, whose mean is {number(mean)} and deviation {number(deviation)}"
    yield from _of_the_rate(evidence, finding, facts)
    yield from _of_the_weights(evidence, finding, kind, facts)


def _of_the_rate(evidence: Evidence, finding: Finding, facts: Mapping[str, Any]) -> Iterator[str]:
    lr, update = float(facts.get("lr", evidence.lr)), float(facts.get("update", math.nan))
    if finding.word == "vanishing" or (facts.get("feeble") and lr > 0):
        yield f"raise lr to {rate(next_lr(lr, 1))}" if lr > 0 else "raise lr"
    elif (update > GENTLE or finding.word == "diverged") and lr > 0:
        yield f"lower lr to {rate(lowered(lr, update))}"


def _of_the_weights(evidence: Evidence, finding: Finding, kind: str, facts: Mapping[str, Any]) -> Iterator[str]:
    layer = evidence.network.layer(finding.layer)
    if layer is None or finding.word not in ("dead", "dying"):
        if finding.word in ("vanishing", "guessing"):
            yield "He initialisation, a normalisation or a residual connection in each block"
        return
    if layer.activation == CHOSEN:
        yield "draw dead entries anew from the batch, or add a loss that balances the choices"
        return
    if layer.activation == OWN:
        yield "give dead units a loss of their own, or draw them anew now and then"
        return
    if facts.get("bias", 0.0) < -abs(facts.get("product", math.inf)) and kind == "born" and layer.bias:
        yield f"begin with {layer.bias} at 0"
    if facts.get("product", 0.0) < 0 or kind == "born":
        yield f"He initialisation for {layer.name}"
    yield f"a normalisation before the ReLU of {layer.name}, or a leaky one in its place"
