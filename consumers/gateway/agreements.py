"""The agreements that policies read: what was granted to whom, as the states of access requests say it.

Follows the compacted topic of states from its beginning; what is new is taken in at each question. Must not know how a
request comes to be granted, nor what the policies make of an agreement.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any, Final, Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.gateway.policy_request import Agreement
from schemas import codec
from schemas.catalogue import REQUEST_STATES_TOPIC
from schemas.records import AccessRequestState
from transport import kafka

OWES_REPORT: Final = "LAPORAN_TIDAK_DITERIMA"
_READY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1


class KnownAgreements:
    """The agreements of the states given so far. Safe to share between threads, of which one may take more in."""

    def __init__(self, states: Iterable[AccessRequestState] = ()) -> None:
        self._known = threading.Lock()
        self._states: dict[str, AccessRequestState] = {}
        for state in states:
            self.take(state)

    def take(self, state: AccessRequestState) -> None:
        """Let this state stand for its request."""
        with self._known:
            self._states[state.request_id] = state

    def state(self, request_id: str) -> AccessRequestState | None:
        """Return the request's state."""
        with self._known:
            return self._states.get(request_id)

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return the agreement of this agency in force at a time (microseconds), suspended or not; None without one.

        It is suspended too while the agency owes the usage report of any other one.
        """
        with self._known:  # both as of one moment: the agreement, and what its agency owes
            state, owes = self._states.get(agreement_id), self._owes(agency)
        if state is None or not state.granted or state.agency != agency:
            return None
        if not state.valid_from <= at < state.valid_until:
            return None
        return Agreement(
            agreement_id=state.request_id,
            agency=state.agency,
            purposes=state.purposes,
            fields=state.fields,
            regions=tuple(region.code for region in state.regions),
            valid_from=state.valid_from,
            valid_until=state.valid_until,
            most_persons=state.most_persons,
            suspended=bool(state.suspended) or owes,
        )

    def _owes(self, agency: str) -> bool:
        return any(one.suspended == OWES_REPORT for one in self._states.values() if one.agency == agency)


class FollowedAgreements(KnownAgreements):
    """The agreements as the topic says them now; close it at the end. Safe to share between threads."""

    def __init__(self, bootstrap: str, topic: str = REQUEST_STATES_TOPIC) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._reader = kafka.reader(bootstrap, isolation_level="read_committed")
        numbers = kafka.partitions(bootstrap, topic)
        self._reader.assign([TopicPartition(topic, number, 0) for number in numbers])
        self._read_to_end(set(numbers))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def state(self, request_id: str) -> AccessRequestState | None:
        """Return the request's state as it is now."""
        self._refresh()
        return super().state(request_id)

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return the agreement of this agency as it is now; raises KafkaException when the broker refuses."""
        self._refresh()
        return super().active(agreement_id, agency, at)

    def _read_to_end(self, left: set[int]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError("the agreements could not be read to their end")
            for message in self._reader.consume(kafka.AT_ONCE, timeout=_POLL_SECONDS):
                if self._taken(message):
                    left.discard(message.partition())

    def _refresh(self) -> None:
        with self._lock:
            while found := self._reader.consume(kafka.AT_ONCE, timeout=0):
                for message in found:
                    self._taken(message)

    def _taken(self, message: Any) -> bool:
        """Take a record in; tell whether it was the end of its partition instead."""
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public name
                return True
            raise KafkaException(error)
        record = codec.decode(message.value())
        if isinstance(record, AccessRequestState):
            self.take(record)
        return False
