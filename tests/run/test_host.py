"""A training and those who look at it from elsewhere: who may ask for what, and what strangers get."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from fakes import canned
from waiting import PATIENCE, until

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError, UnsureError
from deadrelu_tui.record.commands import Change, Pause, Play, Restart, Resume, Revive, Stop, Take
from deadrelu_tui.record.records import Event, Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run import attached as attached_module
from deadrelu_tui.run import host as host_module
from deadrelu_tui.run import wire
from deadrelu_tui.run.attached import Attached
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.host import Host, socket_of
from deadrelu_tui.run.origin import origin
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import ALIVE, Source, Status
from deadrelu_tui.run.store import Store
from deadrelu_tui.run.writer import Writer


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a runtime folder of its own: other hosts clear away what dead ones have left."""
    with TemporaryDirectory(prefix="dr-", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        yield


class Process:
    """What stands for the process that trains: runs one after the other, their files, and the host."""

    def __init__(self, folder: Path, executor: ThreadPoolExecutor) -> None:
        self._folder, self._executor = folder, executor
        self.store = Store(folder)
        self.session = Session(self.make(RunSettings(epochs=100_000).as_dict()), self.begin)
        self.host = Host(self.session, self.restart, self.store.hurry)
        self.run.begin()

    @property
    def run(self) -> Run:
        run = self.session.in_hand
        assert isinstance(run, Run)
        return run

    def make(self, values: Mapping[str, Any]) -> Run:
        settings = RunSettings.of(values)
        said = promise(settings)
        said = replace(said, facts={**said.facts, **origin("test"), "socket": socket_of(os.getpid())})
        return Run(said, given, self._executor, settings.live, True, recorded=self.store.recorded)

    def begin(self, values: Mapping[str, Any], paused: bool) -> Run:
        run = self.make(values)
        if paused:
            run.send(Pause())
        run.begin()
        return run

    def restart(self, values: Mapping[str, Any], paused: bool) -> Source:
        return self.session.restart(Restart(values, paused))

    def look(self, run: str = "", read_only: bool = False) -> Attached:
        return Attached(path_of(self._folder, run or self.run.start.run), read_only)

    def close(self) -> None:
        self.host.close()
        self.run.close()
        self.store.close()


def given(promised: Start, controls: Controls) -> Iterator[Record | Steps]:
    """Take steps as `canned` does, and give parameters to whoever wants them."""
    for record in canned()(promised, controls):
        if controls.wanted is not None:
            with controls.asked:
                wanted, controls.wanted = controls.wanted, None
            wanted.set_result([np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(2, np.float64)])
        time.sleep(0.0005)
        yield record


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with ThreadPoolExecutor(1) as executor:
        process = Process(tmp_path / "runs", executor)
        yield process
        process.close()


@pytest.fixture
def look(process: Process) -> Iterator[Callable[..., Attached]]:
    with ExitStack() as opened:

        def look(*given: Any, **named: Any) -> Attached:
            found = process.look(*given, **named)
            opened.callback(found.close)
            return found

        yield look


Look = Callable[..., Attached]


# Looking


def test_two_who_look_see_what_one_of_them_has_asked_for(process: Process, look: Look) -> None:
    one, other = look(), look()
    assert process.host.guests == 2
    one.send(Pause())
    until(lambda: one.status is other.status is Status.PAUSED)
    one.send(Change({"lr": 0.5}))
    until(lambda: other.live["lr"] == 0.5)
    other.send(Take(3))
    until(lambda: any(each.kind == "change" for each in one.history.events))
    until(lambda: len(one.history) == len(other.history) == len(process.run.history))
    assert one.history.events == other.history.events == process.run.history.events
    one.send(Resume())
    until(lambda: other.status is Status.RUNNING)
    assert (one.lack, one.here, one.successor) == ("", False, "")


def test_who_only_looks_changes_nothing(process: Process, look: Look) -> None:
    guest = look(read_only=True)
    assert (guest.can, guest.lack) == (frozenset(), "it was opened to look at it only")
    for command in (Pause(), Stop(), Revive(), Change({"lr": 7.0})):
        guest.send(command)
    before = len(guest.history)
    until(lambda: len(guest.history) > before + 5)
    assert process.run.status is Status.RUNNING
    assert process.run.live["lr"] == 0.1


def test_parameters_come_as_they_are(look: Look) -> None:
    wanted = look().parameters()
    assert wanted is not None
    first, second = wanted.result(PATIENCE)
    assert (first.tolist(), first.dtype, second.tolist(), second.dtype) == (
        [[0, 1, 2], [3, 4, 5]], np.float32, [0, 0], np.float64,
    )  # fmt: skip


def test_a_restart_begins_another_run_that_whoever_looks_finds(process: Process, look: Look) -> None:
    one, other = look(), look()
    before = process.run.start.run
    settings = {**RunSettings(epochs=100_000).as_dict(), "lr": 0.25}
    began = one.begin(settings, paused=False)
    assert began == process.run.start.run != before
    until(lambda: other.successor == began and one.successor == began)
    until(lambda: other.status is Status.STOPPED)
    after = look(began)
    until(lambda: len(after.history) > 3)
    assert after.live["lr"] == 0.25
    assert other.can.isdisjoint({"pause", "stop", "restart"})


def test_restarts_that_come_at_once_are_done_one_after_the_other(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, begin = list[Run](), process.begin

    def slowly(values: Mapping[str, Any], paused: bool) -> Run:
        made.append(begin(values, paused))
        time.sleep(0.2)  # so that the others come meanwhile
        return made[-1]

    monkeypatch.setattr(process.session, "_begin", slowly)
    lookers = [look() for _ in range(3)]
    settings = RunSettings(epochs=100_000).as_dict()
    with ThreadPoolExecutor(3) as at_once:
        began = list(at_once.map(lambda each: each.begin(settings, paused=True), lookers))
    assert sorted(began) == sorted(each.start.run for each in made)
    assert len(set(began)) == 3
    assert process.run is made[-1]
    until(lambda: all(each.status is Status.STOPPED for each in made[:-1]))  # and none holds the thread that trains
    until(lambda: all(each.successor == process.run.start.run for each in lookers))
    last = look()
    last.send(Take(2))
    until(lambda: len(last.history) == 2)


def test_an_order_for_a_run_that_is_no_longer_in_hand_reaches_no_other(process: Process, look: Look) -> None:
    guest = look()
    until(lambda: len(guest.history) > 0)
    before = guest.start.run
    process.session.restart(Restart(RunSettings(epochs=100_000).as_dict()))
    guest._ask({"send": {"command": "stop"}, "run": before})  # as whoever has not heard of the other one yet
    guest._ask({"send": {"command": "pause"}, "run": process.run.start.run})
    until(lambda: process.run.status is Status.PAUSED)
    assert not process.run.controls.stopped


@pytest.mark.parametrize("settings", [{"lr": -1}, {"hidden": "x"}, {"lr": [1]}])
def test_settings_that_cannot_be_are_told_and_end_nothing_else(
    process: Process, look: Look, settings: dict[str, Any]
) -> None:
    guest = look()
    with pytest.raises(InputError):
        guest.begin({**RunSettings(epochs=3).as_dict(), **settings}, paused=False)
    assert guest.lack == ""
    assert process.host.guests == 1
    assert not process.run.controls.stopped


def test_whoever_looks_goes_and_the_run_goes_on(process: Process, look: Look) -> None:
    guest = look()
    until(lambda: process.host.guests == 1)
    guest.close()
    until(lambda: process.host.guests == 0)
    before = len(process.run.history)
    until(lambda: len(process.run.history) > before)
    assert process.run.status is Status.RUNNING


def test_when_its_process_goes_the_run_can_be_looked_at_and_says_why_no_more(process: Process, look: Look) -> None:
    guest = look()
    until(lambda: len(guest.history) > 3)
    process.host.close()
    until(lambda: guest.lack != "")
    assert guest.can == frozenset()
    guest.send(Stop())
    assert process.run.status is Status.RUNNING


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"socket": None}, "listens to nobody"),
        ({"socket": None, "unreachable": "/x is open to others"}, "listens to nobody: /x is open to others"),
        ({"socket": 7}, "listens to nobody"),
        ({"socket": "/nowhere/x.sock"}, "not a folder of yours"), ({"host": "elsewhere"}, "is on elsewhere"),
        ({"process": {**origin("1")["process"], "began": 1}}, "has ended"),
    ],
)  # fmt: skip
def test_who_cannot_be_reached_can_be_looked_at_and_it_is_told_why(
    process: Process, tmp_path: Path, facts: dict[str, Any], why: str
) -> None:
    from deadrelu_tui.record.codec import dump

    until(lambda: len(process.run.history) > 2)
    start = process.run.start
    (tmp_path / "x.run").write_bytes(dump([replace(start, facts={**start.facts, **facts})]))
    found = Attached(tmp_path / "x.run")
    assert why in found._lost
    assert found.can.isdisjoint({"stop", "pause", "restart"})
    found.close()


def test_a_socket_that_a_killed_process_has_left_is_recognised(process: Process, tmp_path: Path) -> None:
    stale = process.host.path.with_name("999999999-1.sock")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(stale))
    left.close()
    until(lambda: len(process.run.history) > 2)
    start = process.run.start
    from deadrelu_tui.record.codec import dump

    (tmp_path / "x.run").write_bytes(dump([replace(start, facts={**start.facts, "socket": str(stale)})]))
    found = Attached(tmp_path / "x.run")
    assert "cannot be reached: Connection refused" in found._lost
    found.close()
    process.host._clear()
    assert not stale.exists()


def test_a_socket_that_was_removed_is_made_anew_and_found_again(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_module, "AGAIN", 0.05)
    process.host._socket.settimeout(0.05)  # of what it listens at now
    shutil.rmtree(process.host.path.parent)
    guest = look()
    until(lambda: guest.lack == "" and guest.can >= {"pause"})
    guest.send(Pause())
    assert process.run.status is Status.PAUSED


def test_a_run_that_is_not_recorded_just_now_is_told_to_whoever_looks(process: Process, look: Look) -> None:
    guest = look()
    for kind, why in (("unrecorded", "No space left on device"), ("recorded", "")):
        process.run.history.add(Event(1, kind, {"fault": why}))
        until(lambda: guest.unrecorded == why)  # noqa: B023
        assert process.run.unrecorded == why


def test_a_file_that_was_removed_and_begun_anew_is_read_anew(process: Process, look: Look) -> None:
    guest = look()
    until(lambda: len(guest.history) > 20)
    guest.path.unlink()
    until(guest.path.exists)
    until(lambda: guest.history.first > 0 and len(guest.history) > 5)
    assert guest.status is Status.RUNNING
    guest.send(Stop())
    until(lambda: guest.status is Status.STOPPED)


def test_a_run_whose_process_was_killed_is_played_as_what_is_recorded(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: len(process.run.history) > 50)
    guest = look()
    until(lambda: len(guest.history) > 50)
    monkeypatch.setattr(attached_module, "lives", lambda *_: False)
    monkeypatch.setattr("deadrelu_tui.run.file.lives", lambda *_: False)
    process.host.close()
    until(lambda: guest.status is Status.CRASHED)
    guest.send(Play(1.0))
    until(lambda: 0 < len(guest.history) < 50)
    assert (guest.status, guest.lack, guest.speed.times) == (Status.RUNNING, "", 1.0)
    assert guest.can >= {"play", "pause"}
    assert guest.can.isdisjoint({"stop", "restart"})
    guest.send(Play(math.inf))
    until(lambda: guest.status is Status.CRASHED)


# What a full disk or a process that does not answer leaves unknown


@pytest.fixture
def full(process: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the disk be full from now on, as soon as the run in hand has its file."""
    until(lambda: len(process.run.history) > 5 and path_of(process._folder, process.run.start.run).exists())

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_append", refuse)
        yield


@pytest.mark.usefixtures("full")
def test_a_run_whose_end_cannot_be_written_has_ended_for_whoever_looks(process: Process, look: Look) -> None:
    guest = look()
    until(lambda: guest.unrecorded != "")
    guest.send(Stop())
    until(lambda: guest.status is Status.STOPPED and guest.unwritten != "")
    assert guest.unwritten == process.run.unwritten
    assert guest.unwritten.endswith(" steps are not recorded: No space left on device")
    process.host.close()
    until(lambda: not guest._connected)
    assert (guest.status, guest.unwritten) == (Status.RUNNING, process.run.unwritten)  # as long as its process lives


@pytest.mark.usefixtures("full")
def test_a_run_in_whose_place_another_was_begun_has_ended_though_its_file_does_not_say_so(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_module, "AGAIN", 0.1)
    guest = look()
    until(lambda: guest.unrecorded != "")
    began = guest.begin(RunSettings(epochs=100_000).as_dict(), paused=False)
    until(lambda: guest.successor == began)
    until(lambda: guest.status is Status.STOPPED)
    with pytest.raises(InputError):
        look(began)


def test_where_no_answer_comes_in_time_it_is_not_known_whether_a_run_was_begun(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_module, "PATIENCE", 0.1)
    begin, goes_on = process.begin, threading.Event()

    def late(values: Mapping[str, Any], paused: bool) -> Run:
        goes_on.wait(PATIENCE)
        return begin(values, paused)

    monkeypatch.setattr(process.session, "_begin", late)
    guest, settings = look(), RunSettings(epochs=100_000).as_dict()
    with pytest.raises(UnsureError, match="not known whether another run was begun: the process"):
        guest.begin(settings, paused=False)
    goes_on.set()
    until(lambda: guest.successor not in ("", guest.start.run))
    first = guest.successor
    monkeypatch.setattr(attached_module, "PATIENCE", PATIENCE)
    assert guest.begin(settings, paused=False) not in ("", first)  # and not the answer that came late


def test_where_the_connection_is_lost_meanwhile_it_is_not_known_either(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(host_module.Guest, "_restart", gone)
    guest = look()
    with pytest.raises(UnsureError, match="the connection was lost"):
        guest.begin(RunSettings().as_dict(), paused=False)
    process.host.close()
    until(lambda: guest.lack != "" and guest._connection is None)
    with pytest.raises(InputError) as told:
        guest.begin(RunSettings().as_dict(), paused=False)
    assert not isinstance(told.value, UnsureError)


# Who may


def test_socket_and_folder_are_for_nobody_else(process: Process) -> None:
    assert process.host.path.stat().st_mode & 0o777 == 0o600
    assert process.host.path.parent.stat().st_mode & 0o777 == 0o700
    process.host.close()
    assert not process.host.path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_cannot_connect(process: Process) -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            try:
                socket.socket(socket.AF_UNIX).connect(str(process.host.path))
            except PermissionError:
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_who_is_another_user_is_left_though_he_could_connect(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "peer", lambda _: os.getuid() + 1)
    with Stranger(process) as stranger:
        assert stranger.rest() == b""
    assert process.host.guests == 0


@pytest.mark.parametrize("fault", ["open to others", "a link", "a file", "of another"])
def test_a_folder_that_is_not_ours_alone_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place = tmp_path / "runtime"
    if fault == "a link":
        (tmp_path / "real").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "real")
    elif fault == "a file":
        place.write_text("")
    else:
        place.mkdir(mode=0o700)
        place.chmod(0o777 if fault == "open to others" else 0o700)
    if fault == "of another":
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    said = "is open to others; close it: chmod 700 /" if fault == "open to others" else "is not a folder of yours"
    with pytest.raises(InputError, match=said):
        wire.require_ours(place)


def test_without_a_runtime_folder_of_ours_there_is_one_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "run"
    ours.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(ours))
    long = len(str(ours)) > wire.LONGEST_PATH - 50
    other = Path(f"/tmp/deadrelu-{os.getuid()}")
    assert wire.folder() == (other if long else ours / "deadrelu-tui")
    for bad in ("", "/nowhere", str(tmp_path / ("x" * 120))):
        monkeypatch.setenv("XDG_RUNTIME_DIR", bad)
        assert wire.folder() == other


# What strangers say


class Stranger:
    """Somebody at the socket who says what it likes."""

    def __init__(self, process: Process) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(process.host.path))

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def rest(self) -> bytes:
        """Return all that comes until the connection is closed."""
        data = b""
        try:
            while more := self.socket.recv(1 << 16):
                data += more
        except ConnectionResetError:
            pass
        return data


HELLO = wire.frame({wire.HELLO: wire.VERSION})


def length(payload: bytes) -> bytes:
    return struct.pack("<I", len(payload)) + payload


def test_the_training_speaks_first_and_tells_a_version(process: Process) -> None:
    with Stranger(process) as stranger:
        (told, more), *_ = wire.Frames(1 << 20).feed(stranger.socket.recv(1 << 16))
    assert (told[wire.HELLO], told["run"], more) == (wire.VERSION, process.run.start.run, b"")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (wire.frame({wire.HELLO: 2}), "only version 1 is spoken here"), (wire.frame({}), "only version 1"),
        (wire.frame({"send": {"command": "stop"}}), "only version 1"),
        (HELLO + wire.frame({"send": {"command": "explode"}}), "no such command"),
        (HELLO + wire.frame({"send": {"command": "take", "steps": 1, "more": 2}}), "no such command"),
        (HELLO + wire.frame({"send": 7}), "no such command"), (HELLO + wire.frame({"do": "it"}), "no such request"),
        (HELLO + wire.frame({"want": "everything"}), "no such request"),
        (b"GET / HTTP/1.1\r\n\r\n", "is too long"), (b"\xff" * 64, "is too long"),
        (struct.pack("<I", wire.MOST + 1), "is too long"), (length(b"no json\n"), "begins with a line of JSON"),
        (length(b"[1,2]\n"), "tells names and values"), (length(b""), "begins with a line of JSON"),
        (length(b"[" * 60_000 + b"\n"), "begins with a line of JSON"),
    ],
)  # fmt: skip
def test_who_says_what_is_not_known_is_told_so_and_left(
    process: Process, capfd: pytest.CaptureFixture[str], said: bytes, why: str
) -> None:
    with Stranger(process) as stranger:
        stranger.say(said)
        answer = stranger.rest()
    faults = [told["fault"] for told, _ in wire.Frames(1 << 20).feed(answer) if "fault" in told]
    assert faults
    assert why in faults[0]
    until(lambda: process.host.guests == 0)
    assert why in capfd.readouterr().err
    assert process.run.status in ALIVE


def test_half_a_frame_and_silence_cost_nobody_else_anything(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "PATIENCE", 0.1)
    with Stranger(process) as silent, Stranger(process) as half:
        half.say(HELLO + wire.frame({"send": {"command": "stop"}})[:-3])
        assert silent.rest() != b""  # its greeting, and the end
        guest = look()
        guest.send(Pause())
        until(lambda: guest.status is Status.PAUSED)
    assert process.run.status is Status.PAUSED


def test_random_bytes_end_nothing(process: Process, look: Look) -> None:
    chosen = random.Random(5)
    for _ in range(60):
        with Stranger(process) as stranger:
            said = bytes(chosen.randrange(256) for _ in range(chosen.randrange(200)))
            command = {"command": chosen.choice(["change", "take", "speed"]), "x": chosen.random()}
            known = length(json.dumps({"send": command}).encode())
            with suppress(BrokenPipeError, ConnectionResetError):
                stranger.say(chosen.choice([HELLO, b""]) + chosen.choice([said, known]))
    guest = look()
    guest.send(Pause())
    until(lambda: guest.status is Status.PAUSED)


def test_no_more_than_so_many_look_at_a_time(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "GUESTS", 2)
    with Stranger(process), Stranger(process):
        until(lambda: process.host.guests == 2)
        with Stranger(process) as third:
            assert third.rest() == b""


def test_a_host_of_another_version_is_told_and_looked_at(
    process: Process, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hello(guest: host_module.Guest) -> None:
        guest._send({wire.HELLO: 99, "run": "x"})
        time.sleep(0.2)

    monkeypatch.setattr(host_module.Guest, "serve", hello)
    guest = look()
    assert guest.lack == "its process is of another version of deadrelu-tui"
    assert guest.status in ALIVE
    assert guest.can == frozenset()
