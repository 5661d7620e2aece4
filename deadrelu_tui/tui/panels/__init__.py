"""The panels: they are given values and show them; none of them knows a run."""
