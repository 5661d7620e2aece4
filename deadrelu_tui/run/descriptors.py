"""Descriptors that are nobody's streams: whoever has closed his own must not find ours in their place."""

from __future__ import annotations

import fcntl
import os
import socket

STREAMS = 3


def apart(descriptor: int) -> int:
    """Return a descriptor of the same file above those of the streams, in the place of one that is not."""
    if descriptor >= STREAMS:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, STREAMS)
    finally:
        os.close(descriptor)


def socket_apart(found: socket.socket) -> socket.socket:
    """Return a socket with such a descriptor, in the place of one without."""
    if found.fileno() >= STREAMS:
        return found
    family, kind = found.family, found.type
    return socket.socket(family, kind, fileno=apart(found.detach()))
