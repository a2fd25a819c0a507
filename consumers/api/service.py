"""What the API stands on, and who is calling: a bearer token in, a caller or a problem out.

Must not know routes, nor how a token is verified.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from consumers.api.cursors import Cursors
from consumers.api.problems import BAD_REQUEST, NOT_AUTHENTICATED, Refused, Wrong, of_code
from consumers.gateway.request import Caller, Purpose
from consumers.gateway.trail import Trails

DATABASE: Final = "jejak"
_OF_A_TOKEN: Final = "TOKEN_"  # noqa: S105  the beginning of a code
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class NotAuthenticated(Protocol):
    """Why a token says nothing about who calls."""

    @property
    def code(self) -> str:
        """The reason."""


Authenticate = Callable[[str, bytes | None], Caller | NotAuthenticated]


@dataclass(frozen=True, slots=True)
class Service:
    """What requests are answered with: the authentication, the exchange of a NIK for a reference, and the trail.

    `certificate` returns the SHA-256 of the client's certificate where the connection tells it, else None.
    """

    authenticate: Authenticate
    person_ref: Callable[[str], str]
    trails: Trails
    cursors: Cursors
    today: Callable[[], str]
    certificate: Callable[[Request], bytes | None] = lambda _: None


def service_of(request: Request) -> Service:
    """Return the service that the application was made over."""
    found: Service = request.app.state.service
    return found


Serving = Annotated[Service, Depends(service_of)]
_bearer = HTTPBearer(auto_error=False, description="An access token of the issuer: OAuth 2.0 client credentials.")


def known_caller(
    request: Request,
    service: Serving,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    traceparent: Annotated[str, Header(description="W3C trace context.")] = "",
) -> Caller:
    """Return who calls, as the token says, with what the request adds to the record; raises Refused."""
    if given is None:
        raise Refused(NOT_AUTHENTICATED)
    found = service.authenticate(given.credentials, service.certificate(request))
    if not isinstance(found, Caller):
        raise Refused(NOT_AUTHENTICATED, found.code) if found.code.startswith(_OF_A_TOKEN) else of_code(found.code)
    traced = _TRACE.fullmatch(traceparent)
    told: dict[str, Any] = {"channel": "API", "request_id": request.state.request_id}
    told["trace_id"] = traced.group(1) if traced else found.trace_id
    told["src_ip_prefix"] = prefix_of(request.client.host) if request.client is not None else None
    return replace(found, **told)


def prefix_of(host: str) -> str | None:
    """Return the network that an address is in: /24, or /48 of IPv6; no trail holds a whole address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return str(ip_network((address, 48 if isinstance(address, IPv6Address) else 24), strict=False))


def named_purpose(
    jejak_purpose: Annotated[str | None, Header(description="Purpose code of the purpose register.")] = None,
    jejak_agreement: Annotated[str | None, Header(description="Sharing agreement, where there is one.")] = None,
) -> Purpose:
    """Return why the caller asks, as they said it: the door refuses what is missing or malformed, on record."""
    return Purpose(jejak_purpose or "", agreement_id=jejak_agreement)


Known = Annotated[Caller, Depends(known_caller)]
Why = Annotated[Purpose, Depends(named_purpose)]


def only_known_parameters(request: Request) -> None:
    """Refuse a request with a query parameter that its route has not, or with one that is given twice."""
    route: Any = request.scope["route"]
    declared = {parameter.alias for parameter in route.dependant.query_params}
    named = [name for name, _ in request.query_params.multi_items()]
    if not declared.issuperset(named) or len(set(named)) != len(named):
        raise Refused(BAD_REQUEST, "QUERY_PARAMETER_UNKNOWN", (Wrong("/query", "UNKNOWN_OR_REPEATED"),))


def new_request_id() -> str:
    """Return the id of a request on record."""
    return str(uuid.uuid4())
