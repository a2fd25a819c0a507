"""Bytes written once are written the same today, and read the same by us and by a consumer without our code."""

from __future__ import annotations

import ast
import json
import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue, codec, contract, evolution
from tests.contract import golden_samples, plain_consumer
from tests.contract.plain_consumer import PlainDecoder

RECORDS = tuple(contract.records())
KINDS = ("full", "sparse")
AUDIT_VALUE_LIMIT = 65_498  # an entry of the tile tree has a 16-bit length; framing and position take the rest
PLAIN = PlainDecoder(evolution.AVRO_FOLDER)


def written(name: str) -> Any:
    return json.loads((golden_samples.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_there_is_one_golden_file_for_each_record() -> None:
    assert {path.stem for path in golden_samples.FOLDER.iterdir()} == set(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_today_s_codec_writes_the_bytes_that_were_written_then(name: str) -> None:
    assert golden_samples.golden(name) == written(name)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_written_then_are_read_as_what_they_said(name: str, kind: str) -> None:
    record = codec.decode(bytes.fromhex(written(name)[kind]["framed"]))
    assert codec.name_of(record) == name
    assert golden_samples.readable(asdict(record)) == written(name)[kind]["fields"]


def plain(value: Any) -> Any:  # noqa: PLR0911  one line per kind of value
    """Return what a plain decoder gave as the golden files write it."""
    match value:
        case datetime():
            return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        case date():
            return (value - date(1970, 1, 1)).days
        case uuid.UUID():
            return {"hex": value.bytes.hex()}
        case bytes():
            return {"hex": value.hex()}
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case _:
            return value


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_consumer_without_our_code_reads_the_same(name: str, kind: str) -> None:
    golden = written(name)
    assert PLAIN.decode(bytes.fromhex(golden[kind]["framed"]))[0] == name
    assert plain(PLAIN.decode(bytes.fromhex(golden[kind]["framed"]))[1]) == golden[kind]["fields"]


def test_the_plain_consumer_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(plain_consumer.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= {"io", "json", "pathlib", "typing", "fastavro"}


@pytest.mark.parametrize("front", [b"", b"\x01\0\0\0\x01", b"{}"])
def test_the_plain_consumer_takes_no_value_without_a_frame(front: bytes) -> None:
    with pytest.raises(ValueError, match="schema id"):
        PLAIN.decode(front)


def test_the_plain_consumer_leaves_no_byte_unread() -> None:
    framed = bytes.fromhex(written("jejak.PartitionCut")["full"]["framed"])
    with pytest.raises(ValueError, match="bytes are left"):
        PLAIN.decode(framed + b"\0")


@pytest.mark.parametrize("name", catalogue.topic(catalogue.AUDIT_TOPIC).values)
def test_an_audit_record_fits_an_entry_of_the_tree(name: str) -> None:
    assert len(codec.encode(golden_samples.sample(f"jejak.{name}", sparse=False))) <= AUDIT_VALUE_LIMIT


def test_a_disclosure_of_every_field_of_the_contract_fits_an_entry_of_the_tree() -> None:
    codes = tuple(f"{name}.{field['name']}" for name in RECORDS for field in contract.sources()[name]["fields"])
    for name in ("SubjectDisclosure", "AccessIntent"):
        one = golden_samples.sample(f"jejak.{name}", sparse=False)
        many = {"fields_disclosed": codes} if name == "SubjectDisclosure" else {"fields_requested": codes}
        values = {field: getattr(one, field) for field in one.__dataclass_fields__} | many
        assert len(codec.encode(type(one)(**values))) <= AUDIT_VALUE_LIMIT
