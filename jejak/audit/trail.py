"""Who asks the audit trail through which door, over which tables and keys. Holds no rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from consumers.auditor.source import Unreadable
from consumers.gateway.disclosure import Door
from consumers.gateway.request import AuditFound, Caller, Purpose, TrailOfAgency, WholeTrail, Withheld
from consumers.gateway.trail import Trails
from identity.audit_reference import epoch_keys
from jejak.audit.verifying import Receipts
from jejak.composition import Registry
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
    hasty = registry.in_time()
    keys = partial(epoch_keys, registry.settings.key_folder())
    return Trails(door, hasty.accesses(), hasty.read_model(), keys, Proofs(registry.settings))


@contextmanager
def trails(registry: Registry) -> Iterator[Trails]:
    """Lend the trail through a door of its own."""
    with registry.door() as door:
        yield trails_of(registry, door)


def alerts(  # noqa: PLR0913, PLR0917  who asks through which door, and for what
    bootstrap: str, door: Door, caller: Caller, purpose: Purpose, agency: str, limit: int
) -> tuple[records.UnusualUseDetected, ...] | Withheld:
    """Return the latest alerts, of one agency where one is named, the newest first; reading them is on record first."""
    kept: list[records.UnusualUseDetected] = []

    def read() -> AuditFound:
        kept[:] = [one for one in raised(bootstrap) if agency in {"", one.agency_id}][:limit]
        return AuditFound([one.alert_id.hex() for one in kept])

    about = TrailOfAgency(agency) if agency else WholeTrail()
    answer = door.audit_read(caller, purpose, about, read)
    return answer if isinstance(answer, Withheld) else tuple(kept)


def raised(bootstrap: str) -> list[records.UnusualUseDetected]:
    """Return every alert, the newest first; one that was raised twice is one."""
    found: dict[bytes, records.UnusualUseDetected] = {}
    for message in kafka.read_all(bootstrap, catalogue.ALERTS_TOPIC):
        alert = codec.decode(message.value() or b"")
        if isinstance(alert, records.UnusualUseDetected):
            found[alert.alert_id] = alert
    return sorted(found.values(), key=lambda alert: alert.detected_at, reverse=True)
