"""What goes over the socket between a training and those who look at it: frames of JSON, and bytes behind some.

A frame is its length (u32, little-endian), a line of JSON, and bytes. The training speaks first: `{"deadrelu-tui": 1}`
with the id of its run; whoever looks answers with the same version, or is told so and left; with `"holds": true`
besides if the run was joined for him alone, and is to be left when he goes. From there on a looker may send

- `{"send": COMMAND, "run": ID}`, a command as plain values (record.commands), which no other run is to obey;
- `{"begin": SETTINGS, "paused": false}`: end the run and begin another, answered by `{"began": ID}`, `{"fault": WHY}`;
- `{"leave": true}`: leave the training of somebody else that was joined, which goes on;
- `{"want": "parameters"}`, answered by `{"parameters": [[dtype, shape], …]}` and the arrays one after the other;

and is told `{"state": {…}, "done": N}` whenever that has changed: status, can, live, speed, error, and the id of the
run in hand, after the first N commands that it has sent.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.wording import printable

VERSION = 1
HELLO = "deadrelu-tui"
MOST = 1 << 16
"""Bytes of a frame that a training takes."""
MOST_BACK = 1 << 28
"""Bytes of a frame that a looker takes: parameters are large."""
LONGEST_PATH = 100
"""Bytes of a socket's path that every system takes."""
_LENGTH = struct.Struct("<I")


class WireError(Exception):
    """What came is no frame of ours; the message says in a line what it is."""


def frame(told: Mapping[str, Any], *more: bytes) -> bytes:
    """Return a frame."""
    payload = b"".join((json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass"), b"\n", *more))
    return _LENGTH.pack(len(payload)) + payload


class Frames:
    """Puts frames together from the bytes that come."""

    def __init__(self, most: int) -> None:
        self._most, self._data = most, bytearray()

    def feed(self, data: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """Return the frames that these bytes complete: what each tells, and the bytes behind it.

        Raises WireError for what is none.
        """
        self._data += data
        found = []
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > self._most:
                raise WireError(f"a frame of {length} bytes is too long: at most {self._most} are taken")
            end = _LENGTH.size + length
            if len(self._data) < end:
                break
            line, _, more = bytes(self._data[_LENGTH.size : end]).partition(b"\n")
            del self._data[:end]
            try:
                told = json.loads(line.decode("utf-8", "surrogatepass"))
            except (ValueError, RecursionError) as error:
                raise WireError("a frame begins with a line of JSON") from error
            if not isinstance(told, dict):
                raise WireError("a frame tells names and values")
            found.append((told, more))
        return found


def folder() -> Path:
    """Return the folder of this user's sockets, made if it is not there. Raises InputError where there can be none that
    is ours alone.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and len(os.fsencode(runtime)) <= LONGEST_PATH - 50 and _is_ours(Path(runtime)):
        place = Path(runtime) / "deadrelu-tui"
    else:
        place = Path("/tmp") / f"deadrelu-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"there can be no socket in {printable(str(place))}: {error.strerror}") from error
    require_ours(place)
    return place


def require_ours(place: Path) -> None:
    """Raise InputError for a folder that is not ours alone: who else can write there could stand in our place."""
    if not _is_ours(place):
        told = printable(str(place))
        if _is_ours(place, 0):
            raise InputError(f"{told} is open to others; close it: chmod 700 {told}")
        raise InputError(f"{told} is not a folder of yours that is closed to others")


def _is_ours(place: Path, closed: int = 0o077) -> bool:
    try:
        known = os.lstat(place)
    except OSError:
        return False
    return stat.S_ISDIR(known.st_mode) and known.st_uid == os.getuid() and not known.st_mode & closed


def peer(connection: socket.socket) -> int | None:
    """Return the user at the other end; None where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[1])
