"""Topics, gateways, sequencers as processes, and the verdict for the sequencer's tests on a real broker."""

from __future__ import annotations

import json
import os
import secrets
import signal
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas import codec
from schemas.catalogue import AUDIT_TOPIC, CHECKPOINTS_TOPIC, Topic, topic
from schemas.note import Checkpoint, SignedNote, open_checkpoint
from schemas.records import CheckpointPublished
from tests.integration.engine_rig import wait_until
from tests.unit.sequencer_rig import (
    ORIGIN,
    SIGNER,
    naive_leaf,
    naive_leaves,
    naive_winners,
    prefix_roots,
    require_tiles,
)
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Message

SCRIPT = Path(__file__).with_name("sequencer_worker.py")
SETTLE_S = 60.0


class Rig:
    """One log: its two topics, the processes that build it, and what they left."""

    def __init__(self, bootstrap: str, folder: Path, partitions: int = 3) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.partitions = partitions
        prefix = f"log-{uuid.uuid4().hex[:10]}"
        self.audit, self.checkpoints, self.group = f"{prefix}.audit", f"{prefix}.rounds", f"{prefix}.sequencers"
        kafka.create_topics(
            bootstrap,
            [
                Topic(self.audit, partitions, "", (), "", (), topic(AUDIT_TOPIC).config),
                Topic(self.checkpoints, 1, "", (), "", (), topic(CHECKPOINTS_TOPIC).config),
            ],
        )
        self.producer = kafka.producer(bootstrap)
        self.fed = 0
        self.processes: list[subprocess.Popen[bytes]] = []

    # --- gateways ---

    def feed(self, count: int, gateways: int = 5) -> None:
        """Append entries of several gateways, each to the partition of its own; return once all are durable."""
        for number in range(count):
            self.fed += 1
            self.producer.produce(
                self.audit,
                partition=number % gateways % self.partitions,
                key=b"gateway-%d" % (number % gateways),
                value=b"%d." % self.fed + secrets.token_bytes(number % 60),
                headers={"salt": secrets.token_bytes(16)},
            )
            self.producer.poll(0)
        assert self.producer.flush(SETTLE_S) == 0

    # --- sequencers ---

    def start(self, name: str, folder: str = "log", **others: Any) -> subprocess.Popen[bytes]:
        options = {
            "bootstrap": self.bootstrap,
            "folder": str(self.folder / folder),
            "origin": ORIGIN,
            "name": name,
            "audit_topic": self.audit,
            "checkpoints_topic": self.checkpoints,
            "group": self.group,
            "round_s": 0.2,
            "session_timeout_ms": 6_000,
            **others,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), json.dumps(options)], stdout=log, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SETTLE_S) == 0, self.told()

    def end_all(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(SETTLE_S)

    def told(self) -> str:
        return "\n".join(path.read_text()[-3_000:] for path in self.folder.glob("*.log"))

    # --- what they left ---

    def served(self, folder: str = "log") -> int:
        """Return the size of the served checkpoint, -1 before the first."""
        try:
            note = (self.folder / folder / "checkpoint").read_text()
        except FileNotFoundError:
            return -1
        return Checkpoint.parse(SignedNote.parse(note).text).size

    def wait_covered(self, folder: str = "log", seconds: float = SETTLE_S) -> None:
        """Wait until the served checkpoint covers all that was fed."""

        def covered() -> bool:
            assert any(process.poll() is None for process in self.processes), self.told()
            return self.served(folder) == self.fed

        wait_until(covered, f"{self.fed} leaves published, {self.served(folder)} are; {self.told()}", seconds)

    def wait_told(self, name: str, either: Sequence[str]) -> None:
        log = self.folder / f"{name}.log"
        wait_until(lambda: any(text in log.read_text() for text in either), f"{name} says one of {either}")

    def records(self) -> list[Any]:
        if not kafka.end_offsets(self.bootstrap, self.checkpoints)[0]:
            return []
        return [codec.decode(message.value() or b"") for message in kafka.read_all(self.bootstrap, self.checkpoints)]

    def leaf_of(self) -> Callable[[int, int], bytes]:
        """Return what tells the leaf hash of a place, computed from the topic as it is."""
        found = {(message.partition(), message.offset()): _leaf(message) for message in self._audit()}
        return lambda partition, offset: found[partition, offset]

    def _audit(self) -> list[Message]:
        return [*kafka.read_all(self.bootstrap, self.audit)] if self.fed else []

    def require_one_log(self, *folders: str) -> Verdict:
        """Hold everything against a naive computation over the two topics; return what was found."""
        records = self.records()
        winners = naive_winners(records)
        leaves = naive_leaves(winners, self.leaf_of())
        published = [record for record in records if isinstance(record, CheckpointPublished)]
        notes = [open_checkpoint(record.note, SIGNER.verifier_key).checkpoint for record in published]
        roots = prefix_roots(leaves, {note.size for note in notes})
        # Both are prefixes of one list of leaves, so every two of them are consistent.
        assert [note.root for note in notes] == [roots[note.size] for note in notes]
        by_round = {winner.round: winner.root for winner in winners}
        assert [note.root for note in notes] == [by_round[record.round] for record in published]
        index = b"".join(
            struct.pack(f">{1 + len(each.cut)}Q", each.tree_size, *[cut.end_offset for cut in each.cut]) + each.root
            for each in winners
        )
        for folder in folders or ("log",):
            require_tiles(self.folder / folder, leaves)
            held = (self.folder / folder / "rounds").read_bytes()
            # A sequencer that was asked to end may have left a last round, without leaves, to the next.
            assert index.startswith(held)
            assert int.from_bytes(held[-32 - 8 * (1 + self.partitions) :][:8], "big") == len(leaves)
        lost = sum(1 for record in records if not isinstance(record, CheckpointPublished)) - len(winners)
        return Verdict(len(leaves), len(winners), lost, len(notes))


class Verdict:
    """How much was compared."""

    def __init__(self, leaves: int, rounds: int, lost: int, published: int) -> None:
        self.leaves, self.rounds, self.lost, self.published = leaves, rounds, lost, published

    def __repr__(self) -> str:
        return f"{self.leaves} leaves, {self.rounds} rounds, {self.lost} lost, {self.published} checkpoints"


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "staging" not in path.parts
    }


def _leaf(message: Message) -> bytes:
    salt = dict(message.headers() or [])["salt"]
    assert isinstance(salt, bytes)
    return naive_leaf(
        message.partition() or 0, message.offset() or 0, message.timestamp()[1], salt, message.value() or b""
    )


def freeze(process: subprocess.Popen[bytes]) -> None:
    """Return once the process stands still, or has ended by itself before."""
    os.kill(process.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "TZ":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def thaw(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGCONT)
