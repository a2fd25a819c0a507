"""Machine F: every step of 4.F by its party, what is refused, and what becomes of a missing usage report."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue, codec, records
from schemas.records import Region
from stream_processors.access_requests import usage
from stream_processors.access_requests.request import evolve
from stream_processors.access_requests.said import event_of
from stream_processors.folds.access_requests import AccessRequestsFold
from stream_processors.registry.decision import SequenceGap
from stream_processors.registry.machines import table
from stream_processors.registry.machines.table import REQUESTS, machines
from tests.unit.request_scenarios import BAPPERIDA, DAY, DINSOS, DISKOMINFO, PAPERS, REQUESTER, TERMS, Request, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Domain guide 4.F, row by row, with the office of each, and below what that leaves open. `-` is nothing; a slash stands
# between several. A plus: either says it.
TABLES = {
    "PERMINTAAN_BNBA": """
-                   AccessRequestDrafted    -        DRAFT               pemohon
DRAFT               AccessRequestDrafted    -        DRAFT               pemohon
DRAFT               AccessRequestSubmitted  -        VERIFIKATOR_REVIEW  pemohon
VERIFIKATOR_REVIEW  AccessRequestReviewed   FORWARD  EWALI_REVIEW        bapperida
VERIFIKATOR_REVIEW  AccessRequestReviewed   RETURN   DRAFT               bapperida
VERIFIKATOR_REVIEW  AccessRequestReviewed   REJECT   DITOLAK             bapperida
EWALI_REVIEW        AccessRequestReviewed   FORWARD  DTSEN_REVIEW        diskominfo
EWALI_REVIEW        AccessRequestReviewed   BACK     VERIFIKATOR_REVIEW  diskominfo
DTSEN_REVIEW        AccessGranted           -        DISETUJUI           dinsos
DTSEN_REVIEW        AccessRequestReviewed   BACK     EWALI_REVIEW        dinsos
DISETUJUI           DataHandedOver          -        SELESAI             registry
""",
    "LAPORAN_PENGGUNAAN": """
-                              DataHandedOver        -       BELUM_DIKIRIM     registry
BELUM_DIKIRIM                  UsageReportReminded   -       BELUM_DIKIRIM     registry
BELUM_DIKIRIM/MENUNGGAK        UsageReportReminded   LATE    MENUNGGAK         registry
PERLU_REVISI                   UsageReportReminded   -/LATE  PERLU_REVISI      registry
BELUM_DIKIRIM                  UsageReportEscalated  -       BELUM_DIKIRIM     registry
MENUNGGAK                      UsageReportEscalated  -       MENUNGGAK         registry
PERLU_REVISI                   UsageReportEscalated  -       PERLU_REVISI      registry
BELUM_DIKIRIM/MENUNGGAK/PERLU_REVISI  UsageReportFiled  -    REVIEW_BAPPERIDA  pemohon
REVIEW_BAPPERIDA               UsageReportReviewed   ACCEPT  REVIEW_DINSOS     bapperida
REVIEW_BAPPERIDA               UsageReportReviewed   REVISE  PERLU_REVISI      bapperida
REVIEW_DINSOS                  UsageReportReviewed   ACCEPT  DISETUJUI         dinsos
REVIEW_DINSOS                  UsageReportReviewed   REVISE  PERLU_REVISI      dinsos
""",
    "PERJANJIAN_AKSES": """
-             AccessGranted    -                                   BERLAKU       dinsos
BERLAKU       AccessSuspended  PENYALAHGUNAAN/PERMINTAAN_INSTANSI  DITANGGUHKAN  dinsos
BERLAKU       AccessSuspended  LAPORAN_TIDAK_DITERIMA              DITANGGUHKAN  registry
DITANGGUHKAN  AccessResumed    -                                   BERLAKU       dinsos+registry
""",
}


class Step(NamedTuple):
    """One row: from a state by a record, with an outcome where it has one, to a state, said by somebody."""

    machine: str
    start: str
    record: str
    outcome: str
    end: str
    actors: str


def _rows() -> Iterator[Step]:
    for name, text in TABLES.items():
        for line in text.strip().splitlines():
            starts, record, outcomes, end, actors = line.split()
            for start, outcome in product(starts.split("/"), outcomes.split("/")):
                yield Step(name, start.strip("-"), record, outcome.strip("-"), end, actors)


ROWS = tuple(_rows())
_WAYS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "": (),
    "DRAFT": (("draft",),),
    "VERIFIKATOR_REVIEW": (("draft",), ("submit", REQUESTER)),
    "EWALI_REVIEW": (("draft",), ("submit", REQUESTER), ("review", ("VERIFIKATOR", BAPPERIDA), "FORWARD", "")),
}
_REPORTS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "BELUM_DIKIRIM": (),
    "MENUNGGAK": (("remind", 1),),
    "PERLU_REVISI": (("report",), ("accept", ("BAPPERIDA", BAPPERIDA), "REVISE", "angka salah")),
    "REVIEW_BAPPERIDA": (("report",),),
    "REVIEW_DINSOS": (("report",), ("accept", ("BAPPERIDA", BAPPERIDA), "ACCEPT", "")),
}


def standing_at(row: Step) -> Request:
    """Return a request that walked to where the row begins."""
    request = Request()
    if row.machine == "PERJANJIAN_AKSES":
        if not row.start:
            return request.reviewed()
        request.handed_over()
        if row.start == "DITANGGUHKAN":
            walk(request, ("suspend", "diperiksa dahulu"))
    elif row.machine == "LAPORAN_PENGGUNAAN":
        request.granted()
        if row.start:
            request.hand_over()
        for step in _REPORTS.get(row.start, ()):
            walk(request, step)
    elif row.start == "DTSEN_REVIEW":
        request.reviewed()
    elif row.start == "DISETUJUI":
        request.granted()
    else:
        for step in _WAYS[row.start]:
            walk(request, step)
    return request


def said(row: Step) -> tuple[Any, ...]:  # noqa: PLR0911  one line per record
    """Return the step of a row."""
    note = "" if row.outcome in {"FORWARD", "ACCEPT"} else "catatan"
    office = {"bapperida": ("VERIFIKATOR", BAPPERIDA), "diskominfo": ("EWALI", DISKOMINFO), "dinsos": ("DTSEN", DINSOS)}
    match row.record:
        case "AccessRequestReviewed":
            return ("review", office[row.actors], row.outcome, note)
        case "UsageReportReviewed":
            return ("accept", (row.actors.upper(), office[row.actors][1]), row.outcome, note)
        case "UsageReportReminded":
            return ("remind", 7 if row.outcome else -1)
        case "UsageReportEscalated":
            return ("remind", 0)
        case "AccessSuspended" if row.actors == "registry":
            return ("remind", 0)
        case "AccessSuspended":
            return ("suspend", note, row.outcome)
        case _:
            words = {"AccessRequestDrafted": ("draft",), "AccessRequestSubmitted": ("submit", REQUESTER)}
            words |= {"AccessGranted": ("grant",), "DataHandedOver": ("hand_over",), "UsageReportFiled": ("report",)}
            return words.get(row.record, ("resume", note))


def where(request: Request, machine: str) -> str:
    if machine == "PERMINTAAN_BNBA":
        return request.it.step
    if machine == "LAPORAN_PENGGUNAAN":
        return request.it.report
    return "DITANGGUHKAN" if request.it.suspended else "BERLAKU" if request.it.granted else ""


@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row[:4]) for row in ROWS])
def test_a_row_leads_where_the_guide_says(row: Step) -> None:
    # Given a request that stands where the row begins
    request = standing_at(row)
    assert request.state is None or where(request, row.machine) == row.start
    count = len(request.events)
    # When the record is said by who may say it
    walk(request, said(row))
    # Then it stands where the row leads, and the record is on record
    assert where(request, row.machine) == row.end
    assert row.record in {type(event.record).__name__ for event in request.events[count:]}


@pytest.mark.parametrize("row", [row for row in ROWS if row.outcome in {"RETURN", "BACK", "REJECT", "REVISE"}])
def test_what_sends_back_or_refuses_without_a_note_leads_nowhere(row: Step) -> None:
    request = standing_at(row)
    before = request.state
    walk(request, (*said(row)[:3], " "))
    assert request.state == before


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_exactly_the_guides(name: str) -> None:
    ours = {
        (name, row.state, row.record, row.outcome, row.to, "+".join(row.actors))
        for row in machines(REQUESTS)[name].rows
    }
    assert ours == {row for row in ROWS if row.machine == name}


def test_every_row_names_its_source_and_guards_that_are_there() -> None:
    folder = Path(table.__file__).parents[2] / "access_requests"
    text = "".join(one.read_text() for one in folder.glob("*.py"))
    for one in machines(REQUESTS).values():
        for row in one.rows:
            assert row.source.startswith(("4.F", "ours"))
            assert all(f'"{guard}"' in text for guard in row.guards), row


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
_EDGES = {(row.start, row.end) for row in ROWS if row.machine == "PERMINTAAN_BNBA"}
_REPORT_EDGES = {(row.start, row.end) for row in ROWS if row.machine == "LAPORAN_PENGGUNAAN"}
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
        case ("suspend", note, *reason):
            said_why = reason[0] if reason else "PENYALAHGUNAAN"
            request.say(DINSOS, records.AccessSuspended, reason=said_why, note=note)
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
