"""What an advice is worth: random runs that go badly, and what becomes of them when the first advice is followed.

Networks, rates, inputs, activations and first weights are drawn at random, and trained for an epoch of the full set by
NumPy. Of those whose verdict is bad the first advice is followed, once as the rule gives it and once as the trials do,
each for an epoch. A run is cured if its accuracy on the test set then is at least 0.6; it is made worse if it has lost
more than 0.02. Where the rule advises nothing, or something that does not fit on a command line, the run is left as it
is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.trials import Trials
from deadrelu_tui.diagnosis.verdict import BAD, verdict
from deadrelu_tui.engine.by_numpy.model import Model
from deadrelu_tui.engine.train import train
from deadrelu_tui.engine.trials import attempt, sample
from deadrelu_tui.record.commands import Change, Command, Restart
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End
from deadrelu_tui.run.gate import Controls

CURED, WORSE = 0.6, 0.02
AT_LEAST = 0.90


@dataclass(frozen=True)
class Outcome:
    """A run that went badly, and its accuracy after the advice of the rule and of the trials."""

    settings: RunSettings
    word: str
    before: float
    by_rule: float
    by_trials: float
    rule: RunSettings
    advice: RunSettings
    seconds: float
    """That the trials took."""


def drawn(random: np.random.RandomState) -> RunSettings:
    """Return settings drawn at random: depths 1 to 8, widths 64 to 300, every activation, rates from 1e-4 to 10."""
    return RunSettings(
        hidden=tuple(int(random.randint(64, 301)) for _ in range(random.randint(1, 9))),
        lr=float(random.choice([1e-4, 1e-3, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 10.0])),
        normalise=bool(random.randint(2)),
        activation=str(random.choice(["relu", "leaky_relu", "sigmoid", "tanh"])),
        init=str(random.choice(["normal:0.01", "normal:0.1", "he", "xavier"])),
        seed=int(random.randint(1_000)),
        epochs=1, engine="numpy", device="cpu",
    )  # fmt: skip


def trained(settings: RunSettings, images: Dataset) -> History:
    """Return the history of a run, as a run of the product would have it at its end."""
    history = History()
    for record in train(Model, settings, images, Controls(settings.live), promised=promise(settings)):
        history.add(record)
    history.add(End(history.seconds, "finished"))
    return history


def judged(history: History) -> Finding:
    """Return the verdict on a run."""
    found = verdict(history)
    assert found is not None
    return found


def accuracy(history: History) -> float:
    """Return the accuracy on the test set."""
    return history.latest("accuracy/test") or 0.0


def followed(settings: RunSettings, remedy: Sequence[Command]) -> RunSettings:
    """Return the settings of a run that follows an advice."""
    for command in remedy:
        if isinstance(command, Change):
            settings = replace(settings, **command.fields)
        elif isinstance(command, Restart):
            settings = replace(settings, **command.settings)
    return settings


def outcomes(count: int, seed: int) -> Iterator[Outcome]:
    """Yield so many runs that went badly."""
    random, images = np.random.RandomState(seed), data.find(full=True)
    while count:
        settings = drawn(random)
        history = trained(settings, images)
        found, before = judged(history), accuracy(history)
        if found.word not in BAD:
            continue
        count -= 1
        began = time.perf_counter()
        given = sample(settings, images)
        history.add(Trials(settings.live, given.steps, tuple(attempt(given, lambda: None))).event(history.next - 1))
        seconds = time.perf_counter() - began
        rule, advice = (followed(settings, each.remedy) for each in (found, judged(history)))
        by_rule, by_trials = (
            before if each == settings else accuracy(trained(each, images)) for each in (rule, advice)
        )
        outcome = Outcome(settings, found.word, before, by_rule, by_trials, rule, advice, seconds)
        print(told(outcome), file=sys.stderr)
        yield outcome


def told(outcome: Outcome) -> str:
    """Return what became of a run, in a line."""
    settings = outcome.settings
    network = f"{len(settings.hidden)} layers {settings.activation:10} {settings.init:11} "
    network += f"{'0–1  ' if settings.normalise else '0–255'} lr {settings.lr:<6g}"
    changes = [
        " ".join(f"{name} {value}" for name, value in vars(now).items() if value != getattr(settings, name)) or "–"
        for now in (outcome.rule, outcome.advice)
    ]
    return (
        f"{network} {outcome.word:10} {outcome.before:.2f} → rule {outcome.by_rule:.2f}, "
        f"trials {outcome.by_trials:.2f} in {outcome.seconds:.1f} s  rule: {changes[0]:45} trials: {changes[1]}"
    )


def lines(found: Sequence[Outcome]) -> Iterator[str]:
    """Yield the rows of the table."""
    bad = [each for each in found if each.before < CURED]
    cured = [sum(side(each) >= CURED for each in bad) for side in SIDES]
    worse = [sum(each.before - side(each) > WORSE for each in found) for side in SIDES]
    seconds = sorted(each.seconds for each in found)
    share = cured[1] / len(bad)
    yield "| first advice, followed | the rule's alone | after trials | target |"
    yield "| --- | --- | --- | --- |"
    yield (
        f"| cured, of {len(bad)} runs below {CURED} | {cured[0]} ({cured[0] / len(bad):.0%}) "
        f"| {cured[1]} ({share:.0%}) | ≥ {AT_LEAST:.0%} {'✓' if share >= AT_LEAST else '✗ missed'} |"
    )
    yield (
        f"| made worse by more than {WORSE}, of all {len(found)} that went badly | {worse[0]} | {worse[1]} "
        f"| 0 {'✗ missed' if worse[1] else '✓'} |"
    )
    yield f"| the trials' time, median (most) | | {seconds[len(seconds) // 2]:.1f} s ({seconds[-1]:.1f}) | |"


SIDES: tuple[Callable[[Outcome], float], ...] = (lambda each: each.by_rule, lambda each: each.by_trials)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60, help="runs that go badly [60]")
    parser.add_argument("--seed", type=int, default=0, help="of the draws [0]")
    given = parser.parse_args()
    print(*lines(list(outcomes(given.runs, given.seed))), sep="\n")
