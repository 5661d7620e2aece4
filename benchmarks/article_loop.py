"""The article's own training loop, as published, timed: what this project's epoch is compared with.

The published listing stands as its last experiment left it (sigmoid, input divided, lr 0.5). Here it is set
to the second one, preset `low-lr`: ReLU, raw input 0–255, lr 0.001. All else that runs is the article's:
DataLoader over an ArrayDataset, imperative `nd` calls, five read-backs a step (the share of zeros and four
gradient sums), the test at the end of each epoch. Left out, in its favour: the pictures, and reading the
test set each epoch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.dataset import ByteArray
from deadrelu_tui.engine.by_mxnet.runtime import mx

PRESET = "low-lr"
LR = 0.001
BATCH_SIZE = 256
RECORD_COUNT = 60_000 // BATCH_SIZE

nd, gdata = mx.nd, mx.gluon.data


def epochs(n: int) -> Iterator[float]:
    """Yield the seconds that each of n epochs takes, its test on the 10 000 test images included."""
    images = data.find(full=True)
    features, labels = _as_article(images.train_images, images.train_labels)
    test_features, test_labels = _as_article(images.test_images, images.test_labels)
    data_iter = gdata.DataLoader(gdata.ArrayDataset(features, labels), BATCH_SIZE, shuffle=True)

    w1 = nd.random.normal(scale=0.01, shape=(784, 300))
    b1 = nd.zeros(300)
    w2 = nd.random.normal(scale=0.01, shape=(300, 10))
    b2 = nd.zeros(10)
    params = [w1, b1, w2, b2]
    for param in params:
        param.attach_grad()
    relu_rate = 0.0

    def relu(x: Any) -> Any:
        nonlocal relu_rate
        relu_rate = (x < 0).mean().asscalar()
        return nd.relu(x)

    def net(x: Any) -> Any:
        x = x.reshape((-1, 784))
        result = relu(nd.dot(x, w1) + b1)
        return nd.dot(result, w2) + b2

    def test() -> None:
        y_predict = net(test_features).argmax(axis=1)
        accuracy = (nd.array(test_labels) == nd.array(y_predict, dtype="float32")).mean().asscalar()
        print(f"Accuracy: {accuracy}", file=sys.stderr)

    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    for _ in range(n):
        began = time.perf_counter()
        graph_ys = np.zeros((4, RECORD_COUNT))
        relu_record = np.zeros((RECORD_COUNT,))
        graph_index = 0
        for X, y in data_iter:  # noqa: N806 - the article's names
            with mx.autograd.record():
                y_hat = net(X)
                batch_loss = loss(y_hat, y).sum()
            batch_loss.backward()
            for j, p in enumerate(params):
                grad = p.grad
                p[:] = p - LR * grad / BATCH_SIZE
                if graph_index < RECORD_COUNT:
                    graph_ys[j][graph_index] = grad.sum().asscalar()
                    relu_record[graph_index] = relu_rate
            graph_index += 1  # noqa: SIM113 - as published
        print(f"Loss: {batch_loss.sum()}", file=sys.stderr)
        test()
        yield time.perf_counter() - began


def _as_article(images: ByteArray, labels: ByteArray) -> tuple[Any, Any]:
    """Return what the article's get_data returns: float images (n, 28, 28, 1) as an NDArray, NumPy labels."""
    features = nd.array(images.reshape(-1, 28, 28, 1), dtype="uint8").astype("float32")
    return features, labels.astype(np.int32)


if __name__ == "__main__":
    for seconds in epochs(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        print(f"{seconds:.2f} s")
