"""Web applications behind a port: plain on loopback, or over TLS, telling the client's certificate to the application.

The certificate is the connection's own: no header names one. Must not know what an application answers, nor to what a
certificate entitles.
"""

import hashlib
import signal
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from jejak.audit.tls import CERTIFICATE, CLIENT_CA, CLIENT_CRL, KEY, Files, Renewing, ServingRefused
from jejak.settings import Settings

__all__ = ["ON_LOOPBACK", "Place", "ServingRefused", "client_certificate", "configured", "place_of", "run"]

LOOPBACK: Final = "127.0.0.1"
LISTEN: Final = "JEJAK_LISTEN"
# Connections that may be open at once; more are answered 503. A log keeps one.
_CONNECTIONS: Final = 64
# Longer than a log waits between two rounds, so that its connection stays.
_IDLE_SECONDS: Final = 75


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server answers: an address, and over TLS where `tls` is set.

    With `asks_clients` the clients' certificates are asked for: one that no authority of ours signed, or that it
    revoked, ends the connection, none at all is for the application to judge.
    """

    host: str = LOOPBACK
    tls: Renewing | None = None
    asks_clients: bool = False


ON_LOOPBACK: Final = Place()


def place_of(settings: Settings) -> Place:
    """Return where servers answer by the settings; raises ServingRefused, which names the setting that is wrong."""
    named = {
        CERTIFICATE: settings.tls_certificate,
        KEY: settings.tls_key,
        CLIENT_CA: settings.tls_client_ca,
        CLIENT_CRL: settings.tls_client_crl,
    }
    given = {name: file for name, file in named.items() if file != Path()}
    if not given:
        if not _is_loopback(settings.listen):
            raise ServingRefused(f"{LISTEN} is not a loopback address: set {CERTIFICATE} and {KEY}")
        return Place(settings.listen)
    for missing in (CERTIFICATE, KEY):
        if missing not in given:
            raise ServingRefused(f"{missing} is not set, and {', '.join(sorted(given))} is: TLS needs both")
    if CLIENT_CRL in given and CLIENT_CA not in given:
        raise ServingRefused(f"{CLIENT_CA} is not set, and {CLIENT_CRL} is: nobody's certificate is asked for")
    for name, file in sorted(given.items()):
        if not file.is_file():
            raise ServingRefused(f"{name} names no file")
    files = Files(given[CERTIFICATE], given[KEY], given.get(CLIENT_CA), given.get(CLIENT_CRL))
    return Place(settings.listen, Renewing.over(files), CLIENT_CA in given)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def client_certificate(request: Request) -> bytes | None:
    """Return the SHA-256 of the certificate that the client proved to own with this connection, None without one.

    The thumbprint of RFC 8705: of the DER encoding.
    """
    chain = request.scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain[0])).digest() if chain else None


def configured(app: FastAPI, port: int, place: Place = ON_LOOPBACK) -> uvicorn.Config:
    """Return how an application is served there; nothing of a request is logged."""
    tls = place.tls
    return uvicorn.Config(
        app,
        host=place.host,
        port=port,
        http=_Telling,
        ws="none",
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        access_log=False,
        log_level="warning",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


def run(app: FastAPI, port: int, place: Place = ON_LOOPBACK) -> None:
    """Serve an application until SIGTERM or SIGINT; requests under way are answered first.

    It returns then, so that the caller closes what it lent: a door its chain of audit entries. SystemExit where the
    port is taken.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # The web server, when it has ended, raises the signal again for whom it heard it in place of.
        signal.signal(number, _heard)
    server = uvicorn.Server(configured(app, port, place))
    server.run()
    if not server.started:
        raise SystemExit(_NOT_STARTED)


_NOT_STARTED: Final = 3


class _Telling(H11Protocol):
    """A connection that tells the application its client's certificate, as the TLS extension of ASGI has it."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if connection is not None and isinstance(self.config.ssl, Renewing):
            self.app = _Told(self.app, self.config.ssl, connection.getpeercert(binary_form=True))


@dataclass(frozen=True, slots=True)
class _Told:
    """An application that is told of each request whose connection it came by; `certificate` is DER, or nothing."""

    app: ASGIApp
    trust: Renewing
    certificate: bytes | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a certificate that was revoked since its connection began is none."""
        revoked = self.certificate is not None and self.trust.refuses(self.certificate)
        chain = (ssl.DER_cert_to_PEM_cert(self.certificate),) if self.certificate and not revoked else ()
        error = "certificate revoked" if revoked else None
        tls = {"server_cert": None, "client_cert_chain": chain, "client_cert_name": None, "client_cert_error": error}
        await self.app({**scope, "extensions": {**scope.get("extensions", {}), "tls": tls}}, receive, send)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Let the process go on to its end."""
