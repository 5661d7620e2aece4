"""Watch ReLUs die, live in the terminal, while an MLP trains on Fashion-MNIST."""

from deadrelu_tui import clocks

__version__ = "0.1.0"

clocks.mend()
