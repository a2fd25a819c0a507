"""`jejak civil-registry queue | resolve`: the names in doubt that an answer left, and what a person makes of them.

Both names of a person in doubt are shown through the door, each look on record.
"""

from typing import Annotated, Any

import typer

from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.request import FamilyAsked, Purpose, Withheld
from jejak import civil_registry, composition
from jejak.cli import output, read
from jejak.cli.stack import Json
from jejak.settings import Settings
from producers.name_judgement import Judgement
from schemas import regions
from stream_processors.registry.decision import AlreadyKnown, Refused

REFUSED = 3
DEFAULT_PURPOSE = "PEMADANAN_KEPENDUDUKAN"
_ID_BYTES = 16
_IN_DOUBT = "NAMA_MERAGUKAN"
_FIELDS = ("members", "member.name", "member.birth_day")
app = typer.Typer(no_args_is_help=True, help="Names that the civil registry writes otherwise, for a person to judge.")

Reference = Annotated[str, typer.Argument(help="A reference, as the queue shows it.")]


@app.command()
def queue(
    region: Annotated[str, typer.Option(help="Kemendagri code of the region, as 35.71.02; your own by default.")] = "",
    limit: read.Limit = 20,
    after: Annotated[str, typer.Option(help="family_id of the last one seen.")] = "",
    purpose: read.Why = DEFAULT_PURPOSE,
    text: read.Said = None,
    json: Json = False,
) -> None:
    """Show whose name is in doubt, both names beside each other; every family shown is a look on record."""
    settings = Settings()
    asks = read.caller(settings)
    place = regions.kemendagri(region or asks.agency_id.partition("/")[2])
    shown: list[dict[str, Any]] = []
    with composition.connected(settings) as registry, registry.door() as door:
        for family_id in civil_registry.waiting(registry.figures(), registry.read_model(), place, after, limit):
            found = door.look_family(asks, Purpose(purpose, text), FamilyAsked(family_id), _FIELDS)
            if isinstance(found, Withheld):
                raise read.withheld(found.code)
            members = (one for one in found.fields["members"] if one.get("padan") == _IN_DOUBT)
            shown += [{"family_id": family_id, **member} for member in members]
    if json:
        output.as_json(shown)
        return
    heads = ("family_id", "person_ref", "match_id", "name", "registry_name", "name_likeness", "birth_year")
    output.table("Names in doubt", heads, [tuple(one.get(head) for head in heads) for one in shown])


@app.command()
def resolve(
    family_id: Reference,
    person_ref: Reference,
    match_id: Reference,
    same: Annotated[bool, typer.Option("--same/--different", help="One person's name, or two persons' names.")],
    reason: Annotated[str, typer.Option(help="What the judgement rests on; never a name or number.")],
    json: Json = False,
) -> None:
    """Judge a name in doubt: the same or different, and why; it becomes an event in the agency's name."""
    if looks_like_nik(reason):
        raise typer.BadParameter("the reason travels in clear: it is no place for a number of a person")
    settings = Settings()
    judgement = Judgement(
        settings.agency,
        settings.actor,
        family_id,
        person_ref,
        _id(match_id),
        "same" if same else "different",
        reason,
        composition.now(),
    )
    with composition.connected(settings) as registry:
        came = civil_registry.judge(registry, judgement)
    match came:
        case Refused():
            output.say(f"refused: {came.rule}: {came.explanation}")
            raise typer.Exit(REFUSED)
        case AlreadyKnown():
            output.say("judged so before")
        case bytes():
            told = {"change_id": came.hex(), "outcome": judgement.outcome}
            output.as_json(told) if json else output.table("Judged", ("field", "value"), list(told.items()))


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _ID_BYTES:
        raise typer.BadParameter("a match_id is 32 hex digits, as the queue shows it")
    return found
