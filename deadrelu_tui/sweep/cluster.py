"""Workers, by Dask's distributed scheduler: processes of this machine, or wherever somebody has some. The one place
that knows Dask.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import queue
import re
import stat
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.sweep.wanted import Computed, Wanted

if TYPE_CHECKING:
    from distributed import Client, Future, SpecCluster

EXTRA = "pip install 'deadrelu-tui[sweep]', or in a clone: pip install '.[sweep]'"
CONNECTS = 5.0
"""Seconds within which a scheduler has to answer."""
COUNTED = 1.0
"""Seconds between two looks at how many workers there are."""
ENDS = 2.0
"""Seconds that workers of ours may take to end."""
AGAIN = 1
"""How often a run is computed anew whose worker was killed."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1)
"""What stands in the environment of workers of ours, unless it stands in ours. Dask would also have them give memory
back as soon as they can (MALLOC_TRIM_THRESHOLD_): then each step asks for its pages anew, and takes a third longer.
"""
LOST = "whoever computed it was killed, twice"
GPU = "GPU"
"""What a worker that has one calls it among its resources."""
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^\s/:]+(:\d{1,5})?/?|(tcp|tls|ws|wss)://\[[0-9a-fA-F:]+\](:\d{1,5})?/?")
ANSWERS = 60.0
"""Seconds within which a worker has to hand over what it has computed."""
_KEY = "deadrelu-tui-"
_QUIET = ("distributed", "tornado.application", "asyncio", "bokeh")
Compute = Callable[[Wanted], Computed]


class GoneError(Exception):
    """There is nobody who computes, or nobody any more; the message is a line that says so."""


class LostError(Exception):
    """Whoever computed something was killed, and once more whoever computed it again."""


def require() -> None:
    """Raise InputError where Dask is not installed."""
    try:
        import cryptography
        import distributed
    except ImportError as error:
        raise InputError(f"a sweep needs Dask's distributed ({error.name} is not installed): {EXTRA}") from error
    del cryptography, distributed


def cores() -> int:
    """Return on how many processors this process may compute: a container may have fewer than its machine."""
    from dask.system import CPU_COUNT

    return max(1, int(CPU_COUNT))


def checked_address(text: str) -> str:
    """Return the address of a scheduler. Raises InputError for what is none."""
    if not _ADDRESS.fullmatch(text):
        raise InputError(f"scheduler must be an address such as tcp://host:8786, not {text[:60]!r}")
    return text


class Cluster:
    """Workers, and the link to them."""

    def __init__(
        self, client: Client, where: str, own: SpecCluster | None = None, needs: Mapping[str, int] = {}
    ) -> None:
        """Take the link, what to call the place, the cluster if it is ours, and what each run needs of a worker."""
        self._client, self._own, self._needs = client, own, dict(needs)
        self.where = where
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._answered = dict[str, "Future"]()
        self._out = 0
        """How many runs are given out and not answered."""
        self._threads, self._counted = 0, -math.inf

    @classmethod
    def here(cls, workers: int, gpus: Sequence[str] = ()) -> Cluster:
        """Begin processes of this machine with one training thread each, which share GPUs if some are given.

        Between them they speak by TLS with a key of this sweep: on a loopback without one, any user of the machine
        could have them compute whatever he wants.
        """
        import dask
        from distributed import Client, Nanny, Scheduler, SpecCluster
        from distributed.security import Security

        _hush()
        security, scratch = Security.temporary(), _scratch()
        dask.config.set({
            "distributed.scheduler.allowed-failures": AGAIN,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.nanny.pre-spawn-environ": ONE_THREAD,
            "temporary-directory": scratch,
        })  # fmt: skip
        common = {"host": "127.0.0.1", "protocol": "tls://", "security": security}
        own = {
            **common, "nthreads": 1, "memory_limit": 0, "silence_logs": logging.CRITICAL, "local_directory": scratch,
            "dashboard": False, "dashboard_address": "127.0.0.1:0", "resources": {GPU: 1} if gpus else {},
        }  # fmt: skip
        spec = {}
        for index in range(workers):
            env = {"CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)]} if gpus else {}
            spec[index] = {"cls": Nanny, "options": {**own, "env": env}}
        scheduler = {
            "cls": Scheduler,
            "options": {**common, "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        }
        cluster = None
        try:
            cluster = SpecCluster(workers=spec, scheduler=scheduler, silence_logs=logging.CRITICAL, security=security)
            made = cls(Client(cluster, timeout=60, set_as_default=False), _workers(workers), cluster)
        except Exception as error:
            if cluster is not None:
                cluster.close(timeout=ENDS)
            raise GoneError(f"no workers can be begun here: {in_a_line(_first(error))}") from error
        return made

    @classmethod
    def at(cls, address: str, gpu: bool) -> Cluster:
        """Go to a scheduler that somebody has begun; each run wants a GPU of its worker, or does not.

        Raises InputError where none answers in time.
        """
        checked_address(address)
        from distributed import Client

        _hush()
        try:
            asyncio.run(asyncio.wait_for(_answers(address), CONNECTS))
            client = Client(address, timeout=CONNECTS, set_as_default=False)
        except (Exception, asyncio.CancelledError) as error:
            # What is no scheduler may answer whatever it likes; what is wrong here is told by these.
            wrong = isinstance(error, (TypeError, ValueError, ImportError))
            told = in_a_line(error) if wrong else "nothing answers there as a scheduler does"
            raise InputError(f"the scheduler at {address} cannot be reached: {told}") from error
        return cls(client, address, needs={GPU: 1} if gpu else {})

    @property
    def threads(self) -> int:
        """How many runs can be computed at once. Raises GoneError if nobody can tell."""
        if time.monotonic() - self._counted > COUNTED:
            self._counted = time.monotonic()
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception as error:
                raise GoneError(f"the scheduler at {self.where} does not answer any more") from error
        return self._threads

    def submit(self, compute: Compute, wanted: Wanted) -> None:
        """Have something computed by some worker."""
        future = self._client.submit(
            compute, wanted, key=f"{_KEY}{wanted.run}", pure=False, resources=self._needs or None
        )
        future.add_done_callback(self._ended.put)
        self._out += 1

    def ended(self, patience: float) -> str:
        """Return the id of a run that has ended since; empty if none does within some seconds."""
        try:
            future = self._ended.get(timeout=patience)
        except queue.Empty:
            return ""
        run = str(future.key).removeprefix(_KEY)
        self._answered[run] = future
        return run

    def answer(self, run: str) -> Computed | Exception | None:
        """Return what came of a run that has ended; None if its worker was killed before it could be asked: then it
        will end again. Raises GoneError if the scheduler has gone.
        """
        from distributed.scheduler import KilledWorker

        future = self._answered.pop(run)
        self._out -= 1
        try:
            if future.status == "finished":
                computed: Computed = future.result(timeout=ANSWERS)
                return computed
            if future.status == "error":
                error: Exception = future.exception(timeout=ANSWERS)
                return LostError(LOST) if isinstance(error, KilledWorker) else error
            if future.status in ("pending", "lost"):
                self._out += 1
                future.add_done_callback(self._ended.put)
                return None
        except (OSError, TimeoutError) as error:
            raise GoneError(f"the scheduler at {self.where} does not answer any more") from error
        except Exception as error:
            return error
        raise GoneError(f"the scheduler at {self.where} has gone")

    def close(self) -> None:
        """End what is ours, at once: what is being computed is computed another time."""
        with suppress(Exception):
            if self._own is not None and self._out:
                for nanny in list(self._own.workers.values()):
                    with suppress(Exception):
                        os.kill(nanny.pid, 9)
        with suppress(Exception):
            self._client.close(timeout=ENDS)
        with suppress(Exception):
            if self._own is not None:
                self._own.close(timeout=ENDS)


async def _answers(address: str) -> None:
    """Ask a scheduler who it is. A client that met none would try on while it is thrown away."""
    from distributed.core import rpc
    from distributed.security import Security

    async with rpc(address, timeout=CONNECTS, connection_args=Security().get_connection_args("client")) as scheduler:
        if (await scheduler.identity()).get("type") != "Scheduler":
            raise OSError("somebody else answers there")


def _scratch() -> str:
    """Return a folder for what workers lay down: always the same, so that what a killed sweep has left is removed by
    the next one; but nobody else's.
    """
    path = Path(tempfile.gettempdir(), f"deadrelu-tui-{os.getuid()}")
    with suppress(OSError):
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return str(path)
    return tempfile.mkdtemp(prefix="deadrelu-tui-")


def _first(error: BaseException) -> BaseException:
    """Return what an error came of."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _workers(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'} here"


def _hush() -> None:
    """Have Dask say nothing on a terminal that belongs to others: what is to be known is told by what it raises."""
    for name in (*_QUIET, *(each for each in logging.root.manager.loggerDict if each.startswith(_QUIET[0]))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
