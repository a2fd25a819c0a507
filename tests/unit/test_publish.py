"""Publishing: what is sent, what the ledger remembers, and what happens when the broker or the process fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from producers.draft import Channel, RowRefused
from producers.ledger import Entry, InMemoryLedger
from producers.outgoing import Outgoing
from producers.publish import Published, Publisher, PublishFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHANNEL = Channel("desa/35.71.01.1001", "operator", "BA-7")
DOCUMENT = (CHANNEL.agency, "digest")


class Broker:
    """Stands for a producer and its broker: acknowledges on poll, refuses or loses messages when told to."""

    def __init__(self, room: int = 1_000) -> None:
        self.log: list[tuple[str, bytes]] = []
        self.room = room
        self.full = 0
        self.silent_after = 1 << 62
        self.fail_at = -1
        self._waiting: list[tuple[tuple[str, bytes], Callable[[object, object], None]]] = []

    def produce(self, topic: str, **message: Any) -> None:
        if len(self._waiting) >= self.room:
            self.full += 1
            raise BufferError
        self._waiting.append(((topic, message["value"]), message["on_delivery"]))

    def poll(self, _timeout: float) -> int:
        served = 0
        while self._waiting and len(self.log) < self.silent_after:
            record, report = self._waiting.pop(0)
            report("refused" if len(self.log) == self.fail_at else None, None)
            self.log.append(record)
            served += 1
        if self._waiting and not served:
            raise KilledError
        return served


class KilledError(Exception):
    """Stands for the end of the process."""


def outgoing(rows: Sequence[int]) -> Iterator[Outgoing | RowRefused]:
    for row in rows:
        if row % 10 == 9:
            yield RowRefused(CHANNEL, row, "NIK", "V1", "not sixteen digits")
        else:
            yield Outgoing("jejak.changes.v1", b"family", str(row).encode())


def publisher(broker: Broker, ledger: InMemoryLedger | None = None) -> Publisher:
    return Publisher(broker, ledger or InMemoryLedger(), lambda: 0, batch_size=7)


def changes(broker: Broker) -> list[int]:
    return [int(value) for topic, value in broker.log if topic == "jejak.changes.v1"]


def test_all_changes_go_out_in_order_and_refusals_to_their_own_topic() -> None:
    broker = Broker()
    lines: list[RowRefused] = []

    result = publisher(broker).publish(DOCUMENT, range(50), outgoing, report=lines.append)

    assert result == Published(sent=45, skipped=0, refused=5)
    assert changes(broker) == [row for row in range(50) if row % 10 != 9]
    assert [line.row for line in lines] == [9, 19, 29, 39, 49]
    assert sum(topic == "jejak.refusals.v1" for topic, _ in broker.log) == 5


def test_a_finished_document_is_not_sent_again_nor_even_read() -> None:
    broker, ledger = Broker(), InMemoryLedger()
    publisher(broker, ledger).publish(DOCUMENT, range(50), outgoing)
    sent = len(broker.log)

    def unread() -> Iterator[int]:
        raise AssertionError
        yield 0

    result = publisher(broker, ledger).publish(DOCUMENT, unread(), outgoing)

    assert result == Published(sent=0, skipped=45, refused=5)
    assert len(broker.log) == sent


def test_the_same_document_of_another_agency_is_another_document() -> None:
    broker, ledger = Broker(), InMemoryLedger()
    publisher(broker, ledger).publish(DOCUMENT, range(5), outgoing)

    assert publisher(broker, ledger).publish(("kemensos", "digest"), range(5), outgoing).sent == 5


@pytest.mark.parametrize("acknowledged", [0, 1, 7, 8, 30, 44, 49])
def test_after_a_kill_the_rest_is_sent_and_nothing_is_missing(acknowledged: int) -> None:
    broker, ledger = Broker(), InMemoryLedger()
    broker.silent_after = acknowledged
    with pytest.raises(KilledError):
        publisher(broker, ledger).publish(DOCUMENT, range(50), outgoing)
    before = ledger.entry(*DOCUMENT) or Entry(7)

    broker.silent_after = 1 << 62
    broker._waiting.clear()
    result = publisher(broker, ledger).publish(DOCUMENT, range(50), outgoing)

    assert set(changes(broker)) == {row for row in range(50) if row % 10 != 9}
    assert result == Published(sent=45 - before.sent, skipped=before.sent, refused=5)
    assert before.batches * 7 <= acknowledged
    assert len(broker.log) <= 50 + 7  # what was acknowledged of a batch that was not recorded is sent again


def test_a_resumed_document_keeps_the_batch_size_it_was_begun_with() -> None:
    broker, ledger = Broker(), InMemoryLedger()
    ledger.record(*DOCUMENT, Entry(batch_size=10, batches=2, sent=18, refused=2))

    result = publisher(broker, ledger).publish(DOCUMENT, range(50), outgoing)

    assert changes(broker)[0] == 20
    assert result == Published(sent=27, skipped=18, refused=5)


def test_a_full_queue_holds_the_source_back_and_loses_nothing() -> None:
    broker = Broker(room=3)

    result = publisher(broker).publish(DOCUMENT, range(50), outgoing)

    assert broker.full > 0
    assert result.sent == len(changes(broker)) == 45


def test_a_message_the_broker_refuses_stops_the_work_and_is_not_recorded() -> None:
    broker, ledger = Broker(), InMemoryLedger()
    broker.fail_at = 20

    with pytest.raises(PublishFailed):
        publisher(broker, ledger).publish(DOCUMENT, range(50), outgoing)

    entry = ledger.entry(*DOCUMENT)
    assert entry is not None
    assert not entry.complete
    assert entry.batches == 2


def test_progress_never_goes_back_and_ends_with_the_result() -> None:
    seen: list[Published] = []

    result = publisher(Broker()).publish(DOCUMENT, range(50), outgoing, progress=seen.append)

    assert [one.sent for one in seen] == sorted(one.sent for one in seen)
    assert seen[-1] == result


def test_an_empty_document_is_finished_at_once() -> None:
    ledger = InMemoryLedger()

    assert publisher(Broker(), ledger).publish(DOCUMENT, (), outgoing) == Published()
    assert ledger.entry(*DOCUMENT) == Entry(7, complete=True)
