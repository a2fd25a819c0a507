"""`jejak schemas list | check` and `jejak config show`: the contract and the settings in force."""

import typer

from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings
from schemas import contract, evolution

NOT_HELD = 1
schemas = typer.Typer(no_args_is_help=True, help="The Avro contract.")
config = typer.Typer(no_args_is_help=True, help="Settings.")


@schemas.command("list")
def list_schemas(json: Json = False) -> None:
    """List every schema with its id, version and fingerprint."""
    entries = contract.lock()
    if json:
        output.as_json(
            [
                {"subject": e.subject, "version": e.version, "id": e.schema_id, "fingerprint": e.fingerprint}
                for e in entries
            ]
        )
        return
    rows = [(e.schema_id, e.subject, e.version, e.fingerprint[:16]) for e in entries]
    output.table("Schemas", ("id", "subject", "version", "fingerprint"), rows)


@schemas.command("check")
def check(json: Json = False) -> None:
    """Check that files equal the lock, and that every version reads every other (FULL_TRANSITIVE)."""
    problems = evolution.problems()
    if json:
        output.as_json({"schemas": len(contract.lock()), "problems": problems})
    else:
        for problem in problems:
            output.say(problem)
        output.OUT.print(f"{len(contract.lock())} schemas, {len(problems)} problems")
    if problems:
        raise typer.Exit(NOT_HELD)


@config.command("show")
def show(json: Json = False) -> None:
    """Show every setting; of a secret only where it comes from."""
    values = Settings().shown()
    if json:
        output.as_json(values)
        return
    output.table("Settings (JEJAK_...)", ("name", "value"), sorted(values.items()))
