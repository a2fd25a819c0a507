"""Due dates are kept per family and told once they come; what is no due date is set aside."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue, codec
from schemas.records import DeadlineScheduled
from stream_processors.access_requests import usage
from stream_processors.agents import app as agents
from stream_processors.agents import beginning, deadlines

FAMILY = "a" * 26
PROPOSAL = bytes(range(16))
KIND = "PROPOSAL_CUT_OFF"


def scheduled(due_at: int | None, family: str = FAMILY, kind: str = KIND) -> DeadlineScheduled:
    return DeadlineScheduled(family_id=family, kind=kind, subject_id=PROPOSAL, due_at=due_at, sequence=1)


def test_a_new_date_replaces_the_old_one_of_its_kind() -> None:
    kept = deadlines.scheduled({}, scheduled(10))
    kept = deadlines.scheduled(kept, scheduled(20, kind="OTHER"))
    kept = deadlines.scheduled(kept, scheduled(30))
    assert kept == {KIND: [PROPOSAL.hex(), 30], "OTHER": [PROPOSAL.hex(), 20]}


def test_a_withdrawn_date_is_forgotten() -> None:
    assert deadlines.scheduled(deadlines.scheduled({}, scheduled(10)), scheduled(None)) == {}


def test_a_date_is_told_when_it_came_and_not_before() -> None:
    families = [(FAMILY.encode(), deadlines.scheduled({}, scheduled(10)))]
    assert list(deadlines.due(families, 9)) == []
    (change,) = deadlines.due(families, 10)
    assert (change.header.family_id, change.header.agency) == (FAMILY, "registry")
    assert (change.kind, change.subject_id, change.due_at) == (KIND, PROPOSAL, 10)
    assert change.header.occurred_at == 10
    assert (change.header.sequence, change.header.recorded_at) == (0, 0)


def test_a_usage_report_is_told_to_the_requests_and_a_cut_off_to_the_families() -> None:
    places = deadlines.Places("in", "out", "dead", "group", "asked")
    assert {deadlines.destination(places, usage.kind_of(day)) for day in usage.REMINDERS} == {"asked"}
    assert deadlines.destination(places, usage.ESCALATION) == "asked"
    assert deadlines.destination(places, f"{KIND}.BARU") == "out"


def test_dates_are_looked_through_once_the_first_of_them_came() -> None:
    # Given what is not known yet: any date may have come
    watch = deadlines.Watch()
    assert watch.at == 0
    # When they were looked through, and others are set, moved and withdrawn
    watch.looked([(b"a", {KIND: ["", 50]}), (b"b", {KIND: ["", 40], "OTHER": ["", 60]})])
    assert watch.at == 40
    watch.scheduled(scheduled(30))
    watch.scheduled(scheduled(70))
    watch.scheduled(scheduled(None))
    # Then it is worth looking again at the first, and not before
    assert watch.at == 30
    watch.looked([])
    assert watch.at == deadlines.NEVER


class Ticking:
    """The agent's timer over a table and a clock that are set by hand."""

    def __init__(self, *kept: tuple[bytes, deadlines.Kept]) -> None:
        self.clock, self.looks, self.told = 0, 0, list[str]()
        self.app = MagicMock(rebalancing=False, rebalancing_count=0)
        self.app.topic.return_value.send = self._send
        self.table = self.app.Table.return_value = Table(kept)
        self.app.Table.return_value.items = self._items
        agent = deadlines.attach(self.app, deadlines.Places("in", "out", "dead", "group"), lambda: self.clock, 1.0)
        self.tell = agent.tell

    async def _send(self, **record: Any) -> Any:
        self.told.append(codec.decode(record["value"]).kind)
        return AsyncMock()()

    def _items(self) -> Any:
        self.looks += 1
        return dict.items(self.table)

    def at(self, now: int) -> list[str]:
        """Let the timer come round at this time; return the kinds told."""
        self.clock, self.told = now, []
        asyncio.run(self.tell())
        return self.told


def test_the_timer_tells_each_date_once_and_looks_at_none_while_nothing_is_due() -> None:
    with patch("asyncio.Event.is_set", return_value=True), patch.object(beginning, "A_FETCH_S", 0.0):
        timer = Ticking((b"a", {KIND: [PROPOSAL.hex(), 10], "OTHER": [PROPOSAL.hex(), 30]}))
        assert timer.at(10) == [KIND]
        looks = timer.looks
        assert [timer.at(now) for now in (11, 20, 29)] == [[], [], []]
        assert timer.looks == looks
        assert timer.at(30) == ["OTHER"]
        # After a rebalance other families' dates may be there: all are looked through again
        timer.table[b"b"] = {KIND: [PROPOSAL.hex(), 5]}
        timer.app.rebalancing_count = 1
        timer.app.consumer.resume_flow.assert_not_called()
        assert timer.at(31) == [KIND]
        timer.app.consumer.resume_flow.assert_called_once()


def test_more_dates_than_one_round_tells_are_told_in_the_next_ones() -> None:
    with patch("asyncio.Event.is_set", return_value=True), patch.object(deadlines, "AT_ONCE", 2):
        timer = Ticking(*((b"%d" % number, {KIND: [PROPOSAL.hex(), 10]}) for number in range(5)))
        assert [len(timer.at(10)) for _ in range(4)] == [2, 2, 1, 0]


@given(family=st.text("abc234", min_size=26, max_size=26), due_at=st.integers(0, 2**50))
def test_the_same_date_has_the_same_change_id_and_another_date_another(family: str, due_at: int) -> None:
    def told(day: int, kind: str = KIND, who: str = family) -> bytes:
        return deadlines.reached(who, kind, PROPOSAL, day).header.change_id

    assert told(due_at) == told(due_at)
    assert len({told(due_at), told(due_at + 1), told(due_at, "OTHER"), told(due_at, who="z" * 26)}) == 4


@given(due_at=st.integers(0, 2**50))
def test_what_is_told_is_a_record_of_the_contract(due_at: int) -> None:
    change = deadlines.reached(FAMILY, KIND, PROPOSAL, due_at)
    assert codec.decode(codec.encode(change)) == change


class Sent:
    """What the agent's topics were given, in place of a producer."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    async def send(self, **record: Any) -> Any:
        self.records.append(record)
        return AsyncMock()()


class Table(dict[bytes, Any]):
    """A table's keys and values, and a topic behind it that takes everything."""

    changelog_topic = Sent()


def feed(*values: bytes) -> tuple[dict[bytes, Any], list[dict[str, Any]]]:
    """Give the agent these records; return its table and the dead letters."""

    async def within() -> tuple[dict[bytes, Any], list[dict[str, Any]]]:
        app = agents.build(agents.AgentSettings("127.0.0.1:9"))
        table = Table()
        sent = Sent()
        with patch.object(app, "Table", MagicMock(return_value=table)):
            places = deadlines.Places("in", "out", "dead", "group")
            agent = deadlines.attach(app, places, lambda: 0, 1.0)
        with patch.object(app, "topic"), patch("faust.topics.Topic.send", lambda _, **record: sent.send(**record)):
            async with agent.keep.test_context() as context:
                for value in values:
                    await context.put(value, key=FAMILY.encode())
        return table, sent.records

    return asyncio.run(within())


def test_the_agent_keeps_what_is_scheduled() -> None:
    table, dead = feed(codec.encode(scheduled(10)), codec.encode(scheduled(None)), codec.encode(scheduled(30)))
    assert table == {FAMILY.encode(): {KIND: [PROPOSAL.hex(), 30]}}
    assert dead == []


@pytest.mark.parametrize("bad", [b"", b"\x00\x00\x00\x00\x07", b"no record"])
def test_a_malformed_record_becomes_a_dead_letter_and_the_agent_goes_on(bad: bytes) -> None:
    table, dead = feed(bad, codec.encode(scheduled(10)))
    assert table == {FAMILY.encode(): {KIND: [PROPOSAL.hex(), 10]}}
    assert len(dead) == 1
    headers = dict(dead[0]["headers"])
    assert headers["dl_consumer"] == b"group"
    assert headers["dl_code"]


def test_a_record_of_another_kind_becomes_a_dead_letter() -> None:
    other = deadlines.reached(FAMILY, KIND, PROPOSAL, 1)
    _, dead = feed(codec.encode(other))
    assert [dict(letter["headers"])["dl_code"] for letter in dead] == [b"NOT_A_DEADLINE"]


def test_a_date_that_was_moved_meanwhile_is_not_forgotten() -> None:
    table: dict[bytes, Any] = {FAMILY.encode(): {KIND: [PROPOSAL.hex(), 30]}}
    deadlines._forget(table, deadlines.reached(FAMILY, KIND, PROPOSAL, 10))
    assert table == {FAMILY.encode(): {KIND: [PROPOSAL.hex(), 30]}}
    deadlines._forget(table, deadlines.reached(FAMILY, KIND, PROPOSAL, 30))
    assert table == {}


def test_the_web_pages_and_the_topics_of_the_framework_are_off() -> None:
    conf = agents.build(agents.AgentSettings("127.0.0.1:9")).conf
    assert not conf.web_enabled
    assert not conf.topic_allow_declare
    assert conf.topic_disable_leader
    assert conf.table_standby_replicas == 0


def test_the_changelog_is_a_topic_of_the_catalogue() -> None:
    app = agents.build(agents.AgentSettings("127.0.0.1:9"))
    names = {table.changelog_topic.get_topic_name() for table in app.tables.values()}
    assert names <= {topic.name for topic in catalogue.TOPICS}
    assert {catalogue.topic(name).partitions for name in names} == {catalogue.PARTITIONS}


class Consumer:
    """A consumer of whose topic a fetch is under way for some rounds: it ends behind where it is sent."""

    def __init__(self, *under_way: int) -> None:
        self.under_way = list(under_way)
        self.at: dict[TP, int] = {}
        self.done: list[Any] = []

    async def seek_to_committed(self) -> dict[TP, int | None]:
        return {TP("in", 0): 7, TP("in", 1): None, TP("changelog", 1): None}

    async def seek(self, place: TP, offset: int) -> None:
        self.done.append((place.partition, offset))
        self.at[place] = offset + (self.under_way.pop() if self.under_way else 0)

    async def position(self, place: TP) -> int:
        return self.at[place]

    def stop_flow(self) -> None:
        self.done.append("stop")

    def resume_flow(self) -> None:
        self.done.append("go on")


def begun(consumer: Consumer, *, rebalances: bool = False) -> list[Any]:
    app = MagicMock(rebalancing_count=1, consumer=consumer)

    async def within() -> None:
        start = beginning.Beginning(app, "in")
        await app.on_rebalance_complete.connect.call_args.args[0](app)
        reading = asyncio.ensure_future(start.read_again())
        if rebalances:
            await asyncio.sleep(0)
            app.rebalancing_count = 2
        await reading

    with patch.object(beginning, "A_FETCH_S", 0.0):
        asyncio.run(within())
    return consumer.done


def test_after_a_rebalance_all_is_read_from_what_was_committed_or_the_beginning() -> None:
    assert begun(Consumer()) == ["stop", (0, 7), (1, 0), "go on"]


def test_it_goes_back_until_nothing_is_under_way() -> None:
    assert begun(Consumer(3)) == ["stop", (0, 7), (1, 0), (0, 7), (1, 0), "go on"]


def test_a_rebalance_meanwhile_ends_it_and_the_flow_is_left_to_that() -> None:
    assert begun(Consumer(*[1] * 99), rebalances=True) == ["stop", (0, 7), (1, 0)]
