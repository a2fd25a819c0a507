"""What answers look like on the wire, to the byte: what is digested for the record is what is sent.

Must not know where they come from.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from consumers.gateway.trail import Looks, Trail
from consumers.gateway.trail_lines import Line

_Found = TypeVar("_Found")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECEIPTS: Final = "/v1/accesses/{}/receipt"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class AccessLine(_Answer):
    """One look at a person: who, why, at what, when, and what became of it."""

    id: str = Field(description="Event id of the audit entry, hexadecimal.")
    occurred_at: datetime = Field(description="Clock of the gateway.")
    recorded_at: datetime = Field(description="Append time in the audit log.")
    agency: str
    officer: str = Field(description="Pseudonym within the agency; never a name.")
    role: str
    action: str
    purpose: str
    legal_basis: str
    agreement: str | None
    fields: tuple[str, ...] = Field(description="Codes of the fields asked for or shown; never values.")
    became: str = Field(
        description="DISCLOSED, COUNTS_AS_DISCLOSED (no outcome on record in time), UNDER_WAY, NOTHING_SHOWN, REFUSED"
        " or FAILED."
    )
    reason: str | None
    persons: int = Field(description="How many persons the look showed.")
    record_version: int | None = Field(description="Version of the record that was shown.")
    receipt: str = Field(description="Path of the proof that the entry is in the log.")


class PersonAccesses(_Answer):
    """Who saw a person, newest first."""

    items: tuple[AccessLine, ...]
    next: str | None = Field(description="Cursor of older lines.")
    withheld: int = Field(description="Lines that law withholds for now: UU 27/2022 art. 33.")
    withheld_until: datetime | None = Field(description="When the last of them will be shown, at the latest.")
    unlinked_years: tuple[int, ...] = Field(description="Years whose key is destroyed: their lines name nobody.")


class Accesses(_Answer):
    """Looks of an agency or an officer, newest first: one line a look."""

    items: tuple[AccessLine, ...]
    next: str | None


class PersonData(_Answer):
    """A person's data and who saw it: UU 27/2022 art. 32."""

    data: dict[str, Any] | None
    data_refused: str | None = Field(description="Why no data is given.")
    accesses: PersonAccesses | None


class Reference(_Answer):
    """A reference to a line; the property's name is the specification's."""

    reference_id: str = Field(serialization_alias="ReferenceID")


class DataUsage(_Answer):
    """One use of a person's data, in the form of GovStack's digital registries."""

    model_config = ConfigDict(frozen=True, alias_generator=AliasGenerator(serialization_alias=to_camel))

    id: str
    reader_id: str
    reader_initials: str
    reader_institution_id: str
    reader_institution_name: str
    reader_application_name: str
    search_date_time: datetime
    refrences: tuple[Reference, ...]


def line_of(line: Line) -> AccessLine:
    """Return a line as it crosses the wire."""
    row = line.row
    return AccessLine(
        id=row.event_id.hex(),
        occurred_at=time_of(row.occurred_at),
        recorded_at=time_of(row.appended_at),
        agency=row.agency,
        officer=row.actor,
        role=row.role,
        action=row.action,
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        agreement=row.agreement or None,
        fields=tuple(row.fields or ()),
        became=str(line.became),
        reason=row.reason or None,
        persons=row.persons,
        record_version=row.record_version or None,
        receipt=_RECEIPTS.format(row.event_id.hex()),
    )


def accesses_of(trail: Trail, cursor: str | None) -> PersonAccesses:
    """Return a person's trail as it crosses the wire."""
    return PersonAccesses(
        items=tuple(line_of(line) for line in trail.lines),
        next=cursor,
        withheld=trail.withheld,
        withheld_until=time_of(trail.withheld_until) if trail.withheld_until else None,
        unlinked_years=trail.unlinked,
    )


def looks_of(looks: Looks, cursor: str | None) -> Accesses:
    """Return a list of looks as it crosses the wire."""
    return Accesses(items=tuple(line_of(line) for line in looks.lines), next=cursor)


def usage_of(line: Line) -> DataUsage:
    """Return a line in GovStack's form: the reader is a pseudonym, in the place of initials stands the role."""
    row = line.row
    return DataUsage(
        id=row.event_id.hex(),
        reader_id=row.actor,
        reader_initials=row.role,
        reader_institution_id=row.agency,
        reader_institution_name=row.agency,
        reader_application_name=row.channel,
        search_date_time=time_of(row.occurred_at),
        refrences=(Reference(reference_id=_RECEIPTS.format(row.event_id.hex())),),
    )


def time_of(micros: int) -> datetime:
    """Return a time in microseconds since 1970 as UTC."""
    return _EPOCH + timedelta(microseconds=micros)


_USAGES: Final = TypeAdapter(list[DataUsage])


@dataclass(slots=True)
class Rendered(Generic[_Found]):
    """Makes the bytes of an answer out of what was found, before its record is made, and keeps them to be sent."""

    shape: Callable[[_Found], bytes]
    body: bytes = b""

    def __call__(self, found: _Found) -> bytes:
        """Return the bytes that will be sent."""
        self.body = self.shape(found)
        return self.body


def body_of(answer: BaseModel) -> bytes:
    """Return an answer as the bytes that are sent."""
    return answer.model_dump_json(by_alias=True).encode()


def body_of_usages(lines: Sequence[Line]) -> bytes:
    """Return lines in GovStack's form as the bytes that are sent: none where there is no line, which is a problem."""
    return _USAGES.dump_json([usage_of(line) for line in lines], by_alias=True) if lines else b""


def body_of_data(data: bytes, refused: str | None, accesses: bytes) -> bytes:
    """Return a `PersonData` as the bytes that are sent: two answers, each on record, as they were digested."""
    return b'{"data":%b,"data_refused":%b,"accesses":%b}' % (data, json.dumps(refused).encode(), accesses)
