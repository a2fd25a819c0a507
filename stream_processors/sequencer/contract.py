"""What a sequencer is given: its settings, its witnesses; and how it ends when going on would harm the log.

Knows numbers, names and codes; must not know Kafka, disks or HTTP.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas import catalogue
from schemas.note import Signature, SignedNote

ProofFrom = Callable[[int], Sequence[bytes]]
"""Returns the consistency proof from an older size of the log to the note's; empty for size 0."""


class SequencerFault(Exception):
    """Something that going on would turn into a wrong or forked log: the sequencer ends.

    `code` is of a closed list; the text holds it, partitions, offsets and numbers only.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What the witnesses answered: valid cosignatures of the note, and whether they meet the quorum."""

    signatures: tuple[Signature, ...]
    quorum: bool


class Witnesses(Protocol):
    """Asks the witnesses of a policy, all at once and with a deadline."""

    def cosign(self, note: SignedNote, proof_from: ProofFrom) -> Cosigned:
        """Return what came in time; a witness that is away, late or wrong counts as one that did not answer."""


class NoWitnesses:
    """Stands where no policy asks for a witness: every note meets the quorum."""

    def cosign(self, note: SignedNote, proof_from: ProofFrom) -> Cosigned:  # noqa: ARG002  as the protocol names them
        """Return no signature and a quorum that is met."""
        return Cosigned((), quorum=True)


@dataclass(frozen=True, slots=True)
class SequencerSettings:
    """Where the sequencer reads, writes and keeps the log, and its rhythm in seconds."""

    bootstrap: str
    folder: Path
    origin: str
    name: str = "local"
    audit_topic: str = catalogue.AUDIT_TOPIC
    checkpoints_topic: str = catalogue.CHECKPOINTS_TOPIC
    group: str = "jejak.sequencer"
    round_s: float = 1.0
    idle_round_s: float = 60.0
    most_in_a_round: int = 50_000
    session_timeout_ms: int = 10_000
    patience_s: float = 60.0  # with a broker that does not answer
