"""A training that began without us is joined from another process, seen, and left as it was."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from terminals import Terminal, environment

from deadrelu_tui.cli import join
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.processes import find
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.run.attached import Attached
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.source import ALIVE, Status


def lack() -> str:
    """Return why no process can be joined here, such as that nobody may look into another; empty if one can."""
    with subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.01)"]) as process:
        time.sleep(0.2)
        try:
            enter(find(process.pid, torch=False), "pass", 20.0).close()
        except InputError as error:
            return str(error)
        finally:
            process.kill()
    return ""


LACK = lack()
pytestmark = pytest.mark.skipif(bool(LACK), reason=LACK)

TRAINING = """
import faulthandler, os, signal, sys, threading, time
faulthandler.register(signal.SIGUSR1, all_threads=True)
import torch
from torch import nn
from torch.nn import functional
{more}
torch.set_num_threads(1)
torch.manual_seed(0)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(20, 30), nn.Linear(30, 30), nn.Linear(30, 3)
    def forward(self, x):
        h = torch.relu(self.fc1(x))
        h = torch.relu_(h + self.fc2(h))
        return self.out(h)

net = Net()
with torch.no_grad():
    net.fc1.bias[:25] = -100
optimizer = torch.optim.{optimizer}
generator = torch.Generator().manual_seed(5)
go = sys.argv[1]

def things():
    from torch.nn.modules import module as m
    o = sys.modules["torch.optim.optimizer"]
    return (torch.autograd.backward, torch.Tensor.backward, tuple(map(len, (
        net._forward_pre_hooks, net._forward_hooks, optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks, m._global_forward_pre_hooks, m._global_forward_hooks,
        o._global_optimizer_pre_hooks, o._global_optimizer_post_hooks))),
        len(threading.enumerate()), sorted(os.listdir("/proc/self/fd")).__len__())

call, step = {call}, 0
while not os.path.exists(go):
    x, y = torch.randn(32, 20, generator=generator), torch.randint(0, 3, (32,), generator=generator)
    optimizer.zero_grad()
    loss = functional.cross_entropy(call(x), y)
    loss.backward()
    optimizer.step()
    step += 1
    if step == 1:  # whatever is made ready at the first step is there
        before = things()
        print("trains", flush=True)
    {between}
parameters = sum(p.double().sum().item() for p in net.parameters())
print(step, parameters.hex(), loss.item().hex(), things() == before, flush=True)
sys.exit(7)
"""
Training = Callable[..., "Trains"]


class Trains:
    """A training of somebody's, in a process of its own."""

    def __init__(self, folder: Path, optimizer: str, call: str, between: str, more: str) -> None:
        self.script, self._go = folder / "train.py", folder / "go"
        self.script.write_text(TRAINING.format(optimizer=optimizer, call=call, between=between, more=more))
        self.process = subprocess.Popen(
            [sys.executable, str(self.script), str(self._go)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "trains\n"

    def end(self) -> tuple[int, str, str, bool]:
        """Have it end by itself; return steps, sum of parameters, loss, and whether all was as before."""
        self._go.touch()
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 7, err
        assert err == ""
        steps, parameters, loss, same = out.split()
        return int(steps), parameters, loss, same == "True"

    def says_where_it_is(self) -> str:
        """Return what each of its threads is doing, and end it."""
        os.kill(self.process.pid, signal.SIGUSR1)
        time.sleep(1)
        self.process.kill()
        return self.process.communicate(timeout=120)[1]

    def ends_as_if_nobody_had_come(self) -> None:
        """Have it end, with everything bit for bit as without us."""
        steps, parameters, loss, same = self.end()
        assert same, "hooks, functions, threads and descriptors"
        assert (parameters, loss) == self.taken(steps)

    def taken(self, steps: int) -> tuple[str, str]:
        """Return what as many steps come to without anybody who joins."""
        code = self.script.read_text().replace("while not os.path.exists(go):", f"while step < {steps}:")
        code = re.sub(r"    time\.sleep.*", "    pass", code)
        done = subprocess.run(
            [sys.executable, "-c", code, "-"], capture_output=True, text=True, timeout=120, check=False
        )
        return tuple(done.stdout.split()[2:4])  # type: ignore[return-value]


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    """Return what starts a training; none outlives the test."""
    begun: list[Trains] = []

    def begin(optimizer: str = "Adam(net.parameters(), lr=1e-3)", call: str = "net", between: str = "time.sleep(0.004)",
              more: str = "") -> Trains:  # fmt: skip
        begun.append(Trains(tmp_path, optimizer, call, between, more))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.wait()


def command(*words: Any, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    """Run ours without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "deadrelu_tui", *map(str, words)], capture_output=True, text=True, timeout=timeout,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def joined(trains: Trains, *more: Any) -> Attached:
    """Join from the command line, and return the run as one sees it."""
    done = command("watch", "--pid", trains.process.pid, "--detach", "--timeout", 60, *more)
    assert done.returncode == 0, done.stderr
    return Attached(path_of(runs_folder(), done.stdout.strip()))


def entered(trains: Trains) -> Attached:
    """Join from here."""
    wanted = {"controls": [], "joined": True, "stays": True, "runs": str(runs_folder())}
    said = join._entered(find(trains.process.pid), wanted, 60.0)
    return Attached(Path(said["file"]))


def left(run: Attached) -> None:
    """Leave from here, and wait until that is done."""
    run.leave()
    reaches(run, lambda: run.status not in ALIVE)
    run.close()


def nothing_is_left(trains: Trains, threads: int) -> None:
    """Wait until a training has no more threads than it had."""
    until = time.monotonic() + 60
    while len(os.listdir(f"/proc/{trains.process.pid}/task")) > threads:
        assert time.monotonic() < until, f"threads of ours are left: {trains.says_where_it_is()}"
        time.sleep(0.05)


def reaches(run: Attached, what: Callable[[], Any], within: float = 60) -> None:
    until = time.monotonic() + within
    while not what():
        assert time.monotonic() < until, run.status
        time.sleep(0.05)


@pytest.mark.parametrize(("call", "between"), [("net", "pass"), ("net.forward", "time.sleep(0.004)")])
def test_a_training_is_joined_called_dead_in_the_right_layer_left_and_ends_as_if_nobody_had_come(
    training: Training, call: str, between: str
) -> None:
    trains = training(call=call, between=between)
    run = joined(trains)
    reaches(run, lambda: run.history.ledgers.get("fc1") is not None and run.history.ledgers["fc1"].lost.sum() >= 25)
    assert run.history.network.names == ("fc1", "fc2")
    assert run.history.ledgers["fc1"].lost[:25].all()
    first = next(run.history.events.__iter__())
    assert first.step == run.start.first > 0, "Adam tells how many steps there were"
    assert not run.history.ledgers["fc1"].born_dead.any(), "nobody looked before the first update"
    assert run.can == frozenset()
    left = command("watch", "--leave", run.start.run)
    assert left.stdout == f"left run {run.start.run}; the training goes on\n", left.stderr
    reaches(run, lambda: run.status not in ALIVE)
    assert run.status is Status.LEFT
    run.close()
    again = joined(trains)
    reaches(again, lambda: len(again.history) > 3)
    assert command("watch", "--leave", again.start.run).returncode == 0
    again.close()
    trains.ends_as_if_nobody_had_come()


def test_twenty_times_joined_and_left_is_as_never(training: Training) -> None:
    trains = training(optimizer="SGD(net.parameters(), lr=1e-3, momentum=0.9)")
    runs_folder().mkdir(parents=True)
    for _ in range(20):
        left(entered(trains))
    trains.ends_as_if_nobody_had_come()


def test_who_has_joined_twice_is_told_where_to_look(training: Training) -> None:
    trains = training()
    run = joined(trains)
    second = command("watch", "--pid", trains.process.pid, "--detach")
    assert second.returncode == 2
    assert f"it is joined already: deadrelu-tui attach {run.start.run}" in second.stderr
    run.close()
    trains.end()


def test_to_stop_a_run_that_was_joined_leaves_the_training_alone(training: Training) -> None:
    trains = training()
    runs_folder().mkdir(parents=True)
    run = entered(trains)
    done = command("stop", run.start.run)
    assert done.stdout == f"left run {run.start.run}; the training goes on\n", done.stderr
    run.close()
    trains.end()


def wanted(folder: Path, patience: float = 0.2) -> dict[str, Any]:
    return {"controls": [], "joined": True, "stays": True, "runs": str(folder), "patience": patience}


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process be one in which nothing was watched, whatever other tests have left."""
    monkeypatch.setattr("deadrelu_tui.watching.begun_here", [])


@pytest.mark.usefixtures("unwatched")
def test_of_two_who_join_at_once_one_does(tmp_path: Path) -> None:
    import deadrelu_tui.watching.joining as there

    first = there.Joined(wanted(tmp_path), lambda **_: None)
    try:
        with pytest.raises(InputError, match=r"^it is joined already, or is about to be$"):
            there.Joined(wanted(tmp_path), lambda **_: None)
    finally:
        first.leave()
    there.Joined(wanted(tmp_path), lambda **_: None).leave()


@pytest.mark.usefixtures("unwatched")
def test_whoever_joins_while_another_leaves_waits_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import deadrelu_tui.watching.joining as there
    from deadrelu_tui import places

    before = places.told
    first = there.Joined(wanted(tmp_path), lambda **_: None)
    first._left.set()
    with pytest.raises(InputError, match=r"^it is joined already"):  # it is not left within the time-out
        there.Joined(wanted(tmp_path), lambda **_: None)
    threading.Timer(0.2, first.leave).start()
    second = there.Joined(wanted(tmp_path, patience=60), lambda **_: None)
    second.leave()
    assert places.told == before


@pytest.mark.usefixtures("unwatched")
def test_where_nothing_is_joined_all_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import deadrelu_tui.watching.joining as there
    from deadrelu_tui import places

    monkeypatch.setattr("deadrelu_tui.watching.by_torch.joined.trains", lambda: False)
    before, backward = places.told, torch.autograd.backward
    for _ in range(2):
        with pytest.raises(InputError, match="no network is trained there"):
            there.Joined(wanted(tmp_path), lambda **_: None).begin()
        assert places.told == before
        assert torch.autograd.backward is backward


def test_a_training_that_ends_while_it_is_joined_ends_its_run(training: Training) -> None:
    trains = training()
    runs_folder().mkdir(parents=True)
    run = entered(trains)
    reaches(run, lambda: len(run.history) > 3)
    trains.end()
    reaches(run, lambda: run.status not in ALIVE)
    assert run.history.end is not None
    assert run.history.end.how == "finished"
    run.close()


def test_with_control_it_can_be_asked_for_what_any_run_can(training: Training) -> None:
    trains = training()
    run = joined(trains, "--control")
    assert run.can >= {"pause", "lr", "stop", "revive"}
    left(run)
    trains.end()


def test_whoever_sleeps_between_steps_is_joined_when_he_wakes(training: Training) -> None:
    trains = training(between="time.sleep(0.7)")
    runs_folder().mkdir(parents=True)
    run = entered(trains)
    reaches(run, lambda: len(run.history) > 1)
    left(run)
    trains.ends_as_if_nobody_had_come()


def test_compiled_code_is_joined_without_a_word_in_what_it_says(training: Training) -> None:
    trains = training(call="torch.compile(net, backend='aot_eager')")
    runs_folder().mkdir(parents=True)
    run = entered(trains)
    reaches(run, lambda: run.history.ledgers.get("fc1") is not None and run.history.ledgers["fc1"].lost.sum() >= 25)
    left(run)
    trains.ends_as_if_nobody_had_come()


def test_a_data_loader_with_workers_is_no_obstacle(training: Training) -> None:
    between = "batch = next(loader)"
    more = """
class Rows(torch.utils.data.Dataset):
    def __len__(self): return 10**6
    def __getitem__(self, index): return torch.full((3,), float(index))
torch.multiprocessing.set_sharing_strategy("file_system")  # or else each batch on its way is a descriptor
loader = iter(torch.utils.data.DataLoader(Rows(), batch_size=4, num_workers=1))
next(loader)
"""
    trains = training(between=between, more=more)
    runs_folder().mkdir(parents=True)
    run = entered(trains)
    reaches(run, lambda: len(run.history) > 3)
    left(run)
    trains.ends_as_if_nobody_had_come()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "no network is trained there"),
    ],
)
def test_a_process_without_a_network_that_is_trained_is_told_in_a_line(more: str, said: str) -> None:
    code = f"import torch, time; print('there', flush=True); {more}\nfor _ in range(600): time.sleep(0.1)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        done = command("watch", "--pid", process.pid, "--detach")
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 2, done.stderr
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--pid", 2**22 + 1), "there is no process"),
        (("--pid", 0), "--pid"),
        (("--pid", "x"), "--pid"),
        (("--pid", os.getpid(), "train.py"), "there is no script to name"),
        (("--leave", "nothing-of-that-name"), "no run is recorded yet"),
    ],
)
def test_what_cannot_be_joined_is_told_in_a_line(words: tuple[Any, ...], said: str) -> None:
    done = command("watch", "--detach", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", ["q", "killed", "lost"])
def test_when_the_screen_has_gone_nothing_of_us_is_left(training: Training, private_home: Path, how: str) -> None:
    trains = training()
    before = len(os.listdir(f"/proc/{trains.process.pid}/task"))
    terminal = Terminal(
        ["watch", "--pid", str(trains.process.pid), "--timeout", "60"], (120, 40), environment(private_home)
    )
    try:
        terminal.until("fc1")
        if how == "q":
            terminal.press("q")
            assert terminal.ends() == 0
            assert "it trains on" in terminal.raw.decode(errors="replace")
        elif how == "killed":
            os.kill(terminal.pid, signal.SIGKILL)
    finally:
        terminal.close()  # which a terminal does that is lost
    nothing_is_left(trains, before)
    trains.ends_as_if_nobody_had_come()


def test_whoever_is_killed_while_he_joins_does_no_harm(training: Training) -> None:
    trains = training()
    before = len(os.listdir(f"/proc/{trains.process.pid}/task"))
    runs_folder().mkdir(parents=True)
    code = (
        "import os, sys, time; from deadrelu_tui.run.origin import process\n"
        "import deadrelu_tui.cli.join as join; from deadrelu_tui.entering.processes import find\n"
        "found = find(int(sys.argv[1])); print('ready', flush=True)\n"
        "wanted = {'controls': [], 'joined': True, 'runs': sys.argv[2], 'joiner': process(os.getpid())}\n"
        "join._entered(found, wanted, 10.0)\n"
        "time.sleep(60)"
    )
    draw = random.Random(1)
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(trains.process.pid), str(runs_folder())],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as joining:  # fmt: skip
            assert joining.stdout is not None
            joining.stdout.readline()
            time.sleep(draw.uniform(0, 0.3))
            joining.kill()
    nothing_is_left(trains, before)
    trains.ends_as_if_nobody_had_come()
