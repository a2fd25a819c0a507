"""`jejak family emergency` and `jejak audit review`: one family with a second officer, reviewed afterwards."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from consumers.gateway.authentication import NotAuthenticated
from consumers.gateway.request import AuditFound, Caller, Purpose, TrailEntry, Withheld
from consumers.read_model.audit_queries import Accesses
from jejak import composition
from jejak.audit import admission
from jejak.cli import output
from jejak.cli.read import DEFAULT_FIELDS, Ref, asked, caller, withheld
from jejak.cli.stack import Json
from jejak.settings import Settings

PURPOSE: Final = "KEADAAN_DARURAT"
REVIEW: Final = "PENGAWASAN_INTERNAL"
_SHOWN: Final = (
    "agency_id", "actor_ref", "actor_role", "second_actor_ref", "purpose_code", "purpose_text", "legal_basis_code",
    "fields_requested", "decision",
)  # fmt: skip


def emergency(
    ref: Ref,
    text: Annotated[str, typer.Option(help="What the emergency is; goes on record.")],
    field: Annotated[list[str] | None, typer.Option(help="Field codes; repeat for more.")] = None,
    purpose: Annotated[str, typer.Option(help="Purpose code.")] = PURPOSE,
    json: Json = False,
) -> None:
    """Show one family in an emergency; a second officer's token is in JEJAK_SECOND_TOKEN or JEJAK_SECOND_TOKEN_FILE."""
    settings = Settings()
    wanted, first, second = asked(ref, settings), caller(settings), _second(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        found = door.break_glass(first, second, Purpose(purpose, text), wanted, field or DEFAULT_FIELDS)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    told = {"family_id": found.family_id, "sequence": found.sequence, **found.fields}
    if json:
        output.as_json(told)
    else:
        output.table(f"Family {found.family_id}", ("field", "value"), list(told.items()))
    output.say(f"to be reviewed within 3x24 hours: jejak audit review {uuid.UUID(bytes=found.receipts[0].event_id)}")


def review(
    event_id: Annotated[uuid.UUID, typer.Argument(help="event_id of the emergency's intent.")],
    text: Annotated[str, typer.Option(help="What the review finds; goes on record.")],
    json: Json = False,
) -> None:
    """Review an emergency of your own agency in which you took no part; it is on record as reviewed by that."""
    settings = Settings()
    asks = caller(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        about, tables = TrailEntry(event_id.bytes, asks.agency_id), registry.in_time().accesses()
        answer = door.audit_read(
            asks, Purpose(REVIEW, text), about, lambda: AuditFound(_lines(tables, event_id.bytes)), reviews=True
        )
    if isinstance(answer, Withheld):
        raise withheld(answer.code)
    if json:
        output.as_json(list(answer.found.lines))
        return
    for line in answer.found.lines:
        output.table("Reviewed", ("", ""), list(line.items()))


def _lines(tables: Accesses, event_id: bytes) -> Sequence[dict[str, Any]]:
    intent = tables.intent(event_id)
    if intent is None:
        return ()
    look = tables.look(intent)
    became = {"outcome": look.outcome, "persons": look.persons} if look is not None and look.outcome else {}
    return ({name: getattr(intent, name) for name in _SHOWN} | became,)


def _second(settings: Settings) -> Caller:
    token = settings.token("SECOND_TOKEN")
    found = admission.authenticator(settings).authenticate(token, channel="CLI") if token else None
    if not isinstance(found, Caller):
        raise withheld(found.code if isinstance(found, NotAuthenticated) else "SECOND_TOKEN_MISSING")
    return found
