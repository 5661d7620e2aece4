"""The rules over loss and gradients, one function for each. Every threshold names its source.

SageMaker Debugger is Amazon's set of built-in rules for training; `ours` has no publication behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis import causes, causes_of_a_guest, remedies
from deadrelu_tui.diagnosis.evidence import GUESSING_BAND, Evidence
from deadrelu_tui.diagnosis.finding import Cause, Finding, Remedy
from deadrelu_tui.diagnosis.thresholds import little_right
from deadrelu_tui.record import probed

GUESSING_STEPS = 50
"""Ours."""
EXPLODED, EXPLODED_STEPS = 100, 10
"""Ours: times ln C; a loss that no training has, however badly it goes, unless its steps grow."""
OVERWRITTEN = 2.0**24
"""Ours: updates against the weights from which on a float32 that holds both has forgotten the weights."""
VANISHING = 1e-7
"""Mean absolute gradient (SageMaker Debugger, VanishingGradient)."""
SHRINKS_TOO_MUCH = 1 / 300
"""Ours: share of the last gradient that reaches the first weights, from which a higher rate makes up for it."""
LEARNED = 0.01
"""Ours: times ln C; below this loss a gradient is small because there is nothing left to learn."""


def exploding_tensor(evidence: Evidence) -> Iterator[Finding]:
    """Find NaN or an infinity in loss, pre-activations or gradients (SageMaker Debugger, ExplodingTensor)."""
    broken = evidence.history.broken
    if broken is None:
        return
    name, step = evidence.first_broken(broken)
    value = evidence.value(name, step)
    quantity = evidence.history.quantity(name)
    at_once = step <= evidence.history.first  # no update was taken: it is the first weights, or the input
    remedy = remedies.afresh(evidence, {"init": "he"}) if at_once else remedies.gentler(evidence, step)
    yield Finding(
        "ExplodingTensor", "diverged", {"metric": quantity.metric if quantity.of else name},
        causes.blow(evidence, step, evidence.value("loss", step - 1)), remedy, value, math.inf, step, quantity.of,
    )  # fmt: skip


def exploded_update(evidence: Evidence) -> Iterator[Finding]:
    """Find an update beside which a weight is nothing: a float32 has 24 bits, so none of it is left (ours)."""
    large = [
        each
        for each in evidence.of_weights("update_ratio")
        if each[2] > OVERWRITTEN and not (evidence.guest and math.isinf(each[2]))  # weights may begin as zeros
    ]
    if large:
        name, part, value = max(large, key=lambda each: each[2])
        step = evidence.since(name, above=OVERWRITTEN, floor=evidence.changed)
        yield Finding(
            "ExplodedUpdate", "diverged", {}, causes.overshoot(causes.scale(evidence, evidence.steps)),
            remedies.gentler(evidence, evidence.steps), value, OVERWRITTEN, step, part,
        )  # fmt: skip


def exploded_loss(evidence: Evidence) -> Iterator[Finding]:
    """Find a loss that is a number, but beyond the scale of losses, and not falling from a high start (ours)."""
    if evidence.classes is None:
        return
    even = EXPLODED * math.log(evidence.classes)
    values = evidence.tail("loss", min(EXPLODED_STEPS, len(evidence.history) - 1))
    first = evidence.value("loss", evidence.history.first)
    limit = max(even, first) if math.isfinite(first) else even  # one that began as high has not grown
    if not len(values) or not np.all(values > limit):
        return
    step = evidence.since("loss", above=even)
    value = float(np.median(values))
    yield Finding(
        "ExplodedLoss", "diverged", {"classes": evidence.classes}, causes.blow(evidence, max(step, 1) + 1),
        remedies.gentler(evidence, step), value, even, step,
    )  # fmt: skip


def vanishing_gradient(evidence: Evidence) -> Iterator[Finding]:
    """Find weights whose mean absolute gradient is near nothing (SageMaker Debugger, VanishingGradient)."""
    low = [
        each
        for each in evidence.of_weights("grad_mean_abs")
        if each[2] < VANISHING and not (evidence.guest and evidence.moves(each[1]))
    ]
    if not low:
        return
    name, parameter, value = min(low, key=lambda each: each[2])
    step = evidence.since(name, below=VANISHING, floor=evidence.changed)
    loss = evidence.tail("loss", EXPLODED_STEPS)
    mean = float(loss.mean(dtype=np.float64)) if len(loss) else math.nan
    if evidence.revived_at_last_look(name):
        return  # revival has just set the outgoing weights to zero: the gradient comes back with them
    word, remedy, cause = "", Remedy(), causes.lost_layer(evidence)
    if mean < LEARNED * math.log(evidence.classes or math.e):
        cause = Cause("little_left", {"loss": mean})
    elif cause is None:
        word, cause = "vanishing", causes.shrinking(evidence, least=1)
        if evidence.lr > remedies.HIGHEST:
            remedy = remedies.gentler(evidence, evidence.steps)
        else:
            remedy = remedies.first(
                evidence,
                remedies.afresh(
                    evidence, {"init": "he"}, remedies.other_activation(evidence) if evidence.saturates else ""
                ),
                remedies.afresh(evidence, {"init": "he"}, remedies.other_activation(evidence)),
            )
    yield Finding(
        "VanishingGradient", word, {"more": len(low) - 1}, cause, remedy, value, VANISHING, step, parameter,
    )  # fmt: skip


def guessing(evidence: Evidence) -> Iterator[Finding]:
    """Find a loss that stands at ln C, as if the classes were drawn by lot; one that averages no less and does not fall
    fast; or hardly more images right than by lot, as long as the loss is what it was when they were tested.

    All ours. A run of fewer steps is judged at its first epoch's end.
    """
    if evidence.classes is None:
        return
    classes, even = evidence.classes, math.log(evidence.classes)
    steps, values = evidence.stretch("loss", GUESSING_STEPS)
    few = evidence.accuracy is not None and little_right(evidence.accuracy, classes)
    if len(values) < GUESSING_STEPS and not (few and len(values)):
        return
    step, mean, high = int(steps[0]), float(values.mean(dtype=np.float64)), evidence.guesses(values)
    facts: dict[str, Any] = {"classes": classes, **probed.judged_by(evidence.history.start)}
    measured = float(values[-1])
    if np.all(np.abs(values - even) <= GUESSING_BAND * even):
        step = evidence.since("loss", (1 - GUESSING_BAND) * even, (1 + GUESSING_BAND) * even, evidence.changed)
    elif high and not (evidence.reaches(even) and not few):
        measured = facts["mean"] = mean
        facts["steps"] = len(values)
        if evidence.accuracy is not None and not few:
            facts["though"] = evidence.accuracy
    elif few:
        facts |= {"right": evidence.accuracy, "loss": mean}
    else:
        return
    yield Finding("Guessing", "guessing", facts, *_why_guessing(evidence, mean), measured, even, step)


def _why_guessing(evidence: Evidence, loss: float) -> tuple[Cause | None, Remedy]:
    """Return why the network knows nothing, and what would change that."""
    he = remedies.afresh(evidence, {"init": "he"})
    if narrow := causes.bottleneck(evidence):
        return narrow, remedies.first(evidence, remedies.roomy(evidence), he)
    if lost := causes.lost_layer(evidence, image=True):
        return lost, remedies.first(evidence, remedies.gentler(evidence, evidence.steps), he)
    if evidence.guest and (cause := causes_of_a_guest.guessing(evidence)):
        return cause, remedies.rate(evidence, remedies.lowered(evidence.lr, cause.facts.get("update", 0.0)))
    if (sure := causes.first_weights(evidence)) and loss > (1 + GUESSING_BAND) * math.log(evidence.classes or math.e):
        return sure, remedies.first(evidence, he, remedies.gentler(evidence, evidence.steps))
    usual, less, shrinking = causes.usual_update(evidence), causes.ever_less(evidence), causes.shrinking(evidence)
    other = remedies.afresh(evidence, {"init": "he"}, remedies.other_activation(evidence))
    lower = remedies.lower_and_again(evidence)
    if shrinking is not None:
        sizes = list(shrinking.facts["sizes"].values())
        higher = remedies.rate(evidence, remedies.HIGHEST) if evidence.lr < remedies.HIGHEST else ()
        bears = sizes[-1] >= SHRINKS_TOO_MUCH * sizes[0]
        return shrinking, remedies.first(evidence, higher if bears else (), other, he, higher)
    if less is not None:
        return less, remedies.first(evidence, he, other)
    if usual is None:
        return None, remedies.first(evidence, he, other, lower)
    weight, update = usual
    feeble = update < remedies.FEEBLE
    facts: Mapping[str, Any] = {"weight": weight, "update": update, "feeble": feeble}
    cause = Cause("usual_update", {**facts, "lr": evidence.lr} if math.isfinite(evidence.lr) else facts)
    if feeble:
        return cause, remedies.first(evidence, remedies.higher_rate(evidence, update), he, other)
    if evidence.lr > remedies.HIGHEST:
        return cause, remedies.first(evidence, remedies.gentler(evidence, evidence.steps), lower)
    if small := causes.small_weights(evidence):
        cause = small
    return cause, remedies.first(evidence, he, other, lower)
