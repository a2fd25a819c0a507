"""The released schemas and their ids, read once from the packaged .avsc files and the lock file.

Knows files and Avro; must not know what the records mean or where they travel.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from fastavro.schema import parse_schema, to_parsing_canonical_form

NAMESPACE = "jejak"
LOCK_FILE = "lock.json"
STATE = f"{NAMESPACE}.FamilyState"

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One version of one subject: its id on the wire and the fingerprint that must never change once released."""

    subject: str
    version: int
    schema_id: int
    fingerprint: str
    file: str


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """A schema that bytes can be written with: as released, and as our codec reads it (logical types left raw)."""

    entry: LockEntry
    name: str
    full: Schema
    wire: Schema


def _folder() -> Any:
    return resources.files("schemas").joinpath("avro")


@cache
def sources() -> Mapping[str, Schema]:
    """Every current .avsc by full name, as written, with references to other files left as names."""
    found = {}
    for item in sorted(_folder().iterdir(), key=lambda item: item.name):
        if item.name.endswith(".avsc"):
            schema = json.loads(item.read_text(encoding="utf-8"))
            found[f"{schema['namespace']}.{schema['name']}"] = schema
    return found


def expanded(name: str) -> Schema:
    """Return the schema of `name` with each referenced type written out where it is first used."""
    result = _expand(name, sources(), set())
    if not isinstance(result, dict):
        raise TypeError(f"{name} is no record")
    return result


def _expand(node: Any, known: Mapping[str, Schema], seen: set[str]) -> Any:
    match node:
        case str() if node in known:
            if node in seen:
                return node
            seen.add(node)
            return _expand(dict(known[node]), known, seen)
        case list():
            return [_expand(item, known, seen) for item in node]
        case dict():
            return {
                key: _expand(value, known, seen) if key in {"type", "items", "fields", "values"} else value
                for key, value in node.items()
            }
        case _:
            return node


def raw(node: Any) -> Any:
    """Return the same schema without logical types and documentation: times stay integers, ids stay bytes."""
    match node:
        case list():
            return [raw(item) for item in node]
        case dict():
            return {
                key: raw(value) if key in {"type", "items", "fields", "values"} else value
                for key, value in node.items()
                if key not in {"doc", "logicalType", "sealed"}
            }
        case _:
            return node


def fingerprint(name: str) -> str:
    """SHA-256 of the Parsing Canonical Form of the expanded schema, in hex."""
    return hashlib.sha256(to_parsing_canonical_form(expanded(name)).encode()).hexdigest()


def records() -> Iterator[str]:
    """Full names of the record types, in the order of their files."""
    return (name for name, schema in sources().items() if schema["type"] == "record")


@cache
def parts() -> frozenset[str]:
    """Full names of the records inside a family's state, of which successive states share most."""
    return frozenset(_inside(sources()[STATE]))


def _inside(node: Any) -> Iterator[str]:
    match node:
        case str() if sources().get(node, {}).get("type") == "record":
            yield node
            yield from _inside(sources()[node])
        case list():
            for item in node:
                yield from _inside(item)
        case {"items": inner} | {"type": dict() | list() as inner}:
            yield from _inside(inner)
        case {"fields": fields}:
            for field in fields:
                yield from _inside(field["type"])
        case _:
            pass


@cache
def lock() -> tuple[LockEntry, ...]:
    """Every version ever given an id, in the order of ids."""
    entries = json.loads(_folder().joinpath(LOCK_FILE).read_text(encoding="utf-8"))["schemas"]
    return tuple(
        LockEntry(entry["subject"], entry["version"], entry["id"], entry["fingerprint"], entry["file"])
        for entry in entries
    )


@cache
def writer_schemas() -> Mapping[int, WriterSchema]:
    """Every schema id of the lock with its schema."""
    return {entry.schema_id: _writer_schema(entry) for entry in lock()}


def _writer_schema(entry: LockEntry) -> WriterSchema:
    current = entry.file == f"{entry.subject}.avsc"
    full = (
        expanded(entry.subject) if current else json.loads(_folder().joinpath(entry.file).read_text(encoding="utf-8"))
    )
    wire: Any = parse_schema(raw(full))
    return WriterSchema(entry, entry.subject, full, wire)


@cache
def current_ids() -> Mapping[str, int]:
    """The id that new bytes of each record are written with: its newest version."""
    return {entry.subject: entry.schema_id for entry in lock()}
