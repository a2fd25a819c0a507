"""The rows of a file as families, in bounded memory: a family's rows together, wherever in the file they stand.

A file whose families' rows stand together is read once, family by family. One whose rows are scattered is read as often
as needed, each time for a part of its families, so that at most about `HELD` rows are held. Must not know rules.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from producers.sik_ng.columns import KK
from producers.tables import Broken, Row
from producers.tables.seen import Seen
from producers.tables.written import Record

HELD: Final = 50_000
_FEW: Final = 5_000
_MOST: Final = 10_000  # rows of one card, far beyond a family
Checked = Row | Broken


@dataclass(frozen=True, slots=True)
class Records:
    """A table's records, as often as asked for; the card a record prints, empty where none; and its check."""

    count: int
    all: Callable[[], Iterable[tuple[int, Record]]]
    card: Callable[[Record], str]
    checked: Callable[[int, Record], Checked]


def families(records: Records) -> Iterator[list[Checked]]:
    """Yield the rows of each family; a row that names no card comes alone.

    Families come by their first row's place, within one part of the file's families.
    """
    if records.count > _FEW and _together(records):
        yield from _adjacent(records.checked(number, cells) for number, cells in records.all())
        return
    parts = -(-records.count // HELD)
    for part in range(parts):
        yield from _scattered(
            records.checked(number, cells)
            for number, cells in records.all()
            if crc32(records.card(cells).encode("utf-8", "replace")) % parts == part
        )


def _card(row: Checked) -> str:
    return row[KK] or ""


def _together(records: Records) -> bool:
    """Tell whether no card comes again once another came."""
    seen, last = Seen(), ""
    for number, cells in records.all():
        card = records.card(cells)
        if card and card != last:
            if seen.first(card, number) is not None:
                return False
            last = card
    return True


def _adjacent(rows: Iterable[Checked]) -> Iterator[list[Checked]]:
    held: list[Checked] = []
    for row in rows:
        card = _card(row)
        if not card:
            yield [row]
            continue
        if held and _card(held[0]) != card:
            yield held
            held = []
        held.append(row)
        if len(held) > _MOST:  # one family only: told as too large, and not held
            yield held
            held = []
    if held:
        yield held


def _scattered(rows: Iterable[Checked]) -> Iterator[list[Checked]]:
    found: dict[str, list[Checked]] = defaultdict(list)
    for row in rows:
        card = _card(row)
        if card:
            found[card].append(row)
        else:
            yield [row]
    yield from found.values()
