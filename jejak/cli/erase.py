"""`jejak erase`: destroy a person's keys and unlink the person, on a basis in law."""

from typing import Annotated

import typer

from identity import references
from jejak import composition
from jejak.audit import erasure
from jejak.cli import output
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
    with composition.connected(settings) as registry:
        done = erasure.run(registry, person_ref, (basis, request))
        if isinstance(done, Refused):
            output.say(f"refused: {done.rule}: {done.explanation}")
            raise typer.Exit(REFUSED)
        in_time = erasure.unlinked(registry, person_ref)
    told = {
        "family_id": done.family_id,
        "change_id": done.change_id.hex(),
        "with_family": done.with_family,
        "unlinked": in_time,
        "caches_empty_within_seconds": erasure.KEY_CACHE_SECONDS,
        "backups_gone_within_days": erasure.BACKUP_DAYS,
    }
    if json:
        output.as_json(told)
    else:
        output.table("Erased", ("field", "value"), list(told.items()))
    if not in_time:
        output.say("the event is published; the read model has not unlinked the reference yet: is a fold running?")
        raise typer.Exit(LATE)
