"""Machine F: every step of 4.F by its party, what is refused, and what becomes of a missing usage report."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue, codec, records
from schemas.records import Region
from stream_processors.access_requests import usage
from stream_processors.access_requests.request import evolve
from stream_processors.access_requests.said import event_of
from stream_processors.access_requests.transitions import REPORT, REQUEST
from stream_processors.folds.access_requests import AccessRequestsFold
from stream_processors.registry.decision import SequenceGap
from tests.unit.request_scenarios import BAPPERIDA, DAY, DINSOS, DISKOMINFO, PAPERS, REQUESTER, TERMS, Request, digest

# Domain guide 4.F, as its table and the lines below it say.
OF_THE_GUIDE = {
    ("DRAFT", "VERIFIKATOR_REVIEW"),
    ("VERIFIKATOR_REVIEW", "EWALI_REVIEW"),
    ("VERIFIKATOR_REVIEW", "DRAFT"),
    ("VERIFIKATOR_REVIEW", "DITOLAK"),
    ("EWALI_REVIEW", "DTSEN_REVIEW"),
    ("EWALI_REVIEW", "VERIFIKATOR_REVIEW"),
    ("DTSEN_REVIEW", "DISETUJUI"),
    ("DTSEN_REVIEW", "EWALI_REVIEW"),
    ("DISETUJUI", "SELESAI"),
}
REPORT_OF_THE_GUIDE = {
    ("BELUM_DIKIRIM", "REVIEW_BAPPERIDA"),
    ("MENUNGGAK", "REVIEW_BAPPERIDA"),
    ("PERLU_REVISI", "REVIEW_BAPPERIDA"),
    ("REVIEW_BAPPERIDA", "REVIEW_DINSOS"),
    ("REVIEW_DINSOS", "DISETUJUI"),
}


def arrows(rows: Any, source: str) -> set[tuple[str, str]]:
    return {(row.state, row.to) for row in rows if row.source.startswith(source) and row.state not in {"", row.to}}


def test_the_table_is_the_guides_and_every_other_row_says_that_it_is_ours() -> None:
    assert arrows(REQUEST, "4.F") == OF_THE_GUIDE
    assert arrows(REPORT, "4.F") >= REPORT_OF_THE_GUIDE
    revised = {("BELUM_DIKIRIM", "MENUNGGAK"), ("REVIEW_BAPPERIDA", "PERLU_REVISI"), ("REVIEW_DINSOS", "PERLU_REVISI")}
    assert arrows(REPORT, "4.F") - REPORT_OF_THE_GUIDE == revised
    assert all(row.source.startswith(("4.F", "ours")) for row in (*REQUEST, *REPORT))


def test_a_request_goes_from_draft_to_hand_over_by_its_parties() -> None:
    request = Request().handed_over()
    assert (request.it.step, request.it.granted, request.it.report) == ("SELESAI", True, "BELUM_DIKIRIM")
    assert request.it.report_due_at == request.now + 30 * DAY
    assert [event.prefix.sequence for event in request.events] == list(range(1, 7))


def test_a_report_passes_bapperida_and_then_dinsos() -> None:
    request = Request().handed_over()
    assert request.accept("BAPPERIDA", BAPPERIDA) == "STEP_NOT_REACHED"
    assert request.report() == ""
    assert request.accept("DINSOS", DINSOS) == "STEP_NOT_REACHED"
    assert request.accept("BAPPERIDA", BAPPERIDA) == ""
    assert request.accept("DINSOS", DINSOS) == ""
    assert (request.it.report, request.it.records_used) == ("DISETUJUI", 5)


@pytest.mark.parametrize(
    ("step", "agency", "rule"),
    [
        ("VERIFIKATOR", DINSOS, "AGENCY_MAY_NOT"),
        ("VERIFIKATOR", REQUESTER, "AGENCY_MAY_NOT"),
        ("VERIFIKATOR", "bapperida/35.26", "OUTSIDE_AREA"),
        ("VERIFIKATOR", "bapperida", "OUTSIDE_AREA"),
        ("EWALI", DISKOMINFO, "STEP_NOT_REACHED"),
        ("LURAH", BAPPERIDA, "STEP_UNKNOWN"),
    ],
)
def test_a_step_is_its_offices_alone(step: str, agency: str, rule: str) -> None:
    request = Request()
    request.draft()
    request.say(REQUESTER, records.AccessRequestSubmitted)
    assert request.review(step, agency) == rule


def test_only_the_requester_submits_and_only_its_own_gateway_hands_over() -> None:
    request = Request()
    request.draft()
    assert request.rule("dinkes/35.72", records.AccessRequestSubmitted) == "NOT_REQUESTER"
    granted = Request().granted()
    said = granted.framed(
        DINSOS,
        records.DataHandedOver,
        file_digest=digest("f"),
        manifest_digest=digest("m"),
        recipient_mark="",
        persons=1,
        expires_at=granted.now + DAY,
    )
    refused = granted.take(said).refused
    assert refused is not None
    assert refused.rule == "AGENCY_MAY_NOT"


def test_no_office_reviews_its_own_request() -> None:
    request = Request()
    assert request.rule(BAPPERIDA, records.AccessRequestDrafted, **PAPERS, **TERMS) == ""
    assert request.rule(BAPPERIDA, records.AccessRequestSubmitted) == ""
    assert request.review("VERIFIKATOR", BAPPERIDA) == "OWN_REQUEST"


@pytest.mark.parametrize(("outcome", "to"), [("RETURN", "DRAFT"), ("REJECT", "DITOLAK")])
def test_a_return_or_refusal_says_why(outcome: str, to: str) -> None:
    request = Request()
    request.draft()
    request.say(REQUESTER, records.AccessRequestSubmitted)
    assert request.review("VERIFIKATOR", BAPPERIDA, outcome, "  ") == "NOTE_MISSING"
    assert request.review("VERIFIKATOR", BAPPERIDA, outcome, "lihat 3571 0201 0180 0001") == "NOTE_NAMES_PERSON"
    assert request.review("VERIFIKATOR", BAPPERIDA, outcome, "KAK belum lengkap") == ""
    assert (request.it.step, request.it.note) == (to, "KAK belum lengkap")


@pytest.mark.parametrize(
    ("others", "rule"),
    [
        ({"letter_digest": bytes(32)}, "PAPER_MISSING"),
        ({"letter_digest": digest("terms")}, "PAPER_TWICE"),
        ({"fields": ()}, "LIST_UNSOUND"),
        ({"regions": (Region(system="KEMENDAGRI", edition="300.2.2-2430/2025", code="99.99"),)}, "REGION_UNKNOWN"),
        ({"most_persons": 0}, "PERSONS_UNSOUND"),
        ({"valid_until": TERMS["valid_from"]}, "TIME_UNSOUND"),
        ({"valid_until": TERMS["valid_from"] + 400 * DAY}, "TIME_UNSOUND"),
    ],
)
def test_an_unsound_draft_is_refused(others: dict[str, Any], rule: str) -> None:
    assert Request().draft(**others) == rule


@pytest.mark.parametrize(
    "others",
    [
        {"fields": ("member.national_id",)},
        {"most_persons": 101},
        {"valid_until": TERMS["valid_until"] + 1},
        {"purposes": ("PEMERINGKATAN",)},
    ],
)
def test_a_grant_is_no_wider_than_its_request(others: dict[str, Any]) -> None:
    assert Request().reviewed().grant(**others) == "MORE_THAN_ASKED"


def test_no_file_leaves_beyond_the_grant() -> None:
    request = Request().granted()
    assert request.hand_over(persons=101) == "TOO_MANY_PERSONS"
    request.now = TERMS["valid_until"]
    assert request.hand_over() == "AGREEMENT_NOT_IN_FORCE"


def test_no_file_leaves_while_suspended() -> None:
    request = Request().granted()
    said = {"reason": "PENYALAHGUNAAN", "note": "dipakai di luar tujuan"}
    assert request.rule(DINSOS, records.AccessSuspended, **{**said, "note": ""}) == "NOTE_MISSING"
    assert request.rule(DINSOS, records.AccessSuspended, **said) == ""
    assert request.hand_over() == "AGREEMENT_SUSPENDED"
    assert request.rule(DINSOS, records.AccessResumed, note="diperiksa") == ""
    assert request.hand_over() == ""


def remind(request: Request, *days: int) -> None:
    for day in days:
        assert request.reach(usage.kind_of(day), request.it.report_due_at + day * DAY) == ""


def test_each_reminder_is_sent_once_and_the_first_late_one_makes_the_report_overdue() -> None:
    request = Request().handed_over()
    remind(request, -7, -1)
    assert request.it.report == "BELUM_DIKIRIM"
    remind(request, 1, 1, 7)
    assert (request.it.report, request.it.reminded) == ("MENUNGGAK", (-7, -1, 1, 7))
    told = [event.record.day for event in request.events if isinstance(event.record, records.UsageReportReminded)]
    assert told == [-7, -1, 1, 7]


def test_a_report_missing_after_h30_suspends_until_it_is_accepted() -> None:
    request = Request().handed_over()
    remind(request, *usage.REMINDERS)
    assert request.it.suspended == ""
    assert request.reach(usage.ESCALATION, request.it.escalates_at) == ""
    assert (request.it.suspended, request.it.escalated) == ("LAPORAN_TIDAK_DITERIMA", True)
    assert request.rule(DINSOS, records.AccessResumed, note="biarkan") == "REPORT_MISSING"
    request.report()
    request.accept("BAPPERIDA", BAPPERIDA)
    assert request.it.suspended
    request.accept("DINSOS", DINSOS)
    assert (request.it.suspended, request.it.report) == ("", "DISETUJUI")


def test_a_date_told_early_is_refused_and_one_of_another_plan_moves_nothing() -> None:
    request = Request().handed_over()
    due = request.it.report_due_at - 7 * DAY
    subject = bytes(16)
    kind = usage.kind_of(-7)
    said = request.framed("registry", records.DeadlineReached, kind=kind, subject_id=subject, due_at=due)
    refused = request.take(said).refused
    assert refused is not None
    assert refused.rule == "DEADLINE_EARLY"
    assert request.reach(kind, due - 1) == ""
    assert request.it.reminded == ()


def test_a_report_sent_back_after_the_dates_has_a_week_before_it_suspends() -> None:
    request = Request().handed_over()
    request.report()
    escalation = request.it.escalates_at
    request.reach(usage.ESCALATION, escalation)
    assert not request.it.escalated
    before = request.it
    assert request.accept("BAPPERIDA", BAPPERIDA, "REVISE", "jumlah tidak cocok") == ""
    assert request.it.escalates_at == request.now + 7 * DAY
    scheduled = {one.kind: one.due_at for one in usage.scheduled(before, request.it)}
    assert scheduled == {usage.ESCALATION: request.it.escalates_at}
    request.reach(usage.ESCALATION, request.it.escalates_at)
    assert request.it.suspended


def test_dates_are_scheduled_at_hand_over_and_withdrawn_at_acceptance() -> None:
    request = Request().granted()
    before = request.it
    request.hand_over()
    dates = {one.kind: one.due_at for one in usage.scheduled(before, request.it)}
    assert len(dates) == 7
    assert dates[usage.kind_of(-7)] == request.it.report_due_at - 7 * DAY
    request.report()
    request.accept("BAPPERIDA", BAPPERIDA)
    before = request.it
    request.accept("DINSOS", DINSOS)
    assert {one.kind: one.due_at for one in usage.scheduled(before, request.it)} == dict.fromkeys(dates)


def test_the_same_change_twice_is_known() -> None:
    request = Request()
    said = request.framed(REQUESTER, records.AccessRequestDrafted, **PAPERS, **TERMS)
    request.take(said)
    again = request.take(said)
    assert (again.refused, again.events) == (None, ())


def test_a_missing_event_is_a_fault() -> None:
    request = Request().granted()
    with pytest.raises(SequenceGap):
        evolve(None, request.events[1])


# -- a walk of any steps by anybody --------------------------------------------------------------------------------

_AGENCIES = st.sampled_from([REQUESTER, BAPPERIDA, DISKOMINFO, DINSOS, "registry", "dinkes/35.72"])
_NOTES = st.sampled_from(["", "catatan"])
_EDGES = {(row.state, row.to) for row in REQUEST}
_REPORT_EDGES = {(row.state, row.to) for row in REPORT}
_STEPS = st.one_of(
    st.tuples(st.just("draft")),
    st.tuples(st.just("submit"), _AGENCIES),
    st.tuples(
        st.just("review"),
        st.sampled_from([("VERIFIKATOR", BAPPERIDA), ("EWALI", DISKOMINFO), ("DTSEN", DINSOS), ("EWALI", DINSOS)]),
        st.sampled_from(["FORWARD", "RETURN", "BACK", "REJECT"]),
        _NOTES,
    ),
    st.tuples(st.just("grant")),
    st.tuples(st.just("hand_over")),
    st.tuples(st.just("report")),
    st.tuples(
        st.just("accept"),
        st.sampled_from([("BAPPERIDA", BAPPERIDA), ("DINSOS", DINSOS)]),
        st.sampled_from(["ACCEPT", "REVISE"]),
        _NOTES,
    ),
    st.tuples(st.just("remind"), st.sampled_from([*usage.REMINDERS, 0])),
    st.tuples(st.just("suspend"), _NOTES),
    st.tuples(st.just("resume"), _NOTES),
)
_FORTH = [
    ("draft",), ("submit", REQUESTER), ("review", ("VERIFIKATOR", BAPPERIDA), "FORWARD", ""),
    ("review", ("EWALI", DISKOMINFO), "FORWARD", ""), ("grant",), ("hand_over",),
]  # fmt: skip


def walk(request: Request, step: tuple[Any, ...]) -> None:  # noqa: C901  one line per step
    match step:
        case ("draft",):
            request.draft()
        case ("submit", agency):
            request.say(agency, records.AccessRequestSubmitted)
        case ("review", (office, agency), outcome, note):
            request.review(office, agency, outcome, note)
        case ("grant",):
            request.grant()
        case ("hand_over",):
            request.hand_over()
        case ("report",):
            request.report()
        case ("accept", (office, agency), outcome, note):
            request.accept(office, agency, outcome, note)
        case ("remind", day) if request.state is not None:
            kind = usage.kind_of(day) if day else usage.ESCALATION
            request.reach(kind, request.it.report_due_at + day * DAY if day else request.it.escalates_at)
        case ("suspend", note):
            request.say(DINSOS, records.AccessSuspended, reason="PENYALAHGUNAAN", note=note)
        case ("resume", note):
            request.say(DINSOS, records.AccessResumed, note=note)


@given(prefix=st.integers(0, len(_FORTH)), steps=st.lists(_STEPS, max_size=25))
@settings(max_examples=150, deadline=None)
def test_no_walk_reaches_a_state_off_the_table_or_leaves_a_reason_empty(prefix: int, steps: list[Any]) -> None:
    request = Request()
    for step in [*_FORTH[:prefix], *steps]:
        before, count = request.state, len(request.events)
        walk(request, step)
        was, is_now = (before.step if before else ""), (request.state.step if request.state else "")
        assert was == is_now or (was, is_now) in _EDGES
        if before is not None:
            assert before.report == request.it.report or (before.report, request.it.report) in _REPORT_EDGES
        for event in request.events[count:]:
            said = event.record
            if getattr(said, "outcome", "") in {"RETURN", "BACK", "REJECT", "REVISE"} or hasattr(said, "reason"):
                assert said.note.strip()
    replayed = None
    for number, event in enumerate(request.events, 1):
        assert event.prefix.sequence == number
        replayed = evolve(replayed, event_of(event.framed))
    assert replayed == request.state
    if request.state is not None and request.state.suspended:
        assert request.state.granted


# -- the fold --------------------------------------------------------------------------------------------------------


def test_the_fold_puts_out_events_state_and_dates_and_goes_on_from_its_states() -> None:
    request, fold = Request(), AccessRequestsFold(3)
    outputs: list[list[Any]] = []
    key = b"r" * 26

    def take(framed: bytes) -> None:
        offset = len(outputs)
        outputs.append(list(fold.fold(key, framed, offset, request.now)))
        request.take(framed)

    take(request.framed(REQUESTER, records.AccessRequestDrafted, **PAPERS, **TERMS))
    take(request.framed(DINSOS, records.AccessRequestSubmitted))
    kinds = [[output.topic for output in row] for row in outputs]
    assert kinds == [
        [catalogue.REQUEST_EVENTS_TOPIC, catalogue.REQUEST_STATES_TOPIC],
        [catalogue.REFUSALS_TOPIC],
    ]
    refusal = codec.decode(outputs[1][0].value)
    assert (refusal.rule, refusal.source_topic) == ("NOT_REQUESTER", catalogue.REQUESTS_TOPIC)
    again = AccessRequestsFold(3)
    for output in (outputs[0][1], *fold.close_batch(2)):
        again.restore(output.key, output.value)
    again.restored()
    assert again.digest() == fold.digest()
    assert again.next_offset == 2
