"""A training outlives its terminal, and comes back on any other: with real terminals, sshd, tmux and processes."""

from __future__ import annotations

import contextlib
import getpass
import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from terminals import COMMAND, Terminal, environment

from deadrelu_tui.record.records import Event, Step
from deadrelu_tui.record.steps import apart
from deadrelu_tui.run.file import Tail
from deadrelu_tui.run.folder import SUFFIX
from deadrelu_tui.run.source import Status

LONG = ("--embedded", "--engine", "numpy", "--epochs", "100000", "--no-trials")
PATIENCE = 60.0


def until(holds: Callable[[], bool], what: str = "it") -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)


class Home:
    """A home with recorded runs in it, and the processes that record them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tails: dict[str, Tail] = {}
        self.events: list[Event] = []

    @property
    def runs(self) -> list[str]:
        folder = self.path / ".local/share/deadrelu-tui/runs"
        return sorted(each.name.removesuffix(SUFFIX) for each in folder.glob(f"*{SUFFIX}"))

    def run(self) -> str:
        """Return the id of the newest run, once there is one."""
        until(lambda: bool(self.runs), "a run")
        return self.runs[-1]

    def tail(self, run: str = "") -> Tail:
        """Return the file of a run, read as far as it is there."""
        run = run or self.run()
        tail = self.tails.setdefault(run, Tail(self.path / ".local/share/deadrelu-tui/runs" / f"{run}{SUFFIX}"))
        self.read(tail)
        until(lambda: tail.start is not None or (self.read(tail) >= 0 and tail.start is not None), "its start")
        return tail

    def read(self, tail: Tail) -> int:
        """Read on, and return how many steps came."""
        records = list(apart(tail.read()))
        self.events += [each for each in records if isinstance(each, Event)]
        return sum(isinstance(each, Step) for each in records)

    def grows(self, run: str = "") -> bool:
        tail = self.tail(run)
        until(lambda: self.read(tail) > 0, "a step")
        return True

    def pid(self, run: str = "") -> int:
        start = self.tail(run).start
        assert start is not None
        return int(start.facts["process"]["pid"])

    def close(self) -> None:
        for run in self.runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(run), signal.SIGKILL)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.close()


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(home: Home) -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_one(*arguments: str, size: tuple[int, int] = (120, 36)) -> Terminal:
        opened.append(Terminal([*arguments], size, environment(home.path)))
        return opened[-1]

    yield open_one
    for each in opened:
        with contextlib.suppress(OSError, ChildProcessError):
            each.close()


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def computed(pid: int) -> float:
    """Return the seconds of a processor that a process has taken."""
    after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after[11]) + int(after[12])) / os.sysconf("SC_CLK_TCK")


def terminals_of(pid: int) -> list[str]:
    """Return the terminals to which a process has a way."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(each))
    return [each for each in found if each.startswith(("/dev/pts", "/dev/tty"))]


def test_a_terminal_that_is_closed_leaves_the_run_training(terminal: Open, home: Home) -> None:
    shown = terminal(*LONG)
    shown.until("running")
    home.grows()
    pid = home.pid()
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDWR)
    until(lambda: not terminals_of(pid), "the end of its terminal")
    assert os.waitstatus_to_exitcode(os.waitpid(shown.pid, 0)[1]) in (0, -signal.SIGHUP)
    assert home.grows()
    assert home.grows()
    assert home.tail().status is Status.RUNNING
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: not lives(pid))
    assert home.read(home.tail()) >= 0
    assert home.tail().status is Status.STOPPED


def test_without_its_terminal_a_paused_run_computes_nothing(terminal: Open, home: Home) -> None:
    shown = terminal(*LONG)
    shown.until("running")
    shown.press(" ")
    shown.until("paused")
    pid = home.pid()
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDWR)
    until(lambda: not terminals_of(pid), "the end of its terminal")
    time.sleep(0.5)
    before = computed(pid)
    time.sleep(2)
    assert computed(pid) - before < 0.4, "it turned round at full speed"


def test_ctrl_backslash_gives_the_shell_its_prompt_and_attach_brings_the_screen_back(
    terminal: Open, home: Home
) -> None:
    shown = terminal(*LONG)
    shown.until("running")
    home.grows()
    shown.press("\x1c")
    assert shown.ends() == 0
    run = home.run()
    assert f"run {run} goes on without a screen; to see it: deadrelu-tui attach {run}" in shown.raw.decode()
    assert not terminals_of(home.pid())
    assert home.grows()
    one, other = terminal("attach"), terminal("attach", run[:-1], size=(100, 30))
    for each in (one, other):
        each.until("attached")
    one.press("n")
    for each in (one, other):
        each.until("n input 0–1 ")
    until(lambda: home.read(home.tail()) >= 0 and any(each.kind == "change" for each in home.events), "the mark")
    other.press(" ")
    for each in (one, other):
        each.until("paused")
    other.press("q")
    other.until("The run goes on at step")
    other.press("y")
    assert other.ends() == 0
    one.press(" ")
    one.until("running")
    one.press("q")
    one.until("The run goes on at step")
    one.press("s")
    assert one.ends() == 0
    pid = home.pid()
    until(lambda: not lives(pid), "its end")
    assert home.read(home.tail()) >= 0
    assert home.tail().status is Status.STOPPED


def test_who_attaches_to_look_only_changes_nothing(terminal: Open, home: Home) -> None:
    started = subprocess.run(
        [COMMAND, "run", *LONG, "--detach"], env=environment(home.path), capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    run = started.stdout.strip()
    assert run == home.run()
    shown = terminal("attach", "--read-only")
    shown.until("looking only")
    shown.press("n +")
    shown.until("takes no orders")
    shown.press("q")
    assert shown.ends() == 0
    assert home.grows()
    assert not any(each.kind in ("change", "pause") for each in home.events)


def test_where_the_folder_of_sockets_is_open_to_others_it_is_said_why_nobody_can_change_a_run(
    home: Home, terminal: Open, request: pytest.FixtureRequest
) -> None:
    runtime = TemporaryDirectory(prefix="dr-", dir="/tmp")  # a short name: that of a socket has no room for more
    request.addfinalizer(runtime.cleanup)
    place = Path(runtime.name) / "deadrelu-tui"
    place.mkdir()
    place.chmod(0o777)
    variables = environment(home.path, XDG_RUNTIME_DIR=runtime.name)
    why = f"{place} is open to others; close it: chmod 700 {place}"
    started = subprocess.run([COMMAND, "run", *LONG, "--detach"], env=variables, capture_output=True, text=True,
                             check=True, timeout=60)  # fmt: skip
    assert started.stdout.strip() == home.run()
    assert started.stderr.endswith(f"it can be seen and stopped from elsewhere, and no more: {why}\n")
    shown = terminal("attach", size=(200, 36))
    shown.until(lambda text: "listens to nobody" in text and "chmod 700" in text)
    shown.press("q")
    assert shown.ends() == 0
    stopped = subprocess.run([COMMAND, "stop", "last"], env=variables, capture_output=True, text=True, timeout=60,
                             check=False)  # fmt: skip
    assert " is stopped after " in stopped.stdout


def test_a_detached_run_that_has_finished_ends_its_process_and_can_be_replayed(terminal: Open, home: Home) -> None:
    done = subprocess.run(
        [COMMAND, "run", "--embedded", "--engine", "numpy", "--epochs", "1", "--no-trials", "--detach"],
        env=environment(home.path), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    run = done.stdout.strip()
    pid = home.pid(run)
    until(lambda: not lives(pid), "its end")
    home.read(home.tail(run))
    assert home.tail(run).status is Status.FINISHED
    shown = terminal("attach", run)
    shown.until("finished")
    shown.press("q")
    assert shown.ends() == 0


def test_a_run_that_is_killed_is_shown_as_crashed(terminal: Open, home: Home) -> None:
    subprocess.run([COMMAND, "run", *LONG, "--detach"], env=environment(home.path), check=True, timeout=60,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    shown = terminal("attach")
    shown.until("attached")
    os.kill(home.pid(), signal.SIGKILL)
    shown.until("crashed")
    shown.press("q")
    assert shown.ends() == 0


def test_on_hangup_stop_ends_the_run_with_its_terminal(terminal: Open, home: Home) -> None:
    shown = terminal(*LONG, "--on-hangup", "stop")
    shown.until("running")
    pid = home.pid()
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDWR)
    until(lambda: not lives(pid), "its end")
    home.read(home.tail())
    assert home.tail().status is Status.STOPPED


def test_a_run_that_is_not_recorded_ends_with_its_terminal(terminal: Open, home: Home) -> None:
    shown = terminal(*LONG, "--no-store")
    shown.until("running")
    (pid,) = (int(each) for each in children(shown.pid))
    shown.press("\x1c")
    shown.until("it is not recorded")
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDWR)
    until(lambda: not lives(pid), "its end")
    assert home.runs == []


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def test_a_run_without_a_screen_outlives_its_terminal_too(home: Home) -> None:
    pid, master = pty.fork()
    if not pid:
        try:
            os.execve(COMMAND, [COMMAND, "run", *LONG], environment(home.path))
        finally:
            os._exit(127)
    home.grows()
    os.close(master)
    until(lambda: not terminals_of(pid), "the end of its terminal")
    assert home.grows()
    os.kill(pid, signal.SIGINT)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    home.read(home.tail())
    assert home.tail().status is Status.STOPPED


def test_there_is_nothing_to_attach_to_where_nothing_runs(home: Home) -> None:
    for arguments, why in ((["attach"], "no run is live"), (["attach", "x"], "no run is recorded yet")):
        code = (
            "import pty, sys, os; status = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(status))"
        )  # fmt: skip
        done = subprocess.run(["python3", "-c", code, COMMAND, *arguments], env=environment(home.path), text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)  # fmt: skip
        assert why in done.stdout
        assert done.returncode == 2


def test_a_terminal_that_goes_while_runs_are_compared_leaves_no_traceback(terminal: Open, home: Home) -> None:
    for _ in range(2):
        subprocess.run([COMMAND, "run", "--embedded", "--engine", "numpy", "--epochs", "1", "--no-trials"],
                       env=environment(home.path), check=True, timeout=60, stdout=subprocess.DEVNULL)  # fmt: skip
    shown = terminal("compare", *home.runs)
    shown.until("● finished")
    (pid,) = (int(each) for each in children(shown.pid))
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDWR)
    until(lambda: not lives(pid), "its end")
    log = home.path / ".local/state/deadrelu-tui/log"
    assert not log.exists() or "Traceback" not in log.read_text(encoding="utf-8")


# ctrl+z


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("trains", [True, False])
def test_ctrl_z_gives_the_shell_the_terminal_and_the_run_trains_meanwhile_as_it_is_set(
    home: Home, trains: bool
) -> None:
    more = ("--on-suspend", "train") if trains else ()
    shown = Terminal(["--norc", "-i"], (100, 30), {**environment(home.path), "PS1": "$ "}, shutil.which("bash") or "")
    shown.until("$ ")
    shown.press(f"{shlex.join([COMMAND, *LONG, *more])}\n")
    shown.until("running")
    home.grows()
    shown.press("\x1a")
    shown.until("Stopped")
    tail = home.tail()
    if trains:
        assert home.grows()
        shown.press("bg\n")
        shown.until("&")
        assert home.grows()
    else:
        time.sleep(1)
        home.read(tail)
        time.sleep(1)  # a process that is stopped writes nothing
        assert not home.read(tail)
    shown.press("fg\n")
    shown.until("n input 0–255 │")
    shown.press("n")
    shown.until("n input 0–1 ")
    assert home.grows()
    shown.press("q")
    shown.until("Quit and end it?")
    shown.press("y")
    shown.until("to see it again")
    shown.press("exit\n")
    assert shown.ends() == 0


# tmux and ssh


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_a_tmux_server_that_is_killed_leaves_the_run_training(terminal: Open, home: Home) -> None:
    tmux = ["tmux", "-S", str(home.path / "tmux"), "-f", "/dev/null"]
    command = shlex.join([COMMAND, *LONG])
    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "30", command], env=environment(home.path),
                   check=True, timeout=30)  # fmt: skip
    home.grows()
    subprocess.run([*tmux, "kill-server"], check=True, timeout=30)
    pid = home.pid()
    until(lambda: not terminals_of(pid), "the end of its terminal")
    assert home.grows()
    shown = terminal("attach")
    shown.until("attached")
    shown.press("n")
    shown.until("n input 0–1 ")


class Server:
    """An sshd of ours, with a key that is thrown away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        (folder / "keys").write_bytes((folder / "user.pub").read_bytes())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert sshd is not None
        options = {
            "Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "UsePAM": "no",
            "AuthorizedKeysFile": folder / "keys", "StrictModes": "no", "PidFile": "none",
            "PermitRootLogin": "yes", "AcceptEnv": "*",
        }  # fmt: skip
        self.daemon = subprocess.Popen(
            [sshd, "-D", "-e", "-f", os.devnull, *(f"-o{name}={value}" for name, value in options.items())],
            stderr=(folder / "sshd.log").open("w"),
        )  # fmt: skip
        until(self._listens, "sshd")

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def log_in(self, home: Path, command: str, size: tuple[int, int] = (120, 36)) -> Terminal:
        """Run a command in a terminal over ssh."""
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment(home).items())
        ssh = ["ssh", "-tt", "-q", "-p", str(self.port), "-i", str(self.folder / "user"), "-F", os.devnull,
               "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
               f"{getpass.getuser()}@127.0.0.1", f"env {variables} {command}"]  # fmt: skip
        return Terminal(ssh[1:], size, {**os.environ, "TERM": "xterm-256color"}, shutil.which("ssh") or "ssh")

    def close(self) -> None:
        self.daemon.terminate()
        self.daemon.wait()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") is None or shutil.which("ssh") is None:
        pytest.skip("there is no OpenSSH here")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    server = Server(folder)
    yield server
    server.close()


def test_an_ssh_client_that_is_killed_leaves_the_run_training_and_the_next_login_attaches(
    sshd: Server, home: Home
) -> None:
    first = sshd.log_in(home.path, shlex.join([COMMAND, *LONG]))
    first.until("running")
    home.grows()
    run, pid = home.run(), home.pid()
    os.kill(first.pid, signal.SIGKILL)
    first.close()
    until(lambda: not terminals_of(pid), "the end of its terminal")
    assert home.grows(run)
    second, third = (sshd.log_in(home.path, shlex.join([COMMAND, "attach"])) for _ in range(2))
    for each in (second, third):
        each.until("attached")
    second.press("n")
    for each in (second, third):
        each.until("n input 0–1 ")
    until(lambda: home.read(home.tail()) >= 0 and any(each.kind == "change" for each in home.events), "the mark")
    third.press("q")
    third.until("The run goes on at step")
    third.press("y")
    assert third.ends() == 0
    assert home.grows(run)
    second.press("qs")
    assert second.ends() == 0
    until(lambda: not lives(pid), "its end")
    home.read(home.tail())
    assert home.tail().status is Status.STOPPED
