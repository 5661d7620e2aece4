"""Change the package at random, one small change at a time, and tell which changes no test notices.

python tests/mutation [--each N] [--seed N] [--survivors] [MODULE ...]
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from changes import sites
from judging import judge, key, tree_of
from touched import KEPT, Touched
from trial import ROOT

EXPLAINED = Path(__file__).parent / "survivors.md"


def modules(wanted: list[str]) -> list[str]:
    """Return the files of some modules or folders of the package; of all that have something to change."""
    files = sorted((ROOT / "deadrelu_tui").rglob("*.py"))
    names = [str(each.relative_to(ROOT)) for each in files if sites(tree_of(str(each.relative_to(ROOT))))]
    return [each for each in names if not wanted or any(one in each for one in wanted)]


def sampled(module: str, each: int, seed: int) -> list[int]:
    """Return which of a module's changes are tried."""
    count = len(sites(tree_of(module)))
    return sorted(random.Random(f"{seed} {module}").sample(range(count), min(each, count)))


# Telling


def explained() -> dict[str, str]:
    """Return why some changes cannot be noticed, or need not be, by what names them."""
    if not EXPLAINED.is_file():
        return {}
    rows = (line.split(" — ", 1) for line in EXPLAINED.read_text(encoding="utf-8").splitlines() if " — " in line)
    return {row[0].removeprefix("- ").strip("`"): row[1] for row in rows}


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the score of each module, and of all."""
    yield "| module | changes | noticed | score |"
    yield "|---|---|---|---|"
    names = sorted({row["module"] for row in rows})
    for name in [*names, ""]:
        own = [row for row in rows if name in ("", row["module"])]
        noticed = sum(row["noticed"] for row in own)
        yield f"| {name.removeprefix('deadrelu_tui/') or 'all'} | {len(own)} | {noticed} | {noticed / len(own):.2f} |"


def main() -> None:
    """Try the changes that are asked for; tell the score, and each change that went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="part of a file's name; all without one")
    parser.add_argument("--each", type=int, default=25, metavar="N", help="changes of each module (25)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which ones (1)")
    parser.add_argument("--survivors", action="store_true", help="only those that went unnoticed the last time")
    asked = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    Touched()  # measured once, before the workers ask
    names, last = modules(asked.modules), KEPT / "last.jsonl"
    if asked.survivors:
        known = [json.loads(line) for line in last.read_text(encoding="utf-8").splitlines()]
        wanted = {row["key"] for row in known if not row["noticed"]}
        jobs = [(name, index) for name in names for index, site in enumerate(sites(tree_of(name)))
                if key(name, site) in wanted]  # fmt: skip
    else:
        jobs = [(name, index) for name in names for index in sampled(name, asked.each, asked.seed)]
    rows, reasons = [], explained()
    with (
        ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool,
        (KEPT / "now.jsonl").open("w", encoding="utf-8") as out,
    ):
        for count, done in enumerate(pool.map(judge, *zip(*jobs, strict=True)), 1):
            rows.append(done)
            print(json.dumps(done, ensure_ascii=False), file=out, flush=True)
            if not done["noticed"]:
                where = f"{done['module']}:{done['line']}"
                why = reasons.get(done["key"])
                print(f"{count}/{len(jobs)} {where}  {done['key'].split(': ', 1)[1]}"
                      + (f"  — {why}" if why else f"  ({done['tests']} tests)"), flush=True)  # fmt: skip
    (KEPT / "now.jsonl").replace(last)
    print(*table(rows), sep="\n")


if __name__ == "__main__":
    main()
