"""Sweeps computed by real workers: as a whole, interrupted, on a cluster of somebody's, and with workers that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deadrelu_tui import __version__
from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.cell import compute
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.index import summaries
from deadrelu_tui.run.summing import whole
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.found import found
from deadrelu_tui.sweep.grid import Grid
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.sweep.sweep import Given, Sweep
from deadrelu_tui.sweep.wanted import Computed, Wanted, free_id, put

cluster = pytest.importorskip("deadrelu_tui.sweep.cluster")
pytest.importorskip("distributed")
pytest.importorskip("cryptography")

BASE = RunSettings(full=False, hidden=(8,), epochs=1, engine="numpy", batch_size=512)
GRID = Grid(BASE, (Axis("lr", (1e-3, 0.1, 1e30)), Axis("activation", ("relu", "tanh"))))
IMAGES = fashion_mnist.find(None, False).sha256
PATIENCE = 120


def wanted(settings: RunSettings = BASE, run: str = "20261129-120000-aaaa", **more: Any) -> Wanted:
    given = {
        "settings": settings.as_dict(), "run": run, "facts": {"sweep": "s", "cell": "c"}, "version": __version__,
        "images": IMAGES, **more,
    }  # fmt: skip
    return Wanted(**given)


def values(outcome: Outcome) -> dict[str, str]:
    """Return all that is no matter of time; NaN equals itself so."""
    return {name: repr(value) for name, value in outcome.values.items()}


def swept(sweep: Sweep) -> dict[Any, tuple[str, str, dict[str, str]]]:
    return {place: (each.how, each.verdict, values(each)) for place, each in sweep.chart.outcomes.items()}


def given(folder: Path | None, workers: int = 2, name: str = "s") -> Given:
    return Given(name, folder, IMAGES, compute, lambda _many: cluster.Cluster.here(workers))


def test_a_worker_computes_what_a_run_of_the_same_settings_has_and_it_is_recorded_whole(tmp_path: Path) -> None:
    computed = compute(wanted())
    put(tmp_path, computed)
    path = path_of(tmp_path, "20261129-120000-aaaa")
    summary, history = whole(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (summary.how, summary.sweep, summary.cell, summary.steps) == ("finished", "s", "c", len(history))
    assert history.start is not None
    assert history.start.settings == BASE.as_dict()
    assert computed.outcome.values["dead"] == history.latest("dead_fraction/h1")
    assert values(next(found(tmp_path, {"c": GRID.cell((0, 0))}))[1]) == values(computed.outcome)
    assert not [each for each in os.listdir(tmp_path) if each.startswith(".") and each != ".index"]


def test_shares_of_several_layers_count_by_their_units() -> None:
    computed = compute(wanted(RunSettings(full=False, hidden=(30, 10), epochs=1, engine="numpy", lr=0.5)))
    shares = [computed.outcome.values[f"dead_fraction/{layer}"] for layer in ("h1", "h2")]
    assert computed.outcome.values["dead"] == pytest.approx((30 * shares[0] + 10 * shares[1]) / 40)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_of_what_cannot_fall_silent_the_dead_are_those_that_saturate(activation: str) -> None:
    settings = RunSettings(full=False, hidden=(8, 4), epochs=1, engine="numpy", lr=1.0, activation=activation)
    values = compute(wanted(settings)).outcome.values
    saturated, silent = (
        (8 * values[f"{metric}/h1"] + 4 * values[f"{metric}/h2"]) / 12
        for metric in ("saturated_fraction", "dead_fraction")
    )
    assert values["dead"] == pytest.approx(saturated)
    assert values["dead"] != pytest.approx(silent)


def test_a_run_that_diverges_is_what_came_of_it() -> None:
    outcome = compute(wanted(RunSettings(full=False, hidden=(8,), epochs=1, engine="numpy", lr=1e30))).outcome
    assert (outcome.how, outcome.diverged, outcome.failed) == ("finished", True, False)


def test_a_run_that_cannot_begin_is_what_came_of_it_and_is_recorded(tmp_path: Path) -> None:
    computed = compute(wanted(RunSettings(full=False, engine="numpy", device="gpu:0")))
    assert (computed.outcome.how, computed.outcome.failed) == ("failed", True)
    assert "gpu:0" in computed.outcome.error
    put(tmp_path, computed)
    (again,) = found(tmp_path, {"c": GRID.cell((0, 0))})
    assert (again[1].how, again[1].error) == (computed.outcome.how, computed.outcome.error)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"version": "0.0.1"}, f"a worker has deadrelu-tui {__version__}, not 0.0.1 as here"),
        ({"images": "another"}, "a worker has other images than there are here"),
    ],
)
def test_a_worker_that_would_compute_something_else_computes_nothing(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        compute(wanted(**more))


def test_of_a_thousand_ids_of_one_second_none_comes_twice(tmp_path: Path) -> None:
    taken = set[str]()
    ids = [free_id(tmp_path, taken) for _ in range(1000)]
    assert len(set(ids)) == 1000 == len(taken)


def test_a_sweep_computes_every_cell_records_it_and_takes_what_is_recorded(tmp_path: Path) -> None:
    first = Sweep(GRID, given(tmp_path))
    first.begin()
    assert first.join(PATIENCE)
    assert first.error is None
    assert 0 < first.seconds == first.seconds, "it takes no longer once it is over"
    assert first.chart.done == len(GRID) == len(summaries(tmp_path))
    assert {each.sweep for each in summaries(tmp_path)} == {"s"}
    assert first.chart.reading((2, 0), "dead").diverged == 1
    for place, seed in first.chart.outcomes:  # as a run alone has it
        alone = compute(wanted(GRID.cell(place, seed).settings)).outcome
        assert values(alone) == values(first.chart.outcomes[place, seed])

    lost = [each.run for each in summaries(tmp_path)][:2]
    for run in lost:
        path_of(tmp_path, run).unlink()
    again = Sweep(GRID, given(tmp_path, name="t"))
    again.begin()
    assert again.join(PATIENCE)
    assert (again.taken, again.chart.done) == (len(GRID) - 2, len(GRID))
    assert swept(again) == swept(first)

    def nobody(_many: int) -> Any:
        raise AssertionError("nothing is to be computed")

    whole_again = Sweep(GRID, Given("s", tmp_path, IMAGES, compute, nobody))
    whole_again.begin()
    assert whole_again.join(PATIENCE)
    assert whole_again.error is None
    assert swept(whole_again) == swept(first)


def test_what_cannot_be_recorded_is_computed_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.write_text("no folder")
    grid = Grid(BASE, (Axis("lr", (0.01, 0.1)),))
    sweep = Sweep(grid, Given("s", folder, IMAGES, compute, lambda _many: cluster.Cluster.here(1)))
    sweep.begin()
    assert sweep.join(PATIENCE)
    assert isinstance(sweep.error, InputError) or sweep.unrecorded


def kills(wanted: Wanted) -> Computed:
    """Compute a run; but that of lr 0.1 kills its worker as often as a file says."""
    place = Path(str(wanted.facts["sweep"]))
    if wanted.settings["lr"] == 0.1:
        left = int(place.read_text())
        if left:
            place.write_text(str(left - 1))
            os.kill(os.getpid(), signal.SIGKILL)
    return compute(wanted)


@pytest.mark.parametrize(("times", "workers"), [(1, 2), (2, 1)])
def test_a_run_whose_worker_is_killed_is_computed_again_once_and_no_other_is_blamed(
    tmp_path: Path, times: int, workers: int
) -> None:
    place = tmp_path / "left"
    place.write_text(str(times))
    grid = Grid(BASE, (Axis("lr", (0.01, 0.1, 0.5)),))
    sweep = Sweep(
        grid, Given(str(place), tmp_path / "runs", IMAGES, kills, lambda _many: cluster.Cluster.here(workers))
    )  # fmt: skip
    sweep.begin()
    assert sweep.join(PATIENCE)
    assert sweep.error is None
    told = {place[0]: each.how for (place, _), each in sweep.chart.outcomes.items()}
    assert told == {0: "finished", 1: "finished" if times == 1 else "lost", 2: "finished"}
    if times == 2:
        assert sweep.chart.outcomes[(1,), 0].error == cluster.LOST
        assert len(summaries(tmp_path / "runs")) == 2, "it is no run: another time it is computed"


def tells(wanted: Wanted) -> Computed:
    Path(wanted.facts["sweep"]).write_text("\n".join(os.environ))
    return compute(wanted)


def test_a_worker_has_one_thread_for_its_sums_and_keeps_the_memory_that_the_next_step_needs(tmp_path: Path) -> None:
    place = tmp_path / "environment"
    grid = Grid(BASE, (Axis("lr", (0.01,)),))
    sweep = Sweep(grid, Given(str(place), None, IMAGES, tells, lambda _many: cluster.Cluster.here(1)))
    sweep.begin()
    assert sweep.join(PATIENCE)
    assert sweep.error is None
    names = set(place.read_text().splitlines())
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} < names
    assert "MALLOC_TRIM_THRESHOLD_" not in names


def test_a_sweep_that_is_stopped_ends_at_once_and_keeps_what_it_has(tmp_path: Path) -> None:
    grid = Grid(RunSettings(full=False, epochs=1000, engine="numpy"), (Axis("lr", (0.01, 0.1)),))
    sweep = Sweep(grid, given(tmp_path))
    sweep.begin()
    while not sweep.chart.running and not sweep.over:
        time.sleep(0.05)
    sweep.stop()
    assert sweep.join(30)
    assert sweep.error is None
    assert sweep.chart.done == 0


# A cluster of somebody's


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    begun = list[subprocess.Popen[bytes]]()
    yield begun
    for each in begun:
        each.kill()
        each.wait()


def dask(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler" if words[0] == "scheduler" else
         "distributed.cli.dask_worker", *words[1:]],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_cluster_that_is_there_computes_the_same_and_a_worker_of_it_may_be_killed(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    here = Sweep(GRID, given(tmp_path / "here"))
    here.begin()
    address = f"tcp://127.0.0.1:{port()}"
    processes.append(dask("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"))
    grid = Grid(BASE, GRID.axes, 4)
    there = Sweep(grid, Given("s", tmp_path / "there", IMAGES, compute, lambda _many: reached(address)))
    there.begin()
    processes += [dask("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny") for _ in range(2)]
    while there.chart.done < 2 and not there.over:
        time.sleep(0.02)
    processes[1].kill()
    assert there.join(PATIENCE)
    assert there.error is None
    assert there.chart.done == len(grid)
    assert there.where == address
    assert here.join(PATIENCE)
    first = {key: each for key, each in swept(there).items() if key[1] == 0}
    assert first == swept(here)


def reached(address: str) -> Any:
    """Return the cluster at an address as soon as it is there."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return cluster.Cluster.at(address, gpu=False)
        except InputError:  # noqa: PERF203 - it is waited for
            if time.monotonic() > until:
                raise


@pytest.mark.parametrize("address", ["foo", "tcp:/host:1", "http://host:1", "tcp://ho st:1", "tcp://host:x", ""])
def test_what_is_no_address_is_told_in_a_line(address: str) -> None:
    with pytest.raises(InputError, match="scheduler must be an address such as tcp://host:8786"):
        cluster.Cluster.at(address, gpu=False)


@pytest.mark.parametrize("how", ["nobody", "silent", "other"])
def test_a_scheduler_that_does_not_answer_is_told_in_a_line(how: str) -> None:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        if how != "nobody":
            there.listen()
        if how == "other":
            threading.Thread(target=_answer, args=(there,), daemon=True).start()
        address = f"tcp://127.0.0.1:{there.getsockname()[1]}"
        with pytest.raises(InputError, match=f"the scheduler at {address} cannot be reached: nothing answers there"):
            cluster.Cluster.at(address, gpu=False)


def _answer(there: socket.socket) -> None:
    while True:
        try:
            with there.accept()[0] as link:
                link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
        except OSError:  # noqa: PERF203 - there is no other way out
            return


def test_a_scheduler_that_goes_away_ends_the_sweep_with_a_sentence(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    address = f"tcp://127.0.0.1:{port()}"
    processes.append(dask("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"))
    sweep = Sweep(GRID, Given("s", tmp_path, IMAGES, compute, lambda _many: reached(address)))
    sweep.begin()
    while sweep.waiting != "no worker has come yet" and not sweep.over:
        time.sleep(0.02)
    processes[0].kill()
    assert sweep.join(PATIENCE)
    assert isinstance(sweep.error, cluster.GoneError)
    assert str(sweep.error).startswith(f"the scheduler at {address} ")
