"""Reading the audit is audited: entries leave the log's server, and receipts the command line, once on record."""

from __future__ import annotations

import json
import pickle
import threading
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from consumers.auditor import receipt, verify
from consumers.auditor.source import Address, Directory, Unreadable
from consumers.auditor.verify import Wishes
from consumers.gateway.authentication import Authenticator, NotAuthenticated, TrustedIssuer
from consumers.gateway.request import Purpose, Withheld
from consumers.gateway.token_keys import IssuerKeys
from consumers.issuer.tokens import Issuer, Subject
from consumers.log.app import EntriesAsked, application
from consumers.log.directory import LogDirectory
from consumers.log.paths import EntryBundle
from jejak.audit import log_serving, own_receipt, trail
from jejak.audit.log_serving import OPEN_SECONDS, RANGE, Readings
from jejak.audit.verifying import AccessToken, is_own, log_of
from jejak.settings import Settings
from schemas import records
from schemas.quorum import parse_policy
from tests.unit.audit_log_oracle import Gateway, NaiveLog, made, policy
from tests.unit.test_gateway_door import AUDITOR, OVERSIGHT, OWN_USE, SUPERVISOR, House

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

NAME, AUDIENCE, NOW = "https://issuer.example", "jejak-gateway", 1_800_000_000
ISSUER = Issuer(NAME, AUDIENCE, bytes(range(32)))
BPK = Subject("audit-tool", "bpk", "auditor", "auditor-1", "HIGH")
DINSOS = Subject("sik-ng", "dinsos/35.71", "supervisor", "officer-9", "HIGH")
EXTERNAL, INTERNAL = "PENGAWASAN_EKSTERNAL", "PENGAWASAN_INTERNAL"
TRUSTED = parse_policy(policy().encode())
SIZE = 600


class Server:
    """A log of some entries behind the real door and the real check of tokens, and clocks that are set."""

    def __init__(self, folder: Path) -> None:
        self.house = House()
        self.seconds, self.wall = 0.0, float(NOW)
        made(SIZE, rounds=3).write(folder)
        trusted = TrustedIssuer(NAME, AUDIENCE, IssuerKeys(ISSUER.keys), ("Ed25519",))
        self.authenticator = Authenticator([trusted], now=lambda: self.wall)
        readings = Readings(self.authenticator.authenticate, self.house.door, lambda: self.seconds)
        self.web = TestClient(application(LogDirectory(folder), readings), raise_server_exceptions=False)

    def token(self, subject: Subject = BPK, number: int = 1) -> str:
        return ISSUER.issue(subject, int(self.wall), f"t-{number}")

    def get(self, path: str, token: str = "", purpose: str = EXTERNAL) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer: httpx.Response = self.web.get(
            f"/tile/entries/{path}", headers=headers | ({"Jejak-Purpose": purpose} if purpose else {})
        )
        return answer

    @property
    def intents(self) -> list[Any]:
        return [entry for entry in self.house.entries if isinstance(entry, records.AccessIntent)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "log")
    yield found
    found.house.room.broker.away = False
    found.house.room.log.close()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json().get("code", "")


def test_a_bundle_leaves_once_its_reading_is_on_record_with_who_and_why(server: Server) -> None:
    assert server.get("000", server.token()).status_code == 200
    intent, outcome = server.house.entries
    assert (intent.action, intent.agency_id, intent.actor_ref, intent.purpose_code) == (
        "AUDIT_READ", "bpk", "auditor-1", EXTERNAL,
    )  # fmt: skip
    assert (intent.token_jti, intent.decision, intent.purpose_text) == (
        "t-1",
        "ALLOW",
        "entry bundles from 0, 64 of them",
    )
    assert (outcome.intent_id, str(outcome.outcome), outcome.result_count) == (intent.event_id, "DELIVERED", 1)


def test_the_other_bundles_of_a_range_leave_under_the_same_record_for_a_minute(server: Server) -> None:
    token = server.token()
    assert [server.get(path, token).status_code for path in ("000", "001", "002.p/88", "000")] == [200] * 4
    assert len(server.intents) == 1
    server.seconds += OPEN_SECONDS
    assert server.get("001", token).status_code == 200
    assert len(server.intents) == 2


def test_another_range_token_or_purpose_is_on_record_of_its_own(server: Server) -> None:
    server.get("000", server.token())
    server.get("000", server.token(number=2))
    server.get("000", server.token(), "KEAMANAN_INFORMASI")
    server.get(f"{RANGE:03d}", server.token())
    assert [(one.token_jti, one.purpose_code) for one in server.intents] == [
        ("t-1", EXTERNAL), ("t-2", EXTERNAL), ("t-1", "KEAMANAN_INFORMASI"), ("t-1", EXTERNAL),
    ]  # fmt: skip
    assert server.intents[-1].purpose_text == "entry bundles from 64, 64 of them"


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_without_a_token_no_entry_leaves(server: Server, token: str) -> None:
    answer = server.get("000", token)
    assert problem(answer) == (401, "TOKEN_MALFORMED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert server.house.entries == []


def test_a_token_opens_nothing_after_its_five_minutes_even_within_a_range_that_is_open(server: Server) -> None:
    token = server.token()
    assert server.get("000", token).status_code == 200
    server.wall += 301
    assert problem(server.get("000", token)) == (401, "TOKEN_EXPIRED")


def test_an_issuer_that_is_away_is_no_fault_of_the_token(server: Server) -> None:
    readings = Readings(lambda *_: NotAuthenticated("ISSUER_UNAVAILABLE"), server.house.door)
    refusal = readings(EntriesAsked("t", EXTERNAL, "", EntryBundle(0, 1)))
    assert refusal is not None
    assert refusal.status_code == 503


def test_a_bound_token_opens_entries_over_its_own_connection_alone(server: Server) -> None:
    heard: list[tuple[str, bytes | None]] = []

    def authenticate(token: str, certificate: bytes | None) -> NotAuthenticated:
        heard.append((token, certificate))
        return NotAuthenticated("TOKEN_NOT_BOUND")

    readings = Readings(authenticate, server.house.door)
    for certificate in (None, bytes(32)):
        refusal = readings(EntriesAsked("t", EXTERNAL, "", EntryBundle(0, 1), certificate))
        assert refusal is not None
        assert (refusal.status_code, json.loads(bytes(refusal.body))["code"]) == (401, "TOKEN_NOT_BOUND")
    assert heard == [("t", None), ("t", bytes(32))]
    assert server.intents == []


@pytest.mark.parametrize(("subject", "purpose", "code"), [
    (DINSOS, INTERNAL, "SCOPE_NOT_PERMITTED"),
    (DINSOS, EXTERNAL, "PURPOSE_NOT_OF_AGENCY"),
    (BPK, INTERNAL, "PURPOSE_NOT_OF_AGENCY"),
    (BPK, "CURIOSITY", "PURPOSE_UNKNOWN"),
    (replace(BPK, role="analyst"), EXTERNAL, "ROLE_NOT_PERMITTED"),
])  # fmt: skip
def test_whom_the_policies_do_not_let_read_all_gets_no_entry_and_that_is_on_record(
    server: Server, subject: Subject, purpose: str, code: str
) -> None:
    assert problem(server.get("000", server.token(subject), purpose)) == (403, code)
    assert [one.decision for one in server.intents] == ["DENY"]
    assert str(server.house.entries[-1].outcome) == "WITHHELD"


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ("", "PURPOSE_UNKNOWN"),
        ("lower", "PURPOSE_UNKNOWN"),
        ("X", "PURPOSE_UNKNOWN"),
        ("A B", "IDENTIFIER_MALFORMED"),
        ("P" * 70, "IDENTIFIER_MALFORMED"),
    ],
)
def test_a_reading_for_no_purpose_of_the_register_is_refused_and_on_record(
    server: Server, purpose: str, code: str
) -> None:
    assert problem(server.get("000", server.token(), purpose)) == (403, code)
    assert [(one.decision, one.determining_rules[0]) for one in server.intents] == [("DENY", code)]
    assert str(server.house.entries[-1].outcome) == "WITHHELD"


def test_what_can_not_be_put_on_record_does_not_leave(server: Server) -> None:
    server.house.room.broker.away = True
    server.house.room.log._deadline = 0.05
    assert problem(server.get("000", server.token())) == (503, "AUDIT_UNAVAILABLE")
    assert server.web.get("/tile/0/000").status_code == 200


def test_without_policies_nothing_leaves(server: Server) -> None:
    server.house.policies.append(None)
    assert problem(server.get("000", server.token())) == (503, "POLICIES_UNAVAILABLE")


def test_a_server_of_hashes_alone_gives_no_entry_to_anybody(server: Server, tmp_path: Path) -> None:
    web = TestClient(application(LogDirectory(tmp_path / "log"), log_serving.closed))
    headers = {"Authorization": f"Bearer {server.token()}", "Jejak-Purpose": EXTERNAL}
    assert problem(web.get("/tile/entries/000", headers=headers)) == (503, "AUDIT_UNAVAILABLE")
    assert web.get("/tile/0/000").status_code == 200


def test_many_readers_at_once_are_each_on_record(server: Server) -> None:
    answers: list[int] = []
    tokens = [server.token(number=number) for number in range(8)]
    threads = [
        threading.Thread(target=lambda t=token: answers.append(server.get("000", t).status_code)) for token in tokens
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * 8
    assert {one.token_jti for one in server.intents} == {f"t-{number}" for number in range(8)}


def address(server: Server, token: Any) -> Address:
    found = Address("http://testserver", token)
    found.__dict__["_client"] = server.web
    return found


def test_an_audit_over_http_goes_on_with_a_token_that_another_renews(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    read: list[str] = []

    def renewed() -> str:
        # each time that the token is asked for, six minutes have gone by and somebody wrote a new one
        server.wall += 360
        file.write_text(f"{server.token(number=len(read))}\n")
        read.append(AccessToken(Settings(), file)())
        return read[-1]

    found = verify.verify(address(server, renewed), TRUSTED, Wishes(decode=False))
    assert (found.broken, found.figures.entries) == (None, SIZE)
    assert len(read) == len(server.intents) == 3
    # and with one that nobody renews it ends, as what it is
    server.wall += 360
    with pytest.raises(Unreadable, match=r"401 \(TOKEN_EXPIRED\)"):
        verify.verify(address(server, read[0]), TRUSTED, Wishes(decode=False))


def test_a_token_file_that_is_not_there_is_told_without_a_word_of_it(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="FileNotFoundError"):
        AccessToken(Settings(), tmp_path / "none")()


def test_a_reader_of_an_address_takes_its_token_along_into_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("abc\n")
    monkeypatch.setenv("JEJAK_TOKEN_FILE", str(tmp_path / "token"))
    for found in (
        log_of(Settings(), "http://log.example"),
        log_of(Settings(), "http://log.example", tmp_path / "token"),
    ):
        again = pickle.loads(pickle.dumps(found))  # noqa: S301  of our own making
        assert (again.token(), again.purpose) == ("abc", EXTERNAL)
        assert "abc" not in repr(again)


@pytest.fixture
def looks(tmp_path: Path) -> tuple[Directory, list[list[bytes]]]:
    """A log of two looks, of dinsos/35.71 and of an agency elsewhere, and what belongs to no look."""
    log, gateway = NaiveLog(1), Gateway("a-1")
    values = [[*gateway.look(agency="dinsos/35.71")], [*gateway.look(agency="dinsos/35.78")], [gateway.heartbeat()]]
    log.add_round([[value for some in values for value in some]])
    return Directory(log.write(tmp_path / "audit-log")), values


def asked(house: House, log: Directory, offset: int, caller: Any = SUPERVISOR, purpose: Purpose = OWN_USE) -> Any:
    return own_receipt.receipt(log, house.door, caller, purpose, (0, offset), TRUSTED)


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_receipt_of_our_own_log_is_given_once_its_reading_is_on_record(
    server: Server, looks: tuple[Directory, list[list[bytes]]], offset: int
) -> None:
    found = asked(server.house, looks[0], offset)
    assert isinstance(found, receipt.Receipt)
    assert receipt.check(found.format().encode(), TRUSTED).holds
    (intent,) = server.intents
    assert (intent.action, intent.decision, intent.agency_id) == ("AUDIT_READ", "ALLOW", "dinsos/35.71")
    assert server.house.entries[-1].result_count == 1


@pytest.mark.parametrize(("offset", "code"), [(3, "NOT_OWN"), (5, "NOT_OWN"), (6, "SCOPE_NOT_PERMITTED")])
def test_no_agency_has_a_receipt_of_what_is_not_its_own(
    server: Server, looks: tuple[Directory, list[list[bytes]]], offset: int, code: str
) -> None:
    assert asked(server.house, looks[0], offset) == Withheld(code)
    assert [one.decision for one in server.intents] == ["DENY"]
    assert isinstance(asked(server.house, looks[0], offset, AUDITOR, OVERSIGHT), receipt.Receipt)


def test_a_receipt_is_withheld_while_its_reading_can_not_be_on_record(
    server: Server, looks: tuple[Directory, list[list[bytes]]]
) -> None:
    server.house.room.broker.away = True
    server.house.room.log._deadline = 0.05
    assert asked(server.house, looks[0], 0) == Withheld("AUDIT_UNAVAILABLE")


def test_an_entry_by_its_event_id_is_found_and_one_that_is_not_there_is_pending(
    server: Server, looks: tuple[Directory, list[list[bytes]]]
) -> None:
    log = looks[0]
    known = asked(server.house, log, 1)
    event_id = known.entry[receipt._EVENT_ID]
    again = own_receipt.receipt(log, server.house.door, SUPERVISOR, OWN_USE, event_id, TRUSTED)
    assert again == known
    missing = own_receipt.receipt(log, server.house.door, AUDITOR, OVERSIGHT, bytes(16), TRUSTED)
    assert missing == receipt.NotYet(0)
    assert len(server.intents) == 3


def test_our_own_log_is_known_by_any_path_and_no_address_is_it(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "audit-log")
    assert all(is_own(settings, where) for where in ("", str(tmp_path / "audit-log"), str(tmp_path / "x/../audit-log")))
    assert is_own(settings, str(tmp_path / "link"))
    assert not any(is_own(settings, where) for where in (str(tmp_path / "copy"), "http://127.0.0.1:8310"))


def alert(number: int, agency: str) -> records.UnusualUseDetected:
    blank: dict[str, Any] = dict.fromkeys(field.name for field in fields(records.UnusualUseDetected))
    said = {"alert_id": bytes([number] * 16), "agency_id": agency, "detected_at": number}
    return records.UnusualUseDetected(**(blank | said))


def test_alerts_are_shown_once_reading_them_is_on_record_and_an_agency_has_its_own_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = [alert(3, "dinsos/35.71"), alert(2, "dinsos/35.78"), alert(1, "dinsos/35.71")]
    monkeypatch.setattr(trail, "raised", lambda _: raised)

    def shown(caller: Any, purpose: Purpose, agency: str = "", limit: int = 100) -> Any:
        return trail.alerts("broker", server.house.door, caller, purpose, agency, limit)

    assert shown(SUPERVISOR, OWN_USE, "dinsos/35.71") == (raised[0], raised[2])
    assert shown(SUPERVISOR, OWN_USE, "dinsos/35.78") == Withheld("NOT_OWN")
    assert shown(SUPERVISOR, OWN_USE) == Withheld("SCOPE_NOT_PERMITTED")
    assert shown(AUDITOR, OVERSIGHT, limit=2) == tuple(raised[:2])
    assert [one.decision for one in server.intents] == ["ALLOW", "DENY", "DENY", "ALLOW"]
    server.house.room.broker.away = True
    server.house.room.log._deadline = 0.05
    assert shown(AUDITOR, OVERSIGHT) == Withheld("AUDIT_UNAVAILABLE")
