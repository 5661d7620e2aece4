"""What a training does beside the plain loop: it ends bit for bit as if nobody had watched, and is counted right."""

from __future__ import annotations

import copy
import io
import math
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import TopK, made
from torch import nn
from torch.nn import functional
from torch.optim.optimizer import _global_optimizer_pre_hooks
from torch.utils import checkpoint
from watches import guest_of, history_of, watched

from deadrelu_tui.record.history import History
from deadrelu_tui.watching import begin
from deadrelu_tui.watching.monitor import Monitor

Watched = Callable[..., Monitor]
Training = Callable[[Watched | None], list[torch.Tensor]]
"""Trains, watched by what it is handed or by nobody; returns what came of it."""


def both(train: Training) -> History:
    """Train twice, once watched; return what was recorded."""
    monitors: list[Monitor] = []

    def noted(*args: Any, **given: Any) -> Monitor:
        monitors.append(watched(*args, **given))
        return monitors[-1]

    def seeded(watch: Watched | None) -> list[torch.Tensor]:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        return [*train(watch), torch.rand(3), torch.tensor([random.random(), np.random.rand()])]

    plain, seen = seeded(None), seeded(noted)
    histories = [history_of(each) for each in monitors]
    assert len(plain) == len(seen)
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))
    for history in histories:
        assert [each.kind for each in history.events if each.kind == "unwatched"] == []
    return histories[0]


def parameters(*models: nn.Module) -> list[torch.Tensor]:
    return [each.detach().clone() for model in models for each in model.state_dict().values()]


def batches(count: int, *shape: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(shape, generator=generator) for _ in range(count))


@pytest.mark.parametrize("fused", [False, True])
def test_a_scaler_tells_gradients_as_they_are_and_a_step_that_it_skips_is_none(fused: bool) -> None:
    norms: list[float] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=fused)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
        if watch is not None:
            watch(model, optimizer, probe=batch)
        for step, each in enumerate(batches(8, 8, 6)):
            optimizer.zero_grad()
            loss = model(each).square().mean() * (math.inf if step == 3 else 1.0)
            scaler.scale(loss).backward()
            scale = scaler.get_scale()
            if watch is not None and step != 3:
                norms.append(float(model[0].weight.grad.norm()) / scale)
            scaler.step(optimizer)
            scaler.update()
        return parameters(model)

    history = both(train)
    told = history.series("grad_norm/0.weight").values
    if fused:  # its hooks are called for a step that it will not take
        assert len(history) == 8
        assert history.series("update_ratio/0.weight").values[3] == 0
    assert len(told) == 7
    np.testing.assert_allclose(told, norms, rtol=1e-5)


def test_batches_that_make_one_step_together_are_told_of_as_one() -> None:
    losses: list[list[float]] = []
    fired: list[np.ndarray[Any, Any]] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        with torch.no_grad():
            model[0].bias.fill_(-1.5)  # so that a batch of two makes few of them fire
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        monitor = watch(model, optimizer, probe=batch) if watch is not None else None
        for step, each in enumerate(batches(12, 2, 6)):
            if not step % 4:
                losses.append([])
                fired.append(np.zeros(6, bool))
            fired[-1] |= (model[0](each) > 0).any(0).numpy()
            loss = model(each).square().mean()
            (loss / 4).backward()
            losses[-1].append(float(loss.detach()))
            if monitor is not None:
                monitor.log(loss=loss)
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
        return parameters(model)

    history = both(train)
    assert len(history) == 3
    np.testing.assert_allclose(history.series("loss").values, [np.mean(each) for each in losses[3:]], rtol=1e-6)
    silent = history.series("silent_fraction/0").values
    np.testing.assert_allclose(silent, [1 - each.mean() for each in fired[3:]], rtol=1e-6)
    assert 0 < silent.min() < 1


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.2)), nn.Linear(9, 3)
        self.reentrant = reentrant

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        hidden = checkpoint.checkpoint(self.first, rows.requires_grad_(), use_reentrant=self.reentrant)
        return self.second(hidden)


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_a_checkpoint_computes_again_is_no_batch(reentrant: bool) -> None:
    samples: list[int] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        model = Checkpointed(reentrant)
        optimizer = torch.optim.Adam(model.parameters())
        if watch is not None:
            monitor = watch(model, optimizer, window=100)
        for each in batches(6, 8, 6):
            model(each).square().mean().backward()
            if watch is not None:
                samples.append(guest_of(monitor).sight.taps.samples["first.0"])  # type: ignore[attr-defined]
            optimizer.step()
            optimizer.zero_grad()
        return parameters(model)

    history = both(train)
    assert len(history) == 6
    assert samples == [8] * 6


def test_of_a_search_for_the_step_the_place_where_it_began_is_told() -> None:
    first: list[float] = []
    silent: list[float] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
        monitor = watch(model, optimizer, probe=batch) if watch is not None else None
        for _ in range(4):
            calls: list[float] = []

            def closure(calls: list[float] = calls) -> torch.Tensor:
                optimizer.zero_grad()
                loss: torch.Tensor = model(batch).square().mean()
                loss.backward()
                calls.append(float(loss.detach()))
                if monitor is not None:
                    monitor.log(loss=loss)
                return loss

            silent.append(1 - float((model[0](batch) > 0).any(0).float().mean()))
            optimizer.step(closure)
            assert len(calls) > 1
            first.append(calls[0])
        return parameters(model)

    history = both(train)
    assert len(history) == 4
    np.testing.assert_allclose(history.series("loss").values, first[4:], rtol=1e-6)
    np.testing.assert_allclose(history.series("silent_fraction/0").values, silent[4:], rtol=1e-6)
    assert (history.series("update_ratio/0.weight").values > 0).all()


def test_two_networks_that_are_trained_against_each_other_are_two_runs() -> None:
    found: list[tuple[str, str]] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        maker = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6))
        judge = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
        ours, theirs = (torch.optim.Adam(each.parameters(), lr=0.01) for each in (maker, judge))
        monitors = []
        if watch is not None:
            monitors = [watch(maker, ours, probe=torch.ones(16, 4)), watch(judge, theirs, probe=torch.ones(16, 6))]
            found.extend((each.run, guest_of(each).run.start.facts["socket"]) for each in monitors)
        for each in batches(5, 16, 6):
            theirs.zero_grad()
            noise = torch.randn(16, 4)
            loss = functional.softplus(-judge(each)).mean() + functional.softplus(judge(maker(noise).detach())).mean()
            loss.backward()
            theirs.step()
            ours.zero_grad()
            functional.softplus(-judge(maker(noise))).mean().backward()
            ours.step()
        for each in monitors:
            assert len(history_of(each)) == 5
        return parameters(maker, judge)

    both(train)
    assert len({run for run, _ in found}) == len({socket for _, socket in found}) == 2


def test_each_optimizer_tells_of_its_own_parameters() -> None:
    changed: list[tuple[float, float]] = []

    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        weights = torch.optim.SGD([model[0].weight, model[2].weight], lr=0.1)
        others = torch.optim.Adam([each for index in (4, 6, 8) for each in model[index].parameters()], lr=0.01)
        if watch is not None:
            watch(model, [weights, others], probe=batch)
        for each in batches(5, 8, 6):
            weights.zero_grad()
            others.zero_grad()
            model(each).square().mean().backward()
            before = [model[index].weight.detach().clone() for index in (0, 4)]
            others.step()
            weights.step()
            if watch is not None:
                one, other = (float((model[index].weight.detach() - was).norm() / was.norm())
                              for index, was in zip((0, 4), before, strict=True))  # fmt: skip
                changed.append((one, other))
        return parameters(model)

    history = both(train)
    assert len(history) == 5
    for column, name in enumerate(("0.weight", "4.weight")):
        told = history.series(f"update_ratio/{name}").values
        np.testing.assert_allclose(told, [each[column] for each in changed], rtol=1e-3)


def test_optimizers_that_step_while_gradients_are_computed_are_one_step() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        optimizers = {each: torch.optim.Adam([each], lr=0.01) for each in model.parameters()}

        def step(parameter: torch.Tensor) -> None:
            optimizers[parameter].step()
            optimizers[parameter].zero_grad()

        for each in optimizers:
            each.register_post_accumulate_grad_hook(step)
        if watch is not None:
            monitor = watch(model, list(optimizers.values()), probe=batch)
        for each in batches(6, 8, 6):
            loss = model(each).square().mean()
            loss.backward()
            if watch is not None:
                monitor.log(loss=loss)
        return parameters(model)

    history = both(train)
    assert len(history) == 6
    names = [each.name for each in history.network.parameters]
    assert all((history.series(f"update_ratio/{name}").values[1:] > 0).all() for name in names if "weight" in name)
    assert np.isfinite(history.series("loss").values).all()


def test_an_optimizer_that_nobody_names_is_known_by_its_first_step() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        if watch is not None:
            monitor = watch(model, probe=batch)
            assert not monitor.run
        stranger = nn.Linear(2, 2)
        other = torch.optim.SGD(stranger.parameters(), lr=0.1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for each in batches(4, 8, 6):
            stranger(torch.ones(2)).sum().backward()
            other.step()
            optimizer.zero_grad()
            model(each).square().mean().backward()
            optimizer.step()
        return parameters(model)

    before = dict(_global_optimizer_pre_hooks)
    history = both(train)
    assert len(history) == 4
    assert (history.series("update_ratio/0.weight").values > 0).all()
    assert dict(_global_optimizer_pre_hooks) == before


def test_neither_an_optimizer_nor_a_probe_has_to_be_named() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, _ = made("functions")
        if watch is not None:
            watch(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for each in batches(4, 8, 1, 12, 12):
            optimizer.zero_grad()
            functional.nll_loss(model(each), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()
        return parameters(model)

    history = both(train)
    assert len(history) == 4
    assert history.start is not None
    assert history.start.facts["probe"] == "batch"


def test_where_nothing_is_trained_that_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = begin(made("deep")[0])
    monitor.close()
    assert "no optimizer took a step with the model's parameters" in monitor.fault
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("probed", [False, True])
def test_half_precision_learns_as_it_would(probed: bool) -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if watch is not None:
            watch(model, optimizer, probe=batch if probed else None)
        for each in batches(5, 8, 6):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(each).square().mean()
            loss.backward()
            optimizer.step()
        assert all(each.grad is not None for each in model.parameters())
        return parameters(model)

    assert len(both(train)) == 5


class Counting(nn.Module):
    """As OpenAI's sparse autoencoder: it counts in whatever mode it is."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(6, 9), nn.Linear(9, 6)
        self.register_buffer("silent", torch.zeros(9, dtype=torch.long))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.inner(rows))
        self.silent *= (hidden == 0).all(0).long()
        self.silent += 1
        self.calls: torch.Tensor = self.calls + 1
        return self.out(hidden)


def test_what_a_network_counts_by_itself_is_not_counted_twice() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model = Counting()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if watch is not None:
            watch(model, optimizer, probe=torch.ones(4, 6))
        for each in batches(4, 8, 6):
            optimizer.zero_grad()
            model(each).square().mean().backward()
            optimizer.step()
        return parameters(model)

    both(train)


def test_a_network_that_is_saved_whole_or_copied_has_none_of_our_hooks() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model, batch = made("deep")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        if watch is not None:
            watch(model, optimizer, probe=batch)
        average = torch.optim.swa_utils.AveragedModel(model)
        for each in batches(4, 8, 6):
            optimizer.zero_grad()
            model(each).square().mean().backward()
            optimizer.step()
            average.update_parameters(model)
            average(each)
        saved = io.BytesIO()
        torch.save(model, saved)
        assert b"deadrelu" not in pickle.dumps(model)
        loaded = torch.load(io.BytesIO(saved.getvalue()), weights_only=False)
        copied, other = copy.deepcopy((model, optimizer))
        other.zero_grad()
        for each in batches(2, 8, 6):
            (copied(each).square().mean() + loaded(each).mean()).backward()
            other.step()
        return parameters(model, copied, loaded, average)

    assert len(both(train)) == 4


@pytest.mark.parametrize("given", ["float64 array", "tuple of arrays", "tensor elsewhere"])
def test_a_probe_goes_to_where_the_network_is(given: str) -> None:
    model, batch = made("deep")
    rows = batch.double().numpy()
    probe = {"float64 array": rows, "tuple of arrays": (rows,), "tensor elsewhere": batch.to("cpu", copy=True)}[given]
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=probe)
    model(batch).sum().backward()
    optimizer.step()
    assert history_of(monitor).looked is not None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda model: model.to("meta"), "the meta device, where they have no values"),
        (type("FSDPModule", (nn.Sequential,), {}), "spread over processes"),
    ],
)
def test_a_network_without_values_here_is_declined_in_a_sentence(
    change: Callable[[nn.Module], nn.Module], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = change(made("deep")[0])
    monitor = begin(model, torch.optim.SGD(model.parameters(), lr=0.1), probe=torch.ones(2, 6))
    assert told in monitor.fault
    assert capsys.readouterr().err.count("\n") == 1


def test_a_number_that_cannot_be_read_back_ends_the_watching_and_not_the_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from deadrelu_tui.watching.told import Read

    def broken() -> Read:
        raise RuntimeError("a device is gone")

    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    guest = guest_of(monitor)
    for step in range(200):
        optimizer.zero_grad()
        model(batch).square().mean().backward()
        optimizer.step()
        if guest._pending is not None and step == 2:
            guest._pending.more.append(broken)
    monitor.close()
    assert "a device is gone" in monitor.fault
    assert "the training goes on" in capsys.readouterr().err
    history = guest.run.history
    assert [each.kind for each in history.events].count("unwatched") == 1
    assert history.end is not None
    assert history.end.how == "finished"
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def test_most_of_a_wide_sparse_autoencoder_is_found_dead_by_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadrelu_tui.watching.guest.BYTES_A_SECOND", 1e12)  # looks go by steps, not by the clock
    model = nn.Sequential(nn.Linear(16, 16_384), TopK(), nn.Linear(16_384, 16))
    with torch.no_grad():
        model[0].bias[1024:] = -9.0
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    monitor = watched(model, optimizer, units={"codes": model[1]}, window=64, name="sae")
    fired = torch.zeros(16_384, dtype=torch.bool)
    for each in batches(10, 32, 16):
        with torch.no_grad():
            fired |= (model[1](model[0](each)) != 0).any(0)
        optimizer.zero_grad()
        (model(each) - each).square().mean().backward()
        optimizer.step()
    history = history_of(monitor)
    units = history.units("codes")
    assert units is not None
    assert int(units.lost.sum()) >= 15_360
    assert (history.latest("dead_fraction/codes") or 0.0) >= 15_360 / 16_384
    assert not units.lost[fired.numpy()].all()


class Remembering(nn.Module):
    """Keeps what it has done in attributes of its own, and divides by one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = nn.Linear(4, 8), nn.Linear(8, 2)
        self.calls, self.temperature, self._last = 0, 1.0, None
        self.seen: list[int] = []
        self.by_name: dict[str, Any] = {"calls": 0, "of": [[0]]}
        self.counts, self.sums = np.zeros(2), [torch.zeros(2)]
        self.average = torch.zeros(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.temperature *= 0.99
        self._last = x
        self.seen.append(len(x))
        self.by_name["calls"] = self.calls
        self.by_name["of"][0][0] += 1
        self.counts[0] += 1
        self.sums[0] += 1
        self.average.mul_(0.9).add_(self.body(x).detach().mean(0))
        self.another = self.calls
        return self.out(torch.relu(self.body(x) / self.temperature)) + 0.01 * len(self.seen) + self.average.mean()


def test_a_network_that_counts_its_calls_is_not_called_as_far_as_it_can_tell() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model = Remembering()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        if watch is not None:
            watch(model, optimizer, probe=torch.ones(5, 4))
        for batch in batches(12, 6, 4):
            optimizer.zero_grad()
            model(batch).square().mean().backward()
            optimizer.step()
        assert model.seen == [6] * 12
        assert model.by_name == {"calls": 12, "of": [[12]]}
        assert model._last is not None
        return [*parameters(model), torch.tensor([model.calls, model.temperature, model.another]),
                model.average, torch.from_numpy(model.counts), model.sums[0]]  # fmt: skip

    both(train)


def test_a_network_of_compiled_script_is_looked_at_and_its_batches_are_left_alone() -> None:
    def train(watch: Watched | None) -> list[torch.Tensor]:
        model = torch.jit.script(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        if watch is not None:
            watch(model, optimizer, probe=torch.ones(5, 4))
        for batch in batches(12, 6, 4):
            optimizer.zero_grad()
            model(batch).square().mean().backward()
            optimizer.step()
        return parameters(model)

    assert both(train).network.layers[0].units == 8


def test_what_cannot_be_put_on_a_network_leaves_no_run_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("not here")

    before = threading.active_count()
    monkeypatch.setattr("deadrelu_tui.watching.by_torch.taps.Taps.listen", fails)
    model, batch = made("deep")
    monitor = begin(model, torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    assert monitor.fault == "this network cannot be watched: not here"
    assert threading.active_count() == before


def test_a_number_that_is_measured_already_is_not_logged_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = made("deep")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watched(model, optimizer, probe=batch)
    name = next(each.name for each in guest_of(monitor).run.start.metrics if each.metric == "zero_fraction")
    for _ in range(3):
        optimizer.zero_grad()
        model(batch).square().mean().backward()
        optimizer.step()
        monitor.log(**{name: 9.0, "mine": 1.0})
    said = [line for line in capsys.readouterr().err.splitlines() if "not logged" in line]
    assert said == [f"deadrelu-tui: not logged, as it is measured already: {name}"]
    history = history_of(monitor)
    assert history.latest(name) is not None
    assert history.latest(name) <= 1  # type: ignore[operator]
    assert history.latest("mine") == 1


def test_units_that_are_no_names_and_modules_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = made("deep")
    monitor = begin(model, torch.optim.SGD(model.parameters(), lr=0.1), probe=batch, units=[model])  # type: ignore[arg-type]
    assert monitor.fault == "units= takes names and modules: units={'codes': model.codes}, not list"


def test_whoever_has_closed_his_streams_finds_none_of_ours_in_their_place(tmp_path: Path) -> None:
    code = """
import os, sys
told = os.dup(2)
for each in (0, 1, 2):
    os.close(each)
import torch, deadrelu_tui
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
deadrelu_tui.watch(model, optimizer, probe=torch.ones(2, 3))
for _ in range(50):
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
import time
time.sleep(1.5)
os.write(told, repr([each for each in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{each}")]).encode())
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=100, check=False)
    assert done.stderr.endswith(b"[]"), done.stderr
