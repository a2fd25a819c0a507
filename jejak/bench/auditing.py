"""Measures what it costs to be on record first: appends a second, and what a read waits for, with real fsync.

A read's two appends are made by threads that do nothing else; must not know what a read reads.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog, AuditUnavailable
from jejak.bench.ground import Ground
from jejak.bench.results import Result
from schemas import records

READERS: Final = (1, 8, 32)
PERSONS: Final = 4
CHUNK: Final = 64
EXPORTS: Final = 8
SECONDS: Final = 5.0
FSYNCS: Final = 200
_GROUP_BYTES: Final = 4_096

Draft = Callable[..., Any]

INTENT: Final[Draft] = partial(
    records.AccessIntent,
    request_id="00000000-0000-7000-8000-000000000000",
    trace_id="00000000000000000000000000000000",
    agency_id="dinsos/35.71",
    client_id="sik-ng",
    actor_ref="officer-7",
    actor_role="verifier",
    assurance_level="HIGH",
    action="READ",
    purpose_code="VERIFIKASI_VALIDASI",
    purpose_version="1",
    legal_basis_code="PDP_20_2_E",
    household_ref=bytes(32),
    query_commitment=bytes(32),
    fields_requested=("region", "member.name"),
    decision="ALLOW",
    policy_set_hash=bytes(32),
    determining_rules=("read",),
    decision_input="{}" * 100,
    channel="API",
)
OUTCOME: Final[Draft] = partial(
    records.AccessOutcome,
    intent_id=bytes(16),
    outcome="DELIVERED",
    result_count=PERSONS,
    suppressed_count=0,
    determining_rules=("read",),
    decision_input="{}" * 100,
    byte_count=1_000,
    response_digest=bytes(32),
    policy_set_hash=bytes(32),
)
DISCLOSURE: Final[Draft] = partial(
    records.SubjectDisclosure,
    intent_id=bytes(16),
    subject_ref=bytes(32),
    subject_key_epoch=2025,
    household_ref=bytes(32),
    fields_disclosed=("region", "member.name"),
    masking_profile="LAST4",
    record_version=3,
    visibility="CITIZEN",
    policy_set_hash=bytes(32),
)


class Refused(Exception):
    """A gateway that was measured vouched for nothing."""


def audit(ground: Ground) -> Iterator[Result]:
    """Yield the disk's fsync, what reads by 1, 8 and 32 threads wait for, and appends a second of exports."""
    yield from _fsync(ground)
    for readers in READERS:
        ground.progress(f"audit trail of {readers} readers")
        yield from _reads(ground, readers)
    ground.progress("audit trail of exports")
    yield _exports(ground)


@contextmanager
def _gateway(ground: Ground) -> Iterator[AuditLog]:
    folder = ground.registry.settings.data / "audit-wal"
    with AuditLog(audit_log.producer(ground.kafka), "bench", folder=folder, deadline_seconds=30.0) as log:
        _recorded(log, INTENT)
        yield log


def _recorded(log: AuditLog, *drafts: Draft) -> None:
    answer = log.append(*drafts)
    if isinstance(answer, AuditUnavailable):
        raise Refused(answer.code)


def _fsync(ground: Ground) -> Iterator[Result]:
    times = []
    with tempfile.NamedTemporaryFile(dir=ground.registry.settings.data, buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(bytes(_GROUP_BYTES))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    note = f"{FSYNCS} times {_GROUP_BYTES:,} bytes appended"
    yield from _percentiles("audit.fsync", "fsync of this disk", times, note)


def _reads(ground: Ground, readers: int) -> Iterator[Result]:
    with _gateway(ground) as log:
        times, seconds = _at_once(readers, lambda: _read(log))
    note = f"{len(times):,} reads of {PERSONS} persons in {seconds:.0f} s"
    yield from _percentiles(f"audit.added.{readers}", f"added to a read, {readers} at once", times, note)


def _read(log: AuditLog) -> None:
    _recorded(log, INTENT)
    _recorded(log, OUTCOME, *(DISCLOSURE,) * PERSONS)


def _exports(ground: Ground) -> Result:
    with _gateway(ground) as log:
        cpu = time.process_time()
        times, seconds = _at_once(EXPORTS, lambda: _recorded(log, *(DISCLOSURE,) * CHUNK))
        cpu = time.process_time() - cpu
    count = len(times) * CHUNK
    note = f"{count:,} entries, {EXPORTS} at once, {CHUNK} a chunk; {cpu / count * 1e6:.0f} CPU us an entry"
    return Result("audit.rate", "audit entries acknowledged", count / seconds, "entries/s", note)


def _at_once(count: int, act: Callable[[], None]) -> tuple[list[float], float]:
    """Return how long each act took that this many threads did over and over, and for how long they did."""
    times: list[float] = []
    faults: list[BaseException] = []
    began = time.perf_counter()

    def run() -> None:
        try:
            while (at := time.perf_counter()) < began + SECONDS:
                act()
                times.append(time.perf_counter() - at)
        except Refused as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return times, time.perf_counter() - began


def _percentiles(name: str, what: str, times: list[float], note: str) -> Iterator[Result]:
    ordered = sorted(times)
    for share in (50, 99):
        value = ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1e3
        yield Result(f"{name}.p{share}", f"{what}, p{share}", value, "ms", note)
