"""The result of a ranking run of BPS: each row places a family, or says why it has no decile.

Only BPS ranks (Inpres 4/2025 KELIMA): that is the fold's to hold, by the channel's agency. A family without a score has
no decile and a reason, never decile 10 (domain guide 7, fact 5). Must not know how a score comes about.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from producers.draft import Channel, Draft
from producers.flat import Flat
from producers.messages import Fault
from producers.tables import Broken, Row
from producers.tables.dates import microseconds

_HUNDREDTHS: Final = 100
_NATIONAL: Final = "NATIONAL"
_WORDS: Final = {"NASIONAL": _NATIONAL}


def _judge(row: Row | Broken) -> Iterator[Fault]:
    decile, percentile, reason = row["DESIL"], row["PERSENTIL"], row["ALASAN"]
    if isinstance(row, Row) and decile is None and reason is None:
        yield Fault("REASON_MISSING", "ALASAN")
    if decile is not None and reason is not None:
        yield Fault("DECILE_AND_REASON", "ALASAN")
    if percentile is not None and percentile != round(percentile, 2):
        yield Fault("NUMBER_HUNDREDTHS", "PERSENTIL")
    if decile is not None and percentile is not None and decile != _decile_at(percentile):
        yield Fault("DECILE_PERCENTILE_DIFFER", "PERSENTIL")


def _decile_at(percentile: Decimal) -> int:
    """Return the decile that a percentile lies in: min(10, floor(10 W / T) + 1), domain guide 7."""
    return min(10, int(percentile // 10) + 1)


def _made(row: Row, channel: Channel) -> Iterator[Draft]:
    percentile = row["PERSENTIL"]
    body = {
        "run_id": row["RUN"],
        "decile": row["DESIL"],
        "percentile": None if percentile is None else int(percentile * _HUNDREDTHS),
        "unranked_reason": row["ALASAN"],
        "basis": row["BASIS"],
        "scope": _WORDS.get(row["CAKUPAN"].upper(), row["CAKUPAN"]),
        "model_version": row["VERSI_MODEL"],
        "dpia_id": row["DPIA"],
    }
    at = microseconds(row["TANGGAL_PERINGKAT"])
    yield Draft(channel, "FamilyRanked", at, row["NOMOR_KK"], body, row=row.number, findings=row.findings)


RANKING: Final = Flat("ranking", ("NOMOR_KK",), Fault("KK_GANDA", "NOMOR_KK"), _judge, _made)
