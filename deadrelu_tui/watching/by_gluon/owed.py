"""Errors of the training's own that reach us first.

MXNet computes later than it is asked to, and tells an error once, to whoever reads first: from then on all reads go
well. So what we meet when we read is kept, and raised where the training goes on, which would have met it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from deadrelu_tui.watching.by_gluon.theirs import mx


class Owed:
    """Keeps an error until it can be handed over."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what MXNet raises meanwhile."""
        try:
            yield
        except mx.base.MXNetError as error:
            self._error = self._error or error

    def wait_for(self, arrays: Iterable[Any]) -> None:
        """Wait until the training's own arrays are computed."""
        with self.kept():
            for each in arrays:
                each.wait_to_read()

    def hand_over(self) -> None:
        """Raise what is owed, in the training's thread."""
        if (error := self.take()) is not None:
            raise error

    def take(self) -> BaseException | None:
        """Return what is owed, which is no longer."""
        error, self._error = self._error, None
        return error
