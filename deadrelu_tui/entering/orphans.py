"""Pages that somebody has left behind who was killed while entering."""

from __future__ import annotations

import os

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.prologue import BEGUN, JOINER, LEFT, MAGIC, QUEUED, SIZE, TEXTS, TO_THE_JOINER
from deadrelu_tui.entering.target import Target


def orphans(target: Target) -> list[tuple[int, int]]:
    """Return address and size of each page that nobody waits for and nothing in the process needs.

    One whose text was never queued is, and one that was left to who had joined. All others the process gives back
    itself. It must have been turned aside since, which tells that what had been begun before is done.
    """
    found = []
    for each in proc.maps(target.pid):
        if each.path or each.rights != "rw-p" or each.end - each.start < TEXTS:
            continue
        head = target.read(each.start, LEFT + 32) or b""
        if not head.startswith(MAGIC) or _word(head, SIZE) != each.end - each.start:
            continue
        if (head[QUEUED] == 0 and head[BEGUN] == 0) or head[LEFT] == TO_THE_JOINER:
            joiner = _word(head, JOINER)
            if joiner and not os.path.exists(f"/proc/{joiner}"):
                found.append((each.start, each.end - each.start))
    return found


def _word(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "little")
