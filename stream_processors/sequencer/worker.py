"""Runs one sequencer: waits for the lock, works while it is held, ends at once by any fault.

Knows the order of a worker's life and its signs of health; must not know what a round is made of.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

from stream_processors.engine.faults import exit_at_once, place, reason
from stream_processors.sequencer.checkpoints import Checkpoints, Dethroned, kafka_checkpoints
from stream_processors.sequencer.contract import SequencerFault, SequencerSettings
from stream_processors.sequencer.directory import Directory
from stream_processors.sequencer.leaves import Leaves, kafka_leaves
from stream_processors.sequencer.sequencer import Seals, Sequencer, Topics
from transport import kafka
from transport.pulse import Pulse

_STANDBY_S: Final = 0.5
_LOOK_S: Final = 1.0
_LOG: Final = structlog.get_logger(__name__)


class SequencerWorker:
    """One process' sequencer: active while it holds the lock, standing by otherwise."""

    def __init__(
        self,
        settings: SequencerSettings,
        seals: Seals,
        pulse: Pulse | None = None,
        on_fault: Callable[[BaseException], None] = exit_at_once,
    ) -> None:
        self._settings = settings
        self._pulse = Pulse() if pulse is None else pulse
        self._on_fault = on_fault
        self._stopping = False
        self._look_at = 0.0
        partitions = len(kafka.partitions(settings.bootstrap, settings.audit_topic))
        self._rounds: Checkpoints = kafka_checkpoints(settings)
        self._leaves: Leaves = kafka_leaves(settings, partitions)
        directory = Directory(settings.folder, settings.name)
        self._sequencer = Sequencer(settings, Topics(self._rounds, self._leaves, partitions), directory, seals)

    def stop(self) -> None:
        """Have `run` return after the turn it is in."""
        self._stopping = True

    def run(self) -> None:
        """Work or stand by until stopped; a fault is told and given to `on_fault`, which ends the process."""
        try:
            self._rounds.join(self._sequencer.begin)
            while not self._stopping:
                self._stand_by()
            self._rounds.close()
            self._leaves.close()
        except BaseException as fault:  # whatever it is, nothing may hold the lock and not work
            text = str(fault) if isinstance(fault, SequencerFault) else reason(fault)
            _LOG.critical("sequencer_ends", fault=type(fault).__name__, reason=text, place=place(fault))
            self._on_fault(fault)
            raise

    def _stand_by(self) -> None:
        self._pulse.turned()
        if not self._rounds.wait(_STANDBY_S):
            return
        try:
            self._sequencer.catch_up(lambda read, end: self._pulse.restoring(0, read, end))
            self._pulse.restored()
            while not self._stopping:
                self._note(self._sequencer.turn())
        except Dethroned:
            _LOG.warning("sequencer_lost_the_lock")
            self._pulse.held([])

    def _note(self, published: bool | None) -> None:  # noqa: FBT001  what a turn returned
        """Leave signs of life; about each second also how far behind this sequencer reads."""
        self._pulse.turned()
        match published:
            case True:
                self._pulse.committed()
            case False:
                self._pulse.waiting("WITNESSES_AWAY")
            case None:
                pass
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        for partition, (at, end) in self._leaves.lags().items():
            self._pulse.read((self._settings.audit_topic, partition), at, end, time.time())
        if not self._sequencer.owes:
            self._pulse.settled()
