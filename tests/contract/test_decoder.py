"""What our generated decoders read is what fastavro reads, from whole bytes and from spoilt ones."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
from fastavro._read_py import read_data
from fastavro.io.binary_decoder import BinaryDecoder
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas import codec, contract, decoder, prefix, varints
from schemas.codec import FRAME, FRAME_LENGTH, Undecodable
from schemas.encoder import long
from tests.contract import golden_samples

RECORDS = tuple(contract.records())
LIMITS = {"int": 31, "long": 63}


class StrictDecoder(BinaryDecoder):
    """The library's plain decoder, where it takes what no writer writes: those bytes are none of ours either."""

    def read_long(self) -> int:
        number: int = super().read_long()  # type: ignore[no-untyped-call]
        return in_range(number, "long")

    def read_boolean(self) -> bool:
        return {b"\0": False, b"\1": True}[self.fo.read(1)]

    def read_index(self) -> int:
        byte: bytes = self.fo.read(1)
        return {b"\0": 0, b"\2": 1}[byte]

    def read_bytes(self) -> bytes:
        size = self.read_long()
        if size < 0:
            raise ValueError("a negative length")
        out: bytes = self.fo.read(size)
        if len(out) < size:
            raise EOFError
        return out

    def iter_array(self) -> Any:
        count = self._block_count
        while count != 0:
            if count < 0:
                count = -count
                self.read_long()
            if count > FAR:
                raise EOFError
            yield from range(count)
            before = self.fo.tell()
            count = self.read_long()
            if count == 0 and self.fo.tell() != before + 1:
                raise ValueError("an array ends with one zero byte")

    def read_array_start(self) -> None:
        before = self.fo.tell()
        super().read_array_start()  # type: ignore[no-untyped-call]
        if self._block_count == 0 and self.fo.tell() != before + 1:
            raise ValueError("an array ends with one zero byte")


FAR = 1 << 20  # more items than any bytes here hold


def in_range(number: int, kind: str) -> int:
    if not -(1 << LIMITS[kind]) <= number < 1 << LIMITS[kind]:
        raise OverflowError(kind)
    return number


def by_the_library(framed: bytes) -> Any:
    """Return the record in these bytes as the library reads it, or None where it reads none to the last byte."""
    schema = contract.writer_schemas()[codec.schema_id_of(framed)]
    source = io.BytesIO(framed)
    source.seek(FRAME_LENGTH)
    names: dict[str, dict[str, Any]] = {"writer": {}, "reader": {}}
    declare(schema.wire, names["writer"])
    try:
        value = read_data(StrictDecoder(source), schema.wire, names, None, {})  # type: ignore[no-untyped-call]
        record = as_record(schema.name, value)
    except (EOFError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return record if source.tell() == len(framed) else None


def declare(node: Any, names: dict[str, Any]) -> None:
    match node:
        case {"type": "fixed" | "record", "name": name}:
            names[name] = node
            for field in node.get("fields", ()):
                declare(field["type"], names)
        case {"items": items}:
            declare(items, names)
        case [_, inner]:
            declare(inner, names)
        case _:
            pass


def as_record(name: str, value: Any) -> Any:
    source = contract.sources()[name]
    made = {field["name"]: as_value(field["type"], value[field["name"]]) for field in source["fields"]}
    return codec.class_of(name)(**made)


def as_value(kind: Any, value: Any) -> Any:
    match kind:
        case ["null", inner]:
            return None if value is None else as_value(inner, value)
        case {"type": "array", "items": items}:
            return tuple([as_value(items, item) for item in value])
        case {"type": inner}:
            return as_value(inner, value)
        case str() if contract.sources().get(kind, {}).get("type") == "record":
            return as_record(kind, value)
        case "int":
            return in_range(value, kind)
        case _:
            return value


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  one line per kind of type
    """Any value of an Avro type of the contract."""
    match kind:
        case ["null", inner]:
            return st.none() | values(inner)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3).map(tuple)
        case {"type": inner}:
            return values(inner)
        case str() if kind in LIMITS:
            return st.integers(-64, 64) | st.integers(-(1 << LIMITS[kind]), (1 << LIMITS[kind]) - 1)
        case "boolean":
            return st.booleans()
        case "bytes":
            return st.binary(max_size=100)
        case "string":
            return st.text(max_size=100)
        case _:
            source = contract.sources()[kind]
            size = source.get("size")
            return st.binary(min_size=size, max_size=size) if size else any_record(kind)


def any_record(name: str) -> st.SearchStrategy[Any]:
    source = contract.sources()[name]
    return st.builds(codec.class_of(name), **{field["name"]: values(field["type"]) for field in source["fields"]})


def read(framed: bytes) -> Any:
    try:
        return codec.decode(framed)
    except Undecodable:
        return None


def same(one: Any, other: Any) -> bool:
    """Tell whether two records are equal down to the types of their values."""
    if type(one) is not type(other) or one != other:
        return False
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return all(map(same, one, other)) if isinstance(one, tuple) else True


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_record_is_read_as_fastavro_reads_it(name: str, data: st.DataObject) -> None:
    framed = codec.encode(data.draw(any_record(name)))
    assert same(codec.decode(framed), by_the_library(framed))


SPOILT = st.sampled_from([b"", b"\0", b"\1", b"\2", b"\3", b"\x7f", b"\x80", b"\x80\0", b"\xff", b"\xff" * 9 + b"\1"])


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spoilt_bytes_are_read_as_fastavro_reads_them_or_by_neither(name: str, data: st.DataObject) -> None:
    framed = codec.encode(golden_samples.sample(name, sparse=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(FRAME_LENGTH, len(framed)))
        put = data.draw(SPOILT | st.binary(max_size=3) | st.integers(-(1 << 63), (1 << 63) - 1).map(long))
        framed = framed[:at] + put + framed[at + data.draw(st.integers(0, 3)) :]
    framed = framed[: data.draw(st.just(len(framed)) | st.integers(FRAME_LENGTH, max(FRAME_LENGTH, len(framed))))]
    assert same(read(framed), by_the_library(framed))


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", ["full", "sparse"])
def test_any_byte_replaced_by_any_of_its_kind_is_read_alike(name: str, kind: str) -> None:
    framed = codec.encode(golden_samples.sample(name, sparse=kind == "sparse"))
    for at in range(FRAME_LENGTH, len(framed), 1 + len(framed) // 250):
        for byte in (0, 1, 0x80, 0xC3):
            spoilt = framed[:at] + bytes([byte]) + framed[at + 1 :]
            assert same(read(spoilt), by_the_library(spoilt)), (at, byte)


WALKED = sorted(contract.writer_schemas()[schema_id].name for schema_id in prefix.walkers())


def at_once(framed: bytes) -> Any:
    try:
        return codec.read(framed)
    except Undecodable as fault:
        return fault.code


def one_after_the_other(framed: bytes) -> Any:
    try:
        return prefix.walk(framed), codec.decode(framed)
    except Undecodable as fault:
        return fault.code


@pytest.mark.parametrize("name", WALKED)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_prefix_and_record_are_read_at_once_as_they_are_one_after_the_other(name: str, data: st.DataObject) -> None:
    framed = codec.encode(golden_samples.sample(name, sparse=data.draw(st.booleans())))
    assert same(at_once(framed), one_after_the_other(framed))
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(FRAME_LENGTH, len(framed)))
        put = data.draw(SPOILT | st.binary(max_size=3) | st.integers(-(1 << 63), (1 << 63) - 1).map(long))
        framed = framed[:at] + put + framed[at + data.draw(st.integers(0, 3)) :]
    once, twice = at_once(framed), one_after_the_other(framed)
    assert same(once, twice) or {once, twice} <= {"HEADER_WITHOUT_FAMILY", "MALFORMED", "TRAILING_BYTES"}


@pytest.mark.parametrize("name", WALKED)
def test_a_family_id_of_other_characters_or_length_is_none(name: str) -> None:
    framed = codec.encode(golden_samples.sample(name, sparse=True))
    fitting = long(26) + b"f" * 26
    assert framed.count(fitting) == 1
    for other in (b"f" * 25 + b"F", b"f" * 25 + b"1", b"f" * 25 + b"/", b"f" * 25, b"f" * 27, b"", b"0" + b"f" * 25):
        for read_it in (prefix.walk, codec.read):
            with pytest.raises(Undecodable, match="HEADER_WITHOUT_FAMILY"):
                read_it(framed.replace(fitting, long(len(other)) + other))


def test_what_has_no_header_is_not_read_at_once() -> None:
    for name in sorted(set(RECORDS) - set(WALKED)):
        assert at_once(codec.encode(golden_samples.sample(name, sparse=False))) == "NO_HEADER"


CORRECTED = "jejak.ProposalIdentityCorrected"
BLOCKS = st.lists(st.tuples(st.lists(st.text(max_size=70), min_size=1, max_size=3), st.booleans()), max_size=3)


@settings(max_examples=200, deadline=None)
@given(BLOCKS, st.integers(-(1 << 40), 1 << 40))
@example([(["x"] * 70, False)], 0)
@example([(["x"] * 70, True), ([""], False)], 1)
def test_an_array_in_blocks_of_either_form_is_one_tuple(blocks: list[tuple[list[str], bool]], size: int) -> None:
    bare = golden_samples.sample(CORRECTED, sparse=True)
    written = b""
    for texts, sized in blocks:
        written += long(-len(texts)) + long(size) if sized else long(len(texts))
        written += b"".join(long(len(text.encode())) + text.encode() for text in texts)
    framed = codec.encode(bare)[:-1] + written + b"\0"
    read_back = codec.decode(framed)
    assert read_back == replace(bare, fields=tuple(text for texts, _ in blocks for text in texts))
    assert same(read_back, by_the_library(framed))


@pytest.mark.parametrize("count", [1 << 31, 1 << 62, (1 << 63) - 1, -(1 << 31), -(1 << 63)])
def test_an_array_of_more_items_than_bytes_is_malformed_at_once(count: int) -> None:
    framed = codec.encode(golden_samples.sample(CORRECTED, sparse=True))[:-1]
    for rest in (b"", b"\0", b"\0" * 1000):
        with pytest.raises(Undecodable, match="MALFORMED"):
            codec.decode(framed + long(count) + rest)


def test_a_boolean_is_one_or_zero() -> None:
    beat = golden_samples.sample("jejak.GatewayHeartbeat", sparse=False)
    closing, open_ = (codec.encode(replace(beat, closing=value)) for value in (True, False))
    (at,) = [number for number, (one, other) in enumerate(zip(closing, open_, strict=True)) if one != other]
    assert (closing[at], open_[at]) == (1, 0)
    for byte in range(2, 256):
        with pytest.raises(Undecodable, match="MALFORMED"):
            codec.decode(closing[:at] + bytes([byte]) + closing[at + 1 :])


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.binary(max_size=9))
@settings(deadline=None, max_examples=500)
def test_a_long_is_read_wherever_it_ends(value: int, after: bytes) -> None:
    written = long(value)
    assert varints.read_long(written + after, 0) == (value, len(written))


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_was_read_is_a_frozen_dataclass_like_any_other(name: str) -> None:
    made = golden_samples.sample(name, sparse=False)
    record = codec.decode(codec.encode(made))
    assert type(record) is type(made)
    assert (repr(record), hash(record)) == (repr(made), hash(made))
    assert replace(record) == made
    assert copy.deepcopy(record) == made
    assert pickle.loads(pickle.dumps(record)) == made  # noqa: S301  our own bytes
    for field in fields(record):
        with pytest.raises(FrozenInstanceError):
            setattr(record, field.name, None)
    assert not hasattr(record, "__dict__")


def test_the_classes_of_the_contract_have_one_blank_each() -> None:
    header = codec.class_of("jejak.Header")
    assert decoder.blank(header) is decoder.blank(header)
    assert decoder.blank(header) is not header


@pytest.mark.parametrize("kind", ["double", {"type": "map", "values": "long"}, "jejak.Nobody", ["long", "null"]])
def test_a_kind_of_type_the_contract_does_not_use_gets_no_decoder(kind: Any) -> None:
    schema = {"type": "record", "name": "jejak.Region", "fields": [{"name": "system", "type": kind}]}
    with pytest.raises(TypeError):
        decoder.generate(schema, codec.class_of)


def test_an_unknown_id_and_no_frame_keep_their_codes() -> None:
    for framed, code in (
        (FRAME.pack(0, 60_000) + b"\0", "UNKNOWN_SCHEMA_ID"),
        (b"", "NO_AVRO_FRAME"),
        (b"\0\0\0", "NO_AVRO_FRAME"),
        (b"{}\0\0\0\0", "NO_AVRO_FRAME"),
    ):
        with pytest.raises(Undecodable) as caught:
            codec.decode(framed)
        assert caught.value.code == code == at_once(framed)
