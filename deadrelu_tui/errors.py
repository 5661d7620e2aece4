"""The exceptions that a user meets as sentences instead of tracebacks."""

import re

_AROUND = re.compile(r"^(Traceback \(most recent call last\)|Stack trace)", re.MULTILINE)


class NoRoomError(Exception):
    """This machine, or a limit of this process, is too narrow for what was asked.

    The message is one line that names memory, processes or disk; every command prints it and ends with exit code 1.
    """


class RunFailedError(Exception):
    """What ended a run elsewhere, or long ago, in the words that were recorded of it."""


class InputError(Exception):
    """Something given to us cannot be used.

    The message is one line that says what was wrong and what is allowed; every command prints it and ends
    with exit code 2.
    """


class UnsureError(InputError):
    """What was asked of another process may have been done all the same; the message is a line that says so."""


def in_a_line(error: BaseException) -> str:
    """Return what an error says, in a line; the error's kind if it says nothing.

    MXNet puts a Python traceback, a C++ one and the place in its sources around its line.
    """
    text = str(error)
    if _AROUND.search(text):
        kept = (line for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t")))
        text = next((line for line in kept if not _AROUND.match(line)), "")
    line = re.sub(r"^\[\d\d:\d\d:\d\d\] \S+?:\d+: ", "", " ".join(text.split()))
    return line.removeprefix(f"{type(error).__name__}: ") or type(error).__name__
