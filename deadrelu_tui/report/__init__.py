"""Recorded runs as text: lists, one of them at length, several side by side."""
