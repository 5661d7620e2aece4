"""Records as bytes and back: bit for bit, whatever is torn, damaged, unknown or lacking."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import FORMS, MOST, Decoder, Encoder, dump, load
from deadrelu_tui.record.metrics import Quantity, quantity
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import End, Event, Look, Record, Start, Step
from deadrelu_tui.record.steps import TOGETHER, Steps, apart, together
from deadrelu_tui.record.units import Units

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

COLUMNS = (
    "firing", "unsaturated", "activity", "pre_mean", "pre_max", "bias", "weight_norm", "gradient", "batch",
)  # fmt: skip
LR, NETWORK = {"lr": 0.01}, Network((Layer("h1", 2, "relu", "w1", "b1"),), (Parameter("w1", (2, 3)),))


def bits(record: Record) -> str:
    """Return a record so that equal texts are equal bits, types and orders."""
    if isinstance(record, Start):
        return repr((replace(record, can=frozenset()), sorted(record.can)))
    if not isinstance(record, (Step, Look)):
        return repr(record)
    values = [(name, struct.pack("<d", value)) for name, value in record.values.items()]
    told = (*COLUMNS, "spread")
    looks = [(layer, each.activation, [table(each, name) for name in told]) for layer, each in record.looks.items()]
    if isinstance(record, Look):
        return repr((record.step, values, looks))
    fired = [(layer, each.dtype.str, each.tolist()) for layer, each in record.fired.items()]
    head = (record.step, struct.pack("<d", record.at), record.epoch, dict(record.live), record.ends_epoch)
    return repr((head, values, fired, looks))


def table(units: Units, name: str) -> tuple[str, bytes]:
    column = getattr(units, name)
    return column.dtype.str, column.tobytes()


def packet(told: Any, arrays: bytes = b"") -> bytes:
    payload = json.dumps(told).encode() + b"\n" + arrays
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def stream(*packets: bytes) -> bytes:
    return Encoder.header + b"".join(packets)


def form(**told: Any) -> dict[str, Any]:
    return {"kind": "form", "id": 0, "of": "step", **told}


def units(count: int, first: float = 0.0) -> Units:
    return Units("relu", *(np.arange(count, dtype=np.float32) + np.float32(first + k) for k in range(len(COLUMNS))))


def step_of(number: int = 1, **given: Any) -> Step:
    plain: dict[str, Any] = {"at": 0.5, "epoch": 1, "live": LR, "values": {"loss": 0.25}}
    return Step(number, **{**plain, **given})


def one_of_each() -> list[Record]:
    return [
        Start("r", 1.0, "title", "cpu", NETWORK, (quantity("loss"),), settings=LR, can=frozenset({"stop"})),
        step_of(1, fired={"h1": np.array([True, False])}),
        step_of(2, fired={"h1": np.array([False, False])}, looks={"h1": units(2)}),
        Event(2, "change", {"setting": "lr", "before": 0.01, "now": 0.02}),
        End(3.0, "finished"),
    ]


# What is told comes back

NASTY = ["", "h1", "grad_sum/w1", "a/b\nc.d", "\n", "ünïts ∂L/∂p", "\x00", '"', "\\", "𝕏", "\ud83d\ude00", "kind"]
names = st.sampled_from(NASTY) | st.text(st.characters(), max_size=6)
doubles = st.integers(0, 2**64 - 1).map(lambda bits: float(struct.unpack("<d", struct.pack("<Q", bits))[0]))
singles = st.integers(0, 2**32 - 1).map(lambda bits: float(struct.unpack("<f", struct.pack("<I", bits))[0]))
odd = st.sampled_from([0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, 1e-45, 1e39, 0.1])
numbers = doubles | singles | odd
plain = st.recursive(
    names | st.integers() | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(names, plain, max_size=3)
steps = st.integers(0, 2**62)
perhaps = st.none() | steps


@st.composite
def columns(draw: st.DrawFn, count: int) -> npt.NDArray[np.float32]:
    return np.array(draw(st.lists(st.integers(0, 2**32 - 1), min_size=count, max_size=count)), np.uint32).view("<f4")


@st.composite
def looked(draw: st.DrawFn) -> Units:
    count = draw(st.integers(0, 3))
    told = {name: draw(columns(count)) for name in COLUMNS}
    return Units(draw(names), **told, spread=draw(columns(draw(st.sampled_from([0, 2])))))


fired = st.lists(st.booleans(), max_size=20).map(lambda each: np.array(each, np.bool_))
step_records = st.builds(
    Step, steps, numbers, perhaps, mappings,
    st.dictionaries(names, numbers, max_size=5) | st.dictionaries(names, singles, max_size=5),
    st.dictionaries(names, fired, max_size=3), st.dictionaries(names, looked(), max_size=2), st.booleans(),
)  # fmt: skip
look_records = st.builds(
    Look, steps, st.dictionaries(names, numbers, max_size=5) | st.dictionaries(names, singles, max_size=5),
    st.dictionaries(names, looked(), max_size=2),
)  # fmt: skip
layers = st.builds(
    Layer, names, st.integers(1, 2**62), names, names, st.none() | names, st.lists(names, max_size=2).map(tuple)
)
parameters = st.builds(Parameter, names, st.lists(steps, max_size=3).map(tuple))


def of_different_names(each: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, max_size=2, unique_by=lambda one: one.name).map(tuple)


networks = st.builds(Network, of_different_names(layers), of_different_names(parameters))
quantities = st.builds(Quantity, names, names, names, st.booleans())
starts = st.builds(
    Start, names, numbers, names, names, networks, st.lists(quantities, max_size=2).map(tuple), steps, mappings,
    mappings, perhaps, perhaps, perhaps, st.frozensets(names, max_size=3), steps,
)  # fmt: skip
records: st.SearchStrategy[Record] = st.one_of(
    starts,
    step_records,
    look_records,
    st.builds(Event, steps, names, mappings),
    st.builds(End, numbers, names, st.none() | names),
)


@settings(max_examples=150, deadline=None)
@given(told=st.lists(records, max_size=6), again=st.lists(st.integers(0, 5), max_size=6))
def test_every_record_comes_back_bit_for_bit(told: list[Record], again: list[int]) -> None:
    told += [told[index] for index in again if index < len(told)]
    # Outside the arrays a NaN comes back as the ordinary one.
    told = [replace(each, at=math.nan) if isinstance(each, (Start, Step, End)) and each.at != each.at else each
            for each in told]  # fmt: skip
    assert [bits(each) for each in load(dump(told))] == [bits(each) for each in told]


@settings(max_examples=50, deadline=None)
@given(told=st.lists(records, max_size=4), pieces=st.lists(st.integers(1, 60), min_size=1))
def test_a_stream_may_come_in_pieces_of_any_length(told: list[Record], pieces: list[int]) -> None:
    data, decoder, at, found = dump(told), Decoder(), 0, list[Record | Steps]()
    turn = 0
    while at < len(data):
        length = pieces[turn % len(pieces)]
        found += decoder.feed(data[at : at + length])
        at, turn = at + length, turn + 1
    assert [bits(each) for each in apart(found)] == [bits(each) for each in load(data)]
    assert not decoder.damaged


@pytest.mark.parametrize(
    "pattern", [0x7FF8_0000_0000_0001, 0xFFF8_DEAD_BEEF_0001, 0x7FF0_0000_0000_0001, 0x7FF0_0000_2000_0000,
                0x7FF8_0000_2000_0000, 1, 1 << 63, 0x36A0_0000_0000_0000],
)  # fmt: skip
def test_a_value_keeps_its_bits_even_where_it_is_no_number(pattern: int) -> None:
    (value,) = struct.unpack("<d", struct.pack("<Q", pattern))
    (found,) = load(dump([step_of(values={"loss": value})]))
    assert isinstance(found, Step)
    assert struct.unpack("<Q", struct.pack("<d", found.values["loss"])) == (pattern,)


def test_a_float32_of_numpy_comes_back_as_the_float_that_it_is() -> None:
    (found,) = load(dump([step_of(values={"loss": np.float32(0.1), "more": np.float64(0.1)})]))
    assert isinstance(found, Step)
    assert found.values == {"loss": 0.10000000149011612, "more": 0.1}


def test_a_live_one_is_not_taken_for_true() -> None:
    told = [step_of(live={"normalise": each}) for each in (True, 1, 1.0, 0.0, -0.0, math.nan, math.nan, None, "1", [1])]
    assert [bits(each) for each in load(dump(told))] == [bits(each) for each in told]


def test_what_is_set_and_changed_in_place_is_told_as_it_was() -> None:
    live, encoder = {"lr": 0.1}, Encoder()
    data = encoder.header + encoder.encode(step_of(1, live=live))
    live["lr"] = 0.2
    data += encoder.encode(step_of(2, live=live))
    assert [each.live for each in load(data) if isinstance(each, Step)] == [{"lr": 0.1}, {"lr": 0.2}]


def test_numpy_in_facts_becomes_plain() -> None:
    facts = {
        "count": np.int64(3), "share": np.float32(0.5), "whole": np.float64(0.1), "yes": np.bool_(True),
        "many": np.arange(3), "square": np.eye(2), "pair": (1, 2.5), "deep": MappingProxyType({"a": (np.int8(1),)}),
    }  # fmt: skip
    (found,) = load(dump([Event(1, "odd", facts)]))
    assert isinstance(found, Event)
    assert repr(found.facts) == repr({
        "count": 3, "share": 0.5, "whole": 0.1, "yes": True, "many": [0, 1, 2], "square": [[1.0, 0.0], [0.0, 1.0]],
        "pair": [1, 2.5], "deep": {"a": [1]},
    })  # fmt: skip


def test_what_no_record_can_hold_is_refused_in_a_sentence() -> None:
    with pytest.raises(TypeError, match="a record holds names and numbers, not object"):
        dump([Event(1, "odd", {"thing": object()})])


def test_a_step_that_cannot_be_told_spoils_none_after_it() -> None:
    encoder = Encoder()
    for broken in (step_of(at=object()), step_of(live={"lr": object()}), step_of(epoch={1, "a"})):
        with pytest.raises(TypeError):
            encoder.encode(broken)
    assert load(encoder.header + encoder.encode(step_of())) == [step_of()]


def test_what_comes_back_has_the_types_of_a_record() -> None:
    start = load(dump(one_of_each()))[0]
    assert isinstance(start, Start)
    assert isinstance(start.network.layers, tuple)
    assert isinstance(start.network.parameters[0].shape, tuple)
    assert isinstance(start.metrics, tuple)
    assert start.can == frozenset({"stop"})
    assert start.network.layer("h1") == NETWORK.layers[0]


def test_a_look_can_be_kept_without_the_stream() -> None:
    found = load(dump(one_of_each()))[2]
    assert isinstance(found, Step)
    column = found.looks["h1"].firing
    assert column.dtype == np.float32
    assert column.flags.aligned


# Steps in a row


ROW = [step_of(number, at=number / 8, fired={"h1": np.arange(9) % 3 == number % 3}) for number in range(5)]


def bundled(told: list[Record]) -> list[Record | Steps]:
    return list(together(told))


def test_steps_that_tell_the_same_are_told_as_one_and_come_back_as_they_were() -> None:
    (one,) = bundled([*ROW])
    assert isinstance(one, Steps)
    assert [bits(each) for each in one] == [bits(each) for each in ROW]
    assert [bits(each) for each in load(Encoder.header + Encoder().encode(one))] == [bits(each) for each in ROW]


@pytest.mark.parametrize(
    "other",
    [
        step_of(9, values={"loss": 0.25, "more": 1.0}, fired=ROW[0].fired), step_of(9, values={}, fired=ROW[0].fired),
        step_of(9, live={"lr": 0.02}, fired=ROW[0].fired), step_of(9, epoch=None, fired=ROW[0].fired),
        step_of(9), step_of(9, fired={"h1": np.zeros(8, np.bool_)}), step_of(9, fired={"h2": np.zeros(9, np.bool_)}),
        step_of(9, ends_epoch=True, fired=ROW[0].fired), step_of(9, looks={"h1": units(9)}, fired=ROW[0].fired),
        Event(5, "odd"), End(1.0, "finished"), Look(4, {}, {}),
    ],
)  # fmt: skip
def test_what_tells_something_else_stands_by_itself(other: Record) -> None:
    assert [len(each) if isinstance(each, Steps) else 1 for each in bundled([*ROW, other, *ROW])] == [5, 1, 5]


def test_a_single_step_is_told_as_it_was() -> None:
    assert bundled([ROW[0]]) == [ROW[0]]


def test_no_more_steps_than_that_are_told_as_one() -> None:
    told: list[Record] = [step_of(number) for number in range(2 * TOGETHER + 1)]
    assert [len(each) if isinstance(each, Steps) else 1 for each in bundled(told)] == [TOGETHER, TOGETHER, 1]


def test_the_values_of_many_steps_are_written_as_float32_only_where_that_holds_all_of_them() -> None:
    for last, width in ((0.5, 4), (0.1, 8)):
        told = [step_of(number, values={"loss": value}) for number, value in enumerate((0.25, last))]
        (one,) = bundled([*told])
        data = Encoder().encode(one)
        assert f'"values":{width}'.encode() in data
        assert [bits(each) for each in load(Encoder.header + data)] == [bits(each) for each in told]


@pytest.mark.parametrize(
    "told", [form(of="steps", fields=[], **{"arrays": {"step": 8, "at": 8}, **more}) for more in (
        {}, {"fired": {"h1": 3}}, {"names": ["loss"]}, {"arrays": {"step": 8}}, {"arrays": {"at": 8}},
    )],
)  # fmt: skip
@pytest.mark.parametrize("count", [2, 0, -1, True, None, 1.0, "2", 10**15])
def test_steps_in_a_row_that_no_encoder_wrote_are_damage(told: dict[str, Any], count: Any) -> None:
    decoder = Decoder()
    found = list(decoder.feed(stream(packet(told), packet([0, count], bytes(32)))))
    fine = count == 2 and "fired" not in told and "names" not in told and len(told["arrays"]) == 2
    assert (len(found), decoder.damaged) == (fine, not fine)


# Forms


def test_a_form_is_told_once() -> None:
    encoder = Encoder()
    first, second = encoder.encode(step_of(1)), encoder.encode(step_of(2))
    assert first.count(b'"form"') == 1
    assert b"loss" not in second


def test_a_form_tells_only_what_is_new_in_it() -> None:
    encoder = Encoder()
    encoder.encode(step_of(1, live={"lr": 0.1}))
    data = encoder.encode(step_of(2, live={"lr": 0.2}))
    assert b'"lr":0.2' in data
    assert b"loss" not in data


def test_more_forms_than_are_kept_at_a_time_come_back() -> None:
    told = [step_of(number, live={"lr": 1 / (number % (2 * FORMS) + 1)}) for number in range(5 * FORMS)]
    assert [bits(each) for each in load(dump(told))] == [bits(each) for each in told]


def test_no_more_forms_are_kept_than_that() -> None:
    encoder, most = Encoder(), 0
    for number in range(3 * FORMS):
        encoder.encode(step_of(number, live={"lr": number / 7}))
        most = max(most, len(encoder._ids))
        assert len(encoder._ids) == number % FORMS + 1
    assert most == FORMS


def test_a_new_encoder_may_go_on_with_a_stream() -> None:
    data = dump(one_of_each()) + Encoder().encode(step_of(9, values={"other": 1.5}))
    assert bits(load(data)[-1]) == bits(step_of(9, values={"other": 1.5}))


def test_many_steps_take_fewer_bytes_each() -> None:
    """Design: at most 150 bytes a step of 12 metrics."""
    values = {f"grad_norm/w{index}": float(np.float32(index / 7)) for index in range(12)}
    told = [step_of(number, values=values, fired={"h1": np.arange(300) % 3 == 0}) for number in range(350)]
    assert len(dump(told)) / len(told) < 116


@pytest.mark.parametrize(("firing", "most"), [(True, 140), (False, 105)])
@pytest.mark.parametrize(("number", "at"), [(7, 0.5), (1_234_567, 12345.678901234567), (10**12, 123.45678901234567)])
def test_a_step_takes_few_bytes(firing: bool, most: int, number: int, at: float) -> None:
    values = {f"grad_norm/w{index}": float(np.float32(index / 7)) for index in range(12)}
    layers = {"h1": np.arange(300) % 3 == 0} if firing else {}
    encoder = Encoder()
    encoder.encode(step_of(0, values=values, fired=layers))
    assert len(encoder.encode(step_of(number, values=values, fired=layers, at=at, epoch=1000))) <= most


# Versions


VERSION_1 = (
    b"deadrelu-tui records 1\n"
    b'\xc8\x01\x00\x00\x84\x1a\x13-{"kind":"start","record":{"run":"r1","at":1.5,"title":"w\xc3\xb6rds","device":"cpu'
    b'","network":{"layers":[{"name":"h1","units":2,"activation":"relu","weight":"w1","bias":"b1","inputs":[]}],"para'
    b'meters":[{"name":"w1","shape":[2,3]},{"name":"b1","shape":[2]}]},"metrics":[{"name":"loss","metric":"loss","of"'
    b':"","every_step":true}],"probe":4,"facts":{"mean":0.1},"settings":{"lr":0.01},"steps":3,"steps_per_epoch":null,'
    b'"classes":null,"can":["lr","stop"],"first":0}}\n'
    b'm\x01\x00\x00\xd6\xf1\'={"kind":"form","id":0,"of":"step","names":["loss","dead_fraction/h1"],"dtype":"<f4","fi'
    b'red":{"h1":2},"looks":{"h1":2},"activations":{"h1":"relu"},"columns":["firing","unsaturated","activity","pre_me'
    b'an","pre_max","bias","weight_norm","gradient","batch"],"live":{"lr":0.01},"ends_epoch":true,"fields":["step","a'
    b't","epoch"],"arrays":{"values":8,"fired":1,"looks":72}}\n^\x00\x00\x00u\x7f3\xe9[0,7,0.25,1]\n\x00\x00 @\x00'
    b"\x00\xc0\x7f\x80\x00\x00\x00\x00\x00\x00\x00\xbf\x00\x00\x80?\x00\x00\xc0\xbf\x00\x00\x00@\x00\x00 \xc0\x00\x00"
    b"@@\x00\x00`\xc0\x00\x00\x80@\x00\x00\x90\xc0\x00\x00\xa0@\x00\x00\xb0\xc0\x00\x00\xc0@\x00\x00\xd0\xc0\x00\x00"
    b"\xe0@\x00\x00\xf0\xc0\x00\x00\x00A\x00\x00\x08\xc1"
    b'g\x00\x00\x00\x81\x9d\x9b\x1a{"kind":"event","record":{"step":7,"kind":"change","facts":{"setting":"lr","before'
    b'":0.01,"now":0.02}}}\n'
    b'G\x00\x00\x00`\x15\xdch{"kind":"end","record":{"at":0.5,"how":"failed","error":"no\\nmemory"}}\n'
)


def test_what_version_1_wrote_is_read_for_ever() -> None:
    expected: list[Record] = [
        Start(
            "r1", 1.5, "wörds", "cpu",
            Network((Layer("h1", 2, "relu", "w1", "b1"),), (Parameter("w1", (2, 3)), Parameter("b1", (2,)))),
            (Quantity("loss", "loss", "", True),), 4, {"mean": 0.1}, {"lr": 0.01}, 3, can=frozenset({"stop", "lr"}),
        ),
        Step(
            7, 0.25, 1, {"lr": 0.01}, {"loss": 2.5, "dead_fraction/h1": math.nan}, {"h1": np.array([True, False])},
            {"h1": Units("relu", *(np.array([k, -k - 0.5], np.float32) for k in range(9)))}, True,
        ),
        Event(7, "change", {"setting": "lr", "before": 0.01, "now": 0.02}),
        End(0.5, "failed", "no\nmemory"),
    ]  # fmt: skip
    decoder = Decoder()
    assert [bits(each) for each in apart(decoder.feed(VERSION_1))] == [bits(each) for each in expected]
    assert not decoder.damaged


@pytest.mark.parametrize("version", [b"2", b"10", b"0", b"9" * 30])
def test_another_version_is_refused_in_a_sentence(version: bytes) -> None:
    with pytest.raises(InputError, match=rf"version {int(version)} and only version 1 is known here; update [^\n]*$"):
        load(b"deadrelu-tui records " + version + b"\n" + packet({"kind": "end"}))


@pytest.mark.parametrize(
    "data", [b"x", b"\n", b"step,loss\n1,2\n", b"\x89PNG\r\n", b"deadrelu-tui records one\n",
             b"deadrelu-tui records \n", b"deadrelu-tui records 1\r\n", b"deadrelu-tui records 1" + b" " * 60,
             b"deadrelu-tui record\n"],
)  # fmt: skip
def test_something_else_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^these are no records of a run, [^\n]*deadrelu-tui records 1$"):
        load(data)


def test_a_stream_that_has_not_begun_tells_nothing_yet() -> None:
    assert [load(Encoder.header[:length]) for length in range(len(Encoder.header) + 1)] == [[]] * 24


def test_a_kind_that_is_not_known_is_skipped() -> None:
    end = packet({"kind": "end", "record": {"at": 1.0, "how": "finished"}})
    later = [packet({"kind": "later", "record": [1, 2]}), packet({"kind": "later"}, b"\x00\n"), packet({"none": 1})]
    other = [packet(form(of="later", id=5, names=3)), packet([5, 1, 2], b"abc")]
    assert load(stream(*later, *other, end)) == [End(1.0, "finished")]


def test_a_key_that_is_not_known_is_ignored() -> None:
    layer = {"name": "h1", "units": 2, "activation": "relu", "colour": "red"}
    start = {"run": "r", "at": 1, "title": "t", "device": "d", "network": {"layers": [layer], "x": 1}, "later": {}}
    assert load(stream(packet({"kind": "start", "record": start, "more": 1}))) == [
        Start("r", 1, "t", "d", Network((Layer("h1", 2, "relu"),)))
    ]


def test_what_a_step_has_besides_is_ignored() -> None:
    told = form(
        names=["loss"], dtype="<f4", fields=["later", "epoch", "step", "at"], arrays={"later": 3, "values": 4}, more=1
    )
    (found,) = load(stream(packet(told), packet([0, "x", None, 5, 0.5], b"abc" + struct.pack("<f", 2.5) + b"more")))
    assert bits(found) == bits(step_of(5, epoch=None, live={}, values={"loss": 2.5}))


def test_a_column_that_a_stream_lacks_is_nan_and_one_too_many_is_ignored() -> None:
    told = form(
        looks={"h1": 2, "h2": 1}, activations={"h1": "relu", "h2": "tanh"}, columns=["bias", "later", "firing"],
        arrays={"looks": 36},
    )  # fmt: skip
    (found,) = load(stream(packet(told), packet([0, 1, 0.5, None], struct.pack("<9f", *range(9)))))
    assert isinstance(found, Step)
    assert found.looks["h1"].bias.tolist() == [0, 1]
    assert found.looks["h1"].firing.tolist() == [4, 5]
    assert found.looks["h2"].bias.tolist() == [6]
    assert found.looks["h2"].firing.tolist() == [8]
    assert np.isnan(found.looks["h1"].gradient).tolist() == [True, True]
    assert found.looks["h2"].activation == "tanh"


# Torn and damaged


def test_a_record_torn_at_any_byte_is_the_end() -> None:
    data, encoder = dump(one_of_each()), Encoder()
    ends = np.cumsum([len(encoder.header)] + [len(encoder.encode(each)) for each in one_of_each()])
    for length in range(len(data) + 1):
        decoder = Decoder()
        whole = int(np.searchsorted(ends, length, side="right")) - 1
        assert len(list(decoder.feed(data[:length]))) == max(0, whole)
        assert not decoder.damaged
        rest = list(decoder.feed(data[length:]))
        assert len(rest) == len(one_of_each()) - max(0, whole)


def test_nothing_is_read_after_damage() -> None:
    encoder = Encoder()
    parts = [encoder.encode(each) for each in one_of_each()]
    broken = bytearray(parts[3])
    broken[-3] ^= 1
    decoder = Decoder()
    found = list(decoder.feed(encoder.header + b"".join(parts[:3]) + broken + parts[4]))
    assert [bits(each) for each in apart(found)] == [bits(each) for each in one_of_each()[:3]]
    assert decoder.damaged
    assert list(decoder.feed(parts[4])) == []


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<II", MOST + 1, 0), b"\xff" * 8, bytes(8), packet(1), packet(["x"]), packet([[]]), packet([]),
        packet([7, 1]), packet({"kind": []}), packet({"kind": "end"}),
        packet({"kind": "end", "record": {"at": "x", "how": "y"}}), packet({"kind": "end", "record": {"at": 1.0}}),
        packet({"kind": "form"}), packet(form(like=9)),
        packet(form(names=[1])), packet(form(dtype="O")), packet(form(arrays={"values": -8})), packet(form(live=[])),
        packet(form(looks={"h1": 10**15})), packet(form(fired={"h1": 10**15})) + packet([0, 1, 1.0, None]),
        packet(form(looks={"h1": 10**15}, columns=["bias"], activations={"h1": "relu"})) + packet([0, 1, 1.0, None]),
        packet(form(names=["a"], arrays={"values": 16})) + packet([0, 1, 1.0, None], bytes(16)),
        packet(form(names=["a"])) + packet([0, 1, 1.0, None]), packet(form()) + packet([0, 1, 1.0, None, 2]),
        packet(form(looks={"h1": 1}, columns=["bias"], activations={"h1": "relu"}, arrays={"looks": 8}))
        + packet([0, 1, 1.0, None], bytes(8)),
        packet(form(fired={"h1": 1}, arrays={"fired": 2})) + packet([0, 1, 1.0, None], bytes(2)),
        packet(form(fired={"h1": 9}, arrays={"fired": 1})) + packet([0, 1, 1.0, None], bytes(1)),
        packet(form()) + packet([0, 1.5, 1.0, None]), packet(form()) + packet([0, 1]), packet(form(id=[])),
        packet({"kind": "start", "record": {"run": "r", "network": []}}),
    ],
)  # fmt: skip
def test_what_no_encoder_wrote_is_damage(data: bytes) -> None:
    decoder = Decoder()
    assert list(decoder.feed(stream(data) + packet({"kind": "end", "record": {"at": 1.0, "how": "x"}}))) == []
    assert decoder.damaged


@pytest.mark.parametrize(("units", "length"), [(0, 0), (1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_what_fired_takes_a_bit_for_each_unit_in_whole_bytes(units: int, length: int) -> None:
    for size in {max(0, length - 1), length, length + 1}:
        decoder = Decoder()
        told = packet(form(fired={"h1": units}, arrays={"fired": size})) + packet([0, 1, 1.0, None], bytes(size))
        assert len(list(decoder.feed(stream(told)))) == (size == length)
        assert decoder.damaged is (size != length)


def test_what_comes_after_damage_is_not_kept() -> None:
    decoder = Decoder()
    for _ in range(3):
        assert list(decoder.feed(stream(packet([])) + bytes(10_000))) == []
        assert len(decoder._data) == 0


def test_json_without_end_is_damage() -> None:
    for payload in (b"[" * 100_000 + b"\n", b'{"kind":', b"\xff\xfe\n", b"9" * 9999 + b"\n", b""):
        decoder = Decoder()
        assert not list(decoder.feed(stream(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)))
        assert decoder.damaged


def read_anything(data: bytes) -> list[Record]:
    try:
        return load(data)
    except InputError:
        return []


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_changes_no_record(bit: int) -> None:
    data, told = dump(one_of_each()), [bits(each) for each in one_of_each()]
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << bit
        found = [bits(each) for each in read_anything(bytes(broken))]
        assert found == told[: len(found)]
        assert len(found) < len(told)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), begun=st.booleans())
def test_random_bytes_raise_nothing_else(data: bytes, begun: bool) -> None:
    read_anything(Encoder.header + data if begun else data)


def places(told: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container within what JSON tells and each key of it."""
    pairs = told.items() if isinstance(told, Mapping) else enumerate(told) if isinstance(told, list) else ()
    for key, value in pairs:
        yield told, key
        yield from places(value)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_what_is_well_packed_and_means_nothing_raises_nothing(data: st.DataObject, seed: int) -> None:
    rest, packets = VERSION_1[len(Encoder.header) :], list[tuple[Any, bytes]]()
    while rest:
        length = 8 + struct.unpack_from("<I", rest)[0]
        line, _, arrays = rest[8:length].partition(b"\n")
        packets.append((json.loads(line), arrays))
        rest = rest[length:]
    chosen = random.Random(seed)
    for _ in range(chosen.randint(1, 3)):
        where, key = chosen.choice(list(places([told for told, _ in packets])))
        if chosen.random() < 0.3:
            del where[key]
        else:
            where[key] = data.draw(plain | st.sampled_from([-1, 2, 10**15, 10**400, [], {}, "<f8"]))
    read_anything(stream(*(packet(told, arrays) for told, arrays in packets)))


@pytest.mark.parametrize("width", [1, 7, 8, 9, 300, 1_000])
def test_which_units_fired_comes_back_however_many_there_are(width: int) -> None:
    fired = np.random.default_rng(width).random(width) < 0.5
    back = load(dump([step_of(number, fired={"h1": fired}, looks={"h1": units(width)}) for number in range(3)]))
    assert [each.fired["h1"].tolist() for each in back if isinstance(each, Step)] == [fired.tolist()] * 3
