"""Files of families and members in the layout of docs/sik-ng.md, CSV or XLSX."""

from producers.sik_ng.reader import Reading, channel_for, read
from producers.sik_ng.table import Dialect

__all__ = ["Dialect", "Reading", "channel_for", "read"]
