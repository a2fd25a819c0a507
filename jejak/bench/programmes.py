"""What it costs to compare two rule files over all families, and to give out places: synthetic states, no servers.

Each by the very functions of `jejak rules diff` and `jejak allocate`, in a process of its own so that its memory is its
own; Kafka's client is left out. Every family is invented.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from jejak.bench import corpus as corpora
from jejak.bench import profile
from jejak.bench.resident import peak
from jejak.bench.results import Result
from jejak.programmes import states
from schemas import catalogue, codec
from schemas.records import FamilyState
from stream_processors.registry import allocation, difference, rule_file, rulebook
from stream_processors.registry.allocation import Allocation

FAMILIES: Final = 100_000
_DISTRICT: Final = 200
_AT: Final = 1_767_225_600_000_000
_QUOTA: Final = 10_000
_LENGTH: Final = 4
_MEBI: Final = 1 << 20
_THRESHOLD: Final = b'operator = "at_most"\nvalue = %d'


def programmes(families: int = FAMILIES) -> Iterator[Result]:
    """Yield what a comparison and an allocation over so many families cost a million, and their memory."""
    with tempfile.TemporaryDirectory() as place:
        invent(Path(place) / "states", families)
        diff, allocate = _measured(place, "diff"), _measured(place, "allocate")
    note = f"{families:,} states decoded, judged by two PKH files; {diff['moved']:,} would change"
    yield Result("programmes.diff", "rules diff", diff["cpu"] / families * 1e6, "CPU s per million", note)
    yield _memory("programmes.diff_memory", "rules diff", diff)
    note = f"{families:,} states decoded; {allocate['given']:,} places given, {allocate['waiting']:,} families wait"
    yield Result("programmes.allocate", "allocate", allocate["cpu"] / families * 1e6, "CPU s per million", note)
    yield _memory("programmes.allocate_memory", "allocate", allocate)


def _measured(place: str, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "jejak.bench.programmes", place, what]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def _memory(name: str, what: str, told: dict[str, float]) -> Result:
    most, idle = told["peak"] / _MEBI, told["base"] / _MEBI
    return Result(name, f"peak of resident memory, {what}", most, "MiB", f"{idle:.0f} idle")


def invent(path: Path, families: int) -> None:
    """Have the file hold so many states, each with its length before it: those of a small district, again and again."""
    last: dict[bytes, bytes] = {}
    for outputs in profile.outputs(corpora.taken(corpora.drafts(_DISTRICT))):
        last.update({one.key: one.value for one in outputs if one.topic == catalogue.FAMILIES_TOPIC})
    decoded = [codec.decode(value) for value in last.values()]
    known = [state for state in decoded if isinstance(state, FamilyState)]
    with path.open("wb") as file:
        for number in range(families):
            state = replace(known[number % len(known)], family_id=_family_id(number))
            value = codec.encode(state)
            file.write(len(value).to_bytes(_LENGTH) + value)


def _family_id(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[number // 26**place % 26] for place in range(26))


def _records(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        number = 0
        while length := file.read(_LENGTH):
            yield _family_id(number).encode(), file.read(int.from_bytes(length))
            number += 1


def compared(path: Path) -> dict[str, float]:
    """Compare PKH's rules with another threshold over the states of a file; return how many families would change."""
    old = rulebook.rule_set("pkh", "2025.1")
    text = old.file.replace(_THRESHOLD % 4, _THRESHOLD % 3).replace(b'version = "2025.1"', b'version = "2026.1"')
    new = rule_file.read(text)
    found, _ = states.of(_records(path), lambda state: difference.moved(state, old, new, _AT))
    return {"moved": sum(difference.total(found.values()).counts.values())}


def allocated(path: Path) -> dict[str, float]:
    """Write the plan of an allocation over the states of a file; return how many have a place and how many wait."""
    asked = Allocation("PKH", "2025-T4", _QUOTA, "", "bench", "none")
    found, _ = states.of(_records(path), lambda state: allocation.candidate(state, asked))
    order = allocation.places((one for one in found.values() if one is not None), asked.quota)
    with path.with_name("plan").open("wb") as file:
        file.writelines(allocation.written(asked, order))
    candidates = sum(one is not None for one in found.values())
    return {"given": min(candidates, _QUOTA), "waiting": max(candidates - _QUOTA, 0)}


def main() -> None:
    """Compare or allocate over the states in a folder, and print what that took as JSON."""
    path = Path(sys.argv[1]) / "states"
    base, begun = peak(), time.process_time()
    told = compared(path) if sys.argv[2] == "diff" else allocated(path)
    told |= {"cpu": time.process_time() - begun, "base": base, "peak": peak()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
