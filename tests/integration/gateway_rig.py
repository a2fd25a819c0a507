"""Has gateways live and die, replays what they leave, and judges the topic by what callers were told."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import KafkaException

from consumers.gateway.replay_ahead import replay
from schemas import codec, records
from schemas.catalogue import AUDIT_TOPIC, Topic, topic
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STEPS = ("pwrite", "fdatasync", "produce", "delivered", "fsync", "flock", "unlink")
MOMENTS = ("before", "half", "after")
SETTLED_SECONDS = 60.0


def audit_topic(bootstrap: str, partitions: int = 3) -> str:
    name = f"audit.{uuid.uuid4().hex[:10]}"
    kafka.create_topics(bootstrap, [Topic(name, partitions, "", (), "", (), topic(AUDIT_TOPIC).config)])
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:  # a broker that was just asked for a topic may not know of it yet
        try:
            kafka.end_offsets(bootstrap, name)  # asked until every partition has its leader
        except KafkaException:
            assert time.monotonic() < deadline, f"{name} was made and is not there"
            time.sleep(0.1)
        else:
            return name


def points(count: int) -> list[tuple[str, int]]:
    """Return this many crash points: every step at every moment, at ever later passages; the rare steps at few."""
    rare = {"fsync": 1, "flock": 1, "unlink": 2}
    found: list[tuple[str, int]] = []
    passage = 0
    while len(found) < count:
        passage += 1
        found += [(f"{s}.{m}", passage) for s in STEPS for m in MOMENTS if passage <= rare.get(s, 1 << 30)]
    return found[:count]


@dataclass(slots=True)
class Judged:
    """What the topic holds, held against what was told."""

    entries: int = 0
    told: int = 0
    shown: int = 0
    chains: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    open_ended: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.holes or self.open_ended or self.unasked)


class Gateways:
    """Gateways of one folder on one topic."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.topic = audit_topic(bootstrap)
        self.report = folder.parent / f"{folder.name}.told"
        self.replayed = 0
        command = [sys.executable, "-m", "tests.integration.gateway_lives"]
        self._lives = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._lives.stdin
        self._lives.stdin.close()
        self._lives.wait(60)

    def begin(self, step: str = "", passage: int = 0, *, seconds: float = 10.0, kill_after: float = 0.0) -> None:
        """Have a gateway live until its crash point, its killing, or for so long."""
        life = {
            "bootstrap": self.bootstrap,
            "topic": self.topic,
            "folder": str(self.folder),
            "report": str(self.report),
            "step": step,
            "passage": passage,
            "seconds": seconds,
            "kill_after": kill_after,
        }
        assert self._lives.stdin
        self._lives.stdin.write(json.dumps(life) + "\n")
        self._lives.stdin.flush()

    def ended(self) -> int:
        """Return how the life ended: 0 by itself, -9 killed."""
        assert self._lives.stdout
        return int(self._lives.stdout.readline())

    def lives(self, *args: Any, **named: Any) -> bool:
        """Have a gateway live; tell whether it was killed."""
        self.begin(*args, **named)
        return self.ended() == -signal.SIGKILL

    def until_shown(self, more_than: int, seconds: float = 60.0) -> None:
        """Wait until callers were shown something more often than that."""
        deadline = time.monotonic() + seconds
        while self.shown() <= more_than:
            assert time.monotonic() < deadline, f"nothing was shown within {seconds:.0f} s"
            time.sleep(0.1)

    def shown(self) -> int:
        """Return how often callers were shown something so far."""
        lines = self.report.read_text().splitlines() if self.report.exists() else []
        return sum(line.startswith("shown ") for line in lines)

    def replay(self) -> None:
        self.replayed += sum(done.missing for done in replay(self.folder, self.bootstrap, self.topic))

    def judged(self) -> Judged:
        """Hold the whole topic against what callers were told."""
        chains: dict[str, list[tuple[Any, bytes]]] = defaultdict(list)
        for message in kafka.read_all(self.bootstrap, self.topic, "read_uncommitted"):
            value = message.value() or b""
            chains[(message.key() or b"").decode()].append((codec.decode(value), value))
        found = Judged(chains=len(chains), entries=sum(map(len, chains.values())))
        ids = Counter(entry.event_id.hex() for chain in chains.values() for entry, _ in chain)
        self._hold_told(found, ids)
        found.doubled = [each for each, times in ids.items() if times > 1]
        for gateway, chain in chains.items():
            _judge_chain(found, gateway, chain)
        return found

    def _hold_told(self, found: Judged, ids: Counter[str]) -> None:
        told: set[str] = set()
        for line in self.report.read_text().splitlines() if self.report.exists() else ():
            kind, *entries = line.split(" ")
            told.update(entries)
            found.shown += kind == "shown"
        found.told = len(told)
        found.lost = [each for each in told if not ids[each]]


def _judge_chain(found: Judged, gateway: str, chain: Sequence[tuple[Any, bytes]]) -> None:
    before, intents = bytes(32), set[bytes]()
    for number, (entry, value) in enumerate(chain, 1):
        if entry.gateway_seq != number or entry.prev_gateway_hash != before:
            found.holes.append(f"{gateway} at {number}: {entry.gateway_seq}")
            break
        before = hashlib.sha256(value).digest()
        match entry:
            case records.AccessIntent():
                intents.add(entry.event_id)
            case records.SubjectDisclosure() | records.AccessOutcome() if entry.intent_id not in intents:
                found.unasked.append(entry.event_id.hex())
    last = chain[-1][0]
    if not (isinstance(last, records.GatewayHeartbeat) and last.closing):
        found.open_ended.append(gateway)
