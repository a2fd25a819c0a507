"""What the fault tests found, one line of JSON a part: printed, and kept in the file that JEJAK_FAULTS_REPORT names.

`python -m tests.integration.fault_report build/faults.jsonl` sums it up; it fails where a part is lacking or too small.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tests.integration.unbroken_run import Compared


def tell(part: str, *, seconds: float, compared: list[Compared], **figures: Any) -> None:
    """Report a part that passed: its own figures, what was compared and found equal, and how long it took."""
    equal = {one.name: sum(asdict(each)[one.name] for each in compared) for one in fields(Compared)}
    line = json.dumps({"part": part, **figures, "equal": equal, "seconds": round(seconds, 1)}) + "\n"
    sys.stdout.write(line)
    if report := os.environ.get("JEJAK_FAULTS_REPORT"):
        with Path(report).open("a", encoding="utf-8") as file:  # one write: several processes tell at once
            file.write(line)


# What the whole run must have tried at least, by part and figure.
WANTED: dict[str, tuple[str, int]] = {
    "crash points by injection": ("crash_points", 1_000),
    "poison burst": ("seconds", 0),
    "delayed transactions": ("ended_late", 6),
    "late twins of commits": ("twins", 4),
    "clock jumps": ("jumps", 10),
    "kill -9 of everything, rebalances while busy": ("kills", 50),
    "slow broker": ("pauses", 10),
    "aborted transactions": ("transactions", 5),
    "zombie": ("frozen_amid_a_transaction", 1),
}


def lacking(told: list[dict[str, Any]]) -> list[str]:
    """Return the parts that were not tried, or less often than they should."""
    found = {one["part"]: one for one in told}
    return [part for part, (figure, least) in WANTED.items() if part not in found or found[part][figure] < least]


def main(path: Path) -> int:
    """Print the sum of all parts; return 1 where one is lacking."""
    told: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    for one in told:
        sys.stdout.write(f"{one['part']:46} {one['seconds']:7.1f} s  equal: {one['equal']}\n")
    sys.stdout.write(
        f"{len(told)} parts; {sum(one.get('crash_points', 0) for one in told)} crash points, "
        f"{sum(one.get('kills', 0) for one in told)} kills; "
        f"{sum(sum(one['equal'].values()) for one in told)} records and rows compared and found equal; "
        f"{sum(one['seconds'] for one in told):.0f} s, several at once\n"
    )
    if missing := lacking(told):
        sys.stdout.write(f"lacking: {', '.join(missing)}\n")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
