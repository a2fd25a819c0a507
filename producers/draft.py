"""What a source says, in plain text, before identity is referred to and sealed.

A source reads a document and yields these; it knows no keys, no Kafka and no database. The agency comes with the
channel that was authenticated, never from what the document says of itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from producers.messages import Fault

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True)
class Channel:
    """Who speaks, and in which document.

    `agency` and `actor` come from the authenticated channel. `document` is a digest or a number that names no person.
    `columns` gives the document's own names of the fields `kk`, `nik` and `name`, for reports.
    """

    agency: str
    actor: str
    document: str
    columns: Mapping[str, str] = field(default_factory=_nothing, compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """One change in plain text.

    `body` is the record of the contract without its header: sealed fields hold text, `person_ref` holds the NIK,
    `card_ref` and `findings` are left out, the fields in `refers` too. `card` is the nomor KK of the family, or empty
    when `family_id` is known. `occurred_at` is in microseconds since 1970 (UTC). `key` tells apart facts of one kind
    about one family and person in one document; `row` is the place in it. `refers` gives fields that hold the change
    id of an earlier draft, `families` fields that hold another family's id, each with its nomor KK. `split_of` is the
    split that made the family, whose id follows from it. `findings` are codes of what the source's own rules warned of.
    """

    channel: Channel
    record: str
    occurred_at: int
    card: str = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    key: str = ""
    row: int = 0
    refers: Mapping[str, "Draft"] = field(default_factory=_nothing, repr=False)
    family_id: str = ""
    findings: tuple[str, ...] = ()
    families: Mapping[str, str] = field(default_factory=_nothing, repr=False)
    split_of: "Draft | None" = None


@dataclass(frozen=True, slots=True)
class RowRefused:
    """A row that doesn't become a change: where it stands and the rule it breaks; never a value of a person.

    Row 0 is the document as a whole. `faults` are all the rules that were found broken, this one first; empty where
    only one was looked for.
    """

    channel: Channel
    row: int
    column: str
    rule: str
    explanation: str
    record: str = "row"
    faults: tuple[Fault, ...] = field(default=(), compare=False)

    @property
    def document(self) -> str:
        """The document the row stands in."""
        return self.channel.document


@dataclass(frozen=True, slots=True)
class Noted:
    """A row of the document that is no data, as a line of totals: told to whoever sent it, and no change or refusal."""

    row: int
    fault: Fault


def refused(channel: Channel, row: int, faults: tuple[Fault, ...]) -> RowRefused:
    """Return the refusal of a row for its faults, at least one; the first one names it."""
    first = faults[0]
    return RowRefused(channel, row, first.column, first.rule, first.sentence("en"), faults=faults)
