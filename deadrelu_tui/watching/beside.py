"""A thread of our own beside a training's, that keeps no program from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Beside(Executor):
    """Does one thing, in a daemon's thread. The library's own executors are waited for before anybody is told that the
    program ends.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do something now; return what will have come of it."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="watching", daemon=True).start()
        return future
