"""A person's erasure: refused without basis or number, keys first, then the state no longer names the person."""

from __future__ import annotations

from typing import Any

import pytest

from consumers.gateway.trail_lines import Became, Line
from consumers.read_model.audit_queries import Access
from consumers.read_model.audit_rows import DISCLOSURE
from consumers.replay.partition import PartitionFold
from consumers.replay.quick import QuickFold
from identity.keys import Erased, InMemoryKeyStore
from jejak.audit import erasure as erasing
from producers import erasure as saying
from schemas import codec
from schemas.codec import decode
from stream_processors.registry import erasure
from stream_processors.registry.decision import Refused
from tests.unit.registry_scenarios import (
    ANI,
    BUDI,
    DINSOS,
    FAMILY,
    NOW,
    OTHER_FAMILY,
    Scenario,
    claimed,
    given,
    matched,
    registered,
    replay,
    say,
)

BASIS, NUMBER = "UU27/2022-43", "B/17/2025"


def erased(person: str = ANI, **fields: Any) -> Any:
    said = {"agency": DINSOS, "legal_basis": BASIS, "request_number": NUMBER} | fields
    agency, basis, number = said["agency"], said["legal_basis"], said["request_number"]
    return saying.record_of(saying.Erasure(agency, "petugas-1", FAMILY, person, basis, number, NOW))


def family_of_two() -> Scenario:
    return given(registered(), claimed(ANI), matched(ANI), claimed(BUDI))


def test_an_erased_member_stays_with_coded_variables_under_an_id_that_leads_nowhere() -> None:
    scene = family_of_two()
    before = scene.member(ANI)
    change = erased()
    scene.when(change).then("PersonErased")
    unlinked = erasure.unlinked_id(change.header.change_id)
    after = scene.member(unlinked)
    assert (after.birth_year, after.padan, after.claim_id) == (before.birth_year, before.padan, before.claim_id)
    assert ANI not in str(scene.state)
    assert ANI.encode() not in codec.encode(scene.state)
    assert {facet.name for facet in scene.state.facets} >= {f"member/{unlinked}", f"padan/{unlinked}", f"member/{BUDI}"}


def test_an_erasure_moves_no_count() -> None:
    scene = family_of_two()
    counted = scene.state.counted
    assert scene.when(erased()).accepted().state.counted == counted


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"legal_basis": ""}, "LEGAL_BASIS_MISSING"),
        ({"legal_basis": "KARENA_DIMINTA"}, "LEGAL_BASIS_UNKNOWN"),
        ({"request_number": " "}, "REQUEST_NUMBER_MISSING"),
        ({"request_number": "3571020101800001"}, "REQUEST_NUMBER_UNSOUND"),
        ({"person": BUDI[:25] + "z"}, "MEMBER_UNKNOWN"),
        ({"agency": "desa/35.71.02.1001"}, "AGENCY_MAY_NOT"),
        ({"agency": "dinsos/12.74"}, "OUTSIDE_AREA"),
    ],
)
def test_an_erasure_without_basis_number_member_or_right_is_refused(fields: dict[str, Any], rule: str) -> None:
    family_of_two().when(erased(**fields)).refused(rule)


def test_the_same_erasure_again_is_known_however_much_later() -> None:
    scene = family_of_two().when(erased()).accepted()
    for number in range(70):
        scene.and_given(matched(BUDI, occurred=NOW + number))
    scene.when(erased()).known()


def test_nothing_is_said_of_an_erased_person_afterwards() -> None:
    scene = family_of_two().when(erased()).accepted()
    scene.when(matched(ANI)).refused("MEMBER_UNKNOWN")
    scene.when(say("MembershipEnded", person_ref=ANI, reason="MENINGGAL")).refused("MEMBER_UNKNOWN")


def test_every_replay_comes_to_the_same_state() -> None:
    scene = family_of_two().when(erased()).accepted().and_given(matched(BUDI))
    assert replay(scene.log) == scene.state
    expected = [(FAMILY, codec.encode(scene.state))]
    for kind in (PartitionFold, QuickFold):
        fold = kind(0)
        fold.take(range(len(scene.log)), [FAMILY.encode()] * len(scene.log), scene.log)
        assert [(family_id, framed) for family_id, framed, _ in fold.framed()] == expected


# -- the order of the whole ------------------------------------------------------------------------------------------


class ReadModel:
    """Two references into one family's state."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.known = {ANI: FAMILY, BUDI: FAMILY}

    def family_of(self, reference: str) -> str | None:
        return self.known.get(reference)

    def family(self, family_id: str) -> Any:
        return self.state if family_id == FAMILY else None


class Keys(InMemoryKeyStore):
    """A key store that may die, and tells in which order things happened."""

    def __init__(self, happened: list[str]) -> None:
        super().__init__()
        self.happened = happened

    def erase(self, owner: str) -> None:
        super().erase(owner)
        self.happened.append(f"keys of {owner[0]}" + (" members" if "/" in owner else ""))


def erase(model: ReadModel, keys: Keys, person: str = ANI, terms: tuple[str, str] = (BASIS, NUMBER)) -> Any:
    def publish(message: Any) -> None:
        keys.happened.append(type(decode(message.value)).__name__)

    return erasing.erase(model, keys, publish, person, (DINSOS, "petugas-1"), terms, lambda: NOW + 1)


def test_keys_go_before_the_event_and_the_familys_own_with_its_last_member() -> None:
    happened: list[str] = []
    keys, model = Keys(happened), ReadModel(family_of_two().state)
    keys.key_for_sealing(ANI)
    done = erase(model, keys)
    assert isinstance(done, erasing.Done)
    assert happened == ["keys of a", "keys of f members", "PersonErased"]
    assert isinstance(keys.key_for_sealing(ANI), Erased)
    del model.known[ANI]
    assert erase(model, keys, BUDI).with_family
    assert happened[3:] == ["keys of b", "keys of f members", "keys of f", "PersonErased"]


@pytest.mark.parametrize("terms", [("", NUMBER), (BASIS, ""), ("LAIN", NUMBER)])
def test_a_refused_erasure_touches_no_key(terms: tuple[str, str]) -> None:
    happened: list[str] = []
    keys = Keys(happened)
    assert isinstance(erase(ReadModel(family_of_two().state), keys, terms=terms), Refused)
    assert happened == []
    assert not keys.is_erased(ANI)


def test_an_erasure_cut_off_after_the_keys_is_finished_by_the_same_command() -> None:
    happened: list[str] = []
    keys, model = Keys(happened), ReadModel(family_of_two().state)
    keys.erase(ANI)
    assert isinstance(erase(model, keys), erasing.Done)
    model.known.clear()
    again = erase(model, keys)
    assert isinstance(again, Refused)
    assert again.rule == "ALREADY_ERASED"


def test_a_person_of_two_families_is_erased_from_both() -> None:
    model = ReadModel(None)
    answers = [
        erasing.Done(FAMILY, b"1" * 16, with_family=False),
        erasing.Done(OTHER_FAMILY, b"2" * 16, with_family=False),
    ]
    left = list(answers)

    def once() -> erasing.Done | Refused:
        if not left:
            return Refused(erasing.ALREADY_ERASED, "", "")
        model.known[ANI] = left[1].family_id if len(left) > 1 else ""
        return left.pop(0)

    assert erasing.everywhere(model, once, ANI) == erasing.Everywhere(tuple(answers))


def test_an_erasure_that_no_read_model_follows_says_so() -> None:
    model = ReadModel(None)
    done = erasing.Done(FAMILY, b"1" * 16, with_family=False)
    answer = erasing.everywhere(model, lambda: done, ANI, seconds=0)
    assert answer == erasing.Everywhere((done,), erasing.NOT_UNLINKED_YET)


# -- who is to be told -----------------------------------------------------------------------------------------------


def line(agency: str, agreement: str, at: int, action: str = "EXPORT", kind: str = DISCLOSURE) -> Line:
    said: dict[str, Any] = dict.fromkeys(Access._fields)  # only what is said here is read
    said |= {"agency": agency, "agreement": agreement, "occurred_at": at, "action": action, "kind": kind}
    row = Access(**said)
    return Line(row, Became.DISCLOSED)


def test_each_agency_that_got_a_file_with_the_person_is_to_be_told_once() -> None:
    found = erasing.recipients_of(
        [
            line("opd/35.71", "r1", 7),
            line("opd/35.71", "r1", 9),
            line("bps", "r2", 8),
            line("dinsos/35.71", "", 10, action="READ"),
            line("kemensos", "r3", 11, kind="INTENT"),
        ]
    )
    assert found == (erasing.Recipient("bps", "r2", 8), erasing.Recipient("opd/35.71", "r1", 9))
