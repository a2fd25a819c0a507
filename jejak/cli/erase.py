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
    told = {
        "families": [one.family_id for one in done.done],
        "changes": [one.change_id.hex() for one in done.done],
        "with_family": [one.family_id for one in done.done if one.with_family],
        "left": done.left,
        "caches_empty_within_seconds": erasure.KEY_CACHE_SECONDS,
        "backups_gone_within_days": erasure.BACKUP_DAYS,
    }
    if json:
        output.as_json(told)
    else:
        output.table("Erased", ("field", "value"), list(told.items()))
    if done.left:
        output.say(f"the keys are destroyed, but a family still names the reference ({done.left}): erase again")
        raise typer.Exit(LATE)
