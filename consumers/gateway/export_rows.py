"""From families as the door shows them to the rows of a file: columns by the granted fields, cells that no sheet runs.

A row is a person where members are granted, else a family. No reference of a person or family is in it. Must not know
who asked, nor where the bytes go.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from consumers.gateway.request import FamilyRow

Format = Literal["csv", "jsonl"]
Row = dict[str, Any]

ROW_ID: Final = "row_id"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
# A full-width sign is taken for the plain one by some programs.
_WIDE: Final = str.maketrans("\uff1d\uff0b\uff0d\uff20", "=+-@")
_CODED: Final = ("standing", "padan", "birth_year", "birth_month", "sex", "relationship")
_CLEAR: Final = ".clear"
_MEMBER: Final = "member."
_WITHHELD: Final = "withheld"
_ERASED: Final = {_WITHHELD: "ERASED"}


def columns(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a file with these granted fields, the row's id first."""
    found = [ROW_ID]
    for field in sorted(fields):
        name = field.removesuffix(_CLEAR).removeprefix(_MEMBER)
        found += _CODED if name == "members" else (name,)
    return tuple(dict.fromkeys(found))


def rows(families: Sequence[FamilyRow]) -> Iterator[Row]:
    """Yield a row for each person, or for each family where no member is shown; an erased person has none."""
    for family in families:
        shared = {name: _value(name, value) for name, value in family.fields.items() if name != "members"}
        members: Sequence[Mapping[str, Any]] | None = family.fields.get("members")
        if members is None:
            yield shared
            continue
        for member in members:
            if _ERASED not in member.values():
                yield shared | {name: _value(name, value) for name, value in member.items() if name != "person_ref"}


def owners(families: Sequence[FamilyRow]) -> tuple[str, ...]:
    """Return whose data the rows of these families hold: each family, and each member that is shown."""
    members = (member["person_ref"] for family in families for member in family.fields.get("members") or ())
    return tuple(dict.fromkeys([*[family.family_id for family in families], *members]))


def _value(name: str, value: Any) -> Any:
    match value:
        case {"code": code} if name == "region":
            return code
        case {"withheld": _}:
            return None
        case _:
            return value


def written(found: Sequence[Row], heads: Sequence[str], kind: Format) -> bytes:
    """Return rows as the bytes of a file: CSV with CRLF (RFC 4180), or one JSON object a line; UTF-8."""
    if kind == "jsonl":
        lines = (json.dumps({head: row.get(head) for head in heads}, ensure_ascii=False) for row in found)
        return "".join(f"{line}\n" for line in lines).encode()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([_cell(row.get(head)) for head in heads] for row in found)
    return text.getvalue().encode()


def heading(heads: Sequence[str], kind: Format) -> bytes:
    """Return what a file begins with: the columns' names in CSV, nothing in JSON lines."""
    return (",".join(heads) + "\r\n").encode() if kind == "csv" else b""


def _cell(value: Any) -> str:
    """Return a cell that a spreadsheet shows and never runs: one that begins a formula is led by an apostrophe."""
    match value:
        case None:
            text = ""
        case str():
            text = value
        case bool() | int() | float():
            return str(value)  # a number of ours; a negative one is no formula
        case _:
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return f"'{text}" if text.lstrip(" \u00a0").translate(_WIDE).startswith(_FORMULA) or text[:1] in _FORMULA else text
