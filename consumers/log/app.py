"""The log over HTTP: GET and HEAD, hashes and checkpoints for everyone, entries for authorised auditors.

Must not know how the log is written, how a token is issued or what is on record of a reading: a callable that is asked
for each bundle, before its bytes leave, tells whether they may.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, assert_never

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from consumers.log.directory import LogDamaged, LogDirectory, Rounds
from consumers.log.paths import EntryBundle, HashTile, NewestCheckpoint, Resource, RoundIndex, RoundIndexHead, asked


@dataclass(frozen=True, slots=True)
class EntriesAsked:
    """Who asks for a bundle, by what they sent: bearer token, purpose code, and their address; empty where not told.

    `certificate` is the SHA-256 of the certificate that their connection came with.
    """

    token: str
    purpose: str
    address: str
    bundle: EntryBundle
    certificate: bytes | None = None


OpenEntries = Callable[[EntriesAsked], Response | None]
"""Returns the refusal, or None once the reading of this bundle is on record: its bytes may leave."""

_OCTETS: Final = "application/octet-stream"
_FOR_EVER: Final = "max-age=31536000, immutable"
_BRIEFLY: Final = "max-age=1"
_BEARER: Final = re.compile(r"[Bb]earer +(?P<token>[A-Za-z0-9._~+/=-]{1,8192}) *", re.ASCII)
_RANGE: Final = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})", re.ASCII)


def application(
    log: LogDirectory, open_entries: OpenEntries, certificate: Callable[[Request], bytes | None] = lambda _: None
) -> FastAPI:
    """Return the application that serves this log; it writes nothing.

    `certificate` returns the SHA-256 of the certificate that a request's connection came with.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.api_route("/{path:path}", methods=["GET", "HEAD"])
    def serve(request: Request) -> Response:
        path: str = request.scope["path"][1:]  # as asked for: a route's own match forgives a newline at the end
        resource = asked(path)
        if isinstance(resource, EntryBundle):
            refusal = open_entries(replace(_by_whom(request, resource), certificate=certificate(request)))
            if refusal is not None:
                return refusal
        try:
            found = None if resource is None else _read(log, resource, request)
        except LogDamaged as damage:
            return _refused(503, str(damage))
        return found or _refused(404, "not part of the published log")

    return app


def _read(log: LogDirectory, resource: Resource, request: Request) -> Response | None:
    """Return the answer, or None for what isn't published."""
    match resource:
        case NewestCheckpoint():
            return _answer(log.checkpoint(), "text/plain; charset=utf-8", _BRIEFLY)
        case HashTile() as tile:
            return _answer(log.hash_tile(tile), _OCTETS, f"public, {_FOR_EVER}")
        case EntryBundle() as bundle:
            return _answer(log.entry_bundle(bundle), _OCTETS, f"private, {_FOR_EVER}")
        case RoundIndexHead():
            return _answer(log.rounds_head(), "application/json", _BRIEFLY)
        case RoundIndex():
            rounds = log.published_rounds()
            return None if rounds is None else _part(rounds, request.headers.get("range", ""))
        case never:
            assert_never(never)


def _answer(content: bytes | None, kind: str, cached: str) -> Response | None:
    if content is None:
        return None
    return Response(content, headers={"Content-Type": kind, "Cache-Control": cached})


def _part(rounds: Rounds, asked_for: str) -> Response:
    """Return the part of the index asked for (RFC 9110, section 14); all of it when no single range is."""
    found = _RANGE.fullmatch(asked_for)
    headers = {"Content-Type": _OCTETS, "Cache-Control": _BRIEFLY, "Accept-Ranges": "bytes"}
    if found is None or not (found["first"] or found["last"]):
        return _streamed(rounds, 0, rounds.length, 200, headers)
    start, end = _bounds(found["first"], found["last"], rounds.length)
    if start >= end:
        return _refused(416, "beyond the published rounds", {"Content-Range": f"bytes */{rounds.length}"})
    return _streamed(rounds, start, end, 206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{rounds.length}"})


def _streamed(rounds: Rounds, start: int, end: int, status: int, headers: dict[str, str]) -> Response:
    # A year of rounds is gigabytes: never held whole.
    return StreamingResponse(rounds.chunks(start, end), status, headers | {"Content-Length": str(end - start)})


def _bounds(first: str, last: str, length: int) -> tuple[int, int]:
    """Return start and end, the end not included."""
    if not first:  # the last so many bytes
        return max(0, length - int(last)), length
    return int(first), min(length, int(last) + 1) if last else length


def _by_whom(request: Request, bundle: EntryBundle) -> EntriesAsked:
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return EntriesAsked(
        found["token"] if found else "",
        request.headers.get("jejak-purpose", ""),
        request.client.host if request.client is not None else "",
        bundle,
    )


def _refused(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{why}\n", status, {"Cache-Control": "no-store", **(headers or {})}, "text/plain; charset=utf-8")
