"""From a history to charts, as plain functions."""
