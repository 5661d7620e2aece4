"""What a rule found, as names and numbers. `telling` has the sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deadrelu_tui.record.commands import Command

Remedy = tuple[Command, ...]
"""Commands, all of which the run can obey."""


@dataclass(frozen=True)
class Cause:
    """Why something is as it is."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and names, whatever the kind needs to be told."""


@dataclass(frozen=True)
class Finding:
    """What a rule found."""

    rule: str
    """The field's name of the rule; empty for a network with which no rule found fault."""
    word: str
    """The verdict that it implies; empty for a note."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a rule has to tell beyond what stands below."""
    cause: Cause | None = None
    """None if nothing can be told."""
    remedy: Remedy = ()
    """What would test the cause."""
    value: float = math.nan
    threshold: float = math.nan
    step: int = 0
    """The step since which it holds, unbroken."""
    layer: str = ""
    """Layer or parameter."""
    hints: tuple[str, ...] = ()
    """What would mend it beyond what this run can be asked for, in words: to be changed where it was begun."""
    tried: float | None = None
    """The accuracy to which the remedy came when it was tried; None if it was not."""
