"""A remedy as the keys that carry it out: "n, - to lr 0.05, then r"; or as what another run is to begin with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from deadrelu_tui.record.activations import ACTIVATIONS
from deadrelu_tui.record.commands import Change, Command, Restart, Revive, can_obey_all
from deadrelu_tui.record.records import Live
from deadrelu_tui.wording import rate


class Reach(NamedTuple):
    """What can be done about a run from where it is looked at."""

    can: frozenset[str]
    """What it can be asked to do (Start.can)."""
    live: Live
    """What is set now."""
    judged: Live | None = None
    """What was set where it was judged; None for what is set now."""

    def advice(self, remedy: Sequence[Command]) -> tuple[str, str]:
        """Return what to do with a remedy, and what it asks for: ("try", "n, then r"), empty where all of it is done
        already. For whom no key does it: ("begin with", "normalise"), or ("while it trains:", "lr 0.05, revive").
        """
        if can_obey_all(self.can, remedy):
            return "try", keys_of(remedy, self.live, self.judged)
        words = ", ".join(_set(remedy))
        if any(isinstance(each, Restart) for each in remedy):
            return "begin with", words or "the same settings"
        return "while it trains:", words


def _set(remedy: Sequence[Command]) -> Iterator[str]:
    """Yield each setting that a remedy changes, with its value, and what else it does."""
    for command in remedy:
        if isinstance(command, Revive):
            yield "revive"
        changed = command.fields if isinstance(command, Change) else {}
        if isinstance(command, Restart):
            changed = command.settings
        for name, value in changed.items():
            if name == "normalise":
                yield "normalise" if value else "no normalise"
            else:
                yield _setting(name, rate(value) if name == "lr" else value)


def keys_of(remedy: Sequence[Command], live: Live, judged: Live | None = None) -> str:
    """Return the keys to press, one after the other, given what is set now; empty for no remedy.

    A run that is begun anew is to have everything else as it was where that was `judged`, whatever was set since.
    """
    again = bool(remedy) and isinstance(remedy[-1], Restart)
    if again and judged is not None:
        wanted = {name: value for each in remedy if isinstance(each, Change) for name, value in each.fields.items()}
        changes = Change({**{name: judged[name] for name in judged if name in live}, **wanted})
        remedy = [changes, *(each for each in remedy if not isinstance(each, Change))]
    pressed = [key for command in remedy for key in _keys(command, live)]
    if again:
        return f"{', '.join(pressed)}, then r" if pressed else "r"
    return ", ".join(pressed)


def _keys(command: Command, live: Live) -> Iterator[str]:
    if isinstance(command, Revive):
        yield "v"
    elif isinstance(command, Change):
        for name, value in command.fields.items():
            if live.get(name) == value:
                continue  # it is set already
            if name == "normalise":
                yield "n"
            elif name == "lr":
                yield f"{'-' if value < live.get('lr', value) else '+'} to lr {rate(value)}"
            elif name == "activation":
                at = ACTIVATIONS.index(live["activation"]) if live.get("activation") in ACTIVATIONS else -1
                yield "a" if ACTIVATIONS[(at + 1) % len(ACTIVATIONS)] == value else f"a to {value}"
    elif isinstance(command, Restart) and command.settings:
        yield f"s: {', '.join(_setting(name, value) for name, value in command.settings.items())}"


def _setting(name: str, value: object) -> str:
    if name == "hidden" and isinstance(value, (list, tuple)):
        return f"wider layers ({','.join(map(str, value)) if len(value) < 4 else f'{len(value)} × {max(value)}'})"
    return f"{name} {value}"
