"""Which engine trains: MXNet where it is installed and works, else NumPy, and it is said why."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from deadrelu_tui.builtin import needs
from deadrelu_tui.engine.by_numpy.model import Model
from deadrelu_tui.engine.pick import Picked, pick
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.records import Event


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have MXNet fail to load with an error, wherever it is looked for."""
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)

    def fail(error: Exception) -> None:
        real = builtins.__import__

        def load(name: str, *rest: Any) -> Any:
            if name.startswith("deadrelu_tui.engine.by_mxnet"):
                raise error
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", load)

    return fail


def lacking(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr(needs, "mxnet_lack", lambda: needs.Lack("no MXNet for this NumPy", "another one", installed))


@pytest.mark.skipif(needs.mxnet_lack() is not None, reason="MXNet is not installed")
@pytest.mark.parametrize("name", ["auto", "mxnet"])
def test_where_it_is_installed_mxnet_trains(name: str) -> None:
    from deadrelu_tui.engine.by_mxnet import model

    assert pick(name) == Picked(model.Model)
    assert pick(name).events == ()


def test_numpy_trains_where_it_is_asked_for() -> None:
    assert pick("numpy") == Picked(Model)


def test_where_mxnet_is_not_installed_numpy_trains_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, installed=False)
    assert pick("auto") == Picked(Model)


def test_where_an_installed_mxnet_cannot_work_numpy_trains_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, installed=True)
    assert pick("auto").engine is Model
    lack = "no MXNet for this NumPy; another one"
    assert pick("auto").events == (Event(0, "engine", {"engine": "numpy", "lack": lack}),)


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
    assert pick("auto") == Picked(Model, lack)
    with pytest.raises(type(error)):
        pick("mxnet")


def test_what_was_found_not_to_fit_is_not_loaded_by_auto() -> None:
    assert pick("auto", "MXNet cannot train: too little memory") == Picked(
        Model, "MXNet cannot train: too little memory"
    )
    assert pick("numpy", "MXNet cannot train: too little memory") == Picked(Model)
