"""PyTorch's steps: drawn by a generator of their own, queued without waiting, read back when a device is done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from trainings import SMALL, TORCH_IS_HERE, Scripted, Trains, asking, content, noting, played, records, trained

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import train
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Change, Revive
from deadrelu_tui.record.records import Step

if not TORCH_IS_HERE:
    pytest.skip("PyTorch is not installed", allow_module_level=True)

from deadrelu_tui.engine.by_torch import runtime, transfer
from deadrelu_tui.engine.by_torch.model import LOOKAHEAD, Model
from deadrelu_tui.engine.by_torch.network import ALIGNED, Draws, Network
from deadrelu_tui.engine.by_torch.runtime import torch

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

TORCH = Trains("torch")
DYING = replace(SMALL, lr=0.01, epochs=4)
SCRIPT = {5: asking(Change({"normalise": True})), 12: asking(Revive()), 14: asking(Change({"activation": "tanh"}))}


def bits(settings: RunSettings, dataset: Dataset) -> list[tuple[Any, ...]]:
    return [content(each) for each in records(trained(TORCH, settings, dataset, SCRIPT))]


# Drawn from a seed


def test_nobody_elses_draws_matter_and_nobody_elses_are_changed(tiny: Dataset) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        found.append(bits(DYING, tiny))
        assert (torch.get_rng_state() == before).all()
    assert found[0] == found[1]


def test_a_seed_draws_layer_by_layer() -> None:
    one, two = (Draws("he", 3).parameters(widths) for widths in ((784, 20, 10), (784, 20, 16, 10)))
    assert (one[0] == two[0]).all()
    assert one[2].shape != two[2].shape


def test_two_processes_come_to_the_same_bits() -> None:
    code = [sys.executable, "-m", "deadrelu_tui", "run", "--json", "--embedded", "--epochs", "1", "--engine", "torch",
            "--preset", "low-lr", "--no-trials", "--no-store"]  # fmt: skip
    told = []
    for _ in range(2):
        done = subprocess.run(code, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        start, epoch, _summary = map(json.loads, done.stdout.splitlines())
        assert (start["engine"], start["device"]) == ("torch", "cpu")
        told.append({name: value for name, value in epoch.items() if not name.startswith(("seconds", "steps_per"))})
    assert told[0] == told[1]
    assert told[0]["accuracy/test"] > 0.5


# Its threads


def test_openmp_is_told_to_sleep_soon_while_it_is_loaded_unless_somebody_has_said_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in runtime.SAID:
        monkeypatch.delenv(name, raising=False)
    with runtime._brief_spins():
        assert os.environ["GOMP_SPINCOUNT"] == "1000"
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    with runtime._brief_spins():
        assert "GOMP_SPINCOUNT" not in os.environ


# The network's memory


def test_all_parameters_lie_in_one_piece_and_each_begins_where_kernels_like_it() -> None:
    network = Network(Draws("he", 0).parameters((784, 7, 5, 10)), 64, torch.device("cpu"), True)
    first = network.parameters[0]
    for each in (*network.parameters, *network.gradients):
        assert each.data_ptr() % (4 * ALIGNED) == 0
        assert each.is_contiguous()
    assert {each.untyped_storage().data_ptr() for each in network.parameters} == {first.untyped_storage().data_ptr()}
    before = [each.clone() for each in network.parameters]
    for gradient in network.gradients:
        gradient.fill_(2)
    network.update(0.5)
    assert all((now == then - 1).all() for now, then in zip(network.parameters, before, strict=True))


def test_the_bytes_of_the_images_are_not_copied(tiny: Dataset) -> None:
    model = Model(SMALL, promise(SMALL), tiny)
    assert model._images.data_ptr() == tiny.train_images.ctypes.data


# A device that comes later to what it is asked for


class Late:
    """The mark of a device that has come nowhere until somebody waits for it, or it is said to have come."""

    here = False
    waited = 0

    def __init__(self) -> None:
        self._asked = False

    def record(self) -> None:
        self._asked = True

    def query(self) -> bool:
        return Late.here

    def synchronize(self) -> None:
        assert self._asked
        Late.waited += 1


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> type[Late]:
    monkeypatch.setattr(transfer, "make_mark", lambda _: Late())
    monkeypatch.setattr(train, "AHEAD_SECONDS", 1e9)  # however busy the machine is
    monkeypatch.setattr(Late, "here", False)
    monkeypatch.setattr(Late, "waited", 0)
    return Late


def under_way(settings: RunSettings, dataset: Dataset) -> Iterator[int]:
    """Yield with each record how many steps have been begun after it."""
    asked: list[int] = []
    for each in played(TORCH, settings, dataset, Scripted(settings, noting(asked, 60))):
        if isinstance(each, Step):
            yield asked[-1] - each.step


def test_on_the_cpu_nothing_is_under_way(tiny: Dataset) -> None:
    assert list(under_way(replace(SMALL, batch_size=10), tiny)) == [0] * 30


def test_some_steps_are_under_way_while_the_device_has_not_come_to_them(late: type[Late], tiny: Dataset) -> None:
    found = list(under_way(replace(SMALL, batch_size=10), tiny))
    assert found == [0, 1, *[LOOKAHEAD] * 20, *reversed(range(LOOKAHEAD))]
    assert late.waited == 30


def test_what_is_there_is_read_at_once(late: type[Late], tiny: Dataset) -> None:
    found = []
    for each in under_way(replace(SMALL, batch_size=10), tiny):
        found.append(each)
        late.here = len(found) >= 10
    assert max(found[:10]) == LOOKAHEAD
    assert set(found[10 + LOOKAHEAD :]) == {0}


def test_however_late_the_device_is_the_records_are_the_same(
    monkeypatch: pytest.MonkeyPatch, late: type[Late], tiny: Dataset
) -> None:
    settings = replace(DYING, batch_size=20)
    slow = bits(settings, tiny)
    monkeypatch.undo()
    assert slow == bits(settings, tiny)


@contextmanager
def nobody_waits() -> Iterator[None]:
    """Refuse whatever would have the host wait for a device."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__float__", "__int__", "__index__"):
            patch.setattr(torch.Tensor, name, lambda *_, name=name: pytest.fail(f"{name} waits for the device"))
        yield


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
@pytest.mark.parametrize(("look", "test"), [(False, False), (True, False), (False, True)])
def test_no_step_waits_for_the_device(tiny: Dataset, activation: str, look: bool, test: bool) -> None:
    settings = replace(SMALL, activation=activation, hidden=(20, 16))
    model = Model(settings, promise(settings), tiny)
    with nobody_waits():
        pending = model.step(0, 1, settings.live, np.arange(64), look, test)
    assert set(pending.record(float).looks) == ({"h1", "h2"} if look or test else set())


# Devices


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have PyTorch see two GPUs, which fail as one fails that its build has no code for."""

    def fail(_device: Any) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nCompile with …")

    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2, set_device=fail)
    monkeypatch.setattr(torch, "cuda", cuda)
    return cuda


def test_a_gpu_that_the_build_has_no_code_for_is_told_in_one_line_and_left_alone_by_auto(cards: Any) -> None:
    assert runtime.gpus() == (2, "")
    with pytest.raises(
        InputError, match=r"^device gpu:1 cannot be used by this PyTorch \(CUDA error: no kernel"
    ) as error:
        runtime.device("gpu:1")
    assert str(error.value).isprintable()
    assert runtime.device("auto").type == "cpu"


def test_a_gpu_beyond_those_that_are_there_is_told_with_them(cards: Any) -> None:
    with pytest.raises(
        InputError, match=r"gpu:2 is not there: PyTorch sees 2 .*Allowed here: auto, cpu, gpu:0, gpu:1$"
    ):
        runtime.device("gpu:2")
    assert runtime.device("cpu").type == "cpu"


def test_where_there_is_no_gpu_it_is_said_what_pytorch_says_of_that(
    monkeypatch: pytest.MonkeyPatch, cards: Any
) -> None:
    def is_available() -> bool:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=1)
        return False

    cards.is_available = is_available
    told = "no GPU(s) (CUDA initialization: The NVIDIA driver on your system is too old). Allowed here: auto, cpu"
    with pytest.raises(InputError, match=f"{re.escape(told)}$"):
        runtime.device("gpu:0")
    cards.is_available = lambda: False
    monkeypatch.setattr(torch, "version", SimpleNamespace(cuda=None, hip=None))
    with pytest.raises(InputError, match=r"PyTorch sees no GPU\(s\) \(it is a build for the CPU alone\)\. Allowed"):
        runtime.device("gpu:0")
    assert runtime.device("auto").type == "cpu"


def test_a_pytorch_that_cannot_read_arrays_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_array: Any) -> None:
        raise RuntimeError("Numpy is not available")

    monkeypatch.setattr(torch, "from_numpy", fail)
    with pytest.raises(InputError, match=r"^PyTorch cannot be imported \(Numpy is not available\)$"):
        runtime._import_torch()
