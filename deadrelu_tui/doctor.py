"""What this machine has of what a run and the screen need, and what would mend the rest.

Looks and never changes anything. What MXNet says of itself is asked of a function that is given: loading MXNet
is somebody else's work, and its failure is a finding here. PyTorch is not loaded: what it is stands beside it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import platformdirs

from deadrelu_tui.ascii import is_plain
from deadrelu_tui.builtin import config, kernels, needs, room
from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError, NoRoomError
from deadrelu_tui.wording import ascii_locale, count, locale_set

State = Literal["ok", "warning", "fault"]

_FEATURES = {"OPENMP": ("OPENMP",), "ONEDNN": ("ONEDNN", "MKLDNN"), "CUDA": ("CUDA",)}
"""The features that decide how fast MXNet is, each with the names that it has had."""
_MARKS = {"ok": ("✓", "+"), "warning": ("!", "!"), "fault": ("✗", "x")}


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    """Training cannot run with a fault; with a warning something else cannot."""
    found: str
    fix: str = ""
    """What to do; empty if there is nothing to mend."""


def examine(
    engine_facts: Callable[[], Mapping[str, Any]], settings: RunSettings | None, faults: Sequence[str] = ()
) -> Iterator[Check]:
    """Yield every check; none of them raises. `engine_facts` loads MXNet and returns version, features and gpus.

    The settings are those that a run would have; None if it would have none for these faults.
    """
    yield Check("Python", "ok", sys.version.partition(" ")[0])
    for fault in faults:
        yield Check("settings", "fault", fault, "mend or unset it")
    settings = settings or RunSettings()
    yield _numpy()
    yield from _mxnet(engine_facts, settings)
    yield _pytorch()
    yield _limits(settings)
    yield _data(settings)
    yield from _folders()
    yield _terminal()
    yield _colours(os.environ)
    yield _characters()


def can_train(checks: Iterable[Check]) -> bool:
    """Return whether nothing stands in the way of a run."""
    return all(check.state != "fault" for check in checks)


def as_dict(checks: Iterable[Check]) -> dict[str, Any]:
    """Return the checks as plain values that JSON can hold."""
    checks = list(checks)
    return {"ok": can_train(checks), "checks": [dataclasses.asdict(check) for check in checks]}


def lines(checks: Iterable[Check]) -> Iterator[str]:
    """Yield the checks as text, a fix under what it mends."""
    checks = list(checks)
    plain = is_plain(sys.stdout)
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{_MARKS[check.state][plain]} {check.name:<{width}}  {check.found}"
        if check.fix:
            yield f"  {'':<{width}}  {'->' if plain else '→'} {check.fix}"


def data_lines(data_dir: str | None, full: bool | None, as_json: bool) -> tuple[list[str], bool]:
    """Return a line for each place where images are looked for, what is there, and which one a run would use; and
    whether it would use any.
    """
    places = data.status(data_dir, full)
    used = next((place for place in places if place.used), None)
    if as_json:
        return [json.dumps({"places": list(map(dataclasses.asdict, places))}, ensure_ascii=False)], used is not None
    arrow = ">" if is_plain(sys.stdout) else "→"
    label, path = (max(len(getattr(place, name)) for place in places) for name in ("label", "path"))
    lines = [
        f"{arrow if place.used else '!' if place.stops else ' '} "
        f"{place.label:<{label}}  {place.path:<{path}}  {_content(place)}"
        for place in places
    ]
    if used is not None:
        lines.append(f"A run uses {used.path}; SHA-256 {used.sha256}")
    elif any(place.stops for place in places):
        lines.append("A run would stop at the place marked !: repair it, or use --data-dir DIR or --embedded")
    else:
        lines.append("A run would stop: --full, and the full set is nowhere; apt-get install dataset-fashion-mnist")
    return lines, used is not None


def _content(place: data.PlaceStatus) -> str:
    if place.train is None or place.test is None:
        return place.state
    return f"{place.state}: {count(place.train)} training and {count(place.test)} test images"


def _native_libraries() -> Check:
    missing = [library for library in needs.NATIVE_LIBRARIES if not _loads(library)]
    if missing:
        return Check(
            "native libraries", "warning", f"{', '.join(missing)} missing, which MXNet needs", needs.apt_line()
        )
    return Check("native libraries", "ok", ", ".join(needs.NATIVE_LIBRARIES))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _numpy() -> Check:
    config = getattr(getattr(np, "__config__", None), "CONFIG", {})  # from NumPy 1.25 on
    blas = config.get("Build Dependencies", {}).get("blas", {}).get("name")
    found = np.__version__ + (f": BLAS {blas}" if blas else "") + _kernels("numpy")
    if kernels.mistaken("numpy"):
        return Check("engine NumPy", "warning", f"{found}, of an old core", f"export {kernels.CORE_TYPE}=Haswell")
    return Check("engine NumPy", "ok", found)


def _kernels(package: str) -> str:
    """Return of which core the kernels are that a package's OpenBLAS computes with."""
    core = kernels.in_use().get(package)
    return f", kernels {core}" if core else ""


def _mxnet(engine_facts: Callable[[], Mapping[str, Any]], settings: RunSettings) -> Iterator[Check]:
    name, instead = "engine MXNet", "PyTorch trains" if needs.torch_lack() is None else "NumPy trains"
    lack = needs.mxnet_lack()
    if lack is not None:
        yield Check(name, "warning" if lack.fix else "ok", f"{lack.found}: {instead}", lack.fix)
        return
    yield _native_libraries()
    try:
        facts = engine_facts()
        version, features, gpus = facts["version"], facts["features"], facts["gpus"]
    except NoRoomError as error:
        yield Check(name, "warning", f"{error}: NumPy trains", "raise the limit")
        return
    except InputError as error:
        native = isinstance(error.__cause__, OSError)
        yield Check(name, "warning", f"{error}: {instead}", needs.apt_line() if native else needs.EXTRA)
        return
    except Exception as error:
        found = " ".join(f"{type(error).__name__}: {error}".split())
        yield Check(name, "warning", f"{found}: {instead}", f"pip install --force-reinstall mxnet=={needs.MXNET}")
        return
    enabled = [f"{feature} {'on' if set(names) & set(features) else 'off'}" for feature, names in _FEATURES.items()]
    blas = ", ".join(each.removeprefix("BLAS_") for each in features if each.startswith("BLAS_")) or "none"
    found = f"{version}: {', '.join(enabled)}, BLAS {blas}{_kernels('mxnet')}"
    fix = "" if version == needs.MXNET else f"pip install mxnet=={needs.MXNET}: nothing else was tried"
    yield Check(name, "warning" if fix else "ok", found, fix)
    yield _devices(features, gpus, settings)


def _devices(features: Sequence[str], gpus: int, settings: RunSettings) -> Check:
    devices = ", ".join(["cpu", *(f"gpu:{index}" for index in range(gpus))])
    if not gpus and settings.engine in ("auto", "torch") and _torch_has_gpu():
        return Check("devices", "ok", f"{devices}, and by PyTorch the GPU that seems to be here")
    if settings.device not in ("auto", *devices.split(", ")):
        return Check("devices", "fault", f"{settings.device} is set, and there is {devices} only", "use --device auto")
    if gpus:
        return Check("devices", "ok", devices)
    if "CUDA" in features:
        return Check("devices", "warning", f"{devices}: this MXNet has CUDA, but no GPU answers", "nvidia-smi")
    return Check("devices", "ok", f"{devices}; for a GPU install torch, or {needs.GPU_WHEEL} in place of mxnet")


def _torch_has_gpu() -> bool:
    """Return whether PyTorch may compute on a GPU here; only its loading, of seconds, would tell for certain."""
    build = needs.torch_build()
    return build is not None and bool(build.cuda) and needs.torch_lack() is None and needs.gpu_is_here()


def _pytorch() -> Check:
    name, lack, build = "engine PyTorch", needs.torch_lack(), needs.torch_build()
    if lack is not None and (lack.installed or needs.gpu_is_here()):
        return Check(name, "warning", lack.found, lack.fix)
    if lack is not None or build is None:
        return Check(name, "ok", "not installed; it can use GPUs that MXNet cannot")
    gpu = "a GPU seems to be here" if needs.gpu_is_here() else "no GPU is here"
    return Check(name, "ok", f"{build.version}: CUDA {build.cuda or 'off'}, {gpu}")


def _limits(settings: RunSettings) -> Check:
    try:
        room.require_memory(settings)
    except NoRoomError as error:
        return Check("limits", "fault", str(error), "use smaller layers")
    limits = room.tight(settings)
    if limits:
        return Check("limits", "warning", f"this process may have only {', and '.join(limits)}", "raise the limit")
    return Check("limits", "ok", "none on memory, processes or files that a run could meet")


def _data(settings: RunSettings) -> Check:
    places = data.status(settings.data_dir, settings.full)
    place = next((each for each in places if each.used), None)
    if place is None:
        found = next((each.state for each in places if each.stops), "the full set is nowhere")
        return Check("data", "fault", found, "repair it, or use --data-dir DIR or --embedded")
    found = f"{place.path}: {_content(place)}"
    if place.sha256 == data.EMBEDDED.sha256:
        found += "; for all of Fashion-MNIST: apt-get install dataset-fashion-mnist"
    return Check("data", "ok", found)


def _folders() -> Iterator[Check]:
    state = Path(platformdirs.user_state_dir("deadrelu-tui"))
    for name, folder in (("config", config.path().parent), ("state", state), ("data", data.own_folder().parent)):
        there = next(each for each in (folder, *folder.parents) if os.path.exists(each))
        label, path = f"{name} folder", data.shown(folder)
        if os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK):
            yield Check(label, "ok", path if there == folder else f"{path}, made when it is needed")
        else:
            found = f"{path} cannot be written: see {data.shown(there)}"
            yield Check(label, "warning", found, f"make it a folder of yours, or set XDG_{name.upper()}_HOME")


def _terminal() -> Check:
    streams = (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
    none = [name for name, stream in streams if stream is None or not stream.isatty()]
    term = os.environ.get("TERM", "")
    headless = "the screen needs a terminal; without one use: deadrelu-tui run"
    if none:
        verb = "is none" if len(none) == 1 else "are none"
        return Check("terminal", "warning", f"{', '.join(none)} {verb}", headless)
    width, height = os.get_terminal_size(sys.stdout.fileno())
    found = f"{width}×{height}, TERM={term}"
    if term in ("", "dumb", "unknown"):
        return Check("terminal", "warning", found, f"export TERM=xterm-256color; {headless}")
    return Check("terminal", "ok", found)


def _colours(environment: Mapping[str, str]) -> Check:
    if environment.get("NO_COLOR"):
        found = "none, as NO_COLOR asks"
    elif environment.get("COLORTERM") in ("truecolor", "24bit"):
        found = "16 million"
    else:
        found = "256" if "256color" in environment.get("TERM", "") else "16"
    return Check("colours", "ok", found)


def _characters() -> Check:
    name, value = locale_set()
    setting = f"{name}={value}" if name else "no locale is set"
    if ascii_locale():
        return Check("characters", "warning", f"ASCII: {setting}", f"export {name}=C.UTF-8")
    return Check("characters", "ok", f"UTF-8: {setting}")
