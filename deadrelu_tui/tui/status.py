"""The lines above the charts, as pure functions: a run in, text with roles out."""

from __future__ import annotations

import math
import time

from textual.content import Content

from deadrelu_tui import presets
from deadrelu_tui.diagnosis import Verdict
from deadrelu_tui.records import Live
from deadrelu_tui.run import Run, Status
from deadrelu_tui.settings import RunSettings
from deadrelu_tui.wording import count, duration, percent, rate

STATUS_STYLE = {
    Status.READY: "$text-muted",
    Status.STARTING: "$warning",
    Status.RUNNING: "$success",
    Status.PAUSED: "$warning",
    Status.STOPPED: "$text-muted",
    Status.FINISHED: "$primary",
    Status.FAILED: "$error",
}
VERDICT_STYLE = {
    "healthy": ("✔", "$success"),
    "sparse": ("✔", "$success"),
    "dying": ("▲", "$warning"),
    "guessing": ("▲", "$warning"),
    "vanishing": ("▲", "$warning"),
    "saturated": ("▲", "$warning"),
    "dead": ("✖", "$error"),
    "diverged": ("✖", "$error"),
}
_ASCII = str.maketrans({"✔": "+", "✖": "x", "▲": "!", "●": "*", "█": "#", "▏": "|", "▕": "|", "–": "-", "·": "-",
                        "→": ">", "−": "-", "×": "x", "│": "|", "…": "~", " ": " "})  # fmt: skip


def header(run: Run, bytes_per_second: float, width: int) -> Content:
    """Return who and what on the left; status, bytes to the terminal and clock on the right."""
    start = run.history.start
    network = "–".join(map(str, (784, *run.settings.hidden, 10)))
    if start is None:
        data, device = "Fashion-MNIST", run.settings.device
    else:
        embedded = start.source == "embedded"
        data = f"Fashion-MNIST {count(start.train)}" + (" (embedded subset)" if embedded else "")
        device = start.device
    status = run.status
    left = [(" deadrelu-tui", "bold $primary"), (f"  {data} · {network} · {device}", "$text-muted")]
    right = [
        (f"● {status.value}", f"bold {STATUS_STYLE[status]}"),
        (f"   {bytes_per_second / 1000:.0f} KB/s" if width >= 100 else "", "$text-muted"),
        (f"   {time.strftime('%H:%M:%S')} " if width >= 70 else " ", "$text-muted"),
    ]
    return _both(left, right, width)


def progress(run: Run, width: int) -> Content:
    """Return epoch, a bar over the whole run, step, speed, time to go and the last test accuracy."""
    history, start = run.history, run.history.start
    if start is None:
        return Content.styled(" loading the images and MXNet …", "$text-muted")
    done = len(history)
    epoch = min(start.epochs, max(0, done - 1) // start.batches + 1)
    speed = run.steps_per_second
    texts = [f" epoch {epoch}/{start.epochs}", f"step {count(done)}/{count(start.steps)}"]
    if run.alive and speed:
        texts += [f"{speed:.0f} steps/s", f"ETA {duration((start.steps - done) / speed)}"]
    elif not run.alive:
        texts += [f"{duration(run.seconds)} in all"]
    accuracy = history.latest("accuracy/test")
    texts.append("test accuracy " + ("at the epoch's end" if accuracy is None else percent(accuracy)))
    cells = 24 if width >= 120 else 10
    eighths = round(8 * cells * done / start.steps)
    full, part = divmod(eighths, 8)
    bar = ("█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(cells)
    pieces = [(texts[0] + " ▕", ""), (bar, "$primary"), ("▏ ", ""), ("   ".join(texts[1:]), "")]
    return _fitted(pieces, width)


def settings_line(settings: RunSettings, live: Live, width: int) -> Content:
    """Return what is set now, each with its key; what differs from the run's start stands out."""
    first = Live.of(settings)
    known = {key: number for number, key in enumerate(presets.PRESETS, 1)}
    name = presets.matching(settings)
    changed = "bold $warning"
    items = [
        ("n", "input 0–1" if live.normalise else "input 0–255", changed if live.normalise != first.normalise else ""),
        ("- +", f"lr {rate(live.lr)}", changed if live.lr != first.lr else ""),
        ("a", live.activation, changed if live.activation != first.activation else ""),
        ("", f"{'–'.join(map(str, settings.hidden))} hidden", "$text-muted"),
        ("", f"batch {settings.batch_size}", "$text-muted"),
        ("", f"init {settings.init}" if settings.init != "normal:0.01" else "", "$text-muted"),
        ("", f"seed {settings.seed}", "$text-muted"),
        (str(known[name]) if name else "", name or "own settings", "$text-muted"),
    ]
    pieces: list[tuple[str, str]] = [(" ", "")]
    for key, text, style in items:
        if text:
            if len(pieces) > 1:
                pieces.append((" │ ", "$text-disabled"))
            pieces += [(f"{key} " if key else "", "$accent"), (text, style)]
    return _fitted(pieces, width)


def banner(run: Run, found: Verdict | None) -> Content:
    """Return the verdict on the run, or what ended it."""
    if run.error is not None:
        return Content.styled(f" ✖ FAILED  {' '.join(str(run.error).split())[:400]} → r starts again", "$error")
    if found is None:
        return Content.styled(" no verdict before the first step", "$text-muted")
    glyph, style = VERDICT_STYLE[found.word]
    text = [(f" {glyph} {found.word.upper()}  ", f"bold {style}"), (found.reason, "")]
    if found.remedy:
        text.append((f" → {found.remedy}", f"bold {style}"))
    return Content.assemble(*text)


def summary(run: Run, found: Verdict | None) -> list[str]:
    """Return the numbers that matter, a line each, for a terminal too small for charts."""
    history = run.history
    start = history.start
    total = count(start.steps) if start else "…"
    lines = [f"step {count(len(history))}/{total}  {run.status.value}"]
    for name, label, form in (
        ("zero_fraction/h1", "zeros h1", percent),
        ("dead_fraction/h1", "dead h1", percent),
        ("loss", "loss", lambda value: f"{value:.4g}"),
        ("accuracy/test", "test accuracy", percent),
    ):
        value = history.latest(name)
        if value is not None:
            lines.append(f"{label:<14}{form(value) if math.isfinite(value) else value}")
    if found is not None:
        lines.insert(1, found.word.upper())
    return lines


def ascii_only(text: Content) -> Content:
    """Return the text for a locale that is not UTF-8, its style kept: every glyph becomes one ASCII character."""
    plain = text.plain.translate(_ASCII).encode("ascii", "replace").decode()
    return Content(plain, spans=list(text.spans))


def _both(left: list[tuple[str, str]], right: list[tuple[str, str]], width: int) -> Content:
    end = Content.assemble(*right)
    room = width - end.cell_length
    start = Content.assemble(*left)
    if start.cell_length > room - 1:
        start = start.truncate(max(1, room - 1), ellipsis=True)
    return start.pad_right(max(0, room - start.cell_length)) + end


def _fitted(pieces: list[tuple[str, str]], width: int) -> Content:
    text = Content.assemble(*pieces)
    return text if text.cell_length <= width else text.truncate(width, ellipsis=True)
