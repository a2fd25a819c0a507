"""`jejak audit witness | serve`: a witness of logs, and the log's directory over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from jejak.cli import output
from jejak.processes import end_with
from jejak.settings import Settings
from schemas.note import NoteRefused, VerifierKey

REFUSED = 3
Port = Annotated[
    int, typer.Option(min=1, max=65_535, help="Port; of a witness on loopback: a proxy with TLS stands before it.")
]


def witness(
    name: Annotated[str, typer.Option(help="Key name, as bpk.example/witness: no space, no plus. Never changes.")],
    port: Port = 8311,
    log_vkey: Annotated[
        list[str] | None, typer.Option(help="Verifier key of a log to cosign for; its name is the log's origin.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the last checkpoints; goes with the key.")] = None,
    key: Annotated[Path | None, typer.Option(help="File of the signing key, made on first use.")] = None,
    show_key: Annotated[bool, typer.Option("--show-key", help="Print the witness's verifier key, and end.")] = False,
) -> None:
    """Cosign the checkpoints of logs over C2SP tlog-witness, until stopped."""
    from consumers.witness.store import StoreInUse  # noqa: PLC0415  the web library takes a second to load
    from consumers.witness.witness import StateDamaged  # noqa: PLC0415  idem
    from jejak.audit import witness as composed  # noqa: PLC0415  idem

    settings = Settings()
    plain = "".join(character if character.isalnum() or character in "-_." else "-" for character in name)
    state = state or settings.data.resolve() / "witness" / plain
    try:
        cosigner = composed.cosigner(key or settings.key_folder() / f"witness-{plain}.key", state, name)
        logs = [VerifierKey.parse(vkey) for vkey in log_vkey or []]
        typer.echo(cosigner.verifier_key.vkey())
        if show_key:
            return
        end_with_parent(settings)
        output.say(f"cosigning for {', '.join(log.name for log in logs) or 'no log'} on port {port}")
        composed.serve(cosigner, logs, state, port)
    except (NoteRefused, StoreInUse, StateDamaged, composed.StateMissing) as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(REFUSED) from refused


def serve(
    port: Port = 8310,
    folder: Annotated[Path | None, typer.Option(help="The log's directory.")] = None,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Give no entries: for a copy of the log where no registry runs.")
    ] = False,
) -> None:
    """Serve the log read-only: checkpoints and hashes to everyone, entries to auditors and on record, until stopped."""
    from jejak.audit import log_serving, web_server  # noqa: PLC0415  the web library takes a second to load

    settings = Settings()
    end_with_parent(settings)
    folder = folder or settings.data.resolve() / "audit-log"
    try:
        if hashes_only:
            log_serving.serve_hashes(settings, folder, port)
        else:
            log_serving.serve(settings, folder, port)
    except web_server.ServingRefused as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(REFUSED) from refused


def end_with_parent(settings: Settings) -> None:
    """Have this process end with the command that started it, where one did."""
    if settings.parent:
        end_with(settings.parent)
