"""Every record goes out and comes back the same; bytes that are no record are Undecodable, at once and cheaply."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from dataclasses import asdict
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue, codec, contract, prefix
from schemas.codec import FRAME, FRAME_LENGTH, Undecodable
from tests.contract import golden_samples

RECORDS = tuple(contract.records())
WALKED = sorted(contract.writer_schemas()[schema_id].name for schema_id in prefix.walkers())
LONGS = st.integers(-(2**63), 2**63 - 1)
REFERENCE = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26)


def values_of(hint: Any, kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  one line per kind of type
    """Return every value that an Avro type of the contract can hold."""
    match kind:
        case ["null", inner]:
            return st.none() | values_of(get_args(hint)[0], inner)
        case {"type": "array", "items": items}:
            return st.lists(values_of(get_args(hint)[0], items), max_size=3).map(tuple)
        case {"type": inner}:
            return values_of(hint, inner)
        case str() if kind in contract.sources():
            schema = contract.sources()[kind]
            size = schema.get("size")
            return st.binary(min_size=size, max_size=size) if size else records_of(kind)
        case "long":
            return LONGS
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "boolean":
            return st.booleans()
        case "bytes":
            return st.binary(max_size=40)
        case _:
            return st.text(max_size=40)


def records_of(name: str) -> st.SearchStrategy[Any]:
    """Return every record of this name."""
    cls = codec.class_of(name)
    hints = get_type_hints(cls)
    fields = {one["name"]: values_of(hints[one["name"]], one["type"]) for one in contract.sources()[name]["fields"]}
    if name == "jejak.Header":
        fields["family_id"] = REFERENCE
    return st.builds(cls, **fields)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back_as_it_went_out(name: str) -> None:
    @given(records_of(name))
    @settings(max_examples=8, deadline=None)
    def holds(record: Any) -> None:
        framed = codec.encode(record)
        assert codec.decode(framed) == record
        assert framed[:FRAME_LENGTH] == FRAME.pack(0, contract.current_ids()[name])
        assert codec.name_of(record) == name

    holds()


@pytest.mark.parametrize("name", WALKED)
def test_the_walker_reads_what_the_codec_reads_and_the_stamp_changes_nothing_else(name: str) -> None:
    @given(records_of(name), LONGS, LONGS)
    @settings(max_examples=10, deadline=None)
    def holds(record: Any, sequence: int, recorded_at: int) -> None:
        framed = codec.encode(record)
        walked, header = prefix.walk(framed), record.header
        assert walked[:3] == (header.sequence, header.recorded_at, header.occurred_at)
        assert walked[3:6] == (header.change_id, header.family_id, header.agency)
        stamped, again = prefix.stamp(framed, walked, sequence, recorded_at)
        assert prefix.walk(stamped) == again
        assert again[:2] == (sequence, recorded_at)
        assert again[2:6] == walked[2:6]
        assert stamped[again.after_stamp :] == framed[walked.after_stamp :]
        assert asdict(codec.decode(stamped)) == asdict(record) | {
            "header": asdict(header) | {"sequence": sequence, "recorded_at": recorded_at}
        }

    holds()


@given(LONGS)
@settings(deadline=None)
def test_a_long_is_read_as_it_was_written(value: int) -> None:
    written = prefix.zigzag(value)
    assert prefix.read_long(b"x" + written + b"y", 1) == (value, 1 + len(written))
    assert len(written) <= 10


@pytest.mark.parametrize("data", [b"\x80" * 10 + b"\x00", b"\xff" * 10, b"\xff" * 9 + b"\x02", b"\xff" * 100_000])
def test_a_long_of_more_than_64_bits_is_no_long(data: bytes) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        prefix.read_long(data, 0)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", ["full", "sparse"])
def test_a_record_cut_off_at_any_byte_is_undecodable(name: str, kind: str) -> None:
    framed = codec.encode(golden_samples.sample(name, sparse=kind == "sparse"))
    for length in range(len(framed)):
        with pytest.raises(Undecodable) as caught:
            codec.decode(framed[:length])
        assert caught.value.code == ("NO_AVRO_FRAME" if length < FRAME_LENGTH else "MALFORMED")


@pytest.mark.parametrize("name", RECORDS)
def test_bytes_after_a_record_are_undecodable(name: str) -> None:
    with pytest.raises(Undecodable) as caught:
        codec.decode(codec.encode(golden_samples.sample(name, sparse=True)) + b"\0")
    assert caught.value.code == "TRAILING_BYTES"


@given(st.binary(max_size=300), st.integers(0, len(RECORDS) + 3))
@settings(max_examples=400, deadline=None)
def test_arbitrary_bytes_only_ever_raise_undecodable(body: bytes, schema_id: int) -> None:
    for read in (codec.decode, prefix.walk):
        with contextlib.suppress(Undecodable):
            read(FRAME.pack(0, schema_id) + body)
        with contextlib.suppress(Undecodable):
            read(body)


A_READ_SECONDS = 0.1  # some ten times what the longest record takes while memory is traced
HUGE = [prefix.zigzag(size) for size in (2**62, 2**31, -1)] + [b"\xff" * 9 + b"\x01"]


@pytest.mark.parametrize(
    "name", ["ReferenceRowPublished", "FamilyState", "GroundCheckRecorded", "AccessIntent", "RoundOpened"]
)
def test_a_huge_length_anywhere_costs_neither_time_nor_memory(name: str) -> None:
    framed = codec.encode(golden_samples.sample(f"jejak.{name}", sparse=False))
    readers = (codec.decode, prefix.walk) if f"jejak.{name}" in WALKED else (codec.decode,)
    tracemalloc.start()
    started, places = time.process_time(), range(FRAME_LENGTH, len(framed), 1 + len(framed) // 60)
    for where in places:
        for huge in HUGE:
            for read in readers:
                with contextlib.suppress(Undecodable):
                    read(framed[:where] + huge + framed[where + 1 :])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
    assert time.process_time() - started < len(places) * len(HUGE) * len(readers) * A_READ_SECONDS


@pytest.mark.parametrize("filler", [b"\xff", b"\x80", b"\x00", b"\x02", b"\x01"])
def test_a_megabyte_of_one_byte_is_undecodable_at_once(filler: bytes) -> None:
    started = time.process_time()
    for name in ("ProposalDrafted", "GroundCheckRecorded"):
        schema_id = contract.current_ids()[f"jejak.{name}"]
        for read in (codec.decode, prefix.walk):
            with pytest.raises(Undecodable):
                read(FRAME.pack(0, schema_id) + filler * 1_000_000)
    assert time.process_time() - started < 2


def test_an_undecodable_never_quotes_the_bytes() -> None:
    framed = codec.encode(golden_samples.sample("jejak.MembershipClaimed", sparse=False))
    with pytest.raises(Undecodable) as caught:
        codec.decode(framed.replace(b"f" * 26, b"3571020101800001 \xff\xfe\xfd      "[:26]))
    assert "3571020101800001" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(RECORDS) - set(WALKED)))
def test_a_record_without_a_header_is_not_walked(name: str) -> None:
    with pytest.raises(Undecodable) as caught:
        prefix.walk(codec.encode(golden_samples.sample(name, sparse=False)))
    assert caught.value.code == "NO_HEADER"


def test_what_is_walked_are_the_changes_the_events_and_what_answers_them() -> None:
    others = {"EligibilityDecided", "ChangeRefused", "RulesActivated"}
    assert {name.removeprefix("jejak.") for name in WALKED} == {*catalogue.CHANGES, *catalogue.REQUEST_EVENTS} | others


@pytest.mark.parametrize("kind", ["full", "sparse"])
def test_a_header_cut_off_at_any_byte_is_not_walked(kind: str) -> None:
    framed = codec.encode(golden_samples.sample("jejak.ProposalSubmitted", sparse=kind == "sparse"))
    payload = prefix.walk(framed).payload
    for length in range(payload):
        with pytest.raises(Undecodable):
            prefix.walk(framed[:length])
    assert prefix.walk(framed[:payload]).payload == payload


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**40, 2**63 - 1])
def test_an_int_of_more_than_32_bits_is_undecodable_though_a_long_is_read_there(number: int) -> None:
    for name, field in (
        ("FoldPosition", "partition"),
        ("GroundCheckRecorded", "result"),
        ("VillageMeetingHeld", "held_on"),
    ):
        one = golden_samples.sample(f"jejak.{name}", sparse=False)
        framed = codec.encode(one)
        written = prefix.zigzag(getattr(one, field))
        assert framed.count(written) == 1
        with pytest.raises(Undecodable) as caught:
            codec.decode(framed.replace(written, prefix.zigzag(number)))
        assert caught.value.code == "MALFORMED"
