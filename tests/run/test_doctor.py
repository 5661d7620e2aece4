"""The doctor names what is there, what is not, and what mends it; whatever it meets, it goes on."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deadrelu_tui import doctor
from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.doctor import Check
from deadrelu_tui.errors import InputError

FACTS = {"version": "1.9.1", "features": ["OPENMP", "MKLDNN", "BLAS_OPEN"], "gpus": 0}


def examined(facts: Callable[[], Mapping[str, Any]] = lambda: FACTS) -> dict[str, Check]:
    return {check.name: check for check in doctor.examine(facts, RunSettings())}


@pytest.fixture(autouse=True)
def with_an_engine_and_without_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)
    monkeypatch.setattr(needs, "torch_build", lambda: None)
    monkeypatch.setattr(needs, "GPUS", ())
    monkeypatch.setattr(data, "DEBIAN_FOLDER", tmp_path / "debian")


@pytest.fixture
def locale(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Set the variables of the locale, these and no others."""

    def change(environment: dict[str, str]) -> None:
        for name in ("LC_ALL", "LC_CTYPE", "LANG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return change


def test_kernels_of_an_old_core_are_told_with_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadrelu_tui.builtin.kernels.in_use", lambda: {"numpy": "Prescott"})
    monkeypatch.setattr("deadrelu_tui.builtin.kernels.able", lambda: True)
    check = examined()["engine NumPy"]
    assert (check.state, check.fix) == ("warning", "export OPENBLAS_CORETYPE=Haswell")
    assert check.found.endswith("kernels Prescott, of an old core")


def test_a_machine_that_has_all_it_needs_can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadrelu_tui.builtin.kernels.in_use", lambda: {"mxnet": "Haswell", "numpy": "Zen"})
    checks = examined()
    assert doctor.can_train(checks.values())
    assert checks["engine NumPy"].found.startswith(np.__version__)
    assert checks["engine NumPy"].found.endswith(", kernels Zen")
    assert list(checks) == [
        "Python", "engine NumPy", "native libraries", "engine MXNet", "devices", "engine PyTorch", "limits", "data",
        "config folder", "state folder", "data folder", "terminal", "colours", "characters",
    ]  # fmt: skip
    assert all(bool(check.fix) == (check.state != "ok") for check in checks.values())
    assert checks["engine MXNet"].found == "1.9.1: OPENMP on, ONEDNN on, CUDA off, BLAS OPEN, kernels Haswell"
    assert checks["devices"] == Check("devices", "ok", "cpu; for a GPU install torch, or mxnet-cu112 in place of mxnet")


def test_gpus_are_counted_and_a_silent_one_is_a_warning() -> None:
    cuda = ["CUDA", *FACTS["features"]]  # type: ignore[misc]
    assert examined(lambda: FACTS | {"features": cuda, "gpus": 2})["devices"].found == "cpu, gpu:0, gpu:1"
    silent = examined(lambda: FACTS | {"features": cuda})["devices"]
    assert (silent.state, silent.fix) == ("warning", "nvidia-smi")


@pytest.mark.parametrize(("fix", "state"), [(needs.EXTRA, "warning"), ("", "ok")])
def test_without_mxnet_numpy_trains_and_its_libraries_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, fix: str, state: doctor.State
) -> None:
    monkeypatch.setattr(needs, "mxnet_lack", lambda: needs.Lack("MXNet is not here", fix, installed=False))
    checks = examined()
    assert checks["engine MXNet"] == Check("engine MXNet", state, "MXNet is not here: NumPy trains", fix)
    assert not {"native libraries", "devices"} & set(checks)
    assert doctor.can_train(checks.values())


NEW = needs.TorchBuild("2.9.1", "12.8")


@pytest.mark.parametrize(
    ("build", "gpu", "state", "found"),
    [
        (None, False, "ok", "not installed; it can use GPUs that MXNet cannot"),
        (None, True, "warning", "PyTorch is not installed"),
        (needs.TorchBuild("2.9.1+cpu", ""), False, "ok", "2.9.1+cpu: CUDA off, no GPU is here"),
        (NEW, True, "ok", "2.9.1: CUDA 12.8, a GPU seems to be here"),
        (needs.TorchBuild("1.13.1", "11.7"), False, "warning", "PyTorch 1.13.1 is too old"),
    ],
)
def test_pytorch_is_told_without_being_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, build: needs.TorchBuild | None, gpu: bool, state: str, found: str
) -> None:
    monkeypatch.setattr(needs, "torch_build", lambda: build)
    monkeypatch.setattr(needs, "GPUS", (str(tmp_path),) if gpu else ())
    check = examined()["engine PyTorch"]
    assert (check.state, check.found, bool(check.fix)) == (state, found, state != "ok")


def test_without_mxnet_pytorch_trains_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "mxnet_lack", lambda: needs.Lack("MXNet is not here", "", installed=False))
    monkeypatch.setattr(needs, "torch_build", lambda: NEW)
    assert examined()["engine MXNet"] == Check("engine MXNet", "ok", "MXNet is not here: PyTorch trains")


def test_a_gpu_that_only_pytorch_can_use_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(needs, "torch_build", lambda: NEW)
    monkeypatch.setattr(needs, "GPUS", (str(tmp_path),))

    def found(**settings: str) -> Check:
        checks = doctor.examine(lambda: FACTS, RunSettings(device="gpu:0", **settings))  # type: ignore[arg-type]
        return next(each for each in checks if each.name == "devices")

    assert found() == Check("devices", "ok", "cpu, and by PyTorch the GPU that seems to be here")
    assert found(engine="mxnet").state == "fault"


@pytest.mark.parametrize(("user", "sudo"), [(1000, "sudo "), (0, "")])
def test_missing_native_libraries_are_named_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, user: int, sudo: str
) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    check = doctor._native_libraries()
    assert (check.state, check.found) == ("warning", "libgomp.so.1, libquadmath.so.0 missing, which MXNet needs")
    assert check.fix == f"{sudo}apt-get install -y libgomp1 libquadmath0"


def test_whatever_mxnet_raises_becomes_a_warning_and_the_other_checks_go_on() -> None:
    for error in (
        InputError("MXNet cannot be imported"), ImportError("no such module"), OSError("libgomp.so.1: cannot open"),
        AttributeError("module 'numpy' has no attribute 'bool'\nat all"), KeyError("version"),
    ):  # fmt: skip

        def fail(error: Exception = error) -> Mapping[str, Any]:
            raise error

        checks = examined(fail)
        assert checks["engine MXNet"].state == "warning"
        assert checks["engine MXNet"].fix
        assert checks["engine MXNet"].found.endswith(": NumPy trains")
        assert checks["engine MXNet"].found.isprintable()
        assert "devices" not in checks
        assert checks["data"].state == "ok"
        assert doctor.can_train(checks.values())


def test_a_native_library_that_keeps_mxnet_from_loading_is_mended_by_apt() -> None:
    def fail() -> Mapping[str, Any]:
        raise InputError("MXNet cannot be loaded") from OSError("libgomp.so.1: cannot open shared object file")

    assert examined(fail)["engine MXNet"].fix == needs.apt_line()


def test_another_mxnet_is_a_warning() -> None:
    check = examined(lambda: FACTS | {"version": "2.0.0"})["engine MXNet"]
    assert (check.state, check.fix) == ("warning", "pip install mxnet==1.9.1: nothing else was tried")


def test_the_embedded_set_is_fine_and_says_where_the_rest_is() -> None:
    check = examined()["data"]
    assert check.state == "ok"
    assert "embedded subset, verified" in check.found
    assert check.found.endswith("for all of Fashion-MNIST: apt-get install dataset-fashion-mnist")


def test_damaged_data_is_a_fault_that_names_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "debian"
    folder.mkdir()
    (folder / data.FILES[0]).write_bytes(b"")
    check = examined()["data"]
    assert check.state == "fault"
    assert f"{folder} lacks {data.FILES[1]}" in check.found
    assert check.fix == "repair it, or use --data-dir DIR or --embedded"


def test_a_folder_that_cannot_be_written_is_a_warning(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (private_home / "state").write_text("not a folder")
    checks = examined()
    assert checks["state folder"].state == "warning"
    assert checks["state folder"].fix == "make it a folder of yours, or set XDG_STATE_HOME"
    assert checks["config folder"] == Check("config folder", "ok", "~/config/deadrelu-tui, made when it is needed")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as on a file system that is read-only
    assert examined()["config folder"].state == "warning"
    assert doctor.can_train(examined().values())


def test_a_missing_terminal_is_a_warning_that_names_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.StringIO())
    check = doctor._terminal()
    assert check.state == "warning"
    assert check.found == "stdin, stdout, stderr are none"
    assert "deadrelu-tui run" in check.fix


def test_a_terminal_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal("utf-8"))
    monkeypatch.setattr(os, "get_terminal_size", lambda _: (120, 36))
    monkeypatch.setenv("TERM", "xterm")
    assert doctor._terminal() == Check("terminal", "ok", "120×36, TERM=xterm")
    monkeypatch.setenv("TERM", "dumb")
    check = doctor._terminal()
    assert check.state == "warning"
    assert check.fix.startswith("export TERM=")


class Terminal(io.TextIOWrapper):
    """A terminal with an encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, "16"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "screen-256color"}, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "16 million"),
        ({"COLORTERM": "24bit"}, "16 million"),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, "none, as NO_COLOR asks"),
        ({"COLORTERM": "truecolor", "NO_COLOR": ""}, "16 million"),
    ],
)
def test_colours_follow_the_environment(environment: dict[str, str], found: str) -> None:
    assert doctor._colours(environment).found == found


CHECKS = [Check("one", "ok", "fine"), Check("three", "warning", "so so", "do this"), Check("x", "fault", "bad", "that")]


def test_checks_are_lines_that_align_with_a_fix_under_what_it_mends(
    locale: Callable[[dict[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    locale({"LANG": "C.UTF-8"})
    monkeypatch.setattr(sys, "stdout", Terminal("utf-8"))
    assert list(doctor.lines(CHECKS)) == [
        "✓ one    fine", "! three  so so", "         → do this", "✗ x      bad", "         → that",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_where_stdout_is_not_utf8_the_marks_are_ascii(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal(encoding))
    assert list(doctor.lines(CHECKS)) == [
        "+ one    fine", "! three  so so", "         -> do this", "x x      bad", "         -> that",
    ]  # fmt: skip
    assert doctor.data_lines(None, None, False)[0][3].startswith("> embedded")


@pytest.mark.parametrize(
    ("environment", "check"),
    [
        ({"LANG": "C"}, Check("characters", "warning", "ASCII: LANG=C", "export LANG=C.UTF-8")),
        ({"LC_ALL": "C"}, Check("characters", "warning", "ASCII: LC_ALL=C", "export LC_ALL=C.UTF-8")),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, Check("characters", "ok", "UTF-8: LC_ALL=C.UTF-8")),
        ({}, Check("characters", "ok", "UTF-8: no locale is set")),
    ],
)
def test_the_characters_are_those_of_the_locale_as_on_the_screen(
    locale: Callable[[dict[str, str]], None], environment: dict[str, str], check: Check
) -> None:
    locale(environment)
    assert doctor._characters() == check


def test_in_a_locale_of_ascii_the_marks_are_ascii_though_python_would_write_utf8(
    locale: Callable[[dict[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal("utf-8"))
    locale({"LANG": "C"})
    assert next(iter(doctor.lines(CHECKS))) == "+ one    fine"


def test_a_warning_does_not_keep_anyone_from_training_but_a_fault_does() -> None:
    assert doctor.can_train(CHECKS[:2])
    assert not doctor.can_train(CHECKS)
    assert doctor.as_dict(CHECKS)["ok"] is False
    assert doctor.as_dict(iter(CHECKS[:1])) == {
        "ok": True, "checks": [{"name": "one", "state": "ok", "found": "fine", "fix": ""}],
    }  # fmt: skip
