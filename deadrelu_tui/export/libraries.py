"""What the formats need beyond the base, and what is said where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deadrelu_tui.errors import InputError, in_a_line

INSTALL = "pip install 'deadrelu-tui[export]'"


@contextmanager
def needed(library: str) -> Iterator[None]:
    """Turn a failing import of a library into a line that says what to type."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"this needs {library}, which is not installed; type: {INSTALL}") from error
    except ImportError as error:
        raise InputError(f"{library} cannot be loaded ({in_a_line(error)}); type: {INSTALL}") from error
