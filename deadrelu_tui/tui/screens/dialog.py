"""What all dialogs share."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """A screen over the monitor that is answered once, however fast the keys come."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Answer and close; do nothing if it is closing already."""
        return super().dismiss(result) if self.is_current else AwaitComplete()
