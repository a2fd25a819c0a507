"""What the fault tests found, one line a part: printed, and kept in the file that JEJAK_FAULTS_REPORT names.

`python -m tests.integration.fault_report build/faults.json PART...` sums it up and fails where a part is lacking.
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
    line = {"part": part, **figures, "equal": equal, "seconds": round(seconds, 1)}
    sys.stdout.write(json.dumps(line) + "\n")
    if report := os.environ.get("JEJAK_FAULTS_REPORT"):
        path = Path(report)
        told = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*told, line], indent=1) + "\n")
