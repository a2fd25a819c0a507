"""What servers prove themselves by and whom they believe, from files that are read again when they change.

A certificate that is about to end is replaced, and a client's is revoked, without a restart: files are looked at
before each connection and each request, once a second at most. Must not know what is served, nor to what a certificate
entitles.
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import structlog
from cryptography import x509

CERTIFICATE: Final = "JEJAK_TLS_CERTIFICATE"
KEY: Final = "JEJAK_TLS_KEY"
CLIENT_CA: Final = "JEJAK_TLS_CLIENT_CA"
CLIENT_CRL: Final = "JEJAK_TLS_CLIENT_CRL"
LOOK_SECONDS: Final = 1.0
_PEM_CRL: Final = b"-----BEGIN X509 CRL-----"

_LOG: Final = structlog.get_logger(__name__)

_State = tuple[tuple[int, int, int] | None, ...]


class ServingRefused(Exception):
    """The settings can't be served by; the text names the setting and never holds a key."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """Certificates by issuer and number, and until when (UTC) each issuer's list may be believed."""

    certificates: frozenset[tuple[bytes, int]] = frozenset()
    until: tuple[tuple[bytes, datetime], ...] = ()

    @classmethod
    def of(cls, pem: bytes) -> Self:
        """Return what the lists in a file say; raises ValueError."""
        lists = [x509.load_pem_x509_crl(_PEM_CRL + part) for part in pem.split(_PEM_CRL)[1:]]
        named = {(one.issuer.public_bytes(), entry.serial_number) for one in lists for entry in one}
        until = [(one.issuer.public_bytes(), one.next_update_utc) for one in lists]
        return cls(frozenset(named), tuple((issuer, end) for issuer, end in until if end is not None))

    def names(self, certificate: bytes, now: datetime) -> bool:
        """Tell whether a certificate (DER) is revoked, or whether that can't be told as its issuer's lists ran out."""
        if not (self.certificates or self.until):
            return False
        asked = x509.load_der_x509_certificate(certificate)
        issuer = asked.issuer.public_bytes()
        ends = [end for one, end in self.until if one == issuer]
        return (issuer, asked.serial_number) in self.certificates or bool(ends and max(ends) <= now)


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files: a server's certificate and key; who signs clients' certificates, and which of them are revoked."""

    certificate: Path
    key: Path
    authority: Path | None = None
    revocations: Path | None = None

    def state(self) -> _State:
        """Return what changes whenever a file is written or replaced; None stands for one that is not there."""
        return tuple(map(_state_of, (self.certificate, self.key, self.authority, self.revocations)))

    def context(self) -> ssl.SSLContext:
        """Return the context that the files make now; raises ServingRefused, which names the setting that is wrong."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        # No tickets: a certificate is proved anew with each connection, so one that ran out is refused with the next.
        made.options |= ssl.OP_NO_TICKET
        made.num_tickets = 0
        try:
            made.load_cert_chain(self.certificate, self.key, password="")  # under a password: refused, not asked about
        except (ssl.SSLError, OSError, ValueError):
            said = f"{CERTIFICATE} and {KEY} are no PEM certificate with its own, unencrypted key"
            raise ServingRefused(said) from None
        if self.authority is not None:
            made.verify_mode = ssl.CERT_OPTIONAL
            _load(made, self.authority, CLIENT_CA, "certificate", "x509")
        if self.revocations is not None:
            # A client whose authority has no list here, or one that ran out, is refused.
            made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
            _load(made, self.revocations, CLIENT_CRL, "revocation list", "crl")
        return made

    def revoked(self) -> Revoked:
        """Return whom the revocation lists name; raises ServingRefused where they are unreadable."""
        if self.revocations is None:
            return Revoked()
        try:
            return Revoked.of(self.revocations.read_bytes())
        except (OSError, ValueError):
            raise ServingRefused(f"{CLIENT_CRL} holds no PEM revocation list") from None


class Renewing(ssl.SSLContext):
    """A context that is the files' own at each connection; while they don't fit together, what they made last."""

    _files: Files
    _clock: Callable[[], float]
    _looked: float
    _tried: _State
    _current: ssl.SSLContext
    _revoked: Revoked

    @classmethod
    def over(cls, files: Files, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the context of the files; raises ServingRefused, which names the setting that is wrong."""
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made._files, made._clock, made._looked = files, clock, clock()
        made._tried, made._current, made._revoked = files.state(), files.context(), files.revoked()
        return made

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        """Return one connection's TLS, by the files as they are."""
        self._look()
        return self._current.wrap_bio(*args, **named)

    def refuses(self, certificate: bytes) -> bool:
        """Tell whether a certificate (DER) that opened a connection earlier would open none now: it was revoked."""
        self._look()
        return self._revoked.names(certificate, datetime.now(UTC))

    def _look(self) -> None:
        """Take the files where they changed and fit together; otherwise say so once, and keep what they made last."""
        now = self._clock()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked, state = now, self._files.state()
        if state == self._tried:
            return
        self._tried = state
        try:
            self._current, self._revoked = self._files.context(), self._files.revoked()
        except ServingRefused as refused:
            _LOG.error("tls_files_not_taken", why=str(refused))
        else:
            _LOG.info("tls_files_taken")


def _load(context: ssl.SSLContext, file: Path, setting: str, what: str, kind: str) -> None:
    """Have a context believe a file's certificates or lists; raises ServingRefused where it holds none."""
    before = context.cert_store_stats()[kind]
    try:
        context.load_verify_locations(file)
    except (ssl.SSLError, OSError, ValueError):
        raise ServingRefused(f"{setting} holds no PEM {what}") from None
    if context.cert_store_stats()[kind] == before:
        raise ServingRefused(f"{setting} holds no PEM {what}")


def _state_of(file: Path | None) -> tuple[int, int, int] | None:
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
