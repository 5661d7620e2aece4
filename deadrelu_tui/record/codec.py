"""Records as bytes and back: a run is kept in a file, read while the file still grows, and told to other processes.

Files stay while the program changes, so a stream says by itself what is in it. Version 1, all of it little-endian:

- A line of text, `deadrelu-tui records 1`, then packets: length of the payload and its CRC-32 (u32 each), payload.
- A payload is a line of JSON (UTF-8; also NaN, Infinity, -Infinity), then packed arrays, if any.
- `{"kind": K, "record": {…}}` is a record with its fields by name: K is start, event or end.
- `{"kind": "form", "id": I, "of": "step", …}` tells once what steps repeat. What it leaves out is as in the form
  `like`; a later form may take over an id. `arrays` names the arrays of such a step and the bytes of each: `values` of
  `dtype` in the order of `names`; `fired`, a bit per unit, the first one highest, layer after layer without a gap;
  `looks`, float32, of each layer in turn each of the `columns` and then its `bins`, as many as its spread has.
- `[I, …]` is a step of form I: the values of the form's `fields`, then its arrays. A form of a look after a step
  (`of` is `look`) has no `fired`, and of what a step says in its line the number alone.
- `[I, N]` of a form of `steps` are N steps in a row without a look. Each array is N times as long as `arrays` says:
  `step` and `epoch` (int64; no `epoch` for a training without), `at` (float64), `values` and `fired`, a row per step.

A reader skips kinds, keys, fields, arrays and columns that it does not know; what it misses takes its default, a column
NaN. A packet that is not whole is the end so far; so looks a damaged length, up to MOST. A packet whose length,
checksum or content cannot be is damage, and nothing is read from there on.

Every float comes back bit for bit, save that a NaN outside the arrays comes back as the ordinary one. Values are floats
of 64 bits: a float32 scalar that is a signalling NaN is quieted on its way into one, before it is written.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.records import End, Event, Live, Look, Record, Start, Step
from deadrelu_tui.record.steps import Steps, apart, together
from deadrelu_tui.record.units import OF_EACH, Units

VERSION = 1
MOST = 1 << 30
"""Bytes of a payload; what claims to be longer is damage."""
FORMS = 256
"""Forms that are known at a time: a rate that changes at every step makes as many as there are steps."""
_MAGIC = b"deadrelu-tui records "
_LINE = 64
"""Bytes within which the first line ends."""
_PACKET = struct.Struct("<II")
_KINDS: dict[str, type[Start | Event | End]] = {"start": Start, "event": Event, "end": End}
_FIELDS: dict[str, tuple[str, ...]] = {"step": ("step", "at", "epoch"), "look": ("step",), "steps": ()}
"""What stands in the line of each."""
_BROKEN = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a payload may raise that is not what it should be."""


def _narrow(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return values as float32 if that holds every one of them bit for bit."""
    with np.errstate(all="ignore"):
        narrow = values.astype("<f4")
        return narrow if narrow.astype("<f8").tobytes() == values.tobytes() else values


def _plain(value: Any) -> Any:
    """Return as what JSON knows a value that it does not."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars
        return value.tolist()
    raise TypeError(f"a record holds names and numbers, not {type(value).__name__}")


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


def _packet(line: str, *arrays: bytes) -> bytes:
    # Half a surrogate pair may stand in the name of a file; it comes back as it was.
    payload = b"".join((line.encode("utf-8", "surrogatepass"), b"\n", *arrays))
    return _PACKET.pack(len(payload), zlib.crc32(payload)) + payload


@dataclass(frozen=True)
class _Form:
    """What steps repeat, as a stream tells it."""

    of: str = "step"
    names: tuple[str, ...] = ()
    dtype: str = "<f8"
    fired: Mapping[str, int] = field(default_factory=dict)
    looks: Mapping[str, int] = field(default_factory=dict)
    activations: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    bins: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, Any] = field(default_factory=dict)
    ends_epoch: bool = False
    fields: tuple[str, ...] = _FIELDS["step"]
    arrays: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = (*self.fired.values(), *self.looks.values(), *self.bins.values(), *self.arrays.values())
        if self.dtype not in ("<f4", "<f8") or min(sizes, default=0) < 0 or (self.looks and not self.columns):
            raise ValueError("no step has this form")

    def read(self, told: list[Any], payload: bytes, at: int) -> Step | Steps | Look:
        """Return a step, several or a look from its line and what follows it."""
        if self.of == "steps":
            return self._read_steps(told[1], payload, at)
        known, arrays = dict(zip(self.fields, told[1:], strict=True)), dict.fromkeys(("values", "fired", "looks"), b"")
        for name, size in self.arrays.items():
            arrays[name] = payload[at : at + size]
            at += size
        step, when, epoch = known["step"], known.get("at", 0.0), known.get("epoch")
        if not (isinstance(step, int) and isinstance(when, (float, int)) and isinstance(epoch, (int, type(None)))):
            raise ValueError("no step is numbered so")
        with np.errstate(all="ignore"):
            floats = np.frombuffer(arrays["values"], self.dtype).astype(np.float64).tolist()
        values = dict(zip(self.names, floats, strict=True))
        bits = np.unpackbits(np.frombuffer(arrays["fired"], np.uint8)).view(np.bool_)
        numbers = np.frombuffer(arrays["looks"], "<f4").astype(np.float32)
        blocks = {layer: len(self.columns) * units + self.bins.get(layer, 0) for layer, units in self.looks.items()}
        if len(bits) // 8 != (sum(self.fired.values()) + 7) // 8 or len(numbers) != sum(blocks.values()):
            raise ValueError("not as much as there are units")
        fired = dict(_cut(bits, self.fired))
        looks = {layer: self._units(layer, block) for layer, block in _cut(numbers, blocks)}
        if self.of == "look":
            return Look(step, values, looks)
        if missing := {"at", "epoch"} - known.keys():
            raise ValueError(f"no {missing} is told")
        return Step(step, when, epoch, self.live, values, fired, looks, self.ends_epoch)

    def _read_steps(self, count: int, payload: bytes, at: int) -> Steps:
        if type(count) is not int or not 0 < count <= len(payload):
            raise ValueError("no steps are so many")
        arrays: dict[str, bytes] = {}
        for name, size in self.arrays.items():
            arrays[name] = payload[at : at + count * size]
            at += count * size
        values = np.frombuffer(arrays.get("values", b""), self.dtype)
        units = sum(self.fired.values())
        packed = np.frombuffer(arrays.get("fired", b""), np.uint8).reshape(count, (units + 7) // 8)
        bits = np.unpackbits(packed, axis=1)[:, :units].view(np.bool_)
        step, when = (np.frombuffer(arrays[name], kind) for name, kind in (("step", "<i8"), ("at", "<f8")))
        epoch = np.frombuffer(arrays["epoch"], "<i8") if "epoch" in arrays else None
        if {len(each) for each in (step, when, epoch if epoch is not None else when)} != {count}:
            raise ValueError("not as many as there are steps")
        if len(set(self.names)) < len(self.names):
            raise ValueError("a metric is told once")
        return Steps(step, when, epoch, self.live, self.names, values.reshape(count, len(self.names)),
                     dict(_cut(bits, self.fired, axis=1)))  # fmt: skip

    def _units(self, layer: str, block: npt.NDArray[np.float32]) -> Units:
        lacking = np.full(self.looks[layer], np.nan, np.float32)
        of_each, spread = np.split(block, [len(self.columns) * len(lacking)])
        found = dict(zip(self.columns, of_each.reshape(len(self.columns), -1), strict=True))
        told = {name: found.get(name, lacking) for name in OF_EACH}
        return Units(self.activations[layer], **told, spread=spread)


def _cut(array: npt.NDArray[Any], sizes: Mapping[str, int], axis: int = 0) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    at = 0
    for layer, size in sizes.items():
        yield layer, array[at : at + size] if axis == 0 else array[:, at : at + size]
        at += size


@cache
def _shape(hint: Any) -> tuple[Any, tuple[Any, ...], Mapping[str, Any] | None]:
    """Return of what kind a declared type is, of what, and the fields of a record with their types: a start alone has
    hundreds of them.
    """
    return get_origin(hint) or hint, get_args(hint), get_type_hints(hint) if is_dataclass(hint) else None


def _made(hint: Any, given: Any) -> Any:
    """Return what JSON told as what a field is declared to be, or raise one of _BROKEN."""
    origin, args, hints = _shape(hint)
    if hints is not None:
        known = _made(dict, given)
        return origin(**{name: _made(hints[name], known[name]) for name in hints if name in known})
    if origin in (tuple, frozenset):
        return origin([_made(args[0], each) for each in _made(list, given)])
    if origin is Mapping:
        return {name: _made(args[1], each) for name, each in _made(dict, given).items()}
    if hint is Any or isinstance(given, (float, int) if hint is float else args or hint):
        return given
    raise ValueError(f"{given!r} is not {hint}")


class Encoder:
    """Turns the records of one stream into bytes, in their order."""

    header = _MAGIC + b"%d\n" % VERSION
    """What the stream begins with. Where it goes on, a new encoder may follow without it."""

    def __init__(self) -> None:
        self._ids: dict[Any, int] = {}
        self._last: dict[str, str] = {}
        """The form written last, each key's value as JSON."""

    def encode(self, record: Record | Steps) -> bytes:
        """Return a record's packet, after that of its form where it is the first of it."""
        if isinstance(record, Steps):
            return self._encode_steps(record)
        if isinstance(record, Step):
            return self._encode_measured(record, "step", record.fired, record.live, record.ends_epoch)
        if isinstance(record, Look):
            return self._encode_measured(record, "look")
        kind = next(name for name, each in _KINDS.items() if isinstance(record, each))
        return _packet(_json({"kind": kind, "record": record}))

    def _encode_measured(
        self, record: Step | Look, of: str, fires: Mapping[str, npt.NDArray[np.bool_]] = MappingProxyType({}),
        live: Live = MappingProxyType({}), ends_epoch: bool = False,
    ) -> bytes:  # fmt: skip
        names = tuple(record.values)
        values = _narrow(np.fromiter(record.values.values(), "<f8", len(names)))
        arrays = {"values": values.tobytes()}
        fired = {layer: np.asarray(each, np.bool_) for layer, each in fires.items()}
        if fired:
            arrays["fired"] = np.packbits(np.concatenate(list(fired.values()))).tobytes()
        if record.looks:
            told_of = [getattr(units, name) for units in record.looks.values() for name in (*OF_EACH, "spread")]
            arrays["looks"] = b"".join(np.asarray(each, "<f4").tobytes() for each in told_of)
        sizes = tuple((layer, each.size) for layer, each in fired.items())
        looks = tuple((name, len(each), each.activation, len(each.spread)) for name, each in record.looks.items())
        # As JSON: 1 equals True and is not the same, and NaN does not equal itself.
        key = (of, names, values.dtype.str, sizes, looks, _json(live), ends_epoch)
        # Before the form: what cannot be told leaves nothing behind on which later steps would build.
        head, form = _json([getattr(record, name) for name in _FIELDS[of]]), b""
        if key not in self._ids:
            widths, activations = {name: size for name, size, *_ in looks}, {name: each for name, _, each, _ in looks}
            bins = {name: each for name, *_, each in looks if each}
            lengths = {name: len(data) for name, data in arrays.items()}
            told = _Form(of, names, values.dtype.str, dict(sizes), widths, activations, OF_EACH, bins, live,
                         ends_epoch, _FIELDS[of], lengths)  # fmt: skip
            form = self._encode_form(key, told)
        return form + _packet(f"[{self._ids[key]},{head[1:]}", *arrays.values())

    def _encode_steps(self, record: Steps) -> bytes:
        count, values = len(record), _narrow(np.asarray(record.values, "<f8"))
        arrays = {"step": np.asarray(record.step, "<i8"), "at": np.asarray(record.at, "<f8"), "values": values}
        if record.epoch is not None:
            arrays["epoch"] = np.asarray(record.epoch, "<i8")
        if record.fired:
            arrays["fired"] = np.packbits(np.concatenate(list(record.fired.values()), axis=1), axis=1)
        sizes = tuple((layer, each.shape[1]) for layer, each in record.fired.items())
        data = {name: each.tobytes() for name, each in arrays.items()}
        key, form = ("steps", record.names, values.dtype.str, sizes, _json(record.live), tuple(data)), b""
        if key not in self._ids:
            told = _Form("steps", record.names, values.dtype.str, dict(sizes), live=record.live, fields=(),
                         arrays={name: len(each) // count for name, each in data.items()})  # fmt: skip
            form = self._encode_form(key, told)
        return form + _packet(f"[{self._ids[key]},{count}]", *data.values())

    def _encode_form(self, key: Any, form: _Form) -> bytes:
        told = {each.name: _json(getattr(form, each.name)) for each in fields(form)}
        like = {"like": str(len(self._ids) - 1)} if self._ids else {}
        if len(self._ids) == FORMS:
            self._ids.clear()
        self._ids[key] = len(self._ids)
        news = {name: text for name, text in told.items() if name == "of" or self._last.get(name) != text}
        self._last = told
        line = {"kind": '"form"', "id": str(self._ids[key]), **like, **news}
        return _packet("{" + ",".join(f'"{name}":{text}' for name, text in line.items()) + "}")


class Decoder:
    """Turns the bytes of a stream into records, in pieces of any length."""

    def __init__(self) -> None:
        self.damaged = False
        """Whether something was met that no encoder wrote; nothing is read from there on."""
        self.whole = 0
        """Bytes that were read as whole records, the first line included."""
        self._data = bytearray()
        self._begun = False
        self._told: dict[int, dict[str, Any]] = {}
        self._forms: dict[int, _Form | None] = {}

    def feed(self, data: bytes) -> Iterator[Record | Steps]:
        """Yield the records that these bytes complete; raise InputError where a stream is none or is newer."""
        self._data += data
        return self._records()

    @property
    def waiting(self) -> int:
        """Bytes that were fed and make no whole record yet."""
        return len(self._data)

    def forget(self) -> None:
        """Forget what is not whole, damaged or not: it is fed anew, perhaps otherwise, from `whole` on."""
        self._data.clear()
        self.damaged = False

    def _records(self) -> Iterator[Record | Steps]:
        self._begun = self._begun or self._begin()
        while self._begun and not self.damaged and len(self._data) >= _PACKET.size:
            length, checksum = _PACKET.unpack_from(self._data)
            end = _PACKET.size + length
            if length <= MOST and len(self._data) < end:
                return
            record = None
            try:
                with memoryview(self._data) as data:
                    payload = bytes(data[_PACKET.size : end])
                if length > MOST or zlib.crc32(payload) != checksum:
                    raise ValueError("not what was written")
                record = self._read(payload)
            except _BROKEN:
                self.damaged = True
            del self._data[:end]
            self.whole += 0 if self.damaged else end
            if record is not None:
                yield record
        if self.damaged:
            self._data.clear()

    def _begin(self) -> bool:
        line, ended, _ = bytes(self._data[:_LINE]).partition(b"\n")
        version, whole = line[len(_MAGIC) :], bool(ended) or len(line) == _LINE
        if line[: len(_MAGIC)] != _MAGIC[: len(line)] or (whole and not version.isdigit()):
            raise InputError(f"these are no records of a run, which begin with: {Encoder.header.decode().strip()}")
        if whole and int(version) != VERSION:
            told = f"these records are of version {int(version)} and only version {VERSION} is known here"
            raise InputError(f"{told}; update deadrelu-tui")
        length = len(line) + 1 if whole else 0
        del self._data[:length]
        self.whole += length
        return whole

    def _read(self, payload: bytes) -> Record | Steps | None:
        line = payload.index(b"\n")
        told = json.loads(payload[:line].decode("utf-8", "surrogatepass"))
        if isinstance(told, list):
            form = self._forms[told[0]]
            return form.read(told, payload, line + 1) if form is not None else None
        kind = _made(dict, told).get("kind")
        if kind == "form":
            told = {**(self._told[told["like"]] if "like" in told else {}), **told}
            self._told[told["id"]] = told
            self._forms[told["id"]] = _made(_Form, told) if told["of"] in _FIELDS else None
        record: Record | None = _made(_KINDS[kind], told["record"]) if kind in _KINDS else None
        return record


def dump(records: Iterable[Record | Steps]) -> bytes:
    """Return a stream of records."""
    encoder = Encoder()
    return encoder.header + b"".join(map(encoder.encode, together(records)))


def load(data: bytes) -> list[Record]:
    """Return the records of a stream, as far as it can be read."""
    return list(apart(Decoder().feed(data)))
