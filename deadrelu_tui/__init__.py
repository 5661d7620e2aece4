"""Watch ReLUs die, live in the terminal, while an MLP trains on Fashion-MNIST."""

__version__ = "0.1.0"
