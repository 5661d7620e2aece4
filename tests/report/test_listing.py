"""The list as a table, one run at length, several side by side."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from files import GONE, HERE, begun, changed, finished, put, told

from deadrelu_tui import strict_json
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.verdict import WORDS
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.records import End, Event, Record
from deadrelu_tui.report import comparing, listing, removing, showing
from deadrelu_tui.report.fields import age, experiment
from deadrelu_tui.report.paper import Paper, room
from deadrelu_tui.report.wanted import ordered, sifted
from deadrelu_tui.run.index import summaries
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.run.summing import whole

RUN = "20261129-120000-abcd"


def of(**settings: Any) -> Summary:
    return Summary(RUN, 0, 0, at=1.0, title="Fashion-MNIST", settings={**RunSettings().as_dict(), **settings})


# The list


@pytest.mark.parametrize("name", PRESETS)
def test_an_experiment_of_the_article_is_told_by_its_name(name: str) -> None:
    assert experiment(of(**PRESETS[name].live)) == name


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"lr": 0.05, "hidden": [300, 100]}, "lr 0.05, 300–100 hidden"),
        ({"seed": 3, "epochs": 9, "engine": "numpy"}, "tragedy, seed 3"),
        ({"lr": 0.5, "activation": "tanh", "init": "he", "batch_size": 64}, "tanh, batch 64, init he"),
        ({"normalise": True}, "input 0–1"), ({"input_scale": 0.01}, "input × 0.01"),
        ({"normalise": True, "input_scale": 0.01}, "input 0–1"),
        ({"lr": 0.5, "normalise": True, "input_scale": 0.01}, "normalised"),
        ({"lr": 0.3, "hidden": "odd"}, "lr 0.3, o–d–d hidden"),
        ({"lr": "much"}, "Fashion-MNIST"),
    ],
)  # fmt: skip
def test_of_what_was_set_is_told_what_is_not_as_everywhere(settings: dict[str, Any], text: str) -> None:
    assert experiment(of(**settings)) == text


def test_of_somebody_else_s_network_the_title_is_told() -> None:
    assert experiment(Summary(RUN, 0, 0, title="resnet18 on CIFAR-10", settings={"optimizer": "adam"})) == (
        "resnet18 on CIFAR-10"
    )


@pytest.mark.parametrize(
    ("ago", "told_as"),
    [(5, "5 s ago"), (130, "2 min ago"), (7300, "2 h ago"), (86_500, "1 day ago"), (300_000, "3 days ago")],
)
def test_what_is_recent_is_told_by_its_age(ago: float, told_as: str) -> None:
    assert age(Summary(RUN, 0, 0, at=time.time() - ago)) == told_as


def test_what_is_older_than_a_week_is_told_by_its_day() -> None:
    assert age(Summary(RUN, 0, 0, at=1.7e9)).startswith("2023-11-1")


def test_every_verdict_has_its_sign() -> None:
    assert all(listing.verdict(of()._replace(verdict=word)).text[0] in "✔✖▲…" for word in WORDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    finished(tmp_path, "20261129-120000-aaaa", 0.7)
    finished(tmp_path, "20261129-120001-bbbb", 0.2, lr=0.05, hidden=(300, 100), seed=7)
    did: list[Record] = [changed(3, "normalise", True), Event(4, "revive", {"layers": {"h1": 1}})]
    put(tmp_path, told(begun("20261129-120002-cccc", title="画像認識 " * 20, facts=GONE), 5, *did))
    (tmp_path / "20261129-120003-dddd.run").write_text("not ours\x1b[31m\n")
    return tmp_path


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 250])
def test_a_list_fits_the_terminal_and_keeps_what_matters(folder: Path, width: int) -> None:
    lines = list(listing.lines(summaries(folder), Paper(width=width)))
    assert len(lines) == 5
    assert max(map(room, lines)) <= width
    for heading in ("run", "verdict", *(("experiment", "accuracy") if width >= 80 else ())):
        assert heading in lines[0]


def test_a_list_in_a_pipe_has_everything_in_full(folder: Path) -> None:
    lines = list(listing.lines(summaries(folder), Paper()))
    heads = ("run", "date", "experiment", "verdict", "accuracy", "status", "steps", "time", "steps/s", "done")
    assert tuple(lines[0].split()) == heads
    assert "unreadable" in lines[1]
    assert "these are no records of a run" in lines[1]
    assert lines[2].endswith("n@3 v@4")
    assert "crashed" in lines[2]
    assert "5/8" in lines[2]
    assert "lr 0.05, 300–100 hidden, seed 7" in lines[3]


def test_of_a_file_that_cannot_be_looked_at_no_date_is_told() -> None:
    found = Summary("20261129-120000-aaaa", 0, 0, "Too many levels of symbolic links")
    for paper in (Paper(), Paper(width=100)):
        assert not any("1970" in line for line in listing.lines([found], paper))
    assert removing.chosen([found], (), [], 60.0, None).ended == []
    assert ordered([found, of()], "date")[-1] is found
    assert sifted([found], ["date=1970"]) == []


def test_ids_are_short_where_that_tells_them_apart_among_all_runs() -> None:
    runs, narrow = ["20261129-120001-bbbb", "20261129-120000-aaaa"], Paper(width=80)
    assert listing.short_ids(runs, narrow) == ["20261129-120001", "20261129-120000"]
    known = [*runs, "20261129-120001-cccc"]
    assert listing.short_ids(runs, narrow, known) == ["20261129-120001-bbbb", "20261129-120000"]
    assert listing.short_ids(runs, Paper()) == runs


# One run


def shown(path: Path) -> showing.Shown:
    return showing.Shown(*whole(path))


def test_a_run_at_length_tells_settings_data_machine_verdict_layers_epochs_and_events(folder: Path) -> None:
    text = "\n".join(showing.lines(shown(folder / "20261129-120000-aaaa.run"), Paper(width=80)))
    for part in ("20261129-120000-aaaa", "raw input 0–255, lr 0.1", "8\u202f000 train and 2\u202f000 test images",
                 "box, cpu, engine NumPy", "finished after 0:02", "test accuracy 70.0 %", "Layers", "born dead",
                 "Epochs", "zeros h1", "75.0 %"):  # fmt: skip
        assert part in text
    assert max(map(room, text.splitlines())) <= 80


def test_of_a_run_that_goes_on_it_is_said_for_how_long_so_far(tmp_path: Path) -> None:
    run = shown(put(tmp_path, told(begun(facts=HERE), 500)))
    assert "ended       not yet, it is running: 0:05 so far" in list(showing.lines(run, Paper(width=80)))


def test_events_are_told_with_their_steps(folder: Path) -> None:
    text = "\n".join(showing.lines(shown(folder / "20261129-120002-cccc.run"), Paper(width=80)))
    assert "     3  normalise on\n     4  revive 1 unit of h1" in text
    assert "crashed: its process is gone" in text
    assert "n@3 v@4" in text


@pytest.mark.parametrize("records", [[begun()], [begun(), End(0.1, "failed", "no room \x1b[31m")]])
def test_a_run_without_a_step_can_be_shown(tmp_path: Path, records: list[Record]) -> None:
    run = shown(put(tmp_path, records))
    text = "\n".join(showing.lines(run, Paper(width=80)))
    assert "none, as no step is recorded" in text
    assert "\x1b" not in text
    json.loads(strict_json.line(showing.data(run)))


def test_a_file_without_a_start_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / "x.run").write_bytes(b"")
    assert next(showing.lines(shown(tmp_path / "x.run"), Paper())).startswith("x")


def test_a_run_as_data_has_all_of_it(folder: Path) -> None:
    row = json.loads(strict_json.line(showing.data(shown(folder / "20261129-120002-cccc.run"))))
    assert row["dataset"]["source"] == "embedded"
    assert [each["epoch"] for each in row["epochs"]] == [1]
    assert row["layers"][0]["layer"] == "h1"
    assert row["events"][1] == {
        "step": 3, "kind": "change", "text": "normalise on",
        "facts": {"setting": "normalise", "before": None, "now": True},
    }  # fmt: skip
    assert row["finding"]["word"] == row["verdict"]


# Side by side


def test_runs_side_by_side_tell_the_settings_that_differ_and_what_came_of_each(folder: Path) -> None:
    runs = [whole(folder / f"{run}.run")[0] for run in ("20261129-120000-aaaa", "20261129-120001-bbbb")]
    rows = {line[:12].strip(): line[12:].split("  ") for line in comparing.lines(runs, Paper())}
    assert comparing.differing(runs) == ["lr", "hidden", "seed"]
    assert {"lr", "hidden", "seed", "verdict", "accuracy", "dead h1", "steps", "steps/s"} <= set(rows)
    assert "normalise" not in rows
    assert [each.strip() for each in rows["lr"] if each] == ["0.1", "0.05"]


def test_a_scale_of_the_input_is_told_where_it_differs_and_an_older_run_had_none() -> None:
    old, new, scaled = of(), of(), of(input_scale=0.01)
    assert old.settings.pop("input_scale") == 1  # type: ignore[attr-defined]
    assert comparing.differing([old, new]) == []
    assert comparing.differing([old, scaled]) == ["input_scale"]
    told = [line for line in comparing.lines([old, scaled], Paper()) if line.startswith("input scale")]
    assert told[0].split()[2:] == ["1", "0.01"]
    of_steps = of(steps=50)._replace(steps=50)
    told = [line for line in comparing.lines([old, of_steps], Paper()) if line.startswith("st")]
    assert [line.split()[-2:] for line in told if line.startswith("stop after")] == [["–", "50"]]
    assert sum(line.startswith("steps ") for line in told) == 1
    assert (experiment(old), experiment(scaled)) == ("tragedy", "input × 0.01")


@pytest.mark.parametrize(("settings", "said", "not_said"), [
    ({"input_scale": 0.01}, "settings    input × 0.01, lr 0.1", "input scale"),
    ({"input_scale": 0.01, "normalise": True}, "input scale 0.01", "×"),
    ({"steps": 50}, "batch size 256, steps 50, init", "epochs"), ({}, "raw input 0–255", "input scale"),
])  # fmt: skip
def test_a_run_at_length_tells_how_its_input_was_scaled(
    tmp_path: Path, settings: dict[str, Any], said: str, not_said: str
) -> None:
    put(tmp_path, [replace(begun(RUN), settings=RunSettings(**settings).as_dict())])
    text = "\n".join(showing.lines(shown(tmp_path / f"{RUN}.run"), Paper()))
    assert said in text
    assert not_said not in text


def test_more_runs_than_fit_beside_each_other_stand_below(folder: Path) -> None:
    runs = [of()._replace(run=f"20261129-12000{number}-aaaa", steps=number) for number in range(6)]
    lines = list(comparing.lines(runs, Paper(width=80)))
    assert max(map(len, lines)) <= 80
    assert "" in lines
    assert "\n".join(lines).count("20261129-12000") == 6


def test_the_best_of_them_stands_out(folder: Path) -> None:
    runs = [of()._replace(run=name, last={"accuracy/test": value}) for name, value in (("a", 0.5), ("b", 0.9))]
    assert "\x1b[1m90.0 %\x1b[0m" in "\n".join(comparing.lines(runs, Paper(colours=True)))


@pytest.mark.parametrize(
    ("runs", "said"),
    [([], "2 to 6 runs can be compared, not 0"), (["a"], "not 1"), (list("abcdefg"), "not 7"),
     (["a", "b", "a"], "a is named twice")],
)  # fmt: skip
def test_only_a_few_runs_are_compared_each_of_them_once(runs: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        comparing.check(runs)
