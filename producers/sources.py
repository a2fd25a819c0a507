"""Every source that comes as a file: its name, its layout, how it is read, and what each accepted row becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from producers import sik_ng
from producers.draft import Channel
from producers.reading import Reading, digest_of
from producers.tables import Layout, layout
from producers.tables.kinds import Formats

Read = Callable[[Path, Channel, Formats | None], Reading]


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of file. `columns` are its own names of the fields `kk`, `nik` and `name`, for reports.

    `agency` is who sends such files where only one agency does.
    """

    name: str
    read: Read
    row_record: str
    columns: Mapping[str, str]
    help: str
    agency: str = ""

    @property
    def layout(self) -> Layout:
        """Its columns."""
        return layout(self.name)

    def channel(self, path: Path, agency: str, actor: str, number: str = "") -> Channel:
        """Return the channel of a file sent by an agency; the document is its number, or the digest of the file."""
        return Channel(agency, actor, number or digest_of(path), self.columns)


_PERSON: Final = {"kk": "NOMOR_KK", "nik": "NIK", "name": "NAMA"}

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        source.name: source
        for source in (
            Source("sik-ng", sik_ng.read, "MembershipClaimed", _PERSON, "Publish a file of families and members."),
        )
    }
)
