"""Every look is kept, wherever it has to go."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pytest
from conftest import record, start, units

from deadrelu_tui.record import kept
from deadrelu_tui.record.history import History
from deadrelu_tui.record.looks import Looked, Looks
from deadrelu_tui.record.units import Units

COLUMNS = tuple(each.name for each in fields(Units) if each.name != "activation")
BYTES = (37 * (len(COLUMNS) - 1) + 5) * 4
"""Of a look."""


def look(step: int) -> Looked:
    """Return a look at two layers, every column of its own, with bits that only a faithful copy has."""
    random = np.random.default_rng(step)

    def made(count: int, activation: str) -> Units:
        sizes = dict.fromkeys(COLUMNS, count) | {"spread": 5 if activation == "relu" else 0}
        columns = {name: random.integers(0, 2**32, size, np.uint32).view(np.float32) for name, size in sizes.items()}
        return Units(activation, **columns)

    return Looked(step, {"h1": made(30, "relu"), "b/2.act": made(7, "tanh")})


def same(one: Looked, other: Looked) -> bool:
    """Return whether two looks are equal bit for bit, names and their order included."""
    return (one.step, list(one.layers)) == (other.step, list(other.layers)) and all(
        one.layers[layer].activation == other.layers[layer].activation
        and all(
            getattr(one.layers[layer], name).tobytes() == getattr(other.layers[layer], name).tobytes()
            for name in COLUMNS
        )
        for layer in other.layers
    )


def looks_at(steps: Sequence[int], memory: int) -> Looks:
    looks = Looks(memory)
    for step in steps:
        looks.append(look(step))
    return looks


@pytest.mark.parametrize("memory", [0, BYTES, 5 * BYTES, 10**9])
def test_every_look_comes_back_bit_for_bit_however_few_stay_in_memory(memory: int) -> None:
    looks = looks_at(range(0, 500, 5), memory)
    assert len(looks) == 100
    assert len(looks._near) == min(100, max(1, memory // BYTES))  # the others had to leave
    for index in (*range(100), *reversed(range(100))):
        assert same(looks.at(index), look(5 * index)), index
    assert [looks.upto(step) for step in (-1, 0, 4, 5, 494, 495, 10_000)] == [0, 1, 1, 2, 99, 100, 100]


def test_looks_of_other_layers_and_activations_come_back_as_what_they_were() -> None:
    shown = [
        Looked(0, {"h1": units([0.5] * 3)}),
        Looked(1, {"h1": units([0.5] * 3, "tanh")}),
        Looked(2, {"h2": units([0.25] * 9), "h1": units([0.5] * 3, "tanh")}),
        Looked(3, {}),
        Looked(4, {"h1": units([])}),
        Looked(5, {"h1": units([0.5] * 3)}),
        Looked(6, {"h1": units([1.0] * 3)}),
    ]
    looks = Looks(0)
    for each in shown:
        looks.append(each)
    assert all(same(looks.at(index), each) for index, each in enumerate(shown))


def test_no_look_is_none() -> None:
    looks = Looks()
    assert (len(looks), looks.upto(10)) == (0, 0)


# Where they cannot go


def full(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_look_that_cannot_be_written_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", full)
    looks = looks_at(range(50), 5 * BYTES)
    assert len(looks._near) == 50
    assert all(same(looks.at(step), look(step)) for step in range(50))


def test_where_there_is_no_folder_for_a_file_all_looks_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    looks = looks_at(range(50), 0)
    assert all(same(looks.at(step), look(step)) for step in range(50))


def test_a_disk_that_is_full_is_not_asked_with_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()

    def count(*_: object) -> int:
        asked.append(1)
        return full()

    monkeypatch.setattr(os, "pwrite", count)
    looks_at(range(512), BYTES)
    assert len(asked) <= 10


def test_a_disk_that_is_full_for_a_while_and_writes_in_pieces_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = os.pwrite, list[int]()

    def sometimes(file: int, data: bytes, at: int) -> int:
        calls.append(at)
        if 4 <= len(calls) <= 7:
            raise OSError(28, "No space left on device")
        return write(file, data[:700], at)  # the half of it

    monkeypatch.setattr(os, "pwrite", sometimes)
    looks = looks_at(range(300), 2 * BYTES)
    assert all(same(looks.at(step), look(step)) for step in range(300))
    assert len(looks._near) < 300
    assert len(calls) > 300


# While somebody reads


def test_a_reader_in_another_thread_finds_every_look_while_they_move_out() -> None:
    looks, done, faults = Looks(3 * BYTES), threading.Event(), list[str]()
    wanted = [look(step) for step in range(400)]

    def read() -> None:
        random = np.random.default_rng(0)
        try:
            while not done.is_set():
                count = len(looks)
                for back in (1, 2, 3, 4, 5, int(random.integers(1, 400))):
                    if back <= count and not same(looks.at(count - back), wanted[count - back]):
                        faults.append(f"{back} before {count}")
                if count and not looks.upto(count - 1) >= count:
                    faults.append(f"up to {count}")
        except Exception as error:
            faults.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for each in wanted:
        looks.append(each)
    done.set()
    for reader in readers:
        reader.join()
    assert faults == []


def test_a_history_shows_looks_that_have_left_memory_as_of_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "Looks", lambda: Looks(2 * BYTES))
    history = History()
    history.add(start(batches=None))
    for step in range(60):
        taken = record(step)
        history.add(replace(taken, looks=look(step).layers) if step % 4 == 0 else taken)
    assert [each.step for each in history.looks] == list(range(0, 60, 4))
    assert all(same(each, look(each.step)) for each in history.looks)
    for step in (0, 3, 4, 31, 59, 99):
        then = history.until(step).looked
        assert then is not None
        assert same(then, look(min(step, 59) // 4 * 4))
