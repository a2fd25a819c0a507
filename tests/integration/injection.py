"""Dies at a named point of a worker's life: before, inside or after any step of the engine, a client or a fold.

The engine has no hooks for it: its methods and the clients it makes are wrapped in this process, which is a forked one
and thrown away. A step's name is the path of what it happens in, as `revoke/commit/commit_transaction.before`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from stream_processors.engine import clients, hanging, log_ends, loop, partition, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEFORE, AFTER, HALF, DELIVERED, AIR = "before", "after", "half", "delivered", "air"
# How long a call that is never answered is in the air before the end, by the number of its passage.
AIR_S = (0.0, 0.0005, 0.001, 0.002, 0.004)

# Method, its name in a path if it is not its own, and whether what happens in it is told apart by that name.
_ENGINE: list[tuple[type, str, str, bool]] = [
    (loop.Worker, "_open", "open", True),
    (loop.Worker, "_close", "close", True),
    (loop.Worker, "_fold_batch", "batch", False),
    (loop.Worker, "_commit", "commit", False),
    (loop.Worker, "_give_up", "give_up", False),
    (loop.Worker, "_heal", "heal", True),
    (loop.Worker, "_on_assign", "assign", True),
    (loop.Worker, "_on_revoke", "revoke", True),
    (loop.Worker, "_on_lost", "lost", True),
    (loop.Worker, "_drop", "drop", False),
    (transaction.Transaction, "commit", "transaction", False),
    (transaction.Transaction, "abort", "abort", False),
    (transaction.Transaction, "sweep", "sweep", True),
    (hanging.Clearance, "wait", "clearance", False),
    (hanging.Clearance, "sweep_own", "sweep_own", False),
    (log_ends.LogEnds, "__call__", "ends", False),
    (partition.Restorer, "restore", "restorer", False),
]
_PRODUCER = (
    "init_transactions",
    "begin_transaction",
    "produce",
    "produce_batch",
    "flush",
    "send_offsets_to_transaction",
    "commit_transaction",
    "abort_transaction",
    "purge",
)
_CONSUMER = ("subscribe", "consume", "committed", "incremental_assign", "incremental_unassign", "close")
_RESTORING = ("assign", "consume", "close")
_FOLD = ("restore", "restored", "fold", "close_batch")

Act = tuple[str, int]  # a step and its how-manieth passage


class Injector:
    """Counts the passages of every step, and does at the chosen ones what was asked for; the last act is to die."""

    def __init__(self, die_at: Act | None, die: Callable[[], None]) -> None:
        self.seen: Counter[str] = Counter()
        self.trace: list[str] = []
        self._acts: dict[Act, Callable[[], None]] = {}
        self._die_at = die_at
        self.die = die
        self._within: list[str] = []

    def upon(self, step: str, passage: int, act: Callable[[], None]) -> None:
        """Have something else happen at a point, before the worker goes on."""
        self._acts[step, passage] = act

    @contextmanager
    def within(self, name: str | None) -> Iterator[None]:
        """Tell apart by a name what happens within."""
        self._within += [name] if name else []
        try:
            yield
        finally:
            del self._within[len(self._within) - bool(name) :]

    def path(self, step: str) -> str:
        return "/".join((*self._within, step))

    def passes(self, step: str) -> bool:
        """Count one passage of a step; tell whether the worker is to die in it."""
        path = self.path(step)
        self.seen[path] += 1
        if self.seen[path] == 1:
            self.trace.append(path)
        point = path, self.seen[path]
        if (act := self._acts.get(point)) is not None:
            act()
        return point == self._die_at

    def at(self, step: str) -> None:
        """Pass a step, and die there if that is the point."""
        if self.passes(step):
            self.die()


class Traced:
    """A client or a fold whose calls are steps; everything else is as it is."""

    def __init__(self, of: Any, steps: tuple[str, ...], injector: Injector, prefix: str = "") -> None:
        self._of, self._steps, self._injector, self._prefix = of, steps, injector, prefix

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        return self._step(name, found) if name in self._steps else found

    def _step(self, name: str, call: Any) -> Callable[..., Any]:
        injector, step = self._injector, self._prefix + name

        def traced(*args: Any, **named: Any) -> Any:
            injector.at(f"{step}.{BEFORE}")
            self._inside(name, step, call, args, named)
            answer = call(*args, **named)
            injector.at(f"{step}.{AFTER}")
            return answer

        return traced

    def _inside(self, name: str, step: str, call: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Die inside a call, where one can: half of a batch queued, or a request sent whose answer never comes."""


class TracedProducer(Traced):
    """A producer that may also die with half of a batch queued or delivered, or amid a request."""

    def _inside(self, name: str, step: str, call: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        injector = self._injector
        if name == "produce_batch":
            for inside in (HALF, DELIVERED):
                if injector.passes(f"{step}.{inside}"):
                    topic, messages = args[0], args[1]
                    call(topic, messages[: max(1, len(messages) // 2)], *args[2:], **named)
                    if inside == DELIVERED:
                        self._of.flush(10.0)
                    injector.die()
        elif name not in {"produce", "purge", "begin_transaction"} and injector.passes(f"{step}.{AIR}"):
            # Python lets go of its lock in all of them, so the request is under way while this thread ends the process.
            threading.Thread(target=call, args=args, kwargs=named, daemon=True).start()
            time.sleep(AIR_S[injector.seen[injector.path(f"{step}.{AIR}")] % len(AIR_S)])
            injector.die()


class TracedConsumer(Traced):
    """The group's consumer, which hands itself, and not what it wraps, to the callbacks of a rebalance."""

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        own = {name: (lambda _, places, call=call: call(self, places)) for name, call in callbacks.items()}
        self._step("subscribe", self._of.subscribe)(topics, **own)

    def consumer_group_metadata(self) -> Any:
        metadata = self._of.consumer_group_metadata()
        self._injector.at(f"metadata.{AFTER}")
        return metadata


def refusal(code: int) -> KafkaException:
    """Return what the broker's refusal with this code looks like to the engine."""
    return KafkaException(KafkaError(code))


def inject(injector: Injector, made: Callable[[str, Any], None]) -> None:
    """Wrap the engine and its clients for the rest of this process; `made` hears of each client."""
    for owner, method, name, apart in _ENGINE:
        setattr(owner, method, _around(getattr(owner, method), name, injector, apart=apart))

    def wrap(maker: str, client: type[Traced], steps: tuple[str, ...], prefix: str = "") -> None:
        make = getattr(clients, maker)

        def wrapped(settings: Any) -> Any:
            found = make(settings)
            made(maker, found)
            return client(found, steps, injector, prefix)

        setattr(clients, maker, wrapped)

    wrap("transactional_producer", TracedProducer, _PRODUCER)
    wrap("group_consumer", TracedConsumer, _CONSUMER)
    wrap("restoring_consumer", Traced, _RESTORING, "reader_")


def traced_fold(fold: Any, injector: Injector) -> Any:
    """Return a fold whose calls are steps."""
    return Traced(fold, _FOLD, injector)


def _around(method: Any, name: str, injector: Injector, *, apart: bool) -> Any:
    def traced(*args: Any, **named: Any) -> Any:
        with injector.within(name if apart else None):
            injector.at(f"{name}.{BEFORE}")
            answer = method(*args, **named)
            injector.at(f"{name}.{AFTER}")
        return answer

    return traced
