"""Verdicts on real runs, held against labels from an independent NumPy training that knows no rule of ours."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy_reference import ACTIVATIONS, UNSATURATED, Network, batches
from trainings import Trains, asking, normalise, recorded

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.trials import Trials
from deadrelu_tui.diagnosis.verdict import BAD, WORDS, findings, verdict
from deadrelu_tui.engine.trials import attempt, sample
from deadrelu_tui.record.commands import Change, Command, Restart, Revive
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End
from deadrelu_tui.tui.remedies import keys_of

EPOCHS = 2
LABELS = ("diverged", "dead", "saturated", "not learning", "high loss", "between", "healthy")
ILL = {"diverged", "dead", "saturated", "not learning", "high loss"}
WELL = {"healthy", "sparse"}
EVEN = math.log(10)


@pytest.fixture(scope="module")
def images() -> Dataset:
    return data.find(full=False)


def judged(history: History) -> Finding:
    found = verdict(history)
    assert found is not None
    return found


# The labels


Changes = Mapping[int, Mapping[str, Any]]
"""What is set from some steps on."""


class Single(Network):
    """The reference in the engine's precision: what overflows there overflows here."""

    def __init__(self, settings: RunSettings, parameters: Sequence[npt.NDArray[Any]]) -> None:
        super().__init__(settings, parameters)
        self.parameters = [each.astype(np.float32) for each in self.parameters]

    def forward(self, pixels: npt.NDArray[Any]) -> tuple[list[Any], list[Any]]:
        x = np.divide(pixels, 255 if self.live.normalise else 1, dtype=np.float32)
        inputs, pres = [], []
        for weight, bias in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            inputs.append(x)
            pres.append(x @ weight + bias)
            x = ACTIVATIONS[self.live.activation][0](pres[-1])
        return inputs, pres


def label(engine: Trains, settings: RunSettings, images: Dataset, changes: Changes | None = None) -> tuple[str, float]:
    """Return what became of a network, by its outcome alone, and its accuracy on the test set; some settings were
    changed at some steps.
    """
    network = Single(settings, [each.T if each.ndim == 2 else each for each in engine.drawn(settings)])
    size, live = settings.batch_size, dict(settings.live)
    with np.errstate(all="ignore"):
        for step, batch in enumerate(batches(settings, len(images.train_labels))):
            live |= (changes or {}).get(step, {})
            network.live = SimpleNamespace(**live)
            gradients = network.gradients(images.train_images[batch], images.train_labels[batch])
            for parameter, gradient in zip(network.parameters, gradients, strict=True):
                parameter[...] -= (live["lr"] / size * gradient).astype(np.float32)
            if not all(np.isfinite(each).all() for each in network.parameters):
                return "diverged", math.nan
        hidden = network.forward(images.probe_images)[1][:-1]
        logits = network.forward(images.test_images)[1][-1]
        loss = float(network.losses(logits, images.test_labels).mean())
    accuracy = float((logits.argmax(axis=1) == images.test_labels).mean())
    dead = max(float((pre <= 0).all(axis=0).mean()) for pre in hidden)
    low, high = UNSATURATED.get(live["activation"], (-math.inf, math.inf))
    saturated = max(float((((pre > low) & (pre < high)).mean(axis=0) < 0.01).mean()) for pre in hidden)
    if not math.isfinite(loss):
        return "diverged", accuracy
    if live["activation"] == "relu" and dead > 0.5:
        return "dead", accuracy
    if saturated > 0.5:
        return "saturated", accuracy
    if accuracy <= 0.15:
        return "not learning", accuracy
    if loss > 1.5 * EVEN:
        return "high loss", accuracy
    well = accuracy >= 0.6 and loss < EVEN and (live["activation"] != "relu" or dead < 0.1)
    return ("healthy" if well else "between"), accuracy


# The set


def runs() -> dict[str, RunSettings]:
    """Return the runs by name: the presets with four seeds each, and what lies around them."""
    named = {f"{name} {seed}": replace(preset, seed=seed) for name, preset in PRESETS.items() for seed in range(4)}
    normal = RunSettings(normalise=True)
    for rate in (1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0):
        named[f"normalised lr {rate:g}"] = replace(normal, lr=rate)
        named[f"raw lr {rate:g}"] = RunSettings(lr=rate, seed=5)
    for init in ("he", "xavier"):
        for hidden in ((300,), (100, 50), (100, 50, 50)):
            for scaled, rate in ((True, 0.1), (False, 0.01)):
                shape = "–".join(map(str, hidden))
                named[f"{init} {shape} {'normalised' if scaled else 'raw'} lr {rate:g}"] = RunSettings(
                    lr=rate, init=init, hidden=hidden, normalise=scaled
                )
    named["he 100–50 raw lr 0.0001"] = RunSettings(lr=1e-4, init="he", hidden=(100, 50))
    named["xavier 100–50–50 normalised lr 1"] = RunSettings(lr=1, init="xavier", hidden=(100, 50, 50), normalise=True)
    named["normal 100–100–100 normalised lr 0.1"] = replace(normal, hidden=(100, 100, 100))
    named["he 10×10 raw lr 0.1"] = RunSettings(init="he", hidden=(10,) * 10)
    named["born dead"] = replace(normal, hidden=(2,) * 9)
    for activation in ("leaky_relu", "tanh"):
        named[f"{activation} normalised lr 0.1"] = replace(normal, activation=activation, init="xavier")
        named[f"{activation} normalised lr 10"] = replace(normal, activation=activation, lr=10)
        named[f"{activation} raw lr 0.1"] = RunSettings(activation=activation, hidden=(100, 50), init="he")
        named[f"{activation} raw lr 0.001"] = RunSettings(activation=activation, lr=0.001)
    for depth in range(1, 11):
        for activation, init, rate in (("relu", "he", 0.1), ("relu", "xavier", 0.05), ("tanh", "xavier", 0.05),
                                       ("sigmoid", "xavier", 0.5), ("leaky_relu", "he", 2.0)):  # fmt: skip
            name = f"{depth} × 100 {activation} {init} lr {rate:g}"
            named[name] = replace(normal, hidden=(100,) * depth, activation=activation, init=init, lr=rate)
    for scale in (1e-4, 1e-3, 0.02, 0.1, 0.5, 1.0):
        for activation in ("relu", "tanh"):
            name = f"normal:{scale:g} 100–100 {activation}"
            named[name] = replace(normal, hidden=(100, 100), init=f"normal:{scale:g}", activation=activation)
        named[f"normal:{scale:g} 300 lr 0.01"] = replace(normal, init=f"normal:{scale:g}", lr=0.01)
    named["sure of what it does not know"] = replace(normal, hidden=(256,) * 3, init="normal:0.5", lr=0.001)
    named["he raw lr 1e-7"] = RunSettings(init="he", hidden=(30,) * 3, lr=1e-7)
    for rate in (1e20, 1e30):
        for activation in ("relu", "leaky_relu", "tanh", "sigmoid"):
            name = f"one step of {activation} at {rate:g}"
            named[name] = replace(normal, lr=rate, activation=activation, batch_size=8_000, epochs=1)
    return {name: replace(settings, epochs=min(settings.epochs or EPOCHS, EPOCHS)) for name, settings in named.items()}


LATER: dict[str, tuple[RunSettings, Changes]] = {
    "a late death": (RunSettings(normalise=True, lr=0.2, epochs=4), {70: {"lr": 50.0}}),
    "raw pixels later": (RunSettings(normalise=True, lr=0.2, epochs=4), {70: {"normalise": False}}),
    "a late divergence": (
        RunSettings(normalise=True, lr=0.2, activation="leaky_relu", epochs=4), {70: {"normalise": False, "lr": 2.0}},
    ),
    "a recovery from a small rate": (RunSettings(normalise=True, lr=1e-4, epochs=6), {70: {"lr": 0.2}}),
    "a recovery from sigmoid": (
        RunSettings(normalise=True, hidden=(100,) * 4, init="xavier", activation="sigmoid", epochs=6),
        {70: {"activation": "tanh"}},
    ),
    "a recovery from death by leaking": (RunSettings(epochs=6), {20: {"normalise": True, "activation": "leaky_relu"}}),
    "normalised after death": (RunSettings(epochs=4), {20: {"normalise": True}}),
    "a rate too small in the end": (RunSettings(normalise=True, lr=0.2, epochs=4), {40: {"lr": 1e-6}}),
}  # fmt: skip
"""Runs with something changed on the way."""


def test_verdicts_agree_with_labels_from_an_independent_training(engine: Trains, images: Dataset) -> None:
    """On all runs by MXNet; by the others, whose numbers differ by their own first weights alone, on some of them."""
    outcomes, every = [], {"mxnet": 1, "numpy": 3, "torch": 6}[engine.name]
    whole = every == 1
    chosen = list(runs().items())[::every]
    for name, (settings, changes) in ({name: (each, {}) for name, each in chosen} | LATER).items():
        script = {step: asking(Change(fields)) for step, fields in changes.items()}
        found = judged(recorded(engine, settings, images, script))
        outcomes.append((name, *label(engine, settings, images, changes), found))
    table = Counter((labelled, found.word) for _, labelled, _, found in outcomes)
    print(f"\n{len(outcomes)} runs of {EPOCHS} epochs on the embedded subset: label by verdict")
    print(f"{'':14}" + "".join(f"{word:>11}" for word in WORDS))
    for each in LABELS:
        print(f"{each:14}" + "".join(f"{table[each, word] or '·':>11}" for word in WORDS))
    for name, labelled, accuracy, found in outcomes:
        print(f"{name:40} {labelled:12} {accuracy:.2f}  {found.word:10} {telling.reason(found)}")

    assert len(outcomes) >= 120 // every
    wrong = [
        (name, labelled, found)
        for name, labelled, _, found in outcomes
        if (labelled in ILL and found.word in WELL)
        or (labelled in ILL - {"high loss"} and found.word == "early")  # a high loss may fall fast
        or (labelled == "healthy" and found.word not in WELL)
    ]
    assert wrong == []
    if every < 6:
        met = {labelled for _, labelled, _, _ in outcomes}
        assert met >= (set(LABELS) - {"between"} if whole else ILL - {"high loss"})


# What is advised, followed

FOLLOWED = 6
"""Epochs of the embedded subset, for which advice is followed: 192 steps."""
CURED, WORSE = 0.6, 0.02


def ill() -> dict[str, RunSettings]:
    """Return every third of the runs, as long as one that is advised can be."""
    return {
        name: replace(settings, epochs=FOLLOWED, engine="numpy", device="cpu")
        for name, settings in list(runs().items())[::3]
        if settings.batch_size < 8_000
    }


def followed(settings: RunSettings, remedy: Sequence[Command]) -> RunSettings:
    """Return the settings of a run that follows an advice from its beginning."""
    for command in remedy:
        if isinstance(command, (Change, Restart)):
            fields = command.fields if isinstance(command, Change) else command.settings
            settings = replace(settings, **fields)
    return settings


def test_advice_that_was_tried_cures_and_makes_nothing_worse(images: Dataset) -> None:
    numpy = Trains("numpy")

    def outcome(name: str, settings: RunSettings) -> tuple[str, float, float, Finding] | None:
        history = recorded(numpy, settings, images)
        if judged(history).word not in BAD:
            return None
        history.add(End(history.seconds, "finished"))
        given = sample(settings, images)
        history.add(Trials(settings.live, given.steps, tuple(attempt(given, lambda: None))).event(history.next - 1))
        found, before = judged(history), history.latest("accuracy/test") or 0.0
        advised = followed(settings, found.remedy)
        after = before if advised == settings else recorded(numpy, advised, images).latest("accuracy/test") or 0.0
        return name, before, after, found

    with ThreadPoolExecutor(2) as pool:
        outcomes = [each for each in pool.map(outcome, *zip(*ill().items(), strict=True)) if each is not None]
    for name, before, after, found in outcomes:
        print(f"{name:44} {found.word:10} {before:.2f} → {after:.2f}  {keys_of(found.remedy, {})}")
    bad = [each for each in outcomes if each[1] < CURED]
    assert len(bad) >= 15
    assert sum(after >= CURED for _, _, after, _ in bad) >= 0.9 * len(bad)
    assert [each for each in outcomes if each[2] < each[1] - WORSE] == []


# Cause and remedy, on real runs

NORMALISE = Change({"normalise": True})
HE = Restart({"init": "he"})
BANNER = "✖ DEAD  {}. → {}"


def told(found: Finding, kind: str) -> Mapping[str, Any]:
    """Return the facts of a cause that is of a kind."""
    assert found.cause is not None
    assert found.cause.kind == kind
    return found.cause.facts


def same(remedy: tuple[Command, ...], expected: tuple[Command, ...], apart: float) -> bool:
    """Return whether two remedies are the same, but for rates that are so many times as large or as small at most."""

    def rates(of: tuple[Command, ...]) -> list[float]:
        return [each.fields["lr"] for each in of if isinstance(each, Change) and "lr" in each.fields]

    def bare(each: Command) -> Command:
        return Change({**each.fields, "lr": 1.0}) if rates((each,)) and isinstance(each, Change) else each

    if [*map(bare, remedy)] != [*map(bare, expected)]:
        return False
    pairs = zip(rates(remedy), rates(expected), strict=True)
    return all(1 / apart <= found / other <= apart for found, other in pairs)


@pytest.mark.parametrize("seed", [0, 1])
def test_tragedy_is_told_its_input_and_its_rate_and_fits_the_banner(engine: Trains, images: Dataset, seed: int) -> None:
    history = recorded(engine, replace(PRESETS["tragedy"], epochs=EPOCHS, seed=seed), images)
    found = judged(history)
    assert (found.word, found.rule, found.layer, found.step) == ("dead", "DeadRelu", "h1", 2)
    assert found.remedy == (NORMALISE, Restart())
    assert 290 <= 300 * found.value < 300
    assert found.facts == {"of": 300, "probe": 2_000}
    cause = told(found, "overshoot")
    assert (cause["at"], cause["weight"], cause["of"], cause["lr"], cause["changed"]) == (1, "w1", "w1", 0.1, False)
    assert cause["input"] == pytest.approx(72.9, abs=0.1)
    assert 25 <= cause["update"] < 70  # so much it is with sixteen seeds of any engine
    assert cause["product"] < -1e5
    assert -1 < cause["bias"] < 0
    keys = keys_of(found.remedy, history.live)
    assert keys == "n, then r"
    assert len(BANNER.format(telling.reason(found), keys)) <= 160


def test_ten_narrow_layers_are_told_where_death_began_and_by_what(engine: Trains, images: Dataset) -> None:
    history = recorded(engine, RunSettings(hidden=(10,) * 10, init="he", epochs=EPOCHS), images)
    dead = [each for each in findings(history) if each.word == "dead"]
    first = {"mxnet": "h8", "torch": "h8", "numpy": "h9"}[engine.name]  # they draw other weights
    assert (dead[0].layer, dead[0].step, dead[0].remedy) == (first, 1, (NORMALISE, Restart()))
    cause = told(dead[0], "overshoot")
    assert (cause["at"], cause["weight"], cause["of"]) == (0, "w1", first.replace("h", "w"))
    assert 1 < cause["update"] < 100
    fed = {each.layer: each.cause.facts["by"] for each in dead if each.cause and each.cause.kind == "fed_zeros"}
    assert all(by == (f"h{int(layer.removeprefix('h')) - 1}",) for layer, by in fed.items())
    assert "h10" in fed


def test_normalising_afterwards_leaves_the_dead_dead_and_reviving_them_then_helps(
    engine: Trains, images: Dataset
) -> None:
    tragedy = replace(PRESETS["tragedy"], epochs=4)
    found = judged(recorded(engine, tragedy, images, {50: normalise}))
    assert (found.word, found.step, found.remedy) == ("dead", 2, (Revive(),))
    cause = told(found, "overshoot")
    assert (cause["at"], cause["weight"], cause["changed"]) == (1, "w1", True)
    assert cause["input"] == pytest.approx(72.9, abs=0.1)
    assert 25 <= cause["update"] < 70
    history = recorded(engine, tragedy, images, {50: normalise, 60: asking(Revive())})
    assert judged(history).word == "healthy"
    assert (history.latest("accuracy/test") or 0) >= 0.5


@pytest.mark.parametrize(
    ("settings", "word", "remedy"),
    [
        (RunSettings(), "dead", (NORMALISE, Restart())),
        (RunSettings(lr=10), "dead", (Change({"normalise": True, "lr": 0.1}), Restart())),
        (RunSettings(lr=1, normalise=True), "dead", (Change({"lr": 0.2}), Restart())),
        (RunSettings(activation="leaky_relu"), "diverged", (NORMALISE, Restart())),
        (RunSettings(lr=1e30), "diverged", (Change({"normalise": True, "lr": 0.1}), Restart())),
        (PRESETS["tanh"], "saturated", (NORMALISE, Restart())),
        (RunSettings(lr=1e-4, normalise=True), "guessing", (Change({"lr": 0.05}),)),
        (RunSettings(lr=1e-6), "guessing", (Change({"lr": 1e-4}),)),
        (RunSettings(hidden=(100, 100, 100), normalise=True), "guessing", (HE,)),
        (RunSettings(hidden=(50,) * 6, normalise=True, seed=1), "dead", (HE,)),
        (RunSettings(hidden=(100,) * 3, normalise=True, activation="sigmoid"), "vanishing",
         (Change({"activation": "tanh"}), HE)),
    ],
)  # fmt: skip
def test_the_remedy_that_is_told_helps(
    engine: Trains, images: Dataset, settings: RunSettings, word: str, remedy: tuple[Command, ...]
) -> None:
    found = judged(recorded(engine, replace(settings, epochs=EPOCHS), images))
    # The expected rates are those of MXNet's and NumPy's draws; by others the next one along 1-2-5 may be told.
    assert found.word == word
    assert same(found.remedy, remedy, 2.5 if engine.name == "torch" else 1), found.remedy
    assert found.cause is not None
    # What the commands say is what a run begins with that follows them.
    changes: dict[str, Any] = {}
    for command in found.remedy:
        assert isinstance(command, (Change, Restart))
        changes |= command.fields if isinstance(command, Change) else command.settings
    cured = recorded(engine, replace(settings, epochs=EPOCHS, **changes), images)
    assert judged(cured).word in WELL
    assert (cured.latest("accuracy/test") or 0) >= 0.4
