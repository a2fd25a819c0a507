"""`jejak request …`: an agency's request for by-name-by-address data (BNBA), from its draft to its usage report."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.purposes import FIELDS
from jejak import composition
from jejak.audit import requests
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings
from producers.publish import Published
from schemas.records import AccessRequestState
from stream_processors.registry.decision import Refused

REFUSED = 3
LATE = 1
app = typer.Typer(no_args_is_help=True, help="Requests for by-name-by-address data: papers, reviews, grant, report.")

Request = Annotated[str, typer.Argument(help="The request's id, as `jejak request draft` prints it.")]
Note = Annotated[str, typer.Option(help="Why; compulsory unless it is forwarded. Never a person's number.")]
Paper = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="A paper; its SHA-256 alone is sent.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day (UTC).")]
_STEPS = {"bapperida": "VERIFIKATOR", "diskominfo": "EWALI", "dinsos": "DTSEN"}


@app.command()
def draft(
    document: Annotated[str, typer.Option(help="The agency's own number of the request; the same one replaces it.")],
    letter: Paper,
    terms: Paper,
    integrity: Paper,
    confidentiality: Paper,
    purpose: Annotated[list[str], typer.Option(help="Purpose code; repeat for more.")],
    field: Annotated[list[str], typer.Option(help="Field code; repeat for more.")],
    region: Annotated[list[str], typer.Option(help="Kemendagri code; repeat for more.")],
    most: Annotated[int, typer.Option(min=1, help="Most persons in a file.")],
    since: Day,
    until: Day,
    json: Json = False,
) -> None:
    """Draft a request, or replace a draft: surat permintaan, KAK, pakta integritas and NDA by their SHA-256."""
    if unknown := sorted(set(field) - FIELDS):
        raise typer.BadParameter(f"no such field: {', '.join(unknown)}")
    request_id = requests.opened(Settings().agency, document)
    fields = {
        "letter_digest": requests.digest_of(letter),
        "terms_digest": requests.digest_of(terms),
        "integrity_digest": requests.digest_of(integrity),
        "confidentiality_digest": requests.digest_of(confidentiality),
        "purposes": tuple(sorted(purpose)),
        "fields": tuple(sorted(field)),
        "regions": requests.regions_of(sorted(region)),
        "most_persons": most,
        "valid_from": _micros(since),
        "valid_until": _micros(until),
    }
    _publish(request_id, "AccessRequestDrafted", fields, json=json, document=document)


@app.command()
def submit(request: Request, json: Json = False) -> None:
    """Hand a draft in for review."""
    _publish(request, "AccessRequestSubmitted", {}, json=json)


@app.command()
def review(
    request: Request,
    outcome: Annotated[str, typer.Option(help="FORWARD, RETURN, BACK, REJECT; of a report ACCEPT, REVISE.")],
    note: Note = "",
    json: Json = False,
) -> None:
    """Review a request, or its usage report, as the office that JEJAK_AGENCY is."""
    kind = Settings().agency.partition("/")[0]
    report = outcome in {"ACCEPT", "REVISE"}
    step = kind.upper() if report else _STEPS.get(kind, "")
    record = "UsageReportReviewed" if report else "AccessRequestReviewed"
    _publish(request, record, {"step": step, "outcome": outcome, "note": note}, json=json)


@app.command()
def grant(
    request: Request,
    most: Annotated[int, typer.Option(help="Most persons; as asked for by default.")] = 0,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The end (UTC); as asked for by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Grant a request as it was asked for, or with fewer persons or an earlier end."""
    asked = _state(request)
    fields = {
        "agency": asked.agency,
        "purposes": asked.purposes,
        "fields": asked.fields,
        "regions": asked.regions,
        "most_persons": most or asked.most_persons,
        "valid_from": asked.valid_from,
        "valid_until": _micros(until) if until else asked.valid_until,
    }
    _publish(request, "AccessGranted", fields, json=json)


@app.command()
def report(
    request: Request,
    records: Annotated[int, typer.Option(min=0, help="Number of records used.")],
    file: Paper,
    json: Json = False,
) -> None:
    """File the usage report of a file that was handed over."""
    fields = {"records_used": records, "report_digest": requests.digest_of(file)}
    _publish(request, "UsageReportFiled", fields, json=json)


@app.command()
def suspend(
    request: Request,
    reason: Annotated[str, typer.Option(help="PENYALAHGUNAAN or PERMINTAAN_INSTANSI.")],
    note: Note,
    json: Json = False,
) -> None:
    """Let nobody look and no file leave under a grant, until it is resumed."""
    _publish(request, "AccessSuspended", {"reason": reason, "note": note}, json=json)


@app.command()
def resume(request: Request, note: Note, json: Json = False) -> None:
    """Let a suspended grant count again."""
    _publish(request, "AccessResumed", {"note": note}, json=json)


@app.command()
def show(request: Request, json: Json = False) -> None:
    """Show where a request stands: step, papers, terms, report, suspension."""
    told = _told(_state(request))
    if json:
        output.as_json(told)
    else:
        output.table(f"Request {request}", ("field", "value"), list(told.items()))


@app.command("list")
def every(json: Json = False) -> None:
    """Show every request: who asked, where it stands, what is owed."""
    with composition.connected(Settings()) as registry:
        found = requests.states(registry.endpoints.kafka)
    told = [_told(state) for _, state in sorted(found.items())]
    if json:
        output.as_json(told)
        return
    heads = ("request_id", "agency", "step", "report", "report_due_at", "suspended")
    output.table("Requests", heads, [[one[head] for head in heads] for one in told])


def _state(request_id: str) -> AccessRequestState:
    with composition.connected(Settings()) as registry:
        found = requests.states(registry.endpoints.kafka).get(request_id)
    if found is None:
        output.say("refused: REQUEST_UNKNOWN")
        raise typer.Exit(REFUSED)
    return found


def _publish(request_id: str, record: str, fields: dict[str, Any], *, json: bool, document: str = "") -> None:
    said = (document, *(value for value in fields.values() if isinstance(value, str)))
    if any(looks_like_nik(text) for text in said):
        raise typer.BadParameter("requests travel in clear: nothing in them is a number of a person")
    settings = Settings()
    with composition.connected(settings) as registry:
        change_id, published = requests.publish(registry, request_id, record, fields, document=document)
        became = requests.decided(registry, request_id, change_id, settings.agency)
    _shown(request_id, change_id, published, became, json=json)


def _shown(
    request_id: str, change_id: bytes, published: Published, became: AccessRequestState | Refused | None, *, json: bool
) -> None:
    """Say what became of a change; refused, or not decided in time, it ends the command with a code of its own."""
    told = {"request_id": request_id, "change_id": change_id.hex(), **asdict(published)}
    match became:
        case None:
            said, code = "sent, and not decided yet: ask `jejak request show`", LATE
        case Refused(rule, _, explanation):
            said, code = f"refused: {rule}: {explanation}", REFUSED
        case state:
            said, code = " ".join(part for part in (state.step, state.report, state.suspended) if part), 0
    if json:
        output.as_json({**told, "became": said})
    else:
        output.OUT.print(f"request {request_id}: {said}")
    if code:
        raise typer.Exit(code)


def _told(state: AccessRequestState) -> dict[str, Any]:
    """Return a state as JSON can say it: digests in hex, times as dates, regions as codes."""
    told: dict[str, Any] = {}
    for name, value in asdict(state).items():
        match value:
            case _ if name == "recent_changes":
                continue
            case bytes():
                told[name] = value.hex()
            case int() if name.endswith(("_at", "_from", "_until")):
                told[name] = datetime.fromtimestamp(value / 1_000_000, UTC).isoformat() if value else ""
            case _ if name == "regions":
                told[name] = [one["code"] for one in value]
            case tuple():
                told[name] = list(value)
            case _:
                told[name] = value
    return told


def _micros(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * 1_000_000
