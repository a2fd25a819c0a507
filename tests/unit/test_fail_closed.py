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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from fastapi.testclient import TestClient

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.problems import of_code
from consumers.api.service import Service
from consumers.gateway.authentication import SERVER_AWAY, NotAuthenticated
from consumers.gateway.request import Caller, FamilyDisclosed, Purpose, Withheld
from consumers.read_model.rows import day_of
from tests.unit.test_gateway_disclosure import NOW, PERSONS
from tests.unit.test_gateway_door import House
from tests.unit.test_trail_through_door import CITIZEN, trails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas import records

BOUND_SECONDS = 3.0  # of a refusal
NOT_ON_RECORD = (503, "not-on-record")
MINE = "/v1/me/accesses"


class Site:
    """A house, and the API before its trail; each look and each request must be refused soon."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.house.room.log._deadline = 1.0
        self.caller: Caller | NotAuthenticated = CITIZEN
        served = Service(
            lambda _token, _certificate: self.caller,
            lambda nik: nik,
            trails(house),
            Cursors(bytes(32)),
            lambda: day_of(NOW),
        )
        self._client = TestClient(application(served), raise_server_exceptions=False)

    def asked(self) -> Any:
        began = time.monotonic()
        answer = self._client.get(MINE, headers={"Authorization": "Bearer token"})
        assert time.monotonic() - began < BOUND_SECONDS
        return answer

    def refuses_the_trail(self, code: str, told: tuple[int, str] = NOT_ON_RECORD) -> None:
        answer = self.asked()
        said = answer.json()
        assert (answer.status_code, said["type"], said["code"]) == (told[0], f"/problems/{told[1]}", code)
        assert "retry-after" in answer.headers
        assert PERSONS[0] not in answer.text
        assert "data" not in said

    def refuses_a_look(self, code: str, told: tuple[int, str] = NOT_ON_RECORD, **asked: Any) -> None:
        began = time.monotonic()
        answer = self.house.look(**asked)
        assert time.monotonic() - began < BOUND_SECONDS
        assert answer == Withheld(code)
        problem = of_code(code).problem
        assert (problem.status, problem.slug) == told
        assert "SubjectDisclosure" not in self.house.kinds()

    def refuses(self, code: str) -> None:
        self.refuses_a_look(code)
        self.refuses_the_trail(code)


@pytest.fixture
def site() -> Iterator[Site]:
    house = House()
    yield Site(house)
    house.room.broker.away = False
    house.room.log.close()


def test_while_everything_is_there_looks_and_trails_are_shown(site: Site) -> None:
    assert isinstance(site.house.look(), FamilyDisclosed)
    assert site.asked().status_code == 200


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


def test_an_outcome_that_can_not_be_written_after_the_read_shows_nothing_and_the_intent_stands(site: Site) -> None:
    room = site.house.room

    def gone(family_id: str) -> records.FamilyState | None:
        room.broker.away = True
        return room.registry.state

    room.registry.family = gone  # type: ignore[method-assign]
    began = time.monotonic()
    assert site.house.look() == Withheld("AUDIT_UNAVAILABLE")
    assert time.monotonic() - began < BOUND_SECONDS
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
    }


def failing(number: int) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def on_record(site: Site) -> tuple[str, str, str]:
    """Return the last look's decision, outcome and reason."""
    intent, outcome = site.house.entries[-2:]
    assert outcome.intent_id == intent.event_id
    return intent.decision, outcome.outcome, outcome.reason
