"""Every key of the monitor, declared once: from here come binding, line of keys, help and palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from textual.binding import Binding

from deadrelu_tui.builtin import presets

Spelling = Callable[[Binding], str]
"""How a key is written: App.get_key_display."""


def declared(key: str, action: str, name: str, text: str, **more: object) -> Binding:
    """Return a key: its action, the action's name, and what it does in a sentence."""
    return Binding(key, action, name, tooltip=text, **more)  # type: ignore[arg-type]


_key = declared


_RATE = Binding.Group("lr")
_EXPERIMENTS = Binding.Group("experiments")

KEYS: tuple[Binding, ...] = (
    _key("n", "normalise", "normalise", "Divide the pixels by 255, or stop dividing, from the next step on."),
    _key("minus", "rate('down')", "lr down", "Next lower learning rate: 5, 2, 1, 0.5, …", key_display="-",
         group=_RATE),
    _key("plus,equals_sign", "rate('up')", "lr up", "Next higher learning rate: 0.1, 0.2, 0.5, …",
         key_display="+", group=_RATE),
    _key("enter", "reasons", "why", "The whole reasoning behind the verdict: every rule that fires, with its numbers.",
         key_display="enter"),
    _key("l", "type_rate", "type lr", "Type a learning rate.", show=False),
    _key("r", "restart", "restart", "Start a new run with what is set now."),
    _key("R", "restart(True)", "restart held", "Start a new run with what is set now, held at step 0.", show=False),
    _key("T", "tour", "tour", "Start the tour: a run of the article's first experiment, with six stops that explain "
         "what happens.", show=False),
    _key("space", "pause", "pause", "Hold the training before its next step."),
    _key("space", "resume", "resume", "Let the training go on."),
    _key("space", "play", "play", "Show a recorded run as it went, from its first step on."),
    _key("space", "full_speed", "full speed", "End the slow first steps of a session: go as fast as it can."),
    _key("less_than_sign", "speed('down')", "slower", "Take fewer steps a second: 100, 50, 20, … 0.5. A recorded "
         "run is played 100, 50, … 1 times as fast as it went.", key_display="<", show=False),
    _key("greater_than_sign", "speed('up')", "faster", "Take more steps a second, up to as many as it can.",
         key_display=">", show=False),
    _key("e", "train_on", "train on", "Go on where the run ended: five more epochs."),
    _key("full_stop", "step", "step", "Pause; when paused, take one step.", key_display="."),
    _key("a", "activation", "activation", "Next of relu, leaky_relu, sigmoid, tanh."),
    _key("v", "revive", "revive", "Revive the dead ReLUs: fresh incoming weights, bias and outgoing weights zero, so "
         "that the loss does not jump."),
    *(
        _key(str(number), f"experiment('{name}')", name, f"Start the article's experiment {number}: {name}.",
             group=_EXPERIMENTS)
        for number, name in enumerate(presets.PRESETS, 1)
    ),
    _key("s", "settings", "settings", "See and change every setting, and start a new run with them."),
    _key("d", "definition", "dead?", "Next definition of death for the charts and the map."),
    _key("left", "cursor(-1)", "read back", "Go back by a step: the values of the charts, units, events and "
         "verdict are then those of that step.", show=False),
    _key("right", "cursor(1)", "read on", "Go on by a step.", show=False),
    _key("shift+left", "stride(-1)", "stride back", "Move the cursor back by a twentieth of the chart.", show=False),
    _key("shift+right", "stride(1)", "stride on", "Move the cursor on by a twentieth of the chart.", show=False),
    _key("home", "first", "first step", "Go to the first step.", show=False),
    _key("end", "last", "newest step", "Let go of the cursor and follow the newest step.", show=False),
    _key("left_square_bracket", "event(-1)", "event before", "Go back to the step at which the event before became "
         "known.", key_display="[", show=False),
    _key("right_square_bracket", "event(1)", "next event", "Go on to that of the next event, and behind the last "
         "one to the newest step.", key_display="]", show=False),
    _key("z", "zoom(1)", "zoom in", "Show half as many steps, around the cursor or the newest step.", show=False),
    _key("Z", "zoom(-1)", "zoom out", "Show twice as many steps.", show=False),
    _key("w", "window", "window", "Show all steps, the first 16, the epoch, or the last 200.", show=False),
    _key("x", "apart", "first steps", "Keep a quarter of the charts for the first 16 steps, or draw all steps equally "
         "wide.", show=False),
    _key("y", "scale", "log axis", "Logarithmic or linear axes for loss and gradients; a signed sum takes a "
         "symmetric log.", show=False),
    _key("u", "gradient", "gradients", "Charts of the parameters: the sum of each gradient, its norm, or the size of "
         "the update against the parameter.", show=False),
    _key("t", "smooth", "smooth", "Draw the mean of the last 20 or 100 steps over the raw line, or none.", show=False),
    _key("c", "ghost", "ghost", "Lay the run before over the charts, dim, step by step; then the one before it; then "
         "none."),
    _key("o", "runs", "runs", "List the runs of this session and those that were recorded before, and choose up to six "
         "as ghosts.", show=False),
    _key("O", "output", "output", "What the watched script says, as it comes.", show=False),
    _key("slash", "find", "find", "Bring layers and parameters whose name holds a text to the front.", key_display="/",
         show=False),
    _key("f", "freeze", "freeze", "Hold the display still while the training runs on; again to catch up."),
    _key("p", "picture", "picture", "Save what is shown as a picture (SVG) in the current folder.", show=False),
    _key("tab", "panel(1)", "next panel", "Move the focus to the next panel.", show=False),
    _key("shift+tab", "panel(-1)", "previous panel", "Move the focus to the panel before.", show=False),
    _key("m", "maximise", "maximise", "Show the panel in focus alone, or all of them again."),
    _key("escape", "restore", "restore", "Show all panels again; then let go of the cursor; then leave the tour.",
         show=False),
    _key("question_mark", "help", "help", "Every key and every definition.", key_display="?"),
    _key("q", "leave", "quit", "End the run and leave; asks while it is live."),
    Binding("ctrl+c", "leave", show=False, system=True),
)  # fmt: skip

EVERYWHERE = (
    Binding("ctrl+q", "quit", show=False, system=True, priority=True),
    _key("ctrl+l", "redraw", "redraw", "Draw the whole screen anew, should something else have written on it.",
         show=False, priority=True),
)  # fmt: skip
"""Keys of every application: they work in dialogs, too."""
OF_RUNS = (
    _key("ctrl+backslash", "detach", "detach", "Leave the screen and let the run go on: deadrelu-tui attach brings it "
         "back, from any terminal.", key_display="ctrl+\\", show=False, priority=True),
    _key("ctrl+z", "suspend", "suspend", "Give the terminal back to the shell and hold the training (--on-suspend "
         "train does not); fg brings both back.", show=False, priority=True),
)  # fmt: skip
"""Keys of the application that shows runs."""
ANYWHERE = (*EVERYWHERE, *OF_RUNS)

UNIT_KEYS = (
    _key("left", "unit(-1)", "unit before", "Read the unit before."),
    _key("right", "unit(1)", "next unit", "Read the next unit."),
    _key("up,k", "unit_row(-1)", "unit above", "Read the unit above; k, too."),
    _key("down,j", "unit_row(1)", "unit below", "Read the unit below; j, too."),
    _key("g", "unit(-999999999)", "first unit", "Read the first unit."),
    _key("G", "unit(999999999)", "last unit", "Read the last unit."),
)
EVENT_KEYS = (
    _key("up,k", "scroll(1)", "scroll up", "Scroll up; k, too."),
    _key("down,j", "scroll(-1)", "scroll down", "Scroll down; j, too."),
    _key("pageup", "page(1)", "page up", "A page up."),
    _key("pagedown", "page(-1)", "page down", "A page down."),
    _key(
        "slash",
        "find_event",
        "find events",
        "Show the events alone that hold a text; no text shows all of them.",
        key_display="/",
    ),
    _key("g", "scroll(999999999)", "first event", "Go to the first."),
    _key("G", "scroll(-999999999)", "newest event", "Go back to the newest."),
)
LAYER_KEYS = (
    _key("up,k", "layer(-1)", "layer above", "Choose the layer above, for charts and units; k, too."),
    _key("down,j", "layer(1)", "layer below", "Choose the layer below; j, too."),
    _key("pageup", "layer(-8)", "layers above", "Eight layers up."),
    _key("pagedown", "layer(8)", "layers below", "Eight layers down."),
    _key("g", "layer(-999999999)", "worst layer", "Choose the worst layer."),
    _key("G", "layer(999999999)", "best layer", "Choose the last one."),
)
"""Keys that a panel takes for itself while it has the focus."""


GROUPS = {
    "the training": ("normalise", "rate", "type_rate", "activation", "revive", "pause", "resume", "play", "full_speed",
                     "speed", "step", "train_on"),
    "runs": ("restart", "experiment", "tour", "settings", "ghost", "runs"),
    "what happened, and when": ("reasons", "definition", "cursor", "stride", "first", "last", "event"),
    "the charts": ("zoom", "window", "apart", "scale", "gradient", "smooth", "find", "freeze"),
    "the screen": ("panel", "maximise", "restore", "picture", "help", "redraw", "detach", "suspend", "leave",
                   "output"),
    "with the units in focus": ("unit", "unit_row"),
    "with the events in focus": ("scroll", "page", "find_event"),
    "with the layers in focus": ("layer",),
}  # fmt: skip
"""Actions under the headings of the help."""


def explained(display: Spelling) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield for the help (heading, its keys), each as (key, name, explanation)."""
    every = [binding for binding in (*KEYS, *ANYWHERE, *UNIT_KEYS, *EVENT_KEYS, *LAYER_KEYS) if not binding.system]
    for heading, actions in GROUPS.items():
        bindings = [each for action in actions for each in every if each.action.partition("(")[0] == action]
        yield heading, [(key_of(each, display), each.description, each.tooltip) for each in bindings]


def actions_of(key: str) -> list[str]:
    """Return the actions of a key of the monitor, as they are declared; several where the state decides."""
    return [each.action for each in Binding.make_bindings(KEYS) if each.key == key and not each.system]


def entries(
    display: Spelling, applies: Callable[[str], bool | None], keys: Sequence[Binding] = KEYS
) -> Iterator[tuple[str, str, str, bool]]:
    """Yield (key, label, action, whether it applies) for the line of keys; a group of keys is one entry."""
    shown = [binding for binding in keys if binding.show and not binding.system]
    for group, bindings in groupby(shown, lambda each: each.group or each):
        members = list(bindings)
        written = [key_of(each, display) for each in members]
        key = "–".join((written[0], written[-1])) if len(members) > 2 else " ".join(written)
        state = applies(members[0].action)
        if state is not False:
            yield key, group.description, members[0].action, state is True


def key_of(binding: Binding, display: Spelling) -> str:
    """Return the key of a binding as people read it; the first, where there are several."""
    return display(next(iter(Binding.make_bindings([binding]))))
