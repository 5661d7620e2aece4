"""A training rehearsed in a process of its own, where this one has limits that may be too narrow for it.

A native library that cannot have memory or a thread ends its process without a word, or never returns. Better that of a
rehearsal, from whose end this process learns what to say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

from deadrelu_tui.builtin import needs, room
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError, NoRoomError
from deadrelu_tui.record.telling import engine_name

LONGEST, BYTES_A_SECOND = 30.0, 5e7
"""Seconds after which a rehearsal counts as hung; more for large networks, whose first weights are drawn more slowly
than that."""
SECONDS = 1.0
"""Seconds of steps that are taken, an epoch with its test at most."""
SPARE_BYTES, SPARE_THREADS = 128 * 10**6, 8
"""What the screen and the history of a run want beside the engine."""
SHARES = 0.75, 1.0
"""What of the memory that is allowed each rehearsal of MXNet has. Near the least that is enough, it trains one time and
crashes the next, and what is enough is not so everywhere above it: measured, 750 MB, 900 MB (3 of 8) and 980 MB and
more, but not 800 to 880 or 920 to 950 MB. So it has to fit with less as well, and PyTorch has to. NumPy says what it
cannot have."""
FITS = b"fits\n"


def require_room(settings: RunSettings) -> str:
    """Return what keeps MXNet, or PyTorch in its place, from training here, so that NumPy does; empty if nothing.

    Raises NoRoomError, a sentence that names the limit, where the engine that is asked for cannot train within the
    limits of this process.
    """
    room.require_memory(settings)
    if not room.tight(settings):
        return ""
    room.be_sparing()
    first = next((each for each in ("mxnet", "torch") if needs.lack_of(each) is None), "numpy")
    if settings.engine == "auto" and first == "numpy":
        settings = replace(settings, engine=first)
    if _fits(settings):
        return ""
    if settings.engine == "auto" and _fits(replace(settings, engine="numpy")):
        return room.told(f"{engine_name(first)} cannot train", settings)
    engine = engine_name("numpy" if settings.engine == "auto" else settings.engine)
    raise NoRoomError(f"{room.told(f'{engine} cannot train', settings)}; raise that")


def _fits(settings: RunSettings) -> bool:
    """Return whether all rehearsals come to their end; what has nothing to do with limits is the run's own matter."""
    return all(_is_rehearsed(settings, share) for share in (SHARES[-1:] if settings.engine == "numpy" else SHARES))


def _is_rehearsed(settings: RunSettings, share: float) -> bool:
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve({share})"
    seconds = LONGEST + room.network_bytes(settings) / BYTES_A_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], input=json.dumps(settings.as_dict()).encode(), timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, check=False,
        )  # fmt: skip
    except (OSError, RuntimeError, MemoryError, subprocess.TimeoutExpired):
        return False
    return done.stdout.endswith(FITS)


def serve(share: float) -> None:
    """Rehearse the settings on standard input with a share of the memory; say that they fit, or end in whatever way."""
    settings = RunSettings.of(json.load(sys.stdin))
    room.leave(share)
    room.be_sparing()
    try:
        _rehearse(settings)
        for _ in range(SPARE_THREADS):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        bytearray(SPARE_BYTES)
    except InputError:
        pass
    except Exception as error:
        # A module that cannot be loaded here was there when this package was installed.
        if isinstance(error, (NoRoomError, ImportError)) or room.lacking(error):
            os._exit(1)
    os.write(1, FITS)
    os._exit(0)


def _rehearse(settings: RunSettings) -> None:
    from deadrelu_tui.builtin import fashion_mnist
    from deadrelu_tui.engine.pick import pick
    from deadrelu_tui.engine.train import train
    from deadrelu_tui.record.records import Step
    from deadrelu_tui.run.gate import Controls

    dataset = fashion_mnist.find(settings.data_dir, settings.full)
    engine, began = pick(settings.engine, device=settings.device).engine, None
    for record in train(engine, replace(settings, epochs=1, steps=None), dataset, Controls(settings.live)):
        if isinstance(record, Step):
            began = began or time.monotonic()
            if time.monotonic() - began > SECONDS:
                break
