"""What counts as short, what a network takes, and that nothing is rehearsed where there is no limit."""

from __future__ import annotations

import errno
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.builtin import needs, room
from deadrelu_tui.builtin.dataset import CLASSES, PIXELS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import rehearsal
from deadrelu_tui.errors import InputError, NoRoomError


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("Check failed: Out of memory"), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (OSError(0, "libmxnet.so: failed to map segment from shared object"), "not enough memory"),
        (ValueError("Unable to allocate output buffer."), "not enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
        (RuntimeError("can't start new thread"), "too few processes and threads"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "too few processes and threads"),
        (OSError(errno.EMFILE, "Too many open files"), "too few open files"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EFBIG, "File too large"), "a file would be larger than is allowed"),
        (caused(ImportError("you should not try to import numpy"), MemoryError()), "not enough memory"),
        (OSError(errno.ENOENT, "No such file or directory"), ""),
        (ValueError("step 3 comes after step 3"), ""),
        (InputError("lr must be a number"), ""),
    ],
)
def test_an_exception_tells_what_is_short(error: Exception, short: str) -> None:
    assert room.lacking(error) == short


@given(hidden=st.lists(st.integers(1, 10_000), min_size=1, max_size=50))
def test_the_weights_of_a_network_take_four_bytes_each(hidden: list[int]) -> None:
    widths = [784, *hidden, 10]
    found = room.network_bytes(RunSettings(hidden=tuple(hidden)))
    assert found == sum(4 * above * below for above, below in pairwise(widths))


def test_the_network_is_that_of_the_images() -> None:
    assert (room.INPUTS, room.OUTPUTS) == (PIXELS, CLASSES)


def grouped(folder: Path, lines: str, **files: str) -> None:
    """Make the files in which a system tells of control groups; a double underscore in a name is a dot."""
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(lines)
    for name, text in files.items():
        file = folder / "groups" / name.replace("__", ".").replace("_of_", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    ("lines", "files", "left"),
    [
        # What is kept of files can be read again: it is free.
        ("0::/job\n", {"job_of_memory__max": "1000", "job_of_memory__current": "990",
                       "job_of_memory__stat": "anon 90\nactive_file 200\ninactive_file 700\n"}, 910),
        ("4:memory:/job\n", {"memory_of_job_of_memory__limit_in_bytes": "1000",
                             "memory_of_job_of_memory__usage_in_bytes": "600",
                             "memory_of_job_of_memory__stat": "inactive_file 1\ntotal_inactive_file 50\n"}, 450),
        # The narrower of two, one in the other.
        ("0::/a\n", {"a_of_memory__max": "max", "a_of_memory__current": "5", "a_of_memory__stat": "",
                     "memory__max": "100", "memory__current": "40", "memory__stat": ""}, 60),
        ("0::/a\n", {"a_of_memory__max": "max", "a_of_memory__current": "5", "a_of_memory__stat": ""}, None),
        ("3:cpu:/a\n", {"a_of_memory__max": "100", "a_of_memory__current": "5", "a_of_memory__stat": ""}, None),
    ],
)  # fmt: skip
def test_what_is_left_to_a_control_group_is_read_of_either_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str], left: int | None
) -> None:
    grouped(tmp_path, lines, **files)
    monkeypatch.setattr(room, "PROC", tmp_path / "proc")
    monkeypatch.setattr(room, "CGROUPS", tmp_path / "groups")
    assert room.memory_left() == left


def test_a_network_is_refused_only_where_two_copies_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = RunSettings()
    need = 2 * room.network_bytes(settings)
    for left, refused in ((need - 1, True), (need, False), (None, False)):
        monkeypatch.setattr(room, "memory_left", lambda left=left: left)
        if refused:
            with pytest.raises(NoRoomError, match=r"^not enough memory: .* of 1 layers of up to 300 units"):
                room.require_memory(settings)
        else:
            room.require_memory(settings)


def test_nothing_is_rehearsed_where_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "tight", lambda _: ())
    monkeypatch.setattr(rehearsal, "_fits", lambda _: pytest.fail("rehearsed"))
    assert rehearsal.require_room(RunSettings()) == ""


def test_what_fits_into_all_that_is_allowed_and_not_into_less_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "tight", lambda _: ("900 MB of address space (ulimit -v)",))
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)
    monkeypatch.setattr(rehearsal, "_is_rehearsed", lambda settings, share: share == 1 or settings.engine == "numpy")
    assert rehearsal.require_room(RunSettings()).startswith("MXNet cannot train: this process may have only 900 MB")
    monkeypatch.setattr(rehearsal, "_is_rehearsed", lambda _, share: share <= 1)
    assert rehearsal.require_room(RunSettings()) == ""


@pytest.mark.parametrize(("asked", "lack"), [("numpy", False), ("auto", True)])
def test_numpy_which_says_what_it_cannot_have_may_take_all_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch, asked: str, lack: bool
) -> None:
    monkeypatch.setattr(room, "tight", lambda _: ("3 GB of address space (ulimit -v)",))
    monkeypatch.setattr(rehearsal, "_is_rehearsed", lambda _, share: share == 1)
    monkeypatch.setattr(needs, "mxnet_lack", lambda: needs.Lack("MXNet is not installed", "", False) if lack else None)
    monkeypatch.setattr(needs, "torch_lack", lambda: needs.Lack("PyTorch is not installed", "", False))
    assert rehearsal.require_room(RunSettings(engine=asked)) == ""


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="limits are read as Linux tells them")
def test_a_rehearsal_may_have_a_share_of_what_its_process_may(tmp_path: Path) -> None:
    code = (
        "import resource as r; from deadrelu_tui.builtin import room; r.setrlimit(r.RLIMIT_AS, (8 * 10**9, 9 * 10**9));"
        "data = r.getrlimit(r.RLIMIT_DATA); room.leave(0.75); print(*r.getrlimit(r.RLIMIT_AS), "
        "r.getrlimit(r.RLIMIT_DATA) == data)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "6000000000 9000000000 True\n"


@pytest.mark.parametrize(
    ("engine", "fitting", "found"),
    [("auto", {"auto"}, ""), ("numpy", {"numpy"}, ""), ("auto", {"numpy"}, "MXNet cannot train: this process may "
      "have only 5 open files"), ("auto", set(), "NumPy cannot"), ("mxnet", {"numpy"}, "MXNet cannot")],
)  # fmt: skip
def test_where_mxnet_does_not_fit_numpy_may_if_it_was_not_asked_for_by_its_name(
    monkeypatch: pytest.MonkeyPatch, engine: str, fitting: set[str], found: str
) -> None:
    monkeypatch.setattr(room, "tight", lambda _: ("5 open files",))
    monkeypatch.setattr(needs, "mxnet_lack", lambda: None)
    monkeypatch.setattr(rehearsal, "_fits", lambda settings: settings.engine in fitting)
    settings = RunSettings(engine=engine)
    if fitting & {engine, "auto"} or (engine == "auto" and fitting):
        assert rehearsal.require_room(settings) == found
    else:
        with pytest.raises(NoRoomError, match=f"^{found} train: this process may have only 5 open files; raise that$"):
            rehearsal.require_room(settings)
