"""Signs the checkpoint of a round that won, has it cosigned, publishes it, and has it served.

Nothing is published below the quorum; the next round is asked for again. Must not know how a tree grows.
"""

from collections.abc import Callable
from typing import Final, Protocol

import structlog

from schemas.note import Checkpoint, NoteRefused, SignedNote, Signer, open_checkpoint
from schemas.records import CheckpointPublished
from stream_processors.audit.proofs import consistency_path
from stream_processors.audit.rounds import Round
from stream_processors.audit.tree import ReadTile
from stream_processors.sequencer.contract import Witnesses
from stream_processors.sequencer.directory import Directory
from stream_processors.sequencer.metrics import QUORUM_MISSED, WITNESSES, published_now
from transport.metrics import BATCH_SECONDS

_LOG: Final = structlog.get_logger(__name__)


class Ledger(Protocol):
    """The topic that checkpoints are published on."""

    def append(self, record: CheckpointPublished) -> int:
        """Return the record's offset once every replica has it."""


class Publishing:
    """What this sequencer signed and published since it took over."""

    def __init__(self, signer: Signer, witnesses: Witnesses, directory: Directory, ledger: Ledger) -> None:
        self._signer = signer
        self._witnesses = witnesses
        self._directory = directory
        self._ledger = ledger
        self._published = 0

    def take_over(self) -> None:
        """Publish whatever the last round is, also if another published it: its cosignatures may be old."""
        self._published = 0
        published_now()

    def lacks(self, last: Round | None) -> bool:
        """Tell whether the last round that won still waits for its checkpoint."""
        return last is not None and last.number > self._published

    def publish(self, last: Round, read_tile: ReadTile) -> bool:
        """Tell whether the checkpoint of this round is published and served now; it won, and its tiles are placed."""
        text = Checkpoint(self._signer.verifier_key.name, last.size, last.root).text()
        note = SignedNote(text, (self._signer.sign(text),))
        with BATCH_SECONDS.labels("witness").time():
            cosigned = self._witnesses.cosign(note, _proof_to(last.size, read_tile))
        WITNESSES.set(len(cosigned.signatures))
        if not cosigned.quorum:
            QUORUM_MISSED.inc()
            _LOG.error("checkpoint_not_published", round=last.number, witnesses=len(cosigned.signatures))
            return False
        full = note.with_signatures(*cosigned.signatures).format()
        with BATCH_SECONDS.labels("publish").time():
            origin = self._signer.verifier_key.name
            self._ledger.append(CheckpointPublished(origin=origin, round=last.number, note=full))
            self._directory.serve(full.encode())
        self._published = last.number
        published_now()
        return True

    def restore(self, newest: str, size: int) -> None:
        """Have the newest published note served where an older one is, or none; `size` is that of the tiles placed."""
        if (told := self._size_of(newest.encode())) is None or told > size:
            return
        served = self._directory.checkpoint()
        if served is None or (self._size_of(served) or 0) <= told:
            self._directory.serve(newest.encode())

    def _size_of(self, note: bytes) -> int | None:
        """Return the size of a checkpoint that this log signed, None of anything else."""
        try:
            return open_checkpoint(note, self._signer.verifier_key).checkpoint.size
        except NoteRefused as refused:
            _LOG.critical("checkpoint_is_not_ours", code=refused.code)
            return None


def _proof_to(size: int, read_tile: ReadTile) -> Callable[[int], tuple[bytes, ...]]:
    return lambda old: consistency_path(old, size, read_tile)
