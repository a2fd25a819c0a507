"""Due dates of families and access requests: kept as the folds schedule them, told as changes when they come.

Knows the records and a clock that is handed in; must not know rules: whether a date that came moves anything is for
`decide`, which compares it with the state.

Faust reads uncommitted records unless its own transactions are on. That is enough here: what an aborted transaction
scheduled is scheduled again when its changes are decided again, and a date told too early is refused.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import faust

from schemas import catalogue, cloudevents, codec
from schemas.identifiers import deadline_id
from schemas.records import DeadlineReached, DeadlineScheduled, Header
from stream_processors.agents import intake
from stream_processors.agents.beginning import Beginning

AGENCY = "registry"
ACTOR = "deadlines"
TABLE = "deadlines"
NO_FAMILY = b"-"
NOT_A_DEADLINE = "NOT_A_DEADLINE"
OF_REQUEST = "USAGE_REPORT."  # what is due of an access request and no family: told to the requests fold
AT_ONCE = 1_000  # dates told per round at most, so that a round's end is soon
NEVER = 1 << 62

Kept = dict[str, list[Any]]
"""The dates of one family: kind to subject id (hexadecimal) and due date (microseconds since 1970, UTC)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The topics' names and the group under whose name dead letters are written."""

    deadlines: str
    changes: str
    dead_letters: str
    group: str
    requests: str = catalogue.REQUESTS_TOPIC


def scheduled(kept: Kept, record: DeadlineScheduled) -> Kept:
    """Return the dates of a family after one was set, moved or withdrawn."""
    others = {kind: date for kind, date in kept.items() if kind != record.kind}
    if record.due_at is None:
        return others
    return {**others, record.kind: [record.subject_id.hex(), record.due_at]}


def due(families: Iterable[tuple[bytes, Kept]], now: int) -> Iterator[DeadlineReached]:
    """Yield a change for every date at or before `now` (microseconds since 1970, UTC)."""
    for family, kept in families:
        for kind, (subject, due_at) in kept.items():
            if due_at <= now:
                yield reached(family.decode(), kind, bytes.fromhex(subject), due_at)


class Watch:
    """When it is worth looking through the dates again: they are many, and nearly all lie far ahead.

    `at` is no later than the first date (microseconds since 1970, UTC); 0 where the dates may be any.
    """

    def __init__(self) -> None:
        self.at = 0

    def scheduled(self, record: DeadlineScheduled) -> None:
        """Take note of a date that was set."""
        if record.due_at is not None:
            self.at = min(self.at, record.due_at)

    def looked(self, families: Iterable[tuple[bytes, Kept]]) -> None:
        """Take note of the dates that are left after all that came were told."""
        self.at = min((due_at for _, kept in families for _, due_at in kept.values()), default=NEVER)


def reached(family_id: str, kind: str, subject_id: bytes, due_at: int) -> DeadlineReached:
    """Return the change that says that a date came; the same date of the same family has the same id."""
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=due_at,
        change_id=deadline_id(family_id, kind, due_at),
        family_id=family_id,
        agency=AGENCY,
        actor=ACTOR,
        document=f"{kind}/{due_at}",
        correlation_id=None,
        causation_id=None,
    )
    return DeadlineReached(header=header, kind=kind, subject_id=subject_id, due_at=due_at)


def destination(places: Places, kind: str) -> str:
    """Return the topic of the fold that a date of this kind is told to: the requests' own, or the families'."""
    return places.requests if kind.startswith(OF_REQUEST) else places.changes


@dataclass(frozen=True, slots=True)
class DeadlinesAgent:
    """The parts of the running agent: what keeps the dates, what tells them, and the table between them."""

    keep: Any
    tell: Callable[[], Any]
    table: Any


def attach(app: faust.App, places: Places, clock: Callable[[], int], every_s: float) -> DeadlinesAgent:
    """Give the app an agent that keeps dates and a timer that tells those that came.

    `clock` returns microseconds since 1970, UTC. A record that is no DeadlineScheduled becomes a dead letter; an
    exception would have Faust restart the agent and skip the record.
    """
    deadlines, changes, dead_letters, requests = (
        _bytes_topic(app, name) for name in (places.deadlines, places.changes, places.dead_letters, places.requests)
    )
    topics = {places.changes: changes, places.requests: requests}
    # Keyed by family and placed by the partitioner, a family's dates lie in the partition of its changes and of its
    # input here, and may be written by the timer too, which has no partition of its own.
    table = app.Table(
        TABLE, key_type=bytes, value_type=None, default=dict, partitions=app.conf.topic_partitions, use_partitioner=True
    )

    placed = asyncio.Event()
    watch = Watch()

    @app.agent(deadlines, name="deadlines")
    async def keep(stream: Any) -> None:
        await _learn_places(table)
        placed.set()
        async for event in stream.events():
            record = intake.read(event.value, DeadlineScheduled, NOT_A_DEADLINE)
            if isinstance(record, DeadlineScheduled):
                _keep(table, record)
                watch.scheduled(record)
            else:
                await intake.send_letter(dead_letters, places.dead_letters, places.group, event, record)

    beginning = Beginning(app, places.deadlines)
    looked_since = app.rebalancing_count

    async def tell() -> None:
        nonlocal looked_since
        if not placed.is_set() or app.rebalancing:
            return
        if looked_since != app.rebalancing_count:
            looked_since, watch.at = app.rebalancing_count, 0  # other partitions' dates are there now
            await beginning.read_again()
        if clock() < watch.at:
            return
        came = list(itertools.islice(due(list(table.items()), clock()), AT_ONCE))
        acknowledged = [await _send(topics[destination(places, change.kind)], change) for change in came]
        for change, arrived in zip(came, acknowledged, strict=True):
            await arrived
            _forget(table, change)
        if len(came) < AT_ONCE:
            watch.looked(list(table.items()))

    app.timer(interval=every_s, name="deadlines")(tell)
    return DeadlinesAgent(keep, tell, table)


async def _learn_places(table: Any) -> None:
    """Have the producer know the partitions of the table's topic.

    Writing to a table does not wait for that, and would fail for the first record. A tombstone of a key that no
    family has is nothing to the table, and sending it waits.
    """
    await (await table.changelog_topic.send(key=NO_FAMILY, value=None, value_serializer="raw"))


def _bytes_topic(app: faust.App, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def _keep(table: Any, record: DeadlineScheduled) -> None:
    family = record.family_id.encode()
    _put(table, family, scheduled(table.get(family, {}), record))


def _forget(table: Any, change: DeadlineReached) -> None:
    """Forget a date that was told, unless another was set meanwhile."""
    family = change.header.family_id.encode()
    kept: Kept = table.get(family, {})
    if kept.get(change.kind) == [change.subject_id.hex(), change.due_at]:
        _put(table, family, {kind: date for kind, date in kept.items() if kind != change.kind})


def _put(table: Any, family: bytes, kept: Kept) -> None:
    if kept:
        table[family] = kept
    elif family in table:
        del table[family]


async def _send(changes: Any, change: DeadlineReached) -> Awaitable[Any]:
    """Send a change; what is returned is done when the broker has it."""
    headers = cloudevents.headers(codec.name_of(change), change.header.change_id, f"/agencies/{AGENCY}")
    key = change.header.family_id.encode()
    arrived: Awaitable[Any] = await changes.send(key=key, value=codec.encode(change), headers=headers)
    return arrived
