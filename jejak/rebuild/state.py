"""The fold's state rebuilt beside: built from accepted events, compared, switched to at rest, rolled back, dropped.

A switch writes that it is under way, which has every fold worker commit and leave; it takes in the last events, holds
the two states against each other, copies the positions, and writes what serves. Never wiped first.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from jejak.composition import FOLD_GROUP
from jejak.rebuild import groups, pointer
from jejak.rebuild.pointer import ROLLED_BACK, STATE, RebuildRefused, Serving
from jejak.rebuild.serving import Pointers, choose
from jejak.rebuild.state_compare import StateCompared, Total
from schemas import catalogue
from stream_processors.folds.shadow import Builder, BuildStopped, OtherFoldVersion, Shadow, StateLog, done, group_of
from transport import kafka

LEAVE_SECONDS: Final = 60.0
CLOSED_SECONDS: Final = 30.0
PASSES: Final = 3
ROUNDS: Final = 5
_ENDED: Final = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})  # noqa: SLF001  the library's public names

Look = Callable[[int, int], None]
"""Told how many offsets of the events are done, and of how many."""


class Beside:
    """The versions of the state of one cluster. `by` is the pseudonym of the operator."""

    def __init__(self, bootstrap: str, serving: Pointers, by: str) -> None:
        self._bootstrap = bootstrap
        self._serving = serving
        self._by = by
        # How long the fold was kept from working by the last switch or rollback.
        self.rested_seconds = 0.0

    def versions(self) -> tuple[str, ...]:
        """Return the versions of which there is a topic."""
        front = catalogue.families_topic("")
        found = kafka.admin(self._bootstrap).list_topics(timeout=kafka.CALL_SECONDS).topics
        return pointer.versions(name.removeprefix(front) for name in found if name.startswith(front))

    def chosen(self, version: str) -> str:
        """Return the version that is meant: the given one, else the one being built beside, else the next."""
        return version or pointer.candidate(self._serving.now(STATE), self.versions())

    def start(self, version: str, look: Look, stopping: Callable[[], bool]) -> tuple[int, int]:
        """Build the version, on from where an earlier build was ended, until it is caught up; return done and total."""
        pointer.may_build(self._serving.now(STATE), version)
        topic = catalogue.families_topic(version)
        if version not in self.versions():
            groups.forget(self._bootstrap, group_of(topic))
            kafka.create_topics(self._bootstrap, [replace(catalogue.topic(catalogue.FAMILIES_TOPIC), name=topic)])
        with self._builder(version) as builder:
            for _ in range(PASSES):
                reached, total = self._pass(builder, look, stopping)
                if stopping() or sum(self._ends().values()) == total:
                    break
        return reached, total

    def _pass(self, builder: Builder, look: Look, stopping: Callable[[], bool]) -> tuple[int, int]:
        """Take every partition, one in memory at a time, to where it ends now."""
        ends = self._ends()
        reached, total = builder.done(ends), sum(ends.values())
        counted = sum(reached.values())
        look(counted, total)

        def step(offsets: int) -> None:
            nonlocal counted
            counted += offsets
            look(counted, total)

        for number, end in ends.items():
            if reached[number] < end and not stopping():
                _advanced(builder, _opened(builder, number), end, step)
        return counted, total

    def compare(self, version: str) -> StateCompared:
        """Compare the version, caught up, with the one that serves, one partition in memory at a time."""
        now = self._serving.now(STATE)
        self._there(version)
        total = Total(now.version, version)
        with self._builder(version) as builder:
            for number in self._ends():
                shadow, older = _opened(builder, number), StateLog(catalogue.families_topic(now.version), number)
                before: dict[bytes, bytes] = {}
                for _ in range(ROUNDS):
                    before = dict(older.framed)
                    _advanced(builder, shadow, self._ends()[number])
                    builder.read([older])
                    if older.framed == shadow.log.framed:
                        break
                total.add(older, shadow.log, before)
        return total.told()

    def switch(self, version: str, look: Look, *, accept_differences: bool) -> tuple[Serving, bool]:
        """Have the version serve, from the fold's next change on; return what serves and whether that is new."""
        now = self._serving.now(STATE)
        after = pointer.switched(now, version)
        if after is not now:
            return self._exchange(now, after, look, accept_differences=accept_differences), True
        return self._call_off(now)

    def roll_back(self, look: Look, *, accept_differences: bool) -> tuple[Serving, bool]:
        """Have the previous version serve again, once it has taken in what was accepted since it was left.

        A switch that was cut short is called off instead: what served goes on.
        """
        now = self._serving.now(STATE)
        if now.resting:
            return self._call_off(now)
        after = pointer.rolled_back(now)
        if after is now:
            return now, False
        return self._exchange(now, after, look, accept_differences=accept_differences), True

    def _call_off(self, now: Serving) -> tuple[Serving, bool]:
        after = pointer.called_off(now)
        return (now, False) if after is now else (self._choose(after), True)

    def _exchange(self, now: Serving, after: Serving, look: Look, *, accept_differences: bool) -> Serving:
        """Bring the version up to the last accepted event while the fold rests, and have it serve."""
        self._there(after.version)
        with self._builder(after.version) as builder:
            shadows = {number: _opened(builder, number) for number in self._ends()}
            older = {number: StateLog(catalogue.families_topic(now.version), number) for number in shadows}
            # Most of it while the fold still works, so that it rests for the rest alone.
            self._level(builder, shadows, older, look)
            self._check_still(now)
            resting = time.monotonic()
            paused = self._choose(pointer.pausing(now))
            try:
                self._until_at_rest(now)
                self._level(builder, shadows, older, look)
                self._judge(now, after, shadows, older, accept_differences=accept_differences)
                builder.place(shadows, {number: log.position for number, log in older.items()})
                with self._builder(now.version) as left:
                    left.mark({number: shadow.next_event for number, shadow in shadows.items()})
                self._check_still(paused)
            except BaseException:  # whatever hinders it, the fold must not rest for ever
                if self._serving.now(STATE) == paused:
                    self._choose(pointer.called_off(paused))
                raise
        chosen = self._choose(after)
        self.rested_seconds = time.monotonic() - resting
        return chosen

    def _check_still(self, known: Serving) -> None:
        """Raise RebuildRefused when another command has chosen since then: what was read then may be stale."""
        if self._serving.now(STATE) != known:
            text = "another command chose what serves meanwhile: look at rebuild status, and begin again"
            raise RebuildRefused("OVERTAKEN", text)

    def _level(self, builder: Builder, shadows: dict[int, Shadow], older: dict[int, StateLog], look: Look) -> None:
        ends = self._ends()
        total = sum(ends.values())
        for number, shadow in shadows.items():
            _advanced(builder, shadow, ends[number])
            look(sum(one.next_event for one in shadows.values()), total)
        builder.read(older.values())

    def _until_at_rest(self, now: Serving) -> None:
        hint = "stop what does not follow the serving topic, or wait for its session to end"
        groups.until_left(self._bootstrap, FOLD_GROUP, LEAVE_SECONDS, hint)
        topics = (catalogue.EVENTS_TOPIC, catalogue.families_topic(now.version))
        groups.until_closed(self._bootstrap, topics, CLOSED_SECONDS)

    @staticmethod
    def _judge(
        now: Serving,
        after: Serving,
        shadows: dict[int, Shadow],
        older: dict[int, StateLog],
        *,
        accept_differences: bool,
    ) -> None:
        total = Total(now.version, after.version)
        for number, shadow in shadows.items():
            total.add(older[number], shadow.log, older[number].framed)
        told = total.told()
        if told.differing and not accept_differences:
            what = "roll back" if after.step == ROLLED_BACK else "switch"
            text = f"{told.differing} families, the first {told.first}: {what} with --accept-differences if it is meant"
            raise RebuildRefused("DIFFERS", text)

    def drop(self, version: str, *, really: bool) -> bool:
        """Remove a version that nobody relies on; tell whether there was anything to remove."""
        now = self._serving.now(STATE)
        after = pointer.dropped(now, version, really=really)
        if after is not now:
            self._choose(after)
        topic = catalogue.families_topic(version)
        groups.forget(self._bootstrap, group_of(topic))
        if version not in self.versions():
            return False
        client = kafka.admin(self._bootstrap)  # it must outlive its answer
        client.delete_topics([topic])[topic].result(kafka.CALL_SECONDS)
        return True

    def behind(self, version: str) -> int:
        """Return how many offsets of the events a version that doesn't serve has not taken in yet."""
        ends = self._ends()
        return sum(ends.values()) - sum(done(self._bootstrap, catalogue.families_topic(version), ends).values())

    def _builder(self, version: str) -> Builder:
        return Builder(self._bootstrap, catalogue.families_topic(version))

    def _ends(self) -> dict[int, int]:
        return dict(sorted(kafka.end_offsets(self._bootstrap, catalogue.EVENTS_TOPIC).items()))

    def _there(self, version: str) -> None:
        pointer.number_of(version)
        if version not in self.versions():
            text = f"there is no topic of {version}: build it with rebuild start"
            raise RebuildRefused("NO_SUCH_VERSION", text)

    def _choose(self, chosen: Serving) -> Serving:
        return choose(self._bootstrap, STATE, chosen, self._by)


def _opened(builder: Builder, number: int) -> Shadow:
    try:
        return builder.open(number)
    except OtherFoldVersion as other:
        text = f"{other}: go on with the build that made it, or drop it and build it anew"
        raise RebuildRefused("OTHER_FOLD_VERSION", text) from other


def _advanced(builder: Builder, shadow: Shadow, end: int, step: Callable[[int], None] = lambda _: None) -> None:
    try:
        builder.advance(shadow, end, step)
    except BuildStopped as stopped:
        raise RebuildRefused("EVENTS_DO_NOT_ADD_UP", str(stopped)) from stopped
    except KafkaException as fault:
        if fault.args[0].code() not in _ENDED:
            raise
        raise RebuildRefused("BUILT_BY_ANOTHER", "another command took this build over, and goes on with it") from fault
