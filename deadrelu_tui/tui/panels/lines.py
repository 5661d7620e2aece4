"""The lines above the charts, as pure functions: a run in, text with roles out."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from textual.content import Content

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.builtin import presets
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import quantity
from deadrelu_tui.record.network import outline
from deadrelu_tui.record.records import Start
from deadrelu_tui.record.telling import engine_name, input_text, setting_text, speed_text
from deadrelu_tui.run.gate import FOLLOWED
from deadrelu_tui.run.source import ALIVE, Source, Status
from deadrelu_tui.tui.plot.charts import worst_first
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import count, duration, number, percent, rate
from deadrelu_tui.wording import moment as wall_moment

SLOWED = 0.8
"""The part of a limit of steps a second from which on it is what limits."""
MUTED, FAINT = "$foreground 65%", "$foreground 30%"
STATUS_STYLE = {
    Status.READY: MUTED,
    Status.STARTING: "$warning",
    Status.READING: MUTED,
    Status.RUNNING: "$success",
    Status.PAUSED: "$warning",
    Status.STOPPED: MUTED,
    Status.FINISHED: "$primary",
    Status.LEFT: "$primary",
    Status.FAILED: "$error",
    Status.CRASHED: "$error",
}


def header(run: Source, bytes_per_second: float, held: int | None, width: int) -> Content:
    """Return who and what on the left; status, a frozen display, bytes to the terminal and clock on the right."""
    start, status = run.start, run.status
    ways = list(outline(start.network))
    network = next((each for each in ways if len(each) <= width // 3), ways[-1])
    right = [(f"● {status.value}", f"bold {STATUS_STYLE[status]}")]
    if held is not None:
        wide = f"❄ display frozen at step {count(held)}" if width >= 70 else "❄ frozen"
        right.append((f"   {wide}", "bold $accent"))
    if run.unrecorded:
        right.insert(0, ("not recorded   " if width >= 60 else "", "bold $warning"))
    if not run.here:
        right.insert(0, (f"{_elsewhere(run, width)}  ", MUTED))
    speed, clock = moment(bytes_per_second)
    right += [(f"   {speed}" if width >= 100 else "", MUTED), (f"   {clock} " if width >= 70 else " ", MUTED)]
    share = history_share(run.history)
    if share is not None and width >= 70:
        told = f"watching {percent(share)}"
        right.insert(0, (f"{told}   ", MUTED))
    name, title, outlined = " deadrelu-tui", f"  {start.title}", f" · {network}"
    lefts: list[tuple[str, ...]] = [(name, title, outlined)]
    if "engine" in start.facts:  # of the network something stands among the settings, of the engine nothing
        lefts.append((name, title))
    wanted = [(*left, f" · {where}") for left in lefts for where in _where(start)]
    end = sum(len(text) for text, _ in right) + 3
    fitting = next((each for each in wanted if sum(map(len, each)) + end <= width), (name, title, outlined))
    return _both([(text, "bold $primary" if text is name else MUTED) for text in fitting], right, width)


def history_share(history: History) -> float | None:
    """Return which share of the training's time a guest has taken; None where there is none, or it is yet to tell."""
    share = history.latest("watching")
    return share if share is not None and math.isfinite(share) else None


def _elsewhere(run: Source, width: int) -> str:
    """Return how a run that does not live in this process is seen."""
    if "play" in run.can:
        when = wall_moment(run.start.at, "%Y-%m-%d %H:%M")
        how = "recorded" if run.speed.times is None else "replay of" if when and width >= 90 else "replay"
        return f"{how} {when} " if when and width >= 90 else how
    return "looking only" if run.lack else "attached"


def _where(start: Start) -> tuple[str, ...]:
    """Return what computes the steps and on what, and in short what alone."""
    engine = start.facts.get("engine")
    return (start.device,) if engine is None else (f"{engine_name(engine)} on {start.device}", engine_name(engine))


def moment(bytes_per_second: float) -> tuple[str, str]:
    """Return what the header says of the moment: the speed of what goes to the terminal, and the time of day."""
    return f"{bytes_per_second / 1000:.0f} KB/s", time.strftime("%H:%M:%S")


def progress(run: Source, history: History, width: int) -> Content:
    """Return epoch, a bar over the whole run, step, speed, time to go and the last test accuracy, as far as they are
    known.
    """
    start, planned = history.start, history.steps_planned
    if start is None:
        return Content.styled(" loading the images and the engine …", MUTED)
    number, done = history.reached, history.taken
    status, speed, accuracy = run.status, history.speed, history.latest("accuracy/test")
    step = f"step {count(number)}" + ("" if planned is None else f"/{count(history.reached - done + planned)}")
    if status is Status.PAUSED:
        long = short = [step]
    elif status in ALIVE:
        eta = [] if planned is None else [f"ETA {duration((planned - done) / speed)}" if speed else "ETA –"]
        most = run.speed.per_second or math.inf
        slowed = most <= FOLLOWED or speed > SLOWED * most  # what is slow to tell, or as fast as it may
        measured = f"slowed to {speed_text(run.speed)}" if slowed else f"{speed:.0f} steps/s"
        if run.speed.times:
            measured = f"played {rate(run.speed.times)}× as fast"
        long, short = [step, measured, *eta], [step, f"{speed:.0f}/s", *eta]
    else:
        long = short = [step, f"{duration(history.end.at if history.end else history.seconds)} in all"]
    epochs = history.epochs_planned
    epoch = history.epoch or (1 if epochs else None)
    head = f" epoch {epoch}{'' if epochs is None else f'/{epochs}'} " if epoch is not None else " "
    share = min(1.0, done / planned) if planned else 0.0
    score = "–" if accuracy is None else percent(accuracy)
    tested = [] if start.steps_per_epoch is None and accuracy is None else [f"test accuracy {score}"]
    options = (
        (24, [*long, *tested]), (10, [*short, *(each.replace("accuracy ", "") for each in tested)]), (0, short),
        (0, [step]),
    )  # fmt: skip
    for room, texts in options:
        cells = room if planned is not None else 0
        eighths = round(8 * cells * share)
        bar = ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).strip().ljust(cells)
        text = Content.assemble(
            head, "▕" if cells else "", (bar, "$primary"), "▏ " if cells else " " if head.strip() else "",
            "   ".join(texts),
        )  # fmt: skip
        if text.cell_length <= width:
            return text
    return cut(Content(f" {step}"), width)


def settings_line(run: Source, badges: list[str], width: int) -> Content:
    """Return what is set now, each with its key, what differs from the start standing out; and what the view is."""
    settings, live, can = run.start.settings, run.live, run.can
    if run.status not in ALIVE and "restart" not in run.start.can and len(run.history):
        can = frozenset()  # what is set then is for no run
    items = [
        (_LIVE_KEYS.get(name, "") if name in can else "", _live_text(name, value, settings),
         "bold $warning" if name in settings and value != settings[name] else "")
        for name, value in live.items()
    ]  # fmt: skip
    items += [(key, text, MUTED) for key, text in _fixed(settings, run.start.facts.get("batch"))]
    ended = run.status not in ALIVE and len(run.history) > 0
    text = Content.styled(" next run: ", MUTED) if ended and dict(live) != dict(run.history.live) else Content(" ")
    while badges and sum(len(badge) + 2 for badge in badges) > max(width // 2, len(badges[0]) + 2):
        badges = badges[:-1]  # whole or not at all
    view = Content.styled("  ".join(badges) + " ", "bold $accent") if badges else Content("")
    for index, (key, label, style) in enumerate(item for item in items if item[1]):
        piece = Content.assemble(
            (" │ " if index else "", FAINT), (f"{key} " if key else "", "$accent"), (label, style)
        )  # fmt: skip
        if text.cell_length + piece.cell_length + view.cell_length + 1 > width:
            break
        text += piece
    return text.pad_right(max(0, width - text.cell_length - view.cell_length)) + view if badges else text


_LIVE_KEYS = {"normalise": "n", "lr": "- +", "activation": "a"}


def _live_text(name: str, value: Any, settings: Mapping[str, Any]) -> str:
    if name == "normalise":
        return input_text(value, settings)
    if name == "activation":
        return str(value)
    return f"{name} {setting_text(name, value)}"


def _fixed(settings: Mapping[str, Any], batch: int | None) -> Iterator[tuple[str, str]]:
    """Yield key and text of what does not change while the training runs."""
    if (ours := presets.ours(settings)) is not None:
        yield "", f"{'–'.join(map(str, ours.hidden))} hidden"
        number, name = presets.named(settings)
        yield number, name or "own settings"
    if "seed" in settings:
        yield "", f"seed {settings['seed']}"
    batch = batch or settings.get("batch_size")
    if batch:
        yield "", f"batch {batch}"
    if settings.get("init", "normal:0.01") != "normal:0.01":
        yield "", f"init {settings['init']}"


def place(history: History, step: int) -> str:
    """Return where in a run a step is, and what a look found there: ◀ step 2 of 1 175 ▶ died 117 here."""
    planned = history.steps_planned
    ends = history.next if planned is None else max(history.next, history.first + planned)
    found = []
    for name, word in (("deaths", "died"), ("revivals", "revived")):
        looks = history.window(name, history.first, step + 1)
        if len(looks.steps) and looks.steps[-1] == step:
            before = float(looks.values[-2]) if len(looks.steps) > 1 else 0.0
            more = round(float(looks.values[-1]) - before)
            where = "here" if len(looks.steps) < 2 or looks.steps[-2] == step - 1 else f"since {count(looks.steps[-2])}"
            found += [f"{word} {count(more)} {where}"] if more else []
    return " ".join([f"◀ step {count(step)} of {count(ends)} ▶", ", ".join(found)]).rstrip()


def summary(history: History, view: View, held: bool, width: int) -> Content:
    """Return the numbers that matter, each with its course, for a terminal too small for charts; of the layers those of
    the worst.
    """
    total, rows, stop = history.steps_planned, [], history.next
    if width < 40:
        ends = history.reached - (stop - history.first) + (total or 0)
        more = " frozen" if held else f"/{count(ends)}" if total else ""
        rows.append(Content(f"step {count(history.reached)}{more}"))
    layer = next(iter(worst_first(history, view)), "")
    dead = view.definition_for(history.activation(layer))
    short = layer if len(layer) <= 4 else ""
    for name, label, form in (
        (quantity("zero_fraction", layer).name, f"zeros {short}", percent),
        (quantity(dead.metric, layer).name, f"{dead.short} {short}", percent),
        ("loss", "loss", number),
        ("accuracy/test", "test accuracy", percent),
    ):
        value = history.latest(name)
        if value is None:
            continue
        room = max(0, width - 30)
        course = sparkline(history.outline(name, history.first, stop, max(1, room // 2)).values) if room >= 8 else ""
        if width < 40:
            rows.append(Content.assemble((label.removesuffix(f" {short}"), MUTED), f" {form(value)}"))
            continue
        rows.append(Content.assemble((f"{label:<16}", MUTED), f"{form(value):>8}  ", (course, "$primary")))
    return Content("\n").join(rows)


def sentence(run: Source, history: History, found: Finding | None, width: int) -> Content:
    """Return the one sentence that a tiny terminal has room for."""
    what = found.word if found else run.status.value
    options = (f"step {count(history.reached)}: {what}", what)
    return Content(next((each for each in options if len(each) <= width), what[:width]))


def sparkline(values: npt.NDArray[np.float32]) -> str:
    """Return a character a value, its height between the lowest and the highest finite one; · where it is not."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not len(finite):
        return ""
    low, span = float(finite.min()), float(finite.max() - finite.min()) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round(7 * (value - low) / span)] if np.isfinite(value) else "·" for value in values)


def key_bar(entries: list[tuple[str, str, str, bool]], width: int) -> Content:
    """Return the keys as (key, label, action, enabled) in a line; where it is narrow, those before the last two go.

    The last two, help and quit, are always there. A click on an entry does what its key does.
    """
    pieces = [_key(*entry) for entry in entries]
    while len(pieces) > 2 and sum(piece.cell_length + 2 for piece in pieces) > width:
        del pieces[-3]
    return Content(" ") + Content("  ").join(pieces)


@functools.cache
def _key(key: str, label: str, action: str, enabled: bool) -> Content:
    """Return a key's entry. There are few; to read the markup of them all takes longer than the rest of a frame."""
    if not enabled:
        return Content.styled(f"{key} {label}", FAINT)
    return Content.from_markup(f"[@click=screen.{action}][b $accent]$key[/] $label[/]", key=key, label=label)


def ascii_only(text: Content) -> Content:
    """Return the text for a locale that is not UTF-8, its style kept."""
    return Content(to_ascii(text.plain), spans=list(text.spans))


def _both(left: list[tuple[str, str]], right: list[tuple[str, str]], width: int) -> Content:
    """Return as many parts of the left as there is room for, and the right at the right."""
    end = Content.assemble(*right)
    start = Content("")
    for part in left:
        if start.cell_length + len(part[0]) + end.cell_length + 1 > width:
            break
        start += Content.assemble(part)
    return cut(start.pad_right(max(0, width - start.cell_length - end.cell_length)) + end, width)


def cut(text: Content, width: int) -> Content:
    """Return a text that has to fit, its end cut off where it does not."""
    return text if text.cell_length <= width else text.truncate(width, ellipsis=True)
