"""Every key of the map of a sweep, declared once, and what the map shows."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding

from deadrelu_tui.tui.keys import EVERYWHERE, Spelling, declared, key_of

OF_SWEEPS = (
    declared(
        "ctrl+z",
        "suspend",
        "suspend",
        "Give the terminal back to the shell; fg brings the map back.",
        show=False,
        priority=True,
    ),
)
"""Keys of the application that shows a sweep."""

_MOVE = Binding.Group("read")
_PAGE = Binding.Group("page")
KEYS = (
    declared("left,h", "move('left')", "left", "Read the place to the left; h, too.", group=_MOVE, key_display="←"),
    declared("down,j", "move('down')", "down", "Read the place below; j, too.", group=_MOVE, key_display="↓"),
    declared("up,k", "move('up')", "up", "Read the place above; k, too.", group=_MOVE, key_display="↑"),
    declared("right,l", "move('right')", "right", "Read the place to the right; l, too.", group=_MOVE, key_display="→"),
    declared("home", "move('first')", "first column", "Go to the first column.", show=False),
    declared("end", "move('last')", "last column", "Go to the last column.", show=False),
    declared("pageup", "move('top')", "top row", "Go to the top row.", show=False),
    declared("pagedown", "move('bottom')", "bottom row", "Go to the bottom row.", show=False),
    declared(
        "enter",
        "open",
        "open the run",
        "Open the charts of the run under the cursor; escape and q come back. The sweep goes on meanwhile.",
        key_display="enter",
    ),
    declared("v,tab", "metric('next')", "metric", "The next metric: dead, zeros, accuracy, loss."),
    declared("V,shift+tab", "metric('before')", "metric before", "The metric before.", show=False),
    declared(
        "left_square_bracket",
        "leaf('before')",
        "page before",
        "The page before, of a grid with more than two axes.",
        key_display="[",
        group=_PAGE,
    ),
    declared(
        "right_square_bracket",
        "leaf('next')",
        "next page",
        "The next page, of a grid with more than two axes.",
        key_display="]",
        group=_PAGE,
    ),
    declared("p", "picture", "picture", "Save the chart as a picture."),
    declared("question_mark", "help", "help", "Every key, and what the map shows.", key_display="?"),
    declared(
        "q",
        "leave",
        "quit",
        "Leave; asks while the sweep goes on. What is computed is kept, and the same command goes on.",
    ),
    Binding("ctrl+c", "leave", show=False, system=True),
)
"""Keys of the map of a sweep."""

GROUPS = {
    "the map": ("move", "metric", "leaf", "open"),
    "the screen": ("picture", "help", "redraw", "suspend", "leave"),
}
TERMS = (
    (
        "colours",
        "the metric",
        "The colour of a cell goes from alive to dead, and its number is the mean over the "
        "seeds: percent of a share, else as measured. Where it has no room the colour alone tells.",
    ),
    (
        "line",
        "boundary",
        "Half of the units are dead on one side of it, fewer on the other. A cell that diverged is beyond it.",
    ),
    ("┊ ┈", "theory", "The learning rate beyond which theory expects half of layer 1 to be dead within 200 steps."),
    ("·", "pending", "The run has not begun."),
    ("▸", "running", "The run is being computed; beside a number another seed is."),
    ("×", "diverged", "Its numbers are none any more: no share of units means anything."),
    ("!", "failed", "It ended with an error, which the line above the map tells."),
)
"""(sign, name, explanation) of what the map shows."""


def explained(display: Spelling) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield for the help of a sweep (heading, its keys), each as (key, name, explanation)."""
    every = [binding for binding in (*KEYS, *EVERYWHERE, *OF_SWEEPS) if not binding.system]
    for heading, actions in GROUPS.items():
        bindings = [each for action in actions for each in every if each.action.partition("(")[0] == action]
        yield heading, [(key_of(each, display), each.description, each.tooltip) for each in bindings]
    yield "what the map shows", list(TERMS)
