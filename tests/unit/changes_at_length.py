"""Random changes through the folds, in memory: the suite asks for a few thousand, the command for a million.

`python -m tests.unit.changes_at_length [--changes N] [--chunk N] [--workers N] [--seed N] [--kept FILE]`: each chunk is
a district of a seed of its own, told changes of every kind of the contract: what its families are ready for, nearly
that, anything at all, again, out of order, and bytes that are planted to be dead letters or may be. The persons fold
answers beside it. An exception, a dead letter that wasn't planted, a refusal without its rule, or an end that replay,
restore and recount don't come to, is a finding: told with seed and number, and the exit code is 1.

Chunks done are kept in a file and not done again, while the sources of the folds are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import schemas
import stream_processors
from tests.unit.random_district import District, Findings

CHANGES, CHUNK = 1_000_000, 10_000
KEPT = Path("build/changes-at-length.jsonl")


@dataclass
class Tally:
    """What came of so many changes: by kind given and accepted, refusals by code, events, dead letters, findings."""

    changes: int = 0
    families: int = 0
    seconds: float = 0.0
    ways: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another one's numbers, whichever chunk it is of."""
        for one in fields(self):
            now, more = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, now + more)


def chunk(seed: int, changes: int) -> Tally:
    """Tell one district of this seed so many changes, hold its end to itself, and return what came of it."""
    began = time.process_time()
    district = District(seed)
    for _ in range(changes):
        district.step()
    district.settle()
    found: Findings = district.findings
    return Tally(
        changes=district.told,
        families=len(district.families.states),
        seconds=time.process_time() - began,
        ways=district.ways,
        given=district.given,
        taken=district.taken,
        refused=district.refused,
        events=district.events,
        dead=district.dead,
        findings=[f"seed {seed}: {one}" for one in found],
    )


def sources() -> str:
    """Return a digest of everything that decides what comes of a change."""
    whole = hashlib.sha256()
    here = Path(__file__).parent
    roots = [Path(schemas.__file__).parent, Path(stream_processors.__file__).parent]
    files = [one for root in roots for one in root.rglob("*") if one.suffix in {".py", ".toml", ".avsc", ".json"}]
    for one in sorted([*files, *here.glob("random_*.py"), here / "registry_scenarios.py"]):
        whole.update(one.name.encode() + one.read_bytes())
    return whole.hexdigest()[:16]


def done(kept: Path, of: str, changes: int) -> dict[int, Tally]:
    """Return the chunks of this size that the file holds of these sources, by seed."""
    found: dict[int, Tally] = {}
    if kept.exists():
        for row in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
            if (row["of"], row["chunk"]) == (of, changes):
                found[row["seed"]] = _tally(row["tally"])
    return found


def _tally(row: dict[str, Any]) -> Tally:
    values: dict[str, Any] = {name: Counter(it) if isinstance(it, dict) else it for name, it in row.items()}
    return Tally(**values)


def run(seeds: range, changes: int, workers: int, kept: Path) -> Tally:
    """Do the chunks of these seeds that aren't done, keep each, and return what came of all."""
    of = sources()
    tallies = {seed: one for seed, one in done(kept, of, changes).items() if seed in seeds}
    whole = Tally()
    for one in tallies.values():
        whole.add(one)
    left = [seed for seed in seeds if seed not in tallies]
    kept.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(chunk, seed, changes): seed for seed in left}
        for number, ready in enumerate(as_completed(waiting), 1):
            tally = ready.result()
            whole.add(tally)
            row = {"of": of, "chunk": changes, "seed": waiting[ready], "tally": vars(tally)}
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            seconds = (time.perf_counter() - began) / number * (len(left) - number)
            _say(f"{whole.changes:,} changes, {len(whole.findings)} findings, about {seconds / 60:,.0f} min left")
    return whole


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  a command's progress


def report(of: Tally) -> str:
    """Return what came of it as tables."""
    said = f"{of.changes:,} changes of {of.families:,} families in {of.seconds:,.0f} s of CPU"
    lines = [said, "", "| change | said | accepted |", "|---|--:|--:|"]
    lines += [f"| {name} | {number:,} | {of.taken[name]:,} |" for name, number in sorted(of.given.items())]
    for title, counted in (
        ("way", of.ways),
        ("refusal", of.refused),
        ("event", of.events),
        ("dead letter", of.dead),
    ):
        lines += ["", f"| {title} | {counted.total():,} |", "|---|--:|"]
        lines += [f"| {name} | {number:,} |" for name, number in counted.most_common()]
    lines += ["", f"{len(of.findings)} findings", *of.findings[:50]]
    return "\n".join(lines)


def main() -> int:
    """Run at length; return the exit code."""
    asked = argparse.ArgumentParser()
    for name, default in (("changes", CHANGES), ("chunk", CHUNK), ("workers", 2), ("seed", 1)):
        asked.add_argument(f"--{name}", type=int, default=default)
    asked.add_argument("--kept", type=Path, default=KEPT)
    options = asked.parse_args()
    chunks = -(-options.changes // options.chunk)
    found = run(range(options.seed, options.seed + chunks), options.chunk, options.workers, options.kept)
    print(report(found))  # noqa: T201  a command
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
