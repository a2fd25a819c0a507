"""Submissions as a CSV export: a table of visits, and a table of persons that names for each its visit.

ODK's KEY and PARENT_KEY and Kobo's _uuid and _submission__uuid join the two. Must not know questionnaires.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.ground_check import columns, names
from producers.ground_check.submission import Answers, Submission, instance_of
from producers.messages import Fault

_LARGEST: Final = 256 << 20
_PHOTOS: Final = "media"
_NOT_CHOSEN: Final = "0"


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    heads: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def cell(self, cells: Sequence[str], wanted: Iterable[str]) -> str:
        """Return the first cell that isn't blank under one of these heads."""
        found = (cells[self.heads.index(head)] for head in wanted if head in self.heads)
        return next((cell.strip() for cell in found if cell.strip()), "")

    @property
    def of_persons(self) -> bool:
        """Whether its rows are persons, each naming its visit."""
        return any(head in self.heads for head in columns.PARENT)


def read(paths: Sequence[Path]) -> Iterator[Submission]:
    """Yield the submissions of the tables of visits, with their persons, then each person whose visit isn't there."""
    tables = [_table(path) for path in paths]
    persons: dict[str, list[tuple[int, Answers, tuple[Fault, ...]]]] = defaultdict(list)
    for table in tables:
        if isinstance(table, _Table) and table.of_persons:
            for line, cells in table.rows:
                key = table.cell(cells, columns.PARENT)
                persons[instance_of(key) or key].append((line, *_answers(table, cells)))
    visits = [table for table in tables if isinstance(table, _Table) and not table.of_persons]
    yield from (Submission(0, faults=(table,)) for table in tables if isinstance(table, Fault))
    if len(visits) > 1:
        yield Submission(0, faults=(Fault("EXPORT_SEVERAL"),))
        return
    for table in visits:
        yield from _visits(table, persons)
    for lines in persons.values():
        for line, _, _ in lines:
            yield Submission(0, faults=(Fault("VISIT_MISSING", names.MEMBERS, {"row": line}),))


def _visits(table: _Table, persons: dict[str, list[tuple[int, Answers, tuple[Fault, ...]]]]) -> Iterator[Submission]:
    for line, cells in table.rows:
        printed = table.cell(cells, columns.INSTANCE)
        answers, wrong = _answers(table, cells)
        if names.QUESTIONNAIRE not in answers and (version := table.cell(cells, columns.VERSION)):
            answers = {**answers, names.QUESTIONNAIRE: version}
        found = persons.pop(instance_of(printed) or printed, []) if printed else []
        for number, (_, _, faults) in enumerate(found, 1):
            wrong += tuple(Fault(one.rule, f"{names.MEMBERS}[{number}]", one.figures) for one in faults)
        people = tuple(one for _, one, _ in found)
        yield Submission(line, instance_of(printed), answers, people, table.path.parent / _PHOTOS, wrong)


def _answers(table: _Table, cells: Sequence[str]) -> tuple[dict[str, str], tuple[Fault, ...]]:
    if len(cells) != len(table.heads):
        return {}, (Fault("ROW_SHORT", "", {"cells": len(cells), "columns": len(table.heads)}),)
    heads = [columns.question(head) if cell.strip() else "" for head, cell in zip(table.heads, cells, strict=True)]
    known = columns.known()
    told = [(head, cell.strip()) for head, cell in zip(heads, cells, strict=True) if head.split(":")[0] in known]
    counted = Counter(head for head, _ in told)
    found = dict(told)
    _joined(found)
    twice = (Fault("QUESTION_TWICE", head) for head, count in counted.items() if count > 1)
    return found, (*columns.faults(heads), *twice)


def _joined(found: dict[str, str]) -> None:
    """Make one answer of the columns that a point is written in, or a choice of several codes."""
    points: dict[str, list[str]] = defaultdict(lambda: [""] * 4)
    chosen: dict[str, list[str]] = defaultdict(list)
    for head in [head for head in found if ":" in head]:
        name, _, place = head.partition(":")
        text = found.pop(head)
        if name in columns.flags():
            chosen[name] += [place] * (text != _NOT_CHOSEN)
        else:
            points[name][int(place)] = text
    for name, parts in (points | chosen).items():
        if any(parts):
            found.setdefault(name, " ".join(filter(None, parts)))


def _table(path: Path) -> _Table | Fault:
    if path.stat().st_size > _LARGEST:
        return Fault("SUBMISSION_TOO_LARGE", "", {"most": _LARGEST})
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return Fault("ENCODING")
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        rows.extend((reader.line_num, tuple(cells)) for cells in reader if any(map(str.strip, cells)))
    except csv.Error:
        return Fault("TRUNCATED", "", {"row": reader.line_num})
    if not rows:
        return Fault("EMPTY")
    heads = tuple(head.strip() for head in rows[0][1])
    if len(rows) == 1:
        return Fault("EMPTY_BELOW") if not any(head in heads for head in columns.PARENT) else _Table(path, heads, ())
    return _Table(path, heads, tuple(rows[1:]))
