"""The watch as a process against a real broker: a touched honey record is an alert within five seconds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaException

from schemas import catalogue, codec, records
from schemas.catalogue import Topic
from tests.unit.audit_rig import BUDI, disclosure, intent, outcome, place
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jejak.stack import Endpoints
    from schemas.records import UnusualUseDetected

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
PARTITIONS = 3
DEADLINE_S = 120.0
PROMISED_S = 5.0
THRESHOLDS = (ROOT / "stream_processors" / "watch" / "thresholds.toml").read_text()


class Watched:
    """An audit topic of the test's own, and the watch over it."""

    def __init__(self, bootstrap: str, logs: Path) -> None:
        self.bootstrap, self.log = bootstrap, logs / "watch.log"
        self.name = f"watch-{uuid.uuid4().hex[:10]}"
        config = {"message.timestamp.type": "LogAppendTime"}
        names = {"audit": config, "alerts": config, "dead": {}, "seen-changelog": {}}
        topics = [Topic(self.topic(name), PARTITIONS, "", (), "", (), kept) for name, kept in names.items()]
        kafka.create_topics(bootstrap, topics)
        until(lambda: all(self._has_leaders(topic.name) for topic in topics), "every partition has a leader")
        self.producer = kafka.producer(bootstrap, linger_ms=0)
        self.process: subprocess.Popen[bytes] | None = None

    def topic(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _has_leaders(self, topic: str) -> bool:
        try:
            return len(kafka.end_offsets(self.bootstrap, topic)) == PARTITIONS
        except KafkaException:
            return False

    def start(self) -> None:
        settings = {
            "bootstrap": self.bootstrap,
            "name": self.name,
            "audit_topic": self.topic("audit"),
            "alerts_topic": self.topic("alerts"),
            "dead_letters_topic": self.topic("dead"),
            "partitions": PARTITIONS,
            "every_s": 0.3,
            "thresholds": THRESHOLDS.replace("unanswered_seconds = 60", "unanswered_seconds = 2").replace(
                "silent_seconds = 60", "silent_seconds = 2"
            ),
            "honey": [BUDI.hex()],
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream_processors.agents.watch", json.dumps(settings)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def append(self, *entries: Any, gateway: str = "gw-1") -> None:
        for entry in entries:
            stamped = replace(entry, gateway_id=gateway, occurred_at=time.time_ns() // 1_000)
            self.producer.produce(self.topic("audit"), key=gateway.encode(), value=codec.encode(stamped))
        assert self.producer.flush(30) == 0

    def alerts(self, kind: str) -> dict[bytes, UnusualUseDetected]:
        found = (
            codec.decode(message.value() or b"") for message in kafka.read_all(self.bootstrap, self.topic("alerts"))
        )
        return {one.alert_id: one for one in found if one.kind == kind}

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def watched(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    made = Watched(stack.kafka, tmp_path_factory.mktemp("watch"))
    made.start()
    yield made
    made.end()


def until(true: Callable[[], bool], what: str) -> float:
    started = time.monotonic()
    while not _holds(true):
        assert time.monotonic() - started < DEADLINE_S, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - started


def _holds(true: Callable[[], bool]) -> bool:
    try:
        return true()
    except (KafkaException, TimeoutError):  # a busy broker that doesn't answer in time is asked again
        return False


def look(number: int) -> tuple[Any, ...]:
    """A look by an officer of their own whose second person is the honey record."""
    event_id, seq = number.to_bytes(16, "big"), number * 10
    begun = intent(seq + 1, event_id, actor_ref=f"officer-{number}")
    shown = [replace(disclosure(seq + 3, subject), intent_id=event_id) for subject in (b"a" * 32, BUDI)]
    return begun, replace(outcome(seq + 2), intent_id=event_id), shown[0], replace(shown[1], gateway_seq=seq + 4)


def test_a_touched_honey_record_is_an_alert_within_five_seconds(watched: Watched) -> None:
    watched.append(*look(1))
    until(lambda: len(watched.alerts("HONEY_RECORD")) == 1, "the first alert: the watch is up")
    took = []
    for number in range(2, 7):
        watched.append(*look(number))
        took.append(until(lambda n=number: len(watched.alerts("HONEY_RECORD")) == n, "an alert"))  # type: ignore[misc]
    assert max(took) <= PROMISED_S, took
    assert {one.actor_ref for one in watched.alerts("HONEY_RECORD").values()} == {f"officer-{n}" for n in range(1, 7)}


def test_looks_through_several_gateways_are_counted_together(watched: Watched) -> None:
    for number, gateway in enumerate(("gw-2", "gw-3", "gw-4", "gw-5"), 100):
        event_id = number.to_bytes(16, "big")
        begun = intent(1, event_id, actor_ref="busy")
        watched.append(begun, replace(outcome(2, persons=20), intent_id=event_id), gateway=gateway)
    until(lambda: len(watched.alerts("PERSONS_PER_HOUR")) >= 1, "an alert of the sum")
    (alert,) = watched.alerts("PERSONS_PER_HOUR").values()
    assert (alert.actor_ref, alert.observed, alert.threshold) == ("busy", 80, 60)


def test_an_intent_that_nobody_answers_is_an_alert_also_over_a_restart(watched: Watched) -> None:
    watched.append(intent(1, b"z" * 16, actor_ref="gone"), gateway="gw-9")
    until(lambda: any(one.actor_ref == "gone" for one in watched.alerts("INTENT_WITHOUT_OUTCOME").values()), "an alert")
    assert watched.process is not None
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(DEADLINE_S) == 0
    watched.append(intent(2, b"y" * 16, actor_ref="gone too"), gateway="gw-9")
    watched.start()

    def unanswered() -> set[str]:
        return {one.actor_ref for one in watched.alerts("INTENT_WITHOUT_OUTCOME").values()}

    until(lambda: "gone too" in unanswered(), "an alert after the restart")


def test_a_number_left_out_and_a_gateway_that_falls_silent_are_alerts(watched: Watched) -> None:
    beats = {
        n: records.GatewayHeartbeat(**place(n, bytes(16)), last_seq=n - 1, closing=n == 4, policy_set_hash=bytes(32))
        for n in (1, 2, 4)
    }
    watched.append(beats[1], gateway="gw-20")
    watched.append(beats[1], beats[2], beats[4], gateway="gw-21")  # closed, after a hole

    def told(kind: str) -> dict[str, int]:
        return {one.actor_ref: one.observed for one in watched.alerts(kind).values()}

    until(lambda: told("SEQUENCE_HOLE").get("gw-21") == 1, "an alert of the hole")
    until(lambda: "gw-20" in told("GATEWAY_SILENT"), "an alert of the silence")
    assert not {"gw-21"} & told("GATEWAY_SILENT").keys()


def test_the_topics_of_the_watch_are_those_of_the_catalogue() -> None:
    assert catalogue.topic(f"{catalogue.WATCH}-seen-changelog").partitions == catalogue.PARTITIONS
