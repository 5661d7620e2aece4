"""What is to be expected of a network before it is trained, as text and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deadrelu_tui.builtin.promise import DIVISOR
from deadrelu_tui.diagnosis.worth_a_note import LARGE_INPUT, UPDATE_ABOVE
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.theory.advice import CANNOT_DIE, DIES, LIVES, PROBABILITY, SOME_DIE, Advice
from deadrelu_tui.wording import count, number, percent, rate

HEALTHY = 1e-3
"""‖Δw‖ / ‖w‖ (cs231n)."""
_LOOKS = {DIES: "bad", SOME_DIE: "doubtful", LIVES: "good", CANNOT_DIE: "good"}
_INDENT = 15
FORMULAS = {
    "born_dead": "1 − Π (1 − 2^−N) over the hidden layers: exact for one input, a bound for all (Lu et al. 2019)",
    "safe_depth": "L − 1 ≤ ln(1 − p) / ln(1 − 2^−N), L counting the output",
    "first_update": "lr ‖G‖/‖w‖ with ‖G_l‖² = mean over pairs of a batch of (δ_l·δ_l′)(a_{l−1}·a′_{l−1}), averaged "
    "over the first weights; ‖w_l‖ = σ_l √(n_l n_{l−1})",
    "one_step": "σ₁‖x‖ / √E[(mean_i δ(i) x_i·x)²]: the first update moves h as far as it spreads",
    "few_die": "3 / ‖x‖^(2/D), D weight matrices (measured), or by the first update if that is less",
    "half_dies": "10 / ‖x‖^(2/D) (measured)",
}


def data(advice: Advice, settings: Mapping[str, Any], of_data: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of it as plain values."""
    start = advice.start
    return {
        "settings": dict(settings),
        "data": {**of_data, "norm": start.norm},
        "born_dead": advice.born_dead,
        "safe_depth": None if advice.born_dead is None else
        {"width": min(advice.hidden), "probability": PROBABILITY, "depth": advice.safe_depth},
        "start": {"h_std": start.spread, "score_std": start.scores, "loss": start.loss, "saturated": advice.saturated},
        "first_update": {
            each.name: {"ratio": each.ratio(advice.lr), "gradient": each.gradient, "weights": each.weights}
            for each in start.gradients
        },
        "rates": {"one_step": start.one_step, "few_die": advice.few_die, "half_dies": advice.half_dies},
        "expected": advice.expected,
        "formulas": FORMULAS,
    }  # fmt: skip


def lines(advice: Advice, settings: Mapping[str, Any], of_data: Mapping[str, Any], paper: Paper) -> Iterator[str]:
    """Yield all of it, each number with the formula behind it."""
    start, lr = advice.start, advice.lr
    widths = "–".join(map(str, (of_data["inputs"], *advice.hidden, of_data["classes"])))
    yield from paper.wrapped(
        f"{widths}, {advice.activation}, first weights {settings['init']}, lr {rate(lr)}, batches of "
        f"{settings['batch_size']}; pixels times {of_data['input_scale']:.3g}: mean "
        f"{number(of_data['input_mean'])}, ‖x‖ {number(start.norm)} ({of_data['source']})", 0, "bold",
    )  # fmt: skip
    yield ""
    if advice.born_dead is not None:
        yield from _told(paper, "born dead", f"at most {number(advice.born_dead)}", FORMULAS["born_dead"])
        deepest = "any" if advice.safe_depth is None else f"up to {count(advice.safe_depth)}"
        yield from _told(
            paper, "safe depth", f"{deepest}, for {100 * PROBABILITY:g} % and {min(advice.hidden)} units",
            FORMULAS["safe_depth"],
        )  # fmt: skip
    told = f"h spreads by {number(start.spread)}, scores by {number(start.scores)}; loss {number(start.loss)}"
    if advice.saturated is not None:
        told += f"; {percent(advice.saturated)} of h saturated"
    yield from _told(paper, "at the start", told, "σ_l √(a·a), layer by layer, averaged over the first weights")
    updates = ", ".join(f"{each.name} {number(each.ratio(lr))}" for each in start.gradients)
    yield from _told(paper, "first update", f"{updates} times the weights", FORMULAS["first_update"])
    if advice.activation == "relu":
        yield from _told(
            paper, "largest rate", f"{_rate(start.one_step)} by the first update alone", FORMULAS["one_step"]
        )
        yield from _told(paper, "", f"{_rate(advice.few_die)} up to which hardly any ReLU dies", FORMULAS["few_die"])
        yield from _told(
            paper,
            "",
            f"{_rate(advice.half_dies)} beyond which half of layer 1 dies in 200 steps",
            FORMULAS["half_dies"],
        )
    for text, look in _judged(advice, of_data):
        yield ""
        yield from paper.wrapped(text, 0, look)


def _told(paper: Paper, name: str, text: str, formula: str) -> Iterator[str]:
    first, *more = paper.wrapped(text, _INDENT)
    yield paper.put(name.ljust(_INDENT), "dim") + first[_INDENT:]
    yield from more
    yield from paper.wrapped(formula, _INDENT, "dim")


def _judged(advice: Advice, of_data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what follows, and how it looks."""
    lr, said, mean = advice.lr, advice.expected, of_data["input_mean"]
    if said == DIES:
        text = (
            f"lr {rate(lr)} is {number(lr / advice.half_dies)} times the rate at which half of layer 1 dies. "
            f"Take {_rate(advice.few_die)} or less, or a smaller input."
        )
    elif said == SOME_DIE:
        text = f"At lr {rate(lr)} some ReLUs may die; hardly any up to {_rate(advice.few_die)}."
    elif said == LIVES:
        text = f"At lr {rate(lr)} hardly any ReLU dies."
    else:
        text = f"{advice.activation} does not die: it always lets some gradient through" + (
            "." if advice.saturated is None else ", until it saturates."
        )
    yield text, _LOOKS[said]
    if advice.activation == "relu" and len(advice.hidden) > 1:
        yield (
            "With more than one hidden layer these rates are rough, and a network may diverge below them.",
            "dim",
        )
    if abs(mean) > LARGE_INPUT:
        cure = "normalise it" if of_data["input_scale"] > 1 / DIVISOR else "subtract it"
        yield f"The input's mean is {number(mean)}, beyond ±{LARGE_INPUT} (CheckInputImages): {cure}.", "doubtful"
    if (largest := max(each.ratio(lr) for each in advice.start.gradients)) > UPDATE_ABOVE:
        yield (
            f"The first update is {number(largest)} times the weights (WeightUpdateRatio: beyond {UPDATE_ABOVE}; "
            f"healthy is about {number(HEALTHY, 1)})."
        ), "doubtful"  # fmt: skip


def _rate(value: float) -> str:
    """Return a rate to two digits, as one would type it."""
    return rate(float(f"{value:.1e}"))
