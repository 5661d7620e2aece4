"""The rules over loss and gradients, one function for each. Every threshold names its source.

SageMaker Debugger is Amazon's set of built-in rules for training; `ours` has no publication behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.diagnosis import causes, remedies
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.remedies import Remedy
from deadrelu_tui.wording import number, rate

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


@dataclass(frozen=True)
class Finding:
    """What a rule found."""

    rule: str
    word: str
    """The verdict that it implies; empty for a note."""
    text: str
    """What was found, in numbers, the layer first where there is one; no full stop at the end."""
    cause: str = ""
    """Why, in numbers; empty if nothing can be told."""
    remedy: Remedy = ()
    """The commands that test the remedy, all of which the run can obey."""
    value: float = math.nan
    threshold: float = math.nan
    step: int = 0
    """The step since which it holds, unbroken."""
    layer: str = ""
    """Layer or parameter."""

    @property
    def reason(self) -> str:
        """The text, and the cause after it."""
        return ". ".join(filter(None, (self.text, self.cause)))


def exploding_tensor(evidence: Evidence) -> Iterator[Finding]:
    """Find NaN or an infinity in loss, pre-activations or gradients (SageMaker Debugger, ExplodingTensor)."""
    broken = evidence.history.broken
    if broken is None:
        return
    name, step = evidence.first_broken(broken)
    value = evidence.value(name, step)
    quantity = evidence.history.quantity(name)
    metric, part = quantity.metric, quantity.of
    what = {"pre_mean": f"{part}: the mean pre-activation", "grad_norm": f"{part}: the norm of the gradient"}.get(
        metric, name
    )
    before = evidence.value("loss", step - 1)
    cause = causes.blow(evidence, evidence.network.weights(), step)
    if math.isfinite(before):
        cause += f"; the loss before was {number(before)}"
    remedy = remedies.gentler(evidence, step) if step else remedies.again(evidence, {})
    yield Finding(
        "ExplodingTensor", "diverged", f"{what} is {number(value)} since step {step}", cause, remedy,
        value, math.inf, step, part,
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
        "ExplodedLoss", "diverged", f"loss is {number(value)}, over 100 × ln {evidence.classes} since step {step}",
        causes.blow(evidence, evidence.network.weights(), max(step, 1) + 1), remedies.gentler(evidence, step),
        value, even, step,
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
    word, remedy = "", remedies.Remedy()
    if evidence.revived_at_last_look(name):
        return  # revival has just set the outgoing weights to zero: the gradient comes back with them
    if mean < LEARNED * math.log(evidence.classes or math.e):
        cause = f"The loss is {number(mean)}: little is left to learn"
    elif lost := evidence.lost_layer():
        cause = f"{lost}: hardly any gradient passes"
    else:
        word, cause = "vanishing", _ever_smaller(evidence)
        if evidence.lr > remedies.HIGHEST:
            remedy = remedies.gentler(evidence, evidence.steps)
        else:
            remedy = remedies.afresh(evidence, {"init": "he"}, "tanh" if evidence.activation == "sigmoid" else "")
    yield Finding(
        "VanishingGradient", word,
        f"{parameter}{more(low)}: the mean |gradient| is {number(value)}, below 1e-7 since step {step}",
        cause, remedy, value, VANISHING, step, parameter,
    )  # fmt: skip


def _ever_smaller(evidence: Evidence) -> str:
    """Return what is left of the gradient at the first weights, against the last."""
    sizes = [(part, value) for _, part, value in evidence.of_weights("grad_mean_abs")]
    chain = ", ".join(f"{part} {number(value, 2)}" for part, value in reversed(sizes[:1] + sizes[1:][-2:]))
    return f"The gradient shrinks on its way back: {chain}" if len(sizes) > 1 and sizes[0][1] < sizes[-1][1] else ""


def more(parameters: Sequence[object]) -> str:
    """Return how many more than the first there are: ' and 2 more'."""
    return f" and {len(parameters) - 1} more" if len(parameters) > 1 else ""


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
    if np.all(np.abs(values - even) <= GUESSING_BAND * even):
        step = evidence.since("loss", (1 - GUESSING_BAND) * even, (1 + GUESSING_BAND) * even)
        text = f"loss is within 1 % of ln {classes} = {even:.3f} since step {step}"
    elif (few or accuracy is None) and mean >= (1 - GUESSING_BAND) * even:
        text = f"loss averages {number(mean)} over {len(values)} steps, guessing has ln {classes} = {even:.3f}"
    else:
        return
    cause, remedy = _why_guessing(evidence)
    yield Finding("Guessing", "guessing", text, cause, remedy, float(values[-1]), even, step)


def _why_guessing(evidence: Evidence) -> tuple[str, Remedy]:
    """Return why every class looks alike, and what would change that."""
    if lost := evidence.lost_layer():
        return f"{lost}: hardly anything of the image is left", ()
    usual = causes.usual_update(evidence)
    at = f"At lr {rate(evidence.lr)} updates average" if math.isfinite(evidence.lr) else "Updates average"
    if usual is not None and usual[1] < remedies.FEEBLE and not causes.ever_less(evidence):
        told = f"{at} {number(usual[1], 2)}×{usual[0]}, below 1e-3"
        return told, remedies.higher_rate(evidence, usual[1])
    if less := causes.ever_less(evidence):
        return less, remedies.afresh(evidence, {"init": "he"})
    if usual is None:
        return "", remedies.lower_and_again(evidence)
    return f"{at} {number(usual[1], 2)}×{usual[0]}", remedies.lower_and_again(evidence)
