"""Scripts as people write them, unedited: watched from the command line, on a screen and from a second one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from terminals import Terminal, environment

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Start
from deadrelu_tui.run.file import Tail

EXAMPLES = Path(__file__).parent / "examples"
LAYERS = {"mnist": ["conv1", "conv2", "fc1"], "vae": ["fc1", "fc3"], "rnn": ["fc1"], "language": ["rnn"]}
CLASSES = {"mnist": 10, "vae": None, "rnn": 10, "language": 18}
ENDS = {"mnist": 130, "vae": 130, "rnn": 130, "language": 0}
"""With which code each ends that is stopped: the language model catches an interruption."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = fashion_mnist.find(None, False)
    path = tmp_path_factory.mktemp("data") / "fashion.npz"
    np.savez(path, images=found.train_images[:640], labels=found.train_labels[:640])
    return path


def history_of(home: Path) -> History:
    history = History()
    for record in Tail(next(home.rglob("*.run"))).read():
        history.add(record)
    return history


@pytest.mark.parametrize("name", LAYERS)
def test_a_script_says_the_same_watched_or_not_and_its_layers_are_found(
    name: str, data: Path, tmp_path: Path
) -> None:  # fmt: skip
    script = [str(EXAMPLES / f"{name}.py"), str(data), "--epochs", "2"]
    plain, seen = (
        subprocess.run([sys.executable, *words, *script], capture_output=True, text=True, timeout=200, check=False,
                       stdin=subprocess.DEVNULL, env=environment(tmp_path))
        for words in ([], ["-m", "deadrelu_tui", "watch", "--python", sys.executable])
    )  # fmt: skip
    assert seen.returncode == plain.returncode == 0, seen.stderr
    assert seen.stdout == plain.stdout
    history = history_of(tmp_path)
    assert [each.name for each in history.network.layers] == LAYERS[name]
    assert history.start is not None
    assert history.start.classes == CLASSES[name]
    losses = history.series("loss").values
    assert len(losses) == len(history) >= 10
    assert np.isfinite(losses).all()
    assert history.latest(f"update_ratio/{history.network.layers[0].weight}")


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_one(*words: str) -> Terminal:
        opened.append(Terminal(list(words), (120, 36), environment(tmp_path)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    for path in tmp_path.rglob("*.run"):  # a script that a failed test has left running
        for record in Tail(path).read():
            if isinstance(record, Start):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.facts["process"]["pid"], signal.SIGKILL)


@pytest.mark.parametrize("name", LAYERS)
def test_on_a_terminal_the_screen_opens_and_a_second_one_attaches_and_commands(
    name: str, data: Path, terminal: Open
) -> None:  # fmt: skip
    script = EXAMPLES / f"{name}.py"
    first = terminal("watch", "--python", sys.executable, str(script), str(data), "--epochs", "100000")
    first.until("attached", 120)
    first.until("running")
    second = terminal("attach")
    second.until("running")
    if name != "language":  # which has no optimizer, and so no rate that could be changed
        second.press("-")
        first.until("→")
    second.press(" ")
    second.until("paused")
    first.until("paused")
    first.press("q")
    first.until("stop it")
    first.press("s")
    assert first.ends(60) == ENDS[name]
    second.until("stopped")
