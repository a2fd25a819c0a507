"""Who saw me, who saw whom: the routes. Each answer is on record before it is given, by the door behind `Trails`."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse

from consumers.api.answers import (
    Accesses,
    DataUsage,
    PersonAccesses,
    PersonData,
    Rendered,
    accesses_of,
    body_of,
    body_of_data,
    body_of_usages,
    looks_of,
)
from consumers.api.problems import BAD_REQUEST, NOT_FOUND, NOT_PERMITTED, Refused, Wrong, of_code
from consumers.api.service import DATABASE, Known, Service, Serving, Why, named_purpose
from consumers.gateway.recording import canonical
from consumers.gateway.request import Caller, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, Looks, Trail
from consumers.read_model.audit_queries import NEWEST, Position
from consumers.read_model.rows import day_of

MOST: Final = 1_000
_OWN: Final = Purpose(OWN_DATA)
_NIK: Final = re.compile(r"[0-9]{16}", re.ASCII)
_MEMBER: Final = r"^[^/\s]{1,64}/[^/\s]{1,64}/[^/\s]{1,64}/[^/\s]{1,64}$"
_EVENT: Final = r"^[0-9a-f]{32}$"
_UUID_VERSION: Final = 7
_FIRST_MILLIS: Final = 1_577_836_800_000  # 2020, before any gateway of this registry ran

routes = APIRouter()
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many lines at most.")]
After = Annotated[str, Query(max_length=128, description="`next` of the part before.")]
Day = Annotated[str, Query(max_length=10, description="Day in WIB, as 2025-07-31; today by default.")]


@routes.get("/v1/me/accesses", response_model=PersonAccesses)
def my_accesses(caller: Known, service: Serving, after: After = "", limit: Limit = MOST) -> Response:
    """Tell a citizen who saw them, or tried, newest first: UU 27/2022 art. 32."""
    person = _citizen(caller)
    scope = _scope(person)
    made = Rendered[Trail](lambda trail: body_of(accesses_of(trail, _cursor(service, trail.after, scope))))
    _trail(service, caller, person, _position(service, after, scope), limit, made)
    return _sent(made.body)


@routes.get("/v1/me/data", response_model=PersonData)
def my_data(caller: Known, service: Serving) -> Response:
    """Give a citizen their data and who saw it, in one answer: UU 27/2022 art. 32, within 3x24 hours.

    Where the policies hand data over at a counter alone, `data_refused` says so beside the trail.
    """
    made = Rendered[Trail](lambda trail: body_of(accesses_of(trail, None)))
    found = service.trails.data_and_trail(caller, _citizen(caller), render=made)
    if isinstance(found.trail, Withheld):
        raise of_code(found.trail.code)
    if isinstance(found.data, Withheld):
        return _sent(body_of_data(b"null", of_code(found.data.code).problem.slug, made.body))
    return _sent(body_of_data(canonical(found.data.fields), None, made.body))


@routes.get("/data/myPersonalDataUsage", response_model=list[DataUsage])
def my_personal_data_usage(  # noqa: PLR0913, PLR0917  the specification's parameters, and who answers
    caller: Known,
    service: Serving,
    user: Annotated[str, Query(alias="userId", max_length=64, description="The citizen's NIK.")],
    database: Annotated[str, Query(alias="databaseId", max_length=64, description="The register.")],
    information_mediator_client: Annotated[
        str, Header(pattern=_MEMBER, description="INSTANCE/CLASS/MEMBER/SUBSYSTEM of the asking system.")
    ],
    after: After = "",
) -> Response:
    """Tell who used a citizen's data, in the form of GovStack's digital registries (DRS-7, DRS-8)."""
    del information_mediator_client  # its form is the specification's; who calls is what the token says
    if not _NIK.fullmatch(user):
        raise Refused(BAD_REQUEST, "INVALID_ID", (Wrong("/query/userId", "INVALID_ID"),))
    person = service.person_ref(user)
    if database != DATABASE:
        raise Refused(NOT_FOUND)
    made = Rendered[Trail](lambda trail: body_of_usages(trail.lines))
    trail = _trail(service, caller, person, _position(service, after, _scope(person)), MOST, made)
    if not trail.lines:
        raise Refused(NOT_FOUND)
    cursor = _cursor(service, trail.after, _scope(person))
    # To the same list in our own form, which needs no userId: a link is kept where a NIK must not be.
    return _sent(made.body, {} if cursor is None else {"Link": f'</v1/me/accesses?after={cursor}>; rel="next"'})


@routes.get("/v1/accesses/agency", response_model=Accesses)
def of_agency(  # noqa: PLR0913, PLR0917  who asks, why, and which part
    caller: Known,
    why: Why,
    service: Serving,
    agency: Annotated[str, Query(max_length=64, description="The agency; the caller's own by default.")] = "",
    day: Day = "",
    after: After = "",
    limit: Limit = MOST,
) -> Response:
    """Tell an agency its own use on a day, newest first."""
    asked, on = agency or caller.agency_id, _day(service, day)
    scope = f"agency|{asked}|{on}"
    made = _looks(service, scope)
    found = service.trails.of_agency(caller, why, asked, on, _position(service, after, scope), limit, made)
    return _sent(_shown(found, made))


@routes.get("/v1/accesses/accessor", response_model=Accesses)
def of_accessor(  # noqa: PLR0913, PLR0917  idem
    caller: Known,
    why: Why,
    service: Serving,
    actor: Annotated[str, Query(min_length=1, max_length=64, description="The officer's pseudonym.")],
    agency: Annotated[str, Query(max_length=64, description="Their agency; the caller's own by default.")] = "",
    day: Day = "",
    after: After = "",
    limit: Limit = MOST,
) -> Response:
    """Tell what an officer looked at on a day, newest first."""
    asked, on = agency or caller.agency_id, _day(service, day)
    scope = f"accessor|{asked}|{actor}|{on}"
    made = _looks(service, scope)
    found = service.trails.of_accessor(caller, why, asked, actor, on, _position(service, after, scope), limit, made)
    return _sent(_shown(found, made))


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
        why, days = named_purpose(jejak_purpose), _days_of(event_id, service.today())
        found = service.trails.receipt_of_look(caller, why, caller.agency_id, event_id, days)
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return found


def _citizen(caller: Caller) -> str:
    if caller.person_ref is None:
        raise Refused(NOT_PERMITTED, "NOT_A_CITIZEN")
    return caller.person_ref


def _trail(  # noqa: PLR0913, PLR0917  what a part of a trail is asked with
    service: Service, caller: Caller, person: str, after: Position, limit: int, render: Rendered[Trail]
) -> Trail:
    found = service.trails.of_person(caller, _OWN, person, after=after, limit=limit, render=render)
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return found


def _looks(service: Service, scope: str) -> Rendered[Looks]:
    return Rendered(lambda looks: body_of(looks_of(looks, _cursor(service, looks.after, scope))))


def _shown(found: Looks | Withheld, made: Rendered[Looks]) -> bytes:
    if isinstance(found, Withheld):
        raise of_code(found.code)
    return made.body


def _sent(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer of these bytes: nothing renders them again."""
    return Response(body, headers=headers, media_type="application/json")


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


def _days_of(event_id: bytes, today: str) -> Sequence[str]:
    """Return the days on which an entry with this UUIDv7 may have occurred, the likeliest first.

    None for what no gateway can have given by today: nothing is looked for, and the door puts that on record.
    """
    millis, version = int.from_bytes(event_id[:6], "big"), event_id[6] >> 4
    newest = date.fromisoformat(today) + timedelta(days=1)
    if version != _UUID_VERSION or not _FIRST_MILLIS <= millis < _millis_of(newest + timedelta(days=1)):
        return []
    middle = date.fromisoformat(day_of(millis * 1_000))
    return [(middle + timedelta(days=shift)).isoformat() for shift in (0, -1, 1)]


def _millis_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)
