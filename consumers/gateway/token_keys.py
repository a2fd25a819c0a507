"""The public keys of a token issuer: fetched by URL or read from a file, held, and fetched again on an unknown key id.

While the issuer is away, what is held is used on for an hour; with nothing held nobody is let in. Must not know what a
token says.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

FRESH_SECONDS: Final = 600.0
STALE_SECONDS: Final = 3_600.0
AGAIN_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 2.0
_LONGEST: Final = 65_536

Fetch = Callable[[], Any]
"""Returns a JSON Web Key Set; raises OSError, httpx.HTTPError or ValueError where it can't."""


class KeysAway(Exception):
    """The issuer's keys can't be had, and none are held."""


def of_url(url: str) -> Fetch:
    """Return what fetches a key set over HTTP(S), within two seconds and following no redirect."""

    def fetch() -> Any:
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS, follow_redirects=False)
        answer.raise_for_status()
        if len(answer.content) > _LONGEST:
            raise ValueError("a key set is not as large")
        return answer.json()

    return fetch


def of_file(path: Path) -> Fetch:
    """Return what reads a key set from a file."""
    return lambda: json.loads(path.read_text("utf-8"))


class IssuerKeys:
    """The keys of one issuer, safe to share between threads."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._held: KeySet | None = None
        self._held_since = 0.0
        self._tried_at = float("-inf")

    def with_key(self, key_id: str | None) -> KeySet:
        """Return the key set, fetched again where it is old or lacks this key; raises KeysAway."""
        with self._lock:
            now = self._clock()
            if self._wanting(key_id, now) and now - self._tried_at >= AGAIN_SECONDS:
                self._tried_at = now
                self._refresh(now)
            if self._held is None or now - self._held_since > STALE_SECONDS:
                raise KeysAway
            return self._held

    def _wanting(self, key_id: str | None, now: float) -> bool:
        if self._held is None or now - self._held_since > FRESH_SECONDS:
            return True
        return key_id is not None and all(key.kid != key_id for key in self._held.keys)

    def _refresh(self, now: float) -> None:
        """Hold what the issuer says now; keep what is held where it says nothing sensible."""
        try:
            found = KeySet.import_key_set(self._fetch())
        except (OSError, httpx.HTTPError, ValueError, TypeError, KeyError, JoseError):
            return
        if found.keys and not any(isinstance(key, OctKey) for key in found.keys):
            self._held, self._held_since = found, now
