"""The settings of the next run as a form, made from the fields of RunSettings: a new field is a new row here."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, ClassVar, get_args, get_type_hints

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import ENDLESS, RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.screens.choice import NONE, Choice
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.wording import rate

_FIELDS = {each.name: each for each in fields(RunSettings)}
_SWITCHES = {"full": ("embedded", "full")}
"""What false and true are called; off and on where nothing is said."""
_EXPERIMENTS = tuple(presets.PRESETS)
_DECIDED = tuple(presets.experiment(presets.DEFAULT))
"""What an experiment sets."""
_BY_WIDTH, _BY_HEIGHT = [(0, "-hair"), (34, "-slim"), (70, "-broad")], [(0, "-flat"), (9, "-low"), (24, "-high")]
"""Classes by the size of the terminal, for the style sheet."""
_PRESET_HELP = f"The article's experiments: choosing one fills in {', '.join(_DECIDED).replace('_', '-')}."
_START_HELP = "Ends the run in hand and starts one with these settings."


def options(name: str) -> dict[Any, str]:
    """Return the values of a setting that takes one of a few, each with its label; none for one that is typed."""
    kind, parse = get_type_hints(RunSettings)[name], _FIELDS[name].metadata["parse"]
    if bool in (kind, *get_args(kind)):
        unset = {None: "as found"} if type(None) in get_args(kind) else {}
        off, on = _SWITCHES.get(name, ("off", "on"))
        return {**unset, True: on, False: off} if unset else {False: off, True: on}
    words = _FIELDS[name].metadata["metavar"].split("|")
    try:
        return {parse(word): word for word in words} if len(words) > 1 else {}
    except InputError:  # a word such as gpu:N stands for many
        return {}


def typed(value: Any) -> str:
    """Return a value as one would type it, and so that reading it gives the same value."""
    if isinstance(value, float):
        return rate(value) if float(rate(value)) == value else repr(value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _typed(name: str, value: Any) -> str:
    return ENDLESS if name == "epochs" and value is None else typed(value)


class FormRow(Horizontal):
    """A line of the form: whether it is in focus and differs from the run in hand, its name, its control."""

    def __init__(self, name: str, control: Widget, help_text: str, was: str = "") -> None:
        super().__init__(name=name, id=f"row-{name}", classes="row")
        self.control, self.help_text, self.was = control, help_text, was
        control.id = f"field-{name}"

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield Static("  ", classes="sign", markup=False)
        yield Static((self.name or "").replace("_", "-"), classes="name")
        yield self.control
        yield Static(f" was {self.was}", classes="was", markup=False)

    @property
    def changed(self) -> bool:
        """Whether something else is set here than the run in hand has."""
        return False

    def mark(self, ascii_only: bool) -> None:
        """Show whether the line holds the focus and whether it was changed."""
        pointer, bullet = (">", "*") if ascii_only else ("▸", "•")
        focused, changed = self.control.has_focus, self.changed
        self.set_class(focused, "-here")
        self.set_class(changed, "-changed")
        sign = (pointer if focused else " ") + (bullet if changed else " ")
        self.query_one(".sign", Static).update(sign, layout=False)


class FieldRow(FormRow):
    """The line of one setting: it reads and shows what the setting's own parser takes."""

    def __init__(self, name: str, before: Any, ascii_only: bool) -> None:
        self.setting, self.before, self.options = _FIELDS[name], before, options(name)
        control: Widget
        if self.options:
            control = Choice(list(self.options.values()), list(self.options).index(before), ascii_only)
            was = self.options[before]
        else:
            hint = self.setting.metadata["metavar"]
            text = _typed(name, before)
            control = Input(text, placeholder=to_ascii(hint) if ascii_only else hint, compact=True, classes="control")
            was = text or "empty"
        super().__init__(name, control, self.setting.metadata["help"], was)

    def read(self) -> Any:
        """Return the value that is set here. Raises InputError if it is none."""
        if isinstance(self.control, Choice):
            return list(self.options)[self.control.chosen]
        assert isinstance(self.control, Input)
        text = self.control.value.strip()
        left_open = not text and self.setting.default is None
        return self.setting.metadata["parse"](None if left_open else text)

    def show(self, value: Any) -> None:
        """Set a value."""
        if isinstance(self.control, Choice):
            self.control.show(list(self.options).index(value))
        elif isinstance(self.control, Input):
            self.control.value = _typed(self.setting.name, value)

    @property
    def fault(self) -> str:
        """What is wrong with what is set here; empty if nothing is."""
        try:
            self.read()
        except InputError as error:
            return str(error)
        return ""

    @property
    def changed(self) -> bool:
        """Whether something else is set here than the run in hand has, faulty text included."""
        return bool(self.fault) or self.read() != self.before


class SettingsScreen(Dialog[RunSettings | None]):
    """Every setting in a row of its own; enter starts a run with them, escape leaves all as it was."""

    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = _BY_WIDTH
    VERTICAL_BREAKPOINTS = _BY_HEIGHT
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "start a new run"),
        Binding("escape", "dismiss(None)", "leave it"),
        Binding("down", "app.focus_next", "next field", show=False),
        Binding("up", "app.focus_previous", "field before", show=False),
    ]

    def __init__(self, settings: RunSettings, classes: str) -> None:
        super().__init__(classes=classes)
        self.settings, self.ascii_only = settings, "-ascii" in classes.split()

    def compose(self) -> ComposeResult:
        """Lay out the experiments, the fields, and under them help, fault and button."""
        with Vertical(classes="window form") as window:
            window.border_title = "settings of a new run"
            with Vertical(classes="rows"):
                yield FormRow("preset", Choice(_EXPERIMENTS, NONE, self.ascii_only), _PRESET_HELP)
                for name in _FIELDS:
                    yield FieldRow(name, getattr(self.settings, name), self.ascii_only)
            yield Static(classes="help-line", markup=False)
            yield Static(classes="fault", markup=False)
            with Horizontal(classes="foot"):
                yield Button(Content("[ start a new run ]"), id="begin", compact=True)
                yield Static(
                    f"[b $accent]{'left/right' if self.ascii_only else '← →'}[/] choose  "
                    "[b $accent]enter[/] start  [@click=screen.dismiss(None)][b $accent]esc[/] leave[/]",
                    classes="keys",
                )

    def on_mount(self) -> None:
        """Show which experiment the settings are."""
        self._changed()

    @property
    def rows(self) -> list[FieldRow]:
        """The lines of the settings, top to bottom."""
        return list(self.query(FieldRow))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain what is in focus."""
        row = next((each for each in self.query(FormRow) if each.control is event.widget), None)
        text = row.help_text if row is not None else _START_HELP
        self.query_one(".help-line", Static).update(to_ascii(text) if self.ascii_only else text)
        self._mark()

    def on_input_changed(self) -> None:
        """Compare with the run in hand anew."""
        self._changed()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Fill in an experiment that was chosen; compare with the run in hand anew."""
        if event.choice.id == "field-preset" and event.by_person:
            filled = presets.apply(_EXPERIMENTS[event.choice.chosen], self.settings)
            for row in self.rows:
                if row.setting.name in _DECIDED:
                    row.show(getattr(filled, row.setting.name))
        self._changed()

    def _changed(self) -> None:
        self._say("")
        self.query_one("#field-preset", Choice).show(self._experiment())
        self._mark()

    def _mark(self) -> None:
        for row in self.query(FormRow):
            row.mark(self.ascii_only)

    def _experiment(self) -> int:
        """Return which experiment the form is, whatever is wrong with what an experiment does not set."""
        decided = {row.setting.name: row for row in self.rows if row.setting.name in _DECIDED}
        if any(row.fault for row in decided.values()):
            return NONE
        name = presets.matching(replace(self.settings, **{each: row.read() for each, row in decided.items()}))
        return _EXPERIMENTS.index(name) if name else NONE

    def _say(self, fault: str) -> None:
        line = self.query_one(".fault", Static)
        line.update(to_ascii(fault) if self.ascii_only else fault)
        line.display = bool(fault)

    def on_input_submitted(self) -> None:
        """Take enter in a field for the whole form."""
        self.action_begin()

    def on_button_pressed(self) -> None:
        """Do what enter does."""
        self.action_begin()

    def action_begin(self) -> None:
        """Hand over the settings, or say what is wrong with the first that cannot be used, and go there."""
        for row in self.rows:
            if row.fault:
                self._say(f"✖ {row.fault}")
                self.set_focus(row.control)
                return
        self.dismiss(RunSettings(**{row.setting.name: row.read() for row in self.rows}))
