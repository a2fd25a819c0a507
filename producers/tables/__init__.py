"""Files as tables: how they are written, their head, their rows, and each cell against its column's kind.

One reading layer for every source. It must not know what a row means, who sent it, or where it goes.
"""

from producers.tables.layout import Column, Layout, layout
from producers.tables.opening import FileFault, Table, open_table
from producers.tables.rows import Broken, Checker, Row
from producers.tables.written import Dialect, NotText

__all__ = [
    "Broken",
    "Checker",
    "Column",
    "Dialect",
    "FileFault",
    "Layout",
    "NotText",
    "Row",
    "Table",
    "layout",
    "open_table",
]
