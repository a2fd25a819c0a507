"""Audit trails in bulk: what the projection would have written of ten years of looks, partition by partition.

Each look shows four persons: a line of each under the person, one under its accessor and one under its agency. Pure;
must not know the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from consumers.read_model import tables
from consumers.read_model.audit_rows import DISCLOSED, DISCLOSURE, INTENT, LOG, hour_of
from consumers.read_model.rows import Write, day_of
from identity.audit_reference import EpochKey

YEARS: Final = tuple(range(2016, 2026))
A_YEAR: Final = 10  # looks at a person
PERSONS_A_LOOK: Final = 4
AGENCIES: Final = 10
OFFICERS: Final = 10  # of an agency
LOOKS_A_DAY: Final = 100  # of an officer
_OFFICE_HOURS: Final = 8
_FIRST: Final = 1_451_606_400_000_000  # 2016-01-01, 07:00 WIB
_A_YEAR: Final = 31_557_600_000_000
_A_DAY: Final = 86_400_000_000
_AN_HOUR: Final = 3_600_000_000
_PARTITIONS: Final = 12
_WHY: Final = ("verifier", "READ", "VERIFIKASI_VALIDASI", "2025-2", "UU13/2011-8", "", "API", ("decile", "member.name"))


@dataclass(frozen=True, slots=True)
class Trails:
    """As many audit entries as asked for: the lines of persons, and the looks that they are of."""

    entries: int
    keys: tuple[EpochKey, ...]

    @property
    def persons(self) -> int:
        """How many persons have ten lines in each year: of a look's entries, four in six are lines."""
        lines = self.entries * PERSONS_A_LOOK // (PERSONS_A_LOOK + 2)
        return max(lines // (A_YEAR * len(YEARS)), 1)

    @property
    def days(self) -> int:
        """How many days the looks fill."""
        looks = self.persons * A_YEAR * len(YEARS) // PERSONS_A_LOOK
        return max(looks // (AGENCIES * OFFICERS * LOOKS_A_DAY), 1)

    def writes(self) -> Iterator[Write]:
        """Yield every row, those of a partition one after the other."""
        for key in self.keys:
            yield Write(tables.ACCESS_EPOCH, (LOG,), (key.epoch,), 1)
            for person in range(self.persons):
                yield from _of_person(key, person)
        for day in range(self.days):
            for agency in range(AGENCIES):
                yield from _of_agency(agency, day)


def name_of(person: int) -> str:
    """Return the reference of an invented person."""
    return f"{person:026d}"


def agency_of(number: int) -> str:
    """Return the name of an invented agency."""
    return f"dinsos/35.{number:02d}"


def officer_of(number: int) -> str:
    """Return the name of an invented officer."""
    return f"officer-{number}"


def date_of(day: int) -> str:
    """Return the date (WIB) of a day that looks fill."""
    return day_of(_FIRST + day * _A_DAY)


def _of_person(key: EpochKey, person: int) -> Iterator[Write]:
    """Yield the lines of a person in a year."""
    subject = (key.subject_ref(name_of(person)),)
    begins = _FIRST + (key.epoch - YEARS[0]) * _A_YEAR
    for look in range(A_YEAR):
        number = (key.epoch * 1_000_000_000 + person) * A_YEAR + look
        who = (agency_of(person % AGENCIES), officer_of(look % OFFICERS))
        about = (DISCLOSED, "", 1, key.epoch, 5, 0, 0, "CITIZEN", 0)
        row = _row(begins + look * _A_YEAR // A_YEAR + person, number, DISCLOSURE, who, about)
        yield Write(tables.ACCESS_OF_SUBJECT, subject, row, 1)


def _of_agency(agency: int, day: int) -> Iterator[Write]:
    """Yield an agency's looks of a day: under each of its officers, then under itself, hour by hour."""
    found = [(officer, _look(agency, officer, day, look)) for officer in range(OFFICERS) for look in range(LOOKS_A_DAY)]
    for officer, row in found:
        accessor = (agency_of(agency), officer_of(officer), day_of(row[0]))
        yield Write(tables.ACCESS_OF_ACCESSOR, accessor, row, 1)
    for _, row in sorted(found, key=lambda one: one[1][:2]):
        yield Write(tables.ACCESS_OF_AGENCY, (agency_of(agency), hour_of(row[0])), row, 1)


def _look(agency: int, officer: int, day: int, look: int) -> tuple[Any, ...]:
    number = ((day * AGENCIES + agency) * OFFICERS + officer) * LOOKS_A_DAY + look
    at = _FIRST + day * _A_DAY + look * _OFFICE_HOURS * _AN_HOUR // LOOKS_A_DAY + officer
    who = (agency_of(agency), officer_of(officer))
    return _row(at, number, INTENT, who, ("DELIVERED", "", PERSONS_A_LOOK, 2016, 0, 0, 0, "", 0))


def _row(at: int, number: int, kind: str, who: tuple[str, str], about: tuple[Any, ...]) -> tuple[Any, ...]:
    event_id = number.to_bytes(16, "big")
    return (at, event_id, kind, event_id, *who, *_WHY, *about, at + 1_000, number % _PARTITIONS, number)
