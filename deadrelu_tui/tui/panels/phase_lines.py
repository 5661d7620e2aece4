"""The lines around the map of a sweep, as pure functions: what is swept, how far it has come, what the cursor reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from textual.content import Content

from deadrelu_tui.errors import InputError
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.chart import Chart, Reading, is_share, value_words
from deadrelu_tui.sweep.common import in_common
from deadrelu_tui.sweep.grid import Grid, Place
from deadrelu_tui.tui.panels import phase_map, phase_squares
from deadrelu_tui.tui.panels.lines import FAINT, MUTED, cut, moment
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.sweeping import Sweeping
from deadrelu_tui.wording import count, duration, number, percent

MEANINGS = {
    "dead": "units that fire for none of the probe images",
    "zeros": "h ≤ 0, of the last batch: sparsity, not death",
    "silent": "units that fire for none of the last batch",
    "accuracy": "of the test images",
    "loss": "of the last batch, in nats; ln 10 is guessing",
    "test-loss": "of the test images, in nats; ln 10 is guessing",
}
SATURATED = "saturated units: stuck where the gradient is next to nothing"
MIXED = "; of sigmoid and tanh: saturated"


def meaning(metric: str, grid: Grid) -> str:
    """Return what a metric is, in a few words; empty for one that has none."""
    told = MEANINGS.get(metric, "")
    if metric != "dead" or grid.saturates is False:
        return told
    return SATURATED if grid.saturates else told + MIXED


METRICS = ("dead", "zeros", "accuracy", "loss")
"""What a key goes through."""
THEORY, THEORY_SHORT = "theory: half of layer 1 dies beyond", "theory: half dies beyond"
WIDE = 110
"""Columns from which on there is room for long words."""


class Pulse(NamedTuple):
    """How a sweep goes."""

    per_second: float
    """Runs, lately."""
    seconds: float
    """Since it began, or that it took in all."""


def header(sweep: Sweeping, bytes_per_second: float, width: int) -> Content:
    """Return what is swept on the left; status, who computes, bytes to the terminal and clock on the right."""
    grid = sweep.chart.grid
    word, style = status(sweep)
    speed, clock = moment(bytes_per_second)
    right = [("not recorded   " if sweep.unrecorded else "", "bold $warning"), (f"● {word}", f"bold {style}")]
    if sweep.where and not sweep.over:
        right.append((f"   {sweep.where}" if width >= 80 else "", MUTED))
    right += [(f"   {speed}" if width >= 100 else "", MUTED), (f"   {clock} " if width >= 90 else " ", MUTED)]
    end = Content.assemble(*right)
    swept, short = (" × ".join(name(each) for each in grid.axes) for name in (_words, _short))
    size = " × ".join(str(len(each.values)) for each in grid.axes)
    named = f"  sweep {sweep.name}: {swept}" if sweep.name else f"  sweep of {swept}"
    sizes = (f"{named} · {grid.told}", f"{named} · {size}", named, f"  sweep of {swept}")
    ways = (*sizes, f"  sweep of {short}", f"  {short}", "")
    left = next((each for each in ways if len(each) + 13 + end.cell_length + 1 <= width), "")
    start = Content.assemble((" deadrelu-tui", "bold $primary"), (left, MUTED))
    return cut(start.pad_right(max(1, width - start.cell_length - end.cell_length)) + end, width)


def status(sweep: Sweeping) -> tuple[str, str]:
    """Return a word for how it stands, and its style."""
    if sweep.error is not None:
        return "broken off", "$error"
    if sweep.over:
        return ("finished", "$primary") if sweep.chart.done == len(sweep.chart.grid) else ("stopped", MUTED)
    return ("waiting", "$warning") if sweep.waiting else ("running", "$success")


def progress(sweep: Sweeping, pulse: Pulse, width: int) -> Content:
    """Return how far it has come, as far as there is room: a bar, runs a second, the time left; at last how it went."""
    chart, done, of = sweep.chart, sweep.chart.done, len(sweep.chart.grid)
    if sweep.error is not None:
        known = isinstance(sweep.error, InputError)
        told = str(sweep.error) if known else f"{type(sweep.error).__name__}: {sweep.error}"
        return cut(Content.styled(f" ✖ {' '.join(told.split())}; what is computed is kept", "$error"), width)
    if sweep.over:
        return cut(_ended(chart, pulse, width), width)
    if sweep.waiting or sweep.unrecorded:
        said = f"   {sweep.waiting or f'not recorded: {sweep.unrecorded}'}"
        texts = [[said], [said]]
    else:
        left = f"ETA {duration((of - done) / pulse.per_second)}" if pulse.per_second else "ETA –"
        running = f"{chart.running} running"
        texts = [[f"{_speed(pulse.per_second)}", left, running], [left]]
    style = "$warning" if sweep.waiting or sweep.unrecorded else ""
    bare = f" {count(done)} of {count(of)}"
    for bar, head, more in (
        (32, f"{bare} runs", texts[0]), (16, f"{bare} runs", texts[0]), (10, bare, texts[1]), (0, bare, texts[1]),
        (0, bare, []),
    ):  # fmt: skip
        eighths = round(8 * bar * done / of)
        drawn = ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).strip().ljust(bar)
        text = Content.assemble(
            head, " ▕" if bar else "", (drawn, "$primary"), "▏ " if bar else "   " if more else "",
            (f"{percent(done / of)}   " if bar == 32 else "", ""), ("   ".join(each.strip() for each in more), style),
        )  # fmt: skip
        if text.cell_length <= width:
            return text
    return cut(Content(bare), width)


def _speed(per_second: float) -> str:
    if not per_second:
        return "– runs/s"
    return f"{number(per_second, 2)} runs/s" if per_second >= 1 else f"{number(60 * per_second, 2)} runs/min"


def _ended(chart: Chart, pulse: Pulse, width: int) -> Content:
    done, of, outcomes = chart.done, len(chart.grid), chart.outcomes.values()
    lost, failed = sum(each.diverged for each in outcomes), sum(each.failed for each in outcomes)
    odd = [f"{count(lost)} diverged"] if lost else []
    odd += [f"{count(failed)} failed"] if failed else []
    took = f"in {duration(pulse.seconds)}"
    if done == of:
        long = f" ✔ all {count(of)} runs are done, {took}" + (f": {', '.join(odd)}" if odd else "")
        ways = [f"{long}   q leaves", long, f" ✔ {count(of)} runs {took}"]
    else:
        long = f" {count(done)} of {count(of)} runs are done, {took}" + (f": {', '.join(odd)}" if odd else "")
        ways = [f"{long}   the same command goes on", long, f" {count(done)} of {count(of)} runs"]
    told = next((each for each in ways if len(each) <= width), ways[-1])
    return Content.styled(told, "bold $primary" if done == of else "")


def chosen(grid: Grid, metrics: Sequence[str], metric: str, page: int, width: int) -> Content:
    """Return which metric is shown and which page on the left, and what all runs have in common on the right."""
    text = Content.assemble((" v ", "$accent"))
    for each in metrics:
        style = "bold reverse $primary" if each == metric else MUTED
        text += Content.assemble((f" {each} ", style))
    if len(grid.pages) > 1:
        told = f"page {page + 1}/{len(grid.pages)}: {grid.page_text(grid.pages[page])}"
        text += Content.assemble(("   [ ] ", "$accent"), (told, "bold"))
    pieces = in_common(grid)
    while pieces and text.cell_length + len(" │ ".join(pieces)) + 4 > width:
        pieces = pieces[:-1]
    if not pieces:
        return cut(text, width)
    right = Content(" ")
    for index, each in enumerate(pieces):
        right += Content.assemble((" │ " if index else "", FAINT), (each, MUTED))
    right += Content(" ")
    return cut(text.pad_right(max(0, width - text.cell_length - right.cell_length)) + right, width)


def reading(grid: Grid, place: Place, found: Reading, metric: str, width: int) -> Content:
    """Return what is to be read at a place, in as many words as there is room for."""
    where = ", ".join(f"{_short(axis)} {axis.text(at)}" for axis, at in zip(grid.axes, place, strict=True))
    value = f"{metric} {value_words(metric, found.mean)}" if found.values else ""
    spread = ""
    if len(found.values) > 1:
        low, high = value_words(metric, min(found.values)), value_words(metric, max(found.values))
        if low == high:
            spread = f" ({len(found.values)} seeds)"
    if len(found.values) > 1 and not spread:
        both = f"{low.removesuffix(' %') if high.endswith(' %') else low}–{high}"
        spread = f" ({both} over {len(found.values)} seeds)"
    words = Counter(each.verdict for each in found.outcomes if each.verdict and not each.failed)
    if found.of == 1:
        verdicts = next(iter(words), "")
    else:
        verdicts = ", ".join(f"{word} {many}" for word, many in words.most_common())
    state = _state(found)
    fault = next((each.error or each.how for each in found.outcomes if each.failed), "")
    error = f"failed: {' '.join(fault.split())}" if fault else ""
    head = Content.assemble((f"{where}: ", MUTED))
    for parts in (
        [value + spread, verdicts, error or state], [value + spread, verdicts], [value, error or verdicts or state],
        [value or error or state],
    ):  # fmt: skip
        told = " · ".join(filter(None, parts))
        if told and head.cell_length + len(told) <= width:
            return head + _told(told, value)
    return cut(head + _told(value or error or state, value), width)


def _told(text: str, value: str) -> Content:
    return Content.assemble((text[: len(value)], "bold"), text[len(value) :])


def _words(axis: Axis) -> str:
    return axis.words


def _short(axis: Axis) -> str:
    return "lr" if axis.name == "lr" else axis.words


def _state(found: Reading) -> str:
    done = len(found.outcomes)
    if found.complete:
        how = Counter(each.how for each in found.outcomes)
        return next(iter(how)) if len(how) == 1 else ", ".join(f"{many} {word}" for word, many in how.items())
    parts = [f"{done} of {found.of} seeds done"] if done else []
    parts += ["running" if found.of == 1 else f"{found.running} running"] if found.running else []
    return ", ".join(parts) or "not begun"


def legend(
    metric: str, scale: phase_squares.Scale, there: Collection[str], width: int, ascii_only: bool, coloured: bool
) -> list[Row]:
    """Return what colours and signs mean, in one line or in two: the ramp, the lines, the signs that there are."""
    low, high = scale.ends
    unit = " %" if scale.share else ""
    if coloured:
        bar: Row = [(" ", f"ink:{round(at * (phase_squares.STEPS - 1) / 11)}") for at in range(12)]
    else:
        bar = [(each * 2, "strong") for each in phase_map.SHADES[ascii_only]]
    ramp: Row = [(f"{low}{unit} ", "text"), *bar, (f" {high}{unit}", "text")]
    if scale.logarithmic:
        ramp.append((", log", "text"))
    groups: list[Row] = [ramp]
    if is_share(metric):
        line = "|" if ascii_only else "▕"
        words = {"dead": "half are dead", "accuracy": "half are right"}.get(metric, "one half")
        groups.append([(line, "line:none"), (f" {words}", "text")])
    theory = THEORY if width >= WIDE else THEORY_SHORT
    groups += [
        [(glyphs[ascii_only], "limit:none"), (f" {theory}", "text")]
        for way, glyphs in phase_map.LIMIT.items()
        if way in there
    ]
    signs: Row = []
    for word, glyphs in phase_squares.SIGNS.items():
        if word in there:
            name = (
                "pending, faint: as the nearest"
                if word == phase_squares.PENDING and coloured and width >= WIDE
                else word
            )
            signs += [("  " if signs else "", "text"), (glyphs[ascii_only], f"{word}:none"), (f" {name}", "text")]
    groups += [signs] if signs else []
    lines: list[Row] = [[]]
    for group in groups:
        long = sum(len(text) for text, _ in group)
        taken = sum(len(text) for text, _ in lines[-1])
        if taken and taken + 3 + long > width:
            lines.append([])
        elif taken:
            lines[-1].append(("   ", "text"))
        lines[-1] += group
    return lines


def bare(sweep: Sweeping, width: int) -> str:
    """Return the one sentence that a terminal has room for that is too small for a map."""
    done, of = sweep.chart.done, len(sweep.chart.grid)
    ways = (f"{done} of {of} runs; the map needs 40 × 12 characters", f"{done} of {of} runs", f"{done}/{of}")
    return next((each for each in ways if len(each) <= width), ways[-1][:width])
