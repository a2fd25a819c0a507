"""What is told of a document to whoever sent it: its rows counted, and each fault as a line in two languages.

No line holds a value of a person. Must not know where lines are written, nor sources.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from producers import identity_check
from producers.draft import Draft, Noted, RowRefused
from producers.messages import Fault, sentence
from producers.reading import Item
from producers.seeds.tables import ReferenceTable

FIELDS: Final = ("row", "column", "rule", "severity", "penjelasan", "explanation")


@dataclass(frozen=True, slots=True)
class Line:
    """One fault: where it stands, its code, how much it weighs, and what it means in Indonesian and in English."""

    row: int
    column: str
    rule: str
    severity: str
    penjelasan: str
    explanation: str

    def as_row(self) -> dict[str, Any]:
        """Return it by the names of `FIELDS`."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """How many rows became changes, were refused, or are no data; together all rows that the table has."""

    accepted: int = 0
    refused: int = 0
    noted: int = 0

    def add(self, item: Item, row_records: frozenset[str]) -> None:
        """Count an item; a row is accepted once, by the one of these records that it becomes."""
        match item:
            case RowRefused():
                self.refused += 1
            case Noted():
                self.noted += item.row > 0  # row 0 is the document's
            case ReferenceTable():
                self.accepted += not item.rows[0].cells[0].computed
            case Draft():
                self.accepted += item.record in row_records


def lines(item: Item) -> Iterator[Line]:
    """Yield the lines of one item: every fault of a refused row, why a row is no data, what a change warns of."""
    match item:
        case RowRefused(faults=()):
            said = (sentence(item.rule, "id") or item.explanation, item.explanation)
            yield Line(item.row, item.column, item.rule, "reject", *said)
        case RowRefused():
            yield from (_line(item.row, fault) for fault in item.faults)
        case Noted():
            yield _line(item.row, item.fault)
        case Draft():
            yield from (_line(item.row, fault) for fault in _warnings(item))
        case ReferenceTable():
            at = item.rows[0].key
            number = int(at) if at.isdigit() else 0
            own = (one for one in item.findings if one.row is not None)  # the document's are told once, as notes
            yield from (_line(number, Fault(one.code, one.column or "")) for one in own)


def _line(row: int, fault: Fault) -> Line:
    return Line(row, fault.column, fault.rule, fault.severity, fault.sentence("id"), fault.sentence("en"))


def _warnings(draft: Draft) -> Iterator[Fault]:
    """Yield what a change's own source flagged, and what the identity rules warn of, each person's once."""
    yield from (Fault(code) for code in draft.findings)
    if draft.record in {"MembershipClaimed", "FamilyRegistered"}:
        person = draft.record == "MembershipClaimed"
        for one in identity_check.findings(draft):
            if one.severity != "reject" and (one.field != "kk") == person:
                yield Fault(one.code, draft.channel.columns.get(one.field, one.field))
