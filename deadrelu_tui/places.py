"""Where things of a user lie."""

from __future__ import annotations

from pathlib import Path

told: Path | None = None
"""Where runs lie as whoever has begun this process says; None for the usual place."""


def runs_folder() -> Path:
    """Return where runs are recorded."""
    if told is not None:
        return told
    import platformdirs

    return Path(platformdirs.user_data_dir("deadrelu-tui")) / "runs"


def state_folder() -> Path:
    """Return where the log lies, and what was chosen last."""
    import platformdirs

    return Path(platformdirs.user_state_dir("deadrelu-tui"))
