"""Files of families and members in the layout of docs/importing.md, CSV or a workbook."""

from producers.reading import Reading
from producers.sik_ng.reader import channel_for, read
from producers.tables import Dialect

__all__ = ["Dialect", "Reading", "channel_for", "read"]
