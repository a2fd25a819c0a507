"""Reads a file of families and members: every row becomes part of a change or a line of the report.

A refused row refuses itself alone, unless it is the head's: a family without its head isn't begun. A family whose rows
contradict each other is refused whole. It must not know keys, Kafka or databases.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from producers import identity_check
from producers.draft import Channel, Draft, RowRefused
from producers.sik_ng import layout
from producers.sik_ng.row import Broken, Row, checked
from producers.sik_ng.table import Dialect, FileFault, Table, open_table

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_HEAD: Final = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: how the file is written, and its drafts and refused rows.

    `digest` is the SHA-256 of the file's bytes, in hex, for the ledger: a corrected file under the agency's same number
    is another file.
    """

    digest: str
    dialect: Dialect | None
    items: tuple[Draft | RowRefused, ...]


def channel_for(path: Path, agency: str, actor: str, number: str = "") -> Channel:
    """Return the channel of a file sent by an agency.

    The document is the SHA-256 of its bytes, or the agency's own number for it: a corrected file under the same number
    says the rows that were right before with the same change ids.
    """
    columns = {"kk": layout.KK, "nik": layout.NIK, "name": layout.NAME}
    return Channel(agency, actor, number or _digest(path), columns)


def read(path: Path, channel: Channel) -> Reading:
    """Return what the file says on this channel; a fault of the whole file is one refused row, number 0."""
    digest, table = _digest(path), open_table(path)
    if isinstance(table, FileFault):
        return Reading(digest, table.dialect, (RowRefused(channel, 0, table.column, table.rule, table.explanation),))
    return Reading(digest, table.dialect, tuple(_items(table, channel)))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _items(table: Table, channel: Channel) -> Iterator[Draft | RowRefused]:
    families: dict[str, list[Row | Broken]] = defaultdict(list)
    for row in _identified(_without_doubles(table), channel):
        card = row.card if isinstance(row, Broken) else row.cells[layout.KK]
        families[card].append(row)
    for rows in families.values():
        yield from _family(rows, channel)


def _without_doubles(table: Table) -> Iterator[Row | Broken]:
    """Yield the rows; one that says what an earlier one said, or names a person again, is broken."""
    first_with: dict[tuple[object, ...], int] = {}
    for number, cells in table.rows:
        row = checked(number, table.head, cells)
        if isinstance(row, Row):
            whole, person = tuple(cells), (row.cells[layout.NIK],)
            card = row.cells[layout.KK]
            if whole in first_with:
                row = Broken(number, "", "DOUBLED_ROW", f"the row is the same as row {first_with[whole]}", card)
            elif person in first_with:
                row = Broken(number, layout.NIK, "NIK_GANDA", f"row {first_with[person]} names the person too", card)
            else:
                first_with[whole] = first_with[person] = number
        yield row


def _identified(rows: Iterator[Row | Broken], channel: Channel) -> Iterator[Row | Broken]:
    """Yield the rows; one whose numbers or name break an identity rule is broken."""
    for row in rows:
        rejected = _rejection(row, channel) if isinstance(row, Row) else None
        yield rejected if rejected is not None else row


def _rejection(row: Row, channel: Channel) -> Broken | None:
    for found in identity_check.findings(_claim(row, channel)):
        if found.severity == "reject":
            column = channel.columns[found.field]
            return Broken(row.number, column, found.code, found.message, row.cells[layout.KK])
    return None


def _family(rows: Sequence[Row | Broken], channel: Channel) -> Iterator[Draft | RowRefused]:
    members = [row for row in rows if isinstance(row, Row)]
    broken = [row for row in rows if isinstance(row, Broken)]
    verdict = _verdict(members, broken)
    if members and verdict is None:
        yield _registration(_head_of(members), channel)
    for row in rows:
        if isinstance(row, Broken):
            yield RowRefused(channel, row.number, row.column, row.rule, row.explanation)
        elif verdict is None:
            yield _claim(row, channel)
        else:
            yield RowRefused(channel, row.number, *verdict)


def _verdict(members: Sequence[Row], broken: Sequence[Broken]) -> tuple[str, str, str] | None:
    """Return why the family's rows, each right by itself, are refused together; None when they aren't."""
    heads = sum(row.code(layout.RELATIONSHIP) == _HEAD for row in members)
    for column in layout.SAME_IN_FAMILY:
        if len({row.cells[column] for row in members}) > 1:
            return column, "FAMILY_ROWS_DIFFER", "the rows of the family differ in this column"
    if heads > 1:
        return layout.RELATIONSHIP, "V14", f"the family has {heads} heads"
    if heads == 0 and any(row.rule not in _DOUBLES for row in broken):
        return layout.RELATIONSHIP, "HEAD_REFUSED", f"no head is left, since row {broken[0].number} is refused"
    if heads == 0:
        return layout.RELATIONSHIP, "V14", "the family has no head"
    return None


_DOUBLES: Final = frozenset({"DOUBLED_ROW", "HEADER_REPEATED"})


def _head_of(members: Sequence[Row]) -> Row:
    return next(row for row in members if row.code(layout.RELATIONSHIP) == _HEAD)


def _registration(head: Row, channel: Channel) -> Draft:
    cells = head.cells
    body = {
        "region": {"system": head.region.system, "edition": head.region.edition, "code": head.region.code},
        "card_number": cells[layout.KK],
        "address_line": cells[layout.ADDRESS],
        "telephone": cells[layout.TELEPHONE] or None,
    }
    at = _moment(head.surveyed)
    return Draft(channel, "FamilyRegistered", at, cells[layout.KK], body, row=head.number, findings=head.findings)


def _claim(row: Row, channel: Channel) -> Draft:
    cells = row.cells
    body = {
        "person_ref": cells[layout.NIK],
        "birth_year": row.born.year,
        "birth_month": row.born.month,
        "sex": row.code(layout.SEX),
        "relationship": row.code(layout.RELATIONSHIP),
        "marital_status": row.code(layout.MARITAL),
        "presence": row.code(layout.PRESENCE),
        "national_id": cells[layout.NIK],
        "name": cells[layout.NAME],
        "birth_day": f"{row.born.day:02}",
    }
    return Draft(channel, "MembershipClaimed", _moment(row.surveyed), cells[layout.KK], body, row=row.number)


def _moment(day: date) -> int:
    """Return the beginning of a day (UTC) in microseconds."""
    return (day.toordinal() - _EPOCH) * _DAY_US
