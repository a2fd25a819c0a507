"""Writes tests/contract/golden: for each record a full and a sparse sample, as fields and as bytes.

Run by maintainers when a version of a schema is added: `python -m tests.contract.golden_samples`. A released file is
never rewritten: the tests hold today's codec to the bytes that were written then.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from schemas import codec, contract

FOLDER = Path(__file__).parent / "golden"


def sample(name: str, *, sparse: bool) -> Any:
    """Return a record with every field filled, or with every null and every empty list that the schema allows."""
    return _record(codec.class_of(name), contract.sources()[name], sparse=sparse)


def _record(cls: type, schema: Any, *, sparse: bool) -> Any:
    hints = get_type_hints(cls)
    made = {
        field["name"]: _value(hints[field["name"]], field["type"], field["name"], number, sparse=sparse)
        for number, field in enumerate(schema["fields"], start=1)
    }
    return cls(**made)


def _value(hint: Any, kind: Any, name: str, number: int, *, sparse: bool) -> Any:  # noqa: PLR0911  one line per kind of type
    match kind:
        case ["null", inner]:
            return None if sparse else _value(get_args(hint)[0], inner, name, number, sparse=sparse)
        case {"type": "array", "items": items}:
            inner_hint = get_args(hint)[0]
            return () if sparse else tuple(_value(inner_hint, items, name, number + n, sparse=sparse) for n in (0, 1))
        case str() if kind in contract.sources():
            return _named(hint, contract.sources()[kind], name, number, sparse=sparse)
        case {"type": inner}:
            return _value(hint, inner, name, number, sparse=sparse)
        case "long":
            return -number if sparse else 1_741_572_000_000_000 + number
        case "int":
            return -number if sparse else 200_000 + number
        case "boolean":
            return not sparse
        case "bytes":
            return b"" if sparse else bytes([0x80 + number]) * number
        case _:
            return "" if sparse else f"{name} é {number}"


def _named(hint: Any, schema: Any, name: str, number: int, *, sparse: bool) -> Any:
    if schema["type"] == "fixed":
        return bytes([0 if sparse else number]) * int(schema["size"])
    made = _record(hint, schema, sparse=sparse)
    if schema["name"] != "Header":
        return made
    return type(made)(**{f.name: getattr(made, f.name) for f in fields(made)} | {"family_id": "f" * 26})


def readable(value: Any) -> Any:
    """Return a value as JSON takes it: bytes in hex, records as objects."""
    match value:
        case bytes():
            return {"hex": value.hex()}
        case tuple() | list():
            return [readable(item) for item in value]
        case dict():
            return {key: readable(item) for key, item in value.items()}
        case _:
            return value


def golden(name: str) -> dict[str, Any]:
    """Return what the file of this record holds."""
    made: dict[str, Any] = {"record": name, "schema_id": contract.current_ids()[name]}
    for kind in ("full", "sparse"):
        one = sample(name, sparse=kind == "sparse")
        made[kind] = {"fields": readable(asdict(one)), "framed": codec.encode(one).hex()}
    return made


def main() -> None:
    """Write one file for each record, and leave no other."""
    FOLDER.mkdir(exist_ok=True)
    written = {FOLDER / f"{name}.json" for name in contract.records()}
    for old in set(FOLDER.glob("*.json")) - written:
        old.unlink()
    for name in contract.records():
        text = json.dumps(golden(name), indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
