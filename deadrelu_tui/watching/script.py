"""Runs somebody's script as it is, in its own interpreter, and watches the network that it trains.

Python is started with this file in place of the script. Nothing is put on its path: the package is made known by where
it lies, and of it only what needs NumPy and the standard library is ever imported. What the script prints, reads and
raises is its own.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from typing import Any, NoReturn

VARIABLE = "DEADRELU_SCRIPT"
"""Where whoever starts this says how it is to be watched, as JSON; it is taken out of the environment at once."""
OLDEST = (3, 10)


def main() -> None:
    """Run the script, the module or the code that the command line names."""
    told = json.loads(os.environ.pop(VARIABLE))
    said = Said(told["tell"])
    sys.argv, kind, what = told["argv"], told["kind"], told["what"]
    for stream in (sys.stdout, sys.stderr):
        if told.get("file") and hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a file would be written in blocks, and somebody reads along
    _watch(told, said)
    _as_main(kind, what, told["path"])


class Said:
    """Tells whoever has started this what comes of the watching."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            # Whoever listens is to hear the script's end, not that of something it has forked.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __call__(self, **told: Any) -> None:
        """Tell something, in a line of JSON; nobody needs to listen."""
        if self._descriptor is not None:
            try:
                os.write(self._descriptor, json.dumps(told).encode() + b"\n")
            except OSError:
                self._descriptor = None


def _watch(told: dict[str, Any], said: Said) -> None:
    """Have the network watched as soon as there is one."""
    if sys.version_info < OLDEST:
        said(fault="Python %d.%d is too old: 3.10 or newer can be watched" % sys.version_info[:2])  # noqa: UP031
        return
    try:
        _know_package(told["package"])
        from deadrelu_tui.watching.finding import Finding

        Finding(told, said).begin()
    except ImportError as error:
        said(fault=f"{sys.executable} lacks what watching needs: {error}")
    except Exception as error:
        said(fault=f"{type(error).__name__}: {error}")


def _know_package(folder: str) -> None:
    """Make the package known by where it lies, so that nothing beside it is."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "deadrelu_tui", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["deadrelu_tui"] = package
    spec.loader.exec_module(package)


def _as_main(kind: str, what: str, path: str) -> None:
    """Run it as Python itself would have."""
    sys.path[0] = path
    try:
        if kind == "module":
            import importlib.util
            import runpy

            if importlib.util.find_spec(what) is None:
                print(f"{sys.executable}: No module named {what}", file=sys.stderr)
                sys.exit(1)
            runpy.run_module(what, run_name="__main__", alter_sys=True)
            return
        module = types.ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        if kind == "code":
            code = compile(what, "<string>", "exec")
        else:
            with open(what, "rb") as file:
                code = compile(file.read(), what, "exec")
            module.__file__ = what
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        _raised(error)


def _raised(error: BaseException) -> NoReturn:
    """Have an error told as if none of this file had been called on the way to it, and end as Python does."""
    if type(error).__name__ == "StoppedError":  # somebody who watches has ended it: that is no fault to be told of
        print(error, file=sys.stderr)
        sys.exit(130)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        trace = trace.tb_next
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    if isinstance(error, KeyboardInterrupt):
        _interrupted()
    sys.exit(1)


def _interrupted() -> None:
    """End by the signal, once all is closed: a shell is to see that."""
    import atexit
    import signal

    def end() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)

    # Handlers are called last in, first out: this one would be the first, so it is put behind the others.
    atexit._run_exitfuncs()
    atexit.register(end)


if __name__ == "__main__":
    main()
