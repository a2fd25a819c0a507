"""What a file says beside a file sent earlier: each of its changes new, known, changed or conflicting.

The two files are compared, nothing else is asked: a comparison with the registry would tell an office who is in it. In
bounded memory; nothing of a person is kept but keyed hashes (seen.py). Must not know files' forms.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from producers.draft import Draft, Noted, RowRefused
from producers.reading import Item
from producers.seeds.tables import ReferenceTable
from producers.tables.seen import Said, Statement

Verdict = Literal["new", "known", "changed", "conflicting", "refused", "no data"]
FIELDS: Final = ("row", "record", "match", "earlier_row")
# They name the document or its run, not what is said of the family.
_OF_THE_DOCUMENT: Final = frozenset({"run_id", "batch", "bnba_list_digest"})


@dataclass(frozen=True, slots=True)
class Match:
    """One change's verdict; `earlier_row` is the row of the earlier file that speaks of the same, 0 for none."""

    row: int
    record: str
    match: Verdict
    earlier_row: int = 0


@dataclass(slots=True)
class Matching:
    """A comparison with an earlier file: verdicts counted, and how many of its statements came no more (`gone`)."""

    counts: Counter[str] = field(default_factory=Counter)
    gone: int = 0

    def matches(self, earlier: Iterable[Item], now: Iterable[Item]) -> Iterator[Match]:
        """Yield the verdict of each item of the file now, in its order; counts hold once all were taken."""
        said = Said()
        for item in earlier:
            statement = _statement(item)
            if statement is not None:
                said.first(statement)
        for item in now:
            if isinstance(item, Noted) and item.row == 0:
                continue  # said of the document
            match = _match(item, said)
            self.counts[match.match] += 1
            yield match
        self.gone = said.unmet()


def _match(item: Item, said: Said) -> Match:
    statement = _statement(item)
    if statement is None:
        row = item.row if isinstance(item, RowRefused | Noted) else 0
        return Match(row, "", "refused" if isinstance(item, RowRefused) else "no data")
    before = said.meet(statement.key)
    row, record = statement.row, _record(item)
    if before is None:
        return Match(row, record, "new")
    if said.hashed(statement.content) == before.content:
        return Match(row, record, "known", before.row)
    return Match(row, record, "changed" if statement.at > before.at else "conflicting", before.row)


def _record(item: Item) -> str:
    return item.record if isinstance(item, Draft) else "ReferenceRow"


def _statement(item: Item) -> Statement | None:
    """Return what an item says of whom, since when; None for one that says nothing."""
    match item:
        case Draft():
            person = item.body.get("person_ref") or ""
            key = [item.record, item.card or item.family_id, person, item.key]
            body = {name: value for name, value in item.body.items() if name not in _OF_THE_DOCUMENT}
            return Statement(json.dumps(key), _canonical(body), item.row, item.occurred_at)
        case ReferenceTable():
            row = item.rows[0]
            cells = {cell.column: str(cell.value) for cell in row.cells}
            key = [str(item.region), cells.get("ID_SLS") or cells.get("SLS") or row.key]
            when = "".join(filter(str.isdigit, item.period)) or "0"
            return Statement(json.dumps(key), _canonical(cells), int(row.key) if row.key.isdigit() else 0, int(when))
        case _:
            return None


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, default=str)
