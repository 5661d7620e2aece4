"""Who lets a run be looked at from elsewhere: it listens at a socket of the user's for what the run is asked to do.

What there is to see stands in the run's file. The socket is in the runtime folder, open to nobody else; whoever sends
what is no frame of ours is left, and nothing else comes of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any

import numpy as np

from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.record.commands import of_data
from deadrelu_tui.run import wire
from deadrelu_tui.run.descriptors import socket_apart
from deadrelu_tui.run.origin import process
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import Source

TICK = 0.05
"""Seconds between two looks at whether there is anything to tell."""
GUESTS = 16
"""Who may look at a time."""
WAITING = 128
"""Who may wait to be let in."""
RENEWED = 2.0
"""Seconds between two looks at whether the socket is still there."""
PATIENCE = 5.0
"""Seconds within which a looker says who it is, and takes what it is told."""
Begin = Callable[[Mapping[str, Any], bool], Source]
"""Ends the run in hand and begins another, held or not."""


def state_of(run: Source) -> dict[str, Any]:
    """Return what a run is doing and can be asked, as plain values."""
    error = run.error
    speed = run.speed
    return {
        "run": run.start.run, "status": run.status.value, "can": sorted(run.can), "live": dict(run.live),
        "speed": [speed.per_second, speed.steps], "error": None if error is None else in_a_line(error),
        "unrecorded": run.unrecorded, "unwritten": run.unwritten,
    }  # fmt: skip


def socket_of(pid: int, another: int = 0) -> str:
    """Return where a process listens, or where it does for another of its runs. Raises InputError where no folder for
    that is to be had.
    """
    which = f"-{another}" if another else ""
    return str(wire.folder() / f"{pid}-{process(pid)['began']}{which}.sock")


class Host:
    """Listens for those who look at the runs of a session, each in a thread of its own."""

    def __init__(
        self, session: Session, begin: Begin, hurry: Callable[[bool], None] = lambda _: None, another: int = 0
    ) -> None:
        """Take the session, what begins another run in it, what has records written at once while somebody looks, and
        which one of the process's it is.

        Raises InputError where no socket can be had.
        """
        self.begin = begin
        self._session, self._hurry = session, hurry
        self.leave: Callable[[], None] = lambda: None
        """Called when somebody asks to leave what was joined."""
        self.holders = 0
        """How many look for whom alone the run was joined."""
        self._closed = threading.Event()
        self._guests = 0
        self._lock = threading.Lock()
        self.path = Path(socket_of(os.getpid(), another))
        self._clear()
        self._socket = self._bound()
        self._thread = threading.Thread(target=self._listen, name="host", daemon=True)
        self._thread.start()

    def _bound(self) -> socket.socket:
        """Return a socket that listens. Raises InputError where there can be none."""
        bound = socket_apart(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            bound.bind(str(self.path))
            os.chmod(self.path, 0o600)  # its folder is closed to others, too
            bound.listen(WAITING)
        except OSError as error:
            bound.close()
            raise InputError(f"there can be no socket at {self.path}: {error.strerror}") from error
        bound.settimeout(RENEWED)
        return bound

    def _renew(self) -> None:
        """Listen anew where the socket was removed: a runtime folder goes with the last login, and comes again."""
        if not self.path.exists():
            with contextlib.suppress(InputError, OSError):
                self.path.parent.mkdir(mode=0o700, exist_ok=True)
                wire.require_ours(self.path.parent)
                fresh = self._bound()
                self._socket.close()
                self._socket = fresh

    @property
    def guests(self) -> int:
        """How many look."""
        return self._guests

    def close(self) -> None:
        """Listen no more."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.settimeout(TICK)
            last.connect(str(self.path))  # whoever listens is woken so
        with contextlib.suppress(OSError):
            self.path.unlink()
        self._thread.join(PATIENCE)
        self._socket.close()

    def forked(self) -> None:
        """Let go of what a process forked from this one has of it: whoever looks is to see this one end."""
        self._closed.set()
        self._socket.close()

    def _clear(self) -> None:
        """Remove what processes have left that were killed, ours of this name included."""
        for each in self.path.parent.glob("*.sock"):
            pid, _, began = each.stem.partition("-")
            began = began.partition("-")[0]
            if each == self.path or (pid.isdigit() and str(process(int(pid))["began"]) != began):
                with contextlib.suppress(OSError):
                    each.unlink()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError as error:  # it takes long, too many files are open, or somebody has left while he waited
                if isinstance(error, TimeoutError):
                    self._renew()
                else:
                    self._closed.wait(TICK)
                continue
            connection = socket_apart(connection)
            connection.setblocking(True)
            if self._closed.is_set():
                connection.close()
                return
            if wire.peer(connection) not in (None, os.getuid()) or self._guests >= GUESTS:
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="guest", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._count(1)
        try:
            with connection:
                Guest(connection, self._session, self, self._closed).serve()
        except OSError:
            pass  # it has gone
        except wire.WireError as error:
            with contextlib.suppress(Exception):  # there may be nowhere to say it
                print(f"deadrelu-tui: somebody who looked was left: {in_a_line(error)}", file=sys.stderr, flush=True)
        finally:
            self._count(-1)

    def holds(self, more: int) -> None:
        """Note that one more holds the run, or one less."""
        with self._lock:
            self.holders += more

    def _count(self, more: int) -> None:
        with self._lock:
            self._guests += more
            self._hurry(self._guests > 0)


class Guest:
    """One who looks."""

    def __init__(self, connection: socket.socket, session: Session, host: Host, closed: threading.Event) -> None:
        self._connection, self._session, self._host, self._closed = connection, session, host, closed
        self._holds = False
        self._frames = wire.Frames(wire.MOST)
        self._known = False
        self._told: dict[str, Any] = {}
        self._done = 0
        """Commands that were obeyed, or could not be."""

    def serve(self) -> None:
        """Do what is asked and tell what has changed, until the other one goes. Raises WireError for what is no frame
        of ours.
        """
        try:
            self._serve()
        finally:
            if self._holds:
                self._host.holds(-1)

    def _serve(self) -> None:
        self._connection.settimeout(PATIENCE)
        self._send({wire.HELLO: wire.VERSION, "run": self._session.in_hand.start.run})
        while not self._closed.is_set():
            self._connection.settimeout(TICK if self._known else PATIENCE)
            try:
                data = self._connection.recv(wire.MOST)
            except TimeoutError:
                if not self._known:
                    raise wire.WireError("it did not say who it is") from None
            else:
                if not data:
                    return
                try:
                    for told, _ in self._frames.feed(data):
                        self._hear(told)
                except wire.WireError as error:
                    with contextlib.suppress(OSError):
                        self._send({"fault": str(error)})
                    raise
            if self._known:
                self._tell()

    def _hear(self, told: Mapping[str, Any]) -> None:
        if not self._known:
            if told.get(wire.HELLO) != wire.VERSION:
                raise wire.WireError(f"only version {wire.VERSION} is spoken here")
            self._known, self._holds = True, told.get("holds") is True
            if self._holds:
                self._host.holds(1)
        elif told.get("leave") is True:
            self._host.leave()
        elif "send" in told:
            try:
                command = of_data(told["send"])
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise wire.WireError("there is no such command") from error
            self._session.send(command, str(told.get("run", "")))  # by then another run may be in hand
            self._done += 1
        elif "begin" in told:
            self._restart(told["begin"], told.get("paused") is True)
        elif told.get("want") == "parameters":
            self._give_parameters()
        else:
            raise wire.WireError("there is no such request")

    def _restart(self, settings: object, paused: bool) -> None:
        try:
            if not isinstance(settings, dict):
                raise InputError("settings are names and values")
            self._send({"began": self._host.begin(settings, paused).start.run})
        except Exception as error:  # whoever asks for what cannot be is told so, and the run goes on
            self._send({"fault": in_a_line(error)})

    def _give_parameters(self) -> None:
        wanted = self._session.in_hand.parameters()
        try:
            found = [] if wanted is None else [np.asarray(each) for each in wanted.result(PATIENCE)]
        except (FutureTimeoutError, TimeoutError):  # it may just have ended
            found = []
        self._send({"parameters": [[each.dtype.str, list(each.shape)] for each in found]},
                   *(np.ascontiguousarray(each).tobytes() for each in found))  # fmt: skip

    def _tell(self) -> None:
        told = {"state": state_of(self._session.in_hand), "done": self._done}
        if told != self._told:
            self._told = told
            self._send(told)

    def _send(self, told: Mapping[str, Any], *more: bytes) -> None:
        self._connection.settimeout(PATIENCE)
        self._connection.sendall(wire.frame(told, *more))
