"""The rows of a file as families, in bounded memory: a family's rows together, wherever in the file they stand.

A file whose families' rows stand together is read once, family by family. One whose rows are scattered is read as often
as needed, each time for a part of its families, so that at most about `HELD` rows are held. Must not know rules.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final
from zlib import crc32

from producers.sik_ng.columns import KK
from producers.tables import Broken, Row
from producers.tables.seen import Seen

HELD: Final = 50_000
_FEW: Final = 5_000
Checked = Row | Broken
Rows = Callable[[], Iterable[Checked]]


def families(count: int, cards: Callable[[], Iterable[str]], rows: Rows) -> Iterator[list[Checked]]:
    """Yield the rows of each family; a row that names no card comes alone.

    `cards` gives the card of each row as printed, empty where none is; `rows` gives the rows, checked; both from the
    file's beginning, as often as asked. Families come by their first row's place, within one part of the file's
    families.
    """
    if count > _FEW and _together(cards()):
        for card, group in groupby(rows(), key=_card):
            if card:
                yield list(group)
            else:
                yield from ([row] for row in group)
        return
    parts = -(-count // HELD)
    for part in range(parts):
        yield from _scattered(row for row in rows() if crc32(_card(row).encode()) % parts == part)


def _card(row: Checked) -> str:
    return row[KK] or ""


def _together(cards: Iterable[str]) -> bool:
    """Tell whether no card comes again once another came."""
    seen, last = Seen(), ""
    for number, card in enumerate(cards):
        if card != last:
            if card == "" or seen.first(card, number) is not None:
                return False
            last = card
    return True


def _scattered(rows: Iterable[Checked]) -> Iterator[list[Checked]]:
    found: dict[str, list[Checked]] = defaultdict(list)
    for row in rows:
        card = _card(row)
        if card:
            found[card].append(row)
        else:
            yield [row]
    yield from found.values()
