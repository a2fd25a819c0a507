"""Values that are no Avro, for showing where a fold puts what it can't read."""

from collections.abc import Iterator
from random import Random

from producers.outgoing import Outgoing
from producers.simulation.nation import Nation
from schemas.catalogue import CHANGES_TOPIC

_KINDS = (b"", b"{}", b"\x00\xff\xff\xff\xff", b"\x01rest", b"\x00\x00\x00")


def poison(nation: Nation) -> Iterator[Outgoing]:
    """Yield the nation's handful of poison, the same for the same nation, keyed so that it spreads over partitions."""
    rng = Random(f"{nation.seed}/poison")  # noqa: S311  a simulation, not a secret
    for number in range(nation.poison):
        value = _KINDS[number % len(_KINDS)] + rng.randbytes(number)
        yield Outgoing(CHANGES_TOPIC, f"poison-{nation.seed}-{number}".encode(), value)
