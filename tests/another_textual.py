"""The monitor on another Textual: one in which names that it keeps to itself are called otherwise.

Run with such names as arguments this prints, as JSON, what a terminal shows and how the monitor ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType, SimpleNamespace

import pyte

MODULE = "textual._compositor"
SIZE = (80, 24)


class Renamed(SourceFileLoader):
    """Loads a module with some names in it called otherwise, everywhere and alike."""

    names: Sequence[str] = ()

    def get_code(self, fullname: str) -> CodeType | None:
        source = self.get_source(fullname) or ""
        changed = source
        for name in self.names:
            if name == MODULE:
                changed = re.sub(rf"\b{MODULE}\b", f"{MODULE}_of_another", changed)
            elif name.startswith("_"):
                changed = re.sub(rf"(?<!textual\.)\b{name}\b", f"{name}_of_another", changed)
            elif name[0].isupper() or "_" in name:
                changed = re.sub(rf"\b{name}\b", f"{name}_of_another", changed)
            elif self.path.endswith("_compositor.py"):  # a word as common as this is kept elsewhere
                changed = re.sub(rf"\bself\.{name}\b", f"self.{name}_of_another", changed)
        return super().get_code(fullname) if changed == source else compile(changed, self.path, "exec")


class AnotherTextual(MetaPathFinder):
    """Finds Textual with some names called otherwise."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "textual":
            return None
        if fullname == MODULE and MODULE in self.names:
            raise ModuleNotFoundError(f"no {fullname} in another Textual", name=fullname)
        spec = PathFinder.find_spec(fullname.removesuffix("_of_another"), path, target)
        if spec is None or spec.origin is None or not isinstance(spec.loader, SourceFileLoader):
            return spec
        loader = Renamed(fullname, spec.origin)
        loader.names = self.names
        return spec_from_file_location(
            fullname, spec.origin, loader=loader, submodule_search_locations=spec.submodule_search_locations
        )


async def shown() -> dict[str, object]:
    """Return what a terminal shows of the monitor, of a dialog over it, and of the monitor after that."""
    from apps import monitor
    from stories import TRAGEDY, Stage, runs
    from textual.drivers.headless_driver import HeadlessDriver

    from deadrelu_tui.tui.panels import lines

    setattr(lines, "time", SimpleNamespace(strftime=lambda _: "14:02:31"))  # noqa: B010
    terminal = pyte.Screen(*SIZE)
    stream = pyte.Stream(terminal)
    sent: list[str] = []

    class Drawn(HeadlessDriver):
        is_headless = False

        def write(self, data: str) -> None:
            sent.append(data)
            stream.feed(data.replace("\n", "\r\n"))

    stage = Stage()
    app = monitor(TRAGEDY.settings, runs(iter([(stage.training(TRAGEDY, rest_at=60), stage)])))
    app.driver_class = Drawn
    pictures: list[list[str]] = []
    async with app.run_test(headless=False, size=SIZE) as pilot:
        for keys in ([], ["question_mark"], ["escape"], ["shift+tab"]):
            await pilot.press(*keys)
            still = 0
            while still < 10:
                before = list(terminal.display)
                await pilot.pause(0.02)
                still = still + 1 if terminal.display == before and any(map(str.strip, before)) else 0
            pictures.append(list(terminal.display))
        app.exit()
    stage.shutdown()
    app.close()
    return {"pictures": pictures, "bytes": len("".join(sent).encode()), "code": app.return_code}


async def broken() -> dict[str, object]:
    """Return how the monitor ends when something in it breaks."""
    from apps import monitor
    from stories import TRAGEDY, Stage, runs

    from deadrelu_tui.tui.app import MonitorApp

    def breaking(_: MonitorApp) -> None:
        raise ZeroDivisionError("broken")

    stage = Stage()
    setattr(MonitorApp, "on_ready", breaking)  # noqa: B010
    app = monitor(TRAGEDY.settings, runs(iter([(stage.training(TRAGEDY, rest_at=60), stage)])))
    await asyncio.wait_for(app.run_async(headless=True, size=SIZE), 60)
    stage.shutdown()
    app.close()
    return {"code": app.return_code, "error": str(app.error)}


def main() -> None:
    """Print what is shown and how it ends."""
    sys.meta_path.insert(0, AnotherTextual(sys.argv[1:]))
    print(json.dumps({"shown": asyncio.run(shown()), "broken": asyncio.run(broken())}))


if __name__ == "__main__":
    main()
