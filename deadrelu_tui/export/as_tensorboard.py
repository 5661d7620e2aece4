"""A run as a folder of events for TensorBoard, written without it and without TensorFlow.

TensorBoard's scalars are float32: what is recorded as such comes back bit for bit, and what has more bits is rounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deadrelu_tui.export.files import OURS
from deadrelu_tui.export.libraries import needed
from deadrelu_tui.export.plain import cell, whole
from deadrelu_tui.export.recorded import start_of
from deadrelu_tui.record.records import Event, Look, Record, Start, Step
from deadrelu_tui.record.telling import told


def write(records: Sequence[Record], folder: Path) -> None:
    """Write one scalar per metric and step at the time of the step, and settings and events as text."""
    with needed("tensorboardX"):
        from tensorboardX.record_writer import RecordWriter

    start = start_of(records)
    began = start.at if start is not None else 0.0
    # Readers know a file of events by its name, and read those of a folder in the order of their names.
    out = RecordWriter(str(folder / f"{OURS}{max(0, int(began)):010}.deadrelu-tui"))
    try:
        for packet in _packets(records, start, began):
            out.write(packet)
    finally:
        out.close()


def _packets(records: Sequence[Record], start: Start | None, began: float) -> Iterator[bytes]:
    """Yield TensorBoard's events, in the order of their steps."""
    from tensorboardX.proto.event_pb2 import Event as Packet

    yield Packet(wall_time=began, file_version="brain.Event:2").SerializeToString()
    if start is not None:
        settings = _text("settings", _settings(start))
        yield Packet(wall_time=began, step=start.first, summary=settings).SerializeToString()
    waiting = deque(sorted((each for each in records if isinstance(each, Event)), key=lambda each: each.step))
    seconds = 0.0
    for record in records:
        if not isinstance(record, (Step, Look)):
            continue
        seconds = record.at if isinstance(record, Step) else seconds
        for step, text in _due(waiting, record.step):
            yield Packet(wall_time=began + seconds, step=step, summary=text).SerializeToString()
        scalars = _scalars({**_live(record), **record.values})
        yield Packet(wall_time=began + seconds, step=record.step, summary=scalars).SerializeToString()
    for step, text in _due(waiting, None):
        yield Packet(wall_time=began + seconds, step=step, summary=text).SerializeToString()


def _due(waiting: deque[Event], upto: int | None) -> Iterator[tuple[int, Any]]:
    """Yield step by step the events that have come up to a step, and take them from those that wait."""
    while waiting and (upto is None or waiting[0].step <= upto):
        step, sentences = waiting[0].step, list[str]()
        while waiting and waiting[0].step == step:
            sentences.append(told(waiting.popleft()))
        yield step, _text("events", "\n\n".join(sentences))


def _live(record: Step | Look) -> Mapping[str, float]:
    """Return what is set as a number."""
    live = record.live if isinstance(record, Step) else {}
    return {
        f"setting/{name}": value
        for name, value in live.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _scalars(values: Mapping[str, float]) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary

    with np.errstate(all="ignore"):
        narrow = {name: float(np.float32(value)) for name, value in values.items()}
    return Summary(value=[Summary.Value(tag=whole(name), simple_value=value) for name, value in narrow.items()])


def _settings(start: Start) -> str:
    """Return what was said at the start as a table in Markdown."""
    rows = {"run": start.run, "title": start.title, "device": start.device, **start.settings}
    lines = (f"| {_quoted(name)} | {_quoted(cell(value))} |" for name, value in rows.items())
    return "\n".join(("| | |", "|---|---|", *lines))


def _quoted(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


def _text(tag: str, text: str) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboardX.proto.tensor_pb2 import TensorProto
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

    kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[whole(text).encode()], tensor_shape=shape)
    return Summary(value=[Summary.Value(tag=tag, metadata=kind, tensor=tensor)])
