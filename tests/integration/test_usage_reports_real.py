"""A usage report that nobody files, on the real broker: reminded and escalated by dates that the Faust agent tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway.agreements import OWES_REPORT, FollowedAgreements
from producers import access_requests
from producers.access_requests import Said
from schemas import catalogue, codec
from stream_processors.access_requests.usage import REMINDERS
from stream_processors.folds.access_requests import OUTPUTS
from tests.integration.registry_rig import ROOT, SCRIPT, wait_until
from tests.integration.registry_worker import own
from tests.integration.test_deadlines_agent_real import START, Topic
from tests.unit.request_scenarios import BAPPERIDA, DAY, DINSOS, DISKOMINFO, PAPERS, PLACE, digest
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

SILENT, LATE = "dinkes/35.71", "opd/35.71"
PARTITIONS: Final = 2
_TOPICS: Final = (catalogue.CHANGES_TOPIC, catalogue.DEAD_LETTERS_TOPIC, catalogue.REQUESTS_TOPIC, *OUTPUTS)


@dataclass
class Requests:
    """Requests on topics of the test's own, where the broker takes the sender's word for when a change came."""

    bootstrap: str
    logs: Path
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    at: int = 0

    def __post_init__(self) -> None:
        mine = [catalogue.topic(name) for name in dict.fromkeys(_TOPICS)]
        made = [replace(one, name=self.name(one.name), partitions=PARTITIONS, config=_told(one)) for one in mine]
        kafka.create_topics(self.bootstrap, [*made, Topic(f"{self.agents}-deadlines-changelog", PARTITIONS)])

    def name(self, topic: str) -> str:
        return own(topic, self.tag)

    @property
    def agents(self) -> str:
        return f"agents-{self.tag}"

    def opened(self, agency: str, began: int) -> str:
        """Have a request of this agency granted, beginning at a time (µs); return its id."""
        request_id = access_requests.request_id_for(agency, f"{began}")
        terms = {
            "purposes": ("BERBAGI_PAKAI_DATA",),
            "fields": ("member.name",),
            "regions": (PLACE,),
            "most_persons": 10,
            "valid_from": began - DAY,
            "valid_until": began + 300 * DAY,
        }
        self.at = began
        self.say(request_id, agency, "AccessRequestDrafted", **PAPERS, **terms)
        self.say(request_id, agency, "AccessRequestSubmitted")
        self.say(request_id, BAPPERIDA, "AccessRequestReviewed", step="VERIFIKATOR", outcome="FORWARD", note="")
        self.say(request_id, DISKOMINFO, "AccessRequestReviewed", step="EWALI", outcome="FORWARD", note="")
        self.say(request_id, DINSOS, "AccessGranted", agency=agency, **terms)
        return request_id

    def handed_over(self, request_id: str) -> None:
        file = {"file_digest": digest("file"), "manifest_digest": digest("manifest"), "recipient_mark": "m"}
        self.say(request_id, "registry", "DataHandedOver", **file, persons=7, expires_at=self.at + 90 * DAY)

    def say(self, request_id: str, agency: str, record: str, /, **fields: Any) -> None:
        """Say something a second later than what was said before."""
        self.at += 1_000_000
        said = Said(agency, "officer", request_id, record, fields, self.at, "doc")
        message = access_requests.outgoing(said, access_requests.change_id_of(said))
        producer = kafka.producer(self.bootstrap)
        producer.produce(
            self.name(message.topic),
            key=message.key,
            value=message.value,
            headers=[*message.headers],
            timestamp=self.at // 1000,
        )
        assert producer.flush(30) == 0

    def state(self, request_id: str) -> Any:
        found = kafka.read_all(self.bootstrap, self.name(catalogue.REQUEST_STATES_TOPIC))
        return [codec.decode(one.value() or b"") for one in found if one.key() == request_id.encode()][-1]

    def events(self, request_id: str) -> list[Any]:
        found = kafka.read_all(self.bootstrap, self.name(catalogue.REQUEST_EVENTS_TOPIC))
        return [codec.decode(one.value() or b"") for one in found if one.key() == request_id.encode()]

    @contextmanager
    def fold(self) -> Iterator[None]:
        """Have changes decided while the context lasts."""
        settings = {
            "tag": self.tag,
            "bootstrap": self.bootstrap,
            "group": f"requests.{self.tag}",
            "transactional_id": f"requests.{self.tag}.1",
            "input_topic": self.name(catalogue.REQUESTS_TOPIC),
            "state_topic": self.name(catalogue.REQUEST_STATES_TOPIC),
            "dead_letters_topic": self.name(catalogue.DEAD_LETTERS_TOPIC),
            "output_topics": [self.name(topic) for topic in OUTPUTS],
        }
        with self._running("fold", sys.executable, str(SCRIPT), "requests", json.dumps(settings)):
            yield

    @contextmanager
    def agent(self) -> Iterator[None]:
        """Have dates told while the context lasts."""
        settings = {
            "bootstrap": self.bootstrap,
            "name": self.agents,
            "deadlines_topic": self.name(catalogue.DEADLINES_TOPIC),
            "changes_topic": self.name(catalogue.CHANGES_TOPIC),
            "requests_topic": self.name(catalogue.REQUESTS_TOPIC),
            "dead_letters_topic": self.name(catalogue.DEAD_LETTERS_TOPIC),
            "partitions": PARTITIONS,
            "every_s": 0.2,
        }
        with self._running("agent", sys.executable, "-c", START, json.dumps(settings)):
            yield

    @contextmanager
    def _running(self, name: str, *command: str) -> Iterator[None]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        try:
            yield
        finally:
            process.kill()
            process.wait(30)


def _told(topic: catalogue.Topic) -> dict[str, str]:
    stamped = "message.timestamp.type"
    return {**topic.config, stamped: "CreateTime"} if stamped in topic.config else dict(topic.config)


def test_a_report_that_does_not_come_is_reminded_of_then_suspends_its_agency_until_it_is_accepted(
    stack: Endpoints, tmp_path: Path
) -> None:
    requests, now = Requests(stack.kafka, tmp_path), time.time_ns() // 1000
    silent = requests.opened(SILENT, now - 80 * DAY)
    requests.handed_over(silent)  # due 50 days ago, escalated 19 days ago
    late = requests.opened(LATE, now - 33 * DAY)
    requests.handed_over(late)  # due 3 days ago
    other = requests.opened(SILENT, now - 2 * DAY)  # the silent agency's next one: nothing was handed over
    requests.at = now
    with requests.fold(), FollowedAgreements(stack.kafka, requests.name(catalogue.REQUEST_STATES_TOPIC)) as agreements:

        def suspended(request_id: str, agency: str) -> bool:
            found = agreements.active(request_id, agency, now)
            return found is None or found.suspended

        wait_until(lambda: agreements.active(other, SILENT, now) is not None, "granted")
        assert not suspended(silent, SILENT)
        with requests.agent():
            wait_until(lambda: requests.state(silent).suspended == OWES_REPORT, "escalated")
            wait_until(lambda: len(requests.state(silent).reminded) == len(REMINDERS), "all reminders")
            wait_until(lambda: len(requests.state(late).reminded) == 3, "reminders up to the day after")
            # One reminder a date, the late agency's future ones not yet; nothing of the late agency is suspended.
            told = Counter(one.day for one in requests.events(silent) if type(one).__name__ == "UsageReportReminded")
            assert told == Counter(REMINDERS)
            assert set(requests.state(late).reminded) == {-7, -1, 1}
            assert requests.state(late).report == "MENUNGGAK"
            wait_until(lambda: suspended(silent, SILENT), "known to the gateway")
            assert (suspended(other, SILENT), suspended(late, LATE)) == (True, False)
            requests.say(silent, SILENT, "UsageReportFiled", records_used=3, report_digest=digest("report"))
            requests.say(silent, BAPPERIDA, "UsageReportReviewed", step="BAPPERIDA", outcome="ACCEPT", note="")
            requests.say(silent, DINSOS, "UsageReportReviewed", step="DINSOS", outcome="ACCEPT", note="")
            wait_until(lambda: not suspended(silent, SILENT), "resumed")
            assert not suspended(other, SILENT)
    names = [type(one).__name__ for one in requests.events(silent)]
    assert [names.count(name) for name in ("UsageReportEscalated", "AccessSuspended", "AccessResumed")] == [1, 1, 1]
    assert names[-4:] == ["UsageReportFiled", "UsageReportReviewed", "UsageReportReviewed", "AccessResumed"]
    assert kafka.end_offsets(stack.kafka, requests.name(catalogue.CHANGES_TOPIC)) == dict.fromkeys(range(PARTITIONS), 0)
