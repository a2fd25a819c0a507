"""Every error as `application/problem+json` (RFC 9457): a stable type, no personal data, one handler.

A type is the path of a section of docs/problems.md. Must not know routes.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse

from consumers.gateway.telling import told

MEDIA_TYPE: Final = "application/problem+json"
NO_STORE: Final = "no-store"
_PAGE: Final = "/problems/"
_RETRY_SECONDS: Final = "2"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error; `title` is for people and says nothing of the request."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The problem's type: a path that stays."""
        return _PAGE + self.slug


BAD_REQUEST: Final = Problem("bad-request", 400, "The request has not the form that is documented")
NOT_AUTHENTICATED: Final = Problem("not-authenticated", 401, "A valid bearer token is needed")
NOT_PERMITTED: Final = Problem("not-permitted", 403, "The policies do not permit this")
NOT_FOUND: Final = Problem("not-found", 404, "Nothing is shown here")
NOT_ALLOWED: Final = Problem("method-not-allowed", 405, "This method is not offered here")
PENDING: Final = Problem("receipt-pending", 409, "No checkpoint covers this entry yet")
QUOTA: Final = Problem("quota-exceeded", 429, "The quota of this hour is used up")
FAULT: Final = Problem("fault", 500, "The service failed; the fault is on record")
UNAVAILABLE: Final = Problem("not-on-record", 503, "This can not be put on record, or read, now: nothing is shown")
PROBLEMS: Final = (
    BAD_REQUEST,
    NOT_AUTHENTICATED,
    NOT_PERMITTED,
    NOT_FOUND,
    NOT_ALLOWED,
    PENDING,
    QUOTA,
    FAULT,
    UNAVAILABLE,
)

_OF_CODE: Final = {
    **dict.fromkeys(
        (
            "DISK_FULL",
            "CLOCK_WRONG",
            "WITNESSES_LATE",
            "READ_MODEL_BEHIND",
            "EVENT_NOT_OF_STATE",
        ),
        UNAVAILABLE,
    ),
    **dict.fromkeys(("NOT_FOUND", "BEFORE_FIRST_EVENT"), NOT_FOUND),
    "PENDING": PENDING,
    "QUOTA_EXCEEDED": QUOTA,
}
_AWAY: Final = "_UNAVAILABLE"
_OF_STATUS: Final = {problem.status: problem for problem in PROBLEMS}
_HIDDEN: Final = frozenset({NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing wrong with a request: where, as a JSON pointer, and a code; never what was sent."""

    pointer: str
    code: str


class Refused(Exception):
    """A request ends with a problem; `code` says more where that is allowed."""

    def __init__(self, problem: Problem, code: str = "", errors: tuple[Wrong, ...] = ()) -> None:
        super().__init__(problem.slug)
        self.problem = problem
        self.code = code
        self.errors = errors


def of_code(code: str) -> Refused:
    """Return the refusal that a code of the gateway is told as; what is no fault of ours is not permitted."""
    said = told(code)
    return Refused(_OF_CODE.get(said, UNAVAILABLE if said.endswith(_AWAY) else NOT_PERMITTED), said)


def of_status(status: int) -> Problem:
    """Return the problem that a status of the web library is told as."""
    return _OF_STATUS.get(status, BAD_REQUEST)


def answer(refused: Refused, request_id: str = "") -> JSONResponse:
    """Return the problem as it crosses the wire; `instance` names the request on record."""
    problem = refused.problem
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "instance": f"urn:uuid:{request_id or uuid.uuid4()}",
    }
    if refused.code and problem not in _HIDDEN:
        body["code"] = refused.code
    if refused.errors:
        body["errors"] = [{"pointer": wrong.pointer, "code": wrong.code} for wrong in refused.errors]
    headers = {"Cache-Control": NO_STORE}
    if problem is NOT_AUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem in {UNAVAILABLE, PENDING, QUOTA}:
        headers["Retry-After"] = _RETRY_SECONDS
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)
