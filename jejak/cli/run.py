"""`jejak run fold | read-model | sequencer | … | all`: the workers, in this process or as watched children."""

import threading
import time
from typing import Annotated

import typer

from jejak.cli import output
from jejak.processes import Children, end_with
from jejak.settings import Settings

# Each worker is a process of its own and loads what it stands on, not what all of them do: hence imports in functions.
# ruff: noqa: PLC0415

app = typer.Typer(no_args_is_help=True, help="Run workers until stopped with Ctrl-C or SIGTERM.")
WORKERS = ("fold", "read-model", "requests", "deadlines", "watch", "sequencer", "persons")


@app.callback()
def workers() -> None:
    """Run workers until stopped with Ctrl-C or SIGTERM; a worker of another command ends with it."""
    if Settings().parent:
        end_with(Settings().parent)


@app.command()
def fold() -> None:
    """Decide changes and fold events into families, counts and decisions."""
    from jejak.workers import run_fold

    run_fold(Settings())


@app.command("read-model")
def read_model(
    version: Annotated[
        str, typer.Option(help="This version alone; by default the one that serves and the one to roll back to.")
    ] = "",
) -> None:
    """Keep the tables in Cassandra at the head of the topics."""
    from jejak.workers import run_read_model

    run_read_model(Settings(), version)


@app.command("requests")
def access_requests() -> None:
    """Decide requests for by-name-by-address data."""
    from jejak.audit import requests

    requests.run(Settings())


@app.command()
def persons() -> None:
    """Answer families' claims of persons: which family holds whom."""
    from jejak.workers import run_persons

    run_persons(Settings())


@app.command()
def deadlines() -> None:
    """Publish the due dates that have come (Faust)."""
    from jejak import composition

    composition.run_deadlines(Settings())


@app.command()
def sequencer() -> None:
    """Build the audit log's tree and publish its checkpoints; of several, one is active."""
    from jejak.audit import sequencing

    sequencing.run_sequencer(Settings(), time.gmtime().tm_year)


@app.command()
def issuer() -> None:
    """Issue access tokens for development, on loopback (OAuth 2 client credentials)."""
    from consumers.issuer.clients import ClientsRefused
    from jejak.audit import admission, issuing, web_server

    try:
        issuing.serve(Settings())
    except (admission.IssuerRefused, web_server.ServingRefused, ClientsRefused) as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(3) from refused


@app.command()
def api() -> None:
    """Answer over HTTP, with JEJAK_TLS_... over TLS: who saw me, who saw whom."""
    from jejak.audit import api_serving, web_server

    try:
        api_serving.serve(Settings())
    except web_server.ServingRefused as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(3) from refused


@app.command()
def watch() -> None:
    """Watch the audit trail and tell unusual use (Faust); one process, never two."""
    from jejak.audit import watching

    watching.run(Settings())


@app.command("all")
def every() -> None:
    """Run one of each worker, and start again what ends by itself."""
    from jejak import composition
    from jejak.audit import own_witness

    settings = Settings()
    with composition.connected(settings):
        pass
    stopped = threading.Event()
    composition.on_stop(stopped.set)
    own = own_witness.arranged(settings, time.gmtime().tm_year)
    with Children(settings.data.resolve() / "logs", {}) as children:
        if own is not None:
            children.start("witness", *own)
        for place, name in enumerate(WORKERS):
            port = settings.metrics_port and settings.metrics_port + place
            children.start(name, "run", name, JEJAK_METRICS_PORT=str(port))
        output.say(f"running {', '.join(WORKERS)}; logs in {settings.data.resolve() / 'logs'}")
        with children.watching():
            stopped.wait()
