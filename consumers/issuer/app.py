"""The issuer over HTTP: client credentials (RFC 6749 4.4) and the key set. For development on loopback alone.

Must not know what tokens are used for; logs nothing of a request.
"""

import base64
import binascii
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from consumers.issuer import clients
from consumers.issuer.clients import Client
from consumers.issuer.tokens import Issuer, Subject

TOKEN_PATH: Final = "/oauth2/client/token"  # noqa: S105  a path
KEYS_PATH: Final = "/.well-known/jwks.json"
GRANT: Final = "client_credentials"
_LONGEST_BODY: Final = 4_096
_NO_STORE: Final = {"Cache-Control": "no-store"}
# Compared with where no such client is, so that a wrong id takes as long as a wrong secret.
_NOBODY: Final = clients.hashed("", bytes(16))


class _Refused(Exception):
    """A request that gets no token, by the code of RFC 6749 5.2."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


def application(
    issuer: Issuer,
    known: Mapping[str, Client],
    now: Callable[[], int] = lambda: int(time.time()),
    certificate: Callable[[Request], bytes | None] = lambda _: None,
) -> FastAPI:
    """Return the application of an issuer and its clients.

    `certificate` returns the SHA-256 of the certificate that a request's connection came with: the token is bound to it
    (RFC 8705, section 3). A client that is registered with another one gets none.
    """

    async def token(request: Request) -> JSONResponse:
        try:
            told = await _said(request)
            client = await run_in_threadpool(_client, known, request.headers.get("authorization"), told)
            subject = _bound(client.subject, certificate(request))
        except _Refused as refused:
            return JSONResponse({"error": refused.code}, refused.status, headers=_NO_STORE)
        issued = issuer.issue(subject, now(), str(uuid.uuid4()))
        answer = {"access_token": issued, "token_type": "Bearer", "expires_in": issuer.seconds}
        return JSONResponse(answer, headers=_NO_STORE)

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse(issuer.keys())

    app = FastAPI(openapi_url=None)
    app.add_route(TOKEN_PATH, token, methods=["POST"])
    app.add_route(KEYS_PATH, keys, methods=["GET"])
    return app


async def _said(request: Request) -> Mapping[str, str]:
    """Return what a request says, as a form or as JSON; raises _Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise _Refused("invalid_request", 413)
    try:
        text = body.decode()
        if request.headers.get("content-type", "").startswith("application/json"):
            said: Any = json.loads(text)
        else:
            said = {name: values[0] for name, values in parse_qs(text, strict_parsing=bool(text)).items()}
    except ValueError:
        raise _Refused("invalid_request", 400) from None
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise _Refused("invalid_request", 400)
    return said


def _client(known: Mapping[str, Client], authorization: str | None, told: Mapping[str, str]) -> Client:
    """Return the client that proved itself; raises _Refused."""
    if told.get("grant_type") != GRANT:
        raise _Refused("unsupported_grant_type", 400)
    client_id, secret = _credentials(authorization, told)
    found = known.get(client_id)
    if not clients.matches(secret, found.secret if found is not None else _NOBODY) or found is None:
        raise _Refused("invalid_client", 401)
    return found


def _bound(subject: Subject, certificate: bytes | None) -> Subject:
    """Return for whom the token speaks over this connection alone; raises _Refused."""
    if certificate is None:
        return subject
    thumbprint = base64.urlsafe_b64encode(certificate).rstrip(b"=").decode()
    if subject.certificate not in {None, thumbprint}:
        raise _Refused("invalid_client", 401)
    return replace(subject, certificate=thumbprint)


def _credentials(authorization: str | None, told: Mapping[str, str]) -> tuple[str, str]:
    if authorization is None:
        return told.get("client_id", ""), told.get("client_secret", "")
    scheme, _, encoded = authorization.partition(" ")
    try:
        client_id, found, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise _Refused("invalid_client", 401) from None
    if scheme.lower() != "basic" or not found:
        raise _Refused("invalid_client", 401)
    return unquote_plus(client_id), unquote_plus(secret)
