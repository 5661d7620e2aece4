"""How a training's process ends, what is forked from it, and several processes that train together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deadrelu_tui.record.history import History
from deadrelu_tui.run.file import Tail

BEGINNING = """
import atexit, json, multiprocessing, os, signal, sys, threading, time
import torch, deadrelu_tui
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batch = torch.randn(8, 6)
def step(model=model):
    optimizer.zero_grad()
    loss = model(batch).square().mean()
    loss.backward()
    optimizer.step()
    return loss
"""
WATCHED = "monitor = deadrelu_tui.watch(model, optimizer, probe=batch, budget=1.0)\n"


def ran(code: str, watched: str = WATCHED, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + watched + code], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def history_of(home: Path) -> History:
    (found,) = home.rglob("*.run")
    history = History()
    for record in Tail(found).read():
        history.add(record)
    return history


ENDS: dict[str, tuple[str, int, str, str | None]] = {
    "raises": ("step()\nraise ValueError('of mine')", 1, "failed", "of mine"),
    "raises within a with": ("with monitor:\n    step()\n    raise ValueError('of mine')", 1, "failed", "of mine"),
    "is left by an exit": ("step()\nsys.exit(3)", 3, "finished", None),
    "is left by an exit within a with": ("with monitor:\n    step()\n    sys.exit()", 0, "finished", None),
    "is left by a code within a with": ("with monitor:\n    step()\n    sys.exit(3)", 3, "stopped", None),
    "is interrupted": ("step()\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)", -2, "stopped", None),
    "catches what it raises": ("step()\ntry:\n    raise ValueError('of mine')\nexcept ValueError:\n    step()",
                               0, "finished", None),
    "is over before its thread": ("step()\nthreading.Thread(target=lambda: (time.sleep(0.3), step())).start()",
                                  0, "finished", None),
}  # fmt: skip


@pytest.mark.parametrize("how", ENDS)
def test_it_is_recorded_how_a_training_ends_that(how: str, private_home: Path) -> None:
    code, returncode, end, error = ENDS[how]
    seen = ran(code)
    assert seen.returncode == returncode
    assert seen.stdout == ""
    history = history_of(private_home)
    assert history.end is not None
    assert (history.end.how, history.end.error) == (end, error)
    assert len(history) == code.count("step()")


FORKS = """
def forked(*actions):
    if os.fork() == 0:
        try:
            [action() for action in actions]
        except BaseException as error:
            print(error)
        sys.exit(0)
    os.wait()
forked()
check("ends as any process")
forked(*[step] * 9)
check("trains")
forked(monitor.close)
check("closes it")
forked(lambda: deadrelu_tui.watch(model, optimizer, probe=batch), step)
check("is watched itself")
process = multiprocessing.get_context("fork").Process(target=step)
process.start()
process.join()
assert not process.exitcode
check("is of multiprocessing")
from torch.utils.data import DataLoader
for each in DataLoader(range(9), num_workers=2):
    step()
check("loads batches")
"""


def test_a_run_goes_on_whatever_is_forked_from_it(private_home: Path) -> None:
    code = f"""
import socket
def check(what):
    path = monitor._guest.run.start.facts["socket"]
    with socket.socket(socket.AF_UNIX) as looker:
        looker.connect(path)
        assert looker.recv(10), what
    [step() for _ in range(5)]
    assert not monitor.fault, (what, monitor.fault)
    assert monitor._guest.run.alive, what
check("at first")
{FORKS}
monitor.close()
assert not os.path.exists(monitor._guest.run.start.facts["socket"])
print(monitor.run, monitor._guest.step)
"""
    seen = ran(code)
    assert seen.returncode == 0, seen.stderr
    run, steps = seen.stdout.split()
    history = History()
    for record in Tail(next(private_home.rglob(f"{run}.run"))).read():
        history.add(record)
    assert history.end is not None
    assert (history.end.how, len(history), int(steps)) == ("finished", 35 + 9, 35 + 9)


TOGETHER = """
import datetime
import torch.distributed as together
from torch.nn.parallel import DistributedDataParallel
def main(rank):
    together.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=rank, world_size=2,
                                timeout=datetime.timedelta(seconds=60))
    torch.manual_seed(rank)
    ddp = DistributedDataParallel(nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)))
    optimizer = torch.optim.Adam(ddp.parameters(), lr=0.01)
    monitor = None
    if sys.argv[2] == "watched":
        monitor = deadrelu_tui.watch(ddp, optimizer, probe=torch.ones(4, 6), budget=1.0)
    for _ in range(10):
        optimizer.zero_grad()
        loss = ddp(torch.randn(8, 6)).square().mean()
        loss.backward()
        optimizer.step()
        if monitor is not None:
            monitor.log(loss=loss)
    told = {"sum": [each.double().sum().item() for each in ddp.state_dict().values()]}
    if monitor is not None:
        told |= {"fault": monitor.fault, "revived": monitor.revive(), "run": monitor.run}
        if monitor.run:
            told["can"] = sorted(monitor._guest.run.can)
        monitor.close()
    with open(sys.argv[1] + f"-{rank}", "w") as file:
        json.dump(told, file)
    # Not by a return: now and then PyTorch waits for ever for gloo's threads while it takes its things apart.
    os._exit(0 if rank else os.waitstatus_to_exitcode(os.wait()[1]))
main(int(os.fork() == 0))
"""


def together(folder: Path, how: str) -> list[dict[str, Any]]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + TOGETHER, str(folder / "meet"), how], capture_output=True, text=True,
        timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"meet-{rank}").read_text()) for rank in range(2)]


def test_of_several_processes_the_first_is_watched_and_none_is_disturbed(tmp_path: Path, private_home: Path) -> None:
    plain, (first, second) = together(tmp_path / "plain", "plain"), together(tmp_path / "seen", "watched")
    assert [each["sum"] for each in plain] == [each["sum"] for each in (first, second)]
    assert not first["fault"]
    assert (first["can"], first["revived"]) == ([], {})
    assert second["fault"] == "of a distributed training the process of rank 0 is watched"
    history = history_of(private_home)
    assert len(history) == 10
    assert [each.name for each in history.network.layers] == ["0"]
    assert len(history.series("loss").values) == 10
    assert [each.facts["why"] for each in history.events if each.kind == "not_revived"] == [
        "other processes train copies of this network, which would stay as they are"
    ]


def test_an_interrupt_in_the_midst_of_a_look_is_the_trainings(private_home: Path) -> None:
    code = """
def interrupt():
    raise KeyboardInterrupt
step()
look, monitor._guest.sight.look = monitor._guest.sight.look, interrupt
try:
    [step() for _ in range(9)]
except KeyboardInterrupt:
    monitor._guest.sight.look = look
    print(all(each.training for each in model.modules()))
[step() for _ in range(9)]
print(monitor.fault)
"""
    seen = ran(code)
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout.split() == ["True"]
    end = history_of(private_home).end
    assert end is not None
    assert end.how == "finished"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
