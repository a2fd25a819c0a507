"""Who saw me, who saw whom: the routes. Each answer is on record before it is given, by the door behind `Trails`."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse

from consumers.api.answers import (
    Accesses,
    DataUsage,
    PersonAccesses,
    PersonData,
    accesses_of,
    looks_of,
    usage_of,
)
from consumers.api.problems import BAD_REQUEST, NOT_FOUND, NOT_PERMITTED, Refused, Wrong, of_code
from consumers.api.service import DATABASE, Known, Service, Serving, Why, named_purpose
from consumers.gateway.request import Caller, FamilyDisclosed, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail
from consumers.read_model.audit_queries import NEWEST, Position
from consumers.read_model.rows import day_of

MOST: Final = 1_000
_OWN: Final = Purpose(OWN_DATA)
_NIK: Final = re.compile(r"[0-9]{16}", re.ASCII)
_MEMBER: Final = r"^[^/\s]{1,64}/[^/\s]{1,64}/[^/\s]{1,64}/[^/\s]{1,64}$"
_EVENT: Final = r"^[0-9a-f]{32}$"

routes = APIRouter()
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many lines at most.")]
After = Annotated[str, Query(max_length=128, description="`next` of the part before.")]
Day = Annotated[str, Query(max_length=10, description="Day in WIB, as 2025-07-31; today by default.")]


@routes.get("/v1/me/accesses")
def my_accesses(caller: Known, service: Serving, after: After = "", limit: Limit = MOST) -> PersonAccesses:
    """Tell a citizen who saw them, or tried, newest first: UU 27/2022 art. 32."""
    person = _citizen(caller)
    trail = _trail(service, caller, _OWN, person, _position(service, after, _scope(person)), limit)
    return accesses_of(trail, _cursor(service, trail.after, _scope(person)))


@routes.get("/v1/me/data")
def my_data(caller: Known, service: Serving) -> PersonData:
    """Give a citizen their data and who saw it, in one answer: UU 27/2022 art. 32, within 3x24 hours.

    Where the policies hand data over at a counter alone, `data_refused` says so beside the trail.
    """
    found = service.trails.data_and_trail(caller, _citizen(caller))
    if isinstance(found.trail, Withheld):
        raise of_code(found.trail.code)
    shown = isinstance(found.data, FamilyDisclosed)
    return PersonData(
        data=found.data.fields if isinstance(found.data, FamilyDisclosed) else None,
        data_refused=None if shown else of_code(getattr(found.data, "code", "")).problem.slug,
        accesses=accesses_of(found.trail, None),
    )


@routes.get("/data/myPersonalDataUsage")
def my_personal_data_usage(  # noqa: PLR0913, PLR0917  the specification's parameters, and who answers
    caller: Known,
    service: Serving,
    response: Response,
    user: Annotated[str, Query(alias="userId", max_length=64, description="The citizen's NIK.")],
    database: Annotated[str, Query(alias="databaseId", max_length=64, description="The register.")],
    information_mediator_client: Annotated[
        str, Header(pattern=_MEMBER, description="INSTANCE/CLASS/MEMBER/SUBSYSTEM of the asking system.")
    ],
    after: After = "",
) -> list[DataUsage]:
    """Tell who used a citizen's data, in the form of GovStack's digital registries (DRS-7, DRS-8)."""
    del information_mediator_client  # its form is the specification's; who calls is what the token says
    if not _NIK.fullmatch(user):
        raise Refused(BAD_REQUEST, "INVALID_ID", (Wrong("/query/userId", "INVALID_ID"),))
    person = service.person_ref(user)
    if database != DATABASE:
        raise Refused(NOT_FOUND)
    trail = _trail(service, caller, _OWN, person, _position(service, after, _scope(person)), MOST)
    if not trail.lines:
        raise Refused(NOT_FOUND)
    cursor = _cursor(service, trail.after, _scope(person))
    if cursor is not None:
        # To the same list in our own form, which needs no userId: a link is kept where a NIK must not be.
        response.headers["Link"] = f'</v1/me/accesses?after={cursor}>; rel="next"'
    return [usage_of(line) for line in trail.lines]


@routes.get("/v1/accesses/agency")
def of_agency(  # noqa: PLR0913, PLR0917  who asks, why, and which part
    caller: Known,
    why: Why,
    service: Serving,
    agency: Annotated[str, Query(max_length=64, description="The agency; the caller's own by default.")] = "",
    day: Day = "",
    after: After = "",
    limit: Limit = MOST,
) -> Accesses:
    """Tell an agency its own use on a day, newest first."""
    asked, on = agency or caller.agency_id, _day(service, day)
    scope = f"agency|{asked}|{on}"
    found = service.trails.of_agency(caller, why, asked, on, _position(service, after, scope), limit)
    return _looked(service, found, scope)


@routes.get("/v1/accesses/accessor")
def of_accessor(  # noqa: PLR0913, PLR0917  idem
    caller: Known,
    why: Why,
    service: Serving,
    actor: Annotated[str, Query(min_length=1, max_length=64, description="The officer's pseudonym.")],
    agency: Annotated[str, Query(max_length=64, description="Their agency; the caller's own by default.")] = "",
    day: Day = "",
    after: After = "",
    limit: Limit = MOST,
) -> Accesses:
    """Tell what an officer looked at on a day, newest first."""
    asked, on = agency or caller.agency_id, _day(service, day)
    scope = f"accessor|{asked}|{actor}|{on}"
    found = service.trails.of_accessor(caller, why, asked, actor, on, _position(service, after, scope), limit)
    return _looked(service, found, scope)


@routes.get("/v1/accesses/{event}/receipt", response_class=PlainTextResponse)
def receipt(
    caller: Known,
    service: Serving,
    event: Annotated[str, Path(pattern=_EVENT, description="`id` of a line.")],
    jejak_purpose: Annotated[str, Header(description="Purpose code; an agency must name one.")] = "",
) -> str:
    """Give the proof that a look is in the log: to the citizen it was about, or to the agency that looked."""
    event_id = bytes.fromhex(event)
    if caller.person_ref is not None:
        found = service.trails.receipt(caller, _OWN, caller.person_ref, event_id)
    else:
        why = named_purpose(jejak_purpose or None)
        found = service.trails.receipt_of_look(caller, why, caller.agency_id, event_id, _days_of(event_id))
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return found


def _citizen(caller: Caller) -> str:
    if caller.person_ref is None:
        raise Refused(NOT_PERMITTED, "NOT_A_CITIZEN")
    return caller.person_ref


def _trail(  # noqa: PLR0913, PLR0917  what a part of a trail is asked with
    service: Service, caller: Caller, why: Purpose, person: str, after: Position, limit: int
) -> Trail:
    found = service.trails.of_person(caller, why, person, after=after, limit=limit)
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return found


def _looked(service: Service, found: Looks | Withheld, scope: str) -> Accesses:
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return looks_of(found, _cursor(service, found.after, scope))


def _scope(person: str) -> str:
    return f"person|{person}"


def _position(service: Service, after: str, scope: str) -> Position:
    if not after:
        return NEWEST
    found = service.cursors.taken(after, scope)
    if found is None:
        raise Refused(BAD_REQUEST, "CURSOR_UNKNOWN", (Wrong("/query/after", "CURSOR_UNKNOWN"),))
    return found


def _cursor(service: Service, position: Position | None, scope: str) -> str | None:
    return None if position is None else service.cursors.given(position, scope)


def _day(service: Service, day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat() if day else service.today()
    except ValueError:
        raise Refused(BAD_REQUEST, "DAY_INVALID", (Wrong("/query/day", "DAY_INVALID"),)) from None


def _days_of(event_id: bytes) -> Sequence[str]:
    """Return the days on which an entry with this UUIDv7 may have occurred, the likeliest first."""
    millis = int.from_bytes(event_id[:6], "big")
    middle = date.fromisoformat(day_of(millis * 1_000))
    return [(middle + timedelta(days=shift)).isoformat() for shift in (0, -1, 1)]
