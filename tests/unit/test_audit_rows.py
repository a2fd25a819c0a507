"""Each audit entry makes the lines of whom it is about, once, however often and in whatever batches it comes."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.read_model import tables
from consumers.read_model.audit_rows import (
    DISCLOSED,
    INTENT_MISSING,
    AccessRows,
    audit_entry,
    hour_of,
    hours_of,
)
from consumers.read_model.rows import day_of
from schemas import codec, records
from tests.unit.audit_rig import (
    ACTOR,
    AGENCY,
    ANI,
    BUDI,
    HOME,
    LOOK,
    NOW,
    OTHER,
    disclosure,
    intent,
    on_topic,
    outcome,
    place,
    projected,
)


def test_each_person_shown_has_a_line_that_says_who_looked_and_why() -> None:
    found = projected(on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI)]))
    line = found.of_subject(BUDI)[0]
    assert len(found.of_subject(BUDI)) == 1
    assert (line.agency, line.actor, line.role, line.purpose) == (AGENCY, ACTOR, "verifier", "VERIFIKASI_VALIDASI")
    assert (line.legal_basis, line.fields, line.outcome) == ("UU13/2011-8", ("decile",), DISCLOSED)
    assert (line.record_version, line.kafka_partition, line.kafka_offset) == (5, 3, 3)
    assert line.appended_at == NOW + 1_000_003


def test_a_look_without_an_outcome_stands_under_the_person_it_named() -> None:
    line = projected(on_topic([intent()])).of_subject(ANI)[0]
    assert (line.kind, line.outcome, line.fields) == ("INTENT", "", ("decile", "member.name"))


@pytest.mark.parametrize(("became", "reason"), [("WITHHELD", "OUTSIDE_AREA"), ("DELIVERED", "NOT_FOUND")])
def test_a_look_that_showed_nothing_stands_under_the_person_it_named(became: str, reason: str) -> None:
    lines = projected(on_topic([intent(), outcome(2, became, reason, persons=0)])).of_subject(ANI)
    assert [(line.kind, line.outcome, line.reason, line.persons) for line in lines] == [("INTENT", became, reason, 0)]


def test_a_look_at_a_family_by_its_id_stands_under_the_family() -> None:
    entries = on_topic([intent(subject_ref=None, household_ref=HOME), outcome(2, "WITHHELD", "OUTSIDE_AREA", 0)])
    assert [line.reason for line in projected(entries).of_subject(HOME)] == ["OUTSIDE_AREA"]


def test_a_disclosure_whose_intent_is_nowhere_says_so() -> None:
    line = projected(on_topic([disclosure(3, ANI)])).of_subject(ANI)[0]
    assert (line.outcome, line.reason, line.agency) == (DISCLOSED, INTENT_MISSING, "")


def test_a_look_is_one_line_of_its_accessor_and_its_agency_however_many_it_showed() -> None:
    found = projected(on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI)]))
    of_actor = found.lines(tables.ACCESS_OF_ACCESSOR, AGENCY, ACTOR, day_of(NOW))
    of_agency = found.lines(tables.ACCESS_OF_AGENCY, AGENCY, hour_of(NOW))
    assert [(line.outcome, line.persons) for line in of_actor] == [("DELIVERED", 2)]
    assert of_actor == of_agency


@pytest.mark.parametrize(
    ("subject", "became", "reason", "persons"),
    [
        (ANI, "DELIVERED", None, 1),
        (ANI, "DELIVERED", "NOT_FOUND", 0),
        (ANI, "WITHHELD", "OUTSIDE_AREA", 0),
        (None, "DELIVERED", None, 0),
    ],
)
def test_a_reading_of_the_trail_shows_one_person_at_most_however_many_lines_it_has(
    subject: bytes | None, became: str, reason: str | None, persons: int
) -> None:
    reading = intent(action="AUDIT_READ", subject_ref=subject)
    found = projected(on_topic([reading, outcome(2, became, reason, persons=17)]))
    assert [line.persons for line in found.lines(tables.ACCESS_OF_AGENCY, AGENCY, hour_of(NOW))] == [persons]


def test_an_expiry_of_a_withheld_line_is_kept() -> None:
    shown = disclosure(3, ANI, visibility="RESTRICTED", visibility_until=NOW + 9, visibility_order="PN-1/2025")
    line = projected(on_topic([intent(), shown])).of_subject(ANI)[0]
    assert (line.visibility, line.visible_from) == ("RESTRICTED", NOW + 9)


def judged(**said: Any) -> str:
    return json.dumps({"agency": AGENCY, **said})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"visible_from": NOW + 9}, ("DELAYED_UNTIL", NOW + 9)),
        ({"visible_from": NOW + 9, "court_order": "PN-1/2025"}, ("RESTRICTED", NOW + 9)),
        ({"court_order": "PN-1/2025"}, ("", 0)),
        ({"visible_from": 0}, ("", 0)),
        ({"visible_from": 2**63}, ("", 0)),
        ({"visible_from": "for ever"}, ("", 0)),
    ],
)
def test_a_look_that_was_let_in_withheld_is_so_before_and_after_its_outcome(
    said: dict[str, Any], expected: tuple[str, int]
) -> None:
    entries = [intent(decision_input=judged(**said)), outcome(2, "FAILED", "KEYS_UNAVAILABLE", 0)]
    for count in (1, 2):
        (line,) = projected(on_topic(entries[:count])).of_subject(ANI)
        assert (line.visibility, line.visible_from) == expected


@pytest.mark.parametrize("text", ['{"visible_from": 1', '["visible_from"]', "[" * 9_999 + '"visible_from"'])
def test_an_input_that_no_gateway_wrote_withholds_nothing_and_stops_nothing(text: str) -> None:
    (line,) = projected(on_topic([intent(decision_input=text), outcome(2)])).of_subject(ANI)
    assert (line.visibility, line.visible_from) == ("", 0)


def test_a_refused_look_is_withheld_from_nobody() -> None:
    refused = intent(decision="DENY", decision_input=judged(visible_from=NOW + 9))
    (line,) = projected(on_topic([refused])).of_subject(ANI)
    assert (line.visibility, line.visible_from) == ("", 0)


def test_the_last_outcome_of_a_look_stands() -> None:
    late = outcome(5, "WITHHELD", "AUDIT_UNAVAILABLE", 0)
    found = projected(on_topic([intent(), outcome(2), late])).lines(tables.ACCESS_OF_AGENCY, AGENCY, hour_of(NOW))
    assert [line.outcome for line in found] == ["WITHHELD"]


def test_an_epoch_is_noted_once() -> None:
    writes = AccessRows().writes(on_topic([intent(), intent(2, OTHER)]))
    assert [write.values for write in writes if write.table is tables.ACCESS_EPOCH] == [(2025,)]


def test_what_is_no_audit_entry_is_undecodable() -> None:
    foreign = records.DeadlineScheduled(family_id="f", kind="K", subject_id=LOOK, due_at=None, sequence=1)
    with pytest.raises(codec.Undecodable):
        audit_entry(codec.encode(foreign), 0, 0, 0)


def test_a_heartbeat_is_about_nobody() -> None:
    beat = records.GatewayHeartbeat(**place(9, bytes(16)), last_seq=8, closing=False, policy_set_hash=bytes(32))
    assert audit_entry(codec.encode(beat), 0, 0, 0) is None


def test_hours_of_a_day_run_from_the_last_to_the_first() -> None:
    assert hour_of(NOW)[:10] == day_of(NOW)
    assert hour_of(NOW) in hours_of(day_of(NOW))
    assert hours_of("2025-06-15")[0] == "2025-06-15T23"
    assert list(hours_of("2025-06-15")) == sorted(hours_of("2025-06-15"), reverse=True)


WITHHELD = intent(5, OTHER, subject_ref=BUDI, decision_input=judged(visible_from=NOW + 9))
CHAIN = on_topic([intent(), outcome(2), disclosure(3, ANI), disclosure(4, BUDI), WITHHELD])
AGAIN = on_topic([entry.record for entry in CHAIN], first=len(CHAIN))  # a gateway wrote its file of entries again


@given(cuts=st.sets(st.integers(1, len(CHAIN) - 1)), restart=st.booleans(), kept=st.integers(0, 3))
def test_rows_are_the_same_in_whatever_batches_and_after_every_restart(
    *, cuts: set[int], restart: bool, kept: int
) -> None:
    ends = [0, *sorted(cuts), len(CHAIN)]
    batches = [CHAIN[one:other] for one, other in itertools.pairwise(ends)]
    assert projected(*batches, kept=kept, restart=restart).rows == projected(CHAIN).rows


@given(cut=st.integers(0, len(CHAIN)), restart=st.booleans())
def test_a_batch_that_comes_twice_changes_nothing(*, cut: int, restart: bool) -> None:
    twice = projected(CHAIN[:cut], CHAIN[:cut], CHAIN[cut:], restart=restart)
    assert twice.rows == projected(CHAIN).rows


@given(st.integers(0, len(AGAIN)))
def test_entries_written_twice_to_the_topic_stay_one_line_each(count: int) -> None:
    found = projected(CHAIN, AGAIN[:count])
    assert [len(found.of_subject(one)) for one in (ANI, BUDI)] == [2, 2]
    assert {line.outcome for line in found.of_subject(ANI)} == {DISCLOSED, "DELIVERED"}
