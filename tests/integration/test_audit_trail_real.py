"""Audit entries on a real broker become lines in a real database, once, and a rebuilt version holds the same lines."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway.request import AuditDisclosed, Caller, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail, Trails
from consumers.read_model import tables
from consumers.read_model.audit_queries import NEWEST, Accesses, Emergency
from consumers.read_model.compare import Comparison, MayLack
from consumers.read_model.rows import day_of
from identity.audit_reference import EpochKey
from schemas import codec
from tests.integration.test_projector_real import REPLICATION, World, world_on
from tests.unit.audit_rig import ACTOR, AGENCY, NOW, disclosure, intent, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real
PERSON, FAMILY = "p" * 26, "f" * 26
ELSEWHERE = "dinsos/35.78"
KEYS = (EpochKey(2024, bytes(32)), EpochKey(2025, bytes(range(32))))
ME = KEYS[1].subject_ref(PERSON)
LOOKS = 300
CALLER = Caller("warga", "portal", "self", "warga", "HIGH", "API", "r-1", person_ref=PERSON)


class Door:
    def audit_read(self, caller: Any, purpose: Any, about: Any, read: Any) -> AuditDisclosed:
        return AuditDisclosed(read(), ())

    def look_family(self, *_: Any) -> Withheld:
        return Withheld("NOT_ASKED")


class Homes:
    def family_of(self, reference: str) -> str:
        return FAMILY

    def cards_of(self, family_id: str) -> tuple[str, ...]:
        return ()


def chain(gateway: str) -> list[tuple[str, bytes]]:
    """One gateway's looks: most show the person and another, some show nobody, the last has no outcome."""
    entries: list[Any] = []
    for number in range(LOOKS):
        seq, event_id = number * 4 + 1, bytes([ord(gateway[-1])]) + number.to_bytes(15, "big")
        entries.append(intent(seq, event_id, subject_ref=ME))
        if number == LOOKS - 1:
            break
        shown = number % 10 != 0
        became = outcome(seq + 1, persons=2) if shown else outcome(seq + 1, "WITHHELD", "OUTSIDE_AREA", 0)
        entries.append(replace(became, intent_id=event_id))
        if shown:
            entries += [
                replace(disclosure(seq + 2 + at, subject), intent_id=event_id, event_id=event_id[:-2] + bytes([9, at]))
                for at, subject in enumerate((ME, b"o" * 32))
            ]
    numbered = [replace(entry, gateway_id=gateway, gateway_seq=at) for at, entry in enumerate(entries, 1)]
    return [(gateway, codec.encode(entry)) for entry in numbered]


@pytest.fixture(scope="module")
def world(stack: Endpoints) -> Iterator[World]:
    with world_on(stack) as made:
        for gateway in ("gw-1", "gw-2"):
            entries = chain(gateway)
            made.publish(made.topics.audit, *entries)
            made.publish(made.topics.audit, *entries[-40:])  # a gateway wrote its file of entries again
        for _ in range(2):
            made.publish(made.topics.audit, *EMERGENCIES)
        made.settle()
        yield made


def emergencies() -> list[tuple[str, bytes]]:
    """Two emergencies of an agency, the first of them reviewed, and what became of the second."""
    said: dict[str, Any] = {"agency_id": ELSEWHERE, "subject_ref": None}
    entries: list[Any] = [
        intent(1, b"1" * 16, action="BREAK_GLASS", second_actor_ref="officer-8", review_due_at=NOW + 72, **said),
        intent(2, b"2" * 16, action="BREAK_GLASS", second_actor_ref="officer-8", review_due_at=NOW + 73, **said),
        intent(3, b"3" * 16, action="AUDIT_READ", actor_ref="officer-9", reviews_intent_id=b"1" * 16, **said),
        replace(outcome(4, persons=4), intent_id=b"2" * 16),
    ]
    return [("gw-9", codec.encode(replace(entry, gateway_id="gw-9"))) for entry in entries]


EMERGENCIES = emergencies()


def test_an_agencys_unreviewed_emergencies_are_told_with_what_became_of_them(world: World) -> None:
    accesses = Accesses(world.session, world.version)
    assert accesses.unreviewed(ELSEWHERE) == (Emergency(b"2" * 16, ACTOR, "officer-8", NOW + 73),)
    assert accesses.unreviewed(AGENCY) == ()
    asked = accesses.intent(b"2" * 16)
    assert asked is not None
    look = accesses.look(asked)
    assert look is not None
    assert (look.event_id, look.outcome, look.persons) == (b"2" * 16, "DELIVERED", 4)
    assert accesses.intent(b"9" * 16) is None


def trails(world: World) -> Trails:
    accesses = Accesses(world.session, world.version)
    return Trails(Door(), accesses, Homes(), lambda: KEYS, clock=lambda: time.time_ns() // 1_000 + 120_000_000)


def test_a_persons_trail_has_every_line_once_and_in_order(world: World) -> None:
    found = trails(world).of_person(CALLER, Purpose(OWN_DATA), PERSON)
    assert isinstance(found, Trail)
    became = [str(line.became) for line in found.lines]
    refused = LOOKS // 10
    assert became.count("DISCLOSED") == 2 * (LOOKS - refused - 1)
    assert became.count("REFUSED") == 2 * refused
    assert became.count("COUNTS_AS_DISCLOSED") == 2
    assert len({line.row.event_id for line in found.lines}) == len(found.lines) == 2 * LOOKS
    times = [line.row.occurred_at for line in found.lines]
    assert times == sorted(times, reverse=True)
    assert all(line.row.agency == AGENCY and line.row.purpose == "VERIFIKASI_VALIDASI" for line in found.lines)
    assert found.unlinked == ()


def test_each_line_names_the_place_of_its_entry_on_the_topic(world: World) -> None:
    places = set()
    for line in Accesses(world.session, world.version).of_subject(ME):
        assert line.appended_at > NOW
        places.add((line.kafka_partition, line.kafka_offset))
    assert len(places) >= 2 * LOOKS


def test_an_accessors_day_and_an_agencys_day_list_each_look_once(world: World) -> None:
    made, day = trails(world), day_of(NOW)
    found: list[Any] = []
    after: Any = NEWEST
    while after is not None:
        part = made.of_accessor(CALLER, Purpose("PENGAWASAN_INTERNAL"), AGENCY, ACTOR, day, after, 97)
        assert isinstance(part, Looks)
        found += part.lines
        after = part.after
    assert len({line.row.event_id for line in found}) == len(found) == 2 * LOOKS
    whole = made.of_agency(CALLER, Purpose("PENGAWASAN_INTERNAL"), AGENCY, day)
    assert isinstance(whole, Looks)
    assert [line.row for line in whole.lines] == [line.row for line in found]


def test_a_version_built_anew_holds_the_same_lines(world: World) -> None:
    beside = World(world.endpoints, f"{world.version}b", world.topics, world.session)
    tables.create(world.session, REPLICATION, beside.version)
    try:
        beside.settle()
        compared = {
            one.table: one for one in Comparison(world.session, world.version, beside.version, MayLack({})).every()
        }
        assert not [one for one in compared.values() if one.differing]
        for name in ("access_by_subject", "access_by_accessor", "access_by_agency", "access_intents"):
            assert compared[name].equal >= 2 * LOOKS
    finally:
        tables.drop(world.session, beside.version)
