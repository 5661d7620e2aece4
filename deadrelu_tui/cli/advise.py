"""What is to be expected of a network, without training it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

import click

from deadrelu_tui.cli.options import chosen, epilog, some_settings

_SETTINGS = ("lr", "normalise", "input_scale", "activation", "hidden", "batch_size", "init", "data_dir", "full")
_ELSEWHERE = ("normalise", "input_scale", "data_dir", "full")
"""Settings that are told with the data."""


@click.command(
    "advise",
    short_help="Say what to expect of a network before it is trained.",
    epilog=epilog(
        ("deadrelu-tui advise", "of the article's network"),
        ("deadrelu-tui advise --lr 0.5 --normalise", "of another rate and input"),
        ("deadrelu-tui advise --hidden 4,4,4,4,4 --init he", "whether it is born dead"),
        ("deadrelu-tui advise --input-scale 1/16 --json", "the same for programs"),
    ),
)
@some_settings(*_SETTINGS, preset=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def advise_command(ctx: click.Context, /, as_json: bool, **_given: Any) -> None:
    """Say by theory and rules what to expect: how probably the network is born dead, how large the first update is,
    and which learning rate layer 1 survives. Nothing is trained; every number comes with its formula.
    """
    from deadrelu_tui.engine import rehearsal

    settings = chosen(ctx)
    rehearsal.require_room(replace(settings, engine="numpy"))

    from deadrelu_tui import strict_json
    from deadrelu_tui.builtin import fashion_mnist
    from deadrelu_tui.builtin.promise import DIVISOR
    from deadrelu_tui.report import advice as report
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.theory.advice import advise
    from deadrelu_tui.theory.sample import sample

    scale = 1 / DIVISOR if settings.normalise else settings.input_scale
    images = fashion_mnist.find(settings.data_dir, settings.full)
    taken, labels = sample(images.train_images, images.train_labels, scale)
    found = advise(
        taken, labels, settings.hidden, settings.init, settings.activation,
        min(settings.batch_size, len(images.train_labels)), settings.lr,
    )  # fmt: skip
    of_settings = {name: settings.as_dict()[name] for name in _SETTINGS if name not in _ELSEWHERE}
    mean, deviation = (scale * each for each in images.moments)
    of_data = {
        "source": images.source, "sha256": images.sha256, "sample": len(labels), "inputs": taken.shape[1],
        "classes": images.classes, "input_scale": scale, "input_mean": mean, "input_std": deviation,
    }  # fmt: skip
    if as_json:
        click.echo(strict_json.line(report.data(found, of_settings, of_data)))
        return
    for line in report.lines(found, of_settings, of_data, Paper.of(sys.stdout, os.environ)):
        click.echo(line)
