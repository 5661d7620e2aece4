"""What it costs a training to be joined while it runs: its own time, and a step's, before, meanwhile and afterwards."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import Row, Spread, show

from deadrelu_tui.cli import join
from deadrelu_tui.entering.processes import find
from deadrelu_tui.run.attached import Attached
from deadrelu_tui.run.source import ALIVE

SHARE = 0.02
TRAINING = """
import time, torch
from torch import nn
from torch.nn import functional
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
rows, labels = torch.randn(256, 784), torch.randint(0, 10, (256,))
while True:
    began = time.perf_counter()
    for _ in range(100):
        loss = functional.cross_entropy(net(rows), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print((time.perf_counter() - began) / 100, flush=True)
"""


def steps(training: subprocess.Popen[str], seconds: float) -> tuple[float, ...]:
    """Return the milliseconds of a step, a hundred at a time, for so long."""
    assert training.stdout is not None
    until, told = time.monotonic() + seconds, []
    while time.monotonic() < until:
        told.append(1000 * float(training.stdout.readline()))
    return tuple(told)


def own(run: Attached) -> float:
    """Return the seconds of the training that the watching has taken, as it tells itself."""
    share = run.history.latest("watching")
    at = run.history.series("watching").steps
    return 0.0 if share is None else share * (run.history.seconds_at(int(at[-1])) or 0.0)


def measured(stretch: float, warm: float, folder: Path) -> list[Row]:
    """Join a training, watch it, leave it, and return the rows."""
    with subprocess.Popen([sys.executable, "-c", TRAINING], stdout=subprocess.PIPE, text=True) as training:
        try:
            steps(training, 5.0)
            before = steps(training, stretch)
            wanted = {"controls": [], "joined": True, "stays": True, "runs": str(folder)}
            began = time.monotonic()
            said = join._entered(find(training.pid), wanted, 30.0)
            took = time.monotonic() - began
            run = Attached(Path(said["file"]))
            steps(training, warm)
            first, since = own(run), run.history.seconds
            meanwhile = steps(training, stretch)
            share = (own(run) - first) / max(run.history.seconds - since, 1e-9)
            began = time.monotonic()
            run.leave()
            while run.status in ALIVE:
                time.sleep(0.01)
            left = time.monotonic() - began
            run.close()
            steps(training, 2.0)
            after = steps(training, stretch)
        finally:
            training.kill()
    ours, plain = Spread(meanwhile, " ms", 2), Spread((*before, *after), " ms", 2)
    told = f"{statistics.median(meanwhile) / statistics.median((*before, *after)):.2f}"
    return [
        Row("a step of 784–300–10 while joined; peer: before and after", str(ours), str(plain), told),
        Row("its own time meanwhile", f"{share:.1%}", target=f"≤ {SHARE:.0%}", met=share <= SHARE),
        Row("to join, until its run can be seen", f"{took:.2f} s"),
        Row("to leave, until its run has ended", f"{left:.2f} s", target="≤ 1 s", met=left <= 1),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stretch", type=float, default=20.0, metavar="SECONDS", help="how long steps are measured")
    parser.add_argument("--warm", type=float, default=60.0, metavar="SECONDS", help="joined before that, not measured")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(measured(given.stretch, given.warm, Path(folder)), given.markdown)


if __name__ == "__main__":
    main()
