"""How fast files are read and checked, and in how much memory: half a million rows beside fifty thousand.

As CSV, as a workbook whose texts are shared as spreadsheets share them, and with each family's rows far apart. Each
file is read by a process of its own, whose greatest memory is measured. Also run by hand on any file:
`python -m jejak.bench.importing SOURCE FILE`, or `python -m jejak.bench.importing write ROWS FILE [scattered]` to have
such a file. Must not know servers: nothing is published.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape  # writes, parses nothing

from jejak.bench.resident import peak
from jejak.bench.results import Figure, Result
from producers.report import Tally
from producers.sources import SOURCES
from producers.tables.written import letters

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
_KINDS: Final = (
    ("csv", "read and check a SIK-NG file (CSV), a row in 997 wrong", ".csv", False),
    ("xlsx", "the same as a workbook (XLSX) with shared texts", ".xlsx", False),
    ("scattered", "the same as CSV, a family's rows a quarter of the file apart", ".csv", True),
)
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATED: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_PARTS: Final = {
    "_rels/.rels": f'<Relationships xmlns="{_RELATED}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Data" sheetId="1" '
    'r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATED}"><Relationship Id="r1" Type="{_OFFICE}/worksheet" '
    f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{_OFFICE}/sharedStrings" '
    'Target="sharedStrings.xml"/></Relationships>',
}


def importing() -> Iterator[Result]:
    """Yield rows a second, CPU for a million rows, and the memory that both sizes took, in MB, of each kind of file."""
    for name, what, suffix, scattered in _KINDS:
        peaks = {}
        for rows in (FEW, MANY):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"rows{suffix}"
                write(path, rows, scattered=scattered)
                measured = _read_elsewhere(path)
            peaks[rows] = measured["peak_mb"]
            if rows == MANY:
                figure = Figure(f"import.{name}", what, "rows", rows, measured["seconds"], measured["cpu_seconds"])
                yield from figure.results()
        for rows, most in peaks.items():
            yield Result(f"import.{name}.memory.{rows}", f"greatest memory, {rows:,} rows, {name}", most, "MB")
        growth = peaks[MANY] / peaks[FEW]
        yield Result(f"import.{name}.growth", "memory for ten times the rows", growth, "times", "one process each")


def write(path: Path, rows: int, *, scattered: bool = False) -> None:
    """Write a file of invented families, four members each; each 997th row names no known code.

    A workbook by its name, else CSV. Scattered, a family's rows stand a quarter of the file apart.
    """
    if path.suffix == ".xlsx":
        _write_workbook(path, lambda: _lines(rows, scattered=scattered))
        return
    with path.open("w", newline="", encoding="cp1252") as file:
        csv.writer(file, delimiter=";").writerows(_lines(rows, scattered=scattered))


def _lines(rows: int, *, scattered: bool) -> Iterator[Sequence[str]]:
    yield _HEAD
    families = -(-rows // _PER_FAMILY)
    for number in range(rows):
        yield _member(
            number,
            number % families if scattered else number // _PER_FAMILY,
            number // families if scattered else number % _PER_FAMILY,
        )


def _member(number: int, family: int, role: int) -> Sequence[str]:
    block, serial = divmod(family, _FAMILIES_A_DAY)
    day, month = block % 28 + 1, block // 28 % 12 + 1
    sex, born = role % 2 + 1, f"{1960 + role * 10}-{month:02}-{day:02}"
    card = f"357101{day:02}{month:02}12{serial + 1:04}"
    nik = f"3571{role + 1:02}{day + 40 * (sex == 2):02}{month:02}{(60 + role * 10) % 100:02}{serial + 1:04}"  # noqa: PLR2004  Regsosek 405: 2 is a woman
    code = str(role + 1 if number % _EVERY_WRONG else 9)
    return (card, nik, "Budi Santoso", code, str(sex), born, "1", "1", *_PLACE, f"Jl. Mawar {family}", "", "2025-01-15")


def _write_workbook(path: Path, lines: Callable[[], Iterator[Sequence[str]]]) -> None:
    """Write a workbook whose cells name their texts in a shared list, as spreadsheets write them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in _PARTS.items():
            book.writestr(name, text)
        with book.open("xl/sharedStrings.xml", "w") as part:
            part.write(f'<sst xmlns="{_MAIN}">'.encode())
            for _, new in _shared(lines()):
                part.write("".join(f"<si><t>{escape(text)}</t></si>" for text in new).encode())
            part.write(b"</sst>")
        with book.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for at, (places, _) in enumerate(_shared(lines()), 1):
                cells = (f'<c r="{letters(place)}{at}" t="s"><v>{one}</v></c>' for place, one in places.items())
                part.write(f'<row r="{at}">{"".join(cells)}</row>'.encode())
            part.write(b"</sheetData></worksheet>")


def _shared(lines: Iterator[Sequence[str]]) -> Iterator[tuple[dict[int, int], list[str]]]:
    """Yield, for each line, the place in the list of each cell's text, and the texts that are new in it."""
    known: dict[str, int] = {}
    count = 0
    for line in lines:
        new = [text for text in dict.fromkeys(line) if text and text not in known]
        known.update((text, count + at) for at, text in enumerate(new))
        count += len(new)
        yield {place: known[text] for place, text in enumerate(line) if text}, new


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
        "peak_mb": peak() / 1e6,
    }


def _read_elsewhere(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "jejak.bench.importing", "sik-ng", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _main(said: Sequence[str]) -> str:
    match said:
        case ["write", rows, path, *more]:
            write(Path(path), int(rows), scattered=bool(more))
            return ""
        case [source, path]:
            return json.dumps(read(source, Path(path))) + "\n"
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.stdout.write(_main(sys.argv[1:]))
