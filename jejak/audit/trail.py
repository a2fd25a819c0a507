"""Who asks the audit trail through which door, over which tables and keys. Holds no rule."""

from collections.abc import Iterator
from contextlib import contextmanager

from consumers.gateway.disclosure import Door
from consumers.gateway.trail import Prover, Trails
from consumers.read_model.serving import served_accesses
from identity.audit_reference import epoch_keys
from jejak.composition import Registry
from jejak.rebuild.pointer import READ_MODEL
from schemas import catalogue, codec, records
from transport import kafka


def trails_of(registry: Registry, door: Door, prover: Prover | None = None) -> Trails:
    """Return the trail as it is asked about through this door, with the keys of every year that are there."""
    accesses = served_accesses(registry.session, lambda: registry.serving.lately(READ_MODEL).version)
    keys = epoch_keys(registry.settings.key_folder())
    return Trails(door, accesses, registry.read_model(), keys, prover)


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
