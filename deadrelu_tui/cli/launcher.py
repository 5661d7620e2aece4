"""The process that a shell waits for, and the one that trains.

A training cannot leave the process it is in. So that it can go on when its terminal goes, or gives the shell its prompt
back, two processes share the work from the start: the first one, whose end the shell waits for, does nothing but pass
on what is asked of it and end as the second one ends; the second one does all else. It is forked before anything that
starts threads is loaded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import NoReturn

PASSED_ON = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR1,
    signal.SIGUSR2, signal.SIGWINCH,
)  # fmt: skip
_GOES_ON, _WORDS_END = b"d", b"\0"


class Launched:
    """The second process, as it knows of the first."""

    def __init__(self, tell: int | None, shell: bool) -> None:
        self._tell = tell
        self.shell = shell
        """Whether there is a shell that could continue what is stopped."""

    @property
    def can_go_on(self) -> bool:
        """Whether this process can go on alone."""
        return self._tell is not None

    def go_on(self, words: str, to: int = 2) -> None:
        """Have the first process end well, with some last words to stdout (1) or stderr (2); from now on this one is
        alone. Whoever calls has no descriptor of a terminal left.
        """
        if self._tell is None:
            return
        with contextlib.suppress(OSError):
            os.setsid()
        tell, self._tell = self._tell, None
        with contextlib.suppress(OSError):
            os.write(tell, _GOES_ON + b"%d" % to + words.encode("utf-8", "replace") + _WORDS_END)
        os.close(tell)

    def _end_with_it(self, lives: int) -> None:
        """End as the first process has ended: nobody is to find this one running who has killed that one."""
        while os.read(lives, 1):
            pass
        if self._tell is not None:
            os.kill(os.getpid(), signal.SIGKILL)


def launch() -> Launched:
    """Return in the second process; the first one never returns. Where there can be no second, return in the first."""
    shell = os.getsid(os.getppid()) == os.getsid(0)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    heard, tell = os.pipe()
    lives, living = os.pipe()
    handled = {number: signal.getsignal(number) for number in PASSED_ON}
    ignored = {number for number, how in handled.items() if how is signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        child = os.fork()
    except OSError:  # so many processes are not allowed
        for each in (heard, tell, lives, living):
            os.close(each)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return Launched(None, shell)
    if child:
        os.close(tell)
        os.close(lives)
        _wait(child, heard, ignored)
    os.close(heard)
    os.close(living)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    launched = Launched(tell, shell)
    threading.Thread(target=launched._end_with_it, args=(lives,), name="launcher", daemon=True).start()
    return launched


def _wait(child: int, heard: int, ignored: set[signal.Signals]) -> NoReturn:
    """Pass on signals to the second process, stop where it stops, and end as it ends."""

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    def changed(_number: int, _frame: object) -> None:
        while True:
            try:
                known, how = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if not known:
                return
            if not os.WIFSTOPPED(how):
                _end(how)
            os.kill(os.getpid(), signal.SIGSTOP)  # until somebody continues both

    for number in PASSED_ON:
        if number not in ignored:
            signal.signal(number, pass_on)
    signal.signal(signal.SIGCHLD, changed)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    changed(0, None)  # it may have ended meanwhile
    told = b""
    while more := os.read(heard, 1024):
        told += more
    if told.startswith(_GOES_ON):
        words = told[2:].partition(_WORDS_END)[0]
        with contextlib.suppress(OSError):
            os.write(int(told[1:2]), words)
        os._exit(0)
    while True:  # it ends
        with contextlib.suppress(ChildProcessError):
            _, how = os.waitpid(child, os.WUNTRACED)
            if not os.WIFSTOPPED(how):
                _end(how)


def _end(how: int) -> NoReturn:
    if os.WIFSIGNALED(how):
        number = os.WTERMSIG(how)
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core file is enough
        with contextlib.suppress(OSError):  # SIGKILL and SIGSTOP have no other handler
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(how) & 0xFF)
