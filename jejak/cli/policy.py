"""`jejak policy check | activate | token`: sets of policies that decide who may look, and who asks in development."""

from pathlib import Path
from typing import Annotated

import typer

from consumers.gateway.policy import Policies, PolicyFault
from jejak import composition
from jejak.audit import admission
from jejak.cli import output
from jejak.settings import Settings

DOES_NOT_HOLD, REFUSED = 1, 3
app = typer.Typer(no_args_is_help=True, help="Sets of Cedar policies and their data that decide who may look.")

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of .cedar, .cedarschema and .toml.")]


@app.command()
def check(folder: Folder) -> None:
    """Say whether the set is valid, and its hash."""
    found = _loaded(folder)
    output.say(f"valid: {len(found.files)} files, purposes {found.data.version}, hash {found.hash.hex()}")


@app.command()
def activate(folder: Folder) -> None:
    """Have a valid set serve at every gateway from now on; sets stay on record for ever."""
    found, settings = _loaded(folder), Settings()
    with composition.connected(settings) as registry:
        admission.activate(registry.endpoints.kafka, found, settings.actor)
    output.say(f"activated: {found.hash.hex()}")


@app.command()
def token() -> None:
    """Print a five-minute token for the set agency, role and officer; in development alone."""
    try:
        typer.echo(admission.operators_token(Settings()))
    except admission.IssuerRefused as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(REFUSED) from refused


def _loaded(folder: Path) -> Policies:
    try:
        return Policies.load(folder)
    except (PolicyFault, UnicodeDecodeError) as fault:
        output.say(f"not valid: {fault}")
        raise typer.Exit(DOES_NOT_HOLD) from fault
