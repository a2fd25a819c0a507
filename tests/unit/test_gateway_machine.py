"""For every byte that left there is an earlier record of person and fields: a machine of looks, faults and crashes.

Of looks, readings of trails, and exports. The door, its gateway and its write-ahead files are real; the broker and the
read model are played. The suite takes some hundred steps; `JEJAK_AUDIT_STEPS` says how many instead, shared out among
processes that mostly wait: for a broker that is away, and for threads to end.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import OperationTimedOut
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from consumers.gateway import audit_log, purposes, replay_ahead, write_ahead
from consumers.gateway.admission import Gate
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door
from consumers.gateway.policy import Agreement
from consumers.gateway.replay_ahead import NotReplayed, replay
from consumers.gateway.request import (
    AuditDisclosed,
    AuditFound,
    CardAsked,
    ExportAsked,
    FamilyAsked,
    FamilyDisclosed,
    HistoryDisclosed,
    PersonAsked,
    Purpose,
    TrailOfPerson,
    Withheld,
)
from identity.keys import InMemoryKeyStore
from identity.open import Opener
from identity.seal import Sealer
from schemas import codec, records
from tests.unit.gateway_broker import Broker, Producer
from tests.unit.test_gateway_disclosure import (
    CALLER,
    CARD,
    EPOCH_KEY,
    FAMILY,
    NOW,
    PERSONS,
    PURPOSE,
    sealed_events,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from consumers.gateway.audit_log import Receipt
    from consumers.gateway.frames import Entry, Segment
    from consumers.gateway.request import ExportStream, FamilyRow

STEPS = int(os.environ.get("JEJAK_AUDIT_STEPS", "400"))
STEPS_A_RUN = 50
RUNS_AT_ONCE = 100  # Hypothesis remembers what it drew of each of them, and takes the longer
AT_LENGTH = 5_000
PROCESSES = 8
HOUR = 3_600_000_000
ASKED = (FamilyAsked(FAMILY), PersonAsked(PERSONS[0]), CardAsked(CARD), FamilyAsked("g" * 26), PersonAsked("z" * 26))
FIELDS = ("region", "status", "member.name", "member.national_id", "address_line", "card_number", "nonsense")
EXPORTER = replace(CALLER, actor_role="operator")
SUPERVISOR = replace(CALLER, actor_role="supervisor", actor_ref="officer-9")
GRANT = Agreement("a-1", CALLER.agency_id, ("BERBAGI_PAKAI_DATA",), FIELDS[:-1], ("35.71",), 0, 2 * NOW, 5_000)
FAULTS = (
    ("suspended", True),
    ("suspended", False),
    ("away", True),
    ("away", False),
    ("ahead_ms", 4_000),
    ("ahead_ms", 6_000),
    ("ahead_ms", -6_000),
    ("ahead_ms", 0),
    ("pwrite_fault", errno.ENOSPC),
    ("pwrite_fault", 0),
    ("fsync_fault", errno.EIO),
    ("fsync_fault", errno.ENOSPC),
    ("fsync_fault", 0),
    ("forbidden", "WITNESSES_LATE"),
    ("forbidden", ""),
    ("read_fault", OperationTimedOut()),
    ("read_fault", None),
)
COUNTED: Counter[str] = Counter()


@lru_cache(maxsize=10_000)
def decoded(value: bytes) -> Any:
    """An entry; each is looked at after every step of its run."""
    return codec.decode(value)


class World:
    """What outlives a gateway: disk, broker, read model, clock; each may fail."""

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.wal = Path(self.folder.name) / "wal"
        self.time = NOW
        self.broker = Broker(lambda: self.time)
        self.pwrite_fault = self.fsync_fault = 0
        self.forbidden = ""
        self.read_fault: Exception | None = None
        self.suspended = False
        self.keys = InMemoryKeyStore()
        self.events = sealed_events(Sealer(self.keys))
        self.state = state_of(self.events)
        self.gateway_id = ""
        self.receipts: list[bytes] = []
        self.asked: list[tuple[Any, ...]] = []

    # As a read model.
    def family(self, family_id: str) -> records.FamilyState | None:
        if not self.asked:  # several at once, or a chunk: their intents lie somewhere before
            last = [entry for entry in self.entries() if entry.gateway_id == self.gateway_id][-1]
            assert isinstance(last, records.AccessIntent), "read before the intent was durable"
            assert last.decision == "ALLOW"
        if self.read_fault:
            raise self.read_fault
        return self.state if family_id == FAMILY else None

    def history(self, family_id: str) -> tuple[Any, ...]:
        return self.events if family_id == FAMILY else ()

    def framed_history(self, family_id: str) -> tuple[bytes, ...]:
        return tuple(map(codec.encode, self.history(family_id)))

    def events_at(self, family_id: str, sequences: Sequence[int]) -> dict[int, Any]:
        del family_id
        return {at: event for at, event in enumerate(self.events, 1) if at in sequences}

    def family_of(self, reference: str) -> str | None:
        return FAMILY if reference in {*PERSONS, CARD} else None

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        assert (agreement_id, agency) == (GRANT.agreement_id, GRANT.agency)
        return None if self.suspended or at >= GRANT.valid_until else GRANT

    def entries(self) -> list[Any]:
        return [decoded(value) for value in self.broker.values]

    # As the disk.
    def pwrite(self, descriptor: int, data: Any, offset: int) -> int:
        if self.pwrite_fault:
            raise OSError(self.pwrite_fault, "injected")
        return _PWRITE(descriptor, data, offset)

    def fdatasync(self, _: int) -> None:
        if self.fsync_fault:
            raise OSError(self.fsync_fault, "injected")

    # As the topic, to who replays.
    def read_back(self, found: Segment, _bootstrap: str, _topic: str) -> dict[int, bytes]:
        if self.broker.away:
            raise NotReplayed("away")
        start = found.arrived.offset + 1 if found.arrived.number else 0
        mine = [(decoded(value), value) for value in self.broker.values[start:]]
        return {entry.gateway_seq: value for entry, value in mine if entry.gateway_id == found.gateway_id}

    def replayed(self, _bootstrap: str, _topic: str, _gateway: str, entries: Sequence[Entry]) -> None:
        self.broker.values += [entry.value for entry in entries]
        self.broker.salts += [entry.salt for entry in entries]


_PWRITE = os.pwrite


class Gateways(RuleBasedStateMachine):
    """One data folder: a gateway lives, dies and is followed by another."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = pytest.MonkeyPatch()
        self.world = World()
        self.patched.setattr(os, "pwrite", self.world.pwrite)
        self.patched.setattr(os, "fdatasync", self.world.fdatasync)
        self.patched.setattr(os, "fsync", self.world.fdatasync)
        # How soon a gateway ends whose machine stands still for seconds is another test's question.
        self.patched.setattr(audit_log, "DEADLINE_SECONDS", 60.0)
        self.patched.setattr(replay_ahead, "_read_back", self.world.read_back)
        self.patched.setattr(replay_ahead, "_produce", self.world.replayed)
        self.last: Callable[[], Any] = lambda: None
        self.stream: ExportStream | None = None
        self.exported = 0  # persons by the stream, each as often as shown
        self.start()

    def start(self) -> None:
        world = self.world
        self.producer = Producer(world.broker)
        self.log = AuditLog(
            self.producer,  # type: ignore[arg-type]  # as much of one as it uses
            "gw",
            folder=world.wal,
            deadline_seconds=0.03,
            now=lambda: world.time,
            forbidden=lambda: world.forbidden,
        )
        world.gateway_id = self.log.gateway_id
        self.stream = None
        gate = Gate(agreements=world, now=lambda: world.time)
        self.door = Door(world, Opener(world.keys), self.log, EPOCH_KEY, pause=lambda _: None, gate=gate)

    def step(self, name: str) -> None:
        COUNTED[name] += 1
        COUNTED["steps"] += 1

    # Looks.

    @rule(
        asked=st.sampled_from(ASKED),
        fields=st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4),
        purpose=st.sampled_from([PURPOSE, PURPOSE, PURPOSE, Purpose("CURIOSITY")]),
    )
    def look(self, asked: Any, fields: list[str], purpose: Purpose) -> None:
        self.step("looks")
        self.last = lambda: self.judge(self.door.look_family(CALLER, purpose, asked, fields))
        self.last()

    @rule(asked=st.sampled_from(ASKED))
    def history(self, asked: Any) -> None:
        self.step("histories")
        self.last = lambda: self.judge(self.door.history(CALLER, PURPOSE, asked))
        self.last()

    @rule(person=st.sampled_from([PERSONS[0], "z" * 26]))
    def read_a_trail(self, person: str) -> None:
        self.step("trails")
        about = TrailOfPerson(person)

        def read() -> AuditFound:
            last = self.world.entries()[-1]
            assert (last.action, last.decision) == ("AUDIT_READ", "ALLOW"), "read before the intent was durable"
            return AuditFound(({"person": person},))

        self.last = lambda: self.judge(self.door.audit_read(SUPERVISOR, Purpose("HAK_SUBJEK_DATA"), about, read))
        self.last()

    # Exports: the stream outlives a step, though not its gateway.

    @rule(
        fields=st.lists(st.sampled_from(FIELDS[:-1]), min_size=1, max_size=4),
        family_ids=st.lists(st.sampled_from([FAMILY, FAMILY, FAMILY, "g" * 26]), min_size=1, max_size=2),
        mended=st.booleans(),
    )
    def a_chunk_leaves(self, fields: list[str], family_ids: list[str], *, mended: bool) -> None:
        self.step("chunks")
        if mended:
            self.mend()
        if self.stream is None:
            self.begin_an_export(fields)
        self.last = lambda: self.let_a_chunk_leave(family_ids)
        self.last()

    def begin_an_export(self, fields: list[str]) -> None:
        asked = ExportAsked("e-1", tuple(dict.fromkeys(fields)), GRANT.regions, 9)
        found = self.door.open_export(EXPORTER, Purpose("BERBAGI_PAKAI_DATA", agreement_id="a-1"), asked)
        if isinstance(found, Withheld):
            COUNTED[f"export {found.code}"] += 1
        else:
            self.stream, self.exported = found, 0

    def let_a_chunk_leave(self, family_ids: list[str]) -> None:
        if self.stream is None:
            return
        self.world.asked = [()]
        found = self.stream.disclose_chunk(family_ids, _rendered)
        self.world.asked = []
        if isinstance(found, Withheld):
            COUNTED[f"chunk {found.code}"] += 1
            return
        COUNTED["chunks that left"] += 1
        left = [one for fields in json.loads(found.body) for one in _of_family(fields)]
        intent = self.entry_of(self.stream.intent)
        assert (intent.action, intent.gateway_id) == ("EXPORT", self.world.gateway_id)
        self.hold(intent, found.receipts, left)
        assert found.persons == len(found.receipts)
        self.exported += found.persons

    @rule(whole=st.booleans())
    def an_export_ends(self, *, whole: bool) -> None:
        self.step("export ends")
        if self.stream is None:
            return
        stream, self.stream = self.stream, None
        stream.close() if whole else stream.abandon("GIVEN_UP")
        for entry in self.world.entries():  # none where it waits in the queue, or the gateway ended before
            if isinstance(entry, records.AccessOutcome) and entry.intent_id == stream.intent.event_id:
                assert entry.result_count == entry.batch_size == self.exported
                COUNTED["outcomes of exports"] += 1

    @rule()
    def retry(self) -> None:
        self.step("retries")
        self.last()

    @rule(count=st.integers(2, 4))
    def several_look_at_once(self, count: int) -> None:
        self.step("at once")
        self.world.asked = [()]
        with ThreadPoolExecutor(count) as pool:
            found = list(pool.map(lambda _: self.door.look_family(CALLER, PURPOSE, ASKED[0], FIELDS[:3]), range(count)))
        self.world.asked = []
        for each in found:
            self.judge(each)

    def judge(self, found: Any) -> None:
        """Hold what left against what is on record, at the broker and on the disk, at this moment."""
        if isinstance(found, Withheld):
            COUNTED[found.code] += 1
            return
        COUNTED["shown"] += 1
        intent, outcome = (self.entry_of(receipt) for receipt in found.receipts[:2])
        assert (outcome.outcome, outcome.intent_id) == ("DELIVERED", intent.event_id)
        self.hold(intent, found.receipts[2:], [*_left(found)])
        self.durable(found.receipts)

    def entry_of(self, receipt: Receipt) -> Any:
        (found,) = (each for each in self.world.entries() if each.event_id == receipt.event_id)
        return found

    def hold(self, intent: Any, receipts: Sequence[Receipt], left: list[tuple[str, set[str]]]) -> None:
        """Hold each person and field that left against the disclosures that these receipts are of."""
        assert isinstance(intent, records.AccessIntent)
        disclosures = [self.entry_of(receipt) for receipt in receipts]
        assert {each.intent_id for each in disclosures} <= {intent.event_id}
        assert all(intent.gateway_seq < each.gateway_seq for each in disclosures)
        covered: dict[bytes, set[str]] = {}
        for each in disclosures:
            covered.setdefault(each.subject_ref, set()).update(each.fields_disclosed)
        for person, fields in left:
            assert fields <= covered[EPOCH_KEY.subject_ref(person)], "bytes left without a record"
            assert fields <= {*intent.fields_requested, "trail"}
        self.durable(receipts)

    def durable(self, receipts: Sequence[Receipt]) -> None:
        self.world.receipts += [receipt.event_id for receipt in receipts]
        kept = write_ahead.read(self.world.wal, self.world.gateway_id)
        assert kept is not None
        on_disk = {decoded(entry.value).event_id for entry in kept.entries}
        assert on_disk >= {receipt.event_id for receipt in receipts}

    # Faults, and their end.

    @rule(what=st.sampled_from(FAULTS))
    def something_fails_or_is_mended(self, what: tuple[str, Any]) -> None:
        name, value = what
        self.step(name)
        owner = self.world.broker if name in {"away", "ahead_ms"} else self.world
        setattr(owner, name, value)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.step("time")
        self.world.time += hours * HOUR

    @rule(fields=st.lists(st.sampled_from(FIELDS[:-1]), min_size=1, max_size=4), asked=st.sampled_from(ASKED[:3]))
    def look_once_all_is_mended(self, fields: list[str], asked: Any) -> None:
        self.step("looks, all mended")
        self.mend()
        self.last = lambda: self.judge(self.door.look_family(CALLER, PURPOSE, asked, fields))
        self.last()

    def mend(self) -> None:
        world = self.world
        world.broker.away, world.broker.ahead_ms = False, 0
        world.pwrite_fault = world.fsync_fault = 0
        world.forbidden, world.read_fault, world.suspended = "", None, False

    # Ends, and those who follow.

    @rule(arrives=st.integers(0, 6), torn=st.binary(max_size=40))
    def crash(self, arrives: int, torn: bytes) -> None:
        """Die; of what was sent the broker takes some all the same, and half a frame may be left on the disk."""
        self.step("crashes")
        with self.log._wake:
            self.log._broken = self.log._stopped = True
            self.log._wake.notify_all()
        for thread in self.log._threads:
            thread.join()
        for value, salt, _ in self.producer._sent[:arrives]:
            self.world.broker.values.append(value)
            self.world.broker.salts.append(salt)
        self.log._ahead.close(finished=False)
        if files := write_ahead.segments(self.world.wal, self.log.gateway_id):
            with files[-1].open("ab") as file:
                file.write(torn)
        self.replay()
        self.start()

    @rule()
    def end_in_order(self) -> None:
        self.step("ends")
        self.log.close()
        self.replay()
        self.start()

    @rule()
    def replay(self) -> None:
        # No precondition: whether a thread has made the folder yet must not decide what Hypothesis draws.
        with suppress(NotReplayed, OSError):
            COUNTED["replayed"] += sum(each.missing for each in replay(self.world.wal, "", settle_seconds=0))

    def teardown(self) -> None:
        self.mend()
        self.log.close()
        self.replay()
        self.patched.undo()
        ids = Counter(entry.event_id for entry in self.world.entries())
        assert all(ids[each] == 1 for each in self.world.receipts)
        assert max(ids.values(), default=1) == 1
        chains: dict[str, list[bytes]] = defaultdict(list)
        for value in self.world.broker.values:
            chains[decoded(value).gateway_id].append(value)
        for chain in chains.values():
            before = bytes(32)
            for number, value in enumerate(chain, 1):
                entry = decoded(value)
                assert (entry.gateway_seq, entry.prev_gateway_hash) == (number, before)
                before = hashlib.sha256(value).digest()
            assert decoded(chain[-1]).closing
        assert not self.world.wal.exists() or not list(self.world.wal.iterdir())
        self.world.folder.cleanup()


def _left(found: FamilyDisclosed | HistoryDisclosed | AuditDisclosed) -> Iterator[tuple[str, set[str]]]:
    """Yield every person whose data left, and the codes of the fields that did."""
    match found:
        case HistoryDisclosed():
            for entry in found.entries:
                if entry.person_ref:
                    yield entry.person_ref, {purposes.HISTORY}
        case AuditDisclosed():
            for line in found.found.lines:
                yield line["person"], {"trail"}
        case FamilyDisclosed():
            yield from _of_family(found.fields)


def _of_family(shown: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    of_family = {*shown} - {"members"}
    for person in PERSONS:
        yield person, of_family
    for member in shown.get("members", ()):
        yield member["person_ref"], {f"member.{name}" for name in member if name != "person_ref"}


def _rendered(rows: Sequence[FamilyRow]) -> bytes:
    return json.dumps([row.fields for row in rows]).encode()


def stepped(steps: int) -> Counter[str]:
    """Run the machine until it took so many steps; return what they were.

    A run may end before its last step, so how many runs it takes is known at the end alone.
    """
    COUNTED.clear()
    while (left := steps - COUNTED["steps"]) > 0:
        run_state_machine_as_test(
            Gateways,
            settings=settings(
                max_examples=min(-(-left // STEPS_A_RUN), RUNS_AT_ONCE),
                stateful_step_count=STEPS_A_RUN,
                deadline=None,
                suppress_health_check=[*HealthCheck],
                database=None,
            ),
        )
    return COUNTED


def test_for_every_byte_that_left_there_is_an_earlier_record_of_person_and_fields() -> None:
    if STEPS < AT_LENGTH:
        counted = stepped(STEPS)
    else:
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            counted = sum(pool.map(stepped, [-(-STEPS // PROCESSES)] * PROCESSES), Counter[str]())
    print(dict(counted))  # noqa: T201  the figures of a run at length
    assert counted["shown"]
    assert counted["chunks that left"] or STEPS < AT_LENGTH
    assert counted["steps"] >= STEPS
