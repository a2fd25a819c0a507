"""How fast files are read and checked, and in how much memory: half a million rows beside fifty thousand.

Each size is read by a process of its own, whose greatest memory is measured. Also run by hand on any file:
`python -m jejak.bench.importing SOURCE FILE`. Must not know servers: nothing is published.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jejak.bench.results import Figure, Result
from producers.report import Tally
from producers.sources import SOURCES

FEW, MANY = 50_000, 500_000
_SECONDS: Final = 1_800.0
_HEAD: Final = (
    *("NO. KK", "NIK", "NAMA LENGKAP", "SHDK", "JK", "TGL LAHIR", "STATUS PERKAWINAN", "KEBERADAAN", "SISTEM_KODE"),
    *("KODE DESA", "KABUPATEN/KOTA", "ALAMAT", "NO HP", "TGL PENDATAAN"),
)
_PLACE: Final = ("KEMENDAGRI", "35.71.01.1001", "Kota Kediri")
_PER_FAMILY: Final = 4
_FAMILIES_A_DAY: Final = 9_000
_EVERY_WRONG: Final = 997


def importing() -> Iterator[Result]:
    """Yield rows a second, CPU for a million rows, and the memory that both sizes took, in MB."""
    peaks = {}
    for rows in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            write(path, rows)
            measured = _read_elsewhere(path)
        peaks[rows] = measured["peak_mb"]
        if rows == MANY:
            what = "read and check a SIK-NG file (CSV), a row in 997 wrong"
            figure = Figure("import", what, "rows", rows, measured["seconds"], measured["cpu_seconds"])
            yield from figure.results()
    for rows, peak in peaks.items():
        yield Result(f"import.memory.{rows}", f"greatest memory while {rows:,} rows are read", peak, "MB")
    growth = peaks[MANY] / peaks[FEW]
    yield Result("import.growth", "memory for ten times the rows", growth, "times", "one process each")


def write(path: Path, rows: int) -> None:
    """Write a file of invented families, four members each; each 997th row names no known code."""
    with path.open("w", newline="", encoding="cp1252") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_HEAD)
        for number in range(rows):
            family, role = divmod(number, _PER_FAMILY)
            block, serial = divmod(family, _FAMILIES_A_DAY)
            day, month = block % 28 + 1, block // 28 % 12 + 1
            sex, born = role % 2 + 1, f"{1960 + role * 10}-{month:02}-{day:02}"
            card = f"357101{day:02}{month:02}12{serial + 1:04}"
            nik = f"3571{role + 1:02}{day + 40 * (sex == 2):02}{month:02}{(60 + role * 10) % 100:02}{serial + 1:04}"  # noqa: PLR2004  Regsosek 405: 2 is a woman
            code = role + 1 if number % _EVERY_WRONG else 9
            row = (card, nik, "Budi Santoso", code, sex, born, 1, 1, *_PLACE, f"Jl. Mawar {family}", "", "2025-01-15")
            writer.writerow(row)


def read(source: str, path: Path) -> dict[str, float]:
    """Return what reading a file took in this process: rows by their fate, seconds, CPU seconds, greatest memory."""
    wall, cpu, found = time.perf_counter(), time.process_time(), SOURCES[source]
    tally = Tally()
    for item in found.read(path, found.channel(path, "bench", "bench"), None):
        tally.add(item, found.row_records)
    return {
        "accepted": tally.accepted,
        "refused": tally.refused,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _read_elsewhere(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "jejak.bench.importing", "sik-ng", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read(sys.argv[1], Path(sys.argv[2]))) + "\n")
