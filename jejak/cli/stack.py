"""`jejak up | down | status | reset`: the local Kafka and Cassandra."""

import shutil
from typing import Annotated, Final

import typer

from jejak import stack
from jejak.cli import output
from jejak.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MADE_OF_IT: Final = ("ranking", "allocations")  # what was computed from data that is gone is never gone on with


def up(
    kafka_port: Annotated[int | None, typer.Option(help="Port for Kafka; a free one by default.")] = None,
    cassandra_port: Annotated[int | None, typer.Option(help="Port for Cassandra; a free one by default.")] = None,
    kafka_heap: Annotated[str, typer.Option(help="Heap of the broker; 1g for benchmarks.")] = "256m",
) -> None:
    """Start Kafka and Cassandra on loopback and wait until both answer."""
    found = stack.up(
        Settings().data,
        kafka_port=kafka_port,
        cassandra_port=cassandra_port,
        kafka_heap=kafka_heap,
        progress=output.progress(),
    )
    output.OUT.print(f"Kafka      {found.kafka}\nCassandra  {found.cassandra}")


def down() -> None:
    """Stop what `up` started; data stays."""
    stopped = stack.down(Settings().data)
    output.OUT.print("stopped" if stopped else "nothing was running")


def status(json: Json = False) -> None:
    """Show what runs and where it answers."""
    found = stack.status(Settings().data)
    if json:
        output.as_json(found.as_json())
        return
    rows = [
        (name, server.state, server.address, server.pid or "", server.log or "")
        for name, server in found.servers.items()
    ]
    output.table(f"Local stack in {found.data}", ("server", "state", "address", "pid", "log"), rows)
    if found.crash is not None:
        output.say(f"the last run ended by itself: {found.crash}")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Stop the local stack and delete its data; downloaded jars stay."""
    from jejak.audit import own_witness  # noqa: PLC0415  signatures and Kafka, which no other command here needs

    data = Settings().data
    if not yes:
        typer.confirm(f"Delete everything in {data}?", abort=True)
    stack.reset(data)
    for name in _MADE_OF_IT:
        shutil.rmtree(data / name, ignore_errors=True)
    own_witness.forget(data.resolve())
    output.OUT.print("deleted")
