"""What a printed table is once read: printed text beside value, with its source and what is wrong with it.

Plain values; must not know files, formats or rules. The printed text is never changed: a value that could not be read,
or that contradicts another, stays as printed and has a finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from schemas.regions import Region

Severity = Literal["reject", "warn", "flag"]
Value = str | int | Decimal | None

WITHHELD: Final = "(nama orang, tidak disalin)"
"""Stands where a form prints a person's name: the name is not copied, the fact that there is one is."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table is printed: the document's file and the heading within it."""

    seed: str
    place: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation of a printed table; row and column are None when it concerns all of them."""

    table: str
    row: str | None
    column: str | None
    code: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column's name here, its printed head (empty where none is printed) and the unit of its numbers."""

    name: str
    printed_head: str
    unit: str


@dataclass(frozen=True, slots=True)
class ReferenceCell:
    """A printed text and the value read from it; a computed cell's value is ours, whatever is printed there."""

    column: str
    printed: str
    value: Value
    computed: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """A row under a key that is unique in its table."""

    key: str
    cells: tuple[ReferenceCell, ...]

    def cell(self, column: str) -> ReferenceCell:
        """Return the cell of a column; a column that the table lacks is a fault."""
        for cell in self.cells:
            if cell.column == column:
                return cell
        raise LookupError(f"row {self.key} has no column {column}")

    def text(self, column: str) -> str:
        """Return the cell's value as text, empty when it has none."""
        value = self.cell(column).value
        return "" if value is None else str(value)

    def number(self, column: str) -> int | Decimal | None:
        """Return the cell's number, None when it is blank, unread or a text."""
        value = self.cell(column).value
        return None if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """One printed table: source, period (ISO year, month or day), region when it has one, unit, rows, findings."""

    name: str
    source: Source
    period: str
    region: Region | None
    unit: str
    columns: tuple[ReferenceColumn, ...]
    rows: tuple[ReferenceRow, ...]
    findings: tuple[Finding, ...] = field(default=())

    def row(self, key: str) -> ReferenceRow:
        """Return the row with this key; a key that the table lacks is a fault."""
        for row in self.rows:
            if row.key == key:
                return row
        raise LookupError(f"table {self.name} has no row {key}")

    def numbers(self, column: str) -> Iterator[int | Decimal]:
        """Yield the numbers printed in a column, without blank and computed cells."""
        for row in self.rows:
            number = row.number(column)
            if number is not None and not row.cell(column).computed:
                yield number

    def finding(
        self, code: str, severity: Severity, message: str, *, row: str | None = None, column: str | None = None
    ) -> Finding:
        """Return a finding about this table."""
        return Finding(self.name, row, column, code, severity, message)


Document = Mapping[str, ReferenceTable]
"""The tables of one source document by their short names."""
