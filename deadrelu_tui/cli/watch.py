"""Watching somebody's own script, unedited."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

import deadrelu_tui
from deadrelu_tui.cli.alone import left_running
from deadrelu_tui.cli.join import choose, join, leave
from deadrelu_tui.cli.launcher import Launched, launch
from deadrelu_tui.cli.options import INTERRUPTED, USAGE_ERROR, chosen_beside, epilog
from deadrelu_tui.cli.showing import Opened, screen_options, show
from deadrelu_tui.cli.trainings import Trainings
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.watching import CONTROLS
from deadrelu_tui.watching.script import VARIABLE
from deadrelu_tui.wording import moment

TICK = 0.1
"""Seconds between two looks at what the script has said."""
TOLD = 12
"""Lines of what a script said last that are repeated when it has failed."""


class Watching(click.Command):
    """A command whose own options end where the script's words begin, as Python's do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave to the script what stands behind its name."""
        valued = {name for each in self.params if isinstance(each, click.Option) and not each.is_flag
                  for name in each.opts}  # fmt: skip
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in ("-m", "-c", "--", "-"):
            at += 2 if args[at] in valued else 1
        ctx.meta["script"] = args[at:]
        return super().parse_args(ctx, args[:at])


@click.command(
    "watch",
    cls=Watching,
    short_help="Run a script of your own, and watch the network that it trains.",
    options_metavar="[OPTIONS]",
    epilog=epilog(
        ("deadrelu-tui watch train.py --epochs 3", "what follows the script is its own"),
        ("deadrelu-tui watch -m my.training", "a module, as with python -m"),
        ("deadrelu-tui watch --detach train.py", "prints an id; attach shows it"),
    ),
)
@click.option("--detach", is_flag=True, help="Print the run's id and leave the script alone; attach shows it.")
@click.option("--python", metavar="PATH", help="The script's interpreter.  [default: that of the active environment]")
@click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="N",
    help="A unit is dead after N samples of the training without firing, in place of a probe.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.02,
    metavar="SHARE",
    show_default=True,
    help="The share of the training's time that the watching may take.",
)
@click.option(
    "--controls",
    default=",".join(CONTROLS),
    metavar="LIST",
    show_default=True,
    help="What the keys may do to the training; none for nothing.",
)
@click.option("--name", metavar="TEXT", help="What the run is called.  [default: the network's class]")
@click.option(
    "--pid", type=click.IntRange(min=1), metavar="PID", help="Join a training that runs already: its process."
)
@click.option("--control", is_flag=True, help="With --pid: have the keys pause, stop, revive and change lr, too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=10.0,
    metavar="SECONDS",
    show_default=True,
    help="With --pid: how long a process that is busy is waited for, and its next step.",
)
@click.option("--leave", metavar="RUN", help="Leave a training that was joined with --detach; it goes on.")
@screen_options
@click.pass_context
def watch_command(ctx: click.Context, /, detach: bool, python: str | None, **given: Any) -> None:
    """Run a script of your own, unedited, and watch the network that it trains with PyTorch.

    \b
    deadrelu-tui watch [OPTIONS] SCRIPT.py [ARGS]...
    deadrelu-tui watch [OPTIONS] -m MODULE [ARGS]...
    deadrelu-tui watch [OPTIONS] -c CODE [ARGS]...
    deadrelu-tui watch [OPTIONS] --pid PID

    The script runs in its own interpreter, in which NumPy is all that has to be installed beside PyTorch. Its exit code
    is ours. On a terminal the screen opens at the first step; what the script says is kept in a file, which O shows.
    Elsewhere the script runs as if nobody watched, and its run can be attached to.

    With --pid a training is joined that began without us, and left again when the screen is: it goes on as if nobody
    had come. Without a script and --pid, on a terminal, the processes are listed that can be joined.
    """
    controls, words = _controls(given["controls"]), ctx.meta["script"]
    if given["leave"] is not None:
        ctx.exit(leave(given["leave"]))
    pid = given["pid"]
    if pid is None and not words and os.isatty(0) and os.isatty(1):
        pid = choose()
    if pid is not None:
        if words:
            raise InputError("--pid joins a process that runs already: there is no script to name")
        joined = {
            "window": given["window"], "budget": given["budget"], "name": given["name"],
            "controls": controls if given["control"] else [], "joined": True,
        }  # fmt: skip
        ctx.exit(join(ctx, pid, joined, detach, given["timeout"]))
    kind, what, argv = _called(ctx.meta["script"])
    interpreter = _interpreter(python)
    told: dict[str, Any] = {
        "kind": kind, "what": what, "argv": argv, "runs": str(runs_folder()),
        "path": "" if kind == "code" else os.getcwd() if kind == "module" else os.path.dirname(os.path.realpath(what)),
        "package": str(Path(deadrelu_tui.__file__).parent), "window": given["window"], "budget": given["budget"],
        "controls": controls, "name": given["name"],
    }  # fmt: skip
    if detach:
        ctx.exit(_detached(interpreter, told))
    if not (os.isatty(0) and os.isatty(1)):
        ctx.exit(_beside(interpreter, told))
    ctx.exit(_shown(ctx, interpreter, told))


def _called(words: list[str]) -> tuple[str, str, list[str]]:
    """Return of which kind it is, what it is, and the script's sys.argv."""
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        raise InputError("which script? deadrelu-tui watch SCRIPT.py ARGS…, or -m MODULE, or -c CODE, or --pid PID")
    if words[0] in ("-m", "-c"):
        if len(words) < 2:
            raise InputError(f"{words[0]} wants {'a module' if words[0] == '-m' else 'code'} behind it")
        return ("module" if words[0] == "-m" else "code"), words[1], [words[0] if words[0] == "-c" else words[1],
                                                                     *words[2:]]  # fmt: skip
    script = Path(words[0])
    if not script.is_file():
        raise InputError(f"there is no script {words[0]}" + (": it is a folder" if script.is_dir() else ""))
    return "script", words[0], words


def _controls(text: str) -> list[str]:
    wanted = [] if text in ("", "none") else [each.strip() for each in text.split(",")]
    if unknown := [each for each in wanted if each not in CONTROLS]:
        raise InputError(f"controls may be {', '.join(CONTROLS)}, or none, not {unknown[0]!r}")
    return wanted


def _interpreter(python: str | None) -> str:
    """Return the script's interpreter: the one that is named, that of the active environment, our own if it has
    PyTorch, else what `python` is here.
    """
    import shutil
    from importlib.util import find_spec

    if python is not None:
        found = shutil.which(python)
        if found is None:
            raise InputError(f"--python {python}: there is no such program")
        return found
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = os.environ.get(variable)
        if folder and os.access(os.path.join(folder, "bin", "python"), os.X_OK):
            return os.path.join(folder, "bin", "python")
    if find_spec("torch") is not None:
        return sys.executable
    return shutil.which("python") or shutil.which("python3") or sys.executable


class Script:
    """A script that runs, and what it tells of being watched."""

    def __init__(self, interpreter: str, told: dict[str, Any], output: Path | None) -> None:
        """Start it, with its streams in a file if one is given, in a session of its own then."""
        self.output = output
        self.runs: list[str] = []
        """What it trains: a run for each network."""
        self.fault = ""
        self._read, write = os.pipe()
        told = {**told, "tell": write, "file": output is not None}
        streams: dict[str, Any] = {}
        if output is not None:
            told["facts"] = {"output": str(output)}
            output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            stdin = subprocess.DEVNULL if os.isatty(0) else None
            streams = {"stdin": stdin, "stdout": file, "stderr": file, "start_new_session": True}
        bootstrap = Path(deadrelu_tui.__file__).parent / "watching" / "script.py"
        try:
            self.process = subprocess.Popen(
                [interpreter, str(bootstrap)], env={**os.environ, VARIABLE: json.dumps(told)}, pass_fds=[write],
                **streams,
            )  # fmt: skip
        except OSError as error:
            raise InputError(f"{interpreter} cannot be started: {error.strerror}") from error
        finally:
            os.close(write)
            if output is not None:
                os.close(file)

    @property
    def run(self) -> str:
        """The first of its runs; empty before there is one."""
        return self.runs[0] if self.runs else ""

    def hear(self, patience: float) -> bool:
        """Take what it tells, for so many seconds; return whether there may be more to come."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._read, selectors.EVENT_READ)
            if not selector.select(patience):
                return True
        data = os.read(self._read, 65536)
        for line in data.splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                self.runs += [said["run"]] if "run" in said else []
                self.fault = said.get("fault", self.fault)
        return bool(data)


def _detached(interpreter: str, told: dict[str, Any]) -> int:
    """Start the script, say which run it is as soon as it trains, and leave it alone."""
    script = Script(interpreter, told, _output())
    while not (script.run or script.fault) and script.hear(60.0):
        pass
    if script.run:
        click.echo(script.run)
        return 0
    if script.fault and script.process.poll() is None:
        _say_fault(script)
        click.echo(f"deadrelu-tui: it goes on by itself; what it says: {script.output}", err=True)
        return 1
    code = script.process.wait()
    _say_last(script, code)
    return _code(code)


def _beside(interpreter: str, told: dict[str, Any]) -> int:
    """Run the script as if nobody watched: its streams and signals are those of this process."""
    script = Script(interpreter, told, None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):
            signal.signal(number, lambda number, _frame: script.process.send_signal(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the script hears it from the terminal itself
    said = 0
    while script.hear(3600.0):
        for each in script.runs[said:]:
            click.echo(f"deadrelu-tui attach {each}", err=True)
        said = len(script.runs)
    code = script.process.wait()
    if not script.run:
        _say_fault(script)
    return _code(code)


def _shown(ctx: click.Context, interpreter: str, told: dict[str, Any]) -> int:
    """Run the script, tell what it says until it trains, then show the screen."""
    from deadrelu_tui.tui.wire import terminal

    terminal.check()
    launched = launch()
    script = Script(interpreter, told, _output())
    assert script.output is not None
    with script.output.open("rb") as said, _passed_on(script):
        heard = True
        while heard and not script.run:
            heard = script.hear(TICK)
            _copy(said)
        if not script.run:
            code = script.process.wait()
            _copy(said)
    if not script.run:
        _say_fault(script)
        return _code(code)
    return _seen(ctx, script, launched)


def _seen(ctx: click.Context, script: Script, launched: Launched) -> int:
    from deadrelu_tui.run.attached import Attached
    from deadrelu_tui.run.folder import path_of
    from deadrelu_tui.run.recorded import Recorded
    from deadrelu_tui.run.source import ALIVE

    assert script.output is not None
    path = path_of(runs_folder(), script.run)
    while not path.exists() and script.process.poll() is None:
        time.sleep(TICK / 10)

    def opened(_trainings: Trainings) -> Opened:
        first = Attached(path)
        return Opened(first, begin=_no_other)

    show(chosen_beside(ctx), opened, launched=launched)
    found = Recorded(path)
    found.settle()
    if script.process.poll() is None and found.status in ALIVE:
        click.echo(left_running(found, ""))
        return 0
    with script.output.open("rb") as said, _passed_on(script):  # it may have more to do than to train
        said.seek(0, os.SEEK_END)
        while script.process.poll() is None:
            time.sleep(TICK)
            _copy(said)
    if script.process.returncode not in (0, INTERRUPTED):
        _say_last(script, script.process.returncode)
    return _code(script.process.returncode)


def _no_other(_values: Any, _paused: bool) -> Any:
    raise InputError("a script is started again by starting it again")


@contextlib.contextmanager
def _passed_on(script: Script) -> Any:
    """Have the script hear of signals to this process, as long as nothing is shown."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda number, _frame: script.process.send_signal(number))
    try:
        yield
    finally:
        for number, how in before.items():
            signal.signal(number, how)


def _copy(said: Any) -> None:
    data = said.read()
    if data:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()


def _say_fault(script: Script) -> None:
    why = script.fault or "it trained no network of PyTorch's"
    click.echo(f"deadrelu-tui: the script was not watched: {why}", err=True)


def _say_last(script: Script, code: int) -> None:
    """Repeat what a script said last, and where all of it is."""
    if script.output is not None:
        with contextlib.suppress(OSError):
            for line in script.output.read_text(errors="replace").splitlines()[-TOLD:]:
                click.echo(line, err=True)
    if not script.run:
        _say_fault(script)
    told = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    click.echo(f"deadrelu-tui: the script ended {told}; all that it said: {script.output}", err=True)


def _output() -> Path:
    """Return a file for what a script says."""
    name = f"{moment(time.time(), '%Y%m%d-%H%M%S') or round(time.time())}-{os.getpid()}.txt"
    return runs_folder().parent / "output" / name


def _code(code: int) -> int:
    """Return a script's exit code; what ended by a signal ends us by the same."""
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code if code >= 0 else USAGE_ERROR
