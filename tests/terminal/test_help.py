"""What a person is told at the prompt: help with examples, and what the shell completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from conftest import private_environment

from deadrelu_tui.builtin.presets import MEANING, PRESETS
from deadrelu_tui.cli import main_command

SCRIPTS = sysconfig.get_path("scripts")


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    for name, inner in (command.commands if isinstance(command, click.Group) else {}).items():
        yield from commands(inner, (*path, name))


EVERY = [path for path, _ in commands(main_command)]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_with_an_example_of_it_in_80_columns(path: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main_command, [*path, "--help"], terminal_width=79)
    assert told.exit_code == 0
    examples = told.output.partition("Examples:")[2]
    assert " ".join(("deadrelu-tui", *path)) in examples
    assert max(map(len, told.output.splitlines())) <= 80


def test_the_help_says_what_each_preset_is() -> None:
    assert MEANING.keys() == PRESETS.keys()
    for path in ((), ("run",)):
        told = CliRunner().invoke(main_command, [*path, "--help"]).output
        for name, meaning in MEANING.items():
            assert f"{name} " in told
            assert meaning in told


ASK = """
eval "$(deadrelu-tui completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_deadrelu_tui_completion deadrelu-tui "${{COMP_WORDS[-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("words", "offered"), [
    ("deadrelu-tui --pres", ["--preset"]),
    ("deadrelu-tui --preset t", ["tragedy", "tanh"]),
    ("deadrelu-tui --engine ''", ["auto", "mxnet", "torch", "numpy"]),
    ("deadrelu-tui run --activation re", ["relu"]),
    ("deadrelu-tui do", ["doctor"]),
    ("deadrelu-tui sh", ["show"]),
    ("deadrelu-tui runs r", ["rm"]),
    ("deadrelu-tui runs lr=0.1 --so", ["--sort"]),
    ("deadrelu-tui runs --sort acc", ["accuracy"]),
    ("deadrelu-tui show ''", []),
    ("deadrelu-tui completion ''", ["bash", "zsh", "fish"]),
])  # fmt: skip
def test_bash_completes_commands_options_and_their_values(tmp_path: Path, words: str, offered: list[str]) -> None:
    told = {**private_environment(tmp_path), "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", ASK.format(words=words)], env=told, capture_output=True, text=True, timeout=60,
                          check=True)  # fmt: skip
    assert done.stdout.split() == offered, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_that_they_can_read(tmp_path: Path, shell: str) -> None:
    done = subprocess.run([sys.executable, "-m", "deadrelu_tui", "completion", shell], capture_output=True, text=True,
                          timeout=60, check=True, env={**os.environ, **private_environment(tmp_path)})  # fmt: skip
    assert "_DEADRELU_TUI_COMPLETE" in done.stdout
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=done.stdout, text=True, check=True, timeout=60)
