"""What stands in for Python 3.14 here is a script that runs the file that it is told of, as sys.remote_exec would."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from targets import PATIENCE, READY, UNTIL_CLOSED, can_enter, ended, found, running

from deadrelu_tui.entering import remote
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.processes import Found
from deadrelu_tui.entering.remote import Folder
from deadrelu_tui.errors import InputError

_LACK = can_enter()
pytestmark = pytest.mark.skipif(_LACK is not None, reason=str(_LACK))
RUNS = (
    UNTIL_CLOSED + "import os\nmade = set(globals())\n" + READY + "while not closed():\n"
    "    if os.path.exists(sys.argv[1]):\n"
    "        with open(sys.argv[1]) as file: path = file.read()\n"
    "        os.unlink(sys.argv[1])\n"
    "        with open(path) as file: exec(file.read(), globals())\n"
    "new = set(globals()) - made - {'path', 'made', 'file'}\n"
    "sys.exit(str(new) if new else 7)\n"
)


@contextmanager
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hears: bool = True) -> Iterator[Found]:
    """Run what stands in for a newer Python."""

    def ask(pid: int, path: str) -> None:
        for each in Path(path).parent.iterdir():
            assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
        (tmp_path / "new").write_text(path)
        (tmp_path / "new").rename(tmp_path / ("told" if hears else "unheard"))

    monkeypatch.setattr(remote, "ask", ask)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with running(sys.executable, RUNS, str(tmp_path / "told")) as target:
        yield replace(found(target), version=(3, 14))
        if hears:
            assert ended(target) == (7, "", "")
    assert not list(tmp_path.glob("deadrelu-*"))


def test_a_newer_python_runs_the_text_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with newer(tmp_path, monkeypatch) as which:
        with enter(which, "import os\nanswer(str(os.getpid()).encode())", PATIENCE) as page:
            assert isinstance(page, Folder)
            assert page.answer(PATIENCE) == str(which.pid).encode()
            assert not page.failed
        with enter(which, "1 / 0", PATIENCE) as page:
            assert (page.answer(PATIENCE) or b"").endswith(b"ZeroDivisionError: division by zero\n")
            assert page.failed
        with enter(which, "pass", PATIENCE) as page:
            assert page.answer(PATIENCE) == b""


def test_files_are_removed_while_the_text_makes_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "deadrelu-1").mkdir()
    (folder / "running").touch()
    really = os.unlink

    def unlink(*which: object, **how: object) -> None:
        with suppress(FileNotFoundError):
            (folder / "running").rename(folder / "over")
        really(*which, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("os.unlink", unlink)
    Folder(os.getpid(), str(folder)).close()
    assert not list(tmp_path.glob("deadrelu-*"))


def test_files_are_removed_also_where_somebody_has_the_name_that_they_would_be_moved_to(tmp_path: Path) -> None:
    (folder := tmp_path / "deadrelu-1").mkdir()
    (tmp_path / "deadrelu-1-closed" / "x").mkdir(parents=True)
    Folder(os.getpid(), str(folder)).close()
    assert not folder.exists()


def test_what_a_newer_python_has_not_begun_is_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with newer(tmp_path, monkeypatch, hears=False) as which, pytest.raises(InputError, match="nothing will run"):
        enter(which, "1 / 0", 0.1)


def test_an_interpreter_that_does_not_know_how_is_told_of_in_a_line(tmp_path: Path) -> None:
    with running(sys.executable, RUNS, str(tmp_path / "told")) as target:
        with pytest.raises(InputError, match=r"cannot be joined: AttributeError: .*remote_exec"):
            remote.enter(replace(found(target), version=(3, 14)), "1", 1.0)
        assert ended(target)[0] == 7
    assert os.listdir(tmp_path) != ["told"]
