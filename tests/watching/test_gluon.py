"""Watching networks of Gluon's: what is seen of them, hybridised or not, and that they train on as if nobody had."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from watches import guest_of, history_of, watched

import deadrelu_tui
from deadrelu_tui.builtin import needs
from deadrelu_tui.watching import governor

if needs.mxnet_lack() is not None:
    pytest.skip("MXNet cannot be used here (pip install '.[mxnet]')", allow_module_level=True)

from gluon_networks import HYBRIDISED, NETWORKS, made, mx, nn, stepped, trainer_of, values_of

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_gluon.graph import drawn
from deadrelu_tui.watching.by_gluon.passing import blocks
from deadrelu_tui.watching.by_gluon.sketch import Sketch, own_blocks, sketch


@pytest.fixture(autouse=True)
def every_step_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in governor.DEBT:
        monkeypatch.setitem(governor.DEBT, kind, 600.0)


RELUS = ("mlp", "functions", "residual", "conv", "rows", "plain")
EXPECTED: dict[str, list[tuple[str, int, str, str, str | None, tuple[str, ...]]]] = {
    "mlp": [("0", 8, "relu", "0.weight", "0.bias", ()), ("2", 8, "relu", "2.weight", "2.bias", ("0",))],
    "functions": [("conv", 4, "relu", "conv.weight", "conv.bias", ()),
                  ("fc1", 12, "relu", "fc1.weight", "fc1.bias", ("conv",)),
                  ("fc2", 12, "relu", "fc2.weight", "fc2.bias", ("fc1",))],
    "residual": [("0.conv1", 3, "relu", "0.conv1.weight", None, ()),
                 ("0.conv2", 3, "relu", "0.conv2.weight", None, ("0.conv1",)),
                 ("1.conv1", 3, "relu", "1.conv1.weight", None, ("0.conv2",)),
                 ("1.conv2", 3, "relu", "1.conv2.weight", None, ("0.conv2", "1.conv1"))],
    "conv": [("0", 4, "relu", "0.weight", "0.bias", ()), ("4", 5, "relu", "4.weight", "4.bias", ("0",)),
             ("5", 7, "relu", "5.weight", "5.bias", ("4",))],
    "rows": [("0", 10, "relu", "0.weight", "0.bias", ())],
    "plain": [("fc1", 9, "relu", "fc1.weight", "fc1.bias", ()), ("fc2", 9, "relu", "fc2.weight", "fc2.bias", ("fc1",))],
}  # fmt: skip
TAPPED = {
    "mlp": {"0", "2"}, "functions": {"conv", "fc1"}, "residual": {"0.conv1", "0.conv2", "1.conv1", "1.conv2"},
    "conv": {"0", "4", "5"}, "rows": {"0"}, "plain": {"fc1", "fc2"},
}  # fmt: skip


def sketched(name: str, how: str = "plainly") -> Sketch:
    net, batch = made(name, how)
    return sketch(net, (batch,), {})


@pytest.mark.parametrize("how", HYBRIDISED)
@pytest.mark.parametrize("name", RELUS)
def test_every_relu_is_a_layer_with_its_weight_and_what_feeds_it(name: str, how: str) -> None:
    layers = sketched(name, how).network.layers
    told = [(each.name, each.units, each.activation, each.weight, each.bias, each.inputs) for each in layers]
    assert told == EXPECTED[name]


def test_the_other_activations_have_their_names() -> None:
    assert [each.activation for each in sketched("others", "static").network.layers] == [
        "leaky_relu", "gelu", "silu", "elu", "softplus", "leaky_relu", "tanh", "sigmoid",
    ]  # fmt: skip


@pytest.mark.parametrize("name", RELUS)
def test_a_layer_tells_of_its_batches_where_a_hook_is_called_for_each(name: str) -> None:
    assert sketched(name).taps.keys() == TAPPED[name]
    # Of hybridised blocks within one that is none each is still called.
    assert sketched(name, "static").taps.keys() == (TAPPED[name] if name == "plain" else set())


def test_what_normalises_a_layer_and_what_reads_it_is_known() -> None:
    known = sketched("residual", "hybridised")
    assert known.norms == ("0.bn1", "0.bn2", "1.bn1", "1.bn2")
    readers = [[known.parameter(one.variable).shape for one in each.readers] for each in known.places.values()]
    assert readers == [[(3, 3, 3, 3)], [(3, 3, 3, 3)], [(3, 3, 3, 3)], [(3, 3)]]


def test_gates_and_what_a_network_ends_with_are_no_layers_of_units() -> None:
    class Gated(mx.gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            with self.name_scope():
                self.gate, self.value, self.out = (nn.Dense(6, in_units=6) for _ in range(3))

        def hybrid_forward(self, F: Any, rows: Any) -> Any:  # noqa: N803 - Gluon's own name
            return F.sigmoid(self.out(F.sigmoid(self.gate(rows)) * F.relu(self.value(rows))))

    net = Gated()
    net.initialize()
    assert sketch(net, (mx.nd.ones((2, 6)),), {}).network.names == ("value",)


class Slow:
    """Notes what goes into each ReLU, of a network that computes step by step, at the functions that it calls."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    @contextmanager
    def listening(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        with patch.context() as patched:
            for name in ("relu", "Activation", "clip", "maximum"):
                patched.setattr(mx.nd, name, self._noting(getattr(mx.nd, name)))
            yield

    def _noting(self, function: Any) -> Any:
        def noted(given: Any, *args: Any, **named: Any) -> Any:
            self.taken.append(given.asnumpy().astype(np.float64))
            return function(given, *args, **named)

        return noted


@pytest.mark.parametrize("how", HYBRIDISED)
@pytest.mark.parametrize("name", RELUS)
def test_a_unit_fires_as_often_as_a_slow_count_says(name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, batch = made(name, how)
    stepped(net, batch, trainer := trainer_of(net))
    monitor = watched(net, trainer, probe=batch)
    with mx.autograd.record():
        loss = net(batch).sum()
    loss.backward()
    other, _ = made(name)
    for one, value in zip(other.collect_params().values(), values_of(net), strict=True):
        one.set_data(mx.nd.array(value))
    slow = Slow()
    with slow.listening(monkeypatch):
        other(batch)
    trainer.step(len(batch))
    looked = history_of(monitor).looked
    assert looked is not None
    expected = {"functions": ["conv", "fc1", "fc2", "fc2"]}.get(name, list(looked.layers))
    assert len(slow.taken) == len(expected)
    for layer, units in looked.layers.items():
        pres = [pre for pre, each in zip(slow.taken, expected, strict=True) if each == layer]
        along = 2 if name == "rows" else 1
        rows = np.concatenate([np.moveaxis(each, along, -1).reshape(-1, len(units)) for each in pres])
        np.testing.assert_allclose(units.firing, (rows > 0).mean(0), rtol=1e-6)
        np.testing.assert_allclose(units.pre_mean, rows.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(units.pre_max, rows.max(0), rtol=1e-5)
        np.testing.assert_allclose(units.activity, np.clip(rows, 0, 6).mean(0), rtol=1e-4, atol=1e-6)


def test_a_look_may_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for most in (64_000_000, 400):
        monkeypatch.setattr("deadrelu_tui.watching.by_gluon.looking.AT_ONCE", most)
        net, batch = made("conv", "static")
        monitor = watched(net, trainer := trainer_of(net), probe=batch)
        guest = guest_of(monitor)
        parts = list(guest.sight.looker._parts())  # type: ignore[attr-defined]
        assert len(parts) == (1 if most > 400 else 8)
        stepped(net, batch, trainer)
        looked = history_of(monitor).looked
        assert looked is not None
        told.append(looked.layers)
    for layer, units in told[0].items():
        assert np.array_equal(units.firing, told[1][layer].firing)
        np.testing.assert_allclose(units.pre_mean, told[1][layer].pre_mean, rtol=1e-4, atol=1e-7)


def trained(name: str, how: str, watch: bool, deferred: bool = False, kind: str = "adam") -> tuple[list[Any], Any]:
    """Train a network for some steps on noise that MXNet draws; return its parameters."""
    net, batch = made(name, how)
    if deferred:
        mx.random.seed(7)
        net = nn.HybridSequential()
        net.add(nn.Dense(8, activation="relu"), nn.Dropout(0.4), nn.BatchNorm(), nn.Dense(8), nn.Activation("relu"))
        net.add(nn.Dense(3))
        net.initialize(mx.init.Xavier())
        if HYBRIDISED[how] is not None:
            net.hybridize(**(HYBRIDISED[how] or {}))
    trainer = trainer_of(net, kind, learning_rate=0.01)
    monitor = watched(net, trainer, probe=batch) if watch else None
    for _ in range(20):
        loss = stepped(net, batch + 0.1 * mx.nd.random.normal(shape=batch.shape), trainer)
        if monitor is not None:
            monitor.log(loss=loss)
    last = mx.nd.random.normal(shape=(4,)).asnumpy()
    return [*values_of(net), last], (net, trainer, monitor)


@pytest.mark.parametrize("how", HYBRIDISED)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_that_is_watched_ends_with_the_same_parameters_bit_for_bit(name: str, how: str) -> None:
    plain, _ = trained(name, how, watch=False)
    seen, (net, trainer, monitor) = trained(name, how, watch=True)
    assert all(np.array_equal(one, other) for one, other in zip(plain, seen, strict=True))
    history = history_of(monitor)
    assert len(history) == 20
    assert history.looked is not None
    assert not any(each._forward_hooks or each._forward_pre_hooks for _, each, _ in blocks(net))
    assert not {"step", "update"} & vars(trainer).keys()
    assert trainer.step.__func__ is mx.gluon.Trainer.step


@pytest.mark.parametrize("how", HYBRIDISED)
def test_first_weights_are_drawn_when_they_would_have_been(how: str) -> None:
    plain, _ = trained("mlp", how, watch=False, deferred=True)
    seen, (_, _, monitor) = trained("mlp", how, watch=True, deferred=True)
    assert all(np.array_equal(one, other) for one, other in zip(plain, seen, strict=True))
    history = history_of(monitor)
    assert history.network.names == ("0", "3")
    assert len(history) == 20


def test_to_look_at_a_network_leaves_nothing_on_it() -> None:
    net, batch = made("plain", "hybridised")
    heard: list[Any] = []
    net.fc1.register_forward_hook(lambda *given: heard.append(given))
    mx.random.seed(1)
    drawn(net, (batch,))
    first = mx.nd.random.normal(shape=(3,)).asnumpy()
    mx.random.seed(1)
    assert np.array_equal(first, mx.nd.random.normal(shape=(3,)).asnumpy())
    assert not heard
    assert net.fc1._active
    net(batch)
    assert len(heard) == 1


def test_a_probe_may_be_given_in_any_way_that_a_network_is_called() -> None:
    for how in ("tuple", "array", "callable"):
        net, batch = made("mlp", "hybridised")
        probe: Any = {"tuple": (batch,), "array": batch.asnumpy(), "callable": lambda net=net, x=batch: net(x)}[how]
        monitor = watched(net, trainer := trainer_of(net), probe=probe)
        stepped(net, batch, trainer)
        looked = history_of(monitor).looked
        assert looked is not None, how
        assert looked.layers.keys() == {"0", "2"}


@pytest.mark.parametrize("how", HYBRIDISED)
def test_without_a_probe_the_first_batch_is_kept(how: str) -> None:
    net, batch = made("mlp", how)
    monitor = watched(net, trainer := trainer_of(net))
    assert not monitor.run
    net(batch)  # no training
    stepped(net, batch, trainer)
    stepped(net, batch, trainer)
    history = history_of(monitor)
    assert history.start is not None
    assert history.start.facts["probe"] == "batch"
    assert history.start.probe == 16
    assert len(history) == 2


class Nested(mx.gluon.HybridBlock):
    """Takes a list, gives two arrays, and multiplies arrays of shapes that symbols could not have."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.one, self.two = nn.Dense(5, in_units=4), nn.Dense(5, in_units=3)
            self.out = nn.Dense(2, in_units=5)

    def hybrid_forward(self, F: Any, rows: Any, others: Any) -> Any:  # noqa: N803 - Gluon's own name
        return self.out(F.relu(self.one(rows) + self.two(others[0]) * others[1])), rows


def test_a_network_may_take_and_give_what_it_likes(capfd: pytest.CaptureFixture[str]) -> None:
    net = Nested()
    net.initialize()
    args = mx.nd.ones((4, 4)), [mx.nd.ones((4, 3)), mx.nd.ones((4, 1))]
    known = sketch(net, args, {})
    assert known.network.names == (net.name,)
    assert [known.parameter(each.variable) for each in known.places[net.name].readers] == [net.out.weight]
    assert len(known.heads) == 2
    assert not capfd.readouterr().err
    wide = mx.nd.ones((4, 4)), [mx.nd.ones((4, 3)), mx.nd.ones((4, 5))]
    assert sketch(net, wide, {}).graph.data[0] == "deadrelu_data0"  # by symbols


def test_what_normalises_and_cuts_off_at_once_is_a_relu_whose_h_nobody_sees() -> None:
    net = nn.HybridSequential()
    net.add(nn.Conv2DTranspose(5, 3, in_channels=1), nn.BatchNormReLU(in_channels=5), nn.Conv2D(2, 3, in_channels=5))
    net.initialize()
    batch = mx.nd.random.normal(shape=(4, 1, 6, 6))
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    hidden = net[1](net[0](batch)).asnumpy()
    stepped(net, batch, trainer)
    history = history_of(monitor)
    units = history.units("0")
    assert units is not None
    np.testing.assert_allclose(units.firing, (hidden > 0).mean((0, 2, 3)), rtol=1e-6)
    assert history.latest("pre_mean/0") is None


def thresholded(F: Any, rows: Any) -> Any:  # noqa: N803 - Gluon's own name
    return rows * (F.abs(rows) > 0.5)


def test_units_that_fire_otherwise_are_named() -> None:
    net = nn.HybridSequential()
    net.add(nn.Dense(9, in_units=6), nn.HybridLambda(thresholded), nn.Dense(3, in_units=9))
    net.initialize(mx.init.Xavier(magnitude=6))
    batch = mx.nd.random.normal(shape=(8, 6))
    monitor = watched(net, trainer := trainer_of(net), probe=batch, units={"codes": "1"})
    hidden = net[1](net[0](batch)).asnumpy()
    stepped(net, batch, trainer)
    history = history_of(monitor)
    units = history.units("codes")
    assert units is not None
    np.testing.assert_allclose(units.firing, (hidden != 0).mean(0), rtol=1e-6)
    assert history.latest("pre_mean/codes") is None
    with pytest.raises(InputError, match="no block"):
        own_blocks(net, {"codes": "7"})


def test_a_network_that_draws_random_numbers_is_seen_up_to_there() -> None:
    class Noisy(mx.gluon.HybridBlock):
        def __init__(self, early: bool) -> None:
            super().__init__()
            self.early = early
            with self.name_scope():
                self.one, self.two = nn.Dense(6, activation="relu", in_units=6), nn.Dense(6, in_units=6)

        def hybrid_forward(self, F: Any, rows: Any) -> Any:  # noqa: N803 - Gluon's own name
            if self.early:
                rows = rows + F.random.normal_like(rows)
            hidden = self.one(rows)
            return F.relu(self.two(hidden + F.random.normal_like(hidden)))

    batch = mx.nd.ones((4, 6))
    net = Noisy(False)
    net.initialize()
    assert sketch(net, (batch,), {}).network.names == ("one",)
    net = Noisy(True)
    net.initialize()
    with pytest.raises(InputError, match="random numbers"):
        sketch(net, (batch,), {})


def test_the_guest_of_gluon_loads_neither_the_screen_nor_an_engine_nor_torch() -> None:
    root = str(Path(deadrelu_tui.__file__).parents[1])
    code = (
        "import sys, numpy\n"
        "vars(numpy).setdefault('bool', bool)\n"
        "import setuptools, mxnet, deadrelu_tui\n"
        "from mxnet import gluon\n"
        "net = gluon.nn.Dense(3, activation='relu', in_units=2); net.initialize()\n"
        "trainer = gluon.Trainer(net.collect_params(), 'sgd')\n"
        "monitor = deadrelu_tui.watch(net, trainer, probe=mxnet.nd.ones((2, 2)))\n"
        "assert monitor.run, monitor.fault\n"
        "monitor.close()\n"
        "words = ('deadrelu_tui.engine', 'deadrelu_tui.tui', 'textual', 'torch', 'plotext', 'click')\n"
        "print(*(name for name in words if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
