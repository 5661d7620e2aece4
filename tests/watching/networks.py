"""Networks as people write them, each with a batch: the ReLU as module, function, method, in place, used twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Functions(nn.Module):
    """As in pytorch/examples' mnist: functions, dropout, a flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3)
        self.dropout = nn.Dropout(0.25)
        self.fc1, self.fc2 = nn.Linear(6 * 16, 20), nn.Linear(20, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(self.conv2(functional.relu(self.conv1(images))))
        hidden = torch.flatten(functional.max_pool2d(hidden, 2), 1)
        hidden = functional.relu(self.fc1(self.dropout(hidden)))
        return functional.log_softmax(self.fc2(self.dropout(hidden)), 1)


class Block(nn.Module):
    """A residual block whose one ReLU, in place, is used twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(images)))))
        hidden += images
        return self.relu(hidden)


class Shared(nn.Module):
    """One layer used twice, and its output read with both signs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(6, 6), nn.Linear(12, 3)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.inner(torch.relu(self.inner(rows))))
        last = self.inner(hidden)
        return self.out(torch.cat([last.clamp(min=0), (-last).clamp_min(0)], 1))


class Squared(nn.Module):
    """ReLU² between two products, on (N, T, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 24), nn.Linear(24, 6)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows + self.down(self.up(rows).relu_() ** 2)


class Recurrent(nn.Module):
    """A recurrent layer of ReLUs, and the output of its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(6, 8, nonlinearity="relu", batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(rows)[0][:, -1])


class TopK(nn.Module):
    """Keeps the largest few."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        values, places = rows.topk(3)
        return torch.zeros_like(rows).scatter(-1, places, values)


def _conv1d() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 5, 3), nn.ReLU6(), nn.Conv1d(5, 4, 3), nn.Threshold(0, 0), nn.Flatten(), nn.Linear(16, 3)
    )  # fmt: skip


def _deep() -> nn.Module:
    return nn.Sequential(*(each for _ in range(4) for each in (nn.Linear(6, 6), nn.ReLU())), nn.Linear(6, 3))


def _transposed() -> nn.Module:
    return nn.Sequential(nn.ConvTranspose2d(1, 5, 3), nn.ReLU(inplace=True), nn.Conv2d(5, 2, 3))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "functions": (Functions, (8, 1, 12, 12)),
    "residual": (lambda: nn.Sequential(Block(3), Block(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)),
                 (8, 3, 6, 6)),
    "shared": (Shared, (8, 6)),
    "squared": (Squared, (8, 5, 6)),
    "recurrent": (Recurrent, (8, 5, 6)),
    "transformer": (lambda: nn.TransformerEncoderLayer(6, 2, 10, batch_first=True), (8, 5, 6)),
    "conv1d": (_conv1d, (8, 3, 8)),
    "deep": (_deep, (8, 6)),
    "transposed": (_transposed, (8, 1, 5, 5)),
    "leaky": (lambda: nn.Sequential(nn.Linear(6, 9), nn.LeakyReLU(), nn.LayerNorm(9), nn.Linear(9, 9), nn.GELU(),
                                    nn.Linear(9, 4), nn.Tanh(), nn.Linear(4, 3)), (8, 6)),
}  # fmt: skip
"""What makes each, and the shape of its batch."""


def made(name: str, seed: int = 0) -> tuple[nn.Module, torch.Tensor]:
    """Return a network and a batch for it."""
    torch.manual_seed(seed)
    make, shape = NETWORKS[name]
    return make(), torch.randn(shape)


def trained(
    model: nn.Module, batch: torch.Tensor, steps: int, told: Callable[[torch.optim.Optimizer], Any] = lambda _: None,
    lr: float = 0.01,
) -> list[torch.Tensor]:  # fmt: skip
    """Train a network for some steps on noise; return its parameters. `told` is handed the optimizer first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    monitor = told(optimizer)
    model.train()
    for _ in range(steps):
        loss = model(batch + 0.1 * torch.randn_like(batch)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if monitor is not None:
            monitor.log(loss=loss)
    return [each.detach().clone() for each in model.parameters()]
