"""Joins a training that somebody has begun without us, in his own process, and leaves it again.

`join` is what is executed there. It only starts a thread: everything that takes time is done beside the training, and
what has to be done by its own thread takes some microseconds.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deadrelu_tui.watching.by_torch.finding import Found

LOOKED = 0.1
"""Seconds between two looks at whether somebody still watches."""
LET_GO = 0.5
"""Seconds without anybody who holds the run after which it is left."""
COMES = 15.0
"""Seconds within which whoever has joined is to come."""
WITHIN = 0.7
"""Seconds within which the training's own thread is to put something on, or take it off."""
Answer = Callable[[bytes], object]
_HERE = str(Path(__file__).parent.parent)
_joined: list[Joined] = []
"""What was joined and is not left yet: one at most."""
_one = threading.Lock()


def join(wanted: Mapping[str, Any], answer: Answer) -> None:
    """Begin to join the training of this process; the answer is JSON: the run's id and file, or a fault."""
    threading.Thread(target=_work, args=(wanted, answer), name="deadrelu-tui", daemon=True).start()


def _work(wanted: Mapping[str, Any], answer: Answer) -> None:
    from deadrelu_tui.errors import InputError, in_a_line

    def say(**told: Any) -> None:
        answer(json.dumps(told).encode())

    try:
        joined = Joined(wanted, say)
        joined.begin()
    except InputError as error:
        say(fault=str(error))
    except Exception as error:
        say(fault=f"{type(error).__name__}: {in_a_line(error)}")
    else:
        joined.stay()


class Joined:
    """One training, while it is joined."""

    def __init__(self, wanted: Mapping[str, Any], say: Callable[..., None]) -> None:
        """Take how it is to be watched. Raises InputError for a process that cannot be joined."""
        from deadrelu_tui import places
        from deadrelu_tui.errors import InputError

        if "torch" not in sys.modules:
            raise InputError("PyTorch is not loaded there")
        self.wanted, self._say = wanted, say
        home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        self.run: str = ""
        self._until = time.monotonic() + float(wanted["patience"])
        self._found: Found | None = None
        self._left, self._gone = threading.Event(), threading.Event()
        """Whether it is to be left, and whether nothing of it is there any more."""
        self._heard = threading.Event()
        self._fault = ""
        while (other := self._other()) is not None:
            if not other._left.is_set() or not other._gone.wait(self._left_to_wait):
                told = f": deadrelu-tui attach {other.run}" if other.run else ", or is about to be"
                raise InputError(f"it is joined already{told}")
        self._told = places.told
        places.told = Path(wanted.get("runs") or os.path.join(home, "deadrelu-tui", "runs"))

    def _other(self) -> Joined | None:
        """Return what is joined here already; if nothing is, this is it from now on: of several at once the first is.

        Raises InputError for a process that is watched otherwise.
        """
        from deadrelu_tui.errors import InputError
        from deadrelu_tui.watching import begun_here

        with _one:
            for each in _joined:
                return each
            for reference in begun_here:
                monitor = reference()
                if monitor is not None and monitor.run and not monitor.fault:
                    raise InputError(f"it is watched already: deadrelu-tui attach {monitor.run}")
            _joined.append(self)
            return None

    def begin(self) -> None:
        """Put on what finds the network at its next step, and wait for that. Raises InputError if none is taken; then
        all is as it was.
        """
        try:
            self._begin()
        except BaseException:
            self.leave()
            raise
        self._say(run=self.run, file=str(self._file()))

    def _begin(self) -> None:
        from deadrelu_tui.errors import InputError
        from deadrelu_tui.watching import between
        from deadrelu_tui.watching.by_torch.finding import Found

        self._wait_for_training()
        found, patience = Found(self.wanted, self._tell), float(self.wanted["patience"])
        if not between.do(found.begin, _passing, self._left_to_wait):
            raise InputError(f"its main thread sits in one call for {patience:g} s (--timeout waits longer)")
        self._found = found
        if not self._heard.wait(self._left_to_wait):
            raise InputError(f"it took no step within {patience:g} s (--timeout waits longer)")
        if self._fault or not self.run:
            raise InputError(self._fault)

    @property
    def _left_to_wait(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _wait_for_training(self) -> None:
        """Wait until there is something that trains: it may just be about to begin. Raises InputError if nothing is."""
        from deadrelu_tui.errors import InputError
        from deadrelu_tui.watching.by_torch.joined import trains

        again = 0.5
        while not trains():
            if again > self._left_to_wait:
                raise InputError("no network is trained there: PyTorch is loaded, but no optimizer and no gradient")
            time.sleep(again)  # to look costs the process some time
            again *= 2

    def _tell(self, **told: Any) -> None:
        self._fault = str(told.get("fault", ""))
        self.run = self.run or str(told.get("run", ""))
        self._heard.set()

    def _file(self) -> Path:
        from deadrelu_tui.places import runs_folder
        from deadrelu_tui.run.folder import path_of

        return path_of(runs_folder(), self.run)

    def stay(self) -> None:
        """Stay as long as somebody holds the run, or until the training ends."""
        assert self._found is not None
        guests = [each.monitor._guest for each in self._found.watched]
        guest = next((each for each in guests if each is not None), None)
        if guest is None or guest.host is None:
            self.leave()
            return
        host, since, came = guest.host, time.monotonic(), False
        host.leave = self._left.set
        while not self._left.wait(LOOKED):
            if guest.over or guest.fault is not None:
                break
            if self.wanted.get("stays"):
                continue
            if host.holders:
                came, since = True, time.monotonic()
            elif time.monotonic() - since > (LET_GO if came else COMES) or not (came or self._comes()):
                break
        self.leave()

    def _comes(self) -> bool:
        """Return whether whoever has joined lives, as far as that can be seen from here."""
        from deadrelu_tui.run.origin import process

        told = self.wanted.get("joiner")
        return told is None or process(int(told["pid"])) == told

    def leave(self) -> None:
        """Leave: what was put on is taken off, what was measured is recorded."""
        from deadrelu_tui import places
        from deadrelu_tui.record.commands import Resume
        from deadrelu_tui.record.records import Event
        from deadrelu_tui.watching import begun_here, between

        self._left.set()  # whoever comes now waits until this has gone
        found = self._found
        if found is not None:
            watched = list(found.watched)
            for each in watched:
                if (guest := each.monitor._guest) is not None and not guest.over:
                    guest.tell(Event(guest.step, "left", {}))
                    guest.controls.send(Resume())

            def let_go() -> None:
                found.leave()
                for each in watched:
                    if each.monitor._watching is not None:
                        each.monitor._watching.let_go()

            while not (between.do(let_go, _stepping, WITHIN) or between.do_beside(let_go, _stepping)):
                pass
            for each in watched:
                each.monitor.close()
            mine = {id(each.monitor) for each in watched}
            begun_here[:] = [each for each in begun_here if id(each()) not in mine and each() is not None]
        places.told = self._told
        if self in _joined:
            _joined.remove(self)
        self._gone.set()


def _stepping(frame: FrameType) -> bool:
    """Return whether an optimizer's hooks are gone through in a function, or something of ours is done."""
    file = frame.f_code.co_filename
    return file.startswith(_HERE) or (frame.f_code.co_name == "wrapper" and file.endswith("optimizer.py"))


def _passing(frame: FrameType) -> bool:
    """Return whether besides a network is passed through: what is called next within it is not the network."""
    code = frame.f_code
    return _stepping(frame) or (code.co_name == "_call_impl" and code.co_filename.endswith("module.py"))
