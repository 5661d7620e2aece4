"""A run as Parquet: the table of CSV with a type for every column, and what was said of the run beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deadrelu_tui.export.libraries import needed
from deadrelu_tui.export.plain import as_json, whole
from deadrelu_tui.export.recorded import start_of
from deadrelu_tui.export.table import Column, Table, batches
from deadrelu_tui.record.records import Record

_AT_A_TIME = 65_536
"""Rows of a group: so many are turned into columns at once."""


def write(records: Sequence[Record], path: Path) -> None:
    """Write a row per step; what a record lacks is null, NaN stays NaN. The schema's metadata have the run's start."""
    with needed("pyarrow"):
        import pyarrow as pa
        from pyarrow import parquet

    table = Table.of(records)
    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
    fields = [pa.field(whole(each.name), types[each.kind]) for each in table.columns]
    schema = pa.schema(fields, metadata=_metadata(records))
    with path.open("xb") as file, parquet.ParquetWriter(file, schema) as out:
        for rows in batches(table.rows(), _AT_A_TIME):
            columns = zip(table.columns, zip(*rows, strict=True), strict=True)
            arrays = [pa.array(_values(column, values), types[column.kind]) for column, values in columns]
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _values(column: Column, values: tuple[Any, ...]) -> Sequence[Any]:
    return values if column.kind is not str else [None if each is None else whole(each) for each in values]


def _metadata(records: Sequence[Record]) -> dict[str, str]:
    start = start_of(records)
    if start is None:
        return {}
    told = {"run": start.run, "start": as_json(start), "settings": as_json(start.settings)}
    return {f"deadrelu_tui.{name}": whole(value) for name, value in told.items()}
