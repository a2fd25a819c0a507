"""The witness over HTTP. Must not know how it judges: it reads a body of bounded size and gives the answer.

The submission prefix and the monitoring prefix are the same.
"""

import asyncio
import time
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from consumers.witness.limits import Limits
from consumers.witness.witness import Answer, StateDamaged, Witness

# 63 proof lines, and a checkpoint with more signatures than a note need carry, long ones too.
LARGEST_BODY: Final = 131_072
_BODY_SECONDS: Final = 10.0
_LOG: Final = structlog.get_logger(__name__)


class _TooLarge(Exception):
    """The body is longer than any request."""


def application(witness: Witness, limits: Limits | None = None) -> FastAPI:
    """Return the application that asks this witness; requests are counted by the address they come from."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    limits = limits or Limits(time.monotonic)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        if not limits.take(request.client.host if request.client else ""):
            return Response("too many requests\n", 429, {"Retry-After": "1"}, "text/plain")
        try:
            body = await asyncio.wait_for(_body(request), _BODY_SECONDS)
        except _TooLarge:
            return Response("the body is too large\n", 413, media_type="text/plain")
        except TimeoutError:
            return Response("the body came too slowly\n", 408, media_type="text/plain")
        return _response(await run_in_threadpool(witness.add_checkpoint, body))

    @app.api_route("/{origin_hash}/checkpoint", methods=["GET", "HEAD"])
    def checkpoint(origin_hash: str) -> Response:
        note = witness.latest(origin_hash)
        if note is None:
            return Response("no checkpoint of such a log\n", 404, {"Cache-Control": "no-store"}, "text/plain")
        return Response(note, headers={"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "max-age=1"})

    @app.exception_handler(OSError)
    @app.exception_handler(StateDamaged)
    def not_stored(_: Request, fault: Exception) -> Response:
        # A disk that is full may have room again; what is stored and damaged stays refused until someone looks.
        _LOG.error("witness_cannot_store", fault=type(fault).__name__, detail=str(fault))
        return Response("the witness can't store\n", 503, {"Cache-Control": "no-store"}, "text/plain")

    return app


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _TooLarge
    return bytes(body)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {"Content-Type": answer.kind, "Cache-Control": "no-store"})
