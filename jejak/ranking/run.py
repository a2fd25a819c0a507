"""A run of the ranking: what it was asked for, what it came to, and the folder that keeps both.

A run's folder holds `run.json` (what was asked, written first and never again), the input's columns by partition, what
came out, and `result.json` (written last). Whoever is killed in between goes on from what is there. Must not know Kafka
or how a score is made.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from schemas.coded import Coded
from stream_processors.ranking.model import Model
from stream_processors.ranking.model_file import parse
from stream_processors.registry import codes

FAMILIES, PERSONS = "FAMILIES", "PERSONS"
TIE_BREAK: Final = "SHA-256 of family_id and run_id, first 64 bits"
MISSING_RULE: Final = "BELUM_ADA_DESIL"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_OWNER_ALONE: Final = 0o700  # coded answers of every family lie there
_ASKED, _RESULT, _MODEL = "run.json", "result.json", "model.toml"


class RunRefused(Coded):
    """The run can't be, or can't go on; `code` says why and `text` what to do instead."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is: all that its result depends on, but for the model's file and the bytes in the log.

    `as_of` (µs since 1970, UTC) is the day ages are counted on and since when its deciles are true. `states` and
    `events` are the end offsets of each partition, by its number: the position of the input.
    """

    run_id: str
    basis: str
    as_of: int
    model_digest: str
    states_topic: str
    events_topic: str
    states: tuple[int, ...]
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tenth:
    """One decile: its families, their persons, and the lowest and highest score in it (millionths); 0 where empty."""

    families: int
    persons: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. The digests are SHA-256 in hex; `unranked` counts families by reason."""

    input_digest: str
    output_digest: str
    families: int
    ranked: int
    persons: int
    weight: int
    tenths: tuple[Tenth, ...]
    unranked: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return everything about it."""
        return {**asdict(self), "tenths": [asdict(one) for one in self.tenths], "unranked": dict(self.unranked)}


def checked(run_id: str, basis: str) -> None:
    """Return if these name a run; raises RunRefused."""
    if not _NAME.fullmatch(run_id):
        raise RunRefused("RUN_ID", "a run is named by 1 to 63 letters, digits, dots, dashes, underscores")
    if basis not in codes.RANKING_BASES:
        raise RunRefused("BASIS", "basis is FAMILIES or PERSONS")


class Folder:
    """The folder of one run."""

    def __init__(self, runs: Path, run_id: str) -> None:
        checked(run_id, FAMILIES)
        self.path = runs / run_id

    def asked(self) -> Asked | None:
        """Return what the run was asked for; None before it began."""
        found = _read(self.path / _ASKED)
        if found is None:
            return None
        return Asked(**{**found, "states": tuple(found["states"]), "events": tuple(found["events"])})

    def begin(self, asked: Asked, model: bytes) -> None:
        """Have the folder hold what the run is asked for, and its model's file."""
        self.path.mkdir(parents=True, exist_ok=True, mode=_OWNER_ALONE)
        _write(self.path / _MODEL, model)
        _write(self.path / _ASKED, _json(asdict(asked)))

    def model(self) -> Model:
        """Return the run's model, as it was when the run began."""
        return parse(self.model_text())

    def model_text(self) -> bytes:
        """Return the file of the run's model."""
        return (self.path / _MODEL).read_bytes()

    def result(self) -> Result | None:
        """Return what the run came to; None before it did."""
        found = _read(self.path / _RESULT)
        return None if found is None else _result(found)

    def end(self, result: Result) -> None:
        """Have the folder hold what the run came to."""
        _write(self.path / _RESULT, _json(result.as_json()))

    def input(self, partition: int) -> Path:
        """Return where a partition's columns lie once they were read."""
        return self.path / f"input-{partition}.arrow"

    def keep(self, partition: int, digest: str) -> None:
        """Have the folder hold the digest of a partition's columns: from now on they need not be read again."""
        _write(self._digest(partition), digest.encode())

    def has(self, partition: int) -> bool:
        """Tell whether a partition's columns were read."""
        return self._digest(partition).exists()

    def input_digest(self, partitions: int) -> str:
        """Return the digest of the whole input: SHA-256 of the partitions' digests in hex, one after the other."""
        each = [self._digest(number).read_bytes() for number in range(partitions)]
        return hashlib.sha256(b"".join(each)).hexdigest()

    def _digest(self, partition: int) -> Path:
        return self.path / f"input-{partition}.sha256"

    def output(self, stretch: int) -> Path:
        """Return where a stretch of the ranked families lies, numbered in the order of their scores."""
        return self.path / f"ranked-{stretch}.arrow"

    def clear(self) -> None:
        """Have the folder hold no output: what an interrupted computation left is never taken for a part of it."""
        for left in (*self.path.glob("ranked-*"), *self.path.glob("unranked-*"), *self.path.glob("work-*")):
            left.unlink()

    def unranked(self, partition: int) -> Path:
        """Return where a partition's families without a score lie."""
        return self.path / f"unranked-{partition}.arrow"

    def work(self, name: str) -> Path:
        """Return a place for what is deleted before the run ends."""
        return self.path / f"work-{name}"


def _result(found: Mapping[str, Any]) -> Result:
    return Result(**{**found, "tenths": tuple(Tenth(**one) for one in found["tenths"])})


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return found


def _write(path: Path, content: bytes) -> None:
    """Have the file hold the content, whole or not at all, also after the machine went down."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
