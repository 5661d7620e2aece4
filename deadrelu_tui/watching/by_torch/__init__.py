"""Watching a network of PyTorch's."""
