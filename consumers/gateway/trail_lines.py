"""What a line of "who saw me" says, and which lines there are. Pure: rows in, lines out.

A disclosure is a line. An intent is one only where no disclosure tells the same: a look that found nothing or was
refused, and one of which nobody knows what became, which counts as disclosed. Must not know who asks, nor any table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from consumers.gateway.withholding import withheld_until
from consumers.read_model.audit_queries import Access
from consumers.read_model.audit_rows import DISCLOSURE, OF_LINES

UNANSWERED_SECONDS: Final = 60
_MICROS: Final = 1_000_000


class Became(StrEnum):
    """What became of a look, as far as the person it is about is concerned."""

    DISCLOSED = "DISCLOSED"
    COUNTS_AS_DISCLOSED = "COUNTS_AS_DISCLOSED"  # no outcome on record in time
    UNDER_WAY = "UNDER_WAY"
    NOTHING_SHOWN = "NOTHING_SHOWN"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Line:
    """One look: what became of it, the row it is read from, and its proof, empty until the next checkpoint."""

    row: Access
    became: Became
    proof: str = ""

    def told(self) -> dict[str, Any]:
        """Return the line as JSON can say it; bytes as hexadecimal, times in µs since 1970, UTC."""
        row = self.row
        return {
            "event_id": row.event_id.hex(),
            "intent_id": row.intent_id.hex(),
            "occurred_at": row.occurred_at,
            "recorded_at": row.appended_at,
            "agency": row.agency,
            "actor": row.actor,
            "role": row.role,
            "action": row.action,
            "purpose": row.purpose,
            "purpose_version": row.purpose_version,
            "legal_basis": row.legal_basis,
            "agreement": row.agreement,
            "channel": row.channel,
            "fields": list(row.fields or ()),
            "became": str(self.became),
            "reason": row.reason,
            "persons": row.persons,
            "record_version": row.record_version,
            "as_of": row.as_of or None,
            "known_at": row.known_at or None,
            "partition": row.kafka_partition,
            "offset": row.kafka_offset,
            "proof": self.proof or None,
        }


@dataclass(frozen=True, slots=True)
class Lines:
    """Every line, newest first; lines that law lets be withheld are counted, with the latest time (µs) they may be."""

    shown: tuple[Line, ...]
    withheld: int
    withheld_until: int


def became(row: Access, now: int, unanswered_seconds: float = UNANSWERED_SECONDS) -> Became:
    """Return what became of the look at `now` (µs, UTC)."""
    if row.kind == DISCLOSURE:
        return Became.DISCLOSED
    match row.outcome:
        case "":
            late = now - row.appended_at > unanswered_seconds * _MICROS
            return Became.COUNTS_AS_DISCLOSED if late else Became.UNDER_WAY
        case "WITHHELD":
            return Became.REFUSED
        case "FAILED":
            return Became.FAILED
        case _:
            of_nobody = row.action in OF_LINES and not row.reason  # lines were shown, of no person
            return Became.DISCLOSED if row.persons or of_nobody else Became.NOTHING_SHOWN


def lines(of_person: Iterable[Access], of_family: Iterable[Access], now: int) -> Lines:
    """Return the lines about a person at `now` (µs, UTC), of the rows under the person and under their family.

    A look at the family that showed somebody is left to the disclosures of those it showed.
    """
    rows = {row.event_id: row for row in of_family if not (row.outcome == "DELIVERED" and row.persons)}
    rows |= {row.event_id: row for row in of_person}
    disclosed = {row.intent_id for row in rows.values() if row.kind == DISCLOSURE}
    told = [row for row in rows.values() if row.kind == DISCLOSURE or row.intent_id not in disclosed]
    withheld = [until for row in told if (until := _until(row)) > now]
    shown = sorted((row for row in told if _until(row) <= now), key=_order, reverse=True)
    return Lines(tuple(Line(row, became(row, now)) for row in shown), len(withheld), max(withheld, default=0))


def _until(row: Access) -> int:
    """Return until when (µs) law lets the line be withheld, 0 where it doesn't.

    From the earlier of the gateway's and the broker's time: neither a clock ahead nor an entry that is written again
    hides it for longer.
    """
    return withheld_until(row.visibility, row.visible_from, min(row.occurred_at, row.appended_at))


def _order(row: Access) -> tuple[int, bytes]:
    return row.occurred_at, row.event_id
