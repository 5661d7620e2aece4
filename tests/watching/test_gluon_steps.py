"""What is told of each step of a training with Gluon, what can be asked of it, and that it ends as it was."""

from __future__ import annotations

import gc
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from waiting import until
from watches import guest_of, history_of, watched

from deadrelu_tui.builtin import fashion_mnist, needs
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.record.commands import Change, Pause, Resume, Revive, Stop, Take
from deadrelu_tui.watching import begin, governor

if needs.mxnet_lack() is not None:
    pytest.skip("MXNet cannot be used here (pip install '.[mxnet]')", allow_module_level=True)

from gluon_networks import HYBRIDISED, made, mx, nn, stepped, trainer_of, values_of

from deadrelu_tui.watching.by_gluon.passing import blocks


@pytest.fixture(autouse=True)
def every_step_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in governor.DEBT:
        monkeypatch.setitem(governor.DEBT, kind, 600.0)


@pytest.mark.parametrize("how", HYBRIDISED)
def test_gradients_and_updates_are_those_of_each_parameter(how: str) -> None:
    net, batch = made("mlp", how)
    monitor = watched(net, trainer := trainer_of(net, "adam"), probe=batch)
    names = {name: each for name, each in net._collect_params_with_prefix().items() if each.grad_req != "null"}
    expected = []
    for _ in range(5):
        before = {name: each.data().asnumpy().astype(np.float64) for name, each in names.items()}
        stepped(net, batch, trainer)
        for name, each in names.items():
            gradient, was = each.grad().asnumpy().astype(np.float64), before[name]
            length = np.linalg.norm(was)
            change = np.linalg.norm(each.data().asnumpy() - was)
            expected.append((name, gradient.sum(), np.linalg.norm(gradient), change / length if length else np.inf))
    history = history_of(monitor)
    for index, (name, *numbers) in enumerate(expected):
        step = index // len(names)
        told = [history.series(f"{metric}/{name}").values[step] for metric in ("grad_sum", "grad_norm", "update_ratio")]
        np.testing.assert_allclose(told, numbers, rtol=2e-4, atol=1e-6)


def test_the_gradient_is_of_the_summed_loss_and_its_size_of_the_mean() -> None:
    net, batch = made("mlp")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    stepped(net, batch, trainer)
    gradient = net[0].weight.grad().asnumpy()
    history = history_of(monitor)
    assert history.latest("grad_mean_abs/0.weight") == pytest.approx(np.abs(gradient).mean() / 16, rel=1e-5)
    units = history.units("0")
    assert units is not None
    np.testing.assert_allclose(units.gradient, np.linalg.norm(gradient, axis=1), rtol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "functions", "residual", "conv", "rows", "plain", "others"])
def test_a_unit_has_fired_in_a_batch_if_it_did_for_one_of_its_samples(name: str) -> None:
    net, batch = made(name)
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    fired = {}
    for layer, tap in guest_of(monitor).sight.known.taps.items():  # type: ignore[attr-defined]

        def slow(_block: Any, _given: Any, out: Any, layer: str = layer, along: int = tap.along) -> None:
            rows = np.moveaxis(out.asnumpy(), along, -1).reshape(-1, out.shape[along])
            fired[layer] = (rows > 0).any(0)

        tap.block.register_forward_hook(slow)
    for _ in range(3):
        stepped(net, batch, trainer)
    net(batch)  # no training
    history = history_of(monitor)
    assert fired
    for layer, mask in fired.items():
        assert history.latest(f"silent_fraction/{layer}") == pytest.approx(1 - mask.mean(), abs=1e-6), layer


def test_a_net_that_is_hybridised_later_goes_on_without_its_batches() -> None:
    net, batch = made("mlp")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    stepped(net, batch, trainer)
    with pytest.warns(UserWarning, match="having forward hook"):  # MXNet's own, of whatever hooks there are
        net.hybridize(static_alloc=True)
    for _ in range(4):
        stepped(net, batch, trainer)
    history = history_of(monitor)
    assert np.isfinite(history.series("silent_fraction/0").values).sum() == 1
    assert np.isfinite(history.series("dead_fraction/0").values).sum() == 4  # steps 0, 1, 2, 4


@pytest.mark.parametrize("when", ["before the step", "after it"])
@pytest.mark.parametrize("how", HYBRIDISED)
def test_a_loss_belongs_to_its_step_whenever_it_is_told(when: str, how: str) -> None:
    net, batch = made("mlp", how)
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    losses = []
    for _ in range(6):
        with mx.autograd.record():
            loss = net(batch).square().mean(axis=1)
            if when == "before the step":
                monitor.log(loss=loss, accuracy=0.5)
        loss.backward()
        trainer.step(16)
        if when == "after it":
            monitor.log(loss=loss, accuracy=0.5)
        losses.append(loss.asnumpy().mean(dtype=np.float64))
    history = history_of(monitor)
    np.testing.assert_allclose(history.series("loss").values, losses, rtol=1e-6)
    assert history.latest("accuracy") == 0.5


class Counting(mx.lr_scheduler.LRScheduler):
    """One of somebody's that goes by how often it was asked."""

    def __init__(self) -> None:
        super().__init__(0.1)
        self.asked = 0

    def __call__(self, num_update: int) -> float:
        self.asked += 1
        return 0.1 * 0.99**self.asked


SCHEDULERS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "factor": lambda: mx.lr_scheduler.FactorScheduler(3, 0.5, base_lr=0.1),
    "cosine": lambda: mx.lr_scheduler.CosineScheduler(10, base_lr=0.1, warmup_steps=2),
    "poly": lambda: mx.lr_scheduler.PolyScheduler(12, base_lr=0.1),
    "counting": Counting,
}


class Noting(mx.optimizer.SGD):
    """Notes the rate of each update of the first parameter."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.used: list[float] = []

    def _get_lrs(self, indices: list[int]) -> list[float]:
        found = super()._get_lrs(indices)
        self.used.append(found[0])
        return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_change_of_the_rate_is_a_factor_that_survives_every_scheduler(kind: str) -> None:
    def rates(halved: bool) -> tuple[list[float], Any]:
        net, batch = made("mlp")
        optimizer = Noting(learning_rate=0.1, lr_scheduler=SCHEDULERS[kind]())
        monitor = watched(net, trainer := mx.gluon.Trainer(net.collect_params(), optimizer), probe=batch)
        scheduler = optimizer.lr_scheduler
        for step in range(12):
            if halved and step == 4:
                guest = guest_of(monitor)
                guest.run.send(Change({"lr": guest.run.live["lr"] / 2}))
            stepped(net, batch, trainer)
            if kind == "none" and step == 8:
                trainer.set_learning_rate(0.02)
            assert optimizer.lr_scheduler is scheduler
        assert not monitor.fault
        history = history_of(monitor)
        per_step = len(optimizer.used) // 12
        used = optimizer.used[per_step - 1 :: per_step]
        assert [history.live_at(step)["lr"] for step in range(12)] == pytest.approx(used)
        return used, getattr(scheduler, "asked", getattr(scheduler, "base_lr", optimizer.lr))

    (plain, known), (halved, known_too) = rates(False), rates(True)
    assert known == known_too
    assert halved[:5] == plain[:5]
    assert halved[5:] == pytest.approx([each / 2 for each in plain[5:]], rel=1e-12)


def test_a_pause_holds_the_training_between_two_steps_and_lets_single_ones_go() -> None:
    net, batch = made("mlp", "static")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    guest, done, asked = guest_of(monitor), list[int](), list[list[int]]()
    guest.run.send(Pause())

    def ask() -> None:  # MXNet trains in the thread in which the blocks were made
        until(lambda: len(guest.run.history) == 1)
        asked.append(list(done))
        guest.run.send(Take())
        until(lambda: len(guest.run.history) == 2)
        asked.append(list(done))
        guest.run.send(Resume())

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        stepped(net, batch, trainer)
        done.append(guest.step)
    thread.join(30)
    assert (asked, done) == ([[], [1]], [1, 2, 3])
    assert [each.kind for each in history_of(monitor).events if each.kind in ("pause", "resume")] == ["pause", "resume"]


def test_a_stop_ends_the_batches_else_it_interrupts() -> None:
    net, batch = made("mlp")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    seen = 0
    for each in monitor.batches([batch] * 10):
        stepped(net, each, trainer)
        seen += 1
        if seen == 3:
            guest_of(monitor).run.send(Stop())
    assert seen == 3
    history = history_of(monitor)
    assert history.end is not None
    assert history.end.how == "stopped"

    monitor = watched(net, trainer, probe=batch)
    guest_of(monitor).run.send(Stop())
    with pytest.raises(KeyboardInterrupt):
        stepped(net, batch, trainer)
    assert "step" not in vars(trainer)
    stepped(net, batch, trainer)  # a loop that catches it goes on as if nobody had watched


def test_update_is_a_step_as_well_and_either_is_one() -> None:
    net, batch = made("mlp")
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, update_on_kvstore=False)
    monitor = watched(net, trainer, probe=batch)
    for _ in range(3):
        with mx.autograd.record():
            loss = net(batch).square().mean(axis=1)
        loss.backward()
        trainer.allreduce_grads()
        trainer.update(16)
        stepped(net, batch, trainer)
    assert len(history_of(monitor)) == 6


def test_two_devices_are_one_training() -> None:
    net, batch = made("mlp")
    devices = [mx.cpu(0), mx.cpu(1)]
    net.collect_params().reset_ctx(devices)
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    sums = []
    for _ in range(3):
        parts = mx.gluon.utils.split_and_load(batch, devices)
        with mx.autograd.record():
            losses = [net(each).square().mean(axis=1) for each in parts]
        for each in losses:
            each.backward()
        sums.append(sum(float(each.asnumpy().sum(dtype=np.float64)) for each in net[0].weight.list_grad()))
        trainer.step(16)
    history = history_of(monitor)
    np.testing.assert_allclose(history.series("grad_sum/0.weight").values, sums, rtol=1e-4)


def dead_mlp(how: str = "plainly", kind: str = "sgd", **given: Any) -> tuple[Any, Any, Any]:
    net, batch = made("mlp", how)
    trainer = trainer_of(net, kind, learning_rate=0.001, **given)
    for _ in range(3):
        stepped(net, batch, trainer)
    with mx.autograd.pause():
        net[0].bias.data()[2:5] = -100.0
    return net, batch, trainer


@pytest.mark.parametrize("how", HYBRIDISED)
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "rmsprop", "adagrad"])
def test_dead_units_come_back_and_the_network_says_what_it_said(how: str, kind: str) -> None:
    given = {"momentum": 0.9} if kind == "momentum" else {}
    net, batch, trainer = dead_mlp(how, "sgd" if kind == "momentum" else kind, **given)
    before, others = net(batch).asnumpy(), net[0].weight.data().asnumpy()[5:]
    monitor = watched(net, trainer, probe=batch)
    assert monitor.revive() == {"0": 3}
    assert np.abs(net(batch).asnumpy() - before).max() <= 1e-5 * np.abs(before).max()
    assert np.array_equal(net[0].weight.data().asnumpy()[5:], others)
    assert (net[0](batch).asnumpy() > 0).any(0).all()
    states = trainer._updaters[0].states
    state = states[trainer._param2idx[net[0].weight.name]]
    if kind == "momentum":
        assert not state.asnumpy()[2:5].any()
    if kind == "adam":
        mean, variance = (each.asnumpy() for each in state)
        assert not mean[2:5].any()
        assert (variance[2:5] == np.median(np.delete(variance, [2, 3, 4], 0))).all()
    for _ in range(12):
        stepped(net, batch, trainer)
    assert (net[0](batch).asnumpy() > 0).any(0).sum() >= 7
    history = history_of(monitor)
    assert [each.facts["layers"] for each in history.events if each.kind == "revive"] == [{"0": 3}]


@pytest.mark.parametrize("name", ["conv", "residual"])
def test_units_of_a_convolution_come_back_or_stay_with_the_reason(name: str) -> None:
    net, batch = made(name, "hybridised")
    trainer = trainer_of(net, "adam", learning_rate=0.001)
    stepped(net, batch, trainer)
    norm = net[1] if name == "conv" else net[0].bn1
    with mx.autograd.pause():
        norm.beta.data()[1] = -50.0
    before = net(batch).asnumpy()
    monitor = watched(net, trainer, probe=batch)
    layer = "0" if name == "conv" else "0.conv1"
    assert monitor.revive(layer) == {layer: 1}
    assert np.abs(net(batch).asnumpy() - before).max() <= 1e-5 * np.abs(before).max()
    monitor.close()


def test_what_is_read_otherwise_is_left_as_it_was() -> None:
    net, batch = made("residual")
    trainer = trainer_of(net)
    stepped(net, batch, trainer)
    with mx.autograd.pause():
        net[0].bn2.beta.data()[1] = -50.0  # read by the next block's sum, too
    before = values_of(net)
    monitor = watched(net, trainer, probe=batch)
    assert monitor.revive() == {}
    assert all(np.array_equal(one, other) for one, other in zip(before, values_of(net), strict=True))
    why = [each.facts["why"] for each in history_of(monitor).events if each.kind == "not_revived"]
    assert len(why) == 1
    assert "would move" in why[0]


def test_of_a_network_that_says_no_numbers_nothing_is_revived() -> None:
    net, batch, trainer = dead_mlp()
    with mx.autograd.pause():
        net[4].bias.data()[0] = math.nan
    before = values_of(net)
    monitor = watched(net, trainer, probe=batch)
    assert monitor.revive() == {}
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(before, values_of(net), strict=True))
    assert any("no number" in each.facts.get("why", "") for each in history_of(monitor).events)


def test_who_watches_can_ask_for_a_revival() -> None:
    net, batch, trainer = dead_mlp("static")
    monitor = watched(net, trainer, probe=batch)
    guest_of(monitor).run.send(Revive())
    stepped(net, batch, trainer)
    stepped(net, batch, trainer)
    assert [each.facts["layers"] for each in history_of(monitor).events if each.kind == "revive"] == [{"0": 3}]


def test_without_a_probe_units_die_after_a_window_of_samples() -> None:
    net, batch, trainer = dead_mlp()
    monitor = watched(net, trainer, window=64)
    for _ in range(9):
        stepped(net, batch, trainer)
    history = history_of(monitor)
    assert history.latest("dead_fraction/0") == pytest.approx(3 / 8)
    net.hybridize()
    monitor = begin(net, trainer, window=64)
    stepped(net, batch, trainer)
    assert "hybridised" in monitor.fault


def test_whoever_has_wrapped_the_trainer_once_more_keeps_what_it_has() -> None:
    net, batch = made("mlp")
    trainer = trainer_of(net)
    calls: list[int] = []
    theirs = trainer.step

    def own(size: int) -> None:
        calls.append(size)
        theirs(size)

    trainer.step = own
    monitor = watched(net, trainer, probe=batch)
    stepped(net, batch, trainer)
    assert calls == [16]
    monitor.close()
    assert trainer.step is own
    monitor = watched(net, trainer, probe=batch)
    trainer.step = outer = lambda size, step=trainer.step: step(size)
    stepped(net, batch, trainer)
    assert len(history_of(monitor)) == 1
    assert trainer.step is outer
    stepped(net, batch, trainer)
    assert calls == [16, 16, 16]


def test_a_fault_of_ours_ends_the_watching_and_not_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    net, batch = made("mlp")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    stepped(net, batch, trainer)

    def broken() -> None:
        raise RuntimeError("of ours")

    guest_of(monitor).sight.look = broken  # type: ignore[assignment, method-assign]
    for _ in range(3):
        stepped(net, batch, trainer)
    assert "of ours" in monitor.fault
    assert "the training goes on" in capsys.readouterr().err
    assert not any(each._forward_hooks or each._forward_pre_hooks for _, each, _ in blocks(net))
    assert "step" not in vars(trainer)
    monitor.close()


def test_a_fault_of_the_training_is_its_own() -> None:
    net, batch = made("mlp")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    with pytest.raises(UserWarning, match="has not been updated by backward"):
        trainer.step(16)
    stepped(net, batch, trainer)
    assert not monitor.fault
    assert len(history_of(monitor)) == 1


@pytest.mark.parametrize("where", ["loss", "network"])
def test_an_error_of_mxnets_reaches_the_training_though_we_read_it_first(where: str) -> None:
    net, batch = made("mlp", "static" if where == "loss" else "plainly")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    stepped(net, batch, trainer)
    bad = mx.nd.random.normal(-1, -1, shape=(16,))  # a scale below 0: it fails once it is computed

    def train() -> None:
        for _ in range(50):
            if where == "loss":
                monitor.log(loss=bad)
            stepped(net, batch if where == "loss" else batch + bad.reshape((16, 1)), trainer)
            time.sleep(0.05)

    with pytest.raises(mx.base.MXNetError, match="scale"):
        train()
    monitor.close()


def test_what_cannot_be_watched_is_said_in_a_line_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    net, batch = made("mlp")
    trainer = trainer_of(net)
    plain = nn.HybridSequential()
    plain.add(nn.Dense(3, in_units=6))
    plain.initialize()
    other = mx.gluon.Trainer(plain.collect_params(), "sgd")
    distributed = trainer_of(net)
    distributed._kvstore_params["kvstore"] = "dist_sync"
    for told, model, by, given in (
        ("the network cannot be run on the probe", net, trainer, {"probe": mx.nd.ones((3, 99))}),
        ("no block", net, trainer, {"probe": batch, "units": {"x": "nowhere"}}),
        ("without keywords", net, trainer, {"probe": {"x": batch}}),
        ("does not call the network", net, trainer, {"probe": lambda: None}),
        ("controls may be", net, trainer, {"probe": batch, "controls": ("fly",)}),
        ("budget", net, trainer, {"probe": batch, "budget": 0}),
        ("window", net, trainer, {"probe": batch, "window": -1}),
        ("no ReLU", plain, other, {"probe": batch}),
        ("holds none of the network's parameters", net, other, {"probe": batch}),
        ("must be a gluon.Trainer", net, "adam", {"probe": batch}),
        ("optimizer is missing", net, None, {"probe": batch}),
        ("key-value store", net, distributed, {"probe": batch}),
    ):
        monitor = begin(model, by, **given)
        assert told in monitor.fault, (told, monitor.fault)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "the training goes on" in said
        assert "step" not in vars(trainer)
    late = begin(plain, other)  # nothing is known before the first batch
    with mx.autograd.record():
        loss = plain(batch)
    loss.backward()
    other.step(16)
    assert "no ReLU" in late.fault
    assert capsys.readouterr().err.count("\n") == 1
    stepped(net, batch, trainer)


def test_a_network_that_is_let_go_is_let_go() -> None:
    net, batch = made("mlp", "static")
    monitor = watched(net, trainer := trainer_of(net), probe=batch)
    for _ in range(30):
        stepped(net, batch, trainer)
    monitor.close()
    gc.collect()
    before = len(gc.get_objects())
    stepped(net, batch, trainer)
    gc.collect()
    assert len(gc.get_objects()) - before < 500


@pytest.mark.parametrize("how", ["plainly", "static"])
def test_a_network_that_dies_of_its_rate_is_called_dead_in_the_right_layer(how: str) -> None:
    data = fashion_mnist.find(full=False)
    images = mx.nd.array(data.train_images[:2048].reshape(2048, -1).astype(np.float32))
    labels = mx.nd.array(data.train_labels[:2048])
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(nn.Dense(60, activation="relu"), nn.Dense(40), nn.Activation("relu"), nn.Dense(10))
    net.initialize(mx.init.Normal(0.01))
    if how == "static":
        net.hybridize(static_alloc=True, static_shape=True)
    loss_of = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = trainer_of(net, learning_rate=0.1)
    probe = mx.nd.array(data.test_images[:500].reshape(500, -1).astype(np.float32))
    monitor = watched(net, trainer, probe=probe, classes=10)
    for step, start in enumerate(([*range(0, 2048, 128)] * 3)[:33]):
        with mx.autograd.record():
            loss = loss_of(net(images[start : start + 128]), labels[start : start + 128])
        loss.backward()
        monitor.log(loss=loss)
        if step == 32:  # the last step that has a look
            first = net[0](probe)
            second = net[2](net[1](first))
        trainer.step(128)
    assert monitor.verdict == "dead"
    history = history_of(monitor)
    found = verdict(history)
    assert found is not None
    dead = {name: history.latest(f"dead_fraction/{name}") for name in history.network.names}
    counted = [(each.asnumpy() <= 0).all(0).mean() for each in (first, second)]
    assert dead == {"0": pytest.approx(counted[0]), "1": pytest.approx(counted[1])}
    assert (found.word, found.layer) == ("dead", "0")
    assert dead["0"] is not None
    assert dead["0"] > 0.9
    assert math.isfinite(history.latest("loss") or math.nan)


def test_choices_from_a_table_are_counted_though_they_are_still_to_be_computed() -> None:
    net, batch = made("mlp")
    trainer = trainer_of(net)
    monitor = watched(net, trainer, probe=batch)
    for _ in range(3):
        stepped(net, batch, trainer)
        monitor.count("codes", mx.nd.array([[0, 2], [2, 9]]).argmax(axis=1) + 1, 4)  # float32, as argmax has it: 2, 2
        monitor.count("experts", [0, 1], 2)
    history = history_of(monitor)
    assert history.series("silent_fraction/codes").values.tolist() == [0.75] * 3
    assert history.latest("silent_fraction/experts") == 0


class Remembering(nn.HybridBlock):
    """Counts its calls in attributes of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.seen = 0, list[int]()
        with self.name_scope():
            self.body, self.out = nn.Dense(6), nn.Dense(2)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803 - as Gluon calls it
        self.calls += 1
        self.seen.append(self.calls)
        return self.out(F.relu(self.body(x)))


@pytest.mark.parametrize("how", list(HYBRIDISED))
def test_a_network_that_counts_its_calls_is_not_called_as_far_as_it_can_tell(how: str) -> None:
    counts = []
    for watching in (False, True):
        net = Remembering()
        net.initialize(mx.init.Xavier())
        if (given := HYBRIDISED[how]) is not None:
            net.hybridize(**given)
        batch, trainer = mx.nd.array(np.ones((5, 4))), trainer_of(net)
        monitor = watched(net, trainer, probe=batch) if watching else None
        for _ in range(6):
            stepped(net, batch, trainer)
        if monitor is not None:
            assert not monitor.fault
            monitor.close()
        counts.append((net.calls, net.seen))
    assert counts[0] == counts[1]
