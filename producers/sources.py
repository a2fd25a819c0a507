"""Every source that comes as a file: its name, its layout, how it is read, and what each accepted row becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from producers import dukcapil, forum, musdes, sik_ng
from producers.aid import AID
from producers.civil_registry import asked_of
from producers.draft import Channel
from producers.ranking import RANKING
from producers.reading import Reading, digest_of
from producers.tables import Layout, layout
from producers.tables.kinds import Formats

Read = Callable[[Path, Channel, Formats | None], Reading]
ReadBeside = Callable[[Path, Channel, Formats | None, Path], Reading]


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of file. `columns` are its own names of the fields `kk`, `nik` and `name`, for reports.

    Each accepted row becomes one of `row_records`, besides others. `agency` is who sends such files where only one
    does. A `signed` source rests on a signed document that must be handed in with it. `beside` reads an answer beside
    the file of families and members that was sent for it.
    """

    name: str
    read: Read
    row_records: frozenset[str]
    columns: Mapping[str, str]
    help: str
    agency: str = ""
    signed: bool = False
    beside: ReadBeside | None = None

    @property
    def layout(self) -> Layout:
        """Its columns."""
        return layout(self.name)

    def channel(self, path: Path, agency: str, actor: str, number: str = "") -> Channel:
        """Return the channel of a file sent by an agency; the document is its number, or the digest of the file."""
        return Channel(agency, actor, number or digest_of(path), self.columns)


_MEMBERS: Final = frozenset({"MembershipClaimed"})
_MEETING: Final = frozenset({"VillageMeetingHeld", "ProposalDrafted"})
_MATCHED: Final = frozenset({"CivilRegistryMatched"})
_PERSON: Final = {"kk": "NOMOR_KK", "nik": "NIK", "name": "NAMA"}


def _beside_what_was_asked(path: Path, channel: Channel, formats: Formats | None, asked: Path) -> Reading:
    return dukcapil.read(path, channel, formats, asked_of(sik_ng.read(asked, channel)))


_ALL: Final = (
    Source("sik-ng", sik_ng.read, _MEMBERS, _PERSON, "Publish a file of families and members."),
    Source("forum", forum.read, frozenset(), {}, "Publish the Berita Acara of a public consultation forum."),
    Source(
        "musdes", musdes.read, _MEETING, _PERSON, "Publish what a village meeting proposed and decided.", signed=True
    ),
    Source(
        "ranking", RANKING.read, frozenset({"FamilyRanked"}), _PERSON, "Publish the result of a ranking run.", "bps"
    ),
    Source(
        "dukcapil",
        dukcapil.read,
        _MATCHED,
        _PERSON,
        "Publish the civil registry's answers.",
        "dukcapil",
        beside=_beside_what_was_asked,
    ),
    Source("aid", AID.read, frozenset({"AidReceived"}), _PERSON, "Publish a list of aid that was received."),
)
SOURCES: Final[Mapping[str, Source]] = MappingProxyType({source.name: source for source in _ALL})
