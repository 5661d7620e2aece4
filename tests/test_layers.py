"""The walls of the design: who may import what, looked at in fresh interpreters and in the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import deadrelu_tui
from deadrelu_tui.builtin import needs
from deadrelu_tui.tui.wire.textual_private import FALLS_BACK

PACKAGE = Path(deadrelu_tui.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
TUI = [path for path in SOURCES if (PACKAGE / "tui") in path.parents]
CLI = {str(path.relative_to(PACKAGE)) for path in SOURCES if (PACKAGE / "cli") in path.parents}
PRIVATE = PACKAGE / "tui" / "wire" / "textual_private.py"
ALSO_PUBLIC = {"region", "spans", "strips"}
"""Words that Textual keeps to itself in one place and not in another."""
FOREIGN = {"mxnet", "torch", "textual", "rich", "plotext", "click", "deadrelu_tui.engine", "deadrelu_tui.tui"}
_LIBRARIES = {"mxnet", "textual", "rich", "plotext", "click", "platformdirs", "tqdm", "torch"}
_OF_FORMATS = {"pyarrow", "matplotlib", "tensorboardX", "google.protobuf"}
_NAMES = (
    "record", "diagnosis", "run", "builtin", "engine", "watching", "entering", "tui", "headless", "export", "report",
    "theory", "article", "sweep",
)  # fmt: skip
_ROOMS = {f"deadrelu_tui.{name}" for name in _NAMES}
WALLS = {
    "record": _LIBRARIES | _ROOMS - {"deadrelu_tui.record"},
    "diagnosis": _LIBRARIES | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.diagnosis"},
    "run": _LIBRARIES | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.diagnosis", "deadrelu_tui.run"},
    "watching": _LIBRARIES
    | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.diagnosis", "deadrelu_tui.run", "deadrelu_tui.watching"},
    "entering": _LIBRARIES | _ROOMS - {"deadrelu_tui.entering"} | {"numpy", "elftools"},
    "builtin": _LIBRARIES - {"platformdirs"} | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.builtin"},
    "export": _LIBRARIES
    | _OF_FORMATS
    | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.diagnosis", "deadrelu_tui.export"},
    "article": _LIBRARIES | _ROOMS - {"deadrelu_tui.record", "deadrelu_tui.article"},
    "theory": _LIBRARIES | _ROOMS - {"deadrelu_tui.theory"},
    "sweep": _LIBRARIES
    | {"dask", "distributed", "cryptography"}
    | _ROOMS - {f"deadrelu_tui.{each}" for each in ("record", "diagnosis", "run", "builtin", "sweep")},
    "report": _LIBRARIES - {"platformdirs", "tqdm"} | {"deadrelu_tui.engine", "deadrelu_tui.tui"},
    "tui": {"mxnet", "torch", "deadrelu_tui.engine", "deadrelu_tui.headless"},
}
"""Of each room what it may not know: a rule a folder."""
FRAMEWORKS = {"by_torch", "by_gluon"}
"""Folders within rooms that need a library which may not be there."""


def loaded(modules: list[str], forbidden: set[str]) -> set[str]:
    """Return which of the forbidden modules are there once a fresh interpreter has imported the others."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*(name for name in {sorted(forbidden)!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def named(path: Path) -> str:
    return ".".join(("deadrelu_tui", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a source imports, at its top or anywhere within."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(package: str) -> set[str]:
    """Return the sources that import a package or anything in it."""
    return {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if any(name == package or name.startswith(package + ".") for name in imports(path))
    }


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def defined(tree: ast.AST) -> set[str]:
    """Return the names that a source gives to functions and attributes of its own."""
    functions = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    return functions | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


@pytest.mark.parametrize("room", WALLS)
def test_a_room_knows_nothing_beyond_its_walls(room: str) -> None:
    modules = [named(path) for path in SOURCES if (PACKAGE / room) in path.parents and not FRAMEWORKS & set(path.parts)]
    assert modules
    assert loaded(modules, WALLS[room]) == set()


def test_a_list_of_runs_needs_no_numpy() -> None:
    assert loaded(["deadrelu_tui.cli", "deadrelu_tui.run.index", "deadrelu_tui.report.listing"], {"numpy"}) == set()


def test_every_module_stands_in_a_room_but_front_ends_callbacks_their_end_errors_wording_and_clocks() -> None:
    outside = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert outside == {
        "headless", "doctor", "ending", "errors", "wording", "ascii", "strict_json", "clocks", "places", "lightning",
        "hf",
    }  # fmt: skip


def test_the_command_line_loads_neither_engine_nor_screen_until_one_is_wanted() -> None:
    assert loaded(["deadrelu_tui.cli"], FOREIGN - {"click"}) == set()


def test_the_screen_never_loads_the_engine() -> None:
    if not TUI:
        pytest.skip("there is no screen yet")
    assert loaded([named(path) for path in TUI], {"mxnet", "deadrelu_tui.engine"}) == set()


def test_the_training_and_its_numpy_engine_load_neither_another_engine_nor_the_screen() -> None:
    others = {"by_mxnet", "by_torch"}
    modules = [named(each) for each in SOURCES if (PACKAGE / "engine") in each.parents and not others & {*each.parts}]
    assert loaded(modules, FOREIGN | {f"deadrelu_tui.engine.{each}" for each in others}) == {"deadrelu_tui.engine"}


@pytest.mark.skipif(needs.mxnet_lack() is not None, reason="MXNet is not installed")
def test_the_mxnet_engine_never_loads_the_screen() -> None:
    assert loaded(["deadrelu_tui.engine.by_mxnet.model"], FOREIGN) == {"mxnet", "deadrelu_tui.engine"}


@pytest.mark.skipif(needs.torch_lack() is not None, reason="PyTorch is not installed")
def test_the_pytorch_engine_loads_neither_mxnet_nor_the_screen() -> None:
    assert loaded(["deadrelu_tui.engine.by_torch.model"], FOREIGN) == {"torch", "deadrelu_tui.engine"}


def test_only_one_module_of_an_engine_imports_its_library() -> None:
    assert importers("mxnet") == {"engine/by_mxnet/runtime.py"}
    assert {each for each in importers("torch") if not each.startswith("watching/by_torch/")} == {
        "engine/by_torch/runtime.py"
    }


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_watching_a_network_of_torch_loads_neither_the_screen_nor_an_engine() -> None:
    modules = [named(path) for path in SOURCES if (PACKAGE / "watching" / "by_torch") in path.parents]
    assert loaded(modules, FOREIGN | {"platformdirs", "deadrelu_tui.cli"}) == {"torch"}


@pytest.mark.parametrize(("name", "library"), [("lightning", "lightning.pytorch"), ("hf", "transformers")])
def test_a_callback_needs_its_own_library_and_none_of_the_screens(name: str, library: str) -> None:
    if find_spec(library.partition(".")[0]) is None:
        pytest.skip(f"{library} is not installed (pip install '.[test-watch]')")
    others = {"deadrelu_tui.engine", "deadrelu_tui.tui", "deadrelu_tui.cli", "textual", "plotext", library}
    assert loaded([f"deadrelu_tui.{name}"], others) == {library}
    assert importers(library.partition(".")[0]) == {f"{name}.py"}


def test_only_the_screen_imports_textual_and_rich() -> None:
    for package in ("textual", "rich"):
        assert {name.partition("/")[0] for name in importers(package)} <= {"tui"}


def test_only_what_reads_symbols_imports_the_library_for_it() -> None:
    assert importers("elftools") == {"entering/elf.py"}


def test_each_library_of_a_format_is_imported_by_what_writes_it() -> None:
    assert importers("pyarrow") == {"export/as_parquet.py"}
    assert importers("tensorboardX") == {"export/as_tensorboard.py"}
    assert importers("matplotlib") == {"export/as_picture.py"}


def test_only_one_module_knows_what_textual_keeps_to_itself() -> None:
    sources = {path: ast.parse(path.read_text(encoding="utf-8")) for path in TUI if path != PRIVATE}
    words = {name for name in FALLS_BACK if name not in ALSO_PUBLIC}
    own = {name for tree in sources.values() for name in defined(tree)} - words
    mentioned = {
        f"{named(path)} mentions {node.attr} in line {node.lineno}"
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id == "os")
        and (node.attr in words or (is_private(node.attr) and node.attr not in own))
    }
    overridden = {f"{named(path)} overrides {name}" for path, tree in sources.items() for name in defined(tree) & words}
    imported = {
        f"{named(path)} imports {name}"
        for path in sources
        for name in imports(path)
        if name.partition(".")[0] in ("textual", "rich") and any(map(is_private, name.split(".")))
    }
    assert mentioned | overridden | imported == set()


def test_only_one_module_imports_plotext() -> None:
    assert importers("plotext") <= {"tui/plot/chart.py"}


def test_only_the_command_line_imports_both_sides() -> None:
    assert {name for name in importers("deadrelu_tui.engine") if not name.startswith("engine/")} <= CLI
    assert {name for name in importers("deadrelu_tui.tui") if not name.startswith("tui/")} <= CLI


def test_only_the_command_line_imports_click() -> None:
    assert importers("click") <= CLI
