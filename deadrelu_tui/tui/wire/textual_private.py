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
from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip

_WHOLE = "every update goes to the terminal in Textual's own bytes, which are more"
_BEHIND = "what lies behind a dialog is dimmed by Textual itself, which takes longer"
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

    def __init__(self, update: CompositorUpdate, wire: Wire) -> None:
        self.update, self.wire = update, wire

    def render_segments(self, console: Console, *more: Any, **named: Any) -> str:
        """Return the bytes for the terminal."""
        pieces = pieces_of(self.update)
        if pieces is not None:
            return self.wire.update(pieces, console)
        self.wire.forget()
        return self.update.render_segments(console, *more, **named)


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


class Overriding(App[None]):
    """An application that writes over a wire, and leaves without a traceback when it breaks."""

    wire: Wire
    error: BaseException | None
    """What broke the screen, if Textual says so."""

    def _display(self, *args: Any, **named: Any) -> Any:
        """Let what Textual shows go over the wire, whatever else it says with it."""
        return super()._display(
            *map(self._rewritten, args), **{key: self._rewritten(each) for key, each in named.items()}
        )

    def _rewritten(self, shown: Any) -> Any:
        # An update that is asked for its bytes by another name would answer with none.
        known = isinstance(shown, CompositorUpdate) and hasattr(CompositorUpdate, "render_segments")
        return Rewritten(shown, self.wire) if known else shown

    def _fatal_error(self, *_args: Any, **_named: Any) -> None:
        """Leave without the traceback that Textual would print: the command prints a sentence and logs the rest."""
        self.error = self.error or sys.exc_info()[1]  # what breaks after it, breaks because of it
        self.exit(return_code=1)
