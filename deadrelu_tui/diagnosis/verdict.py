"""From a History to what is wrong with the run: every rule asked, the gravest finding first.

The rules look at what was measured and never at how, so that a verdict on a recorded run is the verdict that the
live run had.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np

from deadrelu_tui.diagnosis import training_rules as rules
from deadrelu_tui.diagnosis import unit_rules
from deadrelu_tui.diagnosis import worth_a_note as notes
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.hints import hinted
from deadrelu_tui.diagnosis.trials import trials_of
from deadrelu_tui.diagnosis.words import GLYPHS
from deadrelu_tui.record.history import History

WORDS = tuple(GLYPHS)
"""Gravest first."""
BAD = frozenset(WORDS[: WORDS.index("early")])
"""Those of a network that does not learn as it should."""
PLAIN = frozenset({"diverged", "dead", "saturated", "dying"})
"""Those that a single look, or a single loss, can tell."""
_RULES = (
    rules.exploding_tensor,
    rules.exploded_update,
    unit_rules.dead_relu,
    unit_rules.saturated,
    rules.vanishing_gradient,
    rules.guessing,
)
_NOTES = (
    notes.update_ratio,
    notes.loss_not_decreasing,
    notes.poor_initialisation,
    notes.overfit,
    notes.input_images,
)


def findings(history: History) -> tuple[Finding, ...]:
    """Return all that the rules find, gravest first and notes last; nothing before the first step."""
    history = history.frozen()
    last = history.last
    if last is None:
        return ()
    evidence = Evidence(history, last)
    with np.errstate(all="ignore"):
        graver, lesser = _judged(evidence)
        return (*graver, *lesser, *chain.from_iterable(rule(evidence) for rule in _NOTES))


def verdict(history: History) -> Finding | None:
    """Return the gravest finding that has a word; None before the first step."""
    history = history.frozen()
    last = history.last
    if last is None:
        return None
    with np.errstate(all="ignore"):
        return _judged(Evidence(history, last))[0][0]


def _judged(evidence: Evidence) -> tuple[list[Finding], list[Finding]]:
    """Return what has a word, at least one, gravest first, and what the same rules found without one."""
    found = list(chain.from_iterable(rule(evidence) for rule in _RULES))
    worded = [each for each in found if each.word]
    if not {"dead", "saturated", "diverged"} & {each.word for each in worded}:
        # Death and saturation explain a loss that has exploded, and are the graver news.
        worded += rules.exploded_loss(evidence)
    if evidence.fresh:
        worded = [each for each in worded if each.word in PLAIN]
    # The sort is stable: of one word, the order of the rules and of their findings stays.
    worded.sort(key=lambda each: WORDS.index(each.word))
    worded = _reasoned(evidence, worded)
    if worded and worded[0].word in BAD:
        worded[0] = _advised(evidence, worded[0])
    if evidence.guest:
        worded = [replace(each, hints=hinted(evidence, each)) for each in worded]
    return worded or [unit_rules.alive(evidence)], [each for each in found if not each.word]


def _reasoned(evidence: Evidence, worded: list[Finding]) -> list[Finding]:
    """Return findings with a network that guesses first, where few units are dead and were born so: the others could
    learn, and do not.
    """
    guessing = [each for each in worded if each.word == "guessing"]
    dying = [each for each in worded if each.word == "dying"]
    if not guessing or not dying or worded[0].word != "dying":
        return worded
    born = evidence.born_dead
    if any(born.get(each.layer, 0) < each.value / 2 for each in dying):
        return worded
    return [*guessing, *(each for each in worded if each not in guessing)]


def _advised(evidence: Evidence, finding: Finding) -> Finding:
    """Return a finding with the remedy that did best when it was tried; the rule's own where the trials tell nothing of
    it, and none where it failed as everything did.
    """
    trials = trials_of(evidence.history)
    if trials is None or evidence.classes is None:
        return finding
    best = trials.advised(evidence.classes, finding.remedy)
    if best is not None:
        return replace(finding, remedy=best.remedy, tried=best.accuracy)
    own = next((row for row in trials.rows if row.remedy == finding.remedy), None)
    if own is None or not trials.failed(evidence.classes):
        return finding
    return replace(finding, remedy=(), tried=max(row.accuracy for row in trials.rows))
