"""The API over the real door: the digest on record is of the very bytes that a client received, to the last one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.gateway.trail import Trails
from consumers.read_model.rows import day_of
from tests.unit.api_rig import MEDIATOR, NIK, Log
from tests.unit.test_gateway_disclosure import CALLER, EPOCH_KEY, NOW, PERSONS
from tests.unit.test_gateway_door import SUPERVISOR, House
from tests.unit.test_trail_through_door import CITIZEN, MINUTE, Projected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumers.gateway.request import Caller

OWN_USE = {"Jejak-Purpose": "PENGAWASAN_INTERNAL"}
TODAY = day_of(NOW)
CALLERS = {"citizen": CITIZEN, "supervisor": SUPERVISOR, "outsider": replace(CALLER, agency_id="dinsos/35.78")}


class Served:
    """A house whose trail the API serves."""

    def __init__(self, house: House) -> None:
        self.house = house
        trails = Trails(
            house.door, Projected(house), house.room.registry, lambda: [EPOCH_KEY], Log(), lambda: NOW + MINUTE
        )

        def known(token: str, certificate: bytes | None) -> Caller:
            del certificate
            return CALLERS[token]

        service = Service(known, lambda _: PERSONS[0], trails, Cursors(bytes(32)), lambda: TODAY)
        self._client = TestClient(application(service), raise_server_exceptions=False)

    def get(self, path: str, token: str, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", **MEDIATOR, **OWN_USE}
        return self._client.get(path, params=query, headers=headers)

    def outcomes(self) -> list[tuple[int, bytes]]:
        """Return of each answer on record how many bytes were sent, and their digest."""
        made = [one for one in self.house.entries if type(one).__name__ == "AccessOutcome"]
        return [(one.byte_count, one.response_digest) for one in made]


@pytest.fixture
def served() -> Iterator[Served]:
    house = House()
    house.look()
    yield Served(house)
    house.room.log.close()


def on_record(body: bytes) -> tuple[int, bytes]:
    return len(body), EPOCH_KEY.response_digest(hashlib.sha256(body).digest())


@pytest.mark.parametrize(
    ("path", "token", "query"),
    [
        ("/v1/me/accesses", "citizen", {}),
        ("/v1/me/accesses", "citizen", {"limit": 1}),
        ("/data/myPersonalDataUsage", "citizen", {"userId": NIK, "databaseId": "jejak"}),
        ("/v1/accesses/agency", "supervisor", {}),
        ("/v1/accesses/accessor", "supervisor", {"actor": CALLER.actor_ref}),
    ],
)
def test_the_digest_on_record_is_of_the_bytes_that_were_sent(
    served: Served, path: str, token: str, query: dict[str, Any]
) -> None:
    answer = served.get(path, token, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()
    assert served.outcomes()[-1] == on_record(answer.content)
    assert served.outcomes()[-1] != on_record(answer.content + b"\n")


def test_the_digest_of_a_receipt_is_of_its_text(served: Served) -> None:
    line = served.get("/v1/me/accesses", "citizen").json()["items"][-1]
    answer = served.get(line["receipt"], "citizen")
    assert answer.status_code == 200, answer.text
    assert served.outcomes()[-1] == on_record(answer.content)


def test_data_and_trail_in_one_answer_are_each_on_record_as_they_stand_in_it(served: Served) -> None:
    body = served.get("/v1/me/data", "citizen").content
    said = json.loads(body)
    assert set(said) == {"data", "data_refused", "accesses"}
    opened, _, rest = body.removeprefix(b'{"data":').partition(b',"data_refused":')
    accesses = rest.partition(b',"accesses":')[2].removesuffix(b"}")
    assert json.loads(accesses) == said["accesses"]
    of_data, of_trail = served.outcomes()[-2:]
    assert of_trail == on_record(accesses)
    if said["data"] is None:
        assert said["data_refused"]
        assert of_data == on_record(b"")
    else:
        assert json.loads(opened) == said["data"]
        assert of_data == on_record(opened)


@pytest.mark.parametrize(("path", "query"), [
    ("/data/myPersonalDataUsage", {"userId": NIK, "databaseId": "jejak"}),
    ("/v1/accesses/accessor", {"actor": "nobody", "agency": "dinsos/35.71"}),
])  # fmt: skip
def test_of_a_refusal_nothing_is_on_record_as_sent(served: Served, path: str, query: dict[str, Any]) -> None:
    assert served.get(path, "outsider", **query).status_code in {403, 404}
    assert served.outcomes()[-1] == on_record(b"")
