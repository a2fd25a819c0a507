"""The workers that follow what serves: the fold on its version of the state, the read model on its versions.

Knows which version is whose; what a fold or a projection does is theirs.
"""

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from cassandra.cluster import Session
from confluent_kafka import KafkaError, KafkaException

from consumers.read_model import tables
from consumers.read_model.projector import Topics
from consumers.read_model.rebuild import Feeder
from jejak.composition import FOLD_GROUP, PERSONS_GROUP, connected, find, fold_outputs, on_stop, serve_metrics
from jejak.rebuild.pointer import READ_MODEL, STATE, RebuildRefused, Serving
from jejak.rebuild.serving import LOOK_SECONDS, Pointers, following, pointers
from jejak.settings import Settings
from schemas import catalogue
from stream_processors.engine.contract import FoldFactory
from stream_processors.engine.faults import EngineFault
from stream_processors.engine.loop import Worker
from stream_processors.engine.settings import EngineSettings
from stream_processors.folds import families, persons
from stream_processors.folds.families import FamiliesFold
from stream_processors.folds.persons import PersonsFold
from stream_processors.folds.rules_watch import RulesWatch
from transport import kafka
from transport.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

# A broker that has just started knows its topics a moment later.
_STATE_SECONDS: Final = 15.0

_LOG: Final = structlog.get_logger(__name__)


class _Stop:
    """Set by a signal, from which a worker that runs then is told too."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.also: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        self.event.set()
        self.also()


def run_fold(settings: Settings) -> None:
    """Fold families until stopped by SIGTERM or SIGINT; when another version of the state serves, go on with that."""
    endpoints = find(settings)
    pulse = Pulse(settings.stuck_seconds)
    serve_metrics(settings, pulse)
    stop = _Stop()
    on_stop(stop)
    watch = RulesWatch(endpoints.kafka)
    with pointers(endpoints.kafka) as lent:
        while not stop.event.is_set():
            now = lent.now(STATE)
            if now.resting:
                pulse.waiting("STATE_IS_BEING_SWITCHED")
                stop.event.wait(LOOK_SECONDS)
            else:
                _fold(settings, endpoints.kafka, watch, lent, now, stop, pulse)
    watch.close()


def _fold(  # noqa: PLR0913, PLR0917  one worker's surroundings
    settings: Settings,
    bootstrap: str,
    watch: RulesWatch,
    lent: Pointers,
    now: Serving,
    stop: _Stop,
    pulse: Pulse,
) -> None:
    """Fold with this version of the state until stopped or another one is chosen."""
    topic = catalogue.families_topic(now.version)
    state_there(bootstrap, topic)

    def still(found: Serving) -> bool:
        return found.version == now.version and not found.resting

    def fold_of(partition: int) -> FamiliesFold:
        # Asked as a member of the group: whoever switches after this sees the member, and waits for it to leave.
        if not still(lent.now(STATE)):
            raise EngineFault("another version of the state was chosen while partitions were assigned")
        return FamiliesFold(partition, lambda: watch.book, topic)

    topics = FoldTopics(FOLD_GROUP, catalogue.CHANGES_TOPIC, topic, fold_outputs(topic), families.KEYED)
    worker = Worker(topics.engine(settings, bootstrap), fold_of, before_batch=watch.refresh, pulse=pulse)
    stop.also = worker.stop
    if stop.event.is_set():  # by a signal that came before this worker was known
        return

    def look() -> None:
        if not still(lent.of(STATE)):
            worker.stop()

    with following(lent, look):
        worker.run()


def run_persons(settings: Settings) -> None:
    """Answer claims of persons until stopped by SIGTERM or SIGINT."""
    topics = FoldTopics(PERSONS_GROUP, catalogue.CLAIMS_TOPIC, catalogue.PERSONS_TOPIC, persons.OUTPUTS, persons.KEYED)
    run_alone(settings, topics, PersonsFold)


@dataclass(frozen=True, slots=True)
class FoldTopics:
    """A fold's group, the topic that it reads, that of its state, and those that it writes, `keyed` by its own keys."""

    group: str
    reads: str
    state: str
    writes: tuple[str, ...]
    keyed: tuple[str, ...] = ()

    def engine(self, settings: Settings, bootstrap: str) -> EngineSettings:
        """Return the settings of a worker that folds by these topics."""
        return EngineSettings(
            bootstrap=bootstrap,
            group=self.group,
            transactional_id=f"{self.group}-{settings.worker}",
            input_topic=self.reads,
            state_topic=self.state,
            output_topics=self.writes,
            keyed_topics=self.keyed,
            digest_interval_s=60 * settings.digest_minutes,
        )


def run_alone(settings: Settings, topics: FoldTopics, fold_of: FoldFactory) -> None:
    """Fold, with metrics and health, until stopped by SIGTERM or SIGINT; the state has one version only."""
    endpoints = find(settings)
    pulse = Pulse(settings.stuck_seconds)
    serve_metrics(settings, pulse)
    worker = Worker(topics.engine(settings, endpoints.kafka), fold_of, pulse=pulse)
    on_stop(worker.stop)
    worker.run()


def state_there(bootstrap: str, topic: str, seconds: float = _STATE_SECONDS) -> None:
    """Return once the topic of the state is there with its partitions; raises RebuildRefused when it stays away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = len(kafka.partitions(bootstrap, topic))
        except KafkaException as fault:
            if fault.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            found = 0
        if found == catalogue.PARTITIONS:
            return
        if found:
            raise RebuildRefused("STATE_HAS_OTHER_PARTITIONS", f"{topic} must have {catalogue.PARTITIONS} partitions")
        if time.monotonic() > deadline:
            raise RebuildRefused("STATE_MISSING", f"{topic} serves and is not there: nothing may be folded without it")
        time.sleep(LOOK_SECONDS)


def run_read_model(settings: Settings, version: str = "") -> None:
    """Project into Cassandra until stopped: this version, or the one that serves and the one to roll back to."""
    endpoints = find(settings)
    pulse = Pulse(settings.stuck_seconds)
    serve_metrics(settings, pulse)
    stop = _Stop()
    on_stop(stop)
    with connected(settings) as registry:
        fed = _Fed(endpoints.kafka, registry.session, pulse)
        try:
            while True:
                fed.follow(registry.serving, version)
                if stop.event.wait(LOOK_SECONDS / 4):
                    break
        finally:
            fed.end()


class _Fed:
    """The versions that this worker feeds, and from which topic of the state."""

    def __init__(self, bootstrap: str, session: Session, pulse: Pulse) -> None:
        self._bootstrap = bootstrap
        self._session = session
        self._pulse = pulse
        # By version, topic of the state, and whether the health that is shown is this one's.
        self._feeders: dict[tuple[str, str, bool], Feeder] = {}

    def follow(self, serving: Pointers, version: str) -> None:
        """Feed what is to be fed now and nothing else; raises the fault that ended a feeder."""
        chosen = serving.lately(READ_MODEL)
        families = catalogue.families_topic(serving.lately(STATE).version)
        fed = (version,) if version else chosen.kept
        wanted = {(one, families, one == (version or chosen.version)) for one in fed}
        for gone in [*self._feeders.keys() - wanted]:
            self._feeders.pop(gone).end()
            _LOG.info("read_model_left", version=gone[0], families=gone[1])
        for place in sorted(wanted - self._feeders.keys()):
            self._feeders[place] = self._feeder(*place)
        for feeder in self._feeders.values():
            feeder.check()

    def _feeder(self, version: str, families: str, shown: bool) -> Feeder:
        if version not in tables.versions(self._session):
            raise RebuildRefused("NO_SUCH_VERSION", f"there are no tables of {version}: build them first")
        topics = replace(Topics(), families=families)
        # The health that is shown is that of the version which serves, and no other: it would hide that one's fault.
        return Feeder(self._bootstrap, self._session, version, topics, self._pulse if shown else None)

    def end(self) -> None:
        """Return once all that was read is written; raises the fault that ended a feeder."""
        for feeder in self._feeders.values():
            feeder.ask_to_end()
        for feeder in self._feeders.values():
            feeder.end()
