"""Who saw me: each look at a person in order, nothing hidden that law does not hide, the reading itself on record."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.request import (
    AuditAsked,
    AuditDisclosed,
    AuditFound,
    Caller,
    FamilyDisclosed,
    PersonAsked,
    Purpose,
    TrailEntry,
    TrailOfAccessor,
    TrailOfPerson,
    Withheld,
)
from consumers.gateway.trail import OWN_DATA, OWN_FIELDS, Looks, Trail, Trails
from consumers.gateway.withholding import LONGEST_DAYS
from consumers.read_model.rows import day_of
from identity.audit_reference import EpochKey, epoch_keys, load_or_create_epoch_key
from tests.unit.audit_rig import (
    ACTOR,
    AGENCY,
    HOME,
    LOOK,
    NOW,
    OTHER,
    Database,
    disclosure,
    intent,
    on_topic,
    outcome,
    projected,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PERSON, FAMILY = "p" * 26, "f" * 26
KEYS = (EpochKey(2024, bytes(32)), EpochKey(2025, bytes(range(32))))
ME, ME_LAST_YEAR = KEYS[1].subject_ref(PERSON), KEYS[0].subject_ref(PERSON)
MY_FAMILY = KEYS[1].subject_ref(FAMILY)
CALLER = Caller("warga", "portal", "self", "warga", "HIGH", "API", "r-1", person_ref=PERSON)
WHY = Purpose(OWN_DATA)
MINUTE, HOUR = 60_000_000, 3_600_000_000


@dataclass
class Door:
    """Lets pass what it is told to, and remembers what was asked for and when it was read."""

    refuses: str = ""
    asked: list[AuditAsked] = field(default_factory=list)
    found: list[AuditFound] = field(default_factory=list)

    def audit_read(
        self, caller: Caller, purpose: Purpose, about: AuditAsked, read: Callable[[], AuditFound]
    ) -> AuditDisclosed | Withheld:
        self.asked.append(about)
        if self.refuses:
            return Withheld(self.refuses)
        self.found.append(read())
        json.dumps(self.found[-1].lines)
        return AuditDisclosed(self.found[-1], ())

    def look_family(
        self, caller: Caller, purpose: Purpose, asked: PersonAsked, fields: Sequence[str]
    ) -> FamilyDisclosed | Withheld:
        assert (purpose.code, asked, tuple(fields)) == (OWN_DATA, PersonAsked(PERSON), OWN_FIELDS)
        return FamilyDisclosed(FAMILY, 5, NOW, {"decile": 3}, ())


class Homes:
    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference == PERSON else None

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        return ()


class Log:
    """Has a receipt for each entry below an offset."""

    def __init__(self, below: int) -> None:
        self._below = below

    def receipt(self, partition: int, offset: int) -> str | None:
        return f"proof of {partition}/{offset}" if offset < self._below else None


def trails(tables: Database, door: Door | None = None, at: int = NOW + 2 * MINUTE, **other: Any) -> Trails:
    options: dict[str, Any] = {"keys": lambda: KEYS, "prover": Log(100), **other}
    return Trails(door or Door(), tables, Homes(), clock=lambda: at, **options)


def trail_of(tables: Database, **options: Any) -> Trail:
    found = trails(tables, **options).of_person(CALLER, WHY, PERSON, prove=True)
    assert isinstance(found, Trail)
    return found


def told(trail: Trail) -> list[tuple[str, str]]:
    return [(str(line.became), line.row.reason) for line in trail.lines]


def test_a_person_reads_who_saw_them_with_the_proof_of_each_line() -> None:
    found = trail_of(projected(on_topic([intent(subject_ref=ME), outcome(2), disclosure(3, ME)])))
    assert [(line.row.agency, line.row.purpose, line.proof) for line in found.lines] == [
        (AGENCY, "VERIFIKASI_VALIDASI", "proof of 3/2")
    ]
    assert (found.withheld, found.withheld_until) == (0, 0)


def test_lines_of_every_year_stand_in_one_list_newest_first() -> None:
    entries = [intent(), disclosure(3, ME_LAST_YEAR), disclosure(4, ME), disclosure(5, ME_LAST_YEAR)]
    found = trail_of(projected(on_topic(entries)))
    assert [line.row.occurred_at - NOW for line in found.lines] == [5, 4, 3]
    assert found.epochs == (2024, 2025)


def test_a_year_whose_key_is_gone_is_named() -> None:
    tables = projected(on_topic([intent(subject_key_epoch=2023), intent(2, OTHER), disclosure(3, ME)]))
    found = trail_of(tables)
    assert found.unlinked == (2023,)
    assert len(found.lines) == 1


def test_keys_are_read_from_their_files_and_none_is_made(tmp_path: Path) -> None:
    for year in (2026, 2024):
        load_or_create_epoch_key(tmp_path, year)
    (tmp_path / "reference.key").write_text("another")
    assert [key.epoch for key in epoch_keys(tmp_path)] == [2024, 2026]
    assert epoch_keys(tmp_path)[0].subject_ref(PERSON) == load_or_create_epoch_key(tmp_path, 2024).subject_ref(PERSON)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([outcome(2, "DELIVERED", "NOT_FOUND", 0)], ("NOTHING_SHOWN", "NOT_FOUND")),
        ([outcome(2, "WITHHELD", "OUTSIDE_AREA", 0)], ("REFUSED", "OUTSIDE_AREA")),
        ([outcome(2, "FAILED", "READ_MODEL_UNAVAILABLE", 0)], ("FAILED", "READ_MODEL_UNAVAILABLE")),
        ([], ("COUNTS_AS_DISCLOSED", "")),
    ],
)
def test_an_attempt_that_named_the_person_is_a_line_that_says_what_became_of_it(
    entries: list[Any], expected: tuple[str, str]
) -> None:
    assert told(trail_of(projected(on_topic([intent(subject_ref=ME), *entries])))) == [expected]


def test_a_look_is_under_way_until_its_time_is_up() -> None:
    tables = projected(on_topic([intent(subject_ref=ME)]))  # appended a second after NOW
    assert told(trail_of(tables, at=NOW + 61_000_000)) == [("UNDER_WAY", "")]
    assert told(trail_of(tables, at=NOW + 61_000_001)) == [("COUNTS_AS_DISCLOSED", "")]


def test_a_refused_look_at_the_family_is_a_line_and_one_that_showed_others_is_not() -> None:
    refused = intent(subject_ref=None, household_ref=MY_FAMILY)
    shown = intent(2, OTHER, subject_ref=None, household_ref=MY_FAMILY)
    other = outcome(3, persons=1)
    entries = on_topic([refused, shown, outcome(4, "WITHHELD", "FIELD_NOT_PERMITTED", 0)])
    entries += on_topic([type(other)(**{**_fields(other), "intent_id": OTHER})], first=10)
    assert told(trail_of(projected(entries))) == [("REFUSED", "FIELD_NOT_PERMITTED")]


def test_a_line_withheld_by_law_is_counted_with_its_expiry_and_its_intent_tells_nothing() -> None:
    later = NOW + 3 * MINUTE
    hidden = [
        disclosure(3, ME, visibility="RESTRICTED", visibility_until=NOW + 4 * MINUTE),
        disclosure(4, ME, visibility="DELAYED_UNTIL", visibility_until=later),
    ]
    tables = projected(on_topic([intent(subject_ref=ME), outcome(2), *hidden]))
    found = trail_of(tables)
    assert (told(found), found.withheld, found.withheld_until) == ([], 2, NOW + 4 * MINUTE)
    after = trail_of(tables, at=later)
    assert (told(after), after.withheld) == ([("DISCLOSED", "")], 1)


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ({"visibility": "RESTRICTED"}, NOW + 3 + 72 * HOUR),
        ({"visibility": "DELAYED_UNTIL", "visibility_until": 0}, NOW + 3 + 72 * HOUR),
        ({"visibility": "FOR_NOBODY"}, NOW + 3 + 72 * HOUR),
        ({"visibility": "RESTRICTED", "visibility_until": 2**62}, NOW + 3 + LONGEST_DAYS * 24 * HOUR),
    ],
)
def test_a_line_of_another_hand_is_neither_shown_at_once_nor_withheld_for_ever(
    said: dict[str, Any], until: int
) -> None:
    tables = projected(on_topic([intent(subject_ref=ME), outcome(2), disclosure(3, ME, **said)]))
    before, after = trail_of(tables, at=until - 1), trail_of(tables, at=until)
    assert (told(before), before.withheld, before.withheld_until) == ([], 1, until)
    assert (told(after), after.withheld) == ([("DISCLOSED", "")], 0)


def test_a_line_that_says_nothing_of_its_visibility_is_shown() -> None:
    assert len(trail_of(projected(on_topic([intent(), disclosure(3, ME, visibility="")]))).lines) == 1


def test_a_line_not_yet_covered_by_a_checkpoint_is_pending() -> None:
    tables = projected(on_topic([intent(), disclosure(3, ME)]))
    assert trail_of(tables, prover=Log(0)).lines[0].told()["proof"] is None
    answer = trails(tables, prover=Log(0)).receipt(CALLER, WHY, PERSON, (3).to_bytes(16, "big"))
    assert answer == Withheld("PENDING")


def test_reading_the_trail_passes_the_door_and_a_refusal_reads_nothing() -> None:
    door = Door("AUDIT_UNAVAILABLE")
    assert trails(Database(), door).of_person(CALLER, WHY, PERSON) == Withheld("AUDIT_UNAVAILABLE")
    assert (door.asked, door.found) == ([TrailOfPerson(PERSON)], [])


def test_the_door_is_told_how_many_lines_are_left_out() -> None:
    door = Door()
    hidden = disclosure(3, ME, visibility="RESTRICTED", visibility_until=NOW + 4 * MINUTE)
    trails(projected(on_topic([intent(), hidden, disclosure(4, ME)])), door).of_person(CALLER, WHY, PERSON)
    assert [(len(found.lines), found.suppressed) for found in door.found] == [(1, 1)]


def test_data_and_trail_come_in_one_answer() -> None:
    answer = trails(projected(on_topic([intent(), disclosure(3, ME)]))).data_and_trail(CALLER, PERSON)
    assert isinstance(answer.data, FamilyDisclosed)
    assert isinstance(answer.trail, Trail)
    assert len(answer.trail.lines) == 1


def test_a_receipt_is_given_for_a_line_of_ones_own_alone() -> None:
    made = trails(projected(on_topic([intent(), disclosure(3, ME), disclosure(4, HOME)])))
    assert made.receipt(CALLER, WHY, PERSON, (3).to_bytes(16, "big")) == "proof of 3/1"
    assert made.receipt(CALLER, WHY, PERSON, (4).to_bytes(16, "big")) == Withheld("NOT_FOUND")


def test_an_accessors_day_lists_looks_part_by_part() -> None:
    door = Door()
    entries = on_topic([intent(seq, bytes([seq]) * 16, subject_ref=None) for seq in range(1, 6)])
    made = trails(projected(entries), door)
    first = made.of_accessor(CALLER, WHY, AGENCY, ACTOR, day_of(NOW), limit=2)
    assert isinstance(first, Looks)
    assert first.after is not None
    rest = made.of_accessor(CALLER, WHY, AGENCY, ACTOR, day_of(NOW), first.after)
    assert isinstance(rest, Looks)
    assert [line.row.occurred_at - NOW for line in (*first.lines, *rest.lines)] == [5, 4, 3, 2, 1]
    assert door.asked[0] == TrailOfAccessor(AGENCY, ACTOR)


def test_an_agency_has_a_receipt_of_its_own_look() -> None:
    door = Door()
    made = trails(projected(on_topic([intent(), outcome(2)])), door)
    assert made.receipt_of_look(CALLER, WHY, AGENCY, LOOK, [day_of(NOW)]) == "proof of 3/0"
    assert made.receipt_of_look(CALLER, WHY, "desa/11", LOOK, [day_of(NOW)]) == Withheld("NOT_FOUND")
    assert door.asked[0] == TrailEntry(LOOK, AGENCY)


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
