"""Watches the audit trail as it grows, and tells unusual use: `python -m stream_processors.agents.watch SETTINGS`.

One process reads every partition: an accessor's looks come through several gateways, each in a partition of its own,
and only who sees them all can count them. The trail is small beside the registry's flow (design: 90 entries a second
for the nation); a second process would halve the counts, so there is one, restarted by its supervisor. Must not know
what is unusual: that is `stream_processors.watch`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import faust

from schemas import catalogue, cloudevents, codec, records
from stream_processors.agents import intake
from stream_processors.agents.app import bare, now
from stream_processors.agents.beginning import Beginning
from stream_processors.watch.marks import Marks
from stream_processors.watch.memory import Memory
from stream_processors.watch.thresholds import SHIPPED, Thresholds
from stream_processors.watch.unusual import Watch

NAME: Final = catalogue.WATCH
TABLE: Final = "seen"
NOT_AN_ENTRY: Final = "NOT_AN_AUDIT_ENTRY"
_NOBODY: Final = b"-"
_QUIET_S: Final = 2.0
_RECENT: Final = 10_000_000
_NEVER: Final = -1
_MILLI: Final = 1_000

Honey = Callable[[], frozenset[bytes]]
"""Returns the references of the audit trail that nobody has a reason to see, as of now."""
Record = records.AccessIntent | records.AccessOutcome | records.SubjectDisclosure | records.GatewayHeartbeat
_RECORDS: Final = (records.AccessIntent, records.AccessOutcome, records.SubjectDisclosure, records.GatewayHeartbeat)


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Where it watches; `honey` are references of the audit trail, in hexadecimal, that nobody has a reason to see."""

    bootstrap: str
    name: str = NAME
    audit_topic: str = catalogue.AUDIT_TOPIC
    alerts_topic: str = catalogue.ALERTS_TOPIC
    dead_letters_topic: str = catalogue.DEAD_LETTERS_TOPIC
    partitions: int = catalogue.PARTITIONS
    every_s: float = 1.0
    thresholds: str = field(default_factory=SHIPPED.read_text)
    honey: tuple[str, ...] = ()


class _Progress:
    """How far the reading is: an intent is unanswered only once what may answer it was read."""

    def __init__(self) -> None:
        self.appended_at = 0
        self.read_at = time.monotonic()

    def read(self, appended_at: int) -> None:
        self.appended_at = max(self.appended_at, appended_at)
        self.read_at = time.monotonic()

    def is_at_end(self, clock: int) -> bool:
        return time.monotonic() - self.read_at > _QUIET_S or self.appended_at > clock - _RECENT


class _Told:
    """Tells alerts, and has what was found be marked once the broker acknowledged each."""

    def __init__(self, alerts: Any, marks: Marks, memory: Memory) -> None:
        self._alerts, self._marks, self._memory = alerts, marks, memory
        self._turn = asyncio.Lock()  # what a timer finds must not write the marks of an entry

    async def of(self, find: Callable[[], Iterable[records.UnusualUseDetected]]) -> None:
        """Tell what is found; whoever ends before it is marked tells it again, by the same id."""
        async with self._turn:
            try:
                for alert in find():
                    await self._tell(alert)
            except BaseException:
                self._marks.drop()
                self._memory.begin_anew()
                raise
            self._marks.write()

    async def _tell(self, alert: records.UnusualUseDetected) -> None:
        headers = cloudevents.headers(codec.name_of(alert), alert.alert_id, "/watch")
        await (await self._alerts.send(key=alert.agency_id.encode(), value=codec.encode(alert), headers=headers))


def build(settings: WatchSettings, clock: Callable[[], int] = now, honey: Honey | None = None) -> faust.App:
    """Return the app with the watch attached; it is not started. `honey` is asked anew every `every_s`."""
    app = bare(settings.bootstrap, settings.name, settings.partitions)
    audit, alerts, letters = (
        app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        for name in (settings.audit_topic, settings.alerts_topic, settings.dead_letters_topic)
    )
    table = app.Table(
        TABLE, key_type=bytes, value_type=None, default=None, partitions=settings.partitions, use_partitioner=True
    )
    known = frozenset(bytes.fromhex(one) for one in settings.honey)
    marks = Marks(table)
    memory = Memory(marks, Watch(Thresholds.parse(settings.thresholds)), honey() if honey is not None else known)
    told = _Told(alerts, marks, memory)
    progress, placed = _Progress(), asyncio.Event()
    beginning, begun_in = Beginning(app, settings.audit_topic), _NEVER

    @app.agent(audit, name="watch")
    async def watch(stream: Any) -> None:
        # Writing to a table does not wait until its partitions are known; a tombstone of nobody's key does.
        await (await table.changelog_topic.send(key=_NOBODY, value=None, value_serializer="raw"))
        placed.set()
        async for event in stream.events():
            if begun_in != app.rebalancing_count:
                continue  # it comes again, after what the rebalance skipped; a gateway's numbers must come in order
            appended_at = round(event.message.timestamp * _MILLI) * _MILLI
            record: Record | str = intake.read(event.value, _RECORDS, NOT_AN_ENTRY)
            if isinstance(record, str):
                await intake.send_letter(letters, settings.dead_letters_topic, settings.name, event, record)
            else:
                await told.of(partial(memory.seen, record, appended_at, clock()))
            progress.read(appended_at)

    async def look() -> None:
        nonlocal begun_in
        rebalance = app.rebalancing_count
        if placed.is_set() and not app.rebalancing and begun_in != rebalance:
            await beginning.read_again()
            begun_in = rebalance
        if honey is not None:
            memory.watch_over(honey())
        if begun_in == app.rebalancing_count and not app.rebalancing and progress.is_at_end(clock()):
            await told.of(lambda: (*memory.unanswered(clock()), *memory.silent(clock())))

    app.timer(interval=settings.every_s, name="unanswered")(look)
    return app


def main(settings: WatchSettings, honey: Honey | None = None) -> None:
    """Watch until SIGTERM or SIGINT; ends the process."""
    faust.Worker(build(settings, honey=honey), loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(WatchSettings(**json.loads(sys.argv[1])))
