"""Keys in the order in which they were typed, however many of them one packet of a slow link brings.

Textual hands every key to the focused widget's own queue. A character is dealt with there; what is bound (enter,
backspace, q) climbs to the application first, and is overtaken by the characters after it; and a key that is to answer
a dialog comes before the dialog does (Textualize/textual#6605). So the next key waits until the one before has had its
effect.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

LONGEST_WAIT = 2.0
"""Seconds that a key waits for the one before it: a widget may go away with a key in its queue."""


class Followed(Message):
    """Climbs after a key, the way the key climbs: where it arrives, the key has been dealt with.

    What the key has set going (a field that is submitted) climbs too: a second one follows that.
    """

    def __init__(self, key: int, screen: Screen[Any], again: bool = True) -> None:
        super().__init__()
        self.key, self.screen, self.again = key, screen, again


class TypedInOrder(App[None]):
    """An application that deals with one key at a time."""

    def __init__(self, **of_any_app: Any) -> None:
        super().__init__(**of_any_app)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._key = 0
        """The number of the key that is being dealt with."""
        self._dealing = False
        self._patience: Timer | None = None

    @property
    def typing(self) -> bool:
        """Whether a key is being dealt with, or waits for it."""
        return self._dealing or bool(self._typed)

    async def on_event(self, event: events.Event) -> None:
        """Let keys and what is pasted stand in line."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self._typed.append(event)
            if not self._dealing:
                await self._deal_with_next()
        else:
            await super().on_event(event)

    async def _deal_with_next(self) -> None:
        self._dealing = bool(self._typed and self.screen_stack)  # without a screen the application is on its way out
        if not self._dealing:
            return
        self._key += 1
        self._patience = self.set_timer(LONGEST_WAIT, lambda key=self._key: self._dealt_with(key))
        screen, at = self.screen, self.focused or self.screen
        await super().on_event(self._typed.popleft())
        self._follow(at, Followed(self._key, screen))

    def _follow(self, at: Widget, message: Followed) -> None:
        if not at.post_message(message):
            self._dealt_with(message.key)

    def on_followed(self, message: Followed) -> None:
        """Go on, as soon as the screen stands that the key may have opened."""
        if not self.screen_stack:
            return
        key, screen = message.key, self.screen
        if message.again:
            self._follow(screen.focused or screen, Followed(key, message.screen, again=False))
        elif screen is message.screen or not screen.call_after_refresh(self._dealt_with, key):
            self._dealt_with(key)

    def _dealt_with(self, key: int) -> None:
        if key == self._key:
            self._key += 1
            if self._patience is not None:
                self._patience.stop()
            self.call_later(self._deal_with_next)
