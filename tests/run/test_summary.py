"""A run in short: what its file tells, whatever is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import record
from files import GONE, HERE, aged, begun, changed, put, told

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import Encoder, dump
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event, Record
from deadrelu_tui.run import summing
from deadrelu_tui.run.origin import SILENT
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.summary import STARTS, Summary


def summed(path: Path) -> Summary:
    found = summing.summed(path, path.stat())
    assert found is not None
    return found


def test_a_finished_run_tells_what_was_set_where_it_ran_and_what_came_of_it(tmp_path: Path) -> None:
    records = told(begun(lr=0.05), 8, End(2.0, "finished"))
    path = put(tmp_path, records)
    found = summed(path)
    assert (found.run, found.status, found.steps, found.planned, found.seconds) == (path.stem, "finished", 8, 8, 2.0)
    assert (found.title, found.device, found.engine, found.host) == (records[0].title, "cpu", "numpy", "box")  # type: ignore[union-attr]
    assert found.settings["lr"] == 0.05
    assert (found.accuracy, found.loss, dict(found.dead)) == (0.5, 2.0, {"h1": 0.25})
    assert found.speed == 4.0
    assert found.bytes == path.stat().st_size
    assert not found.damaged


def test_its_verdict_is_that_of_its_history(tmp_path: Path) -> None:
    records, history = told(begun(), 8), History()
    for each in records:
        history.add(each)
    judged, found = verdict(history), summed(put(tmp_path, records))
    assert judged is not None
    assert (found.verdict, found.reason) == (judged.word, telling.reason(judged))


def test_what_was_done_to_it_stands_in_short_with_its_steps(tmp_path: Path) -> None:
    done: list[Record] = [
        changed(2, "normalise", True), Event(3, "revive", {"layers": {"h1": 2}}), changed(3, "lr", 0.05),
        changed(4, "activation", "tanh"), changed(5, "normalise", False), Event(5, "pause"),
        Event(5, "nobody_revived", {"activation": "tanh"}), Event(7, "train_on", {"epochs": 5, "steps": 20}),
    ]  # fmt: skip
    assert summed(put(tmp_path, told(begun(), 8, *done))).done == "n@2 v@3 lr=0.05@3 a=tanh@4 n=off@5 e@7"


def test_of_a_schedule_that_changes_the_rate_at_every_step_the_first_changes_are_told(tmp_path: Path) -> None:
    many = [changed(step, "lr", 1.0 / step) for step in range(1, 501)]
    found = summed(put(tmp_path, told(begun(), 8, *many)))
    assert found.done.startswith("lr=1@1 lr=0.5@2 ")
    assert found.done.endswith(" and 480 more")


@pytest.mark.parametrize(
    ("facts", "old", "status"),
    [(HERE, 1000.0, "running"), (GONE, SILENT / 2, "running"), (GONE, SILENT + 1, "crashed"), ({}, 1000.0, "crashed")],
)
def test_whether_a_run_without_an_end_goes_on_is_found_out_whenever_it_is_asked(
    tmp_path: Path, facts: dict[str, object], old: float, status: str
) -> None:
    path = put(tmp_path, told(begun(facts=facts), 3), old)
    assert summed(path).status == status


def test_steps_that_are_not_recorded_were_taken_and_the_speed_is_that_of_those_that_are(tmp_path: Path) -> None:
    steps = [replace(record(step), at=step / 10) for step in (*range(500, 600), *range(650, 700))]
    path = put(tmp_path, [begun(steps=1000), *steps, End(69.9, "stopped")])
    found = summed(path)
    assert (found.steps, found.seconds) == (700, 69.9)
    assert found.speed == pytest.approx(10.0)
    history = summing.whole(path)[1]
    assert (history.taken, history.before) == (700, (501, 50.0))
    assert history.pace == pytest.approx(10.0)


def test_many_steps_of_a_single_metric_can_be_read(tmp_path: Path) -> None:
    found = summed(put(tmp_path, [begun(steps=1000), *map(record, range(50))]))
    assert (found.damaged, found.steps, found.last) == (False, 50, {"loss": 2.0})


def test_a_run_that_trains_on_has_not_ended(tmp_path: Path) -> None:
    path = put(tmp_path, told(begun(), 8, End(2.0, "finished"), Event(8, "train_on", {"epochs": 1, "steps": 4})))
    found = summed(path)
    assert (found.how, found.planned) == ("", 12)


def test_what_ended_a_run_is_told(tmp_path: Path) -> None:
    found = summed(put(tmp_path, [begun(), End(0.1, "failed", "no room")]))
    assert (found.status, found.error, found.steps, found.verdict, found.speed) == ("failed", "no room", 0, "", None)


def test_a_damaged_file_tells_what_is_before_the_damage(tmp_path: Path) -> None:
    path = put(tmp_path, told(begun(), 8, End(2.0, "finished")))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    found = summed(path)
    assert (found.damaged, found.steps, found.how) == (True, 8, "")


def test_steps_that_no_training_can_have_taken_are_damage(tmp_path: Path) -> None:
    path = put(tmp_path, [begun(), record(3), record(1), record(4)])
    found = summed(path)
    assert (found.damaged, found.steps) == (True, 4)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"step,loss\n", "no records of a run"), (b"deadrelu-tui records 99\n", "only version 1 is known here")],
)
def test_what_is_no_run_or_a_newer_one_says_so(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "x.run"
    path.write_bytes(content)
    found = summed(path)
    assert fault in found.fault
    assert (found.status, found.at) == ("unreadable", None)


@pytest.mark.parametrize(
    "content", [b"", Encoder.header[:7], Encoder.header, dump([begun()])[:100]], ids=["none", "line", "head", "torn"]
)
def test_a_file_into_which_nothing_whole_is_written_is_a_run_that_starts_and_soon_a_damaged_one(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.run"
    path.write_bytes(content)
    assert (summed(path).status, summed(path).alive) == ("starting", True)
    aged(path, STARTS + 1)
    assert (summed(path).status, summed(path).alive) == ("damaged", False)


def test_a_file_that_is_damaged_at_its_beginning_is_so_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.run"
    data = bytearray(dump(told(begun(facts=HERE), 3)))
    data[60] ^= 1
    path.write_bytes(bytes(data))
    assert (summed(path).status, summed(path).alive) == ("damaged", False)
    with pytest.raises(InputError, match=r"x\.run is damaged from its beginning on"):
        Recorded(path)


def test_what_has_vanished_is_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, told(begun()))
    found = path.stat()
    path.unlink()
    assert summing.summed(path, found) is None


def test_a_file_with_facts_that_nobody_expects_raises_nothing(tmp_path: Path) -> None:
    odd = replace(begun(), settings={"lr": "much", "hidden": None, "new": {"a": [1]}}, facts={"engine": 5, "host": []})
    path = tmp_path / f"{odd.run}.run"
    path.write_bytes(dump([odd, record(0), changed(0, "lr", [1])]))
    found = summed(path)
    assert found.settings["lr"] == "much"
    assert found.done == "lr=[1]@0"


def test_its_row_has_the_names_of_a_run_s_own_json(tmp_path: Path) -> None:
    row = summed(put(tmp_path, told(begun(), 8, End(2.0, "finished")))).as_row()
    assert {"run", "status", "verdict", "reason", "steps", "seconds", "steps_per_s", "accuracy/test",
            "dead_fraction/h1", "settings"} <= set(row)  # fmt: skip
    json.dumps(row)
