"""The civil registry's answers to a matching run: each row says how one member's identity was found.

The status is the one that is printed, by its code or a synonym of the layout, unless what was asked is known too: then
`civil_registry` compares. An answer that names a proposal is also the proposal's. Must not judge a NIK by an address
(domain guide 6).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from producers import civil_registry, names
from producers.civil_registry import Answered, Asked, Day
from producers.draft import Channel, Draft
from producers.flat import Flat
from producers.messages import Fault
from producers.names import NameRules
from producers.reading import Reading
from producers.tables import Broken, Row
from producers.tables.dates import microseconds
from producers.tables.kinds import Formats

NOBODY: Final[Mapping[str, Asked]] = MappingProxyType({})


def read(
    path: Path,
    channel: Channel,
    formats: Formats | None = None,
    asked: Mapping[str, Asked] = NOBODY,
    rules: NameRules | None = None,
) -> Reading:
    """Return what the file says on this channel; `asked` holds, by NIK, what the civil registry was asked about."""
    return flat(asked, rules).read(path, channel, formats)


def flat(asked: Mapping[str, Asked] = NOBODY, rules: NameRules | None = None) -> Flat:
    """Return the source that compares each answer with what was asked."""
    key, again = ("NIK", "NOMOR_KK", "ID_USULAN"), Fault("NIK_GANDA", "NIK")
    made = partial(_made, asked, names.rules() if rules is None else rules)
    return Flat("dukcapil", key, again, _judge, made)


def _judge(_: Row | Broken) -> Iterator[Fault]:
    return iter(())


def _made(asked: Mapping[str, Asked], rules: NameRules, row: Row, channel: Channel) -> Iterator[Draft]:
    answered = _answered(row)
    about = asked.get(answered.nik)
    yield from civil_registry.said(answered, about, channel, rules)
    if row["ID_USULAN"] is not None:
        status = civil_registry.verdict(answered, about, rules).status
        answer = {"proposal_id": row["ID_USULAN"], "status": status, "batch": answered.batch}
        yield Draft(channel, "ProposalIdentityMatched", answered.at, answered.card, answer, row=row.number)


def _answered(row: Row) -> Answered:
    return Answered(
        nik=row["NIK"],
        card=row["NOMOR_KK"],
        status=str(row["STATUS_PADAN"]),
        batch=row["BATCH"],
        at=microseconds(row["TANGGAL_PADAN"]),
        name=row["NAMA"],
        born=_day(row["TANGGAL_LAHIR"]),
        row=row.number,
    )


def _day(born: date | None) -> Day | None:
    return None if born is None else (born.year, born.month, born.day)
