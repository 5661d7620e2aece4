"""A run and what reaches into it: controls, status, and the thread that trains."""
