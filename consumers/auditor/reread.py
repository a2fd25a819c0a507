"""Entries read once more: what a gateway's numbers were when they came first. Knows bundles and the contract."""

import hashlib

from consumers.auditor.chains import Run
from consumers.auditor.source import LogReader, entries
from schemas import codec

_HEADER = 37


def value_hashes(log: LogReader, size: int, run: Run) -> dict[int, bytes]:
    """Return the SHA-256 of the value of each number of a run."""
    found: dict[int, bytes] = {}
    for entry in entries(log, run.first_leaf, run.last_leaf + 1, size):
        record = codec.decode(entry[_HEADER:])
        if record.gateway_id == run.gateway and run.first <= record.gateway_seq <= run.last:
            found[record.gateway_seq] = hashlib.sha256(entry[_HEADER:]).digest()
    return found
