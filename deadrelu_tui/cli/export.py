"""Recorded runs as files for other programs and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deadrelu_tui.cli.options import epilog, listed
from deadrelu_tui.cli.recorded import complete_run, file_of
from deadrelu_tui.errors import InputError

FORMATS = {
    "csv": "a row per step, for any program",
    "parquet": "the same rows with types, for pandas and the like",
    "tensorboard": "a folder of events for TensorBoard",
    "json": "everything that is recorded, and what is found in it",
    "png": "the article's picture: zeros, dead units, gradient sums",
    "svg": "the same picture, sharp at any size",
    "html": "a page with charts and unit maps, in one file",
}
"""What can be written; in full where it is done (export.formats), which is slow to load."""


@click.command(
    "export",
    short_help="Write a recorded run as CSV, Parquet, TensorBoard, JSON, picture, page.",
    epilog=epilog(
        ("deadrelu-tui export last run.csv run.html", "a table and a page"),
        ("deadrelu-tui export last --format png", "a picture, named by the run"),
        ("deadrelu-tui export last run.tensorboard", "for tensorboard --logdir ."),
        more="Formats:\n\n" + listed(*FORMATS.items()),
    ),
)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(list(FORMATS)),
    help="Write this, to a file of the run's name here. May be given several times.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.pass_context
def export_command(
    ctx: click.Context, /, run: str, paths: tuple[Path, ...], formats: tuple[str, ...], overwrite: bool, **_given: Any
) -> None:
    """Write a recorded run as files; the end of a file's name says in which format.

    RUN is an id, the beginning of one, or `last`; one that still runs is written as far as it is. Parquet, TensorBoard
    and pictures need more than the base: pip install 'deadrelu-tui[export]'.
    """
    if not paths and not formats:
        raise InputError(f"name a file, such as {run}.csv, or a format: {', '.join(FORMATS)}")
    path = file_of(run)
    from deadrelu_tui.export import formats as known
    from deadrelu_tui.record.steps import apart
    from deadrelu_tui.run.file import Tail

    wanted = [(known.format_of(each), each) for each in paths]
    wanted += [(known.FORMATS[each], Path(path.stem + known.FORMATS[each].suffix)) for each in formats]
    tail = Tail(path)
    records = list(apart(tail.read()))
    if tail.damaged:
        click.echo(f"deadrelu-tui: {path.name} is damaged; it is written as far as it can be read", err=True)
    for form, to in wanted:
        form.write(records, to, overwrite=overwrite)
        click.echo(str(to))
