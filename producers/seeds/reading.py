"""Reading of one transcribed document into tables, before any rule looks at them.

Pure given the file's text. A figure that is not of its column's format becomes a finding and an empty value; a file
that is not of the expected shape is a fault of ours and raises. Must not know which document it reads.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from producers.seeds.printed import NumberFormat, PrintedValueError, parse_date, parse_decimal, parse_integer
from producers.seeds.tables import (
    WITHHELD,
    Document,
    Finding,
    ReferenceCell,
    ReferenceColumn,
    ReferenceRow,
    ReferenceTable,
    Source,
    Value,
)
from schemas.regions import Region

_BLANKS = frozenset({"", "-", WITHHELD})


def read_document(text: str) -> tuple[str, Document]:
    """Return a transcribed document's name and its tables by short name, with findings of reading only."""
    content = tomllib.loads(text)
    document, seed, region = content["document"], content["seed"], content.get("region", {})
    tables = {raw["name"]: _table(raw, document, seed, raw.get("region", region)) for raw in content["table"]}
    return document, MappingProxyType(tables)


def _table(raw: Mapping[str, Any], document: str, seed: str, region: Mapping[str, Any]) -> ReferenceTable:
    name = f"{document}/{raw['name']}"
    findings: list[Finding] = []
    rows = tuple(_row(raw, name, printed, findings) for printed in raw["rows"])
    columns = tuple(ReferenceColumn(c["name"], c.get("head", ""), c.get("unit", raw["unit"])) for c in raw["columns"])
    findings.extend(_repeated_keys(name, rows))
    return ReferenceTable(
        name,
        Source(seed, raw["place"]),
        raw["period"],
        Region(**region) if region else None,  # the nation has no code
        raw["unit"],
        columns,
        rows,
        tuple(findings),
    )


def _row(raw: Mapping[str, Any], table: str, printed: list[str], findings: list[Finding]) -> ReferenceRow:
    key, *texts = printed
    cells = []
    for column, text in zip(raw["columns"], texts, strict=True):
        try:
            value = _value(text, column.get("type", "text"), column.get("format", raw["format"]))
        except PrintedValueError as error:
            value = None
            findings.append(Finding(table, key, column["name"], "NILAI_TIDAK_TERBACA", "reject", str(error)))
        ours = column.get("ours", False)
        cells.append(ReferenceCell(column["name"], "" if ours else text, value, ours))
    return ReferenceRow(key, tuple(cells))


def _value(text: str, kind: str, number_format: NumberFormat) -> Value:
    if text in _BLANKS:
        return None
    match kind:
        case "text":
            return text
        case "integer":
            return parse_integer(text, number_format)
        case "decimal":
            return parse_decimal(text, number_format)
        case "date":
            return parse_date(text).isoformat()
        case _:
            raise ValueError(f"no column type {kind}")


def _repeated_keys(table: str, rows: tuple[ReferenceRow, ...]) -> Iterator[Finding]:
    for key, times in Counter(row.key for row in rows).items():
        if times > 1:
            yield Finding(table, key, None, "KUNCI_GANDA", "reject", f"{times} rows have the same key")
