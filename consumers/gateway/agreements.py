"""The agreements that policies read: what was granted to whom, as the states of access requests say it.

Follows the compacted topic of states from its beginning, read in the background; what is new is taken in at each
question. Must not know how a request comes to be granted, nor what the policies make of an agreement.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any, Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.gateway import waiting
from consumers.gateway.policy_request import Agreement
from schemas import codec
from schemas.catalogue import REQUEST_STATES_TOPIC
from schemas.records import AccessRequestState
from transport import kafka

OWES_REPORT: Final = "LAPORAN_TIDAK_DITERIMA"
READY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.5
_END_SECONDS: Final = 2.0

_LOG: Final = structlog.get_logger(__name__)


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
    """The agreements as the topic says them now; close it at the end. Safe to share between threads.

    The topic is read from its beginning in the background. Until its end was reached, an agreement is not known: a
    question waits for that at most `known_seconds`, as part of its request, and raises TimeoutError then.
    """

    def __init__(
        self, bootstrap: str, topic: str = REQUEST_STATES_TOPIC, *, known_seconds: float = READY_SECONDS
    ) -> None:
        super().__init__()
        self._bootstrap = bootstrap
        self._topic = topic
        self._known_seconds = known_seconds
        self._lock = threading.Lock()
        self._reader: Any = None
        self._read = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._begin, name="agreements", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_END_SECONDS)
        with self._lock:
            if self._reader is not None:
                self._reader.close()

    def wait(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the agreements are known; raises TimeoutError when they are not by then."""
        if not self._read.wait(seconds):
            raise TimeoutError("the agreements could not be read to their end")

    def state(self, request_id: str) -> AccessRequestState | None:
        """Return the request's state as it is now; raises TimeoutError or KafkaException as `active`."""
        self._refresh()
        return super().state(request_id)

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return the agreement of this agency as it is now.

        Raises TimeoutError while the agreements are not known yet, KafkaException when the broker refuses.
        """
        self._refresh()
        return super().active(agreement_id, agency, at)

    def _begin(self) -> None:
        """Read the topic to its end; from the beginning again, for as long as the broker is away."""
        while not (self._over.is_set() or self._read.is_set()):
            reader = kafka.reader(self._bootstrap, isolation_level="read_committed")
            try:
                if self._is_read_to_end(reader):
                    self._reader = reader
                    self._read.set()
            except (KafkaException, TimeoutError) as fault:
                _LOG.info("agreements_not_read", why=type(fault).__name__)
                self._over.wait(_AGAIN_SECONDS)
            finally:
                if self._reader is None:
                    reader.close()

    def _is_read_to_end(self, reader: Any) -> bool:
        """Return whether every partition was read to its end, and not stopped before."""
        client = kafka.admin(self._bootstrap)
        kafka.require_answer(client, self._topic)  # a broker that is away is found out in a second
        left = set(kafka.partitions(self._bootstrap, self._topic, client))
        reader.assign([TopicPartition(self._topic, number, 0) for number in left])
        deadline = time.monotonic() + READY_SECONDS
        while left and not self._over.is_set():
            if time.monotonic() > deadline:
                raise TimeoutError("the agreements could not be read to their end")
            for message in reader.consume(kafka.AT_ONCE, timeout=_POLL_SECONDS):
                if self._taken(message):
                    left.discard(message.partition())
        return not left

    def _refresh(self) -> None:
        if not waiting.has_come(self._read, self._known_seconds):
            raise TimeoutError("the agreements are not known yet")
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
