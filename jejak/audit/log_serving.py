"""The log's directory put behind a port: hashes for everyone, entries through the door.

Reading the audit is audited: before the first entry bundle of a range leaves, the range is on record as read.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fastapi import Response

from consumers.api.problems import NOT_AUTHENTICATED, Refused, answer, of_code
from consumers.api.service import new_request_id, prefix_of
from consumers.gateway.authentication import SERVER_AWAY, NotAuthenticated
from consumers.gateway.request import AuditFound, Caller, Purpose, WholeTrail, Withheld
from consumers.log.app import EntriesAsked, application
from consumers.log.directory import LogDirectory
from jejak import composition
from jejak.audit import admission, web_server
from jejak.audit.own_receipt import Passage
from jejak.settings import Settings

RANGE: Final = 64
"""Bundles that one reading on record opens: 16,384 entries."""
OPEN_SECONDS: Final = 60.0
"""How long it opens them; whoever comes back later is judged, and on record, anew."""
_MOST_OPEN: Final = 4_096


def serve(settings: Settings, folder: Path, port: int) -> None:
    """Serve the log until stopped; entries to whom the policies let read, each range on record.

    Raises ServingRefused where the settings of TLS are wrong, before anything.
    """
    place = web_server.place_of(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        entries = Readings(admission.of_connections(settings, bound=place.asks_clients), door)
        app = application(LogDirectory(folder), entries, web_server.client_certificate)
        web_server.run(app, port, place)


def serve_hashes(settings: Settings, folder: Path, port: int) -> None:
    """Serve the log until stopped, no entry of it: where no registry runs, nothing can be on record.

    Raises ServingRefused where the settings of TLS are wrong.
    """
    web_server.run(application(LogDirectory(folder), closed), port, web_server.place_of(settings))


def closed(asked: EntriesAsked) -> Response:
    """Return the refusal of every entry."""
    del asked
    return answer(of_code("AUDIT_UNAVAILABLE"))


@dataclass(frozen=True, slots=True)
class _Range:
    """What one reading on record opens, and to which token."""

    issuer: str
    token: str
    purpose: str
    number: int


class Readings:
    """Opens entry bundles to callers of verified tokens, a range at a time, once the reading is on record.

    Safe to share between threads: two that ask for one range at once are both on record.
    """

    def __init__(
        self,
        authenticate: Callable[[str, bytes | None], Caller | NotAuthenticated],
        door: Passage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._authenticate = authenticate
        self._door = door
        self._clock = clock
        self._until: dict[_Range, float] = {}
        self._lock = threading.Lock()

    def __call__(self, asked: EntriesAsked) -> Response | None:
        """Return the refusal, or None where the bundle's bytes may leave."""
        request_id = new_request_id()
        try:
            self._let_in(asked, request_id)
        except Refused as refused:
            return answer(refused, request_id)
        return None

    def _let_in(self, asked: EntriesAsked, request_id: str) -> None:
        """Return where the reading is on record; raises Refused."""
        caller = self._caller(asked)
        reading = _Range(caller.token_issuer or "", caller.token_jti or "", asked.purpose, asked.bundle.index // RANGE)
        if self._is_open(reading):
            return
        first = reading.number * RANGE
        range_ = f"entry bundles from {first}, {RANGE} of them"
        purpose, found = Purpose(asked.purpose, range_), AuditFound((range_,))
        caller = replace(caller, request_id=request_id, src_ip_prefix=prefix_of(asked.address))
        answered = self._door.audit_read(caller, purpose, WholeTrail(), lambda: found)
        if isinstance(answered, Withheld):
            raise of_code(answered.code)
        self._open(reading)

    def _caller(self, asked: EntriesAsked) -> Caller:
        found = self._authenticate(asked.token, asked.certificate)
        if isinstance(found, Caller):
            return found
        if found.code == SERVER_AWAY:  # no fault of the token: it may be tried again
            raise of_code(found.code)
        raise Refused(NOT_AUTHENTICATED, found.code)

    def _is_open(self, reading: _Range) -> bool:
        with self._lock:
            return self._until.get(reading, 0.0) > self._clock()

    def _open(self, reading: _Range) -> None:
        now = self._clock()
        with self._lock:
            if len(self._until) >= _MOST_OPEN:  # whatever is closed early is only put on record again
                self._until = dict(list(self._until.items())[_MOST_OPEN // 2 :])
            self._until.pop(reading, None)
            self._until[reading] = now + OPEN_SECONDS
