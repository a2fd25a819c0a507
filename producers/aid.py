"""Lists of aid that was received: kinds and recipients as a city's compilation names them (seed 002).

Some kinds are a person's (an orphan, a child in conflict with the law, a severely disabled or an elderly person), one
is the family's (BPNTD), as domain guide 9.3 has it. A list that names no person for a person's aid is refused row by
row: whom it reached is what the record is for. Must not know who is eligible.
"""

from collections.abc import Iterator
from typing import Final

from producers.draft import Channel, Draft
from producers.flat import Flat
from producers.messages import Fault
from producers.tables import Broken, Row
from producers.tables.dates import days, microseconds

_A_PERSONS: Final = frozenset({"ANAK_YATIM", "ABH", "ODKB", "ASLUT"})


def _judge(row: Row | Broken) -> Iterator[Fault]:
    if isinstance(row, Row) and row["JENIS_BANTUAN"] in _A_PERSONS and row["NIK"] is None:
        yield Fault("RECIPIENT_MISSING", "NIK", {"kind": row["JENIS_BANTUAN"]})
    received, period = row["TANGGAL_TERIMA"], row["PERIODE"]
    if received is not None and period is not None and received.year < int(period[:4]):
        yield Fault("BEFORE_PERIOD", "TANGGAL_TERIMA")


def _made(row: Row, channel: Channel) -> Iterator[Draft]:
    kind, received = row["JENIS_BANTUAN"], row["TANGGAL_TERIMA"]
    body = {
        "programme": kind,
        "period": row["PERIODE"],
        "amount_rupiah": row["JUMLAH"],
        "received_on": days(received),
        "determination_number": row["NOMOR_PENETAPAN"],
        "person_ref": row["NIK"] if kind in _A_PERSONS else None,
        "account": row["REKENING"],
    }
    key = f"{kind}/{row['PERIODE']}"
    yield Draft(channel, "AidReceived", microseconds(received), row["NOMOR_KK"], body, key=key, row=row.number)


_KEY: Final = ("NOMOR_KK", "NIK", "JENIS_BANTUAN", "PERIODE")
AID: Final = Flat("aid", _KEY, Fault("AID_GANDA", "PERIODE"), _judge, _made)
