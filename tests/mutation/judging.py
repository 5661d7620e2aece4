"""What a worker does: one change after the other, each judged by the tests that run its lines.

Workers load this by its name, which they could not of what is run as a script.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import trial
from changes import Site, sites
from touched import Touched
from trial import ROOT, Chosen


def tree_of(module: str) -> ast.Module:
    """Return a module of the package, parsed."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def key(module: str, site: Site) -> str:
    """Return what names a change, whatever its line is."""
    place = " ".join(filter(None, (module.removeprefix("deadrelu_tui/"), site.within)))
    return f"{place}: {_short(site.was)} → {_short(site.now)}"


def _short(source: str) -> str:
    lines = source.splitlines()
    text = lines[0] if len(lines) == 1 else f"{lines[0]} …"
    return text if len(text) < 90 else f"{text[:89]}…"


@cache
def _worker() -> tuple[Path, Touched]:
    touched = Touched()
    folder = trial.make_copy()
    trial.preload()
    return folder, touched


@cache
def _shaky(module: str) -> tuple[str, ...]:
    """Return the tests that fail in the copy with nothing changed."""
    folder, touched = _worker()
    failed: list[str] = []
    for part in touched.tests(module, None):
        failed += trial.failing(folder, module, ast.unparse(tree_of(module)), part, every=True) or []
    return tuple(failed)


def judge(module: str, index: int) -> dict[str, Any]:
    """Try one change of a module."""
    folder, touched = _worker()
    tree = tree_of(module)
    site = sites(tree)[index]
    parts: list[Chosen] = touched.tests(module, (site.first, site.last), _shaky(module))
    source = site.source(tree)
    found = None
    for part in parts:
        found = trial.failing(folder, module, source, part)
        if found is not None:
            break
    return {
        "module": module, "index": index, "line": site.first, "kind": site.kind, "key": key(module, site),
        "noticed": found is not None, "by": found[0] if found else None,
        "tests": sum(len(each.names) for each in parts),
    }  # fmt: skip
