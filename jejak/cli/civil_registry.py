"""`jejak civil-registry publish | queue | resolve`: answers compared with what was asked, and the names in doubt.

Both names of a person in doubt are shown through the door, each look on record.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.request import FamilyAsked, Purpose, Withheld
from jejak import civil_registry, composition, publishing
from jejak.cli import files, output, read
from jejak.cli.stack import Json
from jejak.settings import Settings
from producers import dukcapil, names, sik_ng
from producers.civil_registry import asked_of
from producers.draft import Channel
from producers.name_judgement import Judgement
from producers.sources import SOURCES
from schemas import regions
from stream_processors.registry.decision import AlreadyKnown, Refused

REFUSED = 3
DEFAULT_PURPOSE = "PEMADANAN_KEPENDUDUKAN"
_ID_BYTES = 16
_IN_DOUBT = "NAMA_MERAGUKAN"
_FIELDS = ("members", "member.name", "member.birth_day")
app = typer.Typer(no_args_is_help=True, help="Matching with the civil registry, and the names that a person judges.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The civil registry's answer.")]
AskedFile = Annotated[
    Path, typer.Option("--asked", exists=True, dir_okay=False, help="The file of members that was sent for matching.")
]
Names = Annotated[Path, typer.Option("--names", exists=True, dir_okay=False, help="Thresholds and spellings (TOML).")]
Reference = Annotated[str, typer.Argument(help="A reference, as the queue shows it.")]


@app.command()
def publish(
    file: File,
    asked: AskedFile,
    rules: Names = names.SHIPPED,
    actor: files.Actor = "operator",
    document: files.Document = "",
    json: Json = False,
) -> None:
    """Publish answers, each compared with what was asked: name, day of birth, card; never where a NIK was issued."""
    source = SOURCES["dukcapil"]
    channel = source.channel(file, source.agency, actor, document)
    about = asked_of(sik_ng.read(asked, Channel("", "", "")).items)
    reading = dukcapil.read(file, channel, None, about, names.rules(rules))
    told = files.Told(source.row_records)
    with composition.connected(Settings()) as registry:
        published = publishing.file(registry, reading, source.agency, files.watching(), told.take)
    files.shown({"sent": published.sent, "skipped": published.skipped, "refused": published.refused}, published, json)
    if published.refused:
        raise typer.Exit(REFUSED)


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
