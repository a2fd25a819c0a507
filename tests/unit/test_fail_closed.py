"""What is away, row by row: nothing is shown, at the command line as over HTTP, and that is told soon and by its name.

The table in docs/problems.md names the test of each row. The door, its gateway, its write-ahead file, the trail and the
API are real; broker, read model, key store and token server are played.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from fastapi.testclient import TestClient

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.problems import of_code
from consumers.api.service import Service
from consumers.gateway.agreements import FollowedAgreements
from consumers.gateway.authentication import SERVER_AWAY, NotAuthenticated
from consumers.gateway.request import Caller, FamilyDisclosed, Purpose, Withheld
from consumers.gateway.waiting import left_to_read
from consumers.read_model.rows import day_of
from jejak.settings import Settings
from tests.unit.test_gateway_disclosure import NOW, PERSONS, PURPOSE
from tests.unit.test_gateway_door import SUPERVISOR, House
from tests.unit.test_trail_through_door import CITIZEN, trails
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas import records

BOUND_SECONDS = 3.0  # of a refusal
NOT_ON_RECORD = (503, "not-on-record")
SHIPPED_SECONDS = Settings.model_fields["audit_seconds"].default
SHIPPED_READ_SECONDS = Settings.model_fields["read_seconds"].default
TURN_SECONDS = 0.02
MINE, MY_DATA = "/v1/me/accesses", "/v1/me/data"
AGREED = Purpose(PURPOSE.code, agreement_id="a-1")


class Site:
    """A house, and the API before its trail; each look and each request must be refused soon, as it is shipped."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.house.room.log._deadline = SHIPPED_SECONDS
        self.caller: Caller | NotAuthenticated = CITIZEN
        served = Service(
            lambda _token, _certificate: self.caller,
            lambda nik: nik,
            trails(house),
            Cursors(bytes(32)),
            lambda: day_of(NOW),
        )
        self._client = TestClient(application(served), raise_server_exceptions=False)

    def asked(self, url: str = MINE, headers: dict[str, str] | None = None) -> Any:
        with soon():
            return self._client.get(url, headers={"Authorization": "Bearer token", **(headers or {})})

    def refuses_the_trail(self, code: str, told: tuple[int, str] = NOT_ON_RECORD, url: str = MINE) -> None:
        answer = self.asked(url)
        said = answer.json()
        assert (answer.status_code, said["type"], said["code"]) == (told[0], f"/problems/{told[1]}", code)
        assert "retry-after" in answer.headers
        assert PERSONS[0] not in answer.text
        assert "data" not in said

    def refuses_a_look(self, code: str, told: tuple[int, str] = NOT_ON_RECORD, **asked: Any) -> None:
        with soon():
            answer = self.house.look(**asked)
        assert answer == Withheld(code)
        problem = of_code(code).problem
        assert (problem.status, problem.slug) == told
        assert "SubjectDisclosure" not in self.house.kinds()

    def refuses(self, code: str) -> None:
        """Ask at the door and over HTTP, all at once: each waits for as long as it may."""
        with ThreadPoolExecutor() as pool:
            asked = [
                pool.submit(self.refuses_a_look, code),
                *(pool.submit(self.refuses_the_trail, code, url=url) for url in (MINE, MY_DATA)),
            ]
        for one in asked:
            one.result()


@contextmanager
def soon() -> Iterator[None]:
    """Have what is within end in time; for how long the machine let nothing of this process run is not counted."""
    over, stalled = threading.Event(), [0.0]

    def watch() -> None:
        while not over.is_set():
            began = time.monotonic()
            over.wait(TURN_SECONDS)
            stalled[0] += max(time.monotonic() - began - 2 * TURN_SECONDS, 0.0)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    over.set()
    watching.join()
    assert took - stalled[0] < BOUND_SECONDS


@pytest.fixture
def site() -> Iterator[Site]:
    house = House()
    yield Site(house)
    house.room.broker.away = False
    house.room.log.close()


def test_while_everything_is_there_looks_and_trails_are_shown(site: Site) -> None:
    assert isinstance(site.house.look(), FamilyDisclosed)
    assert [site.asked(url).status_code for url in (MINE, MY_DATA)] == [200, 200]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync"])
def test_a_write_ahead_file_that_can_not_be_written_shows_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(os, call, failing(errno.EIO))
    site.refuses("AUDIT_UNAVAILABLE")
    assert site.house.entries == []


def test_a_disk_that_hangs_shows_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    over, real = threading.Event(), os.fdatasync

    def hanging(descriptor: int) -> None:
        over.wait(30)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", hanging)
    site.refuses("AUDIT_UNAVAILABLE")
    over.set()


def test_a_full_disk_shows_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing(errno.ENOSPC))
    site.refuses("DISK_FULL")


def test_a_broker_that_is_away_or_lacks_a_replica_shows_nothing(site: Site) -> None:
    """A replica too few looks the same from here: the acknowledgement of all does not come in time."""
    site.house.room.broker.away = True
    site.refuses("AUDIT_UNAVAILABLE")
    assert site.house.room.registry.read_after == []


@pytest.mark.parametrize("off_us", [5_001_000, -5_001_000])
def test_a_clock_more_than_five_seconds_wrong_shows_nothing(site: Site, off_us: int) -> None:
    site.house.room.log._now = lambda: NOW + off_us
    site.refuses("CLOCK_WRONG")


def test_a_token_server_that_is_away_shows_nothing(site: Site) -> None:
    site.caller = NotAuthenticated(SERVER_AWAY)
    site.refuses_the_trail(SERVER_AWAY)
    assert site.house.entries == []


def test_a_key_store_that_is_away_shows_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OperationTimedOut

    monkeypatch.setattr(site.house.room.keys, "key", away)
    site.refuses_a_look("KEYS_UNAVAILABLE")
    assert (site.house.entries[-1].outcome, site.house.entries[-1].reason) == ("FAILED", "KEYS_UNAVAILABLE")


def test_a_read_model_that_is_away_shows_nothing(site: Site) -> None:
    site.house.room.registry.fault = OperationTimedOut()
    site.refuses_a_look("READ_MODEL_UNAVAILABLE")


def test_policies_that_are_away_show_nothing(site: Site) -> None:
    site.house.policies.append(None)
    site.refuses("POLICIES_UNAVAILABLE")


def test_an_unknown_purpose_is_refused_and_the_refusal_is_on_record(site: Site) -> None:
    site.refuses_a_look("PURPOSE_UNKNOWN", (403, "not-permitted"), purpose=Purpose("CURIOSITY"))
    assert on_record(site) == ("DENY", "WITHHELD", "PURPOSE_UNKNOWN")


@pytest.mark.parametrize(
    ("said", "code"), [(None, "PURPOSE_UNKNOWN"), ("lower", "PURPOSE_UNKNOWN"), ("A B", "IDENTIFIER_MALFORMED")]
)
def test_a_purpose_that_is_missing_or_malformed_over_http_is_refused_on_record(
    site: Site, said: str | None, code: str
) -> None:
    site.caller = SUPERVISOR
    answer = site.asked("/v1/accesses/agency", {} if said is None else {"Jejak-Purpose": said})
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert on_record(site) == ("DENY", "WITHHELD", code)


@pytest.mark.parametrize("event", ["ff" * 16, "00" * 16, "f" * 12 + "7" + "0" * 19])
def test_a_receipt_of_an_event_that_no_gateway_gave_is_refused_on_record(site: Site, event: str) -> None:
    site.caller = SUPERVISOR
    answer = site.asked(f"/v1/accesses/{event}/receipt", {"Jejak-Purpose": "PENGAWASAN_INTERNAL"})
    assert answer.status_code == 404
    assert on_record(site)[0] == "ALLOW"


def test_a_policy_that_can_not_be_evaluated_refuses_and_the_refusal_is_on_record(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError

    monkeypatch.setattr("cedarpy.is_authorized", broken)
    answer = site.house.look()
    assert isinstance(answer, Withheld)
    assert of_code(answer.code).problem.status == 403
    assert on_record(site) == ("DENY", "WITHHELD", answer.code)


def test_an_agreement_that_is_not_active_is_refused_and_the_refusal_is_on_record(site: Site) -> None:
    site.house.granted.made = []
    answer = site.house.export()
    assert isinstance(answer, Withheld)
    assert of_code(answer.code).problem.status == 403
    assert on_record(site) == ("DENY", "WITHHELD", answer.code)


def test_witnesses_that_are_late_for_longer_than_the_grace_show_nothing(site: Site) -> None:
    site.house.room.log._forbidden = lambda: "WITNESSES_LATE"
    site.refuses("WITNESSES_LATE")


@pytest.mark.parametrize("away", [False, True])
def test_agreements_that_are_not_known_show_nothing(site: Site, monkeypatch: pytest.MonkeyPatch, *, away: bool) -> None:
    """The broker hangs over the agreements alone, or over the record too: the waits add up to no more than one."""
    monkeypatch.setattr(kafka, "reader", lambda *_, **__: Silent())
    monkeypatch.setattr(kafka, "admin", lambda *_: None)
    monkeypatch.setattr(kafka, "require_answer", lambda *_: None)
    monkeypatch.setattr(kafka, "partitions", lambda *_: (0,))
    site.house.room.broker.away = away
    with FollowedAgreements("nowhere", known_seconds=SHIPPED_SECONDS / 2) as followed:
        monkeypatch.setattr(site.house.granted, "active", followed.active)
        site.refuses_a_look("AUDIT_UNAVAILABLE" if away else "AGREEMENTS_UNAVAILABLE", purpose=AGREED)


def test_a_record_that_is_slow_before_the_read_leaves_less_time_after_it(site: Site) -> None:
    """Intent, what is known of checkpoints and outcome share one deadline."""
    room = site.house.room

    def slowly_then_gone(family_id: str) -> records.FamilyState | None:
        room.broker.away = True
        return room.registry.state

    room.registry.family = slowly_then_gone  # type: ignore[method-assign]
    room.broker.away = True
    threading.Timer(0.9 * SHIPPED_SECONDS, setattr, (room.broker, "away", False)).start()
    with soon():
        assert site.house.look() == Withheld("AUDIT_UNAVAILABLE")
    assert site.house.kinds()[0] == "AccessIntent"


@pytest.mark.parametrize("slow", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("away", [False, True])
def test_a_database_that_hangs_after_a_slow_record_is_told_in_time(site: Site, slow: float, *, away: bool) -> None:
    """The broker is slow over the intent, the database hangs, and the outcome finds a broker or none."""
    room = site.house.room

    def hangs(family_id: str) -> records.FamilyState | None:
        room.broker.away = away
        time.sleep(left_to_read(SHIPPED_READ_SECONDS))
        raise OperationTimedOut

    room.registry.family = hangs  # type: ignore[method-assign]
    room.broker.away = bool(slow)
    threading.Timer(slow * SHIPPED_SECONDS, setattr, (room.broker, "away", False)).start()
    with soon():
        answer = site.house.look()
    told = "AUDIT_UNAVAILABLE" if away or slow > 0.5 else "READ_MODEL_UNAVAILABLE"
    assert answer == Withheld(told)
    assert site.house.kinds()[0] == "AccessIntent"


def test_an_outcome_that_can_not_be_written_after_the_read_shows_nothing_and_the_intent_stands(site: Site) -> None:
    room = site.house.room

    def gone(family_id: str) -> records.FamilyState | None:
        room.broker.away = True
        return room.registry.state

    room.registry.family = gone  # type: ignore[method-assign]
    with soon():
        assert site.house.look() == Withheld("AUDIT_UNAVAILABLE")
    assert site.house.kinds()[0] == "AccessIntent"
    assert site.house.entries[0].decision == "ALLOW"


def test_every_row_of_the_documents_is_a_test_here() -> None:
    page = (Path(__file__).parents[2] / "docs" / "problems.md").read_text("utf-8")
    named = set(re.findall(r"`(test_[a-z_]+)`", page))
    here = {name for name in globals() if name.startswith("test_")}
    assert named
    assert named <= here
    assert here - named == {
        "test_every_row_of_the_documents_is_a_test_here",
        "test_while_everything_is_there_looks_and_trails_are_shown",
        "test_a_receipt_of_an_event_that_no_gateway_gave_is_refused_on_record",
        "test_a_record_that_is_slow_before_the_read_leaves_less_time_after_it",
        "test_a_database_that_hangs_after_a_slow_record_is_told_in_time",
    }


class Silent:
    """A reader whose broker answered about the topic, and then no more."""

    def assign(self, *_: Any) -> None: ...

    def consume(self, _: int, timeout: float) -> list[Any]:
        time.sleep(timeout)
        return []

    def close(self) -> None: ...


def failing(number: int) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def on_record(site: Site) -> tuple[str, str, str]:
    """Return the last look's decision, outcome and reason."""
    intent, outcome = site.house.entries[-2:]
    assert outcome.intent_id == intent.event_id
    return intent.decision, outcome.outcome, outcome.reason
