"""`jejak erase`: destroy a person's keys and unlink the person, on a basis in law."""

from typing import Annotated, Any

import typer

from identity import references
from jejak import composition
from jejak.audit import erasure
from jejak.cli import output, read
from jejak.cli.stack import Json
from jejak.settings import Settings
from stream_processors.registry.decision import Refused

REFUSED = 3
LATE = 1


def erase(
    basis: Annotated[str, typer.Option(help="UU27/2022-8, UU27/2022-43 or UU27/2022-44.")] = "",
    request: Annotated[str, typer.Option(help="Number of the request that this answers.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    json: Json = False,
) -> None:
    """Erase the person whose NIK is asked for unseen: keys destroyed, references unlinked, for ever."""
    settings = Settings()
    nik = typer.prompt("NIK", hide_input=True, err=True).strip()
    person_ref = references.person_ref(settings.reference_key(), nik)
    if not yes:
        typer.confirm("Nothing sealed for this person can be opened again by anyone. Go on?", abort=True, err=True)
    caller = read.caller(settings)
    with composition.connected(settings) as registry:
        answer = erasure.run(registry, caller, person_ref, (basis, request))
    _shown(answer, json=json)


def _shown(answer: erasure.Answer, *, json: bool) -> None:
    for file in answer.files.dropped:
        output.say(f"an export in the making may have held this person and was dropped, to be made anew: {file}")
    if isinstance(answer.came, Refused):
        output.say(f"refused: {answer.came.rule}: {answer.came.explanation}")
        raise typer.Exit(REFUSED)
    told = _told(answer, answer.came)
    if json:
        output.as_json(told)
    else:
        output.table("Erased", ("field", "value"), list(told.items()))
    if answer.unknown:
        output.say(f"whom files were handed to is withheld ({answer.unknown}): jejak audit trail - lists them")
    if answer.came.left:
        output.say(f"the keys are destroyed, but a family still names the reference ({answer.came.left}): erase again")
        raise typer.Exit(LATE)


def _told(answer: erasure.Answer, done: erasure.Everywhere) -> dict[str, Any]:
    """Return the answer as JSON can say it."""
    return {
        "families": [one.family_id for one in done.done],
        "changes": [one.change_id.hex() for one in done.done],
        "with_family": [one.family_id for one in done.done if one.with_family],
        "left": done.left,
        "recipients_to_be_told": [{"agency": one.agency, "request_id": one.request_id} for one in answer.recipients],
        "recipients_withheld": answer.unknown,
        "exports_dropped": [str(file) for file in answer.files.dropped],
        "exports_running": [str(file) for file in answer.files.running],
        "caches_empty_within_seconds": erasure.KEY_CACHE_SECONDS,
        "backups_gone_within_days": erasure.BACKUP_DAYS,
    }
