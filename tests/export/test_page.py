"""The page: one file that needs nothing else, with everything that tells what happened."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import record, start, units
from exports import awkward, begun_only, made_up, odd, real
from trainings import asking, normalise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.export import unit_maps
from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.record.commands import Change, Revive
from deadrelu_tui.record.records import Event, Record, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.wording import GROUP

CLOSED = {
    "section",
    "svg",
    "figure",
    "figcaption",
    "div",
    "table",
    "main",
    "g",
    "title",
    "b",
    "small",
    "ul",
    "dl",
    "h2",
}


class Page(HTMLParser):
    """A page as a reader of HTML has it: its tags with their attributes, and all its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", list[str]()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in CLOSED:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def having(self, kind: str) -> int:
        """Return how many tags are of a class."""
        return sum(kind in (attributes.get("class") or "").split() for _, attributes in self.tags)


def written(records: list[Record], path: Path) -> str:
    FORMATS["html"].write(records, path, overwrite=True)
    return path.read_text(encoding="utf-8")


def page(records: list[Record], path: Path) -> Page:
    found = Page(written(records, path))
    assert found.open == []
    return found


def eventful(dataset: Dataset) -> list[Record]:
    return real(dataset, {3: normalise, 6: asking(Revive(), Change({"lr": 0.01}))}, hidden=(12, 9))


@pytest.mark.parametrize("name", ["real", "made_up", "odd", "awkward", "begun"])
def test_the_page_needs_nothing_else(name: str, tiny: Dataset, tmp_path: Path) -> None:
    runs = {"real": lambda: eventful(tiny), "made_up": made_up, "odd": odd, "awkward": awkward, "begun": begun_only}
    source = written(runs[name](), tmp_path / "run.html")
    found = Page(source)
    assert {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "w", "i>"} == set()
    assert not any(name in {"src", "href", "onclick"} for _, attributes in found.tags for name in attributes)
    assert not re.search(r"https?:|url\(|@import", source.replace("</script>", ""))
    assert found.open == []


def test_all_that_is_foreign_is_escaped(tmp_path: Path) -> None:
    found = page(awkward(), tmp_path / "run.html")
    assert "<b>title</b> & co" in found.text
    assert "run </script>" in found.text
    assert 'a "b",\\n<w> & $x_1$ \\udc80 _é 词' in found.text
    assert "w" not in {tag for tag, _ in found.tags}


def test_it_has_the_verdict_and_all_that_is_found(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny)
    found = page(records, tmp_path / "run.html")
    worst, *others = findings(history_of(records))
    assert worst.word in found.text
    for text in (telling.found(worst), telling.why(worst), *map(telling.reason, others)):
        assert text in found.text


def test_it_has_the_settings_the_data_and_the_machine(tiny: Dataset, tmp_path: Path) -> None:
    text = page(real(tiny), tmp_path / "run.html").text
    title = "raw input 0–255, lr 0.1, relu, 20 hidden, seed 7"
    for each in (title, "784–20–10", "batch_size", "0" * 64, "cpu", "device", "200 samples", "steps/s"):
        assert each in text


def test_every_event_is_told_and_what_was_changed_has_its_number(tiny: Dataset, tmp_path: Path) -> None:
    records = eventful(tiny)
    found = page(records, tmp_path / "run.html")
    for event in records:
        if isinstance(event, Event):
            assert told(event) in found.text
    assert "1normalise on" in found.text
    assert "lr, at the end0.01" in found.text


def test_every_chart_is_drawn_evenly_and_by_powers(tiny: Dataset, tmp_path: Path) -> None:
    found = page(real(tiny), tmp_path / "run.html")
    assert found.having("even") == found.having("powers") == found.having("chart") == 8
    for title in ("Zeros", "Dead", "Loss", "Accuracy", "w1", "b1", "w2", "b2"):
        assert title in found.text
    assert "share of units that fire for none of 200 probe samples" in found.text


def test_every_layer_has_a_map_for_each_chosen_look_and_the_dead_are_crossed(tiny: Dataset, tmp_path: Path) -> None:
    records = eventful(tiny)
    history, found = history_of(records), page(records, tmp_path / "run.html")
    looks = unit_maps.chosen(history)
    assert len(looks) <= unit_maps.MOST
    assert sum(tag == "figure" for tag, _ in found.tags) - found.having("chart") == 2 * len(looks)
    for index in looks:
        for units_ in history.look_at(index).layers.values():
            many = int(units_.lost.sum())
            assert f"{many} dead" in found.text if many else "none dead" in found.text
    paths = [attributes["d"] or "" for _, attributes in found.tags if attributes.get("class") == "lost"]
    dead = [int(each.lost.sum()) for index in looks for each in history.look_at(index).layers.values()]
    assert sum(each.count("M") for each in paths) == sum(dead) + 1  # and the one of the legend


def test_the_looks_are_the_first_the_last_and_those_around_the_news() -> None:
    records: list[Record] = [start(batches=100)]
    for step in range(100):
        dead = 0 if step < 40 else 5 if step < 70 else 1
        looks = {"h1": units([0.0] * dead + [0.5] * (10 - dead))}
        records.append(Step(step, step / 9, 1, {"lr": 0.1}, {"loss": 1.0}, {}, looks))
    assert unit_maps.chosen(history_of(records)) == [0, 39, 40, 69, 70, 99]
    assert unit_maps.chosen(history_of(records[:5])) == [0, 1, 2, 3]
    assert unit_maps.chosen(history_of(records[:1])) == []


def test_the_ledger_tells_who_died_and_who_came_back(tmp_path: Path) -> None:
    def step(number: int, *firing: float) -> Step:
        return Step(number, number / 9, 1, {"lr": 0.1}, {"loss": 1.0}, {}, {"h1": units(firing)})

    records: list[Record] = [start(hidden=(4,)), step(0, 0, 1, 1, 1), step(1, 0, 0, 0, 1), step(2, 0, 0, 1, 1)]
    text = page(records, tmp_path / "run.html").text
    assert "born dead" in text
    assert "h1relu41212 · 50.0 %" in text


def test_a_layer_of_very_many_units_is_shown_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_maps, "UNITS", 6)
    looks = {"h1": units(np.linspace(0.1, 1, 9))}
    records: list[Record] = [start(hidden=(9,)), Step(0, 0.1, 1, {}, {"loss": 1.0}, {}, looks)]
    assert "9 units, relu, the first 6 are shown" in page(records, tmp_path / "run.html").text


def test_of_very_many_layers_the_sickest_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_maps, "CELLS", 600)
    text = page(made_up(), tmp_path / "run.html").text
    assert "more layers, of which less is lost, are left out" in text
    assert "encoder.31.mlp.act 48 units" in text


def test_a_long_run_is_a_small_page(tmp_path: Path) -> None:
    values = [{"loss": 2 + np.sin(step), "grad_sum/w1": float(step % 97)} for step in range(20_000)]
    records: list[Record] = [start(batches=100, epochs=200)]
    for step, each in enumerate(values):
        records += [record(step, each, batches=100)]
        if step % 100 == 99:
            records.append(Event(step, "units_lost", {"layer": "h1", "units": [*range(300)], "of": 301, "first": step,
                                                      "last": step, "activation": "relu"}))  # fmt: skip
    source = written(records, tmp_path / "run.html")
    assert len(source) < 250_000
    assert f"20{GROUP}000 steps" in source


def test_of_very_many_events_those_that_come_again_and_again_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadrelu_tui.export.prose.EVENTS", 3)
    events = [Event(1, "pause"), *(Event(2, "epoch", {"epoch": each}) for each in range(1, 9)), Event(2, "resume")]
    text = page([start(), *(record(at) for at in range(3)), *events], tmp_path / "run.html").text
    assert "8 more events are left out" in text
    assert "resume" in text


def test_a_run_that_has_only_begun_has_a_page(tmp_path: Path) -> None:
    text = page(begun_only(), tmp_path / "run.html").text
    assert "No step was recorded." in text
    assert "no end is recorded" in text


def test_the_page_is_the_same_each_time_and_knows_night_and_day(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny)
    source = written(records, tmp_path / "run.html")
    assert source == written(records, tmp_path / "run.html")
    assert "prefers-color-scheme:dark" in source
