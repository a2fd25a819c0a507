"""What a worker must be told: where, as whom, which topics, how much at once, and how much poison is too much.

Plain values; where they come from (environment, file, command line) is the composition root's matter.
"""

from dataclasses import dataclass, field

from schemas.catalogue import DEAD_LETTERS_TOPIC


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """When dead letters stop a worker: more than `ratio` of the last `window` records, or `consecutive` in a row.

    The ratio is taken of at least `minimum` records, so that one bad record at the start is no verdict.
    """

    window: int = 1_000
    minimum: int = 200
    ratio: float = 0.10
    consecutive: int = 100


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One worker of one fold.

    `transactional_id` belongs to one running process at a time and is the same after a restart: a restarted worker
    then ends its predecessor's open transaction at once instead of waiting for its timeout. `output_topics` are all
    that the fold writes to; the state topic and the dead letters need not be among them. Of these, `keyed_topics`
    have another key than the input: their records go to the partition of their own key.
    """

    bootstrap: str
    group: str
    transactional_id: str
    input_topic: str
    state_topic: str
    dead_letters_topic: str = DEAD_LETTERS_TOPIC
    output_topics: tuple[str, ...] = ()
    keyed_topics: tuple[str, ...] = ()
    batch: int = 2_000  # records at most taken at once
    commit_interval_s: float = 1.0  # between commits while there is more to read; once caught up it commits at once
    poll_s: float = 0.1  # how long a batch may fill: the latency at low load
    session_timeout_ms: int = 10_000
    transaction_timeout_ms: int = 10_000
    patience_s: float = 60.0  # with a broker that does not answer, before it is a fault
    aborts_in_a_row: int = 10
    digest_interval_s: float = 3_600.0  # between two digests of a partition's state; 0: none
    limits: DeadLetterLimits = field(default_factory=DeadLetterLimits)

    @property
    def all_output_topics(self) -> tuple[str, ...]:
        """Every topic the worker writes to, each once."""
        return tuple(
            dict.fromkeys((self.state_topic, *self.output_topics, *self.keyed_topics, self.dead_letters_topic))
        )
