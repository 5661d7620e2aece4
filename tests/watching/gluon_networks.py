"""Networks of Gluon's as people write them, each with the shape of its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deadrelu_tui.engine.by_mxnet import runtime

mx: Any = runtime.mx
nn: Any = mx.gluon.nn


class Functions(mx.gluon.HybridBlock):
    """Functions, a Dropout, a block of an activation that is used twice, a layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.conv, self.norm = nn.Conv2D(4, 3, in_channels=1), nn.BatchNorm(in_channels=4)
            self.fc1, self.fc2 = nn.Dense(12, in_units=64), nn.Dense(12, in_units=12)
            self.act, self.dropout = nn.Activation("relu"), nn.Dropout(0.3)
            self.out = nn.Dense(3, in_units=12)

    def hybrid_forward(self, F: Any, images: Any) -> Any:  # noqa: N803 - Gluon's own name
        hidden = F.relu(self.norm(self.conv(images)))
        hidden = self.dropout(self.act(self.fc1(hidden)))
        hidden = F.clip(self.fc2(hidden), 0, 6)
        return self.out(self.act(self.fc2(hidden)))


class Residual(mx.gluon.HybridBlock):
    """As in a ResNet: two convolutions, a sum, the ReLU as F.Activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        with self.name_scope():
            given = {"kernel_size": 3, "padding": 1, "use_bias": False, "in_channels": channels}
            self.conv1, self.conv2 = nn.Conv2D(channels, **given), nn.Conv2D(channels, **given)
            self.bn1, self.bn2 = nn.BatchNorm(in_channels=channels), nn.BatchNorm(in_channels=channels)

    def hybrid_forward(self, F: Any, images: Any) -> Any:  # noqa: N803 - Gluon's own name
        hidden = F.Activation(self.bn1(self.conv1(images)), act_type="relu")
        return F.Activation(self.bn2(self.conv2(hidden)) + images, act_type="relu")


class Plain(mx.gluon.Block):
    """A Block that takes no symbols, as its code goes by shapes and numbers."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.fc1, self.fc2, self.out = (nn.Dense(9, in_units=6), nn.Dense(9, in_units=9, activation="relu"),
                                            nn.Dense(3, in_units=9))  # fmt: skip

    def forward(self, rows: Any) -> Any:
        assert rows.shape[1] == 6
        hidden = mx.nd.maximum(self.fc1(rows), 0)
        return self.out(self.fc2(hidden))


def _sequential(*layers: Any) -> Any:
    net = nn.HybridSequential()
    net.add(*layers)
    return net


def _mlp() -> Any:
    return _sequential(
        nn.Dense(8, activation="relu", in_units=6), nn.Dropout(0.2), nn.Dense(8, in_units=8), nn.Activation("relu"),
        nn.Dense(3, in_units=8),
    )  # fmt: skip


def _conv() -> Any:
    return _sequential(
        nn.Conv2D(4, 3, in_channels=1), nn.BatchNorm(in_channels=4), nn.Activation("relu"), nn.MaxPool2D(),
        nn.Conv2D(5, 2, activation="relu", in_channels=4), nn.Dense(7, in_units=20, activation="relu"),
        nn.Dense(3, in_units=7),
    )  # fmt: skip


def _others() -> Any:
    return _sequential(
        nn.Dense(8, in_units=6), nn.LeakyReLU(0.1), nn.Dense(8, in_units=8), nn.GELU(), nn.Dense(7, in_units=8),
        nn.Swish(), nn.Dense(6, in_units=7), nn.ELU(), nn.Dense(6, in_units=6, activation="softrelu"),
        nn.Dense(5, in_units=6), nn.PReLU(), nn.Dense(4, in_units=5, activation="tanh"),
        nn.Dense(4, in_units=4, activation="sigmoid"), nn.Dense(3, in_units=4),
    )  # fmt: skip


def _rows() -> Any:
    return _sequential(
        nn.Dense(10, flatten=False, activation="relu", in_units=6), nn.LayerNorm(in_channels=10),
        nn.Dense(3, in_units=50),
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (_mlp, (16, 6)),
    "functions": (Functions, (16, 1, 6, 6)),
    "residual": (lambda: _sequential(Residual(3), Residual(3), nn.GlobalAvgPool2D(), nn.Dense(3, in_units=3)),
                 (16, 3, 6, 6)),
    "conv": (_conv, (16, 1, 8, 8)),
    "rows": (_rows, (16, 5, 6)),
    "plain": (Plain, (16, 6)),
    "others": (_others, (16, 6)),
}  # fmt: skip
"""What makes each, and the shape of its batch."""

HYBRIDISED: dict[str, dict[str, Any] | None] = {"plainly": None, "hybridised": {}, "static": {"static_alloc": True}}


def made(name: str, how: str = "plainly", seed: int = 0) -> tuple[Any, Any]:
    """Return a network and a batch for it; its parameters have their values."""
    mx.random.seed(seed)
    make, shape = NETWORKS[name]
    net = make()
    net.initialize(mx.init.Xavier())
    given = HYBRIDISED[how]
    if given is not None:
        net.hybridize(**given)
    batch = mx.nd.array(np.random.RandomState(seed).randn(*shape))
    return net, batch


def trainer_of(net: Any, kind: str = "sgd", **given: Any) -> Any:
    """Return what trains a network."""
    return mx.gluon.Trainer(net.collect_params(), kind, {"learning_rate": 0.05, **given})


def stepped(net: Any, batch: Any, trainer: Any) -> Any:
    """Take a step; return the loss of each sample."""
    with mx.autograd.record():
        loss = net(batch).square().mean(axis=1)
    loss.backward()
    trainer.step(len(batch))
    return loss


def values_of(net: Any) -> list[Any]:
    """Return all parameters, running statistics included."""
    return [each.data().asnumpy() for each in net.collect_params().values()]
