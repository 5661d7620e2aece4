"""Without MXNet and PyTorch NumPy trains; who asks for one by its name is told in one line what would bring it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deadrelu_tui.builtin import needs
from deadrelu_tui.errors import InputError


@pytest.fixture(autouse=True)
def supported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a machine on which MXNet can be had, and is."""
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "mxnet" else None)
    monkeypatch.setattr(np, "__version__", "1.26.4")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def test_with_mxnet_nothing_lacks() -> None:
    assert needs.mxnet_lack() is None
    needs.require_engine("mxnet")


def test_asked_for_by_name_where_it_can_be_had_the_line_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch)
    needs.require_engine("auto")
    needs.require_engine("numpy")
    with pytest.raises(InputError, match=r"MXNet is not installed; pip install 'deadrelu-tui\[mxnet\]'.*Allowed here"):
        needs.require_engine("mxnet")


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 13, 0)])
@pytest.mark.parametrize("installed", [False, True])
def test_a_python_without_a_build_is_named_with_those_that_have_one(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], installed: bool
) -> None:
    if not installed:
        absent(monkeypatch)
    monkeypatch.setattr(sys, "version_info", version)
    lack = needs.mxnet_lack()
    assert lack is not None
    assert f"no build for Python 3.{version[1]}" in lack.found
    assert lack.fix.startswith("use Python 3.10 to 3.12")
    assert lack.installed is installed


@pytest.mark.parametrize("system", ["Darwin", "Linux"])
def test_for_a_machine_without_a_build_nothing_is_to_be_mended(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    absent(monkeypatch)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert needs.mxnet_lack() == (f"MXNet 1.9.1 has no build for {system} on arm64", "", False)
    with pytest.raises(InputError, match=f"no build for {system} on arm64. Allowed here: auto, numpy"):
        needs.require_engine("mxnet")


@pytest.mark.parametrize("version", ["2.0.0", "2.5.0rc1", "10.1"])
def test_a_numpy_that_mxnet_does_not_know_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(np, "__version__", version)
    assert needs.mxnet_lack() == (f"MXNet 1.9.1 does not work with NumPy {version}", "pip install 'numpy<2'", True)


# PyTorch


def built(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Have a PyTorch installed that says these lines of itself."""
    (folder / "version.py").write_text("\n".join(("from typing import Optional", *lines)))
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(folder)])
    )


@pytest.mark.parametrize(
    ("lines", "build"),
    [
        (("__version__ = '2.13.0+cpu'", "cuda: Optional[str] = None", "hip: Optional[str] = None"), ("2.13.0+cpu", "")),
        (("__version__ = '2.9.1'", "cuda: Optional[str] = '12.8'", "hip: Optional[str] = None"), ("2.9.1", "12.8")),
        (("__version__ = '2.1.0+rocm5.6'", "cuda = None", "hip = '5.6.3'"), ("2.1.0+rocm5.6", "5.6.3")),
    ],
)
def test_a_pytorch_is_known_without_loading_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: tuple[str, ...], build: tuple[str, str]
) -> None:
    built(monkeypatch, tmp_path, *lines)
    assert needs.torch_build() == build
    assert needs.torch_lack() is None
    needs.require_engine("torch")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_pytorch_that_is_here_is_known_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    build = needs.torch_build()
    assert build is not None
    assert build.version.partition("+")[0] == importlib.metadata.version("torch").partition("+")[0]


@pytest.mark.parametrize(
    ("lines", "numpy", "found", "fix"),
    [
        (("__version__ = '2.0.1'",), "1.26.4", "PyTorch 2.0.1 is too old", "pip install 'torch>=2.1'"),
        (("__version__ = '2.2.2+cpu'",), "2.1.0", "PyTorch 2.2.2+cpu does not work with NumPy 2.1.0",
         "pip install 'torch>=2.3'"),
        ((), "1.26.4", "the module torch that is installed is not PyTorch, or damaged", needs.TORCH_EXTRA),
    ],
)  # fmt: skip
def test_a_pytorch_that_cannot_be_used_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: tuple[str, ...], numpy: str, found: str, fix: str
) -> None:
    built(monkeypatch, tmp_path, *lines)
    monkeypatch.setattr(np, "__version__", numpy)
    assert needs.torch_lack() == (found, fix, True)


@pytest.mark.parametrize(("name", "value"), [("OMP_NUM_THREADS", "1000000"), ("MKL_NUM_THREADS", "abc")])
def test_a_number_of_threads_that_pytorch_would_not_survive_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    built(monkeypatch, tmp_path, "__version__ = '2.9.1'")
    monkeypatch.setenv(name, value)
    assert needs.torch_lack() == (f"{name} is {value!r}, not a number from 1 to 1024", f"unset {name}", True)


def test_asked_for_by_name_where_it_is_not_the_line_that_installs_pytorch_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch)
    with pytest.raises(InputError, match=r"^engine torch cannot be used: PyTorch is not installed; pip install '"):
        needs.require_engine("torch")


def test_what_is_allowed_instead_is_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built(monkeypatch, tmp_path, "__version__ = '2.0.1'")
    with pytest.raises(InputError, match=r"Allowed here: auto, mxnet, numpy$"):
        needs.require_engine("torch")


@pytest.mark.parametrize(("visible", "here"), [(None, True), ("0", True), ("", False), ("-1", False)])
def test_a_gpu_is_found_without_a_library_unless_it_is_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, visible: str | None, here: bool
) -> None:
    monkeypatch.setattr(needs, "GPUS", (str(tmp_path / "none"), str(tmp_path)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert needs.gpu_is_here() is here
    monkeypatch.setattr(needs, "GPUS", (str(tmp_path / "none"),))
    assert not needs.gpu_is_here()


# Without any


def without_mxnet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process in which neither MXNet nor PyTorch can be found."""
    code = "import sys; sys.modules['mxnet'] = sys.modules['torch'] = None; from deadrelu_tui.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "TERM": "xterm-256color"}, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "--json", "--embedded"]])
def test_without_mxnet_who_asks_for_it_is_refused_in_one_line(arguments: list[str]) -> None:
    done = without_mxnet(*arguments, "--engine", "mxnet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("deadrelu-tui: engine mxnet cannot be used: MXNet ")
    assert done.stderr.count("\n") == 1


def test_without_mxnet_numpy_trains() -> None:
    done = without_mxnet("run", "--json", "--embedded", "--epochs", "1", "--preset", "normalised")
    assert (done.returncode, done.stderr) == (0, "")
    start, epoch, summary = map(json.loads, done.stdout.splitlines())
    assert (start["engine"], start["device"]) == ("numpy", "cpu")
    assert start["settings"]["engine"] == "auto"
    assert epoch["accuracy/test"] > 0.4
    assert summary["status"] == "finished"


def test_without_mxnet_what_only_looks_works() -> None:
    for arguments in (["--help"], ["run", "--help"], ["--version"], ["data", "status"]):
        done = without_mxnet(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
    done = without_mxnet("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["engine NumPy"]["state"] == "ok"
    assert checks["engine MXNet"]["found"].endswith(": NumPy trains")
