"""The public keys of a token issuer: fetched by URL or read from a file, held, and fetched again on an unknown key id.

While the issuer is away, what is held is used on for an hour; with nothing held nobody is let in. Must not know what a
token says.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

FRESH_SECONDS: Final = 600.0
STALE_SECONDS: Final = 3_600.0
AGAIN_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 1.0
"""For a whole fetch: with the two that the record may take, a refusal comes within three."""
_LONGEST: Final = 65_536
_PLAIN: Final = {"Accept-Encoding": "identity"}  # what is counted is what is held
_NEW_STREAM: Final = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})

Fetch = Callable[[], Any]
"""Returns a JSON Web Key Set; raises OSError, httpx.HTTPError or ValueError where it can't."""


class KeysAway(Exception):
    """The issuer's keys can't be had, and none are held."""


def of_url(url: str, seconds: float = TIMEOUT_SECONDS) -> Fetch:
    """Return what fetches a key set over HTTP(S), following no redirect; what isn't whole in so many seconds is let go.

    To connect, and to shake hands over TLS, each may take as long at most beside.
    """

    def fetch() -> Any:
        client = httpx.Client(verify=_trusted(), timeout=seconds, follow_redirects=False)
        with client, _Deadline(seconds) as deadline:
            asked = client.build_request("GET", url, headers=_PLAIN, extensions={"trace": deadline.traced})
            answer = client.send(asked, stream=True)
            answer.raise_for_status()
            return json.loads(_body(answer, deadline))

    return fetch


@cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that a key server's certificate is judged by, read once: that takes a while."""
    return httpx.create_ssl_context()


def _body(answer: httpx.Response, deadline: "_Deadline") -> bytes:
    """Return the answer's bytes; raises ValueError once they are too many, TimeoutError once they are late."""
    found = bytearray()
    for part in answer.iter_raw():
        deadline.check()
        found += part
        if len(found) > _LONGEST:
            raise ValueError("a key set is not as large")
    deadline.check()
    return bytes(found)


class _Deadline:
    """The end of a fetch: a server that sends a byte now and then is never late for the client's own timeout."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def check(self) -> None:
        """Raise TimeoutError where it is over."""
        if time.monotonic() >= self._end:
            raise TimeoutError("the key set did not come in time")

    def traced(self, event: str, told: Mapping[str, Any]) -> None:
        """Keep the socket of each new stream, as the client's trace tells it; what is late already ends here."""
        if event in _NEW_STREAM:
            self._socket = told["return_value"].get_extra_info("socket")
            if time.monotonic() >= self._end:
                self._cut()

    def _cut(self) -> None:
        """End a read that goes on: a head of the answer that drips is read by the client itself, byte by byte."""
        with suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


def of_file(path: Path) -> Fetch:
    """Return what reads a key set from a file."""
    return lambda: json.loads(path.read_text("utf-8"))


class IssuerKeys:
    """The keys of one issuer, safe to share between threads."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: threading.Event | None = None
        self._held: KeySet | None = None
        self._held_since = 0.0
        self._tried_at = float("-inf")

    def with_key(self, key_id: str | None) -> KeySet:
        """Return the key set, fetched again where it is old or lacks this key; raises KeysAway.

        One fetches; meanwhile others go on with what is held, unless it does not serve them: they wait for the fetch.
        """
        now = self._clock()
        with self._lock:
            due = self._wanting(key_id, now) and now - self._tried_at >= AGAIN_SECONDS
            mine = due and self._under_way is None
            if mine:
                self._tried_at, self._under_way = now, threading.Event()
            under_way, serves = self._under_way, self._serves(key_id, now)
        if mine:
            self._refresh(now)
        elif under_way is not None and not serves:
            under_way.wait(TIMEOUT_SECONDS)
        with self._lock:
            if self._held is None or now - self._held_since > STALE_SECONDS:
                raise KeysAway
            return self._held

    def _wanting(self, key_id: str | None, now: float) -> bool:
        return not self._serves(key_id, now) or now - self._held_since > FRESH_SECONDS

    def _serves(self, key_id: str | None, now: float) -> bool:
        """Tell whether what is held is not too old, and has this key."""
        if self._held is None or now - self._held_since > STALE_SECONDS:
            return False
        return key_id is None or any(key.kid == key_id for key in self._held.keys)

    def _refresh(self, now: float) -> None:
        """Hold what the issuer says now, asked outside the lock; whatever it says, those who wait go on."""
        found = None
        try:
            found = self._fetched()
        finally:
            with self._lock:
                if found is not None:
                    self._held, self._held_since = found, now
                if self._under_way is not None:
                    self._under_way.set()
                self._under_way = None

    def _fetched(self) -> KeySet | None:
        """Return the issuer's keys; None where it says nothing sensible."""
        try:
            found = KeySet.import_key_set(self._fetch())
        except (OSError, httpx.HTTPError, ValueError, TypeError, KeyError, JoseError):
            return None
        return found if found.keys and not any(isinstance(key, OctKey) for key in found.keys) else None
