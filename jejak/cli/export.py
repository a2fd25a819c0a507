"""`jejak export …`: a file by name and by address for an agency, under its grant; and whose file a leaked one is."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from consumers.gateway.authentication import NotAuthenticated
from consumers.gateway.export_rows import Format
from consumers.gateway.request import Caller, Withheld
from jejak import composition
from jejak.audit import admission, exports
from jejak.cli import output, read
from jejak.cli.stack import Json
from jejak.settings import Settings

REFUSED = 3
NOBODY = 1
app = typer.Typer(no_args_is_help=True, help="Files by name and by address, under a grant and marked for a recipient.")


@app.command()
def run(
    request: Annotated[str, typer.Argument(help="The request that was granted to JEJAK_AGENCY.")],
    to: Annotated[Path, typer.Option(help="The file; its manifest is written beside it.")],
    kind: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = "csv",
    purpose: Annotated[str, typer.Option(help="Purpose code; the grant's first by default.")] = "",
    json: Json = False,
) -> None:
    """Export to the agency of JEJAK_AGENCY, each person on record first; killed, the same command goes on.

    Of many persons, a second officer approves: their token is in JEJAK_SECOND_TOKEN or JEJAK_SECOND_TOKEN_FILE.
    """
    settings = Settings()
    caller = replace(read.caller(settings), channel="EXPORT")
    second = _second(settings)
    with composition.connected(settings) as registry:
        done = exports.run(registry, caller, request, to, kind=kind, purpose=purpose, second=second)
    if isinstance(done, Withheld):
        output.say(f"withheld: {done.code}")
        raise typer.Exit(REFUSED)
    told = {
        "file": str(done.file),
        "manifest": str(done.manifest),
        "sha256": done.digest.hex(),
        "rows": done.rows,
        "persons": done.persons,
    }
    if json:
        output.as_json(told)
    else:
        output.table(f"Export of {request}", ("field", "value"), list(told.items()))


def _second(settings: Settings) -> Caller | None:
    token = settings.token("SECOND_TOKEN")
    found = admission.authenticator(settings).authenticate(token, channel="EXPORT") if token else None
    if isinstance(found, NotAuthenticated):
        output.say(f"withheld: {found.code} (second officer)")
        raise typer.Exit(REFUSED)
    return found


@app.command()
def whose(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A leaked file, or a part of one.")],
    json: Json = False,
) -> None:
    """Name the recipient of a leaked file by its marks."""
    text = file.read_text(encoding="utf-8", errors="replace")
    with composition.connected(Settings()) as registry:
        found = exports.recipients(registry, text)
    told = [{"request_id": one.request_id, "agency": one.agency} for one in found]
    if json:
        output.as_json(told)
    else:
        output.table("Recipients", ("request_id", "agency"), [tuple(one.values()) for one in told])
    if not found:
        raise typer.Exit(NOBODY)
