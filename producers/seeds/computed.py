"""Adding values of ours to a printed table, always marked as computed.

Must not know any document nor judge what is printed.
"""

from collections.abc import Callable
from dataclasses import replace

from producers.seeds.tables import ReferenceCell, ReferenceColumn, ReferenceRow, ReferenceTable, Value


def with_column(table: ReferenceTable, name: str, unit: str, value: Callable[[ReferenceRow], Value]) -> ReferenceTable:
    """Return the table with a computed column of the given unit added on the right."""
    rows = tuple(
        replace(row, cells=(*row.cells, ReferenceCell(name, "", value(row), computed=True))) for row in table.rows
    )
    return replace(table, columns=(*table.columns, ReferenceColumn(name, "", unit)), rows=rows)


def with_row(table: ReferenceTable, key: str, values: dict[str, Value]) -> ReferenceTable:
    """Return the table with a computed row added at the end; columns without a value are empty."""
    cells = tuple(ReferenceCell(c.name, "", values.get(c.name), computed=True) for c in table.columns)
    return replace(table, rows=(*table.rows, ReferenceRow(key, cells)))


def with_values(table: ReferenceTable, key: str, values: dict[str, Value]) -> ReferenceTable:
    """Return the table with computed values in the named row's blank cells; what is printed there stays as printed."""
    return replace(table, rows=tuple(_filled(row, values) if row.key == key else row for row in table.rows))


def _filled(row: ReferenceRow, values: dict[str, Value]) -> ReferenceRow:
    cells = tuple(
        replace(cell, value=values[cell.column], computed=True) if cell.column in values and not cell.printed else cell
        for cell in row.cells
    )
    return replace(row, cells=cells)
