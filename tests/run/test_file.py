"""A run's file: all that was told is in it, soon, whatever happens to the disk, the folder and the process."""

from __future__ import annotations

import errno
import os
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import record, start, units
from waiting import PATIENCE, until

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import Encoder, dump
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event, Record, Start, Step
from deadrelu_tui.record.steps import apart
from deadrelu_tui.record.telling import told
from deadrelu_tui.run import origin, writer
from deadrelu_tui.run.file import Tail
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.source import Status
from deadrelu_tui.run.writer import Writer

RUN = "20261129-120000-abcd"


def begun(**more: Any) -> Start:
    return replace(start(batches=None), run=RUN, **more)


def told_by(*more: Record, steps: int = 5) -> list[Record]:
    fired = {"h1": np.array([True, False])}
    taken = [
        replace(record(step, {"loss": step / 7}), fired=fired, looks={"h1": units([0.5, 0.0])} if not step else {})
        for step in range(steps)
    ]
    return [begun(), *taken, *more]


def read(folder: Path) -> list[Record]:
    tail = Tail(path_of(folder, RUN))
    try:
        return list(apart(tail.read()))
    finally:
        tail.close()


def plain(records: list[Record]) -> list[str]:
    """Return records so that equal texts are equal records; the order of a set is not told."""
    return [
        repr((replace(each, can=frozenset()), sorted(each.can)) if isinstance(each, Start) else each)
        for each in records
    ]


def steps_in(records: list[Record]) -> list[int]:
    return [each.step for each in records if isinstance(each, Step)]


class Told:
    """A run of which a writer is told, and whose events it may add to."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self.writer = Writer(folder, self.say)

    def say(self, event: Event) -> None:
        self.events.append(event)
        self.writer(event)

    def tell(self, *records: Record) -> None:
        for each in records:
            self.writer(each)

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.events]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runs"


@pytest.fixture
def run(folder: Path) -> Iterator[Told]:
    run = Told(folder)
    yield run
    run.writer.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what cannot be written tried again at once."""
    monkeypatch.setattr(writer, "FLUSHED", 0.01)
    monkeypatch.setattr(writer, "RETRIED", 0.01)


# What is written


def test_all_that_was_told_is_in_the_file(run: Told, folder: Path) -> None:
    records = told_by(Event(4, "pause"), End(3.0, "finished"))
    run.tell(*records)
    run.writer.close()
    assert plain(read(folder)) == plain(records)


def test_file_and_folder_are_for_nobody_else(run: Told, folder: Path) -> None:
    before = os.umask(0)
    try:
        run.tell(*told_by())
        run.writer.close()
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path_of(folder, RUN).stat().st_mode & 0o777 == 0o600


def test_what_was_told_is_in_the_file_soon_without_anybody_asking(run: Told, folder: Path) -> None:
    run.tell(*told_by())
    until(lambda: path_of(folder, RUN).exists() and len(read(folder)) == 6)
    run.tell(record(5, {"loss": 1.0}))
    until(lambda: len(read(folder)) == 7)


def test_an_end_is_in_the_file_at_once(run: Told, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FLUSHED", 1000.0)
    run.tell(*told_by())
    run.tell(End(1.0, "finished"))
    until(lambda: path_of(folder, RUN).exists() and any(isinstance(each, End) for each in read(folder)))
    run.tell(Event(5, "train_on", {"epochs": 1, "steps": 5}))
    until(lambda: isinstance(read(folder)[-1], Event))


def test_who_trains_never_waits_for_the_disk(run: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, goes_on, write = threading.Event(), threading.Event(), os.write

    def slow(file: int, data: memoryview) -> int:
        reached.set()
        assert goes_on.wait(PATIENCE)
        return write(file, data)

    monkeypatch.setattr(os, "write", slow)
    run.tell(*told_by())
    assert reached.wait(PATIENCE)
    run.tell(*(record(step, {"loss": 1.0}) for step in range(5, 1000)))  # the disk hangs meanwhile
    goes_on.set()


def test_nothing_is_written_of_a_run_that_never_began(run: Told, folder: Path) -> None:
    run.tell(End(0.0, "failed", "no data"))
    run.writer.close()
    assert not folder.exists()


def test_a_disk_that_never_answers_is_not_waited_for(run: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(os, "write", lambda *_: goes_on.wait(PATIENCE))
    run.tell(*told_by())
    began = time.monotonic()
    run.writer.close(patience=0.1)
    assert time.monotonic() - began < PATIENCE / 2
    goes_on.set()


# What cannot be written


class Disk:
    """A disk that takes so many bytes more and is full then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: float = float("inf")
        self._write = os.write
        self._truncate = os.ftruncate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.truncate)

    def truncate(self, file: int, length: int) -> None:
        self.room += os.fstat(file).st_size - length
        self._truncate(file, length)

    def write(self, file: int, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(file, data[: int(min(len(data), self.room))])
        self.room -= taken
        return taken


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("room", [0, 1, 30, 700, 2000])
def test_what_did_not_fit_on_a_full_disk_is_written_when_there_is_room(
    run: Told, folder: Path, disk: Disk, room: int
) -> None:
    records = told_by()
    disk.room = room
    run.tell(*records)
    until(lambda: run.kinds == ["unrecorded"])
    before = read(folder) if room > 30 else []
    assert plain(before) == plain(records[: len(before)])
    more = [record(step, {"loss": 0.0}) for step in range(5, 9)]
    run.tell(*more)
    disk.room = float("inf")
    until(lambda: run.kinds == ["unrecorded", "recorded"])
    run.writer.close()
    found = read(folder)
    assert plain([each for each in found if not isinstance(each, Event)]) == plain([*records, *more])
    assert [each.kind for each in found if isinstance(each, Event)] == ["unrecorded", "recorded"]
    assert told(run.events[0]) == "not recorded: No space left on device; kept in memory meanwhile"
    assert told(run.events[1]) == "recorded again"


@pytest.mark.usefixtures("quick")
def test_a_reader_takes_what_was_not_written_whole_for_the_end_and_reads_on_later(
    run: Told, folder: Path, disk: Disk
) -> None:
    run.tell(*told_by())
    until(lambda: path_of(folder, RUN).exists() and len(read(folder)) == 6)
    tail = Tail(path_of(folder, RUN))
    assert len(list(apart(tail.read()))) == 6
    disk.room = 20
    run.tell(*(record(step, {"loss": 1.0}) for step in range(5, 9)))
    until(lambda: run.kinds == ["unrecorded"])
    assert list(tail.read()) == []
    disk.room = float("inf")
    until(lambda: run.kinds[-1] == "recorded")
    run.writer.close()
    assert steps_in(list(apart(tail.read()))) == [5, 6, 7, 8]
    assert not tail.damaged
    tail.close()


@pytest.mark.usefixtures("quick")
def test_of_more_steps_than_are_kept_the_oldest_are_missing_and_that_is_told(
    run: Told, folder: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.tell(*told_by())
    until(lambda: path_of(folder, RUN).exists() and len(read(folder)) == 6)
    monkeypatch.setattr(writer, "KEPT", 20_000)
    disk.room = 0
    told_of = 5
    run.tell(Event(5, "change", {"setting": "lr", "before": 0.1, "now": 0.2}))
    while run.writer._dropped is None or run.kinds != ["unrecorded"]:
        run.tell(record(told_of, {"loss": 0.5}))
        told_of += 1
    disk.room = float("inf")
    until(lambda: run.kinds[-1] == "recorded")
    run.writer.close()
    found, (first, last) = read(folder), (run.events[-1].facts[name] for name in ("first", "last"))
    assert first == 5
    assert steps_in(found) == [*range(5), *range(last + 1, told_of)]
    assert [each.kind for each in found if isinstance(each, Event)] == ["change", "unrecorded", "recorded"]
    assert f"recorded again, but for steps 5–{last}" == told(run.events[-1]).replace("\u202f", "")
    history = History()
    for each in found:
        history.add(each)
    assert len(history) == len(steps_in(found))


def history_of(records: list[Record]) -> History:
    history = History()
    for each in records:
        history.add(each)
    return history


@pytest.mark.parametrize(("room", "kinds"), [(400, ["unrecorded", "unwritten"]), (80, []), (0, None)])
def test_a_run_that_ends_while_the_disk_is_full_leaves_its_end_and_what_is_missing_as_far_as_there_is_room(
    run: Told, folder: Path, disk: Disk, room: int, kinds: list[str] | None
) -> None:
    run.tell(*told_by())
    until(lambda: path_of(folder, RUN).exists() and len(read(folder)) == 6)
    more: list[Record] = [*(record(step, {"loss": step / 7}) for step in range(5, 100)), End(1.0, "stopped")]
    disk.room = 0  # first: else the steps that were told when the writer looked may have their place
    run.tell(*more)
    until(lambda: run.kinds == ["unrecorded"])
    disk.room = room
    run.writer.close()
    found = read(folder)
    assert steps_in(found) == list(range(5))
    ends = [each for each in found if isinstance(each, End)]
    assert ends == ([] if kinds is None else more[-1:])
    events = [each for each in found if isinstance(each, Event)]
    assert [each.kind for each in events] == (kinds or [])
    if kinds:
        assert told(events[-1]) == "95 of 100 steps are not recorded: No space left on device"
    whole = history_of([*told_by(), *more, *run.events])
    assert (whole.unwritten, whole.unseen) == (95, False)


def test_a_run_whose_file_cannot_be_begun_is_one_that_nobody_could_see(run: Told, folder: Path, disk: Disk) -> None:
    disk.room = 0
    run.tell(*told_by())
    until(lambda: run.kinds == ["unrecorded"])
    history = history_of([*told_by(), *run.events])
    assert (history.unwritten, history.unseen) == (5, True)
    history.add(Event(5, "recorded"))
    assert (history.unwritten, history.unseen) == (0, False)


def test_a_disk_that_hangs_at_the_end_is_told_too(run: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(os, "write", lambda *_: goes_on.wait(PATIENCE))
    run.tell(*told_by())
    run.writer.close(patience=0.1)
    assert [told(each) for each in run.events] == ["not recorded: the disk does not answer; kept in memory meanwhile"]
    assert history_of([*told_by(), *run.events]).unwritten == 5
    goes_on.set()


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_is_told_and_tried_again(run: Told, folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("in the way")
    run.tell(*told_by())
    until(lambda: run.kinds == ["unrecorded"])
    folder.unlink()
    until(lambda: run.kinds == ["unrecorded", "recorded"])
    run.writer.close()
    assert steps_in(read(folder)) == list(range(5))


@pytest.mark.usefixtures("quick")
def test_a_file_that_is_there_already_is_left_as_it_is(run: Told, folder: Path) -> None:
    folder.mkdir(parents=True)
    path_of(folder, RUN).write_text("of another")
    run.tell(*told_by())
    until(lambda: run.kinds == ["unrecorded"])
    run.writer.close()
    assert path_of(folder, RUN).read_text() == "of another"


@pytest.mark.usefixtures("quick")
def test_a_file_that_was_removed_is_begun_anew_with_what_is_lost_told(run: Told, folder: Path) -> None:
    run.tell(*told_by())
    until(lambda: path_of(folder, RUN).exists() and len(read(folder)) == 6)
    path_of(folder, RUN).unlink()
    folder.rmdir()
    run.tell(record(5, {"loss": 1.0}))
    until(lambda: run.kinds == ["unrecorded", "recorded"])
    run.writer.close()
    found = read(folder)
    assert isinstance(found[0], Start)
    assert steps_in(found) == [5]
    assert [told(each).replace("\u202f", "") for each in run.events] == [
        "not recorded: its file was removed; kept in memory meanwhile", "recorded again, but for steps 0–4",
    ]  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_a_record_that_no_file_can_hold_costs_that_record_alone(run: Told, folder: Path) -> None:
    run.tell(*told_by(Event(4, "odd", {"what": object()})), record(5, {"loss": 1.0}))
    run.writer.close()
    assert steps_in(read(folder)) == list(range(6))
    assert run.kinds == ["unrecorded"]


# Read


def test_a_file_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: No such file or directory$"):
        Tail(tmp_path / "none.run")
    (tmp_path / "text.run").write_text("step,loss\n")
    with pytest.raises(InputError, match="no records of a run"):
        list(Tail(tmp_path / "text.run").read())


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.run")
    with pytest.raises(InputError, match="is no plain file"):
        Tail(tmp_path / "pipe.run")


def test_a_damaged_file_is_read_up_to_there(tmp_path: Path) -> None:
    records = told_by(End(1.0, "finished"))
    data = bytearray(dump(records))
    data[-4] ^= 1
    (tmp_path / "x.run").write_bytes(bytes(data))
    tail = Tail(tmp_path / "x.run")
    assert plain(list(apart(tail.read()))) == plain(records[:-1])
    assert tail.damaged
    assert list(tail.read()) == []


def test_a_file_is_read_on_as_it_grows_however_it_is_cut(tmp_path: Path) -> None:
    records, path, chosen = told_by(End(1.0, "finished"), steps=40), tmp_path / "x.run", random.Random(1)
    data, found, at = dump(records), list[Record](), 0
    path.write_bytes(b"")
    tail = Tail(path)
    while at < len(data):
        more = chosen.randint(1, 300)
        with path.open("ab") as file:
            file.write(data[at : at + more])
        at += more
        found += apart(tail.read())
    assert plain(found) == plain(records)


@pytest.mark.parametrize("run_id", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n", "a\x00"])
def test_what_is_no_id_leads_nowhere(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no id of a run"):
        path_of(tmp_path, run_id)


# Does it live?


def test_a_run_lives_as_long_as_its_process() -> None:
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    facts = {**origin.origin("1"), "process": origin.process(child)}
    assert origin.lives(facts, 1000.0)
    os.kill(child, signal.SIGKILL)
    until(lambda: not origin.lives(facts, 0.0))  # dead already, though nobody has asked for it yet
    os.waitpid(child, 0)
    assert not origin.lives(facts, 0.0)


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    facts = origin.origin("1")
    assert origin.lives(facts, 1000.0)
    other = {**facts, "process": {**facts["process"], "began": facts["process"]["began"] - 1}}
    assert not origin.lives(other, 0.0)


@pytest.mark.parametrize(
    "facts", [{}, {"process": None}, {"process": {"pid": "x"}}, {"host": "elsewhere", "process": origin.process(1)},
              {**origin.origin("1"), "process": {**origin.process(1), "machine": "before the last boot"}}],
)  # fmt: skip
def test_of_another_machine_a_file_that_nobody_touches_any_more_tells_the_end(facts: dict[str, Any]) -> None:
    assert origin.lives(facts, origin.SILENT - 1)
    assert not origin.lives(facts, origin.SILENT)


@pytest.mark.usefixtures("quick")
def test_a_file_of_a_run_that_rests_is_touched(run: Told, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "TOUCHED", 0.01)
    run.tell(*told_by())
    path = path_of(folder, RUN)
    until(path.exists)
    os.utime(path, (0, 0))
    until(lambda: path.stat().st_mtime > 1e9)


@pytest.mark.parametrize(
    ("last", "facts", "status"),
    [
        (End(1.0, "finished"), {}, Status.FINISHED), (End(1.0, "stopped"), {}, Status.STOPPED),
        (End(1.0, "failed", "x"), {}, Status.FAILED), (Event(3, "pause"), origin.origin("1"), Status.RUNNING),
        (Event(3, "pause"), {"process": {**origin.process(1), "began": 7}, "host": origin.origin("1")["host"]},
         Status.CRASHED),
    ],
)  # fmt: skip
def test_a_file_tells_what_its_run_is_doing(
    tmp_path: Path, last: Record, facts: dict[str, Any], status: Status
) -> None:
    (tmp_path / "x.run").write_bytes(dump([begun(facts=facts), record(1, {"loss": 1.0}), last]))
    tail = Tail(tmp_path / "x.run")
    assert tail.status is Status.STARTING
    list(tail.read())
    assert tail.status is status


def test_a_run_that_trains_on_has_not_ended(tmp_path: Path) -> None:
    path, encoder = tmp_path / "x.run", Encoder()
    ended: list[Record] = [begun(facts=origin.origin("1")), record(1, {"loss": 1.0}), End(1.0, "finished")]
    path.write_bytes(encoder.header + b"".join(map(encoder.encode, ended)))
    tail = Tail(path)
    list(tail.read())
    assert tail.status is Status.FINISHED
    with path.open("ab") as file:
        file.write(encoder.encode(Event(2, "trials", {})))
    list(tail.read())
    assert tail.status is Status.FINISHED
    with path.open("ab") as file:
        file.write(encoder.encode(Event(2, "train_on", {"epochs": 1})))
    list(tail.read())
    assert (tail.status, tail.end) == (Status.RUNNING, None)


# Killed


def write_until_killed(folder: Path, told_of: int) -> None:
    """Take steps as fast as that goes, and tell of each when it was handed over."""
    run = Told(folder)
    run.tell(begun())
    live = {"lr": 0.1}
    for number in range(10**9):
        fired = {"h1": np.array([True, False])}
        run.tell(Step(number, number / 1000, 1, live, {"loss": number / 7}, fired))
        if number % 50 == 0:
            run.tell(Event(number, "odd", {"time": time.monotonic()}))
            os.write(told_of, b"%d %.4f\n" % (number, time.monotonic()))
        time.sleep(0.0002)


@pytest.mark.skipif(sys.platform != "linux", reason="it forks")
def test_a_process_killed_at_any_moment_loses_a_second_at_most_and_harms_nothing(tmp_path: Path) -> None:
    chosen = random.Random(7)
    for attempt in range(100):
        folder = tmp_path / str(attempt)
        heard, told_of = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(heard)
                write_until_killed(folder, told_of)
            finally:
                os._exit(1)
        os.close(told_of)
        tail, steps, path = None, list[int](), path_of(folder, RUN)
        killed_at = time.monotonic() + chosen.uniform(0.01, 0.2) + (1.2 if attempt % 20 == 0 else 0)
        while time.monotonic() < killed_at:  # somebody reads meanwhile
            if tail is None and path.exists():
                tail = Tail(path)
            if tail is not None:
                steps += steps_in(list(apart(tail.read())))
            select.select([], [], [], 0.01)
        os.kill(child, signal.SIGKILL)
        killed_at = time.monotonic()
        os.waitpid(child, 0)
        with open(heard, "rb") as file:
            told_lines = [line.split() for line in file.read().splitlines()]
        if tail is None and path.exists():
            tail = Tail(path)
        if tail is not None:
            steps += steps_in(list(apart(tail.read())))
            assert not tail.damaged
            tail.close()
        assert steps == list(range(len(steps)))
        long_ago = [int(number) for number, when in told_lines if float(when) < killed_at - 1.0]
        assert len(steps) > max(long_ago, default=-1)
