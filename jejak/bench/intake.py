"""How fast plain text becomes sealed changes, with keys in memory and with keys in Cassandra."""

import time
from collections.abc import Iterator

from jejak import publishing
from jejak.bench import corpus as corpora
from jejak.bench.corpus import Corpus
from jejak.bench.ground import Ground
from jejak.bench.results import Figure, Result
from producers.simulation.nation import Nation


def intake(families: int) -> tuple[Corpus, list[Result]]:
    """Return the district's changes, and how fast the intake checked, referred, sealed and encoded them."""
    said = corpora.drafts(families)
    wall, cpu = time.perf_counter(), time.process_time()
    made = corpora.taken(said)
    figure = Figure(
        "intake",
        "intake: check, refer, seal, encode (keys in memory)",
        "changes",
        len(made.changes),
        time.perf_counter() - wall,
        time.process_time() - cpu,
    )
    return made, [*figure.results(by_core=True)]


def publish(ground: Ground) -> Iterator[Result]:
    """Yield how fast a district is published with alias table, keys and ledger in Cassandra, all of them new."""
    nation = Nation(families=ground.wishes.families, seed=2, poison=0)
    wall, cpu = time.perf_counter(), time.process_time()
    sent = publishing.nation(ground.registry, nation, lambda _: None).sent
    yield from Figure(
        "publish",
        "intake and publish (keys in Cassandra, all new)",
        "changes",
        sent,
        time.perf_counter() - wall,
        time.process_time() - cpu,
    ).results()
