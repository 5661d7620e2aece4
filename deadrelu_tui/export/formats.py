"""What a run can be turned into. Each format loads what it needs only when it is asked to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deadrelu_tui.errors import InputError
from deadrelu_tui.export import as_csv, as_html, as_json, as_parquet, as_picture, as_tensorboard
from deadrelu_tui.export.files import placed
from deadrelu_tui.export.recorded import check as check_records
from deadrelu_tui.record.records import Record
from deadrelu_tui.wording import printable


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    name: str
    suffix: str
    about: str
    """What it is, in a few words."""
    make: Callable[[Sequence[Record], Path], None]
    """Writes to a path at which nothing is yet, or into a folder that is empty."""
    folder: bool = False
    """Whether it is a folder of files."""

    def write(self, records: Sequence[Record], path: Path, *, overwrite: bool = False) -> None:
        """Write a run to a path, whole or not at all.

        Raises InputError, in one line, where something is in the way or a library is missing.
        """
        check_records(records)
        with placed(path, folder=self.folder, overwrite=overwrite) as beside:
            self.make(records, beside)


_ALL = (
    Format("csv", ".csv", "a row per step, for any program", as_csv.write),
    Format("parquet", ".parquet", "the same rows with types, for pandas and the like", as_parquet.write),
    Format("tensorboard", ".tensorboard", "a folder of events for TensorBoard", as_tensorboard.write, folder=True),
    Format("json", ".json", "everything that is recorded, and what is found in it", as_json.write),
    Format("png", ".png", "the article's picture: zeros, dead units, gradient sums", as_picture.write_png),
    Format("svg", ".svg", "the same picture, sharp at any size", as_picture.write_svg),
    Format("html", ".html", "a page with charts and unit maps, in one file", as_html.write),
)
FORMATS: Mapping[str, Format] = {each.name: each for each in _ALL}


def format_of(path: Path) -> Format:
    """Return the format that the end of a path's name stands for. Raises InputError where it stands for none."""
    found = next((each for each in _ALL if path.name.lower().endswith(each.suffix)), None)
    if found is None:
        known = ", ".join(each.suffix for each in _ALL)
        raise InputError(f"{printable(str(path))} could be of any format; end its name in one of {known}")
    return found
