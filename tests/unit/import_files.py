"""Files of every source, right and wrong, written for the importers' tests. Everybody in them is invented."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from openpyxl import Workbook

from producers.draft import Draft, Noted, RowRefused
from producers.seeds.tables import ReferenceTable
from producers.sources import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from producers.reading import Item, Reading
    from producers.tables.kinds import Formats

KK = [f"357101100112{serial:04}" for serial in range(1, 6)]
NIK = [f"35710104038001{serial:02}" for serial in range(1, 6)]
USULAN = "5b0a5f2e90c54b0e9d6f6e9a5a2f7f41"
PROPOSALS = ["aa" * 16, "bb" * 16, "cc" * 16]
_WHERE = ["KEMENDAGRI", "35.71.01.1001", "Kota Kediri", "Jl. Mawar Café", "", "2025-01-15"]


@dataclass(frozen=True)
class Example:
    """A right file: lines above the head, the head, its rows; a column that must be filled, and one with a code."""

    source: str
    above: tuple[tuple[str, ...], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    filled: str
    coded: str

    def changed(self, row: int, column: str, value: str) -> Example:
        rows = [list(one) for one in self.rows]
        rows[row][self.head.index(column)] = value
        return self.with_rows(rows)

    def with_rows(self, rows: list[list[str]] | list[tuple[str, ...]]) -> Example:
        return replace(self, rows=tuple(tuple(row) for row in rows))

    @property
    def lines(self) -> list[tuple[str, ...]]:
        return [*self.above, self.head, *self.rows]

    @property
    def first(self) -> int:
        """The number of the first row under the head."""
        return len(self.above) + 2


def person(card: int, nik: int, role: int, name: str) -> tuple[str, ...]:
    return (KK[card], NIK[nik], name, str(role), "1", "1980-03-04", "1", "1", *_WHERE)


EXAMPLES = {
    example.source: example
    for example in (
        Example(
            "sik-ng",
            (),
            (
                *("No. KK", "NIK", "Nama Lengkap", "SHDK", "Jenis Kelamin", "Tgl Lahir", "Status Perkawinan"),
                *("Keberadaan", "Sistem Kode", "Kode Desa", "Kabupaten/Kota", "Alamat", "No HP", "Tgl Pendataan"),
            ),
            (
                person(0, 0, 1, "Slamet Santoso"),
                person(0, 1, 2, "Siti Rahayu"),
                person(1, 2, 1, "Bambang Wijaya"),
                person(1, 3, 3, "Dewi Lestari"),
            ),
            "Alamat",
            "SHDK",
        ),
        Example(
            "forum",
            (
                ("BERITA ACARA",),
                ("1", "Provinsi", "JAWA TENGAH", "33"),
                ("2", "Kabupaten/Kota", "KOTA TEGAL", "76"),
                ("3", "Kecamatan", "TEGAL TIMUR", "030"),
                ("4", "Desa/Wilayah (Kode)", "MINTARAGEN", "005"),
                ("Hari/Tanggal: Senin, 14 September 2015",),
                ("Pukul: 09.00", "Tempat: Balai Desa"),
            ),
            (
                *("No.", "Nama SLS satu tingkat di bawah desa/kecamatan", "Jumlah RTS PBDT 2015"),
                *("Jumlah RTS PBDT 2014", "Jumlah", "Nama Ketua SLS", "Tanda tangan"),
            ),
            (
                ("1.", "RW I", "72", "0", "72", "Café", "v"),
                ("2.", "RW 03", "33", "2", "35", "", ""),
                ("3.", "RW IX", "204", "2", "206", "", ""),
                ("4.", "RW E", "1.246", "4", "1.250", "", ""),
            ),
            "Nama SLS satu tingkat di bawah desa/kecamatan",
            "",
        ),
        Example(
            "musdes",
            (
                ("DAFTAR USULAN AKHIR",),
                ("Nomor Berita Acara", "12/BA/2025"),
                ("Tanggal", "Jumat, 14 Maret 2025"),
                ("Jumlah hadir", "45"),
                ("Jumlah tanda tangan", "40"),
            ),
            ("No", "No KK", "Nama", "ID Usulan", "Usulan", "Hasil", "Alasan"),
            (
                ("1", KK[0], "Café", PROPOSALS[0], "", "Disepakati", ""),
                ("2", KK[1], "", PROPOSALS[1], "", "Ditolak", "SUDAH_MAMPU"),
                ("3", KK[2], "", "", "BARU", "Diusulkan", ""),
                ("4", KK[3], "", PROPOSALS[2], "", "Setuju", ""),
            ),
            "No KK",
            "Hasil",
        ),
        Example(
            "ranking",
            (
                ("HASIL PEMERINGKATAN, Café",),
                ("Run", "DTSEN-2025-T2"),
                ("Tanggal", "20-05-2025"),
                ("Basis", "Keluarga"),
                ("Cakupan: Nasional",),
                ("Model", "PMT-2025.1"),
                ("DPIA", "DPIA-3"),
            ),
            ("No KK", "Desil", "Persentil", "Alasan"),
            (
                (KK[0], "2", "15,27", ""),
                (KK[1], "10", "99,9", ""),
                (KK[2], "", "", "NIK_TIDAK_PADAN"),
                (KK[3], "1", "0", ""),
            ),
            "No KK",
            "Desil",
        ),
        Example(
            "dukcapil",
            (("Batch", "PADAN-2025-05"), ("Tanggal", "14-05-2025")),
            ("NIK", "No KK", "Status", "Nama", "ID Usulan"),
            (
                (NIK[0], KK[0], "Data sesuai", "Café", ""),
                (NIK[1], KK[0], "NAMA_BEDA", "", USULAN),
                (NIK[2], KK[1], "meninggal dunia", "", ""),
                (NIK[3], KK[1], "PADAN", "", ""),
            ),
            "NIK",
            "Status",
        ),
        Example(
            "aid",
            (("Nomor SK", "400/12/2024"),),
            ("Jenis Bantuan", "No KK", "NIK", "Nama", "Periode", "Jumlah", "Tanggal", "No Rekening"),
            (
                ("BPNTD", KK[0], "", "Café", "2024-07", "Rp200.000,-", "3/7/2024", "0021"),
                ("ABH", KK[1], NIK[0], "", "2024", "600.000", "3 Juli 2024", ""),
                ("Anak yatim", KK[1], NIK[1], "", "2024", "Rp. 1.200.000,00", "2024-07-03", ""),
                ("ODKB", KK[2], NIK[2], "", "2024-T3", "750000", "03-07-2024", ""),
            ),
            "No KK",
            "Jenis Bantuan",
        ),
    )
}


def csv_bytes(lines: list[tuple[str, ...]], delimiter: str = ";", encoding: str = "utf-8") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    return out.getvalue().encode(encoding)


def workbook(lines: list[tuple[str, ...]]) -> Workbook:
    book = Workbook()
    for row in lines:
        book.active.append([cell or None for cell in row])
    return book


def written(folder: Path, example: Example, delimiter: str = ";", encoding: str = "utf-8") -> Path:
    path = folder / f"{example.source}.csv"
    path.write_bytes(csv_bytes(example.lines, delimiter, encoding))
    return path


def read(path: Path, source: str, formats: Formats | None = None) -> Reading:
    found = SOURCES[source]
    return found.read(path, found.channel(path, "agency", "officer", "D-1"), formats)


def said(reading: Reading) -> list[tuple[object, ...]]:
    """Return what was made of a file, without what differs by its bytes alone."""
    return [_plain(item) for item in reading]


def report(reading: Reading) -> list[tuple[int, str, str]]:
    return [(item.row, item.column, item.rule) for item in reading if isinstance(item, RowRefused)]


def rules(reading: Reading) -> set[str]:
    """Return the rules of the refused rows, all of each row."""
    return {fault.rule for item in reading if isinstance(item, RowRefused) for fault in item.faults}


def _plain(item: Item) -> tuple[object, ...]:
    match item:
        case Draft():
            body = {name: value for name, value in item.body.items() if name != "bnba_list_digest"}
            return item.row, item.record, item.occurred_at, item.card, body, item.findings
        case RowRefused():
            return item.row, item.column, item.rule
        case Noted():
            return item.row, item.fault
        case ReferenceTable():
            return item.name, item.rows, item.findings
