"""One life of a worker in a forked process: what befalls it, and its death at its point."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError

from schemas import catalogue
from stream_processors.engine.faults import FAULT_EXIT_CODE, place, reason
from stream_processors.engine.loop import Worker
from stream_processors.engine.settings import EngineSettings
from stream_processors.folds.families import FamiliesFold
from stream_processors.folds.rules_watch import RulesWatch
from tests.integration import group_member, late_commit
from tests.integration.injection import Injector, inject, refusal, traced_fold
from tests.integration.registry_worker import Renamed, own
from transport import kafka

if TYPE_CHECKING:
    from tests.integration.crash_points import Life

# Where a rebalance is to find a transaction open, the worker takes its time and commits late.
_PACE_S = {"joined": 0.1, "left": 0.1, "companion": 0.1, "thrown-out": 0.05}
_LATE = {"batch": 2, "commit_interval_s": 30.0}
_OTHERWISE: dict[str, dict[str, Any]] = {
    "joined": _LATE,
    "left": _LATE,
    "companion": _LATE,
    "thrown-out": _LATE,
    "stopped-late": _LATE,
    "gone": {"transaction_timeout_ms": 6_000},
    "rest": {"batch": 500, "commit_interval_s": 0.5},
}


class Child:
    """The process of one life. It tells its parent what happens, a JSON object a line."""

    def __init__(self, lane: dict[str, Any], life: Life, told: int) -> None:
        self._lane, self._life, self._told = lane, life, told
        self._kind, _, self._when = life.scenario.partition(" ")
        die_at = (life.step, life.passage) if life.step else None
        self._injector = Injector(die_at, self._freeze if self._kind == "frozen" else self._die)
        self._consumer: Any = None
        self._kept: list[Any] = []
        self._worker: Any = None

    def _position(self) -> int:
        return sum(owned.next_offset for owned in self._worker._owned.values()) if self._worker else 0

    def _tell(self, **what: Any) -> None:
        try:
            member = self._consumer.memberid() or "" if self._consumer is not None else ""
        except RuntimeError:  # the consumer is closed, so its member has left
            member = ""
        os.write(self._told, json.dumps({**what, "member": member, "position": self._position()}).encode() + b"\n")

    def _die(self) -> None:
        self._tell(fired=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def _freeze(self) -> None:
        self._tell(fired=True)
        os.kill(os.getpid(), signal.SIGSTOP)

    def _end(self, fault: BaseException) -> None:
        self._tell(fault=f"{type(fault).__name__} {reason(fault)} {place(fault)[-4:]}")
        sys.stdout.flush()
        os._exit(FAULT_EXIT_CODE)

    def _made(self, maker: str, client: Any) -> None:
        if maker == "group_consumer":
            self._consumer = client

    def run(self) -> None:
        lane, options = self._lane, {**self._lane["options"], **_OTHERWISE.get(self._kind, {})}
        tag, pace = lane["tag"], _PACE_S.get(self._kind, 0.0)
        inject(self._injector, self._made)
        self._befall()
        watch = RulesWatch(options["bootstrap"], own(catalogue.RULES_TOPIC, tag))

        def before_batch() -> None:
            watch.refresh()
            time.sleep(pace)

        self._worker = Worker(
            EngineSettings(**options, transactional_id=f"{options['group']}.{self._life.name}"),
            lambda number: traced_fold(Renamed(FamiliesFold(number, lambda: watch.book), tag), self._injector),
            before_batch=before_batch,
            crash=self._end,
        )
        signal.signal(signal.SIGTERM, lambda *_: self._worker.stop())
        if self._kind == "rest":
            self._leave_when_done()
        self._worker.run()
        self._tell(left=True, passed=sorted(self._injector.seen))

    def _leave_when_done(self) -> None:
        """Leave once everything that was sent is decided and committed; offsets of the changes have no holes."""
        worker, turn = self._worker, self._worker._turn

        def counting() -> None:
            turn()
            if worker._pending_since is None and self._position() == int(self._when):
                worker.stop()

        worker._turn = counting

    def _befall(self) -> None:
        """Arrange what befalls this life before its death."""
        upon = self._injector.upon
        upon("assign/clearance.before", 1, lambda: self._tell(waiting=True))
        upon("assign/assign.after", 1, lambda: self._tell(ready=True))
        # A worker that wakes up learns that it lost its partitions, or gives back what it thinks it has.
        for parted in ("lost/lost.after", "revoke/revoke.after"):
            upon(parted, 1, lambda: self._tell(parted=True))
        match self._kind:
            case "stopped" | "stopped-late":
                upon("batch.before", 2, lambda: self._worker.stop())  # noqa: PLW0108  made only later
            case "refused":
                upon("send_offsets_to_transaction.before", 2, _refuse)
            case "fenced":
                upon("batch.before", 2, self._fence)
            case "committed-late":
                upon("produce.after", int(self._when), self._commit_late)
            case "thrown-out":
                upon("batch.before", 2, self._throw_out)
            case _:
                pass

    def _fence(self) -> None:
        """Have another producer take this worker's transactional id."""
        options = self._lane["options"]
        other = kafka.transactional_producer(options["bootstrap"], f"{options['group']}.{self._life.name}")
        other.init_transactions(10)
        self._kept.append(other)

    def _commit_late(self) -> None:
        """Have a twin of an earlier commit reach the broker now, with part of a change's records delivered."""
        options = self._lane["options"]
        self._worker._transaction._producer.flush(10.0)
        code = late_commit.commit(options["bootstrap"], f"{options['group']}.{self._life.name}")
        assert code == 0, f"the late commit was refused with {code}"

    def _throw_out(self) -> None:
        options = self._lane["options"]
        group_member.leave(options["bootstrap"], options["group"], self._consumer.memberid())


def _refuse() -> None:
    raise refusal(KafkaError.ILLEGAL_GENERATION)
