"""What would test a cause: commands that the run can obey, or none at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Remedy
from deadrelu_tui.diagnosis.thresholds import without_bottlenecks
from deadrelu_tui.record.commands import Change, Command, Restart, Revive, can_obey_all, next_lr
from deadrelu_tui.record.records import Live

BORNE, GENTLE = 0.3, 0.1
"""Ours: first updates against the weights that are borne, and those that a remedy aims at. The article's two healthy
runs have 0.16 and 0.25."""
FEEBLE, BRISK = 1e-3, 1e-2
"""Updates against the weights: below the healthy size (cs231n), and those that a remedy aims at (ours)."""
HIGHEST, USUAL = 0.5, 0.1
"""The highest rate in the article, on normalised pixels, and the one that it begins with."""
SLOW = 0.01
"""Ours: rate below which a few epochs with first weights of He do not get far."""
BLAMED = 50
"""Steps before a death in which the update that caused it is looked for."""
NARROW = 1_000
"""Ours: units below which a layer may be twice as wide."""
BORN_DEAD = 0.01
"""Ours: the probability of being born dead that wider layers aim at."""


def offered(evidence: Evidence, *commands: Command) -> Remedy:
    """Return the commands if the run can obey them all, else none.

    A run that has ended takes no change any more: another has to begin with it. Nobody can be revived there.
    """
    start = evidence.history.start
    if evidence.history.end is not None and not isinstance(commands[-1], Restart):
        commands = (*commands, Restart())
        if Revive() in commands:
            return ()
    return commands if start is not None and can_obey_all(start.can, commands) else ()


def first(evidence: Evidence, *remedies: Remedy) -> Remedy:
    """Return the first of some remedies that there is, and that does not just take back the last change of the rate:
    whoever raised it, and the network guesses as before, is not told to lower it and nothing else.
    """
    before, now = evidence.tried_rate

    def takes_back(remedy: Remedy) -> bool:
        changes = [fields for each in remedy if (fields := _changed(each))]
        return len(changes) == 1 and [*changes[0]] == ["lr"] and (changes[0]["lr"] - evidence.lr) * (now - before) < 0

    return next((each for each in remedies if each and not takes_back(each)), ())


def _changed(command: Command) -> Mapping[str, Any]:
    return command.fields if isinstance(command, Change) else command.settings if isinstance(command, Restart) else {}


def other_activation(evidence: Evidence) -> str:
    """Return the activation that lets more of the gradient pass than the one that is set; empty if there is none."""
    return {"sigmoid": "tanh", "tanh": "relu", "relu": "leaky_relu"}.get(str(evidence.live.get("activation")), "")


def revive(evidence: Evidence) -> Remedy:
    """Return what revives the dead."""
    return offered(evidence, Revive())


def normalise(evidence: Evidence) -> Remedy:
    """Return what normalises the input, where it is not so already."""
    return () if evidence.normalised else offered(evidence, Change({"normalise": True}))


def rate(evidence: Evidence, lr: float) -> Remedy:
    """Return what sets another learning rate in the running training."""
    return offered(evidence, Change({"lr": lr})) if lr != evidence.lr else ()


def lower_rate(evidence: Evidence) -> Remedy:
    """Return what sets the next lower rate."""
    return rate(evidence, next_lr(evidence.lr, -1))


def higher_rate(evidence: Evidence, update: float = math.nan) -> Remedy:
    """Return what sets a higher rate: the next one, or the one at which updates of this size would be brisk."""
    return rate(evidence, brisk_rate(evidence.lr, update) if update > 0 else next_lr(evidence.lr, 1))


def again(evidence: Evidence, changed: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Remedy:
    """Return what starts again with something changed; none if all of it is so already, or is not known here."""
    begun = evidence.history.start.settings if evidence.history.start is not None else {}
    other = {name: value for name, value in (settings or {}).items() if name in begun and begun[name] != value}
    changes = {name: value for name, value in changed.items() if evidence.live.get(name) != value}
    if not other and not changes:
        return ()
    return offered(evidence, *((Change(changes),) if changes else ()), Restart(other))


def gentler(evidence: Evidence, step: int) -> Remedy:
    """Return what starts again more gently than before a step: normalised where it was raw, with another rate where
    that alone would do too little or too much. Nothing is changed, if what is set now is gentle already.
    """
    if gentle_now(evidence, step):
        return offered(evidence, Restart())
    then, lr, live = evidence.live_at(step - 1), evidence.lr, evidence.live
    first = first_update(evidence, live if evidence.normalised else {**live, "normalise": True})
    changed: dict[str, Any] = {} if evidence.normalised else {"normalise": True}
    most = highest(evidence)
    if lr > 0 and (first > BORNE or lr > most or (evidence.normalised_by(then) and _lr(then) <= lr)):
        lower = next_lr(next_lr(lr, -1), -1)
        while (first * lower / lr > GENTLE or lower > most) and next_lr(lower, -1) < lower:
            lower = next_lr(lower, -1)
        changed |= {"lr": lower} if lower < lr else {}
    elif first > 0 and not evidence.normalised:
        higher = lr  # inputs so much smaller want a larger rate
        while next_lr(higher, 1) <= USUAL and first * next_lr(higher, 1) / lr <= BORNE:
            higher = next_lr(higher, 1)
        changed |= {"lr": higher} if higher > lr else {}
    return again(evidence, changed)


def now(evidence: Evidence, layer: str, step: int) -> Remedy:
    """Return what helps a training that cannot be begun anew: revive the dead of a layer, at a rate that does not kill
    them again; the rate alone where revival was refused, as often as it was asked for.
    """
    refused = any(each.kind == "not_revived" and each.facts.get("layer") == layer for each in evidence.history.events)
    weights = evidence.network.weights(layer)
    then = evidence.largest_update(step - BLAMED, step + 1, weights)
    recent = evidence.largest_update(evidence.steps - BLAMED, evidence.steps, weights)
    update = max((each[2] for each in (then, recent) if each is not None and math.isfinite(each[2])), default=0.0)
    lower = rate(evidence, lowered(evidence.lr, update)) if update > GENTLE and evidence.lr > 0 else ()
    if _lr(evidence.live_at(step - 1)) > evidence.lr:
        lower = ()  # it is lower than it was when they died
    return (*lower, *(() if refused else revive(evidence)))


def lowered(lr: float, update: float) -> float:
    """Return the rate, on the ladder of - and +, at which an update of this size would be gentle; at most the next
    lower one.
    """
    lower = next_lr(lr, -1)
    while lr > 0 and update * lower / lr > GENTLE and next_lr(lower, -1) < lower:
        lower = next_lr(lower, -1)
    return lower


def lower_and_again(evidence: Evidence) -> Remedy:
    """Return what starts again at a rate two places lower on the ladder."""
    return again(evidence, {"lr": next_lr(next_lr(evidence.lr, -1), -1)})


def afresh(evidence: Evidence, settings: Mapping[str, Any], activation: str = "") -> Remedy:
    """Return what starts again with other settings, on input and at a rate that first weights of He bear."""
    changed: dict[str, Any] = {} if evidence.normalised else {"normalise": True}
    if evidence.lr > highest(evidence):
        changed["lr"] = min(next_lr(HIGHEST, -1), highest(evidence))
    elif evidence.lr < (SLOW if evidence.normalised else USUAL):
        changed["lr"] = USUAL
    if activation:
        changed["activation"] = activation
    return again(evidence, changed, settings)


def highest(evidence: Evidence) -> float:
    """Return the highest rate that a network is expected to bear: the article's, which has one hidden layer."""
    return HIGHEST if len(evidence.network.layers) == 1 else USUAL


def wider(evidence: Evidence) -> tuple[int, ...]:
    """Return layers twice as wide where they are narrow, and no narrower than a network of this depth needs not to be
    born dead (Lu et al. 2019: 1 − (1 − 2^−N)^L).
    """
    layers = evidence.network.layers
    least = next(width for width in range(1, 64) if 1 - (1 - 2.0**-width) ** len(layers) <= BORN_DEAD)
    return tuple(max(layer.units * (2 if layer.units < NARROW else 1), least) for layer in layers)


def roomy(evidence: Evidence) -> Remedy:
    """Return what starts again without layers that are too narrow, the weights of He; none if no layer is."""
    widths = [layer.units for layer in evidence.network.layers]
    hidden = without_bottlenecks(widths, evidence.classes or 0)
    return () if list(hidden) == widths else afresh(evidence, {"hidden": list(hidden), "init": "he"})


def first_update(evidence: Evidence, live: Live) -> float:
    """Return how large the first update of any weight would be with these settings, against the weight.

    Reckoned from the update of the first step, to which rate and input are taken to be in proportion; NaN if it is
    not known.
    """
    start = evidence.history.first
    first = evidence.live_at(start)
    ratios = [
        float(values[0])
        for name, _, _ in evidence.of_weights("update_ratio")
        if len(values := evidence.history.window(name, start, start + 1).values)
    ]
    worst = max(filter(math.isfinite, ratios), default=math.nan)
    grown = _lr(live) / _lr(first) if _lr(first) else math.nan  # a rate that warms up begins at 0
    return worst * (evidence.scale(live) / evidence.scale(first)) * grown


def gentle_now(evidence: Evidence, step: int) -> bool:
    """Return whether what is set now is gentler than what was set before a step, and gentle enough."""
    then, live = evidence.live_at(step - 1), evidence.live
    return then != live and _lr(live) <= _lr(then) and first_update(evidence, live) <= BORNE


def brisk_rate(lr: float, update: float) -> float:
    """Return the lowest higher rate, on the ladder of - and +, at which an update of this size would be brisk.

    No higher than the article's highest, unless the present one is.
    """
    higher = next_lr(lr, 1)
    while lr and update * higher / lr < BRISK and higher < HIGHEST:
        higher = next_lr(higher, 1)
    return higher


def _lr(live: Live) -> float:
    return float(live.get("lr", math.nan))
