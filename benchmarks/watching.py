"""What it costs a training of somebody's own to be watched: his time a step, plain and watched, and by what others do.

All take turns in one process, A B C A B C …; each has a network of its own that trains on and on. What is watched is
recorded, as it is by default. `wandb.watch` takes part where wandb can be imported, offline.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from report import Row, Spread, ratios, show
from torch import nn
from torch.nn import functional

from deadrelu_tui import places
from deadrelu_tui.watching import begin
from deadrelu_tui.watching.governor import Governor

SHARE = 0.02


class Transformer(nn.Module):
    """Six layers with ReLUs at d = 256, over 64 places."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(256, 4, 1024, activation="relu", batch_first=True, dropout=0.0)
        self.layers, self.out = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), nn.Linear(256, 10)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return a score for each class."""
        return self.out(self.layers(rows).mean(1))


def _mlp() -> tuple[nn.Module, torch.Tensor]:
    return nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10)), torch.randn(256, 784)


def _cnn() -> tuple[nn.Module, torch.Tensor]:
    layers = (nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
              nn.Flatten(), nn.Linear(800, 64), nn.ReLU(), nn.Linear(64, 10))  # fmt: skip
    return nn.Sequential(*layers), torch.randn(128, 1, 28, 28)


def _deep() -> tuple[nn.Module, torch.Tensor]:
    layers = (each for _ in range(8) for each in (nn.Linear(64, 64), nn.ReLU()))
    return nn.Sequential(*layers, nn.Linear(64, 10)), torch.randn(32, 64)


CASES: dict[str, tuple[Callable[[], tuple[nn.Module, torch.Tensor]], int, float]] = {
    "784–300–10, batches of 256": (_mlp, 250, 0.06),
    "small CNN on 28×28": (_cnn, 60, 0.06),
    "six ReLU transformer layers, d = 256": (lambda: (Transformer(), torch.randn(8, 64, 256)), 12, 0.03),
    "eight layers of 64, batches of 32": (_deep, 500, 0.06),
}
"""What makes each, how many steps a turn has, and what all of it may cost."""


class Loop:
    """A training that goes on turn by turn."""

    def __init__(self, make: Callable[[], tuple[nn.Module, torch.Tensor]], seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model, self.batch = make()
        self.labels = torch.randint(0, 10, (len(self.batch),))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)
        self.told: Callable[[torch.Tensor], Any] = lambda _loss: None

    def take(self, steps: int) -> float:
        """Take so many steps; return the seconds of each."""
        began = time.perf_counter()
        for _ in range(steps):
            loss = functional.cross_entropy(self.model(self.batch), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.told(loss)
        return (time.perf_counter() - began) / steps


class Watched(Loop):
    """One that is watched; the turns of others are no time of its own."""

    def __init__(self, make: Callable[[], tuple[nn.Module, torch.Tensor]]) -> None:
        super().__init__(make)
        self.monitor = begin(self.model, self.optimizer, probe=torch.randn_like(self.batch), classes=10)
        self.told = lambda loss: self.monitor.log(loss=loss)
        self._left = time.perf_counter()

    @property
    def governor(self) -> Governor:
        """What keeps its cost within the budget."""
        guest = self.monitor._guest
        assert guest is not None
        return guest.governor

    def take(self, steps: int) -> float:
        """Take so many steps; return the seconds of each."""
        self.governor.waited(time.perf_counter() - self._left)
        seconds = super().take(steps)
        self._left = time.perf_counter()
        return seconds


class Hooked(Loop):
    """One with the hooks that many a tutorial has: a share of (out > 0) at each ReLU, at each step."""

    def __init__(self, make: Callable[[], tuple[nn.Module, torch.Tensor]]) -> None:
        super().__init__(make)
        self.seen: dict[int, Any] = {}

        def hook(module: nn.Module, _given: Any, out: torch.Tensor) -> None:
            self.seen[id(module)] = (out > 0).float().mean(0)

        modules = [each for each in self.model.modules() if isinstance(each, nn.ReLU)]
        modules += [each.linear1 for each in self.model.modules() if isinstance(each, nn.TransformerEncoderLayer)]
        for each in modules:
            each.register_forward_hook(hook)


def _wandb(make: Callable[[], tuple[nn.Module, torch.Tensor]], folder: str) -> Loop | None:
    try:
        import wandb
    except ImportError:
        return None
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder}
    loop = Loop(make)
    run = wandb.init(project="watching", dir=folder)
    run.watch(loop.model, log="all", log_freq=100)
    loop.told = lambda loss: run.log({"loss": loss.detach()})
    return loop


def measured(name: str, rounds: int, warm: float, folder: str) -> list[Row]:
    """Return the rows of one network."""
    make, steps, most = CASES[name]
    loops: dict[str, Loop | None] = {
        "plain": Loop(make), "watched": Watched(make), "hooks": Hooked(make), "wandb": _wandb(make, folder),
    }  # fmt: skip
    watched, plain = loops["watched"], loops["plain"]
    assert isinstance(watched, Watched)
    assert plain is not None
    while watched.governor.training < warm:  # in its first minute it pays back what it took to show something at once
        watched.take(steps)
        plain.take(steps)
    before = watched.governor.own, watched.governor.training
    times: dict[str, list[float]] = {each: [] for each in loops}
    for turn in range(rounds + 1):
        for each, loop in loops.items():
            if loop is not None:
                seconds = loop.take(steps)
                if turn:  # the first is to warm up
                    times[each].append(1000 * seconds)
        print(name, {each: f"{values[-1]:.2f} ms" for each, values in times.items() if values}, flush=True)
    same = all(torch.equal(one, other) for one, other in
               zip(plain.model.parameters(), watched.model.parameters(), strict=True))  # fmt: skip
    share, fault = watched.monitor.share, watched.monitor.fault
    then = (watched.governor.own - before[0]) / (watched.governor.training - before[1])
    watched.monitor.close()
    ours = str(Spread(tuple(times["watched"]), " ms", 2))
    ratio, told = ratios(times["watched"], times["plain"])
    rows = [
        Row(f"a step of {name}, watched; peer: plain", ours, str(Spread(tuple(times["plain"]), " ms", 2)), told,
            f"≤ {1 + most}", ratio <= 1 + most),
        Row("its own time meanwhile", f"{then:.1%}", target=f"≤ {SHARE:.0%}", met=then <= SHARE),
        Row("its own time since it began, as the screen shows it", f"{share:.1%}"),
    ]  # fmt: skip
    for each, peer in (("hooks", "hooks with (out > 0)"), ("wandb", 'wandb.watch(log="all", log_freq=100)')):
        if times[each]:
            ratio, told = ratios(times["watched"], times[each])
            rows.append(Row(f"the same, peer: {peer}", ours, str(Spread(tuple(times[each]), " ms", 2)), told,
                            "< 1.0", statistics.median(times["watched"]) < statistics.median(times[each])))  # fmt: skip
    rows.append(Row("parameters afterwards", "the same bit for bit" if same else f"others {fault}", met=same))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--warm", type=float, default=60.0, metavar="SECONDS", help="before that nothing is measured")
    parser.add_argument("--only", metavar="TEXT", default="", help="networks whose name holds this")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places.told = Path(folder) / "runs"
        rows = [row for name in CASES if given.only in name for row in measured(name, given.rounds, given.warm, folder)]
    show(rows, given.markdown)


if __name__ == "__main__":
    main()
