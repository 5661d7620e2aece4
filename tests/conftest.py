"""What all tests share: a home of their own, a small set of images, and the mark for tests on the full set."""

from __future__ import annotations

import gc
import os

# A worker for each core, and a thread of BLAS in each: more of them would only wait for one another. Said before NumPy
# is loaded, and to all processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")  # PyTorch's

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.records import Live, Start, Step
from deadrelu_tui.record.units import Units

if TYPE_CHECKING:
    from trainings import Trains

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))  # `ci`: the same examples each time

FULL_SET_IS_HERE = data.DEBIAN_FOLDER.is_dir()
TORCH_IS_HERE = find_spec("torch") is not None
OF_NO_FRAMEWORK = {"test_governor.py", "test_window.py", "test_gluon.py", "test_gluon_steps.py"}
"""Tests of watching that need no PyTorch."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what imports PyTorch where it is not installed; the end of the run says so."""
    watching = collection_path.parent.name == "watching" and collection_path.suffix == ".py"
    return True if watching and not TORCH_IS_HERE and collection_path.name not in OF_NO_FRAMEWORK else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not TORCH_IS_HERE:
        terminalreporter.write_line("tests/watching did not run: PyTorch is not installed (pip install '.[torch]')")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="Debian's dataset-fashion-mnist is not installed")
    for item in items:
        if "full_set" in item.keywords and not FULL_SET_IS_HERE:
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Leave what stays to the end out of every collection of garbage: looking through it takes a sixth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a test a home and XDG folders of its own, and no setting from the environment."""
    home = tmp_path / "private"
    home.mkdir()
    for name, value in private_environment(home).items():
        monkeypatch.setenv(name, value)
    for name in list(os.environ):
        if name.startswith("DEADRELU_"):
            monkeypatch.delenv(name)
    return home


def private_environment(home: Path) -> dict[str, str]:
    """Return the variables that lead everything we read or write into a home."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
    }


@pytest.fixture(params=["mxnet", "torch", "numpy"])
def engine(request: pytest.FixtureRequest) -> Trains:
    """Each engine in turn: the contract that they share is tested on all of them."""
    from trainings import Trains

    if request.param == "mxnet" and needs.mxnet_lack() is not None:
        pytest.skip("MXNet cannot be used here")
    if request.param == "torch" and (lack := needs.torch_lack()) is not None:
        pytest.skip(lack.found)
    return Trains(request.param)


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """The first 300 training and 200 test images of the embedded set."""
    whole = data.find(full=False)
    return Dataset(
        whole.train_images[:300], whole.train_labels[:300], whole.test_images[:200], whole.test_labels[:200],
        source="tiny", sha256="0" * 64,
    )  # fmt: skip


def start(
    batches: int | None = 4, epochs: int = 2, probe: int = 2_000, input_mean: float = 72.9,
    hidden: tuple[int, ...] = (300,), first: int = 0, **settings: Any,
) -> Start:  # fmt: skip
    """Return what a training of a few steps says first."""
    return replace(
        promise(RunSettings(hidden=hidden, epochs=epochs, **settings)),
        run="20240305-140231-0000",
        title="Fashion-MNIST 8\N{NARROW NO-BREAK SPACE}000 embedded",
        device="cpu",
        probe=probe,
        facts={
            "divisor": 255, "source": "embedded", "sha256": "0" * 64, "train": 8_000, "test": 2_000,
            "input_mean": input_mean, "input_std": 90.0, "batch": 256,
        },
        steps=None if batches is None else batches * epochs,
        steps_per_epoch=batches,
        first=first,
    )  # fmt: skip


_TRAGEDY = RunSettings().live


def record(
    step: int, values: Mapping[str, float] | None = None, *, batches: int = 10**9, live: Live = _TRAGEDY
) -> Step:
    """Return a step of a run with so many steps to an epoch."""
    ends_epoch = (step + 1) % batches == 0
    everything = {"loss": 2.0} | ({"accuracy/test": 0.5, "loss/test": 2.0} if ends_epoch else {}) | dict(values or {})
    return Step(step, (step + 1) / 100, step // batches + 1, live, everything, ends_epoch=ends_epoch)


def units(firing: npt.ArrayLike, activation: str = "relu", **given: npt.ArrayLike) -> Units:
    """Return units that fire for these shares of the probe set; what else is not given is ordinary."""
    shares = np.asarray(firing, np.float32)
    ordinary = {
        "unsaturated": np.ones_like(shares), "activity": shares, "pre_mean": shares - 0.5, "pre_max": shares,
        "bias": np.zeros_like(shares), "weight_norm": np.ones_like(shares), "gradient": np.ones_like(shares),
        "batch": shares,
    }  # fmt: skip
    return Units(activation, shares, **(ordinary | {name: np.asarray(each, "f4") for name, each in given.items()}))
