"""The article's claims and what became of them: as text, as plain values, as a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from deadrelu_tui.article.judging import FAILS, HOLDS, UNJUDGED, Judged, hold
from deadrelu_tui.errors import InputError
from deadrelu_tui.export import as_html, as_picture
from deadrelu_tui.export.files import check, placed
from deadrelu_tui.export.recorded import titled
from deadrelu_tui.export.stylesheet import STYLE
from deadrelu_tui.record.history import History
from deadrelu_tui.report.paper import Column, Paper, table
from deadrelu_tui.wording import number, percent, printable

_LOOKS = {HOLDS: "good", FAILS: "bad", UNJUDGED: "doubtful"}
_COLUMNS = ("", "experiment", "claim", "mean", "range", "wanted", "of")
_HEADINGS = {True: "What the article claims", False: "What it did not notice"}


def data(judged: Sequence[Judged], facts: Mapping[str, Any], runs: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return everything as plain values; `runs` has the ids of the runs of each seed."""
    return {
        **facts,
        "holds": hold(judged),
        "claims": [_row(each) for each in judged],
        "runs": [dict(each) for each in runs],
    }


def _row(each: Judged) -> dict[str, Any]:
    claim, found = each.claim, bool(each.values)
    return {
        "experiment": claim.experiment, "claim": claim.says, "noticed": claim.noticed, "measured": claim.measured,
        "values": list(each.values), "mean": each.mean if found else None,
        "low": min(each.values) if found else None, "high": max(each.values) if found else None,
        "allowed": [claim.low, claim.high], "verdict": each.verdict, "why": each.why or None,
    }  # fmt: skip


def lines(judged: Sequence[Judged], about: str, paper: Paper) -> Iterator[str]:
    """Yield two tables, of what the article claims and of what it did not notice, and what came of it."""
    yield from paper.wrapped(about, 0, "dim")
    for noticed in (True, False):
        rows = [each for each in judged if each.claim.noticed is noticed]
        yield ""
        yield paper.put(_HEADINGS[noticed], "bold")
        columns = [
            Column("", [each.verdict for each in rows], [_LOOKS[each.verdict] for each in rows]),
            Column("experiment", [each.claim.experiment for each in rows], "dim", least=8),
            Column("claim", [each.claim.says for each in rows], least=16),
            Column("mean", [_mean(each) for each in rows], "bold", right=True),
            Column("range", [_range(each) for each in rows], least=12),
            Column("wanted", [_wanted(each) if each.values else "" for each in rows], least=10),
            Column("of", [each.claim.measured if each.values else each.why for each in rows], "dim", least=16),
        ]
        yield from table(columns, paper, spared=["of", "wanted", "range"])
    yield ""
    yield paper.put(_came_of(judged), "good" if hold(judged) else "bad")


def _came_of(judged: Sequence[Judged]) -> str:
    failed, open_ = (sum(each.verdict == word for each in judged) for word in (FAILS, UNJUDGED))
    told = f"{failed} of {len(judged)} fail" if failed else f"all {len(judged) - open_} that can be judged hold"
    told = told if open_ or failed else f"all {len(judged)} hold"
    why = next((each.why for each in judged if each.why), "")
    return f"{told}; {open_} cannot be judged: {why}" if open_ else told


def _number(each: Judged, value: float) -> str:
    return percent(value) if each.claim.share else number(value, 5)


def _mean(each: Judged) -> str:
    return _number(each, each.mean) if each.values else ""


def _range(each: Judged) -> str:
    if len(each.values) < 2:
        return ""
    return f"{_number(each, min(each.values))} to {_number(each, max(each.values))}"


def _wanted(each: Judged) -> str:
    low, high = each.claim.low, each.claim.high
    lowest, highest = (f"{100 * end:g}" if each.claim.share else f"{end:.3g}" for end in (low, high))
    unit = " %" if each.claim.share else ""
    if high == math.inf or (each.claim.share and high == 1):
        return f"at least {lowest}{unit}"
    return f"at most {highest}{unit}" if low == 0 else f"{lowest} to {highest}{unit}"


def _cells(each: Judged) -> tuple[str, ...]:
    """Return a row of a report."""
    claim, of = each.claim, each.claim.measured if each.values else each.why
    return each.verdict, claim.experiment, claim.says, _mean(each), _range(each), _wanted(each), of


def check_path(path: Path, overwrite: bool) -> None:
    """Raise InputError unless a report can be written there, before anything is trained for it."""
    if path.suffix.lower() not in (".html", ".md"):
        raise InputError(f"--report must end in .html or .md, not {printable(path.name)[:40]!r}")
    check(path, overwrite=overwrite)
    if path.suffix.lower() == ".md":
        as_picture.load()
        if figures(path).exists() and not (figures(path).is_dir() and overwrite):
            raise InputError(f"{printable(str(figures(path)))} is there already; name another report")


def figures(path: Path) -> Path:
    """Return the folder of the figures of a report in Markdown, beside it."""
    return path.with_name(f"{path.stem}_figures")


def write(path: Path, judged: Sequence[Judged], about: str, runs: Mapping[str, History], overwrite: bool) -> None:
    """Write the report with a picture of each run: the shares and the gradient sums, per step and per epoch."""
    markdown = path.suffix.lower() == ".md"
    if markdown:
        figures(path).mkdir(exist_ok=True)
        for at, history in enumerate(runs.values(), 1):
            with placed(figures(path) / f"{at}.svg", overwrite=True) as beside:
                as_picture.write_history(history, beside)
    with placed(path, overwrite=overwrite) as beside:
        page = _markdown(path, judged, about, runs) if markdown else _html(judged, about, runs)
        beside.write_text("".join(page), encoding="utf-8")


def _markdown(path: Path, judged: Sequence[Judged], about: str, runs: Mapping[str, History]) -> Iterator[str]:
    yield f"# Watch ReLUs die: the article, reproduced\n\n{about}\n\n**{_came_of(judged)}**\n"
    for noticed in (True, False):
        yield f"\n## {_HEADINGS[noticed]}\n\n| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"
        for each in judged:
            if each.claim.noticed is noticed:
                yield f"| {' | '.join(_cells(each))} |\n"
    yield "\n## The runs of the first seed\n"
    for at, (name, history) in enumerate(runs.items(), 1):
        yield f"\n### {name}\n\n{titled(history)}\n\n![{name}]({figures(path).name}/{at}.svg)\n"


def _cell(column: str, text: str) -> str:
    return f"<td{'' if column in ('claim', 'of') else ' style=white-space:nowrap'}>{escape(text)}"


def _html(judged: Sequence[Judged], about: str, runs: Mapping[str, History]) -> Iterator[str]:
    title = "The article, reproduced"
    yield f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n"
    yield '<meta name=viewport content="width=device-width,initial-scale=1">\n'
    yield f"<style>{STYLE}</style>\n{as_html.AXES}<main>\n<h1>{title}</h1>\n<p class=sub>{escape(about)}</p>\n"
    colour = "good" if hold(judged) else "bad"
    yield f"<section class=verdict style='--own:var(--{colour})'><b class=word>{_came_of(judged)}</b></section>\n"
    head = "".join(f"<th style=white-space:nowrap>{each}" for each in _COLUMNS)
    for noticed in (True, False):
        yield f"<h2>{_HEADINGS[noticed]}</h2>\n<div class=wide><table><tr>{head}"
        for each in judged:
            if each.claim.noticed is noticed:
                yield f"<tr>{''.join(_cell(*pair) for pair in zip(_COLUMNS, _cells(each), strict=True))}"
        yield "</table></div>\n"
    yield f"<h2>The runs of the first seed</h2>\n{as_html.CHOICE}"
    for name, history in runs.items():
        yield f"<h3>{escape(name)} <small>{escape(titled(history))}</small></h3>\n"
        yield from as_html.charts(history)
    yield "</main>\n</html>\n"
