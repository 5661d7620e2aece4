"""What a cell of a panel can be: one component class of the screen for each."""

from __future__ import annotations

from deadrelu_tui.tui.panels.cells import BORDER_ROLES
from deadrelu_tui.tui.panels.event_list import EVENT_ROLES
from deadrelu_tui.tui.panels.phase_panel import PHASE_ROLES
from deadrelu_tui.tui.panels.picture import LEVELS
from deadrelu_tui.tui.panels.unit_map import UNIT_ROLES
from deadrelu_tui.tui.plot.chart import ROLES

ROLE_CLASSES = {f"role--{role}" for role in (*BORDER_ROLES, *ROLES, *UNIT_ROLES, *EVENT_ROLES, *LEVELS, *PHASE_ROLES)}
"""The component classes of a screen that holds panels: one for each role of their cells."""
