"""Publishing to a real broker with a real ledger: the same file twice adds nothing, a kill loses nothing."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from identity.tables import create_tables
from producers.intake import Intake
from producers.ledger import CassandraLedger, Entry, InMemoryLedger, create_ledger_table
from producers.publish import Published, Publisher
from producers.sik_ng import channel_for, read
from producers.simulation import Nation, expected, simulate
from schemas import catalogue, codec, prefix
from transport.cassandra import closing_session
from transport.kafka import create_topics, producer, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real
HERE = Path(__file__).parent
GOOD = HERE.parent / "fixtures" / "sik_ng" / "nik_15_digits.csv"
KEY, BATCH = ReferenceKey(b"r" * 32), 100  # the key is publish_rig.py's too
ONE_NODE: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}
DEADLINE = 90.0


@pytest.fixture(scope="module")
def session(stack: Endpoints) -> Iterator[Any]:
    create_topics(stack.kafka, catalogue.TOPICS)
    with closing_session(stack.cassandra) as opened:
        create_tables(opened, ONE_NODE)
        create_ledger_table(opened, ONE_NODE)
        yield opened


def change_ids(kafka: str, of_document: str) -> list[bytes]:
    """Return the ids of the changes of documents that begin so, as they stand in the topic."""
    found = []
    for message in read_all(kafka, catalogue.CHANGES_TOPIC):
        value = message.value() or b""
        if of_document.encode() in value:
            found.append(prefix.walk(value).change_id)
    return found


def test_the_same_file_twice_adds_nothing(stack: Endpoints, session: Any) -> None:
    number = f"BA-{secrets.token_hex(4)}"
    items = read(GOOD, channel_for(GOOD, "desa/35.71.01.1001", "operator-1", number)).items
    intake = Intake(KEY, InMemoryAliases(), InMemoryKeyStore())
    publisher = Publisher(producer(stack.kafka), CassandraLedger(session), lambda: 0)
    name = ("desa/35.71.01.1001", number)

    first = publisher.publish(name, items, intake.take)
    second = publisher.publish(name, items, intake.take)
    sent_once = change_ids(stack.kafka, number)
    without_ledger = Publisher(producer(stack.kafka), InMemoryLedger(), lambda: 0)
    third = without_ledger.publish(name, items, intake.take)

    assert (first, second, third) == (Published(6, 0, 1), Published(0, 6, 1), Published(6, 0, 1))
    assert Counter(change_ids(stack.kafka, number)) == Counter(2 * sent_once)
    assert len(set(sent_once)) == 6


def test_a_refused_row_reaches_its_agency(stack: Endpoints, session: Any) -> None:
    number = f"BA-{secrets.token_hex(4)}"
    items = read(GOOD, channel_for(GOOD, "desa/35.71.01.1001", "operator-1", number)).items
    intake = Intake(KEY, InMemoryAliases(), InMemoryKeyStore())

    Publisher(producer(stack.kafka), CassandraLedger(session), lambda: 0).publish(("desa", number), items, intake.take)

    told = [codec.decode(m.value() or b"") for m in read_all(stack.kafka, "jejak.refusals.v1")]
    mine = [record for record in told if record.header.document == number]
    assert [(record.rule, record.pointer, record.source_offset) for record in mine] == [("V1", "/NIK", 4)]
    assert mine[0].header.agency == "desa/35.71.01.1001"


def test_the_ledger_gives_back_what_was_recorded(session: Any) -> None:
    name = ("kemensos", secrets.token_hex(8))
    entry = Entry(100, batches=3, sent=290, refused=10, complete=True)

    CassandraLedger(session).record(*name, entry)

    assert CassandraLedger(session).entry(*name) == entry
    assert CassandraLedger(session).entry("kemensos", "another") is None


def test_a_publisher_killed_in_the_middle_goes_on_and_every_change_is_there(stack: Endpoints, session: Any) -> None:
    families, seed = "150", str(secrets.randbelow(10**9))
    nation = Nation(int(families), int(seed))
    steps = list(simulate(nation))
    intake = Intake(KEY, InMemoryAliases(), InMemoryKeyStore())
    wanted = {intake.change_id(step.draft).bytes for step in steps if step.by != "intake"}
    ledger = CassandraLedger(session)
    name = ("simulation", nation.digest)

    victim = start(stack, families, seed)
    await_batches(ledger, name, 3, victim)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait(DEADLINE)
    interrupted = ledger.entry(*name)
    output, _ = start(stack, families, seed).communicate(timeout=DEADLINE)

    assert interrupted is not None
    assert not interrupted.complete
    sent, skipped, refused = map(int, output.split())
    result = expected(steps)
    assert skipped >= interrupted.sent > 0
    assert sent + skipped == result.published
    assert refused == result.refused_by_intake.total()
    found = change_ids(stack.kafka, f"simulasi-{seed}-")
    assert set(found) == wanted
    assert len(found) <= result.published + 6 * BATCH  # at most the batches in flight were sent twice


def start(stack: Endpoints, families: str, seed: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
    command = [sys.executable, str(HERE / "publish_rig.py"), stack.kafka, stack.cassandra, families, seed, str(BATCH)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def await_batches(ledger: CassandraLedger, name: tuple[str, str], batches: int, running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        entry = ledger.entry(*name)
        if entry is not None and entry.batches >= batches:
            return
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    raise AssertionError("nothing was acknowledged in time")
