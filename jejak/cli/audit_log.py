"""`jejak audit log-key`: what auditors and witnesses must know of the log."""

import time
from typing import Annotated

import typer

from jejak.audit import sequencing
from jejak.cli import output
from jejak.settings import Settings


def log_key(
    json: Annotated[bool, typer.Option("--json", help="As JSON, with the origin and the folder.")] = False,
) -> None:
    """Print the log's verifier key, whose name is its origin; the key is made on first use."""
    settings = Settings()
    key = sequencing.signer(settings, time.gmtime().tm_year).verifier_key
    if json:
        folder = sequencing.log_folder(settings)
        output.as_json({"origin": key.name, "verifier_key": key.vkey(), "folder": str(folder)})
    else:
        typer.echo(key.vkey())
