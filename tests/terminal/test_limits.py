"""What the command says and leaves where memory, processes, files or a clock are not what it wants: each one forced."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from terminals import COMMAND, Terminal, environment

RUN = ("run", "--embedded", "--epochs", "1", "--no-trials")
LARGE = ",".join(["10000"] * 49)
MB = 10**6

pytestmark = pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="limits are read as Linux tells them")


def run(
    home: Path, *arguments: str, limits: dict[int, int] | None = None, before: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with some limits, through another command if one is given."""

    def limit() -> None:
        for kind, value in (limits or {}).items():
            resource.setrlimit(kind, (value, value))

    return subprocess.run(
        [*before, COMMAND, *arguments], env=environment(home, **more), capture_output=True, text=True, timeout=240,
        preexec_fn=limit, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def says_or_trains(done: subprocess.CompletedProcess[str], word: str) -> None:
    """Assert that it trained, or said in one sentence what it lacks, in which a pattern is found."""
    lines = done.stderr.splitlines()
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    assert len(lines) <= 1, done.stderr
    assert all(re.match(rf"deadrelu-tui: .*({word})", line) for line in lines), done.stderr
    assert "finished: dead" in done.stdout if done.returncode == 0 else lines


def needs_mxnet() -> None:
    if find_spec("mxnet") is None:
        pytest.skip("MXNet is not installed")


# Memory


@pytest.mark.parametrize("engine", ["auto", "mxnet", "numpy"])
@pytest.mark.parametrize("megabytes", [60, 100, 260, 450, 900, 1_150])
def test_with_little_address_space_it_trains_or_says_so(tmp_path: Path, megabytes: int, engine: str) -> None:
    if engine == "mxnet":
        needs_mxnet()
    done = run(tmp_path, *RUN, "--engine", engine, limits={resource.RLIMIT_AS: megabytes * MB})
    says_or_trains(done, r"memory: |\d [MG]B of address space \(ulimit -v\)")
    if megabytes < 200:
        assert done.returncode == 1


def test_where_mxnet_has_too_little_memory_numpy_trains_and_says_why(tmp_path: Path) -> None:
    needs_mxnet()
    done = run(tmp_path, *RUN, limits={resource.RLIMIT_AS: 500 * MB})
    assert done.returncode == 0
    assert done.stderr.startswith("deadrelu-tui: NumPy trains: MXNet cannot")
    assert "libmxnet.so is missing" not in done.stderr


def test_too_little_memory_for_data_is_told_as_well(tmp_path: Path) -> None:
    done = run(tmp_path, *RUN, limits={resource.RLIMIT_DATA: 100 * MB})
    says_or_trains(done, re.escape("100 MB of memory for data (ulimit -d)"))
    assert done.returncode == 1


@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_a_network_larger_than_all_memory_is_told_at_once(tmp_path: Path, engine: str) -> None:
    done = run(tmp_path, *RUN, "--engine", engine, "--hidden", LARGE)
    assert done.returncode == 1
    assert re.fullmatch(
        r"deadrelu-tui: not enough memory: the weights of 49 layers of up to 10000 units and their gradients take "
        r"38\.\d GB, and \S+ [GM]B are free; use smaller ones \(--hidden\)\n", done.stderr,
    )  # fmt: skip


def test_a_network_larger_than_the_memory_that_is_allowed_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, *RUN, "--hidden", "10000,10000,10000", limits={resource.RLIMIT_AS: 1_000 * MB})
    says_or_trains(done, re.escape("1.0 GB of address space (ulimit -v)"))
    assert done.returncode == 1


@pytest.mark.parametrize("megabytes", [100, 450, 1_150])
def test_the_screen_opens_or_says_why_not_and_leaves_the_terminal_as_it_was(tmp_path: Path, megabytes: int) -> None:
    shown = in_a_terminal(tmp_path, {resource.RLIMIT_AS: megabytes * MB})
    assert shown.exit_code in (0, 1)
    assert shown.raw.count(b"\x1b[?1049h") == shown.raw.count(b"\x1b[?1049l")
    assert "Traceback" not in shown.text
    if shown.exit_code:
        assert "memory" in shown.text or "of address space (ulimit -v)" in shown.text


def in_a_terminal(home: Path, limits: dict[int, int]) -> Terminal:
    """Return a terminal in which the screen was opened within limits, trained, and was left."""
    kept = {kind: resource.getrlimit(kind) for kind in limits}
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, kept[kind][1]))
    try:
        shown = Terminal(["--embedded", "--epochs", "2", "--no-trials"], (160, 48), environment(home))
    finally:
        for kind, both in kept.items():
            resource.setrlimit(kind, both)
    try:
        with suppress(AssertionError):
            shown.until(lambda text: "● finished" in text or "● failed" in text)
        if shown.exit_code is None:
            shown.press("q")
        shown.ends()
    finally:
        shown.close()
    return shown


# Processes and files


def as_somebody() -> list[str]:
    """Return what runs a command as a user who has nothing else running, for root has no limit of processes."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv here, and root has no limit of processes")
    able = "+dac_read_search,+dac_override"  # whatever folder the tests lie in
    user = str(200_000 + os.getpid())
    return ["setpriv", "--reuid", user, "--clear-groups", "--inh-caps", able, "--ambient-caps", able]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 12, 20])
def test_with_few_processes_it_trains_or_says_so(tmp_path: Path, most: int) -> None:
    if os.geteuid() != 0:
        most += len(list(Path("/proc").glob("[0-9]*/task/*")))
    done = run(tmp_path, *RUN, before=as_somebody(), limits={resource.RLIMIT_NPROC: most})
    says_or_trains(done, re.escape(f"{most} processes and threads (ulimit -u, or pids of its cgroup)"))


@pytest.mark.parametrize("most", [6, 8, 10, 30])
def test_with_few_open_files_it_trains_or_says_so(tmp_path: Path, most: int) -> None:
    done = run(tmp_path, *RUN, limits={resource.RLIMIT_NOFILE: most})
    says_or_trains(done, re.escape(f"{most} open files (ulimit -n)"))


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A control group that limits one thing, of the first version or the second."""
    kind, name, second, value = request.param
    for root, file in ((Path("/sys/fs/cgroup", kind), name), (Path("/sys/fs/cgroup"), second)):
        folder = root / f"deadrelu-tui-{os.getpid()}"
        made = False
        try:
            folder.mkdir()
            made = True
            (folder / file).write_text(value)
        except OSError:
            if made:
                folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip(f"no control group can be made here for {kind}")


@pytest.mark.parametrize(
    ("group", "word"),
    [(("memory", "memory.limit_in_bytes", "memory.max", "100M"), "MB of memory left to its group (cgroup)"),
     (("pids", "pids.max", "pids.max", "5"), "5 processes and threads (ulimit -u, or pids of its cgroup)")],
    indirect=["group"],
)  # fmt: skip
def test_a_control_group_that_is_too_narrow_is_told(tmp_path: Path, group: Path, word: str) -> None:
    into = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
    done = run(tmp_path, *RUN, before=into)
    assert done.returncode == 1
    says_or_trains(done, re.escape(word))


# What doctor says


def test_doctor_tells_the_limits_and_loads_nothing_that_they_would_kill(tmp_path: Path) -> None:
    plain = run(tmp_path, "doctor")
    assert "limits  " in plain.stdout
    done = run(tmp_path, "doctor", limits={resource.RLIMIT_AS: 500 * MB})
    assert done.returncode == 0
    assert "! limits" in done.stdout
    assert "this process may have only 500 MB of address space (ulimit -v)" in done.stdout


def test_doctor_reports_a_network_that_is_too_large_and_the_images_have_nothing_to_do_with_it(tmp_path: Path) -> None:
    file = tmp_path / ".config/deadrelu-tui/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'hidden = "{LARGE}"\n', encoding="utf-8")
    done = run(tmp_path, "doctor")
    assert done.returncode == 1
    assert "✗ limits" in done.stdout
    assert "not enough memory: the weights of 49 layers" in done.stdout
    assert "✓ characters" in done.stdout
    assert run(tmp_path, "data", "status").returncode == 0


@pytest.mark.parametrize("command", [("doctor",), ("data", "status")])
def test_every_command_says_it_where_not_even_numpy_can_be_loaded(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, *command, limits={resource.RLIMIT_AS: 60 * MB})
    assert done.returncode == 1
    assert done.stderr == (
        "deadrelu-tui: NumPy cannot train: this process may have only 60 MB of address space (ulimit -v); raise that\n"
    )


# Clocks

needs_faketime = pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
NOT_THE_WAITS = {"FAKETIME_FORCE_MONOTONIC_FIX": "0"}
"""faketime else ends each timed wait of a thread at once at some dates, and threads do nothing but take turns."""
DATES = ["@9999-12-31 23:59:55", "@0001-01-01 00:00:00", "@1969-12-31 23:59:55", "2020-01-01 00:00:00"]
"""The last of them stands still."""


@needs_faketime
@pytest.mark.parametrize(("date", "monotonic"), [*((date, "1") for date in DATES), (DATES[-1], "0")])
def test_whatever_the_date_is_a_run_trains(tmp_path: Path, date: str, monotonic: str) -> None:
    """Without the time since the start, which no machine has in 1969 or 9999; but it may stand still, too."""
    more = {"FAKETIME_DONT_FAKE_MONOTONIC": monotonic, **NOT_THE_WAITS}
    done = run(tmp_path, *RUN, before=["faketime", "-f", date], limits=None, **more)
    assert (done.returncode, done.stderr) == (0, "")
    assert "finished: dead" in done.stdout
    speed = re.search(r"(\d+) steps/s", done.stdout)
    assert speed is None or int(speed[1]) < 100_000


@needs_faketime
@pytest.mark.parametrize("date", DATES)
def test_whatever_the_date_is_the_screen_comes_up_and_ends(tmp_path: Path, date: str) -> None:
    more = {"FAKETIME": date, "LD_PRELOAD": preloaded(), "FAKETIME_DONT_FAKE_MONOTONIC": "1", **NOT_THE_WAITS}
    shown = Terminal(["--embedded", "--epochs", "2", "--no-trials"], (160, 48), environment(tmp_path, **more))
    try:
        shown.until("● finished")
        shown.press("q")
        assert shown.ends() == 0
    finally:
        shown.close()


@needs_faketime
def test_where_even_the_time_since_the_start_stands_still_the_screen_ends(tmp_path: Path) -> None:
    more = {"FAKETIME": "2020-01-01 00:00:00", "LD_PRELOAD": preloaded(), **NOT_THE_WAITS}
    shown = Terminal(["--embedded", "--no-trials"], (160, 48), environment(tmp_path, **more))
    try:
        shown.until("deadrelu-tui  Fashion-MNIST")
        shown.press("qy")
        assert shown.ends(20) == 0
    finally:
        shown.close()


def preloaded() -> str:
    """Return the library by which faketime works."""
    done = subprocess.run(["faketime", "now", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
