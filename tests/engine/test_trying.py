"""Remedies are tried by a process of their own, on a copy, and what they come to is what a training comes to."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainings import Trains

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.trials import Trial, Trials
from deadrelu_tui.engine.trials import attempt, sample, tried
from deadrelu_tui.record.commands import Change, Restart, Revive

NORMALISE = Change({"normalise": True})


@pytest.fixture(scope="module")
def images() -> Dataset:
    return data.find(full=False)


def test_raw_input_at_a_large_rate_is_cured_as_the_article_cures_it(images: Dataset) -> None:
    given = sample(RunSettings(), images)
    assert given.steps == 60
    nothing, cured = tried(given, (Restart(),)), tried(given, (NORMALISE, Restart()))
    assert nothing.accuracy < 0.2
    assert cured.accuracy > 0.6


def test_what_runs_is_tried_from_its_own_weights_and_they_stay_as_they_are(engine: Trains, images: Dataset) -> None:
    settings = RunSettings(hidden=(50,), engine=engine.name)
    model = engine.make(settings, promise(settings), images, True)
    for number, batch in zip(range(20), model.batches.epoch(), strict=False):
        model.step(number, 1, settings.live, batch, look=False, test=False).record(float)
    dead = model.parameters_now()
    given = replace(sample(settings, images), parameters=dead)
    assert tried(given, ()).accuracy < 0.2
    assert tried(given, (NORMALISE,)).accuracy < 0.2
    assert tried(given, (NORMALISE, Revive())).accuracy > 0.4
    assert all((now == before).all() for now, before in zip(model.parameters_now(), dead, strict=True))


def test_a_trial_comes_to_the_same_each_time(images: Dataset) -> None:
    given = sample(RunSettings(), images)
    assert tried(given, (NORMALISE, Restart())) == tried(given, (NORMALISE, Restart()))


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 240), (128, 120), (256, 60), (1_000, 40), (60_000, 10)])
def test_with_small_batches_a_trial_has_more_steps_and_never_many_more_than_the_run(
    images: Dataset, batch_size: int, steps: int
) -> None:
    assert sample(RunSettings(batch_size=batch_size), images).steps == steps


def test_a_process_of_its_own_tries_one_after_the_other_and_what_is_advised_works(images: Dataset) -> None:
    settings = RunSettings(hidden=(30,))
    given = sample(settings, images)
    rows = list(attempt(given, lambda: None))
    assert len(rows) >= 12
    best = Trials(settings.live, given.steps, tuple(rows)).advised(classes=10)
    assert best is not None
    assert best.accuracy > 0.6
    # What the process says of a remedy is what this process finds: there is but one thread of BLAS there.
    assert tried(given, best.remedy).accuracy == pytest.approx(best.accuracy, abs=0.02)


def children() -> set[int]:
    """Return the processes that this one has started, but for the one that lists them."""
    listing = subprocess.Popen(["ps", "-o", "pid=", "--ppid", str(os.getpid())], stdout=subprocess.PIPE, text=True)
    return {int(each) for each in listing.communicate()[0].split()} - {listing.pid}


def test_to_close_ends_the_process(images: Dataset) -> None:
    before = children()
    running = attempt(sample(RunSettings(hidden=(30,)), images), lambda: None)
    assert isinstance(next(running), Trial)
    (process,) = children() - before
    with open(f"/proc/{process}/stat") as stat:
        assert stat.read().rpartition(")")[2].split()[16] == "19"  # nobody has to wait for it
    running.close()
    assert process not in children()


def test_nothing_is_tried_of_a_network_that_is_too_large(images: Dataset) -> None:
    large = sample(RunSettings(hidden=(10_000, 10_000)), images)
    assert list(attempt(large, lambda: pytest.fail("there is no need to copy all of it"))) == []


def test_a_process_that_fails_is_an_error_and_no_result(images: Dataset) -> None:
    with pytest.raises(RuntimeError, match="the process that tries them ended with 1"):
        list(attempt(sample(RunSettings(), images), lambda: [np.zeros(3, np.float32)]))


def test_what_is_asked_for_the_share_can_end_it(images: Dataset) -> None:
    before = children()

    def share() -> float:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        list(attempt(sample(RunSettings(), images), lambda: None, share))
    assert children() == before


def test_with_a_small_share_of_the_time_it_takes_longer_and_comes_to_the_same(images: Dataset) -> None:
    given = sample(RunSettings(hidden=(30,)), images)
    whole = list(itertools.islice(attempt(given, lambda: None), 2))
    assert list(itertools.islice(attempt(given, lambda: None, lambda: 0.5), 2)) == whole


def test_when_nobody_reads_any_more_the_process_ends() -> None:
    code = (
        "import os\n"
        "from deadrelu_tui.builtin import fashion_mnist as data\n"
        "from deadrelu_tui.builtin.settings import RunSettings\n"
        "from deadrelu_tui.engine.trials import attempt, sample\n"
        "rows = attempt(sample(RunSettings(hidden=(300,) * 8), data.find(full=False)), lambda: None)\n"
        "next(rows)\n"
        "me = os.getpid()\n"
        "print(open(f'/proc/{me}/task/{me}/children').read(), flush=True)\n"
        "os.kill(me, 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    process = int(done.stdout)
    deadline = time.monotonic() + 30
    while state_of(process) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state_of(process: int) -> str:
    """Return the state of a process as the system tells it; Z, a zombie, for one that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
