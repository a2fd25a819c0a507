"""The rows of a file as families, in bounded memory: a family's rows together, wherever in the file they stand.

A file whose families' rows stand together is read family by family. The rows of one that has them scattered are laid
out first, in parts of about `HELD` rows, each with all rows of its families: one pass, sealed outside memory. Must not
know rules.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from producers.sik_ng.columns import KK
from producers.tables import Broken, Row
from producers.tables.parts import Parts
from producers.tables.scratch import Scratch
from producers.tables.seen import Seen
from producers.tables.written import Record

HELD: Final = 5_000
_MOST: Final = 1_000  # rows of one card, far beyond a family
Checked = Row | Broken


@dataclass(frozen=True, slots=True)
class Records:
    """A table's records, as often as asked for; the card a record prints, empty where none; and its check.

    `beyond` is what becomes of a row that comes after more rows of its card than are ever held.
    """

    count: int
    all: Callable[[], Iterable[tuple[int, Record]]]
    card: Callable[[Record], str]
    checked: Callable[[int, Record], Checked]
    beyond: Callable[[Checked], Checked]


def families(records: Records) -> Iterator[list[Checked]]:
    """Yield the rows of each family; a row that names no card comes alone.

    Families come by their first row's place, within one part of the file's families.
    """
    if records.count <= HELD:
        yield from _scattered((records.checked(*one) for one in records.all()), records.beyond)
    elif _together(records):
        yield from _adjacent((records.checked(*one) for one in records.all()), records.beyond)
    else:
        parts = _laid_out(records)
        for part in range(parts.count):
            yield from _scattered((records.checked(*one) for one in parts.rows(part)), records.beyond)


def _laid_out(records: Records) -> Parts:
    count = -(-records.count // HELD)
    parts = Parts(count, Scratch())
    for number, cells in records.all():
        parts.put(crc32(records.card(cells).encode("utf-8", "replace")) % count, number, cells)
    return parts


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


def _adjacent(rows: Iterable[Checked], beyond: Callable[[Checked], Checked]) -> Iterator[list[Checked]]:
    held: list[Checked] = []
    for row in rows:
        card = _card(row)
        if not card:
            yield [row]
            continue
        if held and _card(held[0]) != card:
            yield held
            held = []
        if len(held) < _MOST:
            held.append(row)
        else:
            yield [beyond(row)]
    if held:
        yield held


def _scattered(rows: Iterable[Checked], beyond: Callable[[Checked], Checked]) -> Iterator[list[Checked]]:
    found: dict[str, list[Checked]] = defaultdict(list)
    for row in rows:
        card = _card(row)
        if not card:
            yield [row]
        elif len(found[card]) < _MOST:
            found[card].append(row)
        else:
            yield [beyond(row)]
    yield from found.values()
