"""Published tables as messages: one ReferenceRowPublished per row, as printed, with its source and what deviates.

Rows keep their key, so that publishing a table again changes nothing. It must not know Kafka.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from producers.outgoing import Outgoing
from producers.seeds.tables import ReferenceRow, ReferenceTable
from schemas import cloudevents, codec, records
from schemas.catalogue import REFERENCE_TOPIC

_ROWS: Final = uuid.UUID("0f6c2c1e-8f0e-4d0a-9b57-1f5b6f0a9d11")  # random once, fixed for ever
_SOURCE: Final = "/producers/seeds"


def rows(tables: Iterable[ReferenceTable]) -> Iterator[Outgoing]:
    """Yield a message for each row of each table, keyed by table and row."""
    for table in tables:
        for row in table.rows:
            record = _record(table, row)
            key = f"{table.name}/{row.key}"
            headers = cloudevents.headers(codec.name_of(record), uuid.uuid5(_ROWS, key).bytes, _SOURCE)
            yield Outgoing(REFERENCE_TOPIC, key.encode(), codec.encode(record), headers)


def _record(table: ReferenceTable, row: ReferenceRow) -> records.ReferenceRowPublished:
    found = [finding for finding in table.findings if finding.row in {row.key, None, ""}]
    region = table.region
    return records.ReferenceRowPublished(
        table=table.name,
        row=row.key,
        source=f"{table.source.seed}: {table.source.place}",
        period=table.period,
        unit=table.unit,
        region=None
        if region is None
        else records.Region(system=region.system, edition=region.edition, code=region.code),
        cells=tuple(
            records.ReferenceCell(
                column=cell.column,
                printed=cell.printed,
                value=None if cell.value is None else str(cell.value),
                computed=cell.computed,
                findings=tuple(one.code for one in found if one.column in {cell.column, None, ""}),
            )
            for cell in row.cells
        ),
    )
