"""The civil registry's answers to a matching run: each row says how one member's identity was found.

The status is the one that is printed, by its code or a synonym of the layout; what else is found in the names beside it
comes by a plain function on rows. An answer that names a proposal is also the proposal's. Must not judge a NIK by an
address (domain guide 6).
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from producers.draft import Channel, Draft
from producers.flat import Flat
from producers.messages import Fault
from producers.reading import Reading
from producers.tables import Broken, Row
from producers.tables.dates import microseconds
from producers.tables.kinds import Formats

StatusOf = Callable[[Row], str]


def printed(row: Row) -> str:
    """Return the status as the answer prints it."""
    return str(row["STATUS_PADAN"])


def read(path: Path, channel: Channel, formats: Formats | None = None, status_of: StatusOf = printed) -> Reading:
    """Return what the file says on this channel; `status_of` may say more of a row than what is printed."""
    return flat(status_of).read(path, channel, formats)


def flat(status_of: StatusOf = printed) -> Flat:
    """Return the source with this way of finding a row's status."""
    key, again = ("NIK", "NOMOR_KK", "ID_USULAN"), Fault("NIK_GANDA", "NIK")
    return Flat("dukcapil", key, again, _judge, partial(_made, status_of))


def _judge(_: Row | Broken) -> Iterator[Fault]:
    return iter(())


def _made(status_of: StatusOf, row: Row, channel: Channel) -> Iterator[Draft]:
    at, card, status = microseconds(row["TANGGAL_PADAN"]), row["NOMOR_KK"], status_of(row)
    body = {"person_ref": row["NIK"], "status": status, "batch": row["BATCH"]}
    yield Draft(channel, "CivilRegistryMatched", at, card, body, row=row.number)
    if row["ID_USULAN"] is not None:
        answer = {"proposal_id": row["ID_USULAN"], "status": status, "batch": row["BATCH"]}
        yield Draft(channel, "ProposalIdentityMatched", at, card, answer, row=row.number)
