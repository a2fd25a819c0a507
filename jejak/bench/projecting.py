"""The projection into Cassandra: by a real worker, and its rows by table, with how many go in one batch."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from consumers.read_model.batches import batches
from consumers.read_model.dead_letters import DeadLetters
from consumers.read_model.projector import Projector, Topics, group_of, member
from consumers.read_model.rows import Write
from consumers.read_model.writes import Store
from jejak.bench.ground import Ground, Watch
from jejak.bench.results import Figure, Result
from schemas import catalogue
from transport import kafka

_ROWS: Final = 150_000
_BATCHED: Final = 8.0  # rows in one statement, from which on they count as written in batches


def projection(ground: Ground) -> Iterator[Result]:
    """Yield how fast one worker projects everything, and how fast its rows are made and written, by table."""
    ground.progress("projection, by table")
    kept = _Kept()
    yield _made(ground, kept)
    yield from _by_table(Store(ground.registry.session, lambda _attempt, _fault: None), kept)
    ground.progress("projection")
    with ground.workers() as workers:
        workers.start("read-model", "run", "read-model")
        watch = Watch(ground.kafka, group_of(), Topics().sources, workers.running().values())
        start, used, first = watch.until(0)
        end, after, last = watch.until(1)
    yield from Figure(
        "projection",
        "projection into Cassandra, one worker",
        "records",
        last - first,
        end - start,
        sum(after) - sum(used),
    ).results()


class _Kept:
    """Takes the place of the tables: keeps the rows of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[Write]] = []
        self.rows = 0

    def write(self, writes: Iterable[Write]) -> None:
        """Keep the rows."""
        self.batches.append([*writes])
        self.rows += len(self.batches[-1])

    begin = write

    def finish(self, _begun: None) -> None:
        """Have nothing to wait for."""

    def placed(self, _family_ids: Iterable[str]) -> Mapping[str, Any]:
        """Know no family: everything is new."""
        return {}


def _made(ground: Ground, kept: _Kept) -> Result:
    """Fill with rows, no database involved; return what a row costs."""
    consumer = member(ground.kafka, "bench-projection")
    letters = DeadLetters(kafka.producer(ground.kafka), catalogue.DEAD_LETTERS_TOPIC, "bench-projection")
    store: Any = kept  # in the place of the real one
    projector = Projector(consumer, lambda _: store, letters)
    cpu = time.process_time()
    try:
        while kept.rows < _ROWS and (projector.step() or not kept.rows):
            pass
    finally:
        consumer.close()
    each = (time.process_time() - cpu) / kept.rows * 1e6
    return Result(
        "projection.made", "rows made of records, no database", each, "us of CPU a row", f"{kept.rows:,} rows"
    )


def _by_table(store: Store, kept: _Kept) -> Iterator[Result]:
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)  # rows, statements, clock, CPU
    for batch in kept.batches:
        tables: dict[str, list[Write]] = defaultdict(list)
        for write in batch:
            tables[write.table.name].append(write)
        for name, writes in tables.items():
            wall, cpu = time.perf_counter(), time.process_time()
            store.write(writes)
            clock, used_cpu = time.perf_counter() - wall, time.process_time() - cpu
            used = (len(writes), sum(1 for _ in batches(writes)), clock, used_cpu)
            spent[name] = [whole + more for whole, more in zip(spent[name], used, strict=True)]
    for name, (rows, statements, clock, used_cpu) in sorted(spent.items(), key=lambda item: -item[1][0]):
        note = f"{rows:,.0f} rows, {rows / statements:.1f} a statement, {used_cpu / rows * 1e6:.0f} us of CPU a row"
        yield Result(f"projection.{name}", f"rows of {name}", rows / clock, "rows/s", note)
    batched = [told for told in spent.values() if told[0] / told[1] >= _BATCHED]
    single = [told for told in spent.values() if told[0] / told[1] < _BATCHED]
    for name, what, chosen in (
        ("batches", "rows written in batches of a partition", batched),
        ("single", "rows written one by one, by id", single),
    ):
        if chosen:
            rows, _, clock, used_cpu = (sum(column) for column in zip(*chosen, strict=True))
            note = f"{rows:,.0f} rows, one process, {rows / used_cpu:,.0f}/s of its CPU"
            yield Result(f"projection.{name}", what, rows / clock, "rows/s", note)
