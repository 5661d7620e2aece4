"""The article's experiments, run one after the other, for what is to be measured on them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.progress import Progress

if TYPE_CHECKING:
    from deadrelu_tui.cli.trainings import Trainings
    from deadrelu_tui.record.history import History
    from deadrelu_tui.run.run import Run

EPOCHS = 5
_LATER_AT, _LATER_EPOCHS = 50, 2
"""The step at which the pixels are divided, when all is over, and for how long that is followed."""
_LATER_AT_QUICK = 16
_POLL_SECONDS = 0.05


def experiments(
    trainings: Trainings, base: RunSettings, seeds: Sequence[int], quick: bool, bar: Progress
) -> list[dict[str, History]]:
    """Return what was recorded of all experiments, for each seed; raises what ended a run before its end.

    `base` says by what engine, where, and on which images.
    """
    from deadrelu_tui.article.claims import LATER

    found = []
    for seed in seeds:
        told: dict[str, History] = {}
        for name in (*PRESETS, LATER):
            bar.tell(f"{name}, seed {seed}")
            later = name == LATER
            epochs = 1 if quick else _LATER_EPOCHS if later else EPOCHS
            settings = replace(
                PRESETS["tragedy" if later else name], epochs=epochs, seed=seed, engine=base.engine,
                device=base.device, data_dir=base.data_dir, full=base.full,
            )  # fmt: skip
            run = trainings.make(settings)
            try:
                _train(run, (_LATER_AT_QUICK if quick else _LATER_AT) if later else None, bar)
            finally:
                run.close()
            if run.error is not None:
                raise run.error
            told[name] = run.history
        found.append(told)
    return found


def many(seeds: int) -> int:
    """Return how many runs there are for so many seeds."""
    return seeds * (len(PRESETS) + 1)


def _train(run: Run, normalise_at: int | None, bar: Progress) -> None:
    """Train a run to its end; at some step, if one is given, the pixels are divided from then on."""
    from deadrelu_tui.record.commands import Change, Pause, Resume, Take

    if normalise_at is not None:
        run.send(Pause())
        run.send(Take(normalise_at))
    run.begin()
    done = 0.0
    while run.alive:
        with contextlib.suppress(TimeoutError):
            run.join(_POLL_SECONDS)
        history = run.history
        if normalise_at is not None and history.taken >= normalise_at:
            run.send(Change({"normalise": True}))
            run.send(Resume())
            normalise_at = None
        share = history.taken / history.steps_planned if history.steps_planned else 0.0
        bar.advance(share - done)
        done = share
    bar.advance(1 - done)
