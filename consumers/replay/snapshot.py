"""Snapshots: a partition's states at an offset, kept in a file, so that a replay needn't begin at the beginning.

A snapshot is a shortcut and never a source: it is used only where its offsets, fold version, build, schemas and
digests all fit, and otherwise named with the reason. One file a partition and end: a line of JSON, then each
family's id, the length of its framed state (4 bytes, big-endian) and the state, in order of ids, then the digest of
the states, then the SHA-256 of all before it.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumers.replay.build import build
from consumers.replay.chain import Link
from stream_processors.registry import digest
from stream_processors.registry.family import FOLD_VERSION

FORMAT = "jejak.snapshot/1"
DAMAGED, OTHER_FORMAT, OTHER_FOLD_VERSION = "DAMAGED", "OTHER_FORMAT", "OTHER_FOLD_VERSION"
OTHER_BUILD, BEYOND_CUT, OTHER_LOG, OTHER_PARTITION = "OTHER_BUILD", "BEYOND_CUT", "OTHER_LOG", "OTHER_PARTITION"
_NAME = re.compile(r"events-(\d+)-(\d+)\.snapshot", re.ASCII)
_SHA256 = 32
_ID, _LENGTH = 26, 4
_CHUNK = 1 << 20


class SnapshotInvalid(Exception):
    """A snapshot that doesn't fit this replay; `code` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition was folded: the offset after the last event, the chain to there, what was met on the way."""

    end: int
    link: Link
    events_digest: bytes
    events: int
    repeated: int
    schema_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that fits: what was reached, and the framed states there, by family id."""

    progress: Progress
    states: Mapping[str, bytes]


def candidates(folder: Path, number: int) -> list[Path]:
    """Return the snapshots of a partition, the newest first."""
    found = [(match, path) for path in folder.glob("*.snapshot") if (match := _NAME.fullmatch(path.name))]
    ends = {int(match[2]): path for match, path in found if int(match[1]) == number}
    return [ends[end] for end in sorted(ends, reverse=True)]


def write(
    folder: Path,
    number: int,
    progress: Progress,
    states: Iterator[tuple[str, bytes]],
    state_digest: Callable[[], bytes],
) -> Path:
    """Keep a snapshot, for its owner alone; it is there whole or not at all. Return its path.

    The digest is asked for once all states were taken.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"events-{number}-{progress.end}.snapshot"
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}.", delete=False) as file:
        try:
            whole = hashlib.sha256()
            for piece in _pieces(_head(number, progress), states, state_digest):
                whole.update(piece)
                file.write(piece)
            file.write(whole.digest())
            file.flush()
            os.fsync(file.fileno())
        except BaseException:  # an interrupt too must not leave states where nobody looks for them
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
    return path


def _head(number: int, progress: Progress) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fold_version": FOLD_VERSION,
        "build": build(),
        "partition": number,
        "end": progress.end,
        "block": {"before": progress.link.before.hex(), "start": progress.link.start},
        "events_digest": progress.events_digest.hex(),
        "events": progress.events,
        "repeated": progress.repeated,
        "schema_ids": sorted(progress.schema_ids),
    }


def _pieces(
    head: Mapping[str, Any], states: Iterator[tuple[str, bytes]], state_digest: Callable[[], bytes]
) -> Iterator[bytes]:
    yield json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    for family_id, framed in states:
        yield family_id.encode() + len(framed).to_bytes(_LENGTH, "big") + framed
    yield state_digest()


def read(path: Path, number: int, cut_end: int) -> Snapshot:
    """Return the snapshot in a file; raises SnapshotInvalid where it doesn't fit this fold, partition and cut.

    Whether it was taken of the same log is for the caller to see, who can read the events before its end.
    """
    _check_whole(path)
    with path.open("rb") as file:
        head = _read_head(file.readline())
        _check_head(head, number, cut_end)
        states = dict(_states(file, path.stat().st_size - 2 * _SHA256))
        state_digest = file.read(_SHA256)
    if (
        digest.partition_digest({family_id: digest.leaf(framed) for family_id, framed in states.items()})
        != state_digest
    ):
        raise SnapshotInvalid(DAMAGED, "its states don't have the digest it names")
    return Snapshot(_progress(head), states)


def _check_whole(path: Path) -> None:
    left = path.stat().st_size - _SHA256
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0:
            piece = file.read(min(_CHUNK, left))
            whole.update(piece)
            left -= len(piece)
        if whole.digest() != file.read():
            raise SnapshotInvalid(DAMAGED, "its bytes don't have the checksum it ends with")


def _read_head(line: bytes) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except ValueError as fault:
        raise SnapshotInvalid(OTHER_FORMAT, "it doesn't begin as a snapshot does") from fault
    return head if isinstance(head, dict) else {}


def _check_head(head: Mapping[str, Any], number: int, cut_end: int) -> None:
    wanted = (
        ("format", FORMAT, OTHER_FORMAT),
        ("fold_version", FOLD_VERSION, OTHER_FOLD_VERSION),
        ("build", build(), OTHER_BUILD),
        ("partition", number, OTHER_PARTITION),
    )
    for name, value, code in wanted:
        if head.get(name) != value:
            raise SnapshotInvalid(code, f"{name} is {head.get(name)}, and {value} here")
    if head["end"] > cut_end:
        raise SnapshotInvalid(BEYOND_CUT, f"it ends at offset {head['end']}, beyond the cut at {cut_end}")


def _states(file: Any, size: int) -> Iterator[tuple[str, bytes]]:
    while file.tell() < size:
        family_id = file.read(_ID).decode()
        yield family_id, file.read(int.from_bytes(file.read(_LENGTH), "big"))


def _progress(head: Mapping[str, Any]) -> Progress:
    return Progress(
        end=head["end"],
        link=Link(bytes.fromhex(head["block"]["before"]), head["block"]["start"]),
        events_digest=bytes.fromhex(head["events_digest"]),
        events=head["events"],
        repeated=head["repeated"],
        schema_ids=frozenset(head["schema_ids"]),
    )
