"""Somebody's script, unedited: what it prints, reads, raises and ends with is its own, and its network is watched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deadrelu_tui.record.history import History
from deadrelu_tui.run.file import Tail

TRAINING = """
import sys, torch
from torch import nn
from torch.nn import functional
torch.manual_seed(1)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(20, 16), nn.Linear(16, 4)
    def forward(self, rows):
        return self.fc2(functional.relu(self.fc1(rows)))
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
rows, labels = torch.randn(64, 20), torch.randint(0, 4, (64,))
for step in range(int(sys.argv[1])):
    optimizer.zero_grad()
    loss = functional.cross_entropy(model(rows), labels)
    loss.backward()
    optimizer.step()
print(sum(each.double().sum().item() for each in model.parameters()), loss.item())
"""


def ended(*command: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def watched(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return ended(sys.executable, "-m", "deadrelu_tui", "watch", "--python", sys.executable, *words, stdin=stdin)


def without_ours(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("deadrelu-tui"))


def history_of(run: str, home: Path) -> History:
    history = History()
    for record in Tail(next(home.rglob(f"{run}.run"))).read():
        history.add(record)
    return history


def test_a_training_is_watched_and_ends_as_if_it_had_not_been(tmp_path: Path, private_home: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    plain, seen = ended(sys.executable, str(script), "30"), watched(str(script), "30")
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout == plain.stdout
    assert without_ours(seen.stderr) == plain.stderr == ""
    run = seen.stderr.split()[-1]
    history = history_of(run, private_home)
    assert len(history) == 30
    assert history.end is not None
    assert history.end.how == "finished"
    start = history.start
    assert start is not None
    assert [each.name for each in history.network.layers] == ["fc1"]
    assert (start.title, start.classes, start.facts["probe"]) == ("Net", 4, "batch")
    assert history.latest("loss") == pytest.approx(float(plain.stdout.split()[1]), rel=1e-6)


SCRIPTS = {
    "prints and ends with a code": "import sys; print(sys.argv, __name__, __file__); sys.exit(7)",
    "raises": "def inner():\n    raise ValueError('mine')\ninner()",
    "dies at import": "import no_such_module",
    "is no Python": "print('a'\n",
    "reads": "print(input(), input())",
    "changes its folder": "import os; os.chdir('/'); print(os.getcwd())",
    "exits with words": "import sys; sys.exit('no luck')",
    "looks about": "import os, sys; print([each for each in os.environ if 'DEADRELU_S' in each], sys.path, sys.argv, "
    "__spec__, __builtins__)",
    "forks workers": "import multiprocessing as m\ndef work(n):\n    return n * n\nif __name__ == '__main__':\n"
    "    with m.get_context('spawn').Pool(2) as pool:\n        print(pool.map(work, range(4)))",
    "forks": "import os\nif os.fork() == 0:\n    os._exit(3)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))",
}  # fmt: skip


@pytest.mark.parametrize("what", SCRIPTS)
def test_what_a_script_does_is_its_own(what: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPTS[what])
    plain, seen = (run(str(script), "a", "--detach", stdin="one\ntwo\n") for run in (
        lambda *words, stdin: ended(sys.executable, *words, stdin=stdin), watched))  # fmt: skip
    assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout)
    assert without_ours(seen.stderr) == plain.stderr
    assert seen.stderr.splitlines()[-1].startswith("deadrelu-tui: the script was not watched: ")


def test_code_and_modules_run_as_python_runs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text(
        "import sys; print(__name__, __package__, sys.argv[1:], sys.path[0])"
    )
    monkeypatch.chdir(tmp_path)
    for words in (
        ("-c", "import sys; print(sys.argv, __name__)", "x"),
        ("-m", "package.inner", "y"),
        ("-m", "nowhere"),
    ):
        plain, seen = ended(sys.executable, *words), watched(*words)
        assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout), words
        assert without_ours(seen.stderr) == plain.stderr, words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.py"], "there is no script nowhere.py"),
        (["/"], "it is a folder"),
        ([], "which script?"),
        (["-m"], "-m wants a module"),
        (["--controls", "fly", "x.py"], "controls may be"),
        (["--window", "0", "x.py"], "0"),
        (["--budget", "2", "x.py"], "2"),
    ],
)
def test_what_cannot_be_run_is_one_clear_line(words: list[str], told: str) -> None:
    seen = watched(*words)
    assert seen.returncode == 2
    assert told in seen.stderr
    assert seen.stderr.count("\n") == 1


def test_an_interpreter_that_is_none_is_told_of() -> None:
    seen = ended(sys.executable, "-m", "deadrelu_tui", "watch", "--python", "/nowhere/python", "-c", "pass")
    assert seen.returncode == 2
    assert "there is no such program" in seen.stderr


def test_a_script_that_is_left_alone_prints_its_run_and_trains_on(tmp_path: Path, private_home: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    seen = watched("--detach", str(script), "3000")
    assert seen.returncode == 0, seen.stderr
    run = seen.stdout.strip()
    stopped = ended(sys.executable, "-m", "deadrelu_tui", "stop", run)
    assert "is stopped after" in stopped.stdout, stopped.stderr
    output = Path(str(history_of(run, private_home).start.facts["output"]))  # type: ignore[union-attr]
    assert output.stat().st_mode & 0o777 == 0o600


SEVERAL = """
import torch
from torch import nn
torch.manual_seed(0)
class Maker(nn.Sequential):
    pass
class Judge(nn.Sequential):
    pass
"""
AGAINST = """
maker = Maker(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6))
judge = Judge(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
ours, theirs = torch.optim.Adam(maker.parameters(), 0.01), torch.optim.Adam(judge.parameters(), 0.01)
for _ in range(20):
    theirs.zero_grad()
    made = maker(torch.randn(16, 4))
    nn.functional.softplus(-judge(torch.randn(16, 6))).mean().backward()
    nn.functional.softplus(judge(made.detach())).mean().backward()
    theirs.step()
    ours.zero_grad()
    nn.functional.softplus(-judge(made)).mean().backward()
    ours.step()
print(sum(each.double().sum().item() for one in (maker, judge) for each in one.parameters()))
"""
IN_TURN = """
model = Maker(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6))
def phase(parameters, make, steps):
    optimizer = make(parameters)
    for _ in range(steps):
        def closure():
            optimizer.zero_grad()
            loss = model(torch.randn(16, 4)).square().mean()
            loss.backward()
            return loss
        if make is torch.optim.LBFGS:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
phase(model.parameters(), torch.optim.SGD, 10)
phase(model.parameters(), torch.optim.Adam, 10)
phase(model.parameters(), torch.optim.LBFGS, 3)
print(sum(each.double().sum().item() for each in model.parameters()))
"""


def test_several_networks_of_a_script_are_a_run_each(tmp_path: Path, private_home: Path) -> None:
    script = tmp_path / "against.py"
    script.write_text(SEVERAL + AGAINST)
    plain, seen = ended(sys.executable, str(script)), watched(str(script))
    assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout)
    runs = [line.split()[-1] for line in seen.stderr.splitlines() if "attach" in line]
    histories = [history_of(run, private_home) for run in runs]
    assert [(each.start.title, len(each)) for each in histories] == [("Judge", 20), ("Maker", 20)]  # type: ignore[union-attr]
    assert all(len(each.series("loss").values) == 20 for each in histories)


def test_optimizers_that_follow_one_another_are_one_run(tmp_path: Path, private_home: Path) -> None:
    script = tmp_path / "in_turn.py"
    script.write_text(SEVERAL + IN_TURN)
    plain, seen = ended(sys.executable, str(script)), watched("--budget", "1", str(script))
    assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout)
    (run,) = [line.split()[-1] for line in seen.stderr.splitlines() if "attach" in line]
    history = history_of(run, private_home)
    # The first step of one that has just been made may yet be part of a step of the one before.
    assert 21 <= len(history) <= 23
    assert len(history.series("loss").values) == len(history)
    assert (history.series("update_ratio/0.weight").values > 0).all()


def test_a_process_that_a_script_leaves_behind_keeps_nobody_waiting(tmp_path: Path) -> None:
    script = tmp_path / "leaves.py"
    script.write_text("import os, sys, time\nif os.fork() == 0:\n    os.close(1)\n    os.close(2)\n    time.sleep(20)\n"
                      "    os._exit(0)\nprint('done')")  # fmt: skip
    began = time.monotonic()
    assert watched(str(script)).stdout == "done\n"
    assert time.monotonic() - began < 15


SCALED = (
    TRAINING.replace("loss.backward()", "scaler.scale(loss).backward()")
    .replace("    optimizer.step()", "    scaler.step(optimizer); scaler.update()")
    .replace("rows, labels", "scaler = torch.amp.GradScaler('cpu', init_scale=2.0**40)\nrows, labels")
)


def test_a_loss_that_a_scaler_has_multiplied_is_told_as_it_was_before(tmp_path: Path, private_home: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCALED)
    plain, seen = ended(sys.executable, str(script), "20"), watched(str(script), "20")
    assert seen.stdout == plain.stdout != ""
    history = history_of(seen.stderr.split()[-1], private_home)
    assert history.latest("loss") == pytest.approx(float(plain.stdout.split()[1]), rel=1e-6)
    assert max(history.series("loss").values) < 10
