"""Finds what a script trains: its model, optimizer, loss and a batch, by what the script does with them.

Nothing is imported that the script does not import: it is noticed when a framework is.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deadrelu_tui import places

if TYPE_CHECKING:
    from types import ModuleType

Tell = Callable[..., None]


class Finding:
    """Waits for a framework to be imported, then for a network to be trained."""

    def __init__(self, wanted: Mapping[str, Any], tell: Tell) -> None:
        """Take how it is to be watched, and who is told what was found."""
        self.wanted, self.tell = wanted, tell
        places.told = Path(wanted["runs"])

    def begin(self) -> None:
        """Be there when a framework is imported."""
        sys.meta_path.insert(0, _Noticing("torch", self._torch))

    def _torch(self) -> None:
        from deadrelu_tui.watching.by_torch.finding import Found

        Found(self.wanted, self.tell).begin()


class _Noticing(importlib.abc.MetaPathFinder):
    """Is told when a module is looked for, has the others find it, and says when it was imported."""

    def __init__(self, name: str, imported: Callable[[], None]) -> None:
        self._name, self._imported = name, imported

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how the module is loaded, with a word to us at its end; None for all others."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            imported = self._imported
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                execute(module)
                try:
                    imported()
                except Exception as error:  # the script is not to suffer from it
                    print(f"deadrelu-tui: not watching, the training goes on: {error}", file=sys.stderr)

            loader.exec_module = exec_module
        return spec
