"""A process that publishes a synthetic nation, to be killed.

python publish_rig.py KAFKA CASSANDRA FAMILIES SEED BATCH
"""

import sys

from identity.families import Aliases
from identity.keys_cassandra import CassandraKeyStore
from identity.master_key import MasterKey
from identity.references import ReferenceKey
from producers.intake import Intake
from producers.ledger import CassandraLedger
from producers.publish import Publisher
from producers.simulation import Nation, simulate
from transport.cassandra import closing_session
from transport.kafka import producer


def main(kafka: str, cassandra: str, families: str, seed: str, batch: str) -> None:
    """Publish the nation of this size and seed with a ledger and keys in the database."""
    nation = Nation(int(families), int(seed))
    with closing_session(cassandra) as session:
        intake = Intake(ReferenceKey(b"r" * 32), Aliases(session), CassandraKeyStore(session, MasterKey(b"m" * 32)))
        publisher = Publisher(producer(kafka), CassandraLedger(session), lambda: 0, int(batch))
        drafts = (step.draft for step in simulate(nation))
        result = publisher.publish(("simulation", nation.digest), drafts, intake.take)
    sys.stdout.write(f"{result.sent} {result.skipped} {result.refused}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
