"""Which tests run which line: told by coverage.py, with a context for each test, and kept until a file changes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from trial import ROOT, Chosen

KEPT = ROOT / "build" / "mutation"
IN_PROCESS = ("record", "diagnosis", "run", "builtin", "engine", "export", "screen")
"""Folders of tests that run the package in their own process, where coverage sees it."""
AT_MOST = 60.0
"""Seconds of tests for one change: those of the module's own file first, then of its folder, then the shortest."""
_OWN = {"record": "record", "diagnosis": "diagnosis", "run": "run", "builtin": "builtin", "engine": "engine",
        "export": "export",
        "tui": "screen", "headless.py": "run", "doctor.py": "run"}  # fmt: skip


class Touched:
    """What a run of all tests told: the tests of each line, and how long each took."""

    def __init__(self) -> None:
        self._measure()
        from coverage import CoverageData

        self._data = CoverageData(str(KEPT / "coverage"))
        self._data.read()
        self._seconds = dict(_durations())
        self._files = {str(Path(each).relative_to(ROOT)): each for each in self._data.measured_files()}

    def _measure(self) -> None:
        newest = max(each.stat().st_mtime for each in (ROOT / "deadrelu_tui").rglob("*.py"))
        changed = [each for each in _test_files() if not _is_newer(KEPT / "coverage", each.stat().st_mtime)]
        whole = not _is_newer(KEPT / "coverage", newest)
        if whole or changed:
            KEPT.mkdir(parents=True, exist_ok=True)
            files = _test_files() if whole else changed
            print(f"measuring which tests run which line ({len(files)} files) …", file=sys.stderr, flush=True)
            number = 0 if whole else len(list(KEPT.glob("times-*.xml")))
            if whole:
                for each in KEPT.glob("times-*.xml"):
                    each.unlink()
            subprocess.run(
                [sys.executable, "-m", "pytest", "-n", "auto", "--cov=deadrelu_tui", "--cov-context=test",
                 "--cov-report=", *([] if whole else ["--cov-append"]),
                 f"--junitxml={KEPT / f'times-{number:03}.xml'}", *map(str, files)],
                cwd=ROOT, env={**os.environ, "COVERAGE_FILE": str(KEPT / "coverage")}, check=False,
            )  # fmt: skip

    @cached_property
    def _importers(self) -> dict[str, set[str]]:
        """Which modules import each module, by their files."""
        return _imported_by((ROOT / "deadrelu_tui").rglob("*.py"))

    @cached_property
    def _readers(self) -> dict[str, set[str]]:
        """Which files of tests import each module."""
        return _imported_by(_test_files())

    def tests(self, module: str, lines: tuple[int, int] | None, without: Iterable[str] = ()) -> list[Chosen]:
        """Return the tests that run some lines, in two parts: those of the module's own folder, and the others.

        Of lines that run when the module is imported: those that run anything of it, or of what imports it, and those
        of the files that import it, for to read a constant runs no line of it.
        """
        names = self._of(module, lines) if lines is not None else set()
        if not names:
            names = set().union(*(self._of(each, None) for each in (module, *self._importers.get(module, ()))))
            names |= {each for each in self._seconds if each.split("::")[0] in self._readers.get(module, ())}
        names -= set(without)
        of_its_own = f"/test_{Path(module).stem}.py::"
        own = f"tests/{_OWN.get(module.split('/')[1], '')}/"
        parts, left = [], AT_MOST
        for part in (
            [each for each in names if each.startswith(own)],
            [each for each in names if not each.startswith(own)],
        ):
            taken, seconds = [], 0.0
            for each in sorted(part, key=lambda each: (of_its_own not in each, self._seconds[each], each)):
                if seconds + self._seconds[each] > left:
                    break
                taken.append(each)
                seconds += self._seconds[each]
            left -= seconds
            if taken:
                parts.append(Chosen(tuple(taken), seconds))
        return parts

    def _of(self, module: str, lines: tuple[int, int] | None) -> set[str]:
        if module not in self._files:
            return set()
        by_line = self._data.contexts_by_lineno(self._files[module])
        numbers = by_line if lines is None else range(lines[0], lines[1] + 1)
        told = {context.split("|")[0] for number in numbers for context in by_line.get(number, ())}
        return told & self._seconds.keys()


def _imported_by(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Return which of some files import each module of the package, by their names in the project."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names)):
                    found.setdefault(name.replace(".", "/") + ".py", set()).add(str(path.relative_to(ROOT)))
    return found


def _is_newer(path: Path, than: float) -> bool:
    return path.is_file() and path.stat().st_mtime > than


def _test_files() -> list[Path]:
    return sorted(each for folder in IN_PROCESS for each in (ROOT / "tests" / folder).glob("test_*.py"))


def _durations() -> Iterable[tuple[str, float]]:
    """Yield each test that passed, and what it took, in seconds."""
    for path in sorted(KEPT.glob("times-*.xml")):
        for case in ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is None and case.find("error") is None and case.find("skipped") is None:
                file = case.get("classname", "").replace(".", "/") + ".py"
                yield f"{file}::{case.get('name')}", float(case.get("time", 0)) + 0.002
