"""Runs found by the sockets at which their processes listen: of one that has no file yet nothing else is known."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from deadrelu_tui.record.commands import Command, as_data
from deadrelu_tui.run import wire
from deadrelu_tui.run.origin import process
from deadrelu_tui.run.source import ALIVE

ANSWERS = 1.0
"""Seconds within which a process says which run it has in hand."""


class Caller:
    """One who orders a run of another process, and sees nothing of it."""

    def __init__(self, path: Path) -> None:
        """Connect to a socket. Raises OSError or WireError where nobody of ours listens."""
        self.path = path
        self.unwritten = ""
        """What its process has said of steps that are in no file."""
        self._frames = wire.Frames(wire.MOST_BACK)
        self._told = list[dict[str, Any]]()
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connection.settimeout(ANSWERS)
            self._connection.connect(str(path))
            if wire.peer(self._connection) not in (None, os.getuid()):
                raise wire.WireError("another user listens there")
            hello = self._next()
            if hello is None or hello.get(wire.HELLO) != wire.VERSION:
                raise wire.WireError("another version of deadrelu-tui listens there")
            self.run = str(hello.get("run", ""))
            self._send({wire.HELLO: wire.VERSION})
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._connection.close()

    @property
    def pid(self) -> int | None:
        """The process that listens there, if it is certainly the one that made the socket."""
        pid, _, began = self.path.stem.partition("-")
        there = pid.isdigit() and str(process(int(pid))["began"]) == began
        return int(pid) if there else None

    def order(self, command: Command) -> None:
        """Ask the run for something."""
        self._send({"send": as_data(command), "run": self.run})

    def ends(self, patience: float) -> bool:
        """Wait for the end of the run, or of its process, no longer than so; return whether it came."""
        until = time.monotonic() + patience
        alive = {each.value for each in ALIVE}
        try:
            while (left := until - time.monotonic()) > 0:
                self._connection.settimeout(left)
                told = self._next()
                if told is None:
                    return True
                state = told.get("state")
                if isinstance(state, dict):
                    if state.get("run") != self.run:
                        return True
                    self.unwritten = str(state.get("unwritten", ""))
                    if state.get("status") not in alive:
                        return True
        except TimeoutError:
            pass
        except OSError:
            return True
        return False

    def _next(self) -> dict[str, Any] | None:
        """Return what is told next; None where the other one has gone."""
        while not self._told:
            data = self._connection.recv(1 << 16)
            if not data:
                return None
            self._told += [told for told, _ in self._frames.feed(data)]
        return self._told.pop(0)

    def _send(self, told: dict[str, Any]) -> None:
        self._connection.sendall(wire.frame(told))


def listening() -> Iterator[tuple[str, Path]]:
    """Yield the id of the run in hand of each process of ours, and where it listens. Raises InputError where there
    is no folder of sockets that is ours alone.
    """
    for path in sorted(wire.folder().glob("*.sock")):
        with suppress(OSError, wire.WireError), Caller(path) as caller:
            yield caller.run, path
