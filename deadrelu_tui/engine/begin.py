"""A run of the built-in training, put together: images, engine and what tries remedies, loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deadrelu_tui import __version__
from deadrelu_tui.builtin import room
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import NoRoomError
from deadrelu_tui.record.records import Event, Record, Start
from deadrelu_tui.run.advisor import Parameters
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.origin import origin
from deadrelu_tui.run.run import Recorded, Run

if TYPE_CHECKING:
    from deadrelu_tui.builtin.dataset import Dataset
    from deadrelu_tui.diagnosis.trials import Trial


def make_run(
    settings: RunSettings, executor: ThreadPoolExecutor, stays: bool = False, trials: bool = True, unfit: str = "",
    recorded: Recorded | None = None, facts: Mapping[str, Any] = MappingProxyType({}), name: str = "",
) -> Run:  # fmt: skip
    """Return a run that will train in the executor's thread. Data and engine are loaded there, at its start.

    If it was found out why MXNet does not fit the limits of this process, it is not loaded where NumPy may do. The
    run tells some facts besides, and has the id that it is given, if it is given one.
    """

    def training(promised: Start, controls: Controls) -> Iterator[Record]:
        try:
            yield from _training(settings, promised, controls, unfit)
        except Exception as error:
            if short := room.lacking(error):
                raise NoRoomError(room.told(short, settings)) from error
            raise

    def attempt(
        values: Mapping[str, Any], parameters: Parameters, share: Callable[[], float]
    ) -> tuple[int, Generator[Trial, None, None]]:
        from deadrelu_tui.engine.trials import attempt, sample

        given = sample(RunSettings.of(values), images(settings))
        return given.steps, attempt(given, parameters, share)

    start = promise(settings)
    start = replace(start, run=name or start.run, facts={**start.facts, **origin(__version__), **facts})
    return Run(start, training, executor, settings.live, stays, attempt if trials else None, recorded)


def _training(settings: RunSettings, promised: Start, controls: Controls, unfit: str) -> Iterator[Record]:
    room.require_memory(settings)
    with ThreadPoolExecutor(1, "images") as beside:  # unpacking holds no lock: it costs MXNet's import no time
        found = beside.submit(images, settings)
        from deadrelu_tui.engine.pick import pick
        from deadrelu_tui.engine.train import train

        picked = pick(settings.engine, unfit, settings.device)
        dataset = found.result()
    records = train(picked.engine, settings, dataset, controls, promised=promised)
    yield next(records)
    yield from picked.events
    yield from (Event(0, "passed_over", {"fault": fault}) for fault in dataset.passed_over)
    yield from records


_datasets: dict[tuple[str | None, bool | None], Dataset] = {}


def images(settings: RunSettings) -> Dataset:
    """Return the images, which a restart need not read again."""
    from deadrelu_tui.builtin import fashion_mnist as data

    key = (settings.data_dir, settings.full)
    if key not in _datasets:
        _datasets.clear()
        _datasets[key] = data.find(*key)
        _ = _datasets[key].moments  # taken here, beside MXNet's import
    return _datasets[key]
