"""A request from its draft to a file handed over, on the real broker: decided by a worker that is killed on the way."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway import audit_log
from consumers.gateway.admission import Gate
from consumers.gateway.agreements import FollowedAgreements
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door, door
from consumers.gateway.request import Caller, Withheld
from consumers.read_model.queries import FamilyInRegion, FamilyPage
from identity.audit_reference import load_or_create_epoch_key
from identity.keys import InMemoryKeyStore
from jejak import composition
from jejak.audit import exports, requests
from jejak.composition import Registry
from jejak.settings import Settings
from schemas import catalogue, codec
from tests.integration.registry_rig import ROOT, wait_until
from tests.integration.test_gateway_real import FAMILY, PERSONS, OneFamily, audit_topic, entries
from tests.unit.request_scenarios import BAPPERIDA, DAY, DINSOS, DISKOMINFO, PAPERS, PLACE, digest
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

REQUESTER: Final = "opd/35.71"
PURPOSE: Final = "BERBAGI_PAKAI_DATA"
CALLER: Final = Caller(REQUESTER, "jejak-cli", "officer-7", "operator", "LOCAL_USER", "EXPORT", "r-1")


class OneList:
    """A list of the one family there is."""

    def families_in(self, *_: Any, after: Any = None, **__: Any) -> FamilyPage:
        found = FamilyInRegion("35.71.02", "35.71.02.1001", FAMILY, 0, "AKTIF")
        return FamilyPage(() if after else (found,), None)


@dataclass(frozen=True, slots=True)
class OneFamilys(Registry):
    """A registry whose read model holds one family, behind a door that asks for agreements."""

    folder: Path
    topic: str

    @contextmanager
    def door(self, *, under_agreement: bool = False) -> Iterator[Door]:
        bootstrap, keys = self.endpoints.kafka, InMemoryKeyStore()
        epoch = load_or_create_epoch_key(self.folder, 2025)
        producer = audit_log.producer(bootstrap)
        with (
            AuditLog(
                producer, "gw", self.topic, folder=self.folder / f"wal-{uuid.uuid4().hex}", deadline_seconds=10
            ) as log,
            FollowedAgreements(bootstrap) as agreements,
        ):
            if under_agreement:
                agreements.wait()
            families: Any = OneFamily(keys)
            yield door(families, keys, log, epoch, gate=Gate(agreements=agreements))

    def figures(self) -> Any:
        return OneList()


@contextmanager
def worker(stack: Endpoints, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Lend a running requests fold; it is killed at the end."""
    settings = {"JEJAK_KAFKA": stack.kafka, "JEJAK_CASSANDRA": stack.cassandra, "JEJAK_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "jejak.cli", "run", "requests"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


@pytest.fixture
def registry(stack: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneFamilys]:
    monkeypatch.setenv("JEJAK_KAFKA", stack.kafka)
    monkeypatch.setenv("JEJAK_CASSANDRA", stack.cassandra)
    settings = Settings(data=tmp_path / "data")
    with composition.connected(settings) as found:
        yield OneFamilys(settings, found.endpoints, found.session, found.serving, tmp_path, audit_topic(stack))


@pytest.fixture
def states(stack: Endpoints, registry: OneFamilys) -> Iterator[FollowedAgreements]:
    """Where requests stand, followed: what is asked often need not read the topic from its beginning each time."""
    del registry  # its topics exist
    with FollowedAgreements(stack.kafka) as followed:
        yield followed


class Said:
    """One request on the running registry."""

    def __init__(self, registry: OneFamilys, states: FollowedAgreements) -> None:
        self.registry = registry
        self.states = states
        self.request_id = requests.opened(REQUESTER, uuid.uuid4().hex)

    def __call__(self, agency: str, record: str, /, **fields: Any) -> None:
        requests.publish(self.registry, self.request_id, record, fields, agency=agency, actor="officer")

    @property
    def state(self) -> Any:
        return self.states.state(self.request_id)

    def reached(self, step: str) -> None:
        wait_until(lambda: getattr(self.state, "step", "") == step, step)

    def events(self) -> list[Any]:
        found = kafka.read_all(self.registry.endpoints.kafka, catalogue.REQUEST_EVENTS_TOPIC)
        return [codec.decode(one.value() or b"") for one in found if one.key() == self.request_id.encode()]


def test_a_request_is_decided_through_a_kill_and_its_file_leaves_once_and_on_record(
    registry: OneFamilys, states: FollowedAgreements, stack: Endpoints, tmp_path: Path
) -> None:
    now = time.time_ns() // 1000
    terms = {
        "purposes": (PURPOSE,),
        "fields": ("member.name", "region"),
        "regions": (PLACE,),
        "most_persons": 10,
        "valid_from": now - DAY,
        "valid_until": now + 100 * DAY,
    }
    said, target = Said(registry, states), tmp_path / "bnba.csv"
    with worker(stack, tmp_path):
        for _ in range(2):  # the same command twice adds nothing
            said(REQUESTER, "AccessRequestDrafted", **PAPERS, **terms)
        said.reached("DRAFT")
        said(DINSOS, "AccessRequestSubmitted")
        said(REQUESTER, "AccessRequestSubmitted")
        said.reached("VERIFIKATOR_REVIEW")
    # Killed; what is said meanwhile is decided by the next one.
    said(BAPPERIDA, "AccessRequestReviewed", step="VERIFIKATOR", outcome="FORWARD", note="")
    with worker(stack, tmp_path):
        said.reached("EWALI_REVIEW")
        said(DISKOMINFO, "AccessRequestReviewed", step="EWALI", outcome="FORWARD", note="")
        said.reached("DTSEN_REVIEW")
        assert exports.run(registry, CALLER, said.request_id, target) == Withheld("AGREEMENT_NOT_ACTIVE")
        said(DINSOS, "AccessGranted", agency=REQUESTER, **terms)
        said.reached("DISETUJUI")
        said(DINSOS, "AccessSuspended", reason="PENYALAHGUNAAN", note="diperiksa dahulu")
        wait_until(lambda: bool(said.state.suspended), "suspended")
        assert exports.run(registry, CALLER, said.request_id, target) == Withheld("AGREEMENT_NOT_ACTIVE")
        said(DINSOS, "AccessResumed", note="selesai diperiksa")
        wait_until(lambda: not said.state.suspended, "resumed")
        done = exports.run(registry, CALLER, said.request_id, target)
        assert isinstance(done, exports.HandedOver), done
        assert exports.run(registry, CALLER, said.request_id, target) == Withheld("HANDED_OVER_BEFORE")
        said(REQUESTER, "UsageReportFiled", records_used=2, report_digest=digest("report"))
        wait_until(lambda: said.state.report == "REVIEW_BAPPERIDA", "reported")

    events = said.events()
    assert [event.header.sequence for event in events] == list(range(1, len(events) + 1))
    assert [type(event).__name__ for event in events] == [
        "AccessRequestDrafted",
        "AccessRequestSubmitted",
        "AccessRequestReviewed",
        "AccessRequestReviewed",
        "AccessGranted",
        "AccessSuspended",
        "AccessResumed",
        "DataHandedOver",
        "UsageReportFiled",
    ]
    refused = [codec.decode(one.value() or b"") for one in kafka.read_all(stack.kafka, catalogue.REFUSALS_TOPIC)]
    assert [one.rule for one in refused if one.header.family_id == said.request_id] == ["NOT_REQUESTER"]
    # The file: as the events say, every person on record before, one row more for its recipient's mark.
    assert said.state.file_digest == done.digest == requests.digest_of(target)
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert len(rows) == len(PERSONS) + 1
    assert {"Contoh 1", "Contoh 2"} < {row["name"] for row in rows}
    told = json.loads(done.manifest.read_text())
    assert (told["sha256"], told["rows"], told["agency"]) == (done.digest.hex(), 3, REQUESTER)
    on_record = entries(stack, registry.topic)
    disclosed = [one for one in on_record if type(one).__name__ == "SubjectDisclosure"]
    assert len({one.subject_ref for one in disclosed}) == len(disclosed) == len(PERSONS)
    allowed = [one for one in on_record if type(one).__name__ == "AccessIntent" and one.decision == "ALLOW"]
    assert [(one.action, one.agreement_id) for one in allowed] == [("EXPORT", said.request_id)]
    # A leaked file names its recipient; the usage report's dates wait for the agent.
    assert [one.request_id for one in exports.recipients(registry, rows[1]["row_id"])] == [said.request_id]
    dates = [codec.decode(one.value() or b"") for one in kafka.read_all(stack.kafka, catalogue.DEADLINES_TOPIC)]
    assert len([one for one in dates if one.family_id == said.request_id]) == 7
