"""Puts the sequencer together: its origin, key, witnesses, topics and folder."""

from pathlib import Path
from typing import Final

import structlog

from identity.secret_file import load_or_create_secret
from jejak.composition import find, on_stop, serve_metrics
from jejak.settings import Settings
from schemas import catalogue
from schemas.note import Signer
from schemas.quorum import parse_policy
from stream_processors.sequencer.contract import NoWitnesses, SequencerFault, SequencerSettings, Witnesses
from stream_processors.sequencer.directory import Directory
from stream_processors.sequencer.sequencer import Seals
from stream_processors.sequencer.witnesses import Asked, HttpWitnesses, Outcome
from stream_processors.sequencer.worker import SequencerWorker
from transport import kafka
from transport.pulse import Pulse

KEY_FILE: Final = "log-signing.key"
ORIGIN_FILE: Final = "log-signing.origin"
_LOG: Final = structlog.get_logger(__name__)


def log_folder(settings: Settings) -> Path:
    """Return the log's directory."""
    return settings.data.resolve() / "audit-log"


def origin(settings: Settings, year: int) -> str:
    """Return the log's origin: as set, as its directory or key says, or of this year from now on."""
    if settings.log_origin:
        return settings.log_origin
    head = Directory(log_folder(settings), settings.worker).head()
    if head is not None:
        return head.origin
    # Beside the key, whose name it is: a lost directory must not become another log.
    kept = settings.key_folder() / ORIGIN_FILE
    try:
        with kept.open("x") as file:
            file.write(f"jejak.localhost/audit/{year}\n")
    except FileExistsError:
        pass
    return kept.read_text().strip()


def signer(settings: Settings, year: int) -> Signer:
    """Return what signs the log's checkpoints; its key is made on first use and named for the origin."""
    return Signer(load_or_create_secret(settings.key_folder() / KEY_FILE), origin(settings, year))


def witnesses(settings: Settings, log: Signer) -> Witnesses:
    """Return the witnesses of the policy file, none where there is no file; raises SequencerFault or PolicyRefused."""
    file = settings.policy_file()
    if file is None:
        return NoWitnesses()
    policy = parse_policy(file.read_bytes())
    if log.verifier_key not in {each.key for each in policy.logs}:
        raise SequencerFault("OTHER_LOG", "the witness policy does not name this log's verifier key")
    return HttpWitnesses(policy, tell=_tell)


def run_sequencer(settings: Settings, year: int) -> None:
    """Build the tree and publish its checkpoints while this one holds the lock, until stopped by SIGTERM or SIGINT."""
    endpoints = find(settings)
    pulse = Pulse(settings.stuck_seconds)
    serve_metrics(settings, pulse)
    topics = catalogue.AUDIT_TOPIC, catalogue.CHECKPOINTS_TOPIC
    kafka.create_topics(endpoints.kafka, [catalogue.topic(name) for name in topics])
    log = signer(settings, year)
    own = SequencerSettings(endpoints.kafka, log_folder(settings), log.verifier_key.name, settings.worker)
    worker = SequencerWorker(own, Seals(log, witnesses(settings, log)), pulse)
    on_stop(worker.stop)
    worker.run()


def _tell(answers: tuple[Asked, ...]) -> None:
    """Log which witnesses did not cosign, and why."""
    for answer in answers:
        if answer.outcome is not Outcome.COSIGNED:
            _LOG.warning("witness_did_not_cosign", witness=answer.witness, outcome=answer.outcome, status=answer.status)
