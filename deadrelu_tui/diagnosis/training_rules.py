"""The rules over loss and gradients, one function for each. Every threshold names its source.

SageMaker Debugger is Amazon's set of built-in rules for training; `ours` has no publication behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.diagnosis import causes
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.wording import number, rate

CLASSES = 10
EVEN = math.log(CLASSES)
"""Loss per image of guessing among the classes, nats."""
GUESSING_BAND, GUESSING_STEPS = 0.01, 50
"""Ours."""
FEW_RIGHT = 2 / CLASSES
"""Ours: accuracy up to which a loss no better than that of guessing is guessing."""
EXPLODED, EXPLODED_STEPS = 100 * EVEN, 10
"""Ours: a loss that no training has, however badly it goes, unless its steps grow."""
VANISHING = 1e-7
"""Mean absolute gradient (SageMaker Debugger, VanishingGradient)."""
LEARNED = 0.01 * EVEN
"""Ours: below this loss a gradient is small because there is nothing left to learn."""


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
    remedy: str = ""
    """The keys that test the remedy."""
    value: float = math.nan
    threshold: float = math.nan
    step: int = 0
    """The step since which it holds, unbroken."""
    layer: str = ""
    """Layer (h1) or parameter (w1)."""

    @property
    def reason(self) -> str:
        """The text, and the cause after it."""
        return ". ".join(filter(None, (self.text, self.cause)))


def exploding_tensor(evidence: Evidence) -> Iterator[Finding]:
    """Find NaN or an infinity in loss, pre-activations or gradients (SageMaker Debugger, ExplodingTensor)."""
    broken = evidence.last.broken
    if broken is None:
        return
    name, step = evidence.first_broken(broken)
    value = evidence.value(name, step)
    metric, _, part = name.partition("/")
    what = {"pre_mean": f"{part}: the mean pre-activation", "grad_norm": f"{part}: the norm of the gradient"}.get(
        metric, name
    )
    before = evidence.value("loss", step - 1)
    cause = causes.blow(evidence, len(evidence.layers) + 1, step)
    if math.isfinite(before):
        cause += f"; the loss before was {number(before)}"
    remedy = causes.gentler(evidence, step) if step else "r"
    yield Finding(
        "ExplodingTensor", "diverged", f"{what} is {number(value)} since step {step}", cause, remedy,
        value, math.inf, step, part,
    )  # fmt: skip


def exploded_loss(evidence: Evidence) -> Iterator[Finding]:
    """Find a loss that is a number, but beyond the scale of losses, and not falling from a high start (ours)."""
    values = evidence.tail("loss", min(EXPLODED_STEPS, evidence.steps - 1))
    first = evidence.value("loss", 0)
    limit = max(EXPLODED, first / 2) if math.isfinite(first) else EXPLODED  # one that began as high and falls is fine
    if not len(values) or not np.all(values > limit):
        return
    step = evidence.since("loss", above=EXPLODED)
    value = float(np.median(values))
    yield Finding(
        "ExplodedLoss", "diverged", f"loss is {number(value)}, over 100 × ln {CLASSES} since step {step}",
        causes.blow(evidence, len(evidence.layers) + 1, max(step, 1) + 1), causes.gentler(evidence, step),
        value, EXPLODED, step,
    )  # fmt: skip


def vanishing_gradient(evidence: Evidence) -> Iterator[Finding]:
    """Find weights whose mean absolute gradient is near nothing (SageMaker Debugger, VanishingGradient)."""
    low = [(name, part, value) for name, part, value in evidence.of("grad_mean_abs") if value < VANISHING]
    low = [each for each in low if each[1].startswith("w")]
    if not low:
        return
    name, parameter, value = low[0]
    step = evidence.since(name, below=VANISHING)
    loss = evidence.tail("loss", EXPLODED_STEPS)
    mean = float(loss.mean(dtype=np.float64)) if len(loss) else math.nan
    word, remedy = "", ""
    if evidence.revived_at_last_look(name):
        return  # revival has just set the outgoing weights to zero: the gradient comes back with them
    if mean < LEARNED:
        cause = f"The loss is {number(mean)}: little is left to learn"
    elif lost := evidence.lost_layer():
        cause = f"{lost}: hardly any gradient passes"
    else:
        word, cause = "vanishing", _ever_smaller(evidence)
        if evidence.live.lr > causes.HIGHEST:
            remedy = causes.gentler(evidence, evidence.steps)
        else:
            remedy = causes.afresh(evidence, "s: init he", "a" if evidence.live.activation == "sigmoid" else "")
    yield Finding(
        "VanishingGradient", word,
        f"{parameter}{more(low)}: the mean |gradient| is {number(value)}, below 1e-7 since step {step}",
        cause, remedy, value, VANISHING, step, parameter,
    )  # fmt: skip


def _ever_smaller(evidence: Evidence) -> str:
    """Return what is left of the gradient at the first weights, against the last."""
    sizes = [(part, value) for _, part, value in evidence.of("grad_mean_abs") if part.startswith("w")]
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
    values = evidence.tail("loss", GUESSING_STEPS)
    accuracy = evidence.history.latest("accuracy/test")
    few = accuracy is not None and accuracy <= FEW_RIGHT
    if len(values) < GUESSING_STEPS and not (few and len(values) == evidence.steps):
        return
    step, mean = evidence.steps - len(values), float(values.mean(dtype=np.float64))
    if np.all(np.abs(values - EVEN) <= GUESSING_BAND * EVEN):
        step = evidence.since("loss", (1 - GUESSING_BAND) * EVEN, (1 + GUESSING_BAND) * EVEN)
        text = f"loss is within 1 % of ln {CLASSES} = {EVEN:.3f} since step {step}"
    elif (few or accuracy is None) and mean >= (1 - GUESSING_BAND) * EVEN:
        text = f"loss averages {number(mean)} over {len(values)} steps, guessing has ln {CLASSES} = {EVEN:.3f}"
    else:
        return
    cause, remedy = _why_guessing(evidence)
    yield Finding("Guessing", "guessing", text, cause, remedy, float(values[-1]), EVEN, step)


def _why_guessing(evidence: Evidence) -> tuple[str, str]:
    """Return why every class looks alike, and what would change that."""
    if lost := evidence.lost_layer():
        return f"{lost}: hardly anything of the image is left", ""
    usual = causes.usual_update(evidence)
    if usual is not None and usual[1] < causes.FEEBLE:
        told = f"At lr {rate(evidence.live.lr)} updates average {number(usual[1], 2)}×{usual[0]}, below 1e-3"
        if not causes.ever_less(evidence):
            return told, f"+ to lr {rate(causes.brisk_rate(evidence.live.lr, usual[1]))}" if usual[1] else "+"
    if less := causes.ever_less(evidence):
        return less, causes.afresh(evidence, "s: init he")
    if usual is None:
        return "", "-, then r"
    return f"At lr {rate(evidence.live.lr)} updates average {number(usual[1], 2)}×{usual[0]}", "-, then r"
