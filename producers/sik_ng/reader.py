"""Reads a file of families and members: every row becomes part of a change or a line of the report.

A refused row refuses itself alone, unless it is the head's: a family without its head isn't begun. A family whose rows
contradict each other is refused whole. It must not know keys, Kafka or databases.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from producers.draft import Channel, Draft, Noted, RowRefused, refused
from producers.messages import Fault
from producers.reading import Item, Reading, digest_of, reading, refusal_of
from producers.sik_ng import columns
from producers.sik_ng.families import Records, families
from producers.sik_ng.row import judged, region_of
from producers.tables import Broken, Checker, Row, Table, layout, open_table
from producers.tables.dates import microseconds
from producers.tables.kinds import Formats
from producers.tables.seen import Said, doubled
from producers.tables.written import Record
from schemas.bounds import MOST_MEMBERS

_HEAD: Final = 1
_TOO_MANY: Final = Fault("MEMBERS_TOO_MANY", columns.KK, {"most": MOST_MEMBERS})
_AGAIN: Final = Fault("NIK_GANDA", columns.NIK)
_DOUBLES: Final = frozenset({"DOUBLED_ROW", "HEADER_REPEATED"})


def channel_for(path: Path, agency: str, actor: str, number: str = "") -> Channel:
    """Return the channel of a file sent by an agency.

    The document is the SHA-256 of its bytes, or the agency's own number for it: a corrected file under the same number
    says the rows that were right before with the same change ids.
    """
    named = {"kk": columns.KK, "nik": columns.NIK, "name": columns.NAME}
    return Channel(agency, actor, number or digest_of(path), named)


def read(path: Path, channel: Channel, formats: Formats | None = None) -> Reading:
    """Return what the file says on this channel; a fault of the whole file is one refused row, number 0."""
    return reading(path, channel, open_table(path, layout("sik-ng"), formats), lambda table: _items(table, channel))


def _items(table: Table, channel: Channel) -> Iterator[Item]:
    checker, place, said = Checker(table), table.names.index(columns.KK), Said()

    def card(cells: Record) -> str:
        cell = cells[place] if place < len(cells) else ""
        return cell if isinstance(cell, str) else ""

    def checked(number: int, cells: Record) -> Row | Broken:
        return judged(checker.check(number, cells))

    for family in families(Records(table.count, table.rows, card, checked, _beyond)):
        yield from _family([doubled(row, said, (columns.NIK,), _AGAIN) for row in family], channel)


def _beyond(row: Row | Broken) -> Broken:
    faults = row.faults if isinstance(row, Broken) else (_TOO_MANY,)
    return Broken(row.number, faults, row.values)


def _family(rows: Sequence[Row | Broken], channel: Channel) -> Iterator[Draft | RowRefused | Noted]:
    members = [row for row in rows if isinstance(row, Row)]
    verdict = _verdict(members, [row for row in rows if isinstance(row, Broken)])
    if members and verdict is None:
        yield _registration(_head_of(members), channel)
    for row in rows:
        if isinstance(row, Broken):
            yield refusal_of(channel, row)
        elif verdict is None:
            yield _claim(row, channel)
        else:
            yield refused(channel, row.number, (verdict,))


def _verdict(members: Sequence[Row], broken: Sequence[Broken]) -> Fault | None:
    """Return why the family's rows, each right by itself, are refused together; None when they aren't."""
    if len(members) > MOST_MEMBERS:
        return _TOO_MANY
    said = {tuple(map(row.values.get, columns.SAME_IN_FAMILY)) for row in members}
    for column, texts in zip(columns.SAME_IN_FAMILY, zip(*said, strict=True), strict=False):
        if len(set(texts)) > 1:
            return Fault("FAMILY_ROWS_DIFFER", column)
    heads = sum(row[columns.RELATIONSHIP] == _HEAD for row in members)
    if heads == 0 and (lost := _lost(broken)) is not None:
        return Fault("HEAD_REFUSED", columns.RELATIONSHIP, {"row": lost})
    return None if heads == 1 else Fault("V14", columns.RELATIONSHIP, {"heads": heads})


def _lost(broken: Iterable[Broken]) -> int | None:
    """Return the row that may have been the head's and was refused for its own faults."""
    return next((row.number for row in broken if row.faults[0].rule not in _DOUBLES), None)


def _head_of(members: Sequence[Row]) -> Row:
    return next(row for row in members if row[columns.RELATIONSHIP] == _HEAD)


def _registration(head: Row, channel: Channel) -> Draft:
    region = region_of(head)
    body = {
        "region": {"system": region.system, "edition": region.edition, "code": region.code},
        "card_number": head[columns.KK],
        "address_line": head[columns.ADDRESS],
        "telephone": head[columns.TELEPHONE],
    }
    at = microseconds(head[columns.SURVEYED])
    return Draft(channel, "FamilyRegistered", at, head[columns.KK], body, row=head.number, findings=head.findings)


def _claim(row: Row, channel: Channel) -> Draft:
    cells = row.values
    born = cells[columns.BORN]
    body = {
        "person_ref": cells[columns.NIK],
        "birth_year": born.year,
        "birth_month": born.month,
        "sex": cells[columns.SEX],
        "relationship": cells[columns.RELATIONSHIP],
        "marital_status": cells[columns.MARITAL],
        "presence": cells[columns.PRESENCE],
        "national_id": cells[columns.NIK],
        "name": cells[columns.NAME],
        "birth_day": f"{born.day:02}",
    }
    at = microseconds(cells[columns.SURVEYED])
    return Draft(channel, "MembershipClaimed", at, cells[columns.KK], body, row=row.number)
