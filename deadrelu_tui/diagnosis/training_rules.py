"""The rules over loss and gradients, one function for each. Every threshold names its source.

SageMaker Debugger is Amazon's set of built-in rules for training; `ours` has no publication behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from deadrelu_tui.diagnosis import causes, remedies
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Cause, Finding, Remedy

GUESSING_BAND, GUESSING_STEPS = 0.01, 50
"""Ours."""
FEW_RIGHT = 2
"""Ours: times the accuracy of guessing up to which a loss no better than that of guessing is guessing."""
EXPLODED, EXPLODED_STEPS = 100, 10
"""Ours: times ln C; a loss that no training has, however badly it goes, unless its steps grow."""
VANISHING = 1e-7
"""Mean absolute gradient (SageMaker Debugger, VanishingGradient)."""
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


def exploded_loss(evidence: Evidence) -> Iterator[Finding]:
    """Find a loss that is a number, but beyond the scale of losses, and not falling from a high start (ours)."""
    if evidence.classes is None:
        return
    even = EXPLODED * math.log(evidence.classes)
    values = evidence.tail("loss", min(EXPLODED_STEPS, evidence.taken - 1))
    first = evidence.value("loss", evidence.history.first)
    limit = max(even, first / 2) if math.isfinite(first) else even  # one that began as high and falls is fine
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
    low = [each for each in evidence.of_weights("grad_mean_abs") if each[2] < VANISHING]
    if not low:
        return
    name, parameter, value = low[0]
    step = evidence.since(name, below=VANISHING)
    loss = evidence.tail("loss", EXPLODED_STEPS)
    mean = float(loss.mean(dtype=np.float64)) if len(loss) else math.nan
    if evidence.revived_at_last_look(name):
        return  # revival has just set the outgoing weights to zero: the gradient comes back with them
    word, remedy, cause = "", Remedy(), causes.lost_layer(evidence)
    if mean < LEARNED * math.log(evidence.classes or math.e):
        cause = Cause("little_left", {"loss": mean})
    elif cause is None:
        word, cause = "vanishing", _ever_smaller(evidence)
        if evidence.lr > remedies.HIGHEST:
            remedy = remedies.gentler(evidence, evidence.steps)
        else:
            other = "tanh" if evidence.live.get("activation") == "sigmoid" else ""
            remedy = remedies.afresh(evidence, {"init": "he"}, other)
    yield Finding(
        "VanishingGradient", word, {"more": len(low) - 1}, cause, remedy, value, VANISHING, step, parameter,
    )  # fmt: skip


def _ever_smaller(evidence: Evidence) -> Cause | None:
    """Return what is left of the gradient at the first weights, against the last."""
    sizes = [(part, value) for _, part, value in evidence.of_weights("grad_mean_abs")]
    if len(sizes) < 2 or not sizes[0][1] < sizes[-1][1]:
        return None
    return Cause("shrinking", {"sizes": dict(reversed(sizes[:1] + sizes[1:][-2:]))})


def guessing(evidence: Evidence) -> Iterator[Finding]:
    """Find a loss that stands at ln C, as if the classes were drawn by lot, or averages no less while few images are
    classified rightly.

    Both ours. A run of fewer steps is judged at its first epoch's end.
    """
    if evidence.classes is None:
        return
    classes, even = evidence.classes, math.log(evidence.classes)
    values = evidence.tail("loss", GUESSING_STEPS)
    accuracy = evidence.history.latest("accuracy/test")
    few = accuracy is not None and accuracy <= FEW_RIGHT / classes
    if len(values) < GUESSING_STEPS and not (few and len(values) == evidence.taken):
        return
    step, mean = int(evidence.history.tail("loss", len(values)).steps[0]), float(values.mean(dtype=np.float64))
    facts: dict[str, Any] = {"classes": classes}
    measured = float(values[-1])
    if np.all(np.abs(values - even) <= GUESSING_BAND * even):
        step = evidence.since("loss", (1 - GUESSING_BAND) * even, (1 + GUESSING_BAND) * even)
    elif (few or accuracy is None) and mean >= (1 - GUESSING_BAND) * even:
        measured = facts["mean"] = mean
        facts["steps"] = len(values)
    else:
        return
    yield Finding("Guessing", "guessing", facts, *_why_guessing(evidence), measured, even, step)


def _why_guessing(evidence: Evidence) -> tuple[Cause | None, Remedy]:
    """Return why every class looks alike, and what would change that."""
    if lost := causes.lost_layer(evidence, image=True):
        return lost, ()
    usual, less = causes.usual_update(evidence), causes.ever_less(evidence)
    if less is not None:
        return less, remedies.afresh(evidence, {"init": "he"})
    if usual is None:
        return None, remedies.lower_and_again(evidence)
    weight, update = usual
    feeble = update < remedies.FEEBLE
    facts: Mapping[str, Any] = {"weight": weight, "update": update, "feeble": feeble}
    cause = Cause("usual_update", {**facts, "lr": evidence.lr} if math.isfinite(evidence.lr) else facts)
    return cause, remedies.higher_rate(evidence, update) if feeble else remedies.lower_and_again(evidence)
