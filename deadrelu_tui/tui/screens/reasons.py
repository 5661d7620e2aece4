"""The reasoning behind the verdict: what it means, what made it, how to test that, and every finding in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding, Remedy
from deadrelu_tui.diagnosis.trials import Trials
from deadrelu_tui.tui.panels.banner import VERDICT_STYLE
from deadrelu_tui.tui.panels.lines import MUTED, ascii_only
from deadrelu_tui.tui.remedies import Reach
from deadrelu_tui.tui.screens.dialog import SCROLLS, Dialog
from deadrelu_tui.wording import MINUS, count, number, percent

MEANING = {
    "dead": "A ReLU that is at or below 0 for every image lets no gradient through. Its own weights stand still: only "
    "other inputs, or a change in the layers before it, could bring it back.",
    "dying": "Some ReLUs are at or below 0 for every image, and no gradient reaches them. The others still learn.",
    "saturated": "The units sit on the flat ends of their curve, where the slope is nearly 0. Hardly any gradient "
    "gets through, so their weights hardly change.",
    "diverged": "The updates drove each other up until the numbers left all bounds. Once infinity or NaN is among the "
    "weights it cannot heal.",
    "guessing": "By its loss or by what it gets right the network knows no more than somebody who draws the class by "
    "lot: it gives all classes about the same chance, or is sure of the wrong ones.",
    "vanishing": "The gradient is so small that the steps no longer change the weights.",
    "early": "A few steps say little. Death and divergence are told at once, everything else when there are enough "
    "steps since the start or the last change.",
    "sparse": "For any one image most outputs of the layer are 0, but for other images other units fire. ReLUs work "
    "this way when all is well.",
    "healthy": "The units answer differently to different images, and the gradient reaches them.",
}
"""What each word of the verdict says, for somebody who meets it for the first time."""
_BY_WIDTH, _BY_HEIGHT = [(0, "-slim"), (60, "-broad")], [(0, "-flat"), (9, "-high")]
"""Classes by the size of the terminal, for the style sheet."""
BROAD = 60
"""Columns from which the findings stand as a table."""


def measured(value: float, threshold: float) -> str:
    """Return a value against its threshold, both rounded: 0.99 > 0.5."""
    if math.isnan(value) and math.isnan(threshold):
        return "–"
    if not math.isfinite(value) or not math.isfinite(threshold):
        return number(value)
    left, right = number(value), f"{threshold:.3g}".replace("e-0", "e-").replace("-", MINUS, 1 if threshold < 0 else 0)
    sign = "=" if value == threshold else "~" if left == number(threshold) else ">" if value > threshold else "<"
    return f"{left} {sign} {right}"


MEANING_OF_A_GUEST = {
    "dead": "A ReLU that is at or below 0 for every sample lets no gradient through. Its own weights stand still: only "
    "other inputs, or a change in the layers before it, could bring it back.",
    "dying": "Some units are at or below 0 for every sample, and no gradient reaches them. The others still learn.",
    "sparse": "For any one sample most outputs of the layer are 0, but for other samples other units fire. ReLUs work "
    "this way when all is well.",
    "healthy": "The units answer differently to different samples, and the gradient reaches them.",
}
"""The same where the network is fed anything but images."""


def reasoning(findings: Sequence[Finding], step: int, reach: Reach) -> Content:
    """Return the verdict as a teacher would explain it: what, what it means, why, and how to find out."""
    if not findings:
        return Content.styled("No verdict before the first step.", MUTED)
    gravest = next((each for each in findings if each.word), findings[0])
    glyph, style = VERDICT_STYLE.get(gravest.word, ("·", MUTED))
    parts = [Content.styled(f"{glyph} {(gravest.word or gravest.rule).upper()}", f"bold {style}")]
    parts.append(Content(_sentence(telling.found(gravest))))
    for heading, text in (
        ("What that means", _meaning(gravest)),
        ("Why", telling.why(gravest)),
        ("Test it", _test(gravest, reach)),
        ("To change where it was begun", "; ".join(gravest.hints)),
    ):
        if text:
            parts.append(Content.assemble("\n", (heading, "bold $primary")))
            parts.append(Content.styled(_sentence(text), f"bold {style}" if heading == "Test it" else ""))
    since = f"Every finding as of step {count(step)}, the gravest first"
    parts.append(Content.assemble("\n", (since, "bold $primary")))
    return Content("\n").join(parts)


def _meaning(finding: Finding) -> str:
    guest = MEANING_OF_A_GUEST if finding.hints or "by" in finding.facts else MEANING
    return guest.get(finding.word, MEANING.get(finding.word, ""))


def _test(finding: Finding, reach: Reach) -> str:
    """Return the keys to press, or how to begin another run, and whether somebody has tried what that does."""
    verb, what = reach.advice(finding.remedy)
    asked = {"try": "press", "begin with": "begin another run with"}.get(verb, verb) + f" {what}"
    if finding.tried is None:
        return f"{asked}. Not tried so far" if what else ""
    came = f"Tried on a copy, that came to {percent(finding.tried)} of the probe images right"
    if not what:
        asked = "it is set already" if finding.remedy else "leave it as it is"
    return f"{asked}. {came}"


def trials_table(trials: Trials, advised: Remedy | None, reach: Reach) -> Content:
    """Return what was tried, the best first, with its accuracy; what is advised stands out."""
    rows = sorted(trials.rows, key=lambda row: -row.accuracy)
    heading = f"What was tried, {count(trials.steps)} steps each, and the share of probe images then right"
    words = [_row(row.remedy, reach) for row in rows]
    width = max(map(len, words))
    lines = [Content.styled(heading, "bold $primary")]
    for row, text in zip(rows, words, strict=True):
        chosen = row.remedy == advised
        bar = "█" * round(_BAR * row.accuracy)
        lines.append(
            Content.assemble(
                (f"{'▸' if chosen else ' '} {text:<{width}} {percent(row.accuracy):>7} ", "bold" if chosen else MUTED),
                (bar, "$primary"),
            )
        )
    return Content("\n").join(lines)


def _row(remedy: Remedy, reach: Reach) -> str:
    verb, what = reach.advice(remedy)
    if not remedy:
        return "nothing changed"
    return f"begun with {what}" if verb == "begin with" else what or "what is set now"


_BAR = 20
"""Cells of an accuracy of 100 %."""


def table(findings: Sequence[Finding], width: int) -> Content:
    """Return every finding: rule, layer, measured against allowed, since when, and below it what was found."""
    rows = [
        (each.rule or "–", each.layer or "all", measured(each.value, each.threshold), f"step {count(each.step)}")
        for each in findings
    ]
    headings = ("rule", "layer", "measured", "since")
    sizes = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = []
    if width >= BROAD:
        lines.append(Content.styled("  " + _columns(headings, sizes), MUTED))
    for each, row in zip(findings, rows, strict=True):
        glyph, style = VERDICT_STYLE.get(each.word, ("·", MUTED))
        head = _columns(row, sizes) if width >= BROAD else " · ".join(row)
        lines.append(Content.assemble((f"{glyph} {head}", f"bold {style}")))
        said = Content.assemble(
            (f"{each.word}: " if each.word else "note: ", "bold"), (_sentence(telling.found(each)), MUTED)
        )
        lines.extend(line.pad_left(2) for line in said.wrap(max(8, width - 2)))
    return Content("\n").join(lines)


def _columns(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return "   ".join(cell.ljust(size) for cell, size in zip(cells, sizes, strict=True)).rstrip()


def _sentence(text: str) -> str:
    # Names such as h1 and w1, and keys, keep the case they have.
    text = text.strip()
    word = text.partition(" ")[0].rstrip(":,.")
    text = text[:1].upper() + text[1:] if word.isalpha() and len(word) > 1 else text
    return text if text.endswith((".", "!", "?", ")")) or not text else f"{text}."


class ReasonsScreen(Dialog[None]):
    """The whole reasoning, to be read and scrolled."""

    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = _BY_WIDTH
    VERTICAL_BREAKPOINTS = _BY_HEIGHT
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "close"),
        *(Binding(key, f"scroll('{how}')") for key, how in SCROLLS.items()),
    ]

    def __init__(
        self, findings: Sequence[Finding], step: int, reach: Reach, classes: str, trials: Trials | None = None
    ) -> None:
        super().__init__(classes=classes)
        self.findings, self.step, self.reach, self.trials = tuple(findings), step, reach, trials
        self.ascii_only = "-ascii" in classes.split()

    def compose(self) -> ComposeResult:
        """Lay out the explanation and the table."""
        with VerticalScroll(classes="window reasons") as window:
            window.border_title = "why this verdict"
            window.border_subtitle = "[@click=screen.dismiss][b]esc[/b] close[/]"
            yield Static(id="reasoning")
            yield Static(id="findings")
            yield Static(id="trials")

    def action_scroll(self, how: str) -> None:
        """Scroll as the arrows do, or to an end."""
        getattr(self.query_one(VerticalScroll), f"scroll_{how}")(animate=False)

    def on_resize(self) -> None:
        """Lay the table out for the new width."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        width = self.query_one("#findings").content_size.width
        tried = Content("")
        if self.trials is not None:
            advised = self.findings[0].remedy if self.findings[0].tried is not None else None
            tried = trials_table(self.trials, advised, self.reach)
        for name, text in (("#reasoning", reasoning(self.findings, self.step, self.reach)),
                           ("#findings", table(self.findings, width)), ("#trials", tried)):  # fmt: skip
            self.query_one(name, Static).update(ascii_only(text) if self.ascii_only else text)
