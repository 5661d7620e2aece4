"""A run read from its file is the run as it was; it can be played step by step, and asked for nothing else."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import BATCHES, canned, dying
from recordings import Recorder
from waiting import until

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.errors import InputError, RunFailedError
from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.commands import TIMES, Change, Pause, Play, Restart, Resume, Revive, Stop, Take, next_times
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.run import Training
from deadrelu_tui.run.source import Status


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


Open = Callable[..., tuple[Recorder, Recorded]]


@pytest.fixture
def recorded(executor: ThreadPoolExecutor, tmp_path: Path) -> Iterator[Open]:
    """Record a run and open its file."""
    opened: list[Recorded] = []

    def record(training: Training | None = None, settings: RunSettings | None = None) -> tuple[Recorder, Recorded]:
        made = Recorder(settings or RunSettings(epochs=2), training or canned(dying), executor)
        made.run.begin()
        made.run.join()
        opened.append(Recorded(made.write(tmp_path)))
        return made, opened[-1]

    yield record
    for each in opened:
        each.close()


def seen(history: History) -> list[str]:
    """Return what is read of a history."""
    return [
        *(f"{name} {history.series(name)}" for name in history.names),
        repr(history.events), repr(history.end), repr(history.live), repr(history.looked), repr(history.ledgers),
        repr(findings(history)), str(history.seconds), str(history.epoch), str(history.known_at),
    ]  # fmt: skip


def test_a_run_read_from_its_file_is_the_run_as_it_was(recorded: Open) -> None:
    made, found = recorded()
    until(lambda: found.status is Status.FINISHED)
    assert len(found.history) == 2 * BATCHES
    assert seen(found.history) == seen(made.run.history)
    facts = json.loads(json.dumps(made.run.start.facts))  # where a tuple is a list
    assert found.start == replace(made.run.start, facts=facts) == found.history.start
    assert found.live == made.run.live
    assert (found.error, found.fault, found.parameters()) == (None, "", None)


def test_it_can_be_played_and_says_what_another_run_begins_with(recorded: Open) -> None:
    made, found = recorded()
    until(lambda: found.status is Status.FINISHED)
    assert found.can == made.run.can | {"play"}
    found.send(Change({"lr": 0.5}))
    assert found.live == {**made.run.live, "lr": 0.5}
    before = seen(found.history)
    for command in (Pause(), Resume(), Take(3), Revive(), Stop(), Restart(), Change({"lr": 1.0, "momentum": 0.9})):
        found.send(command)
    assert seen(found.history) == before
    assert found.live["lr"] == 0.5


def test_what_is_only_read_takes_no_settings_for_a_run_that_nobody_here_could_begin(recorded: Open) -> None:
    _, found = recorded()
    assert {"restart", "lr", "normalise", "activation"} < found.can
    found.only_read()
    assert found.can == {"play"}


@pytest.mark.parametrize(
    ("last", "status"), [(End(1.0, "stopped"), Status.STOPPED), (End(1.0, "failed", "no memory"), Status.FAILED),
                         (None, Status.CRASHED)],
)  # fmt: skip
def test_a_run_that_broke_off_says_how(recorded: Open, tmp_path: Path, last: End | None, status: Status) -> None:
    made, _ = recorded()
    first = made.records[0]
    gone = replace(first, facts={**first.facts, "process": {**first.facts["process"], "began": 1}})  # type: ignore[union-attr, arg-type]
    (tmp_path / "x.run").write_bytes(dump([gone, *made.records[1:20], *([last] if last else [])]))
    found = Recorded(tmp_path / "x.run")
    try:
        until(lambda: found.status is status)
        error = found.error
        assert (str(error), isinstance(error, RunFailedError)) == (
            ("no memory", True) if status is Status.FAILED else ("None", False)
        )
    finally:
        found.close()


def test_what_holds_no_run_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "text.run").write_text("step,loss\n")
    with pytest.raises(InputError, match="no records of a run"):
        Recorded(tmp_path / "text.run")
    (tmp_path / "empty.run").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.run holds no run yet"):
        Recorded(tmp_path / "empty.run")
    with pytest.raises(InputError, match="No such file"):
        Recorded(tmp_path / "none.run")


def test_steps_that_no_training_took_are_told_and_what_was_before_them_is_shown(recorded: Open, tmp_path: Path) -> None:
    made, _ = recorded()
    (tmp_path / "x.run").write_bytes(dump([*made.records[:20], made.records[5]]))
    found = Recorded(tmp_path / "x.run")
    until(lambda: bool(found.fault))
    assert "cannot be read on" in found.fault
    assert len(found.history) > 5
    found.close()


def test_a_file_that_grows_is_followed(recorded: Open, tmp_path: Path) -> None:
    made, _ = recorded()
    path, data = tmp_path / "x.run", dump(made.records)
    path.write_bytes(data[: len(data) // 2])
    found = Recorded(path)
    until(lambda: found.status is not Status.READING)
    assert found.status is Status.RUNNING  # its process, this one, lives
    before = len(found.history)
    with path.open("ab") as file:
        file.write(data[len(data) // 2 :])
    until(lambda: found.status is Status.FINISHED)
    assert before < len(found.history) == 2 * BATCHES
    assert seen(found.history) == seen(made.run.history)
    found.close()


# Played


def test_a_run_is_played_from_its_first_step_on_and_every_step_is_as_it_was_then(recorded: Open) -> None:
    made, found = recorded()
    until(lambda: found.status is Status.FINISHED)
    found.send(Play(100))
    found.send(Pause())
    until(lambda: found.status is Status.PAUSED)
    assert found.can >= {"play", "pause"}
    assert found.speed.times == 100
    before, live = len(found.history), History()
    for record in made.records:
        live.add(record)
        if isinstance(record, Step) and record.step >= before - 1 and record.step < before + 12:
            if record.step >= before:
                found.send(Take())
            until(lambda: len(found.history) == len(live))
            history = found.history.frozen()
            assert [str(history.series(each)) for each in history.names] == [
                str(live.series(each)) for each in live.names
            ]
            assert repr(history.ledgers) == repr(live.ledgers)
    found.send(Resume())
    until(lambda: found.status is Status.FINISHED)
    assert found.speed.times is None
    assert seen(found.history) == seen(made.run.history)


def test_playing_takes_the_time_that_the_run_took_by_so_many_times(recorded: Open) -> None:
    _, found = recorded()  # a step every 10 ms
    until(lambda: found.status is Status.FINISHED)
    began = time.monotonic()
    found.send(Play(5))
    until(lambda: found.status is Status.FINISHED)
    assert time.monotonic() - began >= (2 * BATCHES - 1) * 0.01 / 5


def test_what_was_a_pause_of_hours_is_none_when_it_is_played(
    recorded: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadrelu_tui.run.recorded.LONGEST", 0.1)
    made, _ = recorded()
    later = [replace(each, at=each.at + 7200) if isinstance(each, Step) and each.step > 3 else each
             for each in made.records]  # fmt: skip
    (tmp_path / "x.run").write_bytes(dump(later))
    found = Recorded(tmp_path / "x.run")
    until(lambda: found.status is Status.FINISHED)
    found.send(Play(100))
    until(lambda: len(found.history) > 5)
    found.close()


def test_while_it_is_played_the_tempo_can_be_changed_and_all_of_it_be_shown_at_once(recorded: Open) -> None:
    made, found = recorded()
    until(lambda: found.status is Status.FINISHED)
    found.send(Play(1))
    until(lambda: found.status is Status.RUNNING)
    found.send(Play(2))
    assert found.speed.times == 2
    found.send(Play(math.inf))
    until(lambda: found.status is Status.FINISHED)
    assert seen(found.history) == seen(made.run.history)


def test_closing_ends_what_is_played(recorded: Open) -> None:
    _, found = recorded()
    until(lambda: found.status is Status.FINISHED)
    found.send(Play(1))
    found.close()
    assert not found._thread.is_alive()


def test_the_tempo_goes_up_to_all_at_once_and_down_to_as_it_was() -> None:
    up = [1.0]
    while up[-1] < math.inf:
        up.append(next_times(up[-1], 1))
    assert up == [*TIMES, math.inf]
    assert [next_times(each, -1) for each in (math.inf, 3.0, 1.0)] == [100.0, 2.0, 1.0]


def test_a_file_that_version_1_has_written_is_read_for_ever() -> None:
    """`recorded/version-1.run` stays as it is: a network of two layers, stepped, changed, revived and trained on."""
    found = Recorded(Path(__file__).parent / "recorded" / "version-1.run")
    try:
        until(lambda: found.status is Status.FINISHED)
        history = found.history
        assert history.series("loss").values.tolist() == [
            2.3036530017852783, 2.302417516708374, 2.302009344100952, 2.302612781524658, 2.3025784492492676,
            2.3025760650634766, 2.3025975227355957, 2.3026137351989746, 2.302578926086426, 2.3025901317596436,
            2.302602767944336, 2.3026092052459717,
        ]  # fmt: skip
        assert history.look_steps.tolist() == [0, 1, 2, 2, 3, 4, 5, 7, 11]
        assert [(each.step, told(each)) for each in history.events] == [
            (0, "start: raw input 0–255, lr 0.1, relu, 6–4 hidden, seed 3"), (0, "unit 1 of h2 was born dead"),
            (1, "unit 1 of h2 fires again"), (3, "pause"), (3, "unit 1 of h2 fell silent"), (3, "normalise on"),
            (3, "revive 1 unit of h2"), (3, "unit 1 of h2 fires again"),
            (3, "epoch 1: test accuracy 18.8 %, loss 2.30"), (5, "resume"),
            (7, "epoch 2: test accuracy 18.0 %, loss 2.30"), (8, "train on: 1 more epoch"),
            (11, "epoch 3: test accuracy 12.0 %, loss 2.30"),
        ]  # fmt: skip
        assert {name: int(each.deaths.sum()) for name, each in history.ledgers.items()} == {"h1": 0, "h2": 2}
        assert float(history.look_at(3).layers["h1"].firing.sum()) == 3.5950002670288086
        assert float(history.look_at(3).layers["h2"].spread.sum()) == 1.0
        assert presets.ours(found.start.settings) == RunSettings.of(found.start.settings)
        assert RunSettings.of(found.start.settings).input_scale == 1
        assert (history.latest("accuracy/test"), history.epoch, found.fault) == (0.1205, 3, "")
    finally:
        found.close()
