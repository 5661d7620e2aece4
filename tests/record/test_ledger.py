"""The ledger knows of every unit whether it was born dead, when it died and when it came back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from conftest import record, units
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.ledger import NEVER, Bookkeeper, Entry, Ledger
from deadrelu_tui.record.units import Units

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

COUNT = 4
masks = st.lists(st.booleans(), min_size=COUNT, max_size=COUNT)


def looked(lost: Sequence[bool], activation: str = "relu") -> Units:
    alive = [0.0 if each else 0.5 for each in lost]
    return units(alive, activation, unsaturated=alive) if activation in SATURATING else units(alive, activation)


def unknown(activation: str = "relu") -> Units:
    """Return the look at a network of NaN."""
    return units([math.nan] * COUNT, activation, unsaturated=[math.nan] * COUNT)


class Life:
    """One unit, told slowly: everything that was ever seen of it."""

    def __init__(self) -> None:
        self.fired: list[int] = []
        """The steps at which a batch made it fire."""
        self.looks: list[tuple[int, bool]] = []
        """The steps of the looks, and whether it was lost."""
        self.deaths: list[int] = []
        self.revivals: list[int] = []
        self.born_dead = False

    def look(self, step: int, lost: bool, activation: str) -> None:
        was = self.looks[-1][1] if self.looks else False
        if lost and not self.looks:
            self.born_dead = step == 0
            self.deaths.append(step)
        elif lost and not was:
            died = step
            if activation not in SATURATING:
                # It is alive at the look before, so it died after that; and it is dead now, so no later than now.
                died = max([each + 1 for each in self.fired] + [0])
                died = min(max(died, self.looks[-1][0] + 1), step)
            self.deaths.append(died)
        elif was and not lost:
            self.revivals.append(step)
        self.looks.append((step, lost))

    @property
    def changed_at(self) -> int:
        # A death lies after the look before it, a revival at its own: the larger is the later.
        return max([*self.deaths, *self.revivals, NEVER])


Told = tuple[bool, bool, int, int, int]


class Lives(RuleBasedStateMachine):
    """A layer whose units fire, die and come back as they like, beside a slow account of each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.lives, self.step = Bookkeeper(COUNT), [Life() for _ in range(COUNT)], 0
        self.read: list[tuple[Ledger, list[Told]]] = []

    def told(self) -> list[Told]:
        return [
            (life.looks[-1][1] if life.looks else False, life.born_dead, life.changed_at, len(life.deaths),
             len(life.revivals))
            for life in self.lives
        ]  # fmt: skip

    def found(self, ledger: Ledger) -> list[Told]:
        columns = (ledger.lost, ledger.born_dead, ledger.changed_at, ledger.deaths, ledger.revivals)
        return list(zip(*(each.tolist() for each in columns), strict=True))

    @rule(fired=masks)
    def a_step_without_a_look(self, fired: list[bool]) -> None:
        self._batch(fired)
        self.step += 1

    @rule(fired=masks, lost=masks, activation=st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid"]))
    def a_step_with_a_look(self, fired: list[bool], lost: list[bool], activation: str) -> None:
        self._batch(fired)
        before = [life.looks[-1][1] if life.looks else False for life in self.lives]
        first = not self.lives[0].looks
        born = first and self.step == 0
        for life, gone in zip(self.lives, lost, strict=True):
            life.look(self.step, gone, activation)
        entry = self.book.look(self.step, looked(lost, activation))
        assert (entry.units, entry.before, entry.now, entry.born) == (COUNT, sum(before), sum(lost), born)
        assert entry.first == first
        pairs = list(zip(before, lost, strict=True))
        assert entry.died.tolist() == [unit for unit, (was, now) in enumerate(pairs) if now and not was]
        assert entry.revived.tolist() == [unit for unit, (was, now) in enumerate(pairs) if was and not now]
        assert entry.died_at.tolist() == [self.lives[unit].deaths[-1] for unit in entry.died]
        self.step += 1

    @rule(activation=st.sampled_from(["relu", "tanh"]))
    def a_look_that_tells_nothing(self, activation: str) -> None:
        if self.lives[0].looks:
            entry = self.book.look(self.step, unknown(activation))
            assert (len(entry.died), len(entry.revived)) == (0, 0)
            for life in self.lives:
                life.looks.append((self.step, life.looks[-1][1]))
            self.step += 1

    @rule()
    def a_reader(self) -> None:
        self.read.append((self.book.ledger, self.told()))

    @invariant()
    def the_ledger_tells_what_happened(self) -> None:
        assert self.found(self.book.ledger) == self.told()

    @invariant()
    def a_ledger_that_was_read_tells_what_had_happened_until_then(self) -> None:
        for ledger, told in self.read:
            assert self.found(ledger) == told

    def _batch(self, fired: list[bool]) -> None:
        self.book.batch(self.step, np.array(fired))
        for life, fires in zip(self.lives, fired, strict=True):
            if fires:
                life.fired.append(self.step)


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLives = Lives.TestCase


def test_a_new_ledger_knows_of_no_death() -> None:
    ledger = Bookkeeper(3).ledger
    assert not ledger.lost.any()
    assert not ledger.born_dead.any()
    assert ledger.changed_at.tolist() == [NEVER] * 3
    assert ledger.deaths.tolist() == ledger.revivals.tolist() == [0, 0, 0]


def test_what_the_first_look_finds_dead_was_born_so() -> None:
    book = Bookkeeper(2)
    entry = book.look(0, looked([True, False]))
    assert entry.born
    assert (entry.before, entry.now) == (0, 1)
    assert book.ledger.born_dead.tolist() == [True, False]
    assert book.ledger.deaths.tolist() == [1, 0]
    assert not book.look(1, looked([True, True])).born
    assert book.ledger.born_dead.tolist() == [True, False]


@pytest.mark.parametrize(("step", "updated"), [(0, True), (3, True), (3, False), (12_000, False)])
def test_what_the_first_look_finds_dead_after_an_update_was_not_born_so(step: int, updated: bool) -> None:
    book = Bookkeeper(2)
    entry = book.look(step, looked([True, False]), updated)
    assert (entry.first, entry.born) == (True, False)
    assert book.ledger.found_dead.tolist() == [True, False]
    assert not book.ledger.born_dead.any()
    assert (book.ledger.deaths.tolist(), book.ledger.changed_at.tolist()) == ([1, 0], [step, NEVER])


def test_a_ledger_with_an_entry_made_is_another_one() -> None:
    blank = Ledger.blank(2)
    entry = Bookkeeper(2).look(0, looked([True, False]))
    after = blank.after(entry)
    assert after.lost.tolist() == after.born_dead.tolist() == [True, False]
    assert not blank.lost.any()
    assert not blank.born_dead.any()
    assert after.after(replace(entry, died=entry.died[:0], died_at=entry.died_at[:0])) is after


def test_a_unit_died_at_the_step_after_the_last_batch_that_made_it_fire() -> None:
    book = Bookkeeper(3)
    book.look(0, looked([False] * 3))
    book.batch(3, np.array([True, True, False]))
    book.batch(7, np.array([False, True, False]))
    entry = book.look(20, looked([True, True, True]))
    # The third one never fired for a batch: it died as soon as it can have died.
    assert entry.died_at.tolist() == [4, 8, 1]
    assert book.ledger.changed_at.tolist() == [4, 8, 1]


def test_a_death_is_never_put_before_the_look_that_found_the_unit_alive_nor_after_the_one_that_found_it_dead() -> None:
    book = Bookkeeper(2)
    book.batch(2, np.array([True, True]))
    book.look(10, looked([False, False]))
    book.batch(12, np.array([False, True]))
    assert book.look(12, looked([True, True])).died_at.tolist() == [11, 12]
    book.look(20, looked([False, False]))
    book.batch(21, np.array([True, True]))
    assert book.look(21, looked([True, True])).died_at.tolist() == [21, 21]


def test_saturation_is_dated_by_the_look_that_found_it() -> None:
    # A saturated unit goes on firing: the batches do not tell when it froze.
    book = Bookkeeper(1)
    book.look(0, looked([False], "tanh"))
    book.batch(3, np.array([True]))
    assert book.look(8, looked([True], "tanh")).died_at.tolist() == [8]


def test_a_unit_may_die_and_come_back_again_and_again() -> None:
    book = Bookkeeper(1)
    for step, lost in enumerate([True, False, True, True, False, False, True]):
        book.look(step, looked([lost]))
    ledger = book.ledger
    assert (ledger.deaths.tolist(), ledger.revivals.tolist(), ledger.changed_at.tolist()) == ([3], [2], [6])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_network_of_nan_brings_nobody_back(activation: str) -> None:
    book = Bookkeeper(COUNT)
    book.look(0, looked([False] * COUNT, activation))
    book.look(1, looked([True, True, False, False], activation))
    entry = book.look(2, unknown(activation))
    assert (entry.before, entry.now, len(entry.died), len(entry.revived)) == (2, 2, 0, 0)
    assert book.ledger.lost.tolist() == [True, True, False, False]


def test_a_look_that_changes_nothing_is_an_empty_entry() -> None:
    book = Bookkeeper(2)
    book.look(0, looked([True, False]))
    entry = book.look(5, looked([True, False]))
    assert isinstance(entry, Entry)
    assert (entry.before, entry.now, entry.died.tolist(), entry.revived.tolist()) == (1, 1, [], [])


# In a history


def test_a_history_keeps_a_ledger_of_each_layer_and_counts_its_deaths_and_revivals() -> None:
    history = History()
    lives = {0: ("....", "xx"), 4: ("x...", "xx"), 8: ("xx..", ".x"), 12: (".x..", "xx")}
    for step in range(13):
        taken = record(step)
        if step in lives:
            layers = {f"h{n}": looked([each == "x" for each in text]) for n, text in enumerate(lives[step], 1)}
            taken = replace(taken, looks=layers)
        entries = history.add(replace(taken, fired={"h1": np.ones(4, np.bool_), "h2": np.ones(2, np.bool_)}))
        assert set(entries) == ({"h1", "h2"} if step in lives else set())
    assert history.series("deaths/h1").steps.tolist() == [0, 4, 8, 12]
    assert history.series("deaths/h1").values.tolist() == [0, 1, 2, 2]
    assert history.series("revivals/h1").values.tolist() == [0, 0, 0, 1]
    assert history.series("deaths/h2").values.tolist() == [2, 2, 2, 3]
    assert history.series("revivals/h2").values.tolist() == [0, 0, 1, 1]
    assert history.ledgers["h1"].changed_at.tolist() == [12, 8, NEVER, NEVER]
    assert history.ledgers["h2"].born_dead.tolist() == [True, True]


def test_a_history_dates_a_death_by_the_batches_that_it_recorded() -> None:
    history = History()
    for step in range(33):
        taken = replace(record(step), fired={"h1": np.array([step < 11, True])})
        if step in (0, 8, 32):
            taken = replace(taken, looks={"h1": looked([step == 32, False])})
        history.add(taken)
    assert history.ledgers["h1"].changed_at.tolist() == [11, NEVER]


def test_a_history_without_looks_counts_no_deaths() -> None:
    history = History()
    history.add(replace(record(0), fired={"h1": np.zeros(3, np.bool_)}))
    assert "deaths/h1" not in history.names
    assert history.ledgers == {}
