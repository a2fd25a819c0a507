"""What a replay found, as one JSON document that is the same, byte for byte, for everyone who replays the same log.

Knows digests, counts and versions; no clock, host, path or duration may come into it. Form: keys sorted, no spaces,
ASCII, one newline at the end. Beside it lie the leaves: a line `partition family_id leaf` for each family, in order
of partition and id, the leaf being the SHA-256, in hex, of the framed state.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from consumers.replay.build import build
from consumers.replay.worker import Done
from schemas import contract
from schemas.records import FamilyState
from stream_processors.indicators import definitions
from stream_processors.indicators.counts import Cell
from stream_processors.registry import digest
from stream_processors.registry.family import FOLD_VERSION

FORMAT = "jejak.attestation/1"
LEAVES_SUFFIX = ".leaves"
Document = dict[str, Any]


def leaves_of(path: Path) -> Path:
    """Return where the leaves of an attestation lie."""
    return path.with_name(path.name + LEAVES_SUFFIX)


def document(done: Sequence[Done], leaves_digest: str) -> Document:
    """Return the attestation of a replay of these partitions, all of the topic."""
    ids = frozenset[int]().union(*(one.progress.schema_ids for one in done))
    return {
        "format": FORMAT,
        "fold_version": FOLD_VERSION,
        "build": build(),
        "schemas": {"events": [_schema(number) for number in sorted(ids)], "state": _schema(_state_id())},
        "cut": {str(one.number): one.progress.end for one in done},
        "events": sum(one.progress.events for one in done),
        "families": sum(one.families for one in done),
        "partitions": [_partition(one) for one in sorted(done, key=lambda one: one.number)],
        "counts": counts(one.counts for one in done),
        "state_digest": digest.total_digest((one.number, one.state_digest) for one in done).hex(),
        "leaves_digest": leaves_digest,
    }


def _state_id() -> int:
    return contract.current_ids()[f"{contract.NAMESPACE}.{FamilyState.__name__}"]


def _schema(number: int) -> Document:
    entry = contract.writer_schemas()[number].entry
    return {
        "id": number,
        "subject": entry.subject,
        "version": entry.version,
        "fingerprint": entry.fingerprint,
    }


def _partition(one: Done) -> Document:
    return {
        "partition": one.number,
        "end": one.progress.end,
        "events": one.progress.events,
        "repeated": one.progress.repeated,
        "families": one.families,
        "events_digest": one.progress.events_digest.hex(),
        "state_digest": one.state_digest.hex(),
    }


def counts(partitions: Iterable[Mapping[Cell, int]]) -> Document:
    """Return the sums over partitions: of each indicator in total, and the SHA-256 of all cells.

    Hashed is a line `indicator/region/category=sum` for each cell that isn't zero, in the order of the cells.
    """
    sums: Counter[Cell] = Counter()
    for one in partitions:
        sums.update(one)
    cells = [(cell, total) for cell, total in sorted(sums.items()) if total]
    totals: Counter[str] = Counter({indicator.name: 0 for indicator in definitions.INDICATORS})
    whole = hashlib.sha256()
    for cell, total in cells:
        totals[cell.indicator] += total
        whole.update(f"{'/'.join(cell)}={total}\n".encode())
    return {
        "definition_version": definitions.VERSION,
        "cells": len(cells),
        "digest": whole.hexdigest(),
        "totals": dict(totals),
    }


def write(path: Path, found: Document) -> bytes:
    """Write an attestation in its one form, and return its bytes."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
    path.write_bytes(text)
    return text
