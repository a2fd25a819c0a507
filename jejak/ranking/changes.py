"""A run's output as changes: one FamilyRanked for each family, as the statistics office says it.

The same run gives the same changes in the same order, with the same ids. Knows the output's files; must not know how
changes are sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from identity import references
from identity.references import ReferenceKey
from jejak.ranking import columns
from jejak.ranking.run import Asked, Folder
from producers.outgoing import Outgoing
from schemas import cloudevents, codec
from schemas.catalogue import CHANGES_TOPIC
from schemas.records import FamilyRanked, Header
from stream_processors.ranking.model import Model
from stream_processors.registry.ranking import NATIONAL

AGENCY: Final = "bps"
_RECORD: Final = f"jejak.{FamilyRanked.__name__}"
_SLICE: Final = 20_000
_BELUM_ADA_DESIL: Final = 0
_RANKED: Final = ("family_id", "sequence", "decile", "percentile", "local_percentile", "score")


@dataclass(frozen=True, slots=True)
class Row:
    """One family of the output: its place, or why it has none."""

    family_id: str
    sequence: int
    decile: int | None = None
    percentile: int | None = None
    local_percentile: int | None = None
    score: int | None = None
    reason: str | None = None


def rows(folder: Folder, asked: Asked, *, changed_only: bool) -> Iterator[Row]:
    """Yield the output's families: the ranked from the lowest score up, then the others by partition and id.

    With `changed_only` those whose decile is another than before the run, or that no run ever spoke of.
    """
    for frame in _ranked(folder):
        kept = frame.filter(pl.col("decile") != pl.col("before")) if changed_only else frame
        yield from (Row(*values) for values in kept.select(_RANKED).iter_rows())
    for number in range(len(asked.states)):
        frame = columns.read(folder.unranked(number))
        kept = frame.filter(pl.col("before") != _BELUM_ADA_DESIL) if changed_only else frame
        for family_id, sequence, reason in kept.select("family_id", "sequence", "reason").iter_rows():
            yield Row(family_id, sequence, reason=reason)


def _ranked(folder: Folder) -> Iterable[pl.DataFrame]:
    number = 0
    while folder.output(number).exists():
        yield from columns.read(folder.output(number)).iter_slices(_SLICE)
        number += 1


def document(run_id: str) -> str:
    """Return the document that a run's changes stand in."""
    return f"ranking/{run_id}"


def maker(asked: Asked, model: Model, key: ReferenceKey, actor: str) -> Callable[[Sequence[Row]], Sequence[Outgoing]]:
    """Return what makes changes of rows; `actor` is the pseudonym of the officer who published the run."""

    def change(row: Row) -> Outgoing:
        digest = references.content_digest(key, {**_said(asked), **_placed(row)})
        record_key = f"{FamilyRanked.__name__}/{row.family_id}"
        change_id = references.change_id(AGENCY, document(asked.run_id), record_key, digest).bytes
        header = Header(
            sequence=0,
            recorded_at=0,
            occurred_at=asked.as_of,
            change_id=change_id,
            family_id=row.family_id,
            agency=AGENCY,
            actor=actor,
            document=document(asked.run_id),
        )
        record = FamilyRanked(
            header=header,
            run_id=asked.run_id,
            decile=row.decile,
            percentile=row.percentile,
            unranked_reason=row.reason,
            basis=asked.basis,
            scope=NATIONAL,
            model_version=model.version,
            dpia_id=model.dpia_id,
            local_percentile=row.local_percentile,
            score=row.score,
            input_sequence=row.sequence,
        )
        headers = cloudevents.headers(_RECORD, change_id, f"/agencies/{AGENCY}")
        return Outgoing(CHANGES_TOPIC, row.family_id.encode(), codec.encode(record), headers, change_id)

    return lambda given: [change(row) for row in given]


def _said(asked: Asked) -> dict[str, str | int | None]:
    return {"run": asked.run_id, "at": asked.as_of, "basis": asked.basis, "model": asked.model_digest}


def _placed(row: Row) -> dict[str, str | int | None]:
    place = {"decile": row.decile, "percentile": row.percentile, "local": row.local_percentile, "score": row.score}
    return {**place, "reason": row.reason, "input": row.sequence}
