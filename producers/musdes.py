"""What a village meeting said of a list: each row a proposal agreed to or refused, or a family proposed anew.

The list's own SHA-256 goes with every decision (what was decided on), and the document of the channel is the SHA-256 of
the minutes where they were handed in (what was signed). A family proposed anew is not decided on by the same row: its
identity is matched first (machine A). Must not know what follows from a decision.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from producers.draft import Channel, Draft
from producers.flat import Flat
from producers.messages import Fault
from producers.reading import Reading, digest_of
from producers.tables import Broken, Row
from producers.tables.dates import days, microseconds
from producers.tables.kinds import Formats

_REFUSED: Final = "DITOLAK"
_PROPOSED: Final = "DIUSULKAN"


def read(path: Path, channel: Channel, formats: Formats | None = None) -> Reading:
    """Return what the list says on this channel; its SHA-256 is what each decision says it was decided on."""
    return flat(bytes.fromhex(digest_of(path))).read(path, channel, formats)


def flat(list_digest: bytes) -> Flat:
    """Return the source of a list with this SHA-256."""
    key, again = ("NOMOR_KK", "ID_USULAN", "JENIS_USULAN"), Fault("KK_GANDA", "NOMOR_KK")
    return Flat("musdes", key, again, _judge, partial(_made, list_digest))


def _judge(row: Row | Broken) -> Iterator[Fault]:
    if isinstance(row, Row):
        if row["HASIL"] == _REFUSED and row["ALASAN"] is None:
            yield Fault("REASON_MISSING", "ALASAN")
        if row["JENIS_USULAN" if row["HASIL"] == _PROPOSED else "ID_USULAN"] is None:
            yield Fault("PROPOSAL_MISSING", "ID_USULAN")
    if row["HASIL"] not in {None, _REFUSED} and row["ALASAN"] is not None:
        yield Fault("REASON_NOT_DUE", "ALASAN")
    present, signed = row["PESERTA"], row["TANDA_TANGAN"]
    if present is not None and signed is not None and signed > present:
        yield Fault("SIGNATURES_TOO_MANY", "TANDA_TANGAN")


def _made(list_digest: bytes, row: Row, channel: Channel) -> Iterator[Draft]:
    at, card = microseconds(row["TANGGAL_MUSDES"]), row["NOMOR_KK"]
    if row["HASIL"] == _PROPOSED:
        yield from _proposed(row["JENIS_USULAN"], at, row, channel)
        return
    body = {
        "proposal_id": row["ID_USULAN"],
        "outcome": row["HASIL"],
        "minutes_number": row["NOMOR_BERITA_ACARA"],
        "held_on": days(row["TANGGAL_MUSDES"]),
        "attendees": row["PESERTA"],
        "signatures": row["TANDA_TANGAN"],
        "bnba_list_digest": list_digest,
        "reason": row["ALASAN"],
    }
    yield Draft(channel, "VillageMeetingHeld", at, card, body, row=row.number)


def _proposed(kind: str, at: int, row: Row, channel: Channel) -> Iterator[Draft]:
    body = {"kind": kind, "proposer": "OPERATOR_DESA", "channel": "FORMAL", "programme": None, "note": None}
    proposal = Draft(channel, "ProposalDrafted", at, row["NOMOR_KK"], body, key=kind, row=row.number)
    yield proposal
    named = {"proposal_id": proposal}
    yield Draft(channel, "ProposalSubmitted", at, row["NOMOR_KK"], {}, key=kind, row=row.number, refers=named)
