"""Who asks the audit trail through which door, over which tables and keys. Holds no rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from consumers.auditor.source import Unreadable
from consumers.gateway.disclosure import Door
from consumers.gateway.trail import Trails
from consumers.read_model.serving import served_accesses
from identity.audit_reference import epoch_keys
from jejak.audit.verifying import Receipts
from jejak.composition import Registry
from jejak.rebuild.pointer import READ_MODEL
from jejak.settings import Settings
from schemas import catalogue, codec, records
from transport import kafka


class Proofs:
    """The receipts of this installation's log; every line is pending while there is no log to read."""

    def __init__(self, settings: Settings) -> None:
        self._receipts = Receipts.of(settings)

    def receipt(self, partition: int, offset: int) -> str | None:
        """Return the receipt of the entry at that place; None until a checkpoint covers it, or where no log is."""
        try:
            return self._receipts.receipt(partition, offset)
        except Unreadable:
            return None


def trails_of(registry: Registry, door: Door) -> Trails:
    """Return the trail as it is asked about through this door, with the keys of every year that are there."""
    accesses = served_accesses(registry.session, lambda: registry.serving.lately(READ_MODEL).version)
    keys = partial(epoch_keys, registry.settings.key_folder())
    return Trails(door, accesses, registry.read_model(), keys, Proofs(registry.settings))


@contextmanager
def trails(registry: Registry) -> Iterator[Trails]:
    """Lend the trail through a door of its own."""
    with registry.door() as door:
        yield trails_of(registry, door)


def alerts(bootstrap: str, limit: int) -> list[records.UnusualUseDetected]:
    """Return the latest alerts, the newest first; one that was raised twice is one."""
    found: dict[bytes, records.UnusualUseDetected] = {}
    for message in kafka.read_all(bootstrap, catalogue.ALERTS_TOPIC):
        alert = codec.decode(message.value() or b"")
        if isinstance(alert, records.UnusualUseDetected):
            found[alert.alert_id] = alert
    return sorted(found.values(), key=lambda alert: alert.detected_at, reverse=True)[:limit]
