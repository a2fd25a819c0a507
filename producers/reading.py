"""What a source reads: how the file is written, and its changes and refused rows, as often as they are asked for.

Items are made one at a time, so that a file of any length is read in the memory of a few rows. Must not know keys,
Kafka or databases.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from producers.draft import Channel, Draft, Noted, RowRefused, refused
from producers.seeds.tables import ReferenceTable
from producers.tables import Broken, Checker, Dialect, FileFault, Table

Item = Draft | RowRefused | Noted | ReferenceTable
"""A change, a refused row, a line that is no data, or a published table's row with its table around it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as read on a channel.

    `digest` is the SHA-256 of the file's bytes, in hex, for the ledger: a corrected file under the agency's same number
    is another file. `table` is None where the file is refused as a whole and nothing below its head can be told.
    """

    digest: str
    dialect: Dialect | None
    table: Table | None = field(repr=False)
    made: Callable[[], Iterable[Item]] = field(repr=False)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items, from the file's beginning each time."""
        return iter(self.made())

    @property
    def items(self) -> Iterable[Item]:
        """The items, to be gone through as often as one likes."""
        return self


def reading(
    path: Path, channel: Channel, opened: Table | FileFault, items: Callable[[Table], Iterable[Item]]
) -> Reading:
    """Return the reading of an opened file; a fault of the whole file is one refused row, number 0.

    After it come the rows whose cells are wrong, so that who corrects the file sees all at once; no row of it is right.
    """
    if isinstance(opened, FileFault):
        return Reading(digest_of(path), opened.dialect, opened.table, lambda: _all_wrong(opened, channel))
    return Reading(digest_of(path), opened.dialect, opened, lambda: items(opened))


def _all_wrong(opened: FileFault, channel: Channel) -> Iterator[Item]:
    yield refused(channel, 0, opened.faults)
    if opened.table is not None:
        checker = Checker(opened.table)
        for number, cells in opened.table.rows():
            row = checker.check(number, cells)
            if isinstance(row, Broken):
                yield refusal_of(channel, row)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refusal_of(channel: Channel, broken: Broken) -> RowRefused | Noted:
    """Return the line of the report of a broken row: a refusal, or a note where no fault of it rejects."""
    rejecting = [one for one in broken.faults if one.severity == "reject"]
    return refused(channel, broken.number, broken.faults) if rejecting else Noted(broken.number, broken.faults[0])
