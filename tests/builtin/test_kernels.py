"""Each library computes with kernels that fit the processor, and only MXNet's is told which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from deadrelu_tui.builtin import kernels, needs

ABLE = {*kernels.HASWELL, "sse2"}


@pytest.mark.parametrize(
    ("flags", "given", "told"),
    [
        (ABLE, None, "Haswell"),
        (ABLE, "Zen", "Zen"),
        ({"sse2", "avx2"}, None, None),
        (set(), None, None),
    ],
    ids=["as good as they get", "somebody has said", "an old core", "not known"],
)
def test_while_a_library_is_loaded_it_is_told_the_core_and_nobody_else_is(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], given: str | None, told: str | None
) -> None:
    monkeypatch.setattr(kernels, "_flags", lambda: flags)
    monkeypatch.delenv(kernels.CORE_TYPE, raising=False)
    if given is not None:
        monkeypatch.setenv(kernels.CORE_TYPE, given)
    with kernels.of_this_core():
        assert os.environ.get(kernels.CORE_TYPE) == told
    assert os.environ.get(kernels.CORE_TYPE) == given


def test_what_comes_of_it_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_flags", lambda: ABLE)
    monkeypatch.delenv(kernels.CORE_TYPE, raising=False)
    with pytest.raises(OSError, match="no such library"), kernels.of_this_core():
        raise OSError("no such library")
    assert kernels.CORE_TYPE not in os.environ


@pytest.mark.parametrize(
    ("core", "flags", "wrong"), [("Prescott", ABLE, True), ("Prescott", {"sse2"}, False), ("Zen", ABLE, False)]
)
def test_who_takes_the_processor_for_an_old_one_is_mistaken(
    monkeypatch: pytest.MonkeyPatch, core: str, flags: set[str], wrong: bool
) -> None:
    monkeypatch.setattr(kernels, "_flags", lambda: flags)
    monkeypatch.setattr(kernels, "in_use", lambda: {"numpy": core})
    assert kernels.mistaken("numpy") == wrong
    assert kernels.for_others() == ({kernels.CORE_TYPE: "Haswell"} if wrong else {})
    assert not kernels.mistaken("mxnet")


def seen(code: str) -> Any:
    """Return what a fresh process prints that nobody has told a core."""
    environment = {name: value for name, value in os.environ.items() if name != kernels.CORE_TYPE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


SAY = "import json, os; from deadrelu_tui.builtin import kernels"


@pytest.mark.skipif(needs.mxnet_lack() is not None, reason="MXNet is not installed")
@pytest.mark.skipif(not set(kernels.HASWELL) <= kernels._flags(), reason="the processor has no such kernels")
def test_mxnet_is_told_and_numpy_is_not() -> None:
    say = f"{SAY}; print(json.dumps([dict(kernels.in_use()), kernels.CORE_TYPE in os.environ]))"
    alone, _ = seen(f"import numpy; {say}")
    both, left = seen(f"import numpy, deadrelu_tui.engine.by_mxnet.runtime; {say}")
    assert both["mxnet"] == "Haswell"
    assert both["numpy"] == alone["numpy"]
    assert not left
