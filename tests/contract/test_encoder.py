"""What our generated encoders write is what fastavro writes; what fits no field is refused, not written."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import asdict, replace
from functools import cache
from typing import Any, get_type_hints

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas import codec, contract, encoder
from schemas.parts import Part
from tests.contract import golden_samples

RECORDS = tuple(contract.records())
REFUSALS = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
BITS = {"int": 32, "long": 64}


def by_fastavro(schema: Any, datum: Any) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, schema, datum)
    return out.getvalue()


def numbers(bits: int) -> st.SearchStrategy[int]:
    """Any number of so many bits, and those on either side of each length of their encoding."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    near = [sign * (1 << power) + step for power in range(bits) for sign in (1, -1) for step in (-1, 0, 1)]
    return st.integers(low, high) | st.sampled_from([value for value in near if low <= value <= high])


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  one line per kind of type
    """Any value of an Avro type of the contract."""
    match kind:
        case ["null", inner]:
            return st.none() | values(inner)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3).map(tuple)
        case {"type": "fixed", "size": size}:
            return st.binary(min_size=size, max_size=size)
        case {"type": "record", "namespace": namespace, "name": name}:
            return any_record(f"{namespace}.{name}")
        case {"type": inner}:
            return values(inner)
        case str() if kind in BITS:
            return numbers(BITS[kind])
        case "boolean":
            return st.booleans()
        case "bytes":
            return st.binary(max_size=200)
        case "string":
            return st.text(max_size=80)
        case _:
            return values(contract.sources()[kind])


@cache
def any_record(name: str) -> st.SearchStrategy[Any]:
    fields = contract.sources()[name]["fields"]
    return st.builds(codec.class_of(name), **{field["name"]: values(field["type"]) for field in fields})


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_record_is_written_as_fastavro_writes_it(name: str, data: st.DataObject) -> None:
    record = data.draw(any_record(name))
    schema_id = contract.current_ids()[name]
    written = codec.encode(record)
    assert written == codec.FRAME.pack(0, schema_id) + codec.body(record)
    assert codec.body(record) == by_fastavro(contract.writer_schemas()[schema_id].wire, asdict(record))
    assert codec.decode(written) == record


@given(numbers(64))
@example(0)
def test_a_long_is_written_as_fastavro_writes_it(value: int) -> None:
    assert encoder.long(value) == by_fastavro(parse_schema({"type": "long"}), value)


@pytest.mark.parametrize("length", [8191, 8192, 70_000])
def test_long_text_bytes_and_arrays_are_written_as_fastavro_writes_them(length: int) -> None:
    fields = {"header": golden_samples.sample("jejak.Header", sparse=True), "proposal_id": bytes(16)}
    record = codec.class_of("jejak.ProposalIdentityCorrected")(**fields, fields=("é" * length,) * 2 + ("x",) * length)
    schema = contract.writer_schemas()[contract.current_ids()["jejak.ProposalIdentityCorrected"]].wire
    assert codec.body(record) == by_fastavro(schema, asdict(record))
    drafted = golden_samples.sample("jejak.MembershipClaimed", sparse=False)
    large = replace(drafted, person_ref="n" * length, name=b"e" * length)
    schema = contract.writer_schemas()[contract.current_ids()["jejak.MembershipClaimed"]].wire
    assert codec.body(large) == by_fastavro(schema, asdict(large))


PARTS = sorted(contract.parts())


def kept(part: Any) -> Any:
    return part._encoded


def test_the_parts_of_a_state_are_the_records_inside_it() -> None:
    names = {"Region", "Member", "Proposal", "Eligibility", "Facet", "Aid", "Condition", "Case"}
    assert {name.removeprefix("jejak.") for name in PARTS} == names
    assert {name for name in RECORDS if issubclass(codec.class_of(name), Part)} == set(PARTS)


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_part_keeps_its_bytes_and_is_otherwise_as_before(name: str, data: st.DataObject) -> None:
    one = data.draw(any_record(name))
    twin = replace(one)
    shown, hashed = repr(one), hash(one)
    assert (kept(one), kept(twin)) == (None, None)

    written = codec.body(one)

    assert kept(one) == written == codec.body(one)
    assert (repr(one), hash(one), one) == (shown, hashed, twin)
    for other in (replace(one), copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):  # noqa: S301  our own bytes
        assert other == one
        assert kept(other) is None
    assert pickle.dumps(one) == pickle.dumps(twin)
    assert set(asdict(one)) == set(get_type_hints(type(one)))


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(any_record("jejak.FamilyState"), any_record("jejak.FamilyState"), st.booleans())
def test_states_that_share_parts_are_each_written_as_fastavro_writes_them(one: Any, other: Any, late: bool) -> None:  # noqa: FBT001  two orders
    mixed = replace(
        one,
        region=other.region,
        members=(*other.members, *one.members[:1]),
        facets=tuple([replace(facet, sequence=7) for facet in one.facets]) + other.facets,
    )
    schema = contract.writer_schemas()[contract.current_ids()["jejak.FamilyState"]].wire
    for state in (mixed, one, other) if late else (one, other, mixed):
        read = codec.decode(codec.encode(state))
        for _ in range(2):
            assert codec.body(state) == codec.body(read) == by_fastavro(schema, asdict(state))


WRONG: dict[str, tuple[Any, ...]] = {
    "string": (None, 1, b"text", ("t",), "\ud800"),
    "bytes": (None, 1, "text", ("t",), 1.5),
    "boolean": (None, "true", 2, b"\1"),
    "int": (None, "1", 1.0, 70_000.0, b"1", 1 << 31, -(1 << 31) - 1),
    "long": (None, "1", 1.0, 70_000.0, b"1", 1 << 63, -(1 << 63) - 1),
    "fixed": (None, "0123456789abcdef", b"short", b"x" * 33, 16),
    "array": (None, "text", b"bytes", 1, ["a list"], (None,), (1,)),
    "record": ("text", {}, 1, ()),
}


def wrong_values(kind: Any) -> list[Any]:
    match kind:
        case ["null", inner]:
            return [value for value in wrong_values(inner) if value is not None]
        case {"type": "array", "items": "int"}:
            return [value for value in WRONG["array"] if value != (1,)]
        case {"type": inner}:
            return list(WRONG[inner]) if inner in WRONG else wrong_values(inner)
        case str() if kind in WRONG:
            return list(WRONG[kind])
        case _:
            return wrong_values(contract.sources()[kind])


@pytest.mark.parametrize("name", RECORDS)
def test_a_value_that_fits_no_field_is_refused(name: str) -> None:
    good = golden_samples.sample(name, sparse=False)
    assert set(get_type_hints(type(good))) == {field["name"] for field in contract.sources()[name]["fields"]}
    for field in contract.sources()[name]["fields"]:
        for value in wrong_values(field["type"]):
            with pytest.raises(REFUSALS):
                codec.encode(replace(good, **{field["name"]: value}))


def test_only_records_of_the_contract_are_written() -> None:
    for value in ("text", {"sequence": 1}, None, contract.lock()[0]):
        with pytest.raises(KeyError):
            codec.encode(value)


@pytest.mark.parametrize("kind", ["double", {"type": "map", "values": "long"}, "jejak.Nobody", ["long", "null"]])
def test_a_kind_of_type_the_contract_does_not_use_gets_no_encoder(kind: Any) -> None:
    with pytest.raises(TypeError):
        encoder.generate({"type": "record", "name": "jejak.Test", "fields": [{"name": "one", "type": kind}]})
