"""FULL_TRANSITIVE is held, a break of it is caught, and what an older writer wrote is walked, read and accepted."""

from __future__ import annotations

import copy
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from fastavro import parse_schema, schemaless_writer

from schemas import codec, contract, evolution, prefix
from schemas.contract import LockEntry, WriterSchema
from stream_processors.registry.decision import accepted, change_of
from tests.contract import golden_samples

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "jejak.ProposalDrafted"
OTHER_ID = 40_000


def version(full: dict[str, Any], number: int, name: str = NAME) -> WriterSchema:
    """Return another version of a record, as the lock would hold it."""
    entry = LockEntry(name, number, OTHER_ID, "", f"{name}.{number}.avsc")
    wire: Any = parse_schema(contract.raw(full))
    return WriterSchema(entry, name, full, wire)


def edited(edit: Callable[[list[dict[str, Any]]], Any], name: str = NAME) -> dict[str, Any]:
    """Return the schema of a record with its fields edited in place."""
    full = copy.deepcopy(contract.expanded(name))
    edit(full["fields"])
    return full


@pytest.fixture
def also(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the lock hold one more version; the current one stays what is read and written."""

    def add(schema: WriterSchema) -> WriterSchema:
        known = {**contract.writer_schemas(), OTHER_ID: schema}
        current = dict(contract.current_ids())
        monkeypatch.setattr(contract, "writer_schemas", lambda: known)
        monkeypatch.setattr(contract, "current_ids", lambda: current)
        prefix.walkers.cache_clear()
        return schema

    yield add
    monkeypatch.undo()
    prefix.walkers.cache_clear()


def test_every_version_reads_every_other() -> None:
    assert evolution.incompatibilities() == []


ADDITIONS: list[dict[str, Any]] = [
    {"name": "added", "type": ["null", "string"], "default": None},
    {"name": "added", "type": "string", "default": ""},
    {"name": "added", "type": {"type": "array", "items": "string"}, "default": []},
]


@pytest.mark.parametrize("field", ADDITIONS)
def test_a_field_with_a_default_may_be_added(also: Any, field: dict[str, Any]) -> None:
    also(version(edited(lambda fields: fields.append(field)), 2))
    assert evolution.incompatibilities() == []


def _retype(name: str, kind: Any) -> Callable[[list[dict[str, Any]]], None]:
    def edit(fields: list[dict[str, Any]]) -> None:
        next(field for field in fields if field["name"] == name)["type"] = kind

    return edit


def _drop(name: str) -> Callable[[list[dict[str, Any]]], None]:
    def edit(fields: list[dict[str, Any]]) -> None:
        fields[:] = [field for field in fields if field["name"] != name]

    return edit


BREAKS: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "a field without a default is added": lambda fields: fields.append({"name": "added", "type": "string"}),
    "a field without a default is dropped": _drop("channel"),
    "a field is renamed": lambda fields: fields[1].update(name="sort"),
    "a text becomes a number": _retype("proposer", "int"),
    "a text becomes bytes only for some": _retype("channel", ["null", "string"]),
    "a nullable field is nullable no more": lambda fields: fields.__setitem__(
        4, {"name": "programme", "type": "string"}
    ),
    "an id grows": lambda fields: fields[0]["type"]["fields"][3]["type"].update(size=32),
}


@pytest.mark.parametrize("what", sorted(BREAKS))
def test_a_break_is_caught_and_named(also: Any, what: str) -> None:
    also(version(edited(BREAKS[what]), 2))
    problems = evolution.incompatibilities()
    assert problems
    assert all(problem.startswith(f"{NAME}: version ") for problem in problems)


def test_dropping_a_field_that_has_a_default_is_no_break(also: Any) -> None:
    also(version(edited(_drop("note")), 2))
    assert evolution.incompatibilities() == []


def written(schema: WriterSchema, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, schema.wire, value)
    return codec.FRAME.pack(0, OTHER_ID) + out.getvalue()


def test_bytes_of_a_version_before_a_field_was_added_are_read_with_its_default(also: Any) -> None:
    older = also(version(edited(_drop("note")), 0))
    record = golden_samples.sample(NAME, sparse=False)
    value = asdict(record)
    del value["note"]
    decoded = codec.decode(written(older, value))
    assert decoded.note is None
    assert {**asdict(decoded), "note": record.note} == asdict(record)


def test_bytes_of_a_version_with_a_field_we_do_not_know_are_read_without_it(also: Any) -> None:
    newer = also(version(edited(lambda fields: fields.append(ADDITIONS[1])), 2))
    record = golden_samples.sample(NAME, sparse=False)
    assert codec.decode(written(newer, {**asdict(record), "added": "more"})) == record


def test_trailing_bytes_after_another_version_s_record_are_seen(also: Any) -> None:
    older = also(version(edited(_drop("note")), 0))
    value = asdict(golden_samples.sample(NAME, sparse=False))
    del value["note"]
    with pytest.raises(codec.Undecodable, match="TRAILING_BYTES"):
        codec.decode(written(older, value) + b"\0")


EXTRA: list[tuple[Any, Any]] = [
    ("string", "an extra text, long enough for two bytes of length" * 3),
    ("long", -(2**62)),
    ("int", 0),
    (["null", "string"], None),
    (["null", "string"], "given"),
    (["null", "long"], 2**40),
    ({"type": "long", "logicalType": "timestamp-micros"}, 2**50),
    ({"type": "fixed", "name": "Extra", "size": 7}, b"1234567"),
    (["null", {"type": "fixed", "name": "Extra", "size": 7}], b"1234567"),
]


def older_layout(extra: Any, *, turned: bool) -> dict[str, Any]:
    """Return the record with a header of another layout: a field more, and the fields after the stamp turned."""

    def edit(fields: list[dict[str, Any]]) -> None:
        header = fields[0]["type"]["fields"]
        after = header[2:]
        added = {"name": "extra", "type": extra}
        after = [*after[1:3], added, after[0], *after[3:]] if turned else [added, *after]
        fields[0]["type"]["fields"] = [*header[:2], *after]

    return edited(edit)


@pytest.mark.parametrize(("extra", "value"), EXTRA)
@pytest.mark.parametrize("turned", [False, True])
def test_a_header_is_walked_as_its_writer_laid_it_out(also: Any, extra: Any, value: Any, turned: bool) -> None:  # noqa: FBT001  two layouts
    older = also(version(older_layout(extra, turned=turned), 0))
    record = golden_samples.sample(NAME, sparse=False)
    body = asdict(record)
    body["header"]["extra"] = value
    framed = written(older, body)
    walked = prefix.walk(framed)
    said = record.header
    assert walked[:6] == (
        said.sequence,
        said.recorded_at,
        said.occurred_at,
        said.change_id,
        said.family_id,
        said.agency,
    )
    rest = {name: item for name, item in body.items() if name != "header"}
    fields = [field for field in older.full["fields"] if field["name"] != "header"]
    out = io.BytesIO()
    named = [
        field | {"type": contract.expanded("jejak.EventId")} if field["type"] == "jejak.EventId" else field
        for field in fields
    ]
    schemaless_writer(out, parse_schema(contract.raw({"type": "record", "name": "Rest", "fields": named})), rest)
    assert framed[walked.payload :] == out.getvalue()


def test_a_change_of_an_older_layout_is_accepted_as_it_was_written(also: Any) -> None:
    older = also(version(older_layout("string", turned=True), 0))
    body = asdict(golden_samples.sample(NAME, sparse=False))
    body["header"] |= {"extra": "kept", "sequence": 0, "recorded_at": 0}
    framed = written(older, body)
    event = accepted(change_of(framed, 1_741_572_000_000_000), 7)
    body["header"] |= {"sequence": 7, "recorded_at": 1_741_572_000_000_000}
    assert event.framed == written(older, body)
    assert codec.decode(event.framed).header.sequence == 7


def test_a_header_that_does_not_begin_with_the_stamp_is_a_fault() -> None:
    header = contract.expanded("jejak.Header")
    with pytest.raises(TypeError, match="come first"):
        prefix.generate({"fields": header["fields"][1:]})


def test_a_header_with_a_type_the_walker_does_not_know_is_a_fault() -> None:
    header = contract.expanded("jejak.Header")
    with pytest.raises(TypeError, match="doesn't know"):
        prefix.generate({"fields": [*header["fields"], {"name": "extra", "type": {"type": "map", "values": "int"}}]})
