"""The read model's worker: tables, clients and projector put together, from two addresses.

Must not know where the addresses come from, nor who supervises it.
"""

from collections.abc import Callable, Mapping

from consumers.read_model import projector, tables
from consumers.read_model.dead_letters import DeadLetters
from consumers.read_model.writes import Between, Store
from transport import cassandra, kafka


def run(
    kafka_address: str,
    cassandra_address: str,
    replication: Mapping[str, str | int],
    stopping: Callable[[], bool],
    version: str = tables.VERSION,
) -> None:
    """Create what is missing, then keep this version of the read model at the head of its topics until told to stop.

    Any number of these run side by side. Raises at once on a fault: a supervisor starts it again, and nothing is lost.
    """
    group = projector.group_of(version)
    with cassandra.closing_session(cassandra_address) as session:
        tables.create(session, replication, version)
        letters = DeadLetters(kafka.producer(kafka_address), projector.Topics().dead_letters, group)
        consumer = projector.member(kafka_address, group)

        def connect(between: Between) -> Store:
            return Store(session, between, version)

        try:
            projector.Projector(consumer, connect, letters, stopping=stopping).run()
        finally:
            consumer.close()
