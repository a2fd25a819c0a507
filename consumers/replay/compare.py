"""Whether two replays found the same, and if not, what differs first.

Knows attestations and leaves as they were written; must not know a broker, nor fold anything.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumers.replay.attestation import FORMAT, Document, leaves_of
from schemas.coded import Coded
from stream_processors.registry.family import FOLD_VERSION

NOT_AN_ATTESTATION, OTHER_FORMAT, OTHER_FOLD_VERSION = "NOT_AN_ATTESTATION", "OTHER_FORMAT", "OTHER_FOLD_VERSION"
LEAVES_DIFFER, LEAVES_MISSING, PARTITIONS_DIFFER = "LEAVES_DIFFER", "LEAVES_MISSING", "PARTITIONS_DIFFER"
_KEYS = frozenset(
    {"build", "counts", "cut", "events", "families", "fold_version", "format"}
    | {"leaves_digest", "partitions", "schemas", "state_digest"}
)
# In this order: what comes earlier explains what comes later.
_HEADS = ("build", "schemas", "cut")
_OF_PARTITION = (("events", "events"), ("repeated", "events"), ("events_digest", "events"))


class NotComparable(Coded):
    """Two files that can't be compared; `code` says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: what, where, and what either side has."""

    what: str
    where: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Family:
    """A family that differs: by its leaf, or by being on one side only (its leaf on the other is None)."""

    partition: int
    family_id: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, the first of each kind in the order in which one thing explains another; the first family too."""

    differences: tuple[Difference, ...]
    family: Family | None

    @property
    def same(self) -> bool:
        """Whether both found the same."""
        return not self.differences and self.family is None


def compare(one: Path, other: Path) -> Comparison:
    """Return what differs between two attestations and their leaves.

    Raises NotComparable: for a file that is none or whose leaves don't fit it, and for another format or fold version
    on either side than this fold's or the other's, since then another fold was at work and differences say nothing.
    """
    first, second = load(one), load(other)
    _check_comparable(first, second)
    differences = list(_differences(first, second))
    return Comparison(tuple(differences), _first_family(leaves_of(one), leaves_of(other)))


def load(path: Path) -> Document:
    """Return an attestation whose leaves fit it; raises NotComparable, FileNotFoundError where there is no file."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError as fault:
        raise NotComparable(NOT_AN_ATTESTATION, f"{path.name} is no attestation") from fault
    if not isinstance(found, dict) or "format" not in found:
        raise NotComparable(NOT_AN_ATTESTATION, f"{path.name} is no attestation")
    if found["format"] != FORMAT:
        raise NotComparable(OTHER_FORMAT, f"{path.name} has the format {found['format']}, {FORMAT} is known here")
    if found.keys() != _KEYS:
        raise NotComparable(NOT_AN_ATTESTATION, f"{path.name} lacks a part, or has one too many")
    _check_leaves(path, found)
    return found


def _check_leaves(path: Path, found: Document) -> None:
    leaves = leaves_of(path)
    if not leaves.exists():
        raise NotComparable(LEAVES_MISSING, f"{leaves.name} isn't beside {path.name}")
    with leaves.open("rb") as file:
        digest = hashlib.file_digest(file, hashlib.sha256).hexdigest()
    if digest != found["leaves_digest"]:
        raise NotComparable(LEAVES_DIFFER, f"{leaves.name} isn't what {path.name} was written with")


def _check_comparable(first: Document, second: Document) -> None:
    versions = first["fold_version"], second["fold_version"]
    if versions[0] != versions[1]:
        text = f"fold versions {versions[0]} and {versions[1]}: another fold comes to other states of the same events"
        raise NotComparable(OTHER_FOLD_VERSION, text)
    if versions[0] != FOLD_VERSION:
        raise NotComparable(OTHER_FOLD_VERSION, f"fold version {versions[0]}, {FOLD_VERSION} is known here")
    counts = len(first["cut"]), len(second["cut"])
    if counts[0] != counts[1]:
        raise NotComparable(PARTITIONS_DIFFER, f"{counts[0]} and {counts[1]} partitions: families lie elsewhere")


def _differences(first: Document, second: Document) -> Iterator[Difference]:
    for name in _HEADS:
        if first[name] != second[name]:
            yield _first_within(name, first[name], second[name])
    yield from _in_partitions(first, second)
    if first["counts"] != second["counts"]:
        yield _first_within("counts", first["counts"], second["counts"])
    if first["state_digest"] != second["state_digest"]:
        yield Difference("state", "in total", first["state_digest"], second["state_digest"])


def _first_within(name: str, first: Any, second: Any) -> Difference:
    """Return the first entry that differs of two mappings or lists, or the two values themselves."""
    if isinstance(first, list) and isinstance(second, list):
        first, second = dict(enumerate(first)), dict(enumerate(second))
    if not isinstance(first, dict) or not isinstance(second, dict):
        return Difference(name, "", first, second)
    keys = sorted({*first, *second}, key=lambda key: (not str(key).isdigit(), int(key) if str(key).isdigit() else 0))
    key = next(key for key in keys if first.get(key) != second.get(key))
    inner = _first_within(name, first.get(key), second.get(key))
    return Difference(name, f"{key} {inner.where}".strip(), inner.first, inner.second)


def _in_partitions(first: Document, second: Document) -> Iterator[Difference]:
    """Yield the first partition whose events differ: another log, or another part of it."""
    for one, other in zip(first["partitions"], second["partitions"], strict=False):
        for field, what in _OF_PARTITION:
            if one[field] != other[field]:
                yield Difference(what, f"partition {one['partition']}, {field}", one[field], other[field])
                return


def _first_family(one: Path, other: Path) -> Family | None:
    """Return the first family, by partition and id, that has another leaf or none on one side."""
    with one.open(encoding="ascii") as first_file, other.open(encoding="ascii") as second_file:
        first, second = _leaves(first_file), _leaves(second_file)
        mine, theirs = next(first, None), next(second, None)
        while mine == theirs:
            if mine is None:
                return None
            mine, theirs = next(first, None), next(second, None)
    if theirs is None or (mine is not None and mine[:2] < theirs[:2]):
        return Family(*_present(mine), None)
    if mine is None or theirs[:2] < mine[:2]:
        return Family(theirs[0], theirs[1], None, theirs[2])
    return Family(*mine, theirs[2])


def _present(leaf: tuple[int, str, str] | None) -> tuple[int, str, str]:
    if leaf is None:
        raise TypeError("one side has a leaf, or nothing would differ")
    return leaf


def _leaves(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    for line in lines:
        partition, family_id, leaf = line.split()
        yield int(partition), family_id, leaf
