"""Watching a network of Gluon's."""
