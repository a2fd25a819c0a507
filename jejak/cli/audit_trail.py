"""`jejak audit trail | accessor | agency | alerts`: who saw whom. Each reading is itself on record, by the door.

A NIK is never an argument: arguments are seen by every process of the machine and kept in histories.
"""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from consumers.gateway import telling
from consumers.gateway.request import FamilyDisclosed, Purpose, Withheld
from consumers.gateway.trail import OWN_DATA, DataAndTrail, Looks, Trail
from consumers.gateway.trail_lines import Line
from consumers.read_model.rows import day_of
from identity import references
from jejak import composition
from jejak.audit import trail as trails_room
from jejak.cli import output
from jejak.cli.read import caller, withheld
from jejak.cli.stack import Json
from jejak.settings import Settings
from schemas.records import UnusualUseDetected

OVERSIGHT: Final = "PENGAWASAN_INTERNAL"
SECURITY: Final = "KEAMANAN_INFORMASI"
_PERSON_REF: Final = re.compile(r"[a-z2-7]{26}")
_MICROS: Final = 1_000_000
_ALERT: Final = (
    "detected_at", "kind", "agency_id", "actor_ref", "observed", "threshold", "median", "thresholds_version",
    "addressed_to", "intent_id",
)  # fmt: skip
_HEADS: Final = ("when", "agency", "officer", "role", "action", "purpose", "basis", "fields", "became", "proof")

Person = Annotated[str, typer.Argument(help="person_ref; or - to be asked for a NIK, unseen.")]
Why = Annotated[str, typer.Option(help="Purpose code of the purpose register.")]
Said = Annotated[str | None, typer.Option(help="What the officer says about the purpose.")]
Day = Annotated[str, typer.Option(help="Day in WIB, as 2025-07-31; today by default.")]
Most = Annotated[int, typer.Option(min=1, help="How many lines at most, the newest.")]


def trail(
    ref: Person,
    purpose: Why = OWN_DATA,
    text: Said = None,
    with_data: Annotated[bool, typer.Option("--with-data", help="Give the person's data too: UU 27/2022 art. 32.")] = (
        False
    ),
    receipts: Annotated[Path | None, typer.Option(help="Write each line's receipt into this folder.")] = None,
    limit: Most = 1_000,
    json: Json = False,
) -> None:
    """Show who saw a person, newest first, each line with its proof; lines that law withholds are counted."""
    settings = Settings()
    person = _person(ref, settings)
    with composition.connected(settings) as registry, trails_room.trails(registry) as trails:
        if with_data:
            answer = trails.data_and_trail(caller(settings), person, text)
        else:
            why = Purpose(purpose, text)
            found = trails.of_person(caller(settings), why, person, prove=True, limit=limit)
            answer = DataAndTrail(Withheld("NOT_ASKED"), found)
    shown = _shown(answer.trail)
    if receipts is not None:
        _written(shown, receipts)
    if json:
        output.as_json({"data": _data(answer.data) if with_data else None, **_told(shown)})
        return
    if with_data:
        output.table("Data", ("field", "value"), list(_data(answer.data).items()))
    output.table("Who saw this person", _HEADS, [_row(line) for line in shown.lines])
    _remarks(shown)


def _person(ref: str, settings: Settings) -> str:
    if ref != "-":
        if not _PERSON_REF.fullmatch(ref):
            raise typer.BadParameter("not a person_ref; give - to be asked for a NIK, unseen")
        return ref
    number = typer.prompt("NIK", hide_input=True).strip()
    return references.person_ref(settings.reference_key(), number)


def _shown(found: Trail | Withheld) -> Trail:
    if isinstance(found, Withheld):
        raise withheld(found.code)
    return found


def _data(found: FamilyDisclosed | Withheld) -> dict[str, Any]:
    return {"withheld": telling.told(found.code)} if isinstance(found, Withheld) else found.fields


def _told(found: Trail) -> dict[str, Any]:
    return {
        "lines": [line.told() for line in found.lines],
        "withheld": found.withheld,
        "withheld_until": found.withheld_until or None,
        "years": found.epochs,
        "unlinked_years": found.unlinked,
    }


def _remarks(found: Trail) -> None:
    if found.withheld:
        output.OUT.print(f"withheld by law: {found.withheld}, until {_time(found.withheld_until)} at the latest")
    for year in found.unlinked:
        output.OUT.print(f"{year}: the key of that year is destroyed, its lines can't be told from others any more")


def _written(found: Trail, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for line in found.lines:
        if line.proof:
            (folder / f"{line.row.event_id.hex()}.receipt").write_text(line.proof)


def _row(line: Line) -> tuple[str, ...]:
    row = line.row
    became = f"{line.became} {row.reason}".strip()
    who = (row.agency, row.actor, row.role, row.action, row.purpose, row.legal_basis)
    return (_time(row.occurred_at), *who, " ".join(row.fields or ()), became, "receipt" if line.proof else "pending")


def _time(micros: int) -> str:
    return f"{datetime.fromtimestamp(micros // _MICROS, UTC):%Y-%m-%d %H:%M:%SZ}"


def accessor(
    agency: Annotated[str, typer.Argument(help="The accessor's agency, as dinsos/35.71.")],
    actor: Annotated[str, typer.Argument(help="The accessor's pseudonym within it; never a name.")],
    day: Day = "",
    purpose: Why = OVERSIGHT,
    text: Said = None,
    limit: Most = 1_000,
    json: Json = False,
) -> None:
    """Show an accessor's day: one line a look, with how many persons it showed."""
    settings = Settings()
    with composition.connected(settings) as registry, trails_room.trails(registry) as trails:
        why, on = Purpose(purpose, text), day or day_of(composition.now())
        found = trails.of_accessor(caller(settings), why, agency, actor, on, limit=limit)
    _looks(found, f"{agency} {actor} on {on}", json=json)


def agency(
    agency: Annotated[str, typer.Argument(help="The agency, as dinsos/35.71; this command line's by default.")] = "",
    day: Day = "",
    purpose: Why = OVERSIGHT,
    text: Said = None,
    limit: Most = 1_000,
    json: Json = False,
) -> None:
    """Show an agency's use on a day: one line a look, with how many persons it showed."""
    settings = Settings()
    of = agency or settings.agency
    with composition.connected(settings) as registry, trails_room.trails(registry) as trails:
        why, on = Purpose(purpose, text), day or day_of(composition.now())
        found = trails.of_agency(caller(settings), why, of, on, limit=limit)
    _looks(found, f"{of} on {on}", json=json)


def _looks(found: Looks | Withheld, title: str, *, json: bool) -> None:
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        output.as_json({"lines": [line.told() for line in found.lines], "more": found.after is not None})
        return
    heads = (*_HEADS[:-1], "persons")
    output.table(title, heads, [(*_row(line)[:-1], line.row.persons) for line in found.lines])


def alerts(
    agency: Annotated[str, typer.Option(help="Alerts of this agency's use alone, as dinsos/35.71.")] = "",
    purpose: Why = SECURITY,
    text: Said = None,
    limit: Most = 100,
    json: Json = False,
) -> None:
    """Show unusual use, newest first: what was counted, and what would have been usual."""
    settings = Settings()
    with composition.connected(settings) as registry, registry.door() as door:
        asks, why = caller(settings), Purpose(purpose, text)
        found = trails_room.alerts(registry.endpoints.kafka, door, asks, why, agency, limit)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    told = [{"alert_id": one.alert_id.hex(), **_alert(one)} for one in found]
    if json:
        output.as_json(told)
        return
    rows = [(_time(one["detected_at"]), *(_cell(one[head]) for head in _ALERT[1:])) for one in told]
    output.table("Unusual use", _ALERT, rows)


def _alert(one: UnusualUseDetected) -> dict[str, Any]:
    """Return what is told of an alert: the intent by the id that `jejak audit review` takes."""
    intent = None if one.intent_id is None else str(uuid.UUID(bytes=one.intent_id))
    return {head: intent if head == "intent_id" else getattr(one, head) for head in _ALERT}


def _cell(value: object) -> str:
    return "" if value is None else str(value)
