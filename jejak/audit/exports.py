"""Exports to agencies from this machine: the grant, the door, the file, its manifest, and the hand-over on record.

A file has its own name only once `DataHandedOver` is on record; until then it lies beside it as `.part`, the only one
of its grant: claims in the registry's data folder hold that, and a refused attempt is on record.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from consumers.gateway import export_journal
from consumers.gateway.export import ERASED_SINCE, Export, Made, export, recipient_of, refused
from consumers.gateway.export_claim import Claimed, claimed
from consumers.gateway.export_journal import JournalRefused
from consumers.gateway.export_rows import Format
from consumers.gateway.honey import Honey
from consumers.gateway.request import Caller, Withheld
from identity import references
from identity.export_mark import load_or_create_mark_key
from jejak.audit import requests
from jejak.composition import Registry, now
from jejak.settings import Settings
from schemas import regions
from schemas.records import AccessRequestState

EXPIRES_AFTER: Final = 90 * 86_400_000_000
DONE: Final = "SELESAI"
GRANTED: Final = "DISETUJUI"
GATEWAY: Final = "gateway"
CLAIMS: Final = "exports"
_WAIT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A file under its own name, its hand-over on record."""

    file: Path
    manifest: Path
    digest: bytes
    rows: int
    persons: int


def run(  # noqa: PLR0913  what is exported to whom, where
    registry: Registry,
    caller: Caller,
    request_id: str,
    target: Path,
    *,
    kind: Format = "csv",
    purpose: str = "",
    second: Caller | None = None,
) -> HandedOver | Withheld:
    """Export under a grant; a Withheld handed nothing over, and the same command goes on where it stands.

    `second` is another officer of the agency, who approves an export of many persons.
    """
    state = requests.states(registry.endpoints.kafka).get(request_id)
    if state is None or state.agency != caller.agency_id:
        return Withheld("AGREEMENT_NOT_ACTIVE")
    if state.step == DONE:
        return _outdated(registry, target) or _finished(state, target)
    if state.step != GRANTED:
        return Withheld("AGREEMENT_NOT_ACTIVE")
    wanted = _wanted(state, purpose, kind, now())
    try:
        with claimed(registry.settings.data / CLAIMS, request_id, target):
            return _claimed(registry, caller, state, wanted, target, second)
    except (Claimed, JournalRefused) as fault:
        with registry.door() as door:
            return refused(door, caller, wanted, fault.code, second)


def _claimed(  # noqa: PLR0913, PLR0917  what is exported to whom, where
    registry: Registry,
    caller: Caller,
    state: AccessRequestState,
    wanted: Export,
    target: Path,
    second: Caller | None,
) -> HandedOver | Withheld:
    """Make the file and hand it over; the claim is held until that is on record."""
    request_id, key = state.request_id, load_or_create_mark_key(registry.settings.key_folder())
    with registry.door(under_agreement=True) as door:
        made = export(door, registry.figures(), key, caller, wanted, target, second)
    if isinstance(made, Withheld):
        return made
    _watched(registry.settings, Honey(key, request_id, wanted.regions[0]))
    return _handed_over(registry, state, wanted, made, target)


def _watched(settings: Settings, honey: Honey) -> None:
    """Add the invented person to those whom nobody has a reason to look at, where such a file is set."""
    if settings.honey == Path():
        return
    reference = references.person_ref(settings.reference_key(), honey.nik)
    known = settings.honey.read_text().split() if settings.honey.exists() else []
    if reference not in known:
        with settings.honey.open("a") as file:
            file.write(f"{reference}\n")


def _wanted(state: AccessRequestState, purpose: str, kind: Format, at: int) -> Export:
    return Export(
        request_id=state.request_id,
        purpose=purpose or state.purposes[0],
        fields=tuple(sorted(state.fields)),
        regions=widest([region.code for region in state.regions]),
        most_persons=state.most_persons,
        kind=kind,
        began_at=at,
    )


def widest(codes: Sequence[str]) -> tuple[str, ...]:
    """Return the regions that lie in no other one of them, in order: no family is listed twice."""
    found = [regions.kemendagri(code) for code in sorted(set(codes))]
    return tuple(one.code for one in found if not any(regions.within(one, two) for two in found if two != one))


def manifest(state: AccessRequestState, wanted: Export, made: Made) -> dict[str, Any]:
    """Return what goes with a file: what was asked, as of when, how much, its SHA-256, its mark, when it expires."""
    return {
        "request_id": state.request_id,
        "agency": state.agency,
        "purpose": wanted.purpose,
        "fields": wanted.fields,
        "regions": wanted.regions,
        "format": wanted.kind,
        "as_of": _date(made.reached.began_at),
        "rows": made.reached.rows,
        "families_left_out": made.reached.left_out,
        "bytes": made.reached.bytes,
        "sha256": made.digest.hex(),
        "recipient_mark": made.mark,
        "expires_at": _date(made.reached.began_at + EXPIRES_AFTER),
    }


def _handed_over(
    registry: Registry, state: AccessRequestState, wanted: Export, made: Made, target: Path
) -> HandedOver | Withheld:
    told = manifest(state, wanted, made)
    beside = _manifest_of(target)
    beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    fields = {
        "file_digest": made.digest,
        "manifest_digest": requests.digest_of(beside),
        "recipient_mark": made.mark,
        "persons": made.reached.persons,
        "expires_at": made.reached.began_at + EXPIRES_AFTER,
    }
    requests.publish(registry, state.request_id, "DataHandedOver", fields, agency="registry", actor=GATEWAY)
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        after = requests.states(registry.endpoints.kafka)[state.request_id]
        if after.step == DONE:
            return _finished(after, target)
        time.sleep(_PAUSE_SECONDS)
    return Withheld("HAND_OVER_NOT_ON_RECORD")


def _outdated(registry: Registry, target: Path) -> Withheld | None:
    """Drop a file that has no name yet where somebody in it was erased since, and say so; None where nobody was."""
    try:
        owners = export_journal.owners_of(target)
    except JournalRefused as fault:
        return Withheld(fault.code)
    if not registry.key_store().erased_among(owners):
        return None
    export_journal.drop(target)
    return Withheld(ERASED_SINCE)


def _finished(state: AccessRequestState, target: Path) -> HandedOver | Withheld:
    """Give the file its name once it is the one on record; one that was handed over before is not made anew."""
    part, beside = export_journal.part_of(target), _manifest_of(target)
    if not part.exists() or requests.digest_of(part) != state.file_digest:
        return Withheld("HANDED_OVER_BEFORE")
    rows = json.loads(beside.read_text(encoding="utf-8"))["rows"]
    part.rename(target)
    export_journal.journal_of(target).unlink(missing_ok=True)
    return HandedOver(target, beside, state.file_digest or b"", rows, state.persons)


def recipients(registry: Registry, text: str) -> tuple[AccessRequestState, ...]:
    """Return the requests whose file a leaked text is of."""
    found = requests.states(registry.endpoints.kafka)
    key = load_or_create_mark_key(registry.settings.key_folder())
    handed_over = [
        (one.request_id, widest([region.code for region in one.regions])[0], 2 * one.persons + 16)
        for one in found.values()
        if one.file_digest is not None
    ]
    return tuple(found[request_id] for request_id in recipient_of(text, key, handed_over))


def _manifest_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.manifest.json")


def _date(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="seconds")
