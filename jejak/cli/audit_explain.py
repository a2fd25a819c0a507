"""`jejak audit explain`: why a look was allowed or refused, decided again with the policies of that day."""

import re
import uuid
from typing import Annotated, Final

import typer

from consumers.gateway.request import Purpose, Withheld
from jejak import composition
from jejak.audit import explaining
from jejak.audit.entries import AuditTopic
from jejak.cli import output
from jejak.cli.read import REFUSED, caller
from jejak.cli.stack import Json
from jejak.settings import Settings

DIFFERS: Final = 1
DEFAULT_PURPOSE: Final = "KEAMANAN_INFORMASI"
_PLACE: Final = re.compile(r"(?:[a-z0-9.-]+\[)?([0-9]{1,6})\]?@([0-9]{1,18})")


def explain(
    ref: Annotated[str, typer.Argument(help="event_id of an entry, or its place PARTITION@OFFSET.")],
    purpose: Annotated[str, typer.Option(help="Purpose code: reading the trail is on record too.")] = DEFAULT_PURPOSE,
    json: Json = False,
) -> None:
    """Decide a past look again with the policies of its day, and say whether the same comes out."""
    wanted, settings = _ref(ref), Settings()
    with composition.connected(settings) as registry, registry.door() as door:
        asks = caller(settings)
        bootstrap = registry.endpoints.kafka
        looks = explaining.Looks(AuditTopic(bootstrap), registry.in_time().accesses())
        found = explaining.explain(bootstrap, looks, door, asks, Purpose(purpose), wanted)
    if isinstance(found, Withheld) or not found:
        output.say(f"withheld: {found.code if isinstance(found, Withheld) else 'NOT_FOUND'}")
        raise typer.Exit(REFUSED)
    if json:
        output.as_json(list(found))
    else:
        rows = [
            (one["about"], one["verdict"], _told(one["on_record"]), _told(one["again"]), one["policy_set_hash"][:16])
            for one in found
        ]
        output.table("Decided again", ("decision", "verdict", "on record", "again", "policy set"), rows)
    if any(one["verdict"] in {"DIFFERS", "POLICIES_MISSING"} for one in found):
        raise typer.Exit(DIFFERS)


def _told(decision: tuple[str, tuple[str, ...]]) -> str:
    what, rules = decision
    return f"{what} {' '.join(rules)}".strip()


def _ref(text: str) -> explaining.Ref:
    place = _PLACE.fullmatch(text)
    if place is not None:
        return explaining.At(int(place.group(1)), int(place.group(2)))
    try:
        return uuid.UUID(text)
    except ValueError:
        raise typer.BadParameter("give an event_id, or PARTITION@OFFSET") from None
