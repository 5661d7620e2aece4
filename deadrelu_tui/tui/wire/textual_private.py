"""Everything of Textual's that it keeps to itself and that is used here, and what happens where a version lacks it.

Nothing of it has to be there. Where a name is gone, or has another shape, Textual's own way is taken: the screen shows
the same, for more bytes or in more time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.geometry import Region, Size
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip

_WHOLE = "every update goes to the terminal in Textual's own bytes, which are more"
_READS = "the terminal is read Textual's own way, which takes some of its answers for keys"
_BREAKS = "what breaks while a frame is drawn ends the screen, with a sentence"
_BEHIND = "what lies behind a dialog is dimmed by Textual itself, which takes longer"
_CHASES = "sizes that come faster than a screen can be laid out may hold up every key"
FALLS_BACK = {
    "CompositorUpdate": _WHOLE,
    "render_segments": _WHOLE,
    "strips": _WHOLE,
    "region": _WHOLE,
    "chops": _WHOLE,
    "chop_ends": _WHOLE,
    "spans": _WHOLE,
    "_display": _WHOLE,
    "_compositor": _BEHIND,
    "_render_chops": _BEHIND,
    "XTermParser": _READS,
    "_sequence_to_key_events": _READS,
    "parse_mouse_code": _READS,
    "_dispatch_message": _BREAKS,
    "_screen_resized": _CHASES,
    "_handle_exception": _BREAKS,
    "_fatal_error": "a screen that breaks ends with Textual's traceback in place of a sentence",
}
"""Each private name, and what is done without it."""

if TYPE_CHECKING:
    from textual._compositor import CompositorUpdate
else:
    try:
        from textual._compositor import CompositorUpdate
    except ImportError:

        class CompositorUpdate:
            """Stands for a name that is gone: nothing is one of these."""


UNLIKE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of looking at something as if it had the shape that it had."""
Piece = tuple[int, int, Iterable[Segment], int, int]
"""A row, the column from which its segments stand there, and the columns, from and up to, that are to be shown."""


class Wire(Protocol):
    """What writes pieces of rows to a terminal that it knows."""

    def update(self, pieces: Iterable[Piece], console: Console) -> str:
        """Return the bytes that bring the pieces to the terminal."""

    def forget(self) -> None:
        """Know nothing of the terminal."""


class Rewritten(CompositorUpdate):
    """An update in the bytes of a wire, or in Textual's if the update does not look as expected."""

    def __init__(self, update: CompositorUpdate, wire: Wire, lost: Callable[[], None] = lambda: None) -> None:
        """Take an update, the wire, and what to do if the update cannot be shown."""
        self.update, self.wire, self.lost = update, wire, lost

    def render_segments(self, console: Console, *more: Any, **named: Any) -> str:
        """Return the bytes for the terminal."""
        pieces = pieces_of(self.update)
        if pieces is not None:
            return self.wire.update(pieces, console)
        self.wire.forget()
        try:
            return self.update.render_segments(console, *more, **named)
        except UNLIKE:  # in the middle of a resize Textual lays out what it has not rendered
            self.lost()
            return ""


def pieces_of(update: Any) -> list[Piece] | None:
    """Return what an update shows, or None if it does not look as expected."""
    try:
        return list(_chopped(update) if hasattr(update, "chops") else _laid_out(update))
    except UNLIKE:
        return None


def _laid_out(update: Any) -> Iterable[Piece]:
    # Under a dialog Textual lays out the whole screen at every change.
    x, stop = update.region.x, update.region.right
    for y, strips in enumerate(update.strips, update.region.y):
        yield y, x, list(chain.from_iterable(strips)), x, stop


def _chopped(update: Any) -> Iterable[Piece]:
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < x2 and end > x1:
                yield y, x, strip, max(x1, x), min(x2, end)


def rows_of(screen: Screen[Any], region: Region) -> list[Strip] | None:
    """Return the rows of a region of a screen, or None if Textual does not give them away."""
    wanted: Callable[[int], bool] = lambda y: region.y <= y < region.bottom  # noqa: E731
    try:
        chops: Any = screen._compositor._render_chops(region, wanted)
        return [Strip.join(chop.values()) for chop in chops[region.y : region.bottom]]
    except UNLIKE:
        return None


def _let_all_survive() -> None:
    """Have whatever takes messages go on with the next one after one that broke, if the application survives that.

    Textual's own way is to take no more of them: a dialog that is dead then stands for ever, and holds up every key.
    """
    dispatch = getattr(MessagePump, "_dispatch_message", None)
    if dispatch is None or hasattr(dispatch, "survives"):
        return

    async def surviving(self: MessagePump, message: Message) -> None:
        try:
            await dispatch(self, message)
        except Exception as error:
            if not (isinstance(self.app, Overriding) and self.app.survives(error)):
                raise

    surviving.survives = True  # type: ignore[attr-defined]
    MessagePump._dispatch_message = surviving  # type: ignore[method-assign]


def _let_sizes_settle() -> None:
    """Have a screen lay itself out for the size that the terminal has, not for one that it had.

    Textual takes that of the message, and tells the screen by another one that it has changed. Two sizes that stand in
    line with something between them bring each other forth for ever, and no key is heard any more.
    """
    resized = getattr(Screen, "_screen_resized", None)
    if resized is None or hasattr(resized, "settles"):
        return

    def settling(self: Screen[Any], size: Size) -> None:
        resized(self, self.app.size)

    settling.settles = True  # type: ignore[attr-defined]
    Screen._screen_resized = settling  # type: ignore[method-assign]


class Overriding(App[None]):
    """An application that writes over a wire, goes on when a frame breaks, and leaves without a traceback."""

    wire: Wire
    error: BaseException | None
    """What broke the screen, if Textual says so."""

    def __init__(self, **of_any_app: Any) -> None:
        _let_all_survive()
        _let_sizes_settle()
        super().__init__(**of_any_app)

    def lost(self) -> None:
        """Have everything drawn anew, soon: a frame could not be."""
        raise NotImplementedError

    def survives(self, error: BaseException) -> bool:
        """Return whether to go on after an error, for the next frame may be drawn."""
        raise NotImplementedError

    def _display(self, *args: Any, **named: Any) -> Any:
        """Let what Textual shows go over the wire, whatever else it says with it."""
        return super()._display(
            *map(self._rewritten, args), **{key: self._rewritten(each) for key, each in named.items()}
        )

    def _rewritten(self, shown: Any) -> Any:
        # An update that is asked for its bytes by another name would answer with none.
        known = isinstance(shown, CompositorUpdate) and hasattr(CompositorUpdate, "render_segments")
        return Rewritten(shown, self.wire, self.lost) if known else shown

    def _handle_exception(self, error: Exception) -> None:
        """Lose a frame rather than the run."""
        if not self.survives(error):
            super()._handle_exception(error)

    def _fatal_error(self, *_args: Any, **_named: Any) -> None:
        """Leave without the traceback that Textual would print: the command prints a sentence and logs the rest."""
        self.error = self.error or sys.exc_info()[1]  # what breaks after it, breaks because of it
        self.exit(return_code=1)


try:
    from textual._xterm_parser import XTermParser as _Parser
except ImportError:
    _Parser = None  # type: ignore[assignment, misc]


class Keys:
    """What Textual makes of a whole sequence; nothing if it does not know it."""

    def __init__(self) -> None:
        self._parser: Any = _Parser()

    @staticmethod
    def there() -> bool:
        """Return whether Textual has what this takes; its own way of reading the terminal is taken if not."""
        return all(hasattr(_Parser, each) for each in ("_sequence_to_key_events", "parse_mouse_code"))

    def pressed(self, sequence: str) -> list[events.Key]:
        """Return the keys of a character or a sequence."""
        try:
            keys = list(self._parser._sequence_to_key_events(sequence))
        except (*UNLIKE, OverflowError):  # a number in it is too large, or is none
            return []
        return [each for each in keys if each.key != "<ignore>"]

    def moused(self, sequence: str) -> list[Message]:
        """Return what the mouse did."""
        try:
            message = self._parser.parse_mouse_code(sequence)
        except (*UNLIKE, OverflowError):
            return []
        return [] if message is None else [message]
