"""The one exception that a user meets as a sentence instead of a traceback."""


class InputError(Exception):
    """Something given to us cannot be used.

    The message is one line that says what was wrong and what is allowed; every command prints it and ends
    with exit code 2.
    """
