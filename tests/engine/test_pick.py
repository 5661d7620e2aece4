"""Which engine trains: MXNet where it is installed and works, else PyTorch, else NumPy, and it is said why."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainings import TORCH_IS_HERE

from deadrelu_tui.builtin import needs
from deadrelu_tui.engine import pick as picking
from deadrelu_tui.engine.by_numpy.model import Model
from deadrelu_tui.engine.pick import NO_GPU, Picked, pick
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.records import Event

ABSENT = needs.Lack("PyTorch is not installed", needs.TORCH_EXTRA, False)
CUDA = needs.TorchBuild("2.9.1", "12.8")

needs_torch = pytest.mark.skipif(not TORCH_IS_HERE, reason="PyTorch is not installed")


@pytest.fixture(autouse=True)
def without_pytorch_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "torch_lack", lambda: ABSENT)
    monkeypatch.setattr(needs, "GPUS", ())


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have MXNet, or another engine, fail to load with an error, wherever it is looked for."""
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)

    def fail(error: Exception, engine: str = "by_mxnet") -> None:
        real = builtins.__import__

        def load(name: str, *rest: Any) -> Any:
            if name.startswith(f"deadrelu_tui.engine.{engine}"):
                raise error
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", load)

    return fail


def lacking(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr(needs, "mxnet_lack", lambda: needs.Lack("no MXNet for this NumPy", "another one", installed))


def having_torch(monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """Have PyTorch be installed; return what makes a model of it."""
    monkeypatch.setattr(needs, "torch_lack", lambda: None)
    monkeypatch.setattr(needs, "torch_build", lambda: CUDA)

    class ByTorch:
        pass

    monkeypatch.setattr(picking, "_LOAD", {**picking._LOAD, "torch": lambda: ByTorch})
    return ByTorch


def having_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **used: bool) -> None:
    """Have a GPU that these engines can use, or cannot."""
    monkeypatch.setattr(needs, "GPUS", (str(tmp_path),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(needs, "mxnet_has_cuda", lambda: "mxnet" in used)
    monkeypatch.setattr(picking, "_uses_gpu", used.__getitem__)


@pytest.mark.skipif(needs.mxnet_lack() is not None, reason="MXNet is not installed")
@pytest.mark.parametrize("name", ["auto", "mxnet"])
def test_where_it_is_installed_mxnet_trains(name: str) -> None:
    from deadrelu_tui.engine.by_mxnet import model

    assert pick(name) == Picked("mxnet", model.Model)
    assert pick(name).events == ()


@needs_torch
@pytest.mark.skipif(needs.mxnet_lack() is not None, reason="MXNet is not installed")
def test_where_mxnet_trains_pytorch_is_not_even_loaded() -> None:
    code = "import sys; from deadrelu_tui.engine.pick import pick; print(pick('auto').name, 'torch' in sys.modules)"
    more = "from deadrelu_tui.builtin import needs; needs.GPUS = (); "
    done = subprocess.run([sys.executable, "-c", more + code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "mxnet False\n"


def test_numpy_trains_where_it_is_asked_for() -> None:
    assert pick("numpy") == Picked("numpy", Model)


@needs_torch
def test_pytorch_trains_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from deadrelu_tui.engine.by_torch import model

    monkeypatch.setattr(needs, "torch_lack", lambda: None)
    assert pick("torch") == Picked("torch", model.Model)


def test_where_neither_is_installed_numpy_trains_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, installed=False)
    assert pick("auto") == Picked("numpy", Model)


def test_where_mxnet_is_not_installed_pytorch_trains_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, installed=False)
    by_torch = having_torch(monkeypatch)
    assert pick("auto") == Picked("torch", by_torch)


def test_where_an_installed_mxnet_cannot_work_another_trains_and_it_is_said_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking(monkeypatch, installed=True)
    lack = "no MXNet for this NumPy; another one"
    assert pick("auto") == Picked("numpy", Model, lack)
    assert pick("auto").events == (Event(0, "engine", {"engine": "numpy", "lack": lack}),)
    assert pick("auto", device="cpu") == Picked("numpy", Model, lack)
    by_torch = having_torch(monkeypatch)
    assert pick("auto") == Picked("torch", by_torch, lack)
    assert pick("auto").events == (Event(0, "engine", {"engine": "torch", "lack": lack}),)


def test_where_neither_can_work_both_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, installed=True)
    monkeypatch.setattr(needs, "torch_lack", lambda: needs.Lack("PyTorch 1.13 is too old", "pip install it", True))
    lack = "no MXNet for this NumPy; another one; PyTorch 1.13 is too old; pip install it"
    assert pick("auto") == Picked("numpy", Model, lack)


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (InputError("PyTorch cannot be imported (no such symbol)"), "PyTorch cannot be imported (no such symbol)"),
        (KeyError("torch"), "PyTorch cannot be loaded: KeyError: 'torch'"),
    ],
)
def test_a_pytorch_that_fails_to_load_is_told_and_numpy_trains(
    monkeypatch: pytest.MonkeyPatch, fails: Any, error: Exception, lack: str
) -> None:
    fails(error, "by_torch")
    lacking(monkeypatch, installed=False)
    monkeypatch.setattr(needs, "torch_lack", lambda: None)
    assert pick("auto") == Picked("numpy", Model, lack)
    with pytest.raises(type(error)):
        pick("torch")


# On a GPU


@pytest.mark.parametrize(
    ("used", "device", "name", "lack"),
    [
        ({"mxnet": True}, "auto", "mxnet", ""),
        ({"mxnet": False, "torch": True}, "auto", "torch", NO_GPU),
        ({"mxnet": False, "torch": True}, "gpu:1", "torch", NO_GPU),
        ({"torch": True}, "auto", "torch", NO_GPU),  # MXNet's CPU build is not even asked
        ({"mxnet": False, "torch": False}, "auto", "mxnet", ""),
        ({}, "cpu", "mxnet", ""),
    ],
)
def test_where_there_is_a_gpu_the_engine_that_can_use_it_trains(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, used: dict[str, bool], device: str, name: str, lack: str
) -> None:
    having_torch(monkeypatch)
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)
    monkeypatch.setattr(picking, "_LOAD", {**picking._LOAD, "mxnet": lambda: "by MXNet"})
    having_gpus(monkeypatch, tmp_path, **used)
    picked = pick("auto", device=device)
    assert (picked.name, picked.lack) == (name, lack)


def test_a_gpu_without_a_build_for_it_loads_no_pytorch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    having_torch(monkeypatch)
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)
    monkeypatch.setattr(needs, "torch_build", lambda: needs.TorchBuild("2.9.1+cpu", ""))
    monkeypatch.setattr(picking, "_LOAD", {"mxnet": lambda: "by MXNet"})
    having_gpus(monkeypatch, tmp_path)
    assert pick("auto").name == "mxnet"


def test_where_mxnet_is_not_installed_pytorch_on_a_gpu_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lacking(monkeypatch, installed=False)
    by_torch = having_torch(monkeypatch)
    having_gpus(monkeypatch, tmp_path, torch=True)
    assert pick("auto") == Picked("torch", by_torch)


# By name


@pytest.mark.parametrize("installed", [False, True])
def test_asked_for_by_name_mxnet_or_nothing_trains(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    lacking(monkeypatch, installed)
    with pytest.raises(InputError, match="engine mxnet cannot be used: no MXNet for this NumPy; another one"):
        pick("mxnet")


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (
            InputError("MXNet cannot be loaded: libgomp.so.1 is missing"),
            "MXNet cannot be loaded: libgomp.so.1 is missing",
        ),
        (AttributeError("no\nbool"), "MXNet cannot be loaded: AttributeError: no bool"),
    ],
)
def test_an_mxnet_that_fails_to_load_is_told_and_numpy_trains(fails: Any, error: Exception, lack: str) -> None:
    fails(error)
    assert pick("auto") == Picked("numpy", Model, lack)
    with pytest.raises(type(error)):
        pick("mxnet")


def test_what_was_found_not_to_fit_is_not_loaded_by_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    having_torch(monkeypatch)
    lack = "MXNet cannot train: too little memory"
    assert pick("auto", lack) == Picked("numpy", Model, lack)
    assert pick("numpy", lack) == Picked("numpy", Model)
