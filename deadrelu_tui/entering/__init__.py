"""Has text of ours run in the main thread of a Python process that already runs."""
