"""Sources whose rows stand alone: each row, by itself, becomes its changes or a line of the report.

What a source adds is what its cells say together, and which changes a right row becomes. Must not know files or keys.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from producers.draft import Channel, Draft
from producers.messages import Fault
from producers.reading import Item, Reading, reading, refusal_of
from producers.tables import Broken, Checker, Row, Table, layout, open_table
from producers.tables.kinds import Formats
from producers.tables.seen import Said, doubled


@dataclass(frozen=True, slots=True)
class Flat:
    """A source of rows that stand alone.

    `judge` yields what a row's cells break together, those of them that could be read; `made` yields the changes of a
    right row. No two rows may say something of the same `key`; the rule that they break is `again`.
    """

    source: str
    key: tuple[str, ...]
    again: Fault
    judge: Callable[[Row | Broken], Iterable[Fault]]
    made: Callable[[Row, Channel], Iterable[Draft]]

    def read(self, path: Path, channel: Channel, formats: Formats | None = None) -> Reading:
        """Return what the file says on this channel; a fault of the whole file is one refused row, number 0."""
        opened = open_table(path, layout(self.source), formats)
        return reading(path, channel, opened, lambda table: self.items(table, channel))

    def items(self, table: Table, channel: Channel) -> Iterator[Item]:
        """Yield the changes and the refused rows of a table, in its order."""
        checker, said = Checker(table), Said()
        for number, cells in table.rows():
            row = doubled(self._judged(checker.check(number, cells)), said, self.key, self.again)
            if isinstance(row, Broken):
                yield refusal_of(channel, row)
            else:
                yield from self.made(row, channel)

    def _judged(self, row: Row | Broken) -> Row | Broken:
        faults = tuple(self.judge(row))
        rejecting = tuple(one for one in faults if one.severity == "reject")
        match row:
            case Broken():
                return Broken(row.number, (*row.faults, *rejecting), row.values)
            case Row() if rejecting:
                return Broken(row.number, rejecting, row.values)
            case Row():
                return Row(row.number, row.values, tuple(one.rule for one in faults))
