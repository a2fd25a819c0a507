"""A look that law lets be withheld: from the door to the trail and the API, counted until it is over, then shown."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.gateway import policy
from consumers.gateway.explaining import explained
from consumers.gateway.policy import Denied, Policies, PolicyFault, PolicyRequest
from consumers.gateway.request import FamilyDisclosed, PersonAsked, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail, Trails
from consumers.gateway.withholding import LONGEST_DAYS, Withholding, broken
from consumers.read_model.rows import day_of
from schemas import records, visibility
from tests.unit.audit_rig import on_topic, projected
from tests.unit.test_gateway_disclosure import (
    CALLER,
    EPOCH_KEY,
    NIK,
    NOW,
    PERSONS,
    disk_at_once,  # noqa: F401  spares these tests the disk too
)
from tests.unit.test_gateway_door import ELSEWHERE, OWN_USE, SUPERVISOR, House
from tests.unit.test_trail_through_door import CITIZEN, Projected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumers.read_model.audit_rows import AuditEntry

HOUR = 3_600_000_000
DAY = 24 * HOUR
LATER = NOW + 20 * DAY
ORDER = "12/Pen.Pid/2025/PN.Kpn"
OF_A_COURT = Purpose("PENETAPAN_PENGADILAN", "a case", visible_from=LATER, court_order=ORDER)
OF_AN_INQUIRY = Purpose("PEMERIKSAAN", "a case", visible_from=LATER)
TWO_MORE = """
[purpose.PENETAPAN_PENGADILAN]
legal_basis = "UU27/2022-33"
actions = ["READ", "AUDIT_READ"]
agencies = ["dinsos"]
fields = ["region", "member.name"]
scopes = ["SUBJECT"]
visibility = "RESTRICTED"
withheld_days = 30

[purpose.PEMERIKSAAN]
legal_basis = "UU27/2022-33"
actions = ["READ"]
agencies = ["dinsos"]
fields = ["region", "member.name"]
visibility = "DELAYED_UNTIL"
withheld_days = 90
"""


def with_purposes(text: str) -> Policies:
    files = dict(policy.shipped().files)
    files["purposes.toml"] += text
    return Policies(files)


POLICIES = with_purposes(TWO_MORE)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    made.policies.append(POLICIES)
    yield made
    made.room.broker.away = False
    made.room.log.close()


class Log:
    def receipt(self, partition: int, offset: int) -> str | None:
        return f"proof of {partition}/{offset}"


def trails(house: House) -> Trails:
    keys = [EPOCH_KEY]
    return Trails(house.door, Projected(house), house.room.registry, lambda: keys, Log(), house.clock)


def mine(house: House) -> Trail:
    found = trails(house).of_person(CITIZEN, Purpose(OWN_DATA), PERSONS[0])
    assert isinstance(found, Trail), found
    return found


def looks_in(trail: Trail) -> list[tuple[str, str]]:
    return [(line.row.purpose, str(line.became)) for line in trail.lines if line.row.action == "READ"]


def disclosures(house: House) -> list[records.SubjectDisclosure]:
    return [entry for entry in house.entries if isinstance(entry, records.SubjectDisclosure)]


# From the door to the trail


@pytest.mark.parametrize(
    ("purpose", "kind", "order"), [(OF_A_COURT, "RESTRICTED", ORDER), (OF_AN_INQUIRY, "DELAYED_UNTIL", None)]
)
def test_a_withheld_look_is_counted_until_its_expiry_and_a_line_from_then_on(
    house: House, purpose: Purpose, kind: str, order: str | None
) -> None:
    assert isinstance(house.look(purpose=purpose), FamilyDisclosed)
    said = {(one.visibility, one.visibility_until, one.visibility_order) for one in disclosures(house)}
    assert said == {(kind, LATER, order)}
    house.clock.at = LATER - 1
    before = mine(house)
    assert (looks_in(before), before.withheld, before.withheld_until) == ([], 1, LATER)
    house.clock.at = LATER
    after = mine(house)
    assert (looks_in(after), after.withheld, after.withheld_until) == ([(purpose.code, "DISCLOSED")], 0, 0)


def test_any_other_look_is_shown_at_once(house: House) -> None:
    house.look()
    assert {one.visibility for one in disclosures(house)} == {"CITIZEN"}
    assert looks_in(mine(house)) == [("VERIFIKASI_VALIDASI", "DISCLOSED")]


def test_the_api_counts_the_look_with_its_expiry_and_gives_no_receipt_of_it_before(house: House) -> None:
    house.look(purpose=OF_A_COURT)
    service = Service(lambda *_: CITIZEN, str, trails(house), Cursors(bytes(32)), lambda: day_of(NOW))
    client = TestClient(application(service), headers={"Authorization": "Bearer one"})
    (told,) = [one for one in disclosures(house) if one.subject_ref == EPOCH_KEY.subject_ref(PERSONS[0])]
    receipts = [f"/v1/accesses/{one.event_id.hex()}/receipt" for one in (told, house.entries[0])]

    def asked() -> tuple[dict[str, Any], list[int]]:
        return client.get("/v1/me/accesses").json(), [client.get(path).status_code for path in receipts]

    before, given = asked()
    assert ([one["agency"] for one in before["items"]], before["withheld"], given) == (["warga"], 1, [404, 404])
    assert before["withheld_until"] == "2025-07-05T15:06:40Z"
    house.clock.at = LATER
    after, given = asked()
    assert [one["purpose"] for one in after["items"] if one["action"] == "READ"] == [OF_A_COURT.code]
    assert (after["withheld"], given) == (0, [200, 404])


def test_a_look_by_the_persons_own_reference_that_comes_to_nothing_is_withheld_too(house: House) -> None:
    house.room.registry.fault = OperationTimedOut()
    asked = PersonAsked(PERSONS[0])
    assert house.look(purpose=OF_A_COURT, asked=asked) == Withheld("READ_MODEL_UNAVAILABLE")
    house.room.registry.fault = None
    assert (looks_in(mine(house)), mine(house).withheld) == ([], 1)
    house.clock.at = LATER
    assert looks_in(mine(house)) == [(OF_A_COURT.code, "FAILED")]


def test_a_look_of_which_nobody_knows_what_became_is_withheld_too(house: House) -> None:
    house.look(purpose=OF_A_COURT, asked=PersonAsked(PERSONS[0]))
    tables = projected(on_topic(house.entries[:1]))  # the gateway died after its intent
    (line,) = tables.of_subject(EPOCH_KEY.subject_ref(PERSONS[0]))
    assert (line.visibility, line.visible_from) == ("RESTRICTED", LATER)


def test_to_read_a_persons_trail_for_such_a_purpose_is_withheld_as_well(house: House) -> None:
    found = trails(house).of_person(SUPERVISOR, OF_A_COURT, PERSONS[0])
    assert isinstance(found, Trail), found
    (told,) = disclosures(house)
    assert (told.visibility, told.visibility_until, told.visibility_order) == ("RESTRICTED", LATER, ORDER)
    assert house.entries[0].action == "AUDIT_READ"
    again = mine(house)
    assert ([line.row.purpose for line in again.lines if line.row.purpose != OWN_DATA], again.withheld) == ([], 1)


def test_the_agency_sees_its_own_withheld_look_at_once(house: House) -> None:
    house.look(purpose=OF_A_COURT)
    found = trails(house).of_agency(SUPERVISOR, OWN_USE, SUPERVISOR.agency_id, day_of(NOW))
    assert isinstance(found, Looks), found
    assert [line.row.purpose for line in found.lines if line.row.action == "READ"] == [OF_A_COURT.code]


@pytest.fixture(scope="module")
def looked() -> list[AuditEntry]:
    """Return the entries of one withheld look: its intent, its outcome, and each person that it showed."""
    made = House()
    made.policies.append(POLICIES)
    made.look(purpose=OF_A_COURT, asked=PersonAsked(PERSONS[0]))
    made.room.log.close()
    kinds = ("AccessIntent", "AccessOutcome", "SubjectDisclosure")
    return on_topic([entry for entry in made.entries if type(entry).__name__ in kinds])


@given(cuts=st.sets(st.integers(1, 7)), restart=st.booleans(), again=st.integers(0, 4))
def test_what_is_withheld_is_so_in_whatever_batches_and_however_often_entries_come(
    looked: list[AuditEntry], *, cuts: set[int], restart: bool, again: int
) -> None:
    entries = [*looked, *on_topic([one.record for one in looked][:again], first=len(looked))]
    ends = [0, *sorted(cut for cut in cuts if cut < len(entries)), len(entries)]
    tables = projected(*(entries[one:other] for one, other in itertools.pairwise(ends)), restart=restart)
    lines = tables.of_subject(EPOCH_KEY.subject_ref(PERSONS[0]))
    assert sorted((line.kind, line.visibility, line.visible_from) for line in lines) == [
        ("DISCLOSURE", "RESTRICTED", LATER),
        ("INTENT", "RESTRICTED", LATER),
    ]


# Refusals


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        (replace(OF_A_COURT, court_order=None), "COURT_ORDER_NEEDED"),
        (replace(OF_A_COURT, court_order=None, visible_from=None), "COURT_ORDER_NEEDED"),
        (replace(OF_A_COURT, visible_from=None), "EXPIRY_NEEDED"),
        (replace(OF_A_COURT, visible_from=NOW), "EXPIRY_NEEDED"),
        (replace(OF_A_COURT, visible_from=NOW + 30 * DAY + 1), "EXPIRY_TOO_LATE"),
        (replace(OF_AN_INQUIRY, visible_from=None), "EXPIRY_NEEDED"),
        (replace(OF_AN_INQUIRY, visible_from=2**70), "EXPIRY_TOO_LATE"),
        (replace(OF_AN_INQUIRY, court_order=ORDER), "VISIBILITY_NOT_OF_PURPOSE"),
        (Purpose("VERIFIKASI_VALIDASI", visible_from=LATER), "VISIBILITY_NOT_OF_PURPOSE"),
        (Purpose("VERIFIKASI_VALIDASI", court_order=ORDER), "VISIBILITY_NOT_OF_PURPOSE"),
        (replace(OF_A_COURT, court_order=""), "IDENTIFIER_MALFORMED"),
        (replace(OF_A_COURT, court_order="12/Pen Pid"), "IDENTIFIER_MALFORMED"),
        (replace(OF_A_COURT, court_order="x" * 65), "IDENTIFIER_MALFORMED"),
        (replace(OF_A_COURT, court_order=NIK), "NIK_IN_TEXT"),
    ],
)
def test_a_look_without_a_lawful_order_or_expiry_is_refused_on_record_before_anything_is_read(
    house: House, purpose: Purpose, code: str
) -> None:
    assert house.look(purpose=purpose, asked=PersonAsked(PERSONS[0])) == Withheld(code)
    assert house.room.registry.read_after == []
    intent, outcome = house.entries
    assert (intent.decision, intent.determining_rules[0], outcome.outcome) == ("DENY", code, "WITHHELD")
    trail = mine(house)  # nothing permitted that it be withheld
    assert (looks_in(trail), trail.withheld) == ([(purpose.code, "REFUSED")], 0)


def test_the_last_moment_of_the_term_is_within_it(house: House) -> None:
    assert isinstance(house.look(purpose=replace(OF_A_COURT, visible_from=NOW + 30 * DAY)), FamilyDisclosed)


def test_a_refusal_of_the_policies_comes_before_one_of_the_order(house: House) -> None:
    nobody = replace(CALLER, agency_id="bps")
    assert house.look(nobody, replace(OF_A_COURT, court_order=None)) == Withheld("PURPOSE_NOT_OF_AGENCY")


def test_a_refusal_for_the_place_is_withheld_with_the_look_that_was_let_in(house: House) -> None:
    asked = PersonAsked(PERSONS[0])
    assert isinstance(house.look(ELSEWHERE, OF_A_COURT, asked), Withheld)
    assert (looks_in(mine(house)), mine(house).withheld) == ([], 1)


def test_nothing_shipped_withholds_anything() -> None:
    assert {rule.withholding for rule in policy.shipped().data.purposes.values()} == {Withholding()}


@pytest.mark.parametrize(
    "said",
    [
        'visibility = "RESTRICTED"',
        'visibility = "DELAYED_UNTIL"\nwithheld_days = 0',
        f'visibility = "DELAYED_UNTIL"\nwithheld_days = {LONGEST_DAYS + 1}',
        'visibility = "DELAYED_UNTIL"\nwithheld_days = -1',
        'visibility = "DELAYED_UNTIL"\nwithheld_days = true',
        'visibility = "FOR_NOBODY"\nwithheld_days = 1',
        'visibility = "CITIZEN"\nwithheld_days = 1',
        "withheld_days = 1",
        "visibility = true",
        "visibility = [1]",
    ],
)
def test_a_purpose_that_withholds_without_a_term_is_no_purpose(said: str) -> None:
    with pytest.raises(PolicyFault):
        with_purposes(
            f'[purpose.X]\nlegal_basis = "L"\nactions = ["READ"]\nagencies = ["bps"]\nfields = ["region"]\n{said}\n'
        )


@given(
    kind=st.sampled_from(["CITIZEN", "DELAYED_UNTIL", "RESTRICTED"]),
    days=st.integers(1, LONGEST_DAYS),
    until=st.one_of(st.just(0), st.integers(NOW - DAY, NOW + 400 * DAY)),
    order=st.sampled_from(["", ORDER]),
)
def test_what_may_be_made_names_an_expiry_ahead_within_the_term_or_is_for_the_person_at_once(
    kind: str, days: int, until: int, order: str
) -> None:
    rule = Withholding(kind, days if kind != "CITIZEN" else 0)
    if broken(rule, until, order, NOW):
        return
    made = visibility.of(until or None, order or None)
    assert made.kind == kind
    assert (made.order is not None) == (kind == "RESTRICTED")
    assert (made.until is None) == (kind == "CITIZEN")
    assert made.until is None or NOW < made.until <= NOW + days * DAY


# On record, and judged again


def test_order_and_expiry_stand_in_the_input_of_the_decision_and_the_decision_can_be_made_again(house: House) -> None:
    house.look(purpose=OF_A_COURT)
    house.look(purpose=replace(OF_A_COURT, court_order=None))
    first, outcome, *_, refused, nothing = [
        entry for entry in house.entries if not isinstance(entry, records.SubjectDisclosure)
    ]
    request = PolicyRequest.parse(first.decision_input)
    assert (request.visible_from, request.court_order) == (LATER, ORDER)
    for intent, became in ((first, outcome), (refused, nothing)):
        assert {one.verdict for one in explained(intent, became, {POLICIES.hash: POLICIES}.get)} == {"SAME"}


def test_a_set_of_before_judges_what_it_judged_before(house: House) -> None:
    house.look()
    assert "visible_from" not in house.entries[0].decision_input
    assert "court_order" not in house.entries[0].decision_input


@pytest.mark.parametrize("said", [{"visible_from": "soon"}, {"visible_from": None}])
def test_an_expiry_of_another_type_is_no_decision(said: dict[str, Any]) -> None:
    asked = PolicyRequest("dinsos/35.71", "verifier", "HIGH", "READ", "PEMERIKSAAN", ("region",), NOW)
    found = POLICIES.decide(replace(asked, **said))
    assert isinstance(found, Denied)
    assert found.code == policy.NOT_JUDGED
