"""The application: routes, one handler for every error, and nothing that could keep a NIK.

A userId is in the URL by the specification, so no URL is ever written: no access log, no validation text, no fault's.
"""

import asyncio
import time

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumers.api import accesses
from consumers.api.problems import BAD_REQUEST, FAULT, NO_STORE, NOT_FOUND, Refused, Wrong, answer, of_status
from consumers.api.service import Service, new_request_id, only_known_parameters
from consumers.gateway.telling import seconds_left

_LOG = structlog.get_logger(__name__)
_DESCRIPTION = "Who saw my data, and who saw whom. Every answer is itself on record before it is given."


class _LastResort:
    """Gives a request its id, has no answer kept by a cache, and answers a fault without a word of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = new_request_id()
        state["asked_at"] = time.monotonic()
        began = False

        async def told(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
                message = {**message, "headers": [*headers, (b"cache-control", NO_STORE.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as fault:  # noqa: BLE001  the web server would log its text, which may quote the request
            _LOG.error("request_failed", fault=type(fault).__name__, request_id=request_id)
            if began:
                raise ConnectionAbortedError from None
            await answer(Refused(FAULT), request_id)(scope, receive, told)


def application(service: Service, *more: APIRouter) -> FastAPI:
    """Return the application over a service, with the routes of this package and `more`."""
    app = FastAPI(
        title="Jejak",
        version="1",
        description=_DESCRIPTION,
        openapi_url=None,
        dependencies=[Depends(only_known_parameters)],
        separate_input_output_schemas=False,
    )
    app.state.service = service
    for routes in (accesses.routes, *more):
        app.include_router(routes)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _declined)
    app.add_middleware(_LastResort)
    return app


async def _refused(request: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise TypeError("a refusal was expected")
    if refused.problem is NOT_FOUND:
        await asyncio.sleep(seconds_left(time.monotonic() - request.state.asked_at))
    return answer(refused, request.state.request_id)


def _invalid(request: Request, invalid: Exception) -> Response:
    """Say where the request is wrong and by which rule; never what was sent."""
    if not isinstance(invalid, RequestValidationError):
        raise TypeError("a validation error was expected")
    errors = tuple(
        Wrong("/" + "/".join(str(part) for part in one["loc"][:2]), str(one["type"]).upper())
        for one in invalid.errors()
    )
    return answer(Refused(BAD_REQUEST, "INVALID", errors), request.state.request_id)


def _declined(request: Request, declined: Exception) -> Response:
    if not isinstance(declined, HTTPException):
        raise TypeError("an error of the web library was expected")
    return answer(Refused(of_status(declined.status_code)), request.state.request_id)
