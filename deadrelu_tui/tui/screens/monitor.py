"""The monitor: what each key does to the run. What keys do to the view of it is in viewing.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.trials import trials_of
from deadrelu_tui.diagnosis.verdict import findings
from deadrelu_tui.errors import InputError, UnsureError
from deadrelu_tui.record.activations import ACTIVATIONS, DYING
from deadrelu_tui.record.commands import (
    TIMES,
    Change,
    Command,
    Pause,
    Play,
    Restart,
    Resume,
    Revive,
    Speed,
    Stop,
    Take,
    TrainOn,
    next_lr,
    next_speed,
    next_times,
)
from deadrelu_tui.record.telling import speed_text
from deadrelu_tui.run.source import ALIVE, Source, Status
from deadrelu_tui.tui.keys import KEYS, actions_of, explained
from deadrelu_tui.tui.panels import tour
from deadrelu_tui.tui.panels.beginning import is_opening
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.screens.help import HelpScreen
from deadrelu_tui.tui.screens.questions import EndQuestion, QuitQuestion, RateQuestion
from deadrelu_tui.tui.screens.viewing import Viewing
from deadrelu_tui.wording import count, rate

NEEDS = {
    "normalise": "normalise", "rate": "lr", "type_rate": "lr", "activation": "activation", "revive": "revive",
    "pause": "pause", "resume": "pause", "step": "pause", "restart": "restart", "experiment": "restart",
    "settings": "restart", "tour": "restart", "train_on": "train_on", "full_speed": "speed", "speed": "speed",
    "play": "play",
}  # fmt: skip
"""What a run must be able to do for an action (Start.can)."""
CHANGES = frozenset({"normalise", "rate", "type_rate", "activation"})
"""Actions that need to know what is set now (Source.live)."""
OF_OURS = frozenset({"experiment", "settings", "tour"})
"""Actions that start a run by settings as the article's experiment has them."""
OUTSIDE = {
    "restart": "This training began outside: only there can it be started again.",
    "train_on": "This training began outside: only there can it be trained on.",
    "normalise": "What this network is fed is made outside, and normalised there.",
    "activation": "The activations of this network are its own.",
    "speed": "This training goes as fast as it goes: space holds it.",
}
"""Why a training that is only watched cannot do what the built-in one can."""
PLAYING = {
    "pause": {Status.RUNNING}, "resume": {Status.PAUSED}, "speed": set(Status),
    "play": set(Status) - {Status.RUNNING, Status.PAUSED},
}  # fmt: skip
"""What can be done to a recorded run by how it is played."""
MORE_EPOCHS = 5


class MonitorScreen(Viewing):
    """The screen of a live run."""

    BINDINGS: ClassVar[list[BindingType]] = list(KEYS)
    _tempo = 1.0
    """How many times as fast as it went a recorded run is played."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys apply: those alone that the run can obey; pause while running, resume while paused."""
        run = self.run_in_hand
        if "play" in run.can and action in PLAYING:
            return self.status in PLAYING[action]
        needs = NEEDS.get(action)
        if needs is not None and needs not in run.start.can:
            return False
        if (action in CHANGES and needs not in run.live) or (
            action in OF_OURS and not presets.ours(run.start.settings)
        ):
            return False
        if action == "full_speed":
            return is_opening(run)
        if action == "output":
            return "output" in run.start.facts
        if action == "pause":
            return False if self.status is Status.PAUSED or is_opening(run) else (True if "pause" in run.can else None)
        if action == "resume":
            return self.status is Status.PAUSED
        if action == "train_on":
            return "train_on" in run.can and self.status is Status.FINISHED
        if needs is not None and needs not in run.can:
            return None
        if action in CHANGES and run.status not in ALIVE and "restart" not in run.start.can and len(run.history):
            return None  # no run begins with it
        if action == "ghost":
            return True if self.session.earlier else None
        if action == "restore":
            return self.alone or self.view.cursor is not None or self.touring == run.start.run
        return True

    def on_key(self, event: events.Key) -> None:
        """Say why a key does nothing just now."""
        names = [action.partition("(")[0] for action in actions_of(event.key)]
        if names and not any(self.check_action(name, ()) for name in names):
            reason = next(filter(None, map(self._why_not, names)), "")
            if reason:
                self.notify(reason, timeout=4)

    def _why_not(self, action: str) -> str:
        """Return why an action does not apply now; empty if there is nothing to say of it."""
        run, needs = self.run_in_hand, NEEDS.get(action)
        if action == "ghost":
            return "There is no earlier run yet to lay under the charts: r starts another one."
        if action == "output":
            return "There is no script behind this run whose output was kept."
        if needs is None:
            return ""
        if run.start.facts.get("guest") and needs in OUTSIDE:
            return OUTSIDE[needs]
        if run.start.facts.get("guest") and needs == "lr" and "lr" not in run.live:
            return "This training has no learning rate that could be set."
        if action == "train_on" and run.start.settings.get("steps") is not None:
            return "This run ends after so many steps, and not after epochs: s sets another number."
        if needs not in run.start.can or (action in CHANGES and needs not in run.live) or action in OF_OURS:
            return "This run takes no orders of that kind."
        if run.lack:
            return f"This run takes no orders from here: {run.lack}."
        if run.status in ALIVE:
            if action != "train_on":
                return ""
            if len(run.history) and run.history.steps_planned is None:
                return "This run has no end: it trains on by itself."
            return "This run has not ended: e trains it on then."
        ways = [("train_on", "e trains it on"), ("restart", "r starts a new one")]
        left = ", ".join(text for need, text in ways if need in run.can)
        return f"This run has ended{f': {left}' if left else ''}."

    # The run

    def _send(self, command: Command) -> None:
        follows = tour.more(self.history, command) if self.touring == self.run_in_hand.start.run else None
        self.session.send(command)
        if follows is not None:
            self.session.send(follows)
        self.answer()

    def action_normalise(self) -> None:
        """Turn normalisation on or off."""
        self._change(normalise=not self.run_in_hand.live["normalise"])

    def action_rate(self, way: str) -> None:
        """Go to the next learning rate, up or down the ladder 1-2-5."""
        now = self.run_in_hand.live["lr"]
        if (after := next_lr(now, 1 if way == "up" else -1)) == now:
            self.notify("The ladder of learning rates ends here: l types any other.", timeout=4)
        else:
            self._change(lr=after)

    def action_type_rate(self) -> None:
        """Ask for a learning rate."""

        def take(lr: float | None) -> None:
            if lr is not None:
                self._change(lr=lr)

        self.app.push_screen(RateQuestion(self.run_in_hand.live["lr"], self.letters), take)

    def action_activation(self) -> None:
        """Go to the next activation."""
        now = self.run_in_hand.live["activation"]
        after = ACTIVATIONS.index(now) + 1 if now in ACTIVATIONS else 0
        self._change(activation=ACTIVATIONS[after % len(ACTIVATIONS)])

    def _change(self, **fields: object) -> None:
        self._send(Change(fields))
        if self.run_in_hand.status not in ALIVE:
            on = ", e trains this one on" if "train_on" in self.run_in_hand.can else ""
            self.notify(f"The run has ended: r starts a new one with this{on}.", timeout=4)

    def action_revive(self) -> None:
        """Revive the dead units before the next step."""
        history, touring = self.run_in_hand.history.frozen(), self.touring == self.run_in_hand.start.run
        self._send(Revive())
        if self.status is Status.PAUSED and not touring:
            dead = any(ledger.lost.any() for ledger in history.ledgers.values()) and history.activation() in DYING
            told = "What is dead comes back with the next step." if dead else "Nothing was dead at the last look."
            self.notify(told, timeout=4)

    def action_pause(self) -> None:
        """Pause."""
        self._send(Pause())

    def action_resume(self) -> None:
        """Resume."""
        self._send(Resume())

    def action_full_speed(self) -> None:
        """Go as fast as it can."""
        self._send(Speed())

    def action_play(self) -> None:
        """Play a recorded run from its first step on."""
        self.view = replace(self.view, cursor=None)
        self._send(Play(self._tempo))

    def action_speed(self, way: str) -> None:
        """Go to the next speed, up or down."""
        run = self.run_in_hand
        if "play" in run.can:
            times = next_times(run.speed.times or self._tempo, 1 if way == "up" else -1)
            self._tempo = min(times, TIMES[-1])
            if run.speed.times is not None:
                self._send(Play(times))
            told = "all of it at once" if times == math.inf else f"{rate(times)}× as fast as it went"
            waiting = f"space plays it {rate(self._tempo)}× as fast as it went"
            self.notify(waiting if run.speed.times is None else told, timeout=2)
            return
        measured = run.history.frozen().speed or math.inf
        self._send(Speed(next_speed(run.speed.per_second, 1 if way == "up" else -1, measured)))
        self.notify(f"speed: {speed_text(run.speed)}", timeout=2)

    def action_step(self) -> None:
        """Pause, or take one step when paused."""
        self._send(Take() if self.run_in_hand.status is Status.PAUSED else Pause())

    def action_train_on(self) -> None:
        """Go on where the run ended."""
        self._send(TrainOn(MORE_EPOCHS))

    def action_restart(self, paused: bool = False) -> None:
        """Start a new run with the settings as they are now, held at step 0 or not."""
        self._start({}, paused)

    def action_experiment(self, name: str) -> None:
        """Start one of the article's experiments."""
        self._start({**presets.experiment(name), "epochs": presets.PRESETS[name].epochs, "steps": None})

    def action_tour(self) -> None:
        """Start a run that is a tour."""
        self._start(tour.SETTINGS, paused=True, touring=True)

    def action_settings(self) -> None:
        """Show every setting, and start a run with what is made of them."""
        from deadrelu_tui.tui.screens.settings_form import SettingsScreen

        def take(settings: RunSettings | None) -> None:
            if settings is not None:
                self._start(settings.as_dict())

        self.app.push_screen(SettingsScreen(RunSettings.of(self.session.settings_now), self.letters), take)

    def _start(self, settings: Mapping[str, object], paused: bool = False, touring: bool = False) -> None:
        """Start a run, asking first if the one in hand is worth it."""
        if not self.session.precious:
            self.call_next(self._begin, settings, paused, touring)
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self.call_next(self._begin, settings, paused, touring)

        step = count(self.run_in_hand.history.reached)
        question = f"This ends run {self.session.started} at step {step}."
        self.app.push_screen(EndQuestion(question, self.letters), answer)

    async def _begin(self, settings: Mapping[str, object], paused: bool, touring: bool) -> None:
        try:
            await self.replace_run(settings, paused)
        except UnsureError as error:
            told = str(error)
            self.notify(f"{told[:1].upper()}{told[1:]}.", severity="warning", timeout=8)
            return
        except InputError as error:  # another process was asked, and cannot
            self.notify(f"No run was begun: {error}.", severity="warning")
            return
        if touring:
            self.begin_tour()

    async def replace_run(self, settings: Mapping[str, object], paused: bool) -> Source:
        """End the run in hand and show another one, which is returned."""
        before = self.run_in_hand
        after = self.session.restart(Restart(settings, paused))
        await self._show_run(before)
        return after

    async def follow_run(self) -> None:
        """Show the run that another process has begun in the place of the one in hand."""
        before = self.run_in_hand
        if self.session.follow():
            await self._show_run(before)
            self.notify("Another run was begun in the place of that one.", timeout=4)

    async def _show_run(self, before: Source) -> None:
        """Show the run in hand in the place of the one before."""
        self.view = replace(self.view, cursor=None)
        if self.run_in_hand.start.network.names != before.start.network.names:
            self.composed = self.run_in_hand.start  # nobody is to add panels while there are none
            async with self._changing:
                await self.recompose()
            self.go_to(self.panels()[0])
        else:
            await self.follow_start()
        self.query_one(EventPanel).forget()
        for chart_panel in self.query(ChartPanel):
            chart_panel.plot = None
        self.query_one(UnitPanel).clear()
        self.answer()

    def begin_tour(self) -> None:
        """Make a tour of the run in hand, which is held before its first step."""
        self.touring, self._stop = self.run_in_hand.start.run, None
        self.session.send(Speed())
        self.session.send(Take())

    # Dialogs

    @on(events.Click, "#verdict")
    def _asked_why(self) -> None:
        self.action_reasons()

    def action_output(self) -> None:
        """Show what the watched script says."""
        from deadrelu_tui.tui.screens.output import OutputScreen

        self.app.push_screen(OutputScreen(Path(self.run_in_hand.start.facts["output"]), self.letters))

    def action_reasons(self) -> None:
        """Show the whole reasoning behind the verdict."""
        from deadrelu_tui.tui.remedies import Reach
        from deadrelu_tui.tui.screens.reasons import ReasonsScreen

        history = self.read(self.history)
        if history.last is not None:
            reach = Reach(self.run_in_hand.can, self.run_in_hand.live, history.live)
            self.app.push_screen(
                ReasonsScreen(findings(history), history.last, reach, self.letters, trials_of(history))
            )

    def action_help(self) -> None:
        """Show the help."""
        self.app.push_screen(HelpScreen(explained(self.app.get_key_display), self.letters))

    def action_leave(self) -> None:
        """Quit, asking first while the run is live."""
        run = self.run_in_hand
        if "stop" not in run.can:  # it has ended, or is only looked at
            self.app.exit()
            return

        def answer(what: str | None) -> None:
            if what == "detach":
                self.app.action_detach()  # type: ignore[attr-defined]
            elif what is not None:
                if what == "stop":
                    self.session.send(Stop())
                self.app.exit(result=what)

        step = count(run.history.reached)
        question = f"The run is at step {step}. Quit and end it?" if run.here else f"The run goes on at step {step}."
        self.app.push_screen(QuitQuestion(question, run.here, self.letters), answer)
