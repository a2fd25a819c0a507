"""Who saw me, over HTTP: the form of GovStack and our own, problems that tell nothing, and no NIK left anywhere."""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.problems import MEDIA_TYPE, PROBLEMS
from consumers.gateway.request import Purpose, TrailEntry, TrailOfAgency
from consumers.gateway.telling import STEP_SECONDS, seconds_left
from consumers.read_model.rows import day_of
from tests.unit.api_rig import CITIZEN, MEDIATOR, NIK, OFFICER, WHY, Api
from tests.unit.api_rig import ME as MY_REF
from tests.unit.audit_rig import (
    ACTOR,
    AGENCY,
    LOOK,
    NOW,
    disclosure,
    intent,
    on_topic,
    outcome,
    projected,
)

USAGE, MINE, DATA = "/data/myPersonalDataUsage", "/v1/me/accesses", "/v1/me/data"
OF_AGENCY, OF_ACCESSOR = "/v1/accesses/agency", "/v1/accesses/accessor"
DOCS = Path(__file__).parents[2] / "docs"
EMPTY = Api()
PATHS = {path.replace("{event}", LOOK.hex()) for path in EMPTY.app.openapi()["paths"]}


def seen(count: int = 1) -> Api:
    looks = [disclosure(seq, MY_REF) for seq in range(3, 3 + count)]
    return Api(projected(on_topic([intent(), outcome(2), *looks])))


def usage(api: Api, **other: Any) -> Any:
    return api.get(USAGE, headers=MEDIATOR, **{"userId": NIK, "databaseId": "jejak", **other})


def is_problem(answer: Any, status: int, slug: str) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["instance"].startswith("urn:uuid:")
    return bool(told["type"] == f"/problems/{slug}" and told["status"] == status)


def test_a_citizen_reads_who_saw_them() -> None:
    answer = seen().get(MINE)
    line = answer.json()["items"][0]
    assert (line["agency"], line["officer"], line["purpose"]) == (AGENCY, ACTOR, "VERIFIKASI_VALIDASI")
    assert (line["legal_basis"], line["fields"], line["became"]) == ("UU13/2011-8", ["decile"], "DISCLOSED")
    assert line["occurred_at"] == "2025-06-15T15:06:40.000003Z"
    assert answer.headers["cache-control"] == "no-store"


def test_a_long_list_goes_on_at_its_cursor() -> None:
    api = seen(5)
    first = api.get(MINE, limit=2).json()
    rest = api.get(MINE, limit=3, after=first["next"]).json()
    assert len({line["id"] for line in (*first["items"], *rest["items"])}) == 5
    assert rest["next"] is None


def test_lines_withheld_by_law_are_counted_with_their_expiry() -> None:
    hidden = disclosure(3, MY_REF, visibility="RESTRICTED", visibility_until=NOW + 3_600_000_000)
    told = Api(projected(on_topic([intent(), hidden]))).get(MINE).json()
    assert (told["items"], told["withheld"]) == ([], 1)
    assert told["withheld_until"] == "2025-06-15T16:06:40Z"


def test_data_and_trail_are_one_answer() -> None:
    told = seen().get(DATA).json()
    assert told["data"] == {"decile": 3}
    assert len(told["accesses"]["items"]) == 1


def test_the_form_of_govstack_is_kept_to_the_letter() -> None:
    answer = usage(seen())
    assert answer.status_code == 200
    assert set(answer.json()[0]) == {
        "id",
        "readerId",
        "readerInitials",
        "readerInstitutionId",
        "readerInstitutionName",
        "readerApplicationName",
        "searchDateTime",
        "refrences",
    }
    assert answer.json()[0]["readerId"] == ACTOR
    (reference,) = answer.json()[0]["refrences"]
    assert seen().get(reference["ReferenceID"]).text == "proof of 3/2"


def test_a_list_longer_than_the_cap_links_to_its_rest_without_the_userid() -> None:
    answer = usage(seen(1_001))
    assert len(answer.json()) == 1_000
    assert 'rel="next"' in answer.headers["link"]
    assert NIK not in answer.headers["link"]
    rest = answer.headers["link"].partition("<")[2].partition(">")[0]
    assert len(seen(1_001).get(rest).json()["items"]) == 1


@pytest.mark.parametrize(
    "user", ["", "357102410180000", "3571024101800001 ", chr(0xFF13) + "571024101800001", "x" * 65]
)
def test_an_id_that_is_no_nik_is_refused_and_not_repeated(user: str) -> None:
    answer = usage(seen(), userId=user)
    assert is_problem(answer, 400, "bad-request")
    assert not user or user not in answer.text


def test_nothing_found_is_not_found() -> None:
    assert is_problem(usage(EMPTY), 404, "not-found")
    assert is_problem(usage(seen(), databaseId="another"), 404, "not-found")


@pytest.mark.parametrize("member", ["", "ID/GOV/kemensos", "ID/GOV//portal", "a/b/c/d/e"])
def test_an_information_mediator_without_its_four_parts_is_refused(member: str) -> None:
    api = seen()
    answer = api.get(USAGE, headers={"Information-Mediator-Client": member}, userId=NIK, databaseId="jejak")
    assert is_problem(answer, 400, "bad-request")
    assert NIK not in answer.text


def test_a_person_that_may_not_be_asked_about_is_neither_shown_nor_denied() -> None:
    api = seen()
    api.door.refuses = "NOT_OWN"
    another = usage(api, userId="3571024101800002")
    assert is_problem(another, 403, "not-permitted")
    assert {**another.json(), "instance": ""} == {**usage(api).json(), "instance": ""}


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        ("AUDIT_UNAVAILABLE", 503, "not-on-record"),
        ("DISK_FULL", 503, "not-on-record"),
        ("CLOCK_WRONG", 503, "not-on-record"),
        ("WITNESSES_LATE", 503, "not-on-record"),
        ("READ_MODEL_UNAVAILABLE", 503, "not-on-record"),
        ("QUOTA_EXCEEDED", 429, "quota-exceeded"),
        ("NOT_FOUND", 404, "not-found"),
        ("OUTSIDE_AREA", 404, "not-found"),
        ("AGREEMENT_NOT_FOR_PLACE", 404, "not-found"),
        ("PURPOSE_NOT_OF_AGENCY", 403, "not-permitted"),
        ("SOMETHING_NEW", 403, "not-permitted"),
    ],
)
def test_a_refusal_of_the_gateway_has_its_problem(code: str, status: int, slug: str) -> None:
    api = seen()
    api.door.refuses = code
    answer = api.get(MINE)
    assert is_problem(answer, status, slug)
    assert (answer.json().get("code") == code) == (status != 404)


def test_somebody_of_elsewhere_is_told_from_nobody_by_no_word_and_no_time() -> None:
    answers = []
    for code in ("NOT_FOUND", "OUTSIDE_AREA", "AGREEMENT_NOT_FOR_PLACE"):
        api = seen()
        api.door.refuses = code
        began = time.monotonic()
        answer = api.get(USAGE, OFFICER, MEDIATOR, userId=NIK, databaseId="jejak")
        assert time.monotonic() - began >= STEP_SECONDS
        kept = {name: value for name, value in answer.headers.items() if name != "date"}
        answers.append((answer.status_code, {**answer.json(), "instance": ""}, kept))
    assert answers[0] == answers[1] == answers[2]


@given(st.floats(0, 60), st.floats(0, 0.02))
def test_what_a_read_of_the_database_takes_does_not_show(asked: float, read: float) -> None:
    step = STEP_SECONDS
    told = [elapsed + seconds_left(elapsed) for elapsed in (asked, asked + read)]
    assert [round(at / step, 6) for at in told] == [round(round(at / step), 6) for at in told]
    if asked % step + read < step:  # in one step, as nearly all are: it is many times as long as a read
        assert told[0] == pytest.approx(told[1])


@pytest.mark.parametrize("path", sorted(PATHS))
@pytest.mark.parametrize(("token", "status"), [("", 401), ("expired", 401), ("away", 503)])
def test_every_route_asks_who_calls(path: str, token: str, status: int) -> None:
    answer = EMPTY.get(path, token, {**MEDIATOR, **WHY}, **required(path))
    assert is_problem(answer, status, "not-authenticated" if status == 401 else "not-on-record")
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_route_refuses_a_parameter_that_it_has_not(path: str) -> None:
    answer = EMPTY.get(path, OFFICER, {**MEDIATOR, **WHY}, **required(path), nik=NIK)
    assert is_problem(answer, 400, "bad-request")
    assert NIK not in answer.text


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_route_offers_reading_alone(path: str) -> None:
    assert is_problem(EMPTY._client.post(path), 405, "method-not-allowed")


def test_a_route_that_is_not_there_is_a_problem_too() -> None:
    assert is_problem(EMPTY.get("/v2"), 404, "not-found")


def required(path: str) -> dict[str, str]:
    return {USAGE: {"userId": NIK, "databaseId": "jejak"}, OF_ACCESSOR: {"actor": ACTOR}}.get(path, {})


def test_an_officer_has_no_trail_of_their_own_to_ask_for() -> None:
    assert is_problem(seen().get(MINE, OFFICER), 403, "not-permitted")


def test_an_agency_reads_its_own_use_for_a_purpose() -> None:
    api = seen()
    found = api.get(OF_AGENCY, OFFICER, WHY, day=day_of(NOW)).json()
    assert [(line["became"], line["persons"]) for line in found["items"]] == [("DISCLOSED", 2)]
    assert api.door.asked == [(Purpose("PENGAWASAN_INTERNAL"), TrailOfAgency(AGENCY))]


def test_an_accessors_day_goes_on_at_a_cursor_of_that_list_alone() -> None:
    api = Api(projected(on_topic([intent(seq, bytes([seq]) * 16) for seq in range(1, 4)])))
    first = api.get(OF_ACCESSOR, OFFICER, WHY, actor=ACTOR, limit=2).json()
    rest = api.get(OF_ACCESSOR, OFFICER, WHY, actor=ACTOR, after=first["next"]).json()
    assert [len(part["items"]) for part in (first, rest)] == [2, 1]
    assert is_problem(api.get(OF_AGENCY, OFFICER, WHY, after=first["next"]), 400, "bad-request")
    assert is_problem(api.get(OF_ACCESSOR, OFFICER, WHY, actor=ACTOR, day="31-07-2025"), 400, "bad-request")


def test_a_receipt_is_for_whom_the_line_is_about() -> None:
    api = seen()
    assert is_problem(api.get(f"/v1/accesses/{bytes(16).hex()}/receipt"), 404, "not-found")
    assert is_problem(api.get("/v1/accesses/zz/receipt"), 400, "bad-request")
    pending = Api(projected(on_topic([intent(), disclosure(3, MY_REF)], first=100)))
    assert is_problem(pending.get(f"/v1/accesses/{(3).to_bytes(16, 'big').hex()}/receipt"), 409, "receipt-pending")


def test_what_a_request_adds_to_the_record_is_its_id_its_trace_and_its_network() -> None:
    api = seen()
    answer = api.get(MINE, headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert answer.status_code == 200
    (caller,) = api.door.callers
    assert (caller.channel, caller.trace_id, len(caller.request_id)) == ("API", "a" * 32, 36)


def test_a_fault_is_answered_and_logged_without_a_word_of_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)
    api = seen()
    api.door.fault = RuntimeError(f"what was asked for is {NIK}")
    try:
        answer = usage(api)
    finally:
        logging.getLogger().removeHandler(handler)
    assert is_problem(answer, 500, "fault")
    said = "".join((written.getvalue(), *capsys.readouterr()))
    assert "RuntimeError" in said
    assert NIK not in said + answer.text


def test_the_walk_over_every_route_finds_them() -> None:
    assert {USAGE, MINE, DATA, OF_AGENCY, OF_ACCESSOR} < PATHS


def test_every_problem_has_its_section_in_the_documents() -> None:
    page = (DOCS / "problems.md").read_text()
    for problem in PROBLEMS:
        assert f"## {problem.slug}\n" in page
        assert problem.title in page


@pytest.mark.parametrize("token", [CITIZEN, OFFICER])
@pytest.mark.parametrize("said", [None, "", "CU RIOSITY"])
def test_the_purpose_that_is_named_or_not_is_for_the_door_to_judge(token: str, said: str | None) -> None:
    api = seen()
    api.door.refuses = "PURPOSE_UNKNOWN"
    assert is_problem(api.get(OF_AGENCY, token, {} if said is None else {"Jejak-Purpose": said}), 403, "not-permitted")
    assert [purpose.code for purpose, _ in api.door.asked] == [said or ""]


IMPLAUSIBLE = ["ff" * 16, "f" * 12 + "7" + "0" * 19, "00" * 16, "0" * 12 + "7" + "0" * 19, "0197" + "4" * 28]


@pytest.mark.parametrize("event", IMPLAUSIBLE)
def test_a_receipt_of_what_no_gateway_can_have_given_is_asked_of_the_door_all_the_same(event: str) -> None:
    api = seen()
    assert is_problem(api.get(f"/v1/accesses/{event}/receipt", OFFICER, WHY), 404, "not-found")
    assert api.door.asked == [(Purpose("PENGAWASAN_INTERNAL"), TrailEntry(bytes.fromhex(event), AGENCY))]


def test_an_agency_gets_the_receipt_of_its_own_look() -> None:
    look = uuid_at(NOW)
    api = Api(projected(on_topic([intent(1, look)])))
    answer = api.get(f"/v1/accesses/{look.hex()}/receipt", OFFICER, WHY)
    assert (answer.status_code, answer.text) == (200, "proof of 3/0")


def uuid_at(at: int) -> bytes:
    """Return a UUIDv7 of this moment, in microseconds."""
    return (at // 1_000).to_bytes(6, "big") + b"\x70\x00\x80" + bytes(7)
