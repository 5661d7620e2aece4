"""From a history to what is wrong with the run, and why."""
