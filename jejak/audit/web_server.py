"""Web applications behind a port: plain on loopback, or over TLS, telling the client's certificate to the application.

The certificate is the connection's own: no header names one. Must not know what an application answers, nor to what a
certificate entitles.
"""

import hashlib
import signal
import ssl
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from jejak.settings import Settings

LOOPBACK: Final = "127.0.0.1"
CERTIFICATE: Final = "JEJAK_TLS_CERTIFICATE"
KEY: Final = "JEJAK_TLS_KEY"
CLIENT_CA: Final = "JEJAK_TLS_CLIENT_CA"
LISTEN: Final = "JEJAK_LISTEN"
# Connections that may be open at once; more are answered 503. A log keeps one.
_CONNECTIONS: Final = 64
# Longer than a log waits between two rounds, so that its connection stays.
_IDLE_SECONDS: Final = 75


class ServingRefused(Exception):
    """The settings can't be served by; the text names the setting and never holds a key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server answers: an address, and over TLS where `tls` is set.

    With `asks_clients` the clients' certificates are asked for: one that no authority of ours signed ends the
    connection, none at all is for the application to judge.
    """

    host: str = LOOPBACK
    tls: ssl.SSLContext | None = None
    asks_clients: bool = False


ON_LOOPBACK: Final = Place()


def place_of(settings: Settings) -> Place:
    """Return where servers answer by the settings; raises ServingRefused, which names the setting that is wrong."""
    certificate, key, authority = settings.tls_certificate, settings.tls_key, settings.tls_client_ca
    named = {CERTIFICATE: certificate, KEY: key, CLIENT_CA: authority}
    given = {name for name, file in named.items() if file != Path()}
    if not given:
        if not _is_loopback(settings.listen):
            raise ServingRefused(f"{LISTEN} is not a loopback address: set {CERTIFICATE} and {KEY}")
        return Place(settings.listen)
    for missing in (CERTIFICATE, KEY):
        if missing not in given:
            raise ServingRefused(f"{missing} is not set, and {', '.join(sorted(given))} is: TLS needs both")
    for name in sorted(given):
        if not named[name].is_file():
            raise ServingRefused(f"{name} names no file")
    asks = CLIENT_CA in given
    return Place(settings.listen, _context(certificate, key, authority if asks else None), asks)


def _context(certificate: Path, key: Path, authority: Path | None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # No tickets: a certificate is proved anew with each connection, so one that ran out is refused with the next.
    made.options |= ssl.OP_NO_TICKET
    made.num_tickets = 0
    try:
        made.load_cert_chain(certificate, key, password="")  # a key under a password is refused, not asked about
    except (ssl.SSLError, OSError, ValueError):
        raise ServingRefused(f"{CERTIFICATE} and {KEY} are no PEM certificate with its own, unencrypted key") from None
    if authority is not None:
        made.verify_mode = ssl.CERT_OPTIONAL
        try:
            made.load_verify_locations(authority)
        except (ssl.SSLError, OSError, ValueError):
            raise ServingRefused(f"{CLIENT_CA} holds no PEM certificate") from None
    return made


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
        if connection is not None:
            self.app = partial(_told, self.app, _extension(connection))


def _extension(connection: ssl.SSLObject) -> dict[str, Any]:
    certificate = connection.getpeercert(binary_form=True)
    chain = (ssl.DER_cert_to_PEM_cert(certificate),) if certificate else ()
    return {"server_cert": None, "client_cert_chain": chain, "client_cert_name": None, "client_cert_error": None}


async def _told(app: ASGIApp, tls: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
    await app({**scope, "extensions": {**scope.get("extensions", {}), "tls": tls}}, receive, send)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Let the process go on to its end."""
