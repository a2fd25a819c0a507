"""Berita Acara of a public consultation forum: its SLS rows as a published table, and the total it leaves to compute.

No family stands in it, so it becomes reference rows and no change of a family. Printed labels are kept beside the ids
made of them; names of people on the form are not copied. Contradictions are told with the codes of domain guide 9.5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from producers import sls_label
from producers.draft import Channel, Noted, RowRefused, refused
from producers.messages import Fault
from producers.places import region as region_of
from producers.reading import Item, Reading, reading, refusal_of
from producers.seeds.tables import Finding, ReferenceCell, ReferenceColumn, ReferenceRow, ReferenceTable, Source, Value
from producers.tables import Broken, Checker, Row, Table, layout, open_table
from producers.tables.kinds import Formats
from producers.tables.seen import Said, doubled
from schemas import regions

_SUMS: Final = ("RTS_ADA", "RTS_TAMBAHAN", "JUMLAH_RTS")
_LEVELS: Final = ("PROVINSI", "KABUPATEN_KOTA", "KECAMATAN", "DESA")
_ISIAN: Final = ("TANGGAL_FORUM", "PUKUL", "TEMPAT")
_UNIT: Final = "rumah tangga sasaran"
_BPS_KECAMATAN: Final = 3
_PLACE: Final = "Berita Acara FKP, tabel SLS (tanpa nama dan tanda tangan)"


@dataclass(frozen=True, slots=True)
class _Form:
    """What stands above the table: where the forum was held, in which code system, and what is wrong with that."""

    name: str
    document: str
    period: str
    region: regions.Region
    findings: tuple[str, ...]

    def table(self, row: ReferenceRow, codes: Sequence[tuple[str, str | None]]) -> ReferenceTable:
        """Return the published table around one row, with the findings of the row and those of the form."""
        found = tuple(_finding(self.name, None, code, None) for code in self.findings)
        found += tuple(_finding(self.name, row.key, code, column) for code, column in codes)
        columns = tuple(ReferenceColumn(cell.column, "", _UNIT if cell.column in _SUMS else "") for cell in row.cells)
        source = Source(self.document, _PLACE)
        return ReferenceTable(self.name, source, self.period, self.region, _UNIT, columns, (row,), found)


def read(path: Path, channel: Channel, formats: Formats | None = None) -> Reading:
    """Return the form's rows, each in its table, and its total, computed; a fault of the file is one refused row, 0."""
    opened = open_table(path, layout("forum"), formats)
    return reading(path, channel, opened, lambda table: _items(table, channel))


@dataclass(slots=True)
class _Sums:
    """What the accepted rows add up to, whether any row was refused, and the total that is printed."""

    values: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMS, 0))
    complete: bool = True
    printed: Broken | None = None
    roman: bool = False
    arabic: bool = False


def _items(table: Table, channel: Channel) -> Iterator[Item]:
    form = _form(table, channel)
    if isinstance(form, Fault):
        yield refused(channel, 0, (form,))
        return
    yield from (Noted(0, Fault(code)) for code in form.findings)
    checker, said, sums = Checker(table), Said(), _Sums()
    for number, cells in table.rows():
        read = _no_total(checker.check(number, cells))
        if sums.printed is not None:
            item = _below(read, channel)
            sums.complete &= isinstance(item, Noted)
            yield item
            continue
        row = _judged(read, said)
        if isinstance(row, Row):
            yield form.table(*_published(row, sums))
        elif row.faults[0].rule == "TOTAL_ROW":
            sums.printed = row
        else:
            item = _left_out(row, channel)
            sums.complete &= isinstance(item, Noted)
            yield item
    yield from _total(sums, form, channel)


def _no_total(row: Row | Broken) -> Row | Broken:
    """Return the row; one that is spelled as a total and names an SLS is neither."""
    if isinstance(row, Row) or row.faults[0].rule != "TOTAL_ROW" or not sls_label.names_unit(row["SLS"] or ""):
        return row
    return Broken(row.number, (Fault("TOTAL_NAMES_SLS", "SLS"),), row.values)


def _below(row: Row | Broken, channel: Channel) -> RowRefused | Noted:
    """Return a refusal for a row of an SLS below a total, which then is not the last line; a note for anything else."""
    faults = row.faults if isinstance(row, Broken) else ()
    shifted = not row.values  # only a row that fits the columns one place aside comes without
    named, counted = (any(row[one] is not None for one in columns) for columns in (("NOMOR", "SLS"), _SUMS))
    if shifted or (named and counted and "TOTAL_ROW" not in {fault.rule for fault in faults}):
        return refused(channel, row.number, (Fault("SLS_BELOW_TOTAL", "SLS"), *faults))
    return Noted(row.number, Fault("BELOW_TABLE"))


def _left_out(row: Broken, channel: Channel) -> RowRefused | Noted:
    """Return a note for a numbered line that was left blank, a refusal for any other row that is no SLS."""
    if all(fault.rule in {"BLANK", "BLANK_ROW"} for fault in row.faults) and not set(row.values) & {"SLS", *_SUMS}:
        return Noted(row.number, Fault("BARIS_KOSONG"))
    return refusal_of(channel, row)


def _judged(row: Row | Broken, said: Said) -> Row | Broken:
    """Return the row; one whose parts don't add up, or whose unit was named before, is broken."""
    if isinstance(row, Broken):
        return row
    if row["RTS_ADA"] + row["RTS_TAMBAHAN"] != row["JUMLAH_RTS"]:
        return Broken(row.number, (Fault("JUMLAH_SALAH", "JUMLAH_RTS"),), row.values)
    unit = sls_label.sls_id(row["SLS"]) or row["SLS"]
    return doubled(Row(row.number, {**row.values, "ID": unit}), said, ("ID",), Fault("SLS_GANDA", "SLS"))


def _published(row: Row, sums: _Sums) -> tuple[ReferenceRow, list[tuple[str, str | None]]]:
    label, unit = row["SLS"], sls_label.sls_id(row["SLS"])
    codes: list[tuple[str, str | None]] = []
    if unit is None:
        codes.append(("LABEL_SLS_TIDAK_DIKENAL", "SLS"))
    elif sls_label.is_roman(label):
        sums.roman = True
    else:
        sums.arabic = True
    for column in _SUMS:
        sums.values[column] += row[column]
    cells = [ReferenceCell("SLS", label, label), ReferenceCell("ID_SLS", "", unit, computed=True)]
    cells += [ReferenceCell(column, str(row[column]), row[column]) for column in _SUMS]
    return ReferenceRow(f"{row.number:06}", tuple(cells)), codes


def _total(sums: _Sums, form: _Form, channel: Channel) -> Iterator[Item]:
    """Yield the total of the rows, marked computed; none while a row is refused or another total is printed."""
    at = sums.printed.number if sums.printed is not None else 0
    printed = {column: sums.printed[column] if sums.printed is not None else None for column in _SUMS}
    wrong = [column for column, value in printed.items() if value is not None and value != sums.values[column]]
    if not sums.complete:
        yield Noted(at, Fault("TOTAL_INCOMPLETE"))
    elif wrong:
        yield refused(channel, at, tuple(Fault("JUMLAH_SALAH", column) for column in wrong))
    else:
        if at:
            yield Noted(at, Fault("TOTAL_ROW"))
        yield form.table(*_computed(sums, printed))


def _computed(sums: _Sums, printed: Mapping[str, int | None]) -> tuple[ReferenceRow, list[tuple[str, str | None]]]:
    cells: list[ReferenceCell] = [ReferenceCell("SLS", "", "Total", computed=True)]
    for column in _SUMS:
        value: Value = sums.values[column]
        cells.append(ReferenceCell(column, "" if printed[column] is None else str(value), value, computed=True))
    codes: list[tuple[str, str | None]] = []
    codes += [("TOTAL_KOSONG", "SLS")] if all(value is None for value in printed.values()) else []
    codes += [("LABEL_SLS_CAMPUR", "SLS")] if sums.roman and sums.arabic else []
    return ReferenceRow("total", tuple(cells)), codes


def _form(table: Table, channel: Channel) -> _Form | Fault:
    parts = [table.above[level] for level in _LEVELS]
    codes = [code for _, code in parts]
    told = table.above["SISTEM_KODE"]
    system = told or ("BPS" if len(codes[2]) == _BPS_KECAMATAN else "KEMENDAGRI")
    region = region_of(system, ("" if system == "BPS" else ".").join(codes))
    if not regions.exists(region) or regions.level_of(region) is not regions.Level.DESA:
        return Fault("WILAYAH_TIDAK_ADA", "DESA")
    findings = [] if told else ["SISTEM_KODE_TIDAK_DICETAK"]
    findings += ["WILAYAH_NAMA_KODE_BEDA"] if _names_differ(region, [name for name, _ in parts]) else []
    findings += ["ISIAN_KOSONG"] if any(table.above[one] is None for one in _ISIAN) else []
    held, year = table.above["TANGGAL_FORUM"], table.above["TAHUN"]
    period = held.isoformat() if held else str(year or "")
    name = f"berita-acara/{region.code}/{channel.document}"
    return _Form(name, f"{channel.agency}/{channel.document}", period, region, tuple(findings))


def _names_differ(region: regions.Region, names: Sequence[str]) -> bool:
    above = (regions.province_of(region), regions.kabkota_of(region))
    return any(
        one is not None and regions.check(one, name) is not None for one, name in zip(above, names, strict=False)
    )


def _finding(table: str, row: str | None, code: str, column: str | None) -> Finding:
    fault = Fault(code, column or "")
    return Finding(table, row, column, code, fault.severity, fault.sentence("en"))
