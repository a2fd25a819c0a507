"""Which writes travel together: a partition's rows in one batch, small partitions a few to a batch.

A batch of one partition is one mutation, as large as we like. One over several is taken by a server without a warning
up to ten partitions and 5 KiB; it saves client and server most of what a request costs. Pure; must not know the driver.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from consumers.read_model.rows import Write

ROWS_A_BATCH: Final = 100
BYTES_A_BATCH: Final = 65_536
PARTITIONS_A_MIXED_BATCH: Final = 10
BYTES_A_MIXED_BATCH: Final = 5_000  # by our count of cells; the server warns from 5,120 by its own
_BYTES_A_CELL: Final = 24

Place = tuple[str, tuple[Any, ...]]


def batches(writes: Iterable[Write]) -> Iterator[Sequence[Write]]:
    """Yield every write once, in batches of bounded rows and bytes; one larger row makes a batch of its own."""
    partitions: dict[Place, list[Write]] = {}
    for write in writes:
        partitions.setdefault((write[0].name, write[1]), []).append(write)
    mixed: list[Write] = []
    count = total = 0
    for group in partitions.values():
        for chunk, size in _bounded(group):
            if size > BYTES_A_MIXED_BATCH:
                yield chunk
                continue
            if count == PARTITIONS_A_MIXED_BATCH or total + size > BYTES_A_MIXED_BATCH:
                yield mixed
                mixed, count, total = [], 0, 0
            mixed += chunk
            count += 1
            total += size
    if mixed:
        yield mixed


def _bounded(group: Sequence[Write]) -> Iterator[tuple[Sequence[Write], int]]:
    """Yield a partition's writes in chunks of bounded rows and bytes, each with its bytes."""
    chunk: list[Write] = []
    total = 0
    for write in group:
        size = sum(len(value) for value in write[2] if isinstance(value, (bytes, str))) + _BYTES_A_CELL * len(write[2])
        if chunk and (len(chunk) == ROWS_A_BATCH or total + size > BYTES_A_BATCH):
            yield chunk, total
            chunk, total = [], 0
        chunk.append(write)
        total += size
    if chunk:
        yield chunk, total
