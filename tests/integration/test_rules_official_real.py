"""An official's day on real services, by commands alone: rank, explain, compare a rule file, activate it, and why."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from jejak import stack as local
from jejak.demo import settling
from jejak.programmes import states
from schemas import catalogue, codec
from schemas.records import EligibilityDecided
from stream_processors.registry.decision import eligibility_of
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.records import FamilyState

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[2]
WORKERS: Final = ("fold", "persons", "read-model", "deadlines")
SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Town:
    """A small registry with its workers, on servers of its own."""

    data: Path
    kafka: str

    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JEJAK_")}
        own = {"JEJAK_DATA": str(self.data), "JEJAK_GRACE_MINUTES": "1440", "JEJAK_READ_SECONDS": "10"}
        return {**kept, **own, "JEJAK_AUDIT_SECONDS": "20"}  # a busy disk is no refusal here

    def jejak(self, *words: str) -> Any:
        """Run a command to its end and return what it printed as JSON."""
        command = [sys.executable, "-m", "jejak.cli", *words]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=self.environment(), timeout=SECONDS
        )
        assert ended.returncode == 0, f"{words}: {ended.stderr}"
        return json.loads(ended.stdout) if "--json" in words else ended.stdout

    def families(self) -> dict[str, FamilyState]:
        found, _ = states.each(self.kafka, catalogue.FAMILIES_TOPIC, lambda state: state)
        return {key.decode(): state for key, state in found.items()}

    def settled(self) -> None:
        settling.wait(self.kafka, SECONDS, lambda _: None)


@contextmanager
def worker(town: Town, name: str) -> Iterator[None]:
    with (town.data / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "jejak.cli", "run", name]
        running = subprocess.Popen(command, cwd=ROOT, env=town.environment(), stdout=log, stderr=log)
        try:
            yield
        finally:
            running.terminate()
            running.wait(SECONDS)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    endpoints = local.up(tmp_path, quick=True, tied_to=os.getpid())
    made = Town(tmp_path, endpoints.kafka)
    try:
        made.jejak("publish", "rules", "--effective", "2025-01-01", "--json")
        with ExitStack() as running:
            for name in WORKERS:
                running.enter_context(worker(made, name))
            yield made
    finally:
        local.down(tmp_path)


def decided(town: Town, version: str) -> Counter[str]:
    """Return how often each family was decided on PKH by a version."""
    said = [codec.decode(message.value() or b"") for message in kafka.read_all(town.kafka, catalogue.EVENTS_TOPIC)]
    ours = [one for one in said if isinstance(one, EligibilityDecided) and one.programme == "PKH"]
    return Counter(one.header.family_id for one in ours if one.rules_version == version)


@pytest.mark.at_length
def test_an_official_ranks_changes_a_rule_and_every_family_is_decided_once_and_told_why(town: Town) -> None:
    # Given families whose published run the live fold accepted
    town.jejak("simulate", "--families", "40", "--seed", "7", "--json")
    town.settled()
    ran = town.jejak("rank", "run", "2026-A", "--publish", "--allow-illustrative", "--json")
    town.settled()
    before = {key: one for key, one in town.families().items() if one.status == "AKTIF"}
    assert {one.ranking_run for one in before.values()} == {"2026-A"}
    assert sum(one.decile > 0 for one in before.values()) == ran["ranked"] > 0
    assert town.jejak("rank", "again", "2026-A", "--json")["same"] is True

    # When the highest decile that PKH takes in loses it by an official's file
    eligible = {key: one for key, one in before.items() if _result(one) == "LAYAK"}
    family_id, state = max(eligible.items(), key=lambda item: (item[1].decile, item[0]))
    told = town.jejak("rank", "explain", family_id, "--json")
    assert (told["now"]["decile"], told["now"]["agrees"]) == (state.decile, True)
    file, moved = town.data / "pkh.toml", town.data / "moved.csv"
    town.jejak("rules", "show", "pkh@2025.1", "--to", str(file))
    _edit(file, state.decile - 1)
    assert town.jejak("rules", "check", str(file), "--json")["without_sentence"] == []
    foretold = town.jejak("rules", "diff", "pkh@2025.1", str(file), "--families", str(moved), "--json")
    with moved.open(encoding="utf-8", newline="") as rows:
        losing = {row["family_id"] for row in csv.DictReader(rows) if row["direction"] == "loses"}
    assert losing == {key for key, one in eligible.items() if one.decile == state.decile}
    assert foretold["changes"]["loses"] == len(losing)
    town.jejak("rules", "activate", str(file), "--json")

    # Then each ranked family is decided by it, once, as was foretold
    deadline = time.monotonic() + SECONDS
    while not decided(town, "2026.1").keys() >= before.keys():
        assert time.monotonic() < deadline, "not every family was decided again"
        time.sleep(0.5)
    town.settled()
    assert set(decided(town, "2026.1").values()) == {1}
    after = town.families()
    assert {key for key in eligible if _result(after[key]) == "TIDAK_LAYAK"} == losing

    # And the family is told so in the words of the file
    why = town.jejak("family", "why", family_id, "--json")
    assert any("desil keluarga terlalu tinggi (DESIL_TERLALU_TINGGI)" in one for one in why["programmes"])
    assert why["timeline"][-1]["step"] == "EligibilityDecided"


def _result(state: FamilyState) -> str:
    found = eligibility_of(state, "PKH")
    return found.result if found else ""


def _edit(file: Path, most: int) -> None:
    """Change the copy as an official would: version, threshold, reason code and what it is called."""
    text = file.read_text(encoding="utf-8").replace('version = "2025.1"', 'version = "2026.1"', 1)
    old = 'code = "DESIL_DI_LUAR_1_4"\nfact = "decile"\noperator = "at_most"\nvalue = 4\n'
    new = f'code = "DESIL_TERLALU_TINGGI"\nfact = "decile"\noperator = "at_most"\nvalue = {most}\n'
    says = 'says_id = "desil keluarga terlalu tinggi"\nsays_en = "the family\'s decile is too high"\n'
    assert old in text
    file.write_text(text.replace(old, new + says), encoding="utf-8")
