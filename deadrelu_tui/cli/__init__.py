"""The command line: commands to front ends. The composition root, the one place that sees both sides."""

from deadrelu_tui.cli.entry import main
from deadrelu_tui.cli.screen import main_command

__all__ = ["main", "main_command"]
