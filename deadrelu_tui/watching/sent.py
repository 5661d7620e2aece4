"""The text that is executed in somebody's process to join its training: it makes our package known there, and joins.

Where the process sees our files they are read by their path; else, as in a container, their sources go along.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import deadrelu_tui

ROOMS = ("record", "diagnosis", "run", "watching")
"""Of the package what is needed there, beside the modules at its top."""
ROOM = 4096
"""Bytes that have room for what is answered once the text has run: how long that is (u32, 0 while there is nothing),
and JSON as `joining.join` says it. The text itself answers with the address.
"""
_FOLDER = Path(deadrelu_tui.__file__).parent

_TEXT = """
import ctypes
room = ctypes.create_string_buffer({room})
ctypes.pythonapi.Py_IncRef(ctypes.py_object(room))  # whoever reads it does so whatever becomes of us
answer(str(ctypes.addressof(room)).encode())

def said(data, room=room, ctypes=ctypes):
    data = data[:{room} - 4]
    ctypes.memmove(ctypes.addressof(room) + 4, data, len(data))
    ctypes.c_uint32.from_buffer(room).value = len(data)

def work(answer=said):
    import json
    try:
        import sys
        wanted = json.loads({wanted!r})
        known = sys.modules.get("deadrelu_tui")
        if known is None:
            {known}
        elif known.__version__ != {version!r}:
            raise ImportError("deadrelu-tui " + known.__version__ + " is loaded there, and this is " + {version!r})
        from deadrelu_tui.watching.joining import join
        join(wanted, answer)
    except BaseException as error:
        answer(json.dumps({{"fault": type(error).__name__ + ": " + " ".join(str(error).split())}}).encode())

__import__("threading").Thread(target=work, name="deadrelu-tui", daemon=True).start()
"""
_BY_PATH = """import importlib.util, os
            spec = importlib.util.spec_from_file_location(
                "deadrelu_tui", os.path.join({folder!r}, "__init__.py"), submodule_search_locations=[{folder!r}])
            package = importlib.util.module_from_spec(spec)
            sys.modules["deadrelu_tui"] = package
            spec.loader.exec_module(package)"""
_BY_SOURCES = """import base64, importlib.abc, importlib.util, zlib
            sources = json.loads(zlib.decompress(base64.b64decode({sources!r})))

            class Sent(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
                def find_spec(self, name, path, target=None):
                    if name in sources:
                        return importlib.util.spec_from_loader(name, self, origin="<" + name + ">")

                def is_package(self, name):
                    return sources[name][1]

                def get_source(self, name):
                    return sources[name][0]

                def get_filename(self, name):
                    return "/deadrelu_tui/" + name.replace(".", "/") + ".py"

                def exec_module(self, module):
                    code = compile(sources[module.__name__][0], self.get_filename(module.__name__), "exec")
                    module.__file__ = self.get_filename(module.__name__)
                    exec(code, module.__dict__)

            sys.meta_path.append(Sent())
            import deadrelu_tui"""


def text(pid: int, wanted: Mapping[str, Any]) -> str:
    """Return what has a process join its training as it is wanted."""
    seen = seen_by(pid, _FOLDER / "__init__.py")
    known = _BY_PATH.format(folder=str(_FOLDER)) if seen else _BY_SOURCES.format(sources=_sources())
    return _TEXT.format(room=ROOM, wanted=json.dumps(dict(wanted)), version=deadrelu_tui.__version__, known=known)


def seen_by(pid: int, path: Path) -> bool:
    """Return whether a process sees a file or a folder where we see it."""
    try:
        ours, theirs = os.stat(path), os.stat(f"/proc/{pid}/root{path}")
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _sources() -> str:
    """Return our sources: by the name of each module its text, and whether it is a package."""
    files = [*_FOLDER.glob("*.py"), *(each for room in ROOMS for each in (_FOLDER / room).rglob("*.py"))]
    found = {}
    for each in files:
        parts = ("deadrelu_tui", *each.relative_to(_FOLDER).with_suffix("").parts)
        package = parts[-1] == "__init__"
        found[".".join(parts[:-1] if package else parts)] = (each.read_text(encoding="utf-8"), package)
    return base64.b64encode(zlib.compress(json.dumps(found).encode(), 9)).decode()
