"""A run that lives in another process: seen by its file, asked through a socket. A Source."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any

import numpy as np

from deadrelu_tui.errors import InputError, UnsureError
from deadrelu_tui.record.commands import Command, Speed, as_data, can_obey
from deadrelu_tui.record.records import Live
from deadrelu_tui.run import wire
from deadrelu_tui.run.origin import lives
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.source import ALIVE, Status

AGAIN = 2.0
"""Seconds until a connection that was lost is tried again."""
ANSWERED = 1.0
"""Seconds for which an answer to a command is waited for."""
PATIENCE = 5.0
"""Seconds within which the other process answers."""

_UNSURE = "it is not known whether another run was begun"


def _said(word: object) -> Status | None:
    """Return what the process says of the run; None for what a later version of us says."""
    return next((each for each in Status if each.value == word), None)


def _reach(connection: socket.socket, where: str) -> None:
    """Connect, and wait if many others do so at the same time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            connection.connect(where)
            return
        time.sleep(0.01)
    raise TimeoutError("too many others wait there")


class Attached(Recorded):
    """A run of another process of the same user. Without a connection to it it can be looked at, and no more."""

    _followed = False

    def __init__(
        self, path: Path, read_only: bool = False, patience: float = PATIENCE, holds: bool = False, root: str = ""
    ) -> None:  # fmt: skip
        """Begin to read, and connect; the connection is made anew should it be lost. A file that is about to be written
        is waited for. Who `holds` a run has joined it: it is left when he goes. Its process may have a root folder of
        its own, as in a container: `root` is where that is seen from here. Raises InputError for what is no run's file.
        """
        self._holds, self._root = holds, root
        self._state: Mapping[str, Any] = {}
        self._read_only = read_only
        self._lost = ""
        """Why there is no connection; empty while there is one."""
        self._unwritten = ""
        self._ended: Status | None = None
        """How it has ended, as its process says."""
        self._left = 0.0
        """Since when its process has another run in hand."""
        self._connection: socket.socket | None = None
        self._wanted: list[Future[list[Any]]] = []
        self._answers: list[Future[str]] = []
        """Of those who have asked for another run, waiting still or not: who asked first is answered first."""
        self._sent = self._done = 0
        """Commands that were sent, and those that are known to be in force."""
        self._lock = threading.Lock()
        super().__init__(path, patience)
        first = threading.Event()
        threading.Thread(target=self._stay, args=(first,), name="attached", daemon=True).start()
        first.wait(PATIENCE)

    def _connect(self) -> socket.socket:
        where = self.start.facts.get("socket")
        if self.start.facts.get("host") != socket.gethostname() and not self._root:
            raise InputError(f"run {self.start.run} is on {self.start.facts.get('host')}; commands are taken there")
        if not lives(self.start.facts, 0.0):
            raise InputError(f"run {self.start.run} has ended")
        if not isinstance(where, str):
            why = self.start.facts.get("unreachable")
            raise InputError(f"run {self.start.run} listens to nobody{f': {why}' if why else ''}")
        where = f"{self._root}{where}"
        wire.require_ours(Path(where).parent)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(PATIENCE)
            _reach(connection, where)
            if wire.peer(connection) not in (None, os.getuid()):
                raise InputError("another user listens there")
        except OSError as error:
            connection.close()
            raise InputError(f"run {self.start.run} cannot be reached: {error.strerror or error}") from error
        return connection

    # What it says

    @property
    def status(self) -> Status:
        """What the run is doing: as its process says, but not before its file tells the end."""
        read = super().status
        if self._playing or read is Status.READING or self._tail.end is not None:
            return read
        if not self._connected:
            if read is Status.CRASHED and self._ended is not None:
                return self._ended
            return Status.STOPPED if self._left and time.monotonic() - self._left > AGAIN else read
        now = _said(self._state["status"])
        ended = now not in ALIVE and not self._state.get("unrecorded")  # its file will tell
        return Status.RUNNING if now is None or ended else now

    @property
    def _connected(self) -> bool:
        return self._connection is not None and self._state.get("run") == self.start.run

    @property
    def lack(self) -> str:
        """Why nothing can be asked of it though it lives; empty if something can."""
        if self._playing or self.status not in ALIVE:
            return ""
        return "it was opened to look at it only" if self._read_only else self._lost

    @property
    def can(self) -> frozenset[str]:
        """What it can be asked to do, as its process says."""
        if self._read_only:
            return frozenset()
        if not self._connected:
            return super().can if self._playing or self.status not in ALIVE else frozenset()
        can = frozenset[str](self._state["can"])
        if self._tail.end is None:
            return can
        known = self._state["status"] == Status.FINISHED.value  # or else what it says is of the moment before
        return can - {"pause", "stop", "revive", "speed"} - (set() if known else {"train_on"})

    @property
    def live(self) -> Live:
        """What is set for the next step."""
        live: Live = self._state["live"] if self._connected else super().live
        return live

    @property
    def speed(self) -> Speed:
        """How fast it is asked to go."""
        return Speed(*self._state["speed"]) if self._connected else super().speed

    @property
    def unrecorded(self) -> str:
        """Why it is not recorded just now, as its process says: its file cannot tell."""
        return str(self._state.get("unrecorded", "")) if self._connected else super().unrecorded

    @property
    def unwritten(self) -> str:
        """What is to be said of steps that are in no file, as its process has said last: the file may not tell."""
        return super().unwritten or self._unwritten

    @property
    def successor(self) -> str:
        """The id of the run that its process has begun in its place; empty without one."""
        now = self._state.get("run", "")
        return "" if self._connection is None or now == self.start.run else str(now)

    # What it is asked

    def parameters(self) -> Future[list[Any]] | None:
        """Ask for a copy of the parameters as they are between two steps; None where nobody can be asked."""
        if not self._connected or self.status not in (Status.RUNNING, Status.PAUSED):
            return None
        wanted: Future[list[Any]] = Future()
        with self._lock:
            self._wanted.append(wanted)
        self._ask({"want": "parameters"})
        return wanted

    def send(self, command: Command) -> None:
        """Ask for something. What the run cannot do is left undone."""
        if self._connected and can_obey(self.can, command):
            with self._asked:
                self._sent += 1
            self._ask({"send": as_data(command), "run": self.start.run})
            with self._asked:  # what was asked holds when this returns, as with a run of this process
                self._asked.wait_for(lambda: self._done >= self._sent or not self._connected, ANSWERED)
        elif not self._connected:
            super().send(command)

    def begin(self, settings: Mapping[str, Any], paused: bool) -> str:
        """Have its process end it and begin another run; return the id of that.

        Raises InputError where that cannot be, and UnsureError where it is not known whether it was done.
        """
        if self._connection is None:
            raise InputError(self._lost)
        answer: Future[str] = Future()
        with self._lock:
            self._answers.append(answer)
        self._ask({"begin": dict(settings), "paused": paused})
        try:
            return answer.result(PATIENCE)
        except (FutureTimeoutError, TimeoutError) as error:  # which are the same from Python 3.11 on
            raise UnsureError(f"{_UNSURE}: the process of run {self.start.run} does not answer") from error

    def leave(self) -> None:
        """Have a training be left that was joined; it goes on."""
        self._ask({"leave": True})

    def close(self) -> None:
        """Look no more. The run goes on."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        super().close()

    def _ask(self, told: Mapping[str, Any]) -> None:
        connection = self._connection
        if connection is not None:
            try:
                with self._lock:
                    connection.sendall(wire.frame(told))
            except OSError as error:
                self._lose(str(error.strerror or error))

    # In the thread that hears

    def _stay(self, first: threading.Event) -> None:
        """Be connected as long as its process lives and speaks our language; `first` says that it was tried."""
        understood = True
        while understood and not self._closed:
            try:
                connection = self._connect()
            except (OSError, InputError) as error:
                self._lost = str(error)
            else:
                self._lost, self._state, self._sent, self._done = "", {}, 0, 0
                self._connection = connection
                understood = self._hear(connection, first)
            first.set()
            with self._asked:
                self._asked.wait_for(lambda: self._closed, AGAIN)
            if not lives(self.start.facts, 0.0):
                return

    def _hear(self, connection: socket.socket, first: threading.Event) -> bool:
        """Take what its process says until there is no more; return whether it was understood."""
        frames = wire.Frames(wire.MOST_BACK)
        connection.settimeout(None)
        try:
            while data := connection.recv(1 << 16):
                for told, more in frames.feed(data):
                    self._take(told, more)
                    if self._state:
                        first.set()
        except OSError as error:
            self._lose(str(error.strerror or error))
        except (wire.WireError, KeyError, TypeError, ValueError) as error:
            self._lose(str(error))
            return False
        else:
            self._lose("its process has gone")
        return True

    def _take(self, told: Mapping[str, Any], more: bytes) -> None:
        if wire.HELLO in told:
            if told[wire.HELLO] != wire.VERSION:
                raise wire.WireError("its process is of another version of deadrelu-tui")
            self._ask({wire.HELLO: wire.VERSION, **({"holds": True} if self._holds else {})})
        elif "state" in told:
            with self._asked:
                self._state, self._done = dict(told["state"]), int(told["done"])
                self._hear_of_it(self._state)
                self._asked.notify_all()
        elif "parameters" in told:
            with self._lock:
                wanted = self._wanted.pop(0) if self._wanted else Future()
            arrays, at = [], 0
            for kind, shape in told["parameters"]:
                array = np.frombuffer(more, kind, int(np.prod(shape)), at).reshape(shape)
                arrays.append(array)
                at += array.nbytes
            if arrays:
                wanted.set_result(arrays)
        elif "began" in told or "fault" in told:
            with self._lock:
                answer = self._answers.pop(0) if self._answers else None
            if answer is None:
                raise wire.WireError(str(told.get("fault", "nobody has asked for that")))
            if "began" in told:
                answer.set_result(str(told["began"]))
            else:
                answer.set_exception(InputError(str(told["fault"])))

    def _hear_of_it(self, state: Mapping[str, Any]) -> None:
        """Keep what its file may never tell: how it ended, what is in no file, that another run has its place."""
        if state.get("run") == self.start.run:
            self._left, self._unwritten = 0.0, str(state.get("unwritten", ""))
            now = _said(state.get("status"))
            self._ended = None if now in ALIVE else now
        else:
            self._left = self._left or time.monotonic()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        with self._lock:
            self._wanted.clear()
            answers, self._answers = self._answers, []
        for answer in answers:
            answer.set_exception(UnsureError(f"{_UNSURE}: the connection was lost: {self._lost}"))
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        with self._asked:
            self._asked.notify_all()
