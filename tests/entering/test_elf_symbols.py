from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from targets import LOOP, PATIENCE, READY, VERSIONS, asked, can_enter, ended, found, python_of, running

from deadrelu_tui.entering import proc
from deadrelu_tui.entering.elf import Image
from deadrelu_tui.entering.entering import enter
from deadrelu_tui.entering.interpreter import by_file, image
from deadrelu_tui.entering.processes import find
from deadrelu_tui.errors import InputError

_LACK = can_enter()
pytestmark = pytest.mark.skipif(_LACK is not None, reason=str(_LACK))
SYSTEM = shutil.which("python3", path="/usr/bin:/bin")
TELLS = (
    "import ctypes\n"
    "names = 'Py_IsInitialized', 'Py_AddPendingCall', 'PyRun_SimpleString'\n"
    "at = [ctypes.cast(getattr(ctypes.pythonapi, each), ctypes.c_void_p).value for each in names]\n"
    "answer(repr(tuple(at)).encode())\n"
)
unshared = pytest.mark.skipif(
    subprocess.run(["unshare", "-mpf", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="no namespaces can be made here",
)


@pytest.mark.parametrize("version", VERSIONS)
def test_functions_and_version_are_where_the_process_itself_finds_them(version: str) -> None:
    with running(python_of(version), LOOP) as target:
        which = found(target)
        assert ".".join(map(str, which.version)) == version
        assert asked(target, TELLS) == repr(which.python.calls)
        assert which.python.calls is not None
        assert which.python.functions.name(which.python.calls[1] + 1) == "Py_AddPendingCall"
        assert which.python.functions.holds(which.python.calls[1])
        assert not which.python.free_threaded
        assert ended(target)[0] == 7


@pytest.mark.skipif(SYSTEM is None, reason="the system has no Python")
def test_a_python_without_private_symbols_is_entered_though_its_file_was_replaced(tmp_path: Path) -> None:
    assert SYSTEM is not None
    with running(SYSTEM, READY + "input()") as target:
        if found(target).version < (3, 10):
            pytest.skip("the system's Python is too old")
    shutil.copy(os.path.realpath(SYSTEM), tmp_path / "snake")
    with running(str(tmp_path / "snake"), LOOP) as target:
        (tmp_path / "snake").unlink()
        (tmp_path / "snake").write_text("another file")
        assert asked(target, TELLS) == repr(found(target).python.calls)
        assert ended(target)[0] == 7


@pytest.mark.skipif(SYSTEM is None, reason="the system has no Python")
@unshared
def test_a_python_in_namespaces_of_its_own_is_entered(tmp_path: Path) -> None:
    assert SYSTEM is not None
    inside = 'mount -t tmpfs none "$1" && cp "$2" "$1/python" && exec "$1/python" -c "$3"'
    command = ["unshare", "-mpf", "sh", "-c", inside, "sh", str(tmp_path), os.path.realpath(SYSTEM), LOOP]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (pid,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        with enter(find(pid, torch=False), "import os\nanswer(str(os.getpid()).encode())", PATIENCE) as page:
            assert page.answer(PATIENCE) == b"1"
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 7
    finally:
        process.kill()
        process.communicate()


def test_bytes_behind_the_code_are_executable_and_in_no_segment() -> None:
    with running(python_of("3.11"), LOOP) as target:
        several = 0
        for own in by_file(proc.maps(target.pid)).values():
            with image(target.pid, own) as looked_at:
                slack = looked_at.slack(256)
                if slack is None:
                    continue
                several += 1
                at, was = slack
                assert len(was) == 256
                mapped = [each for each in own if each.start <= at and at + 256 <= each.end]
                assert [each.rights for each in mapped] == ["r-xp"]
                assert not any(start < at + 256 and at < start + size for start, size in looked_at.symbols.values())
                with open(f"/proc/{target.pid}/mem", "rb", buffering=0) as memory:
                    memory.seek(at)
                    assert memory.read(256) == was
        assert several > 2


def test_a_file_that_is_no_elf_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no code at all")
    mapping = proc.Mapping(0, 4096, "r-xp", 0, 1, str(tmp_path / "text"))
    with (tmp_path / "text").open("rb") as file, pytest.raises(InputError, match="is no ELF file"):
        Image(file, [mapping])


def test_a_mapping_whose_file_is_not_to_be_had_is_told_of() -> None:
    with running(python_of("3.11"), LOOP) as target:
        mapping = proc.Mapping(0, 4096, "r-xp", 0, 1, "/nowhere/libpython3.11.so")
        time.sleep(0)
        with pytest.raises(InputError, match="was replaced or cannot be read"), image(target.pid, [mapping]):
            pass
