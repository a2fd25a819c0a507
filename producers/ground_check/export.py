"""Submissions as an export: a table of visits, and a table of persons that names for each its visit.

ODK's KEY and PARENT_KEY and Kobo's _uuid and _submission__uuid join the two. Must not know questionnaires.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from producers.ground_check import columns, export_table, names
from producers.ground_check.export_table import Table
from producers.ground_check.submission import Answers, Submission, instance_of
from producers.messages import Fault
from producers.tables.written import Cell

_PHOTOS: Final = "media"
_NOT_CHOSEN: Final = "0"


def read(paths: Sequence[Path]) -> Iterator[Submission]:
    """Yield the submissions of the tables of visits, with their persons, then each person whose visit isn't there."""
    tables = [table for path in paths for table in export_table.tables(path)]
    persons: dict[str, list[tuple[int, Answers, tuple[Fault, ...]]]] = defaultdict(list)
    for table in tables:
        if isinstance(table, Table) and table.of_persons:
            for line, cells in table.rows:
                key = table.cell(cells, columns.PARENT)
                persons[instance_of(key) or key].append((line, *_answers(table, cells)))
    visits = [table for table in tables if isinstance(table, Table) and not table.of_persons]
    yield from (Submission(0, faults=(table,)) for table in tables if isinstance(table, Fault))
    if len(visits) > 1:
        yield Submission(0, faults=(Fault("EXPORT_SEVERAL"),))
        return
    for table in visits:
        yield from _visits(table, persons)
    for lines in persons.values():
        for line, _, _ in lines:
            yield Submission(0, faults=(Fault("VISIT_MISSING", names.MEMBERS, {"row": line}),))


def _visits(table: Table, persons: dict[str, list[tuple[int, Answers, tuple[Fault, ...]]]]) -> Iterator[Submission]:
    for line, cells in table.rows:
        printed = table.cell(cells, columns.INSTANCE)
        answers, wrong = _answers(table, cells)
        if names.QUESTIONNAIRE not in answers and (version := table.cell(cells, columns.VERSION)):
            answers = {**answers, names.QUESTIONNAIRE: version}
        found = persons.pop(instance_of(printed) or printed, []) if printed else []
        for number, (_, _, faults) in enumerate(found, 1):
            wrong += tuple(Fault(one.rule, _within(number, one.column), one.figures) for one in faults)
        people = tuple(one for _, one, _ in found)
        yield Submission(line, instance_of(printed), answers, people, table.path.parent / _PHOTOS, wrong)


def _within(number: int, name: str) -> str:
    return f"{names.MEMBERS}[{number}]/{name}".rstrip("/")


def _answers(table: Table, cells: Sequence[Cell]) -> tuple[dict[str, str], tuple[Fault, ...]]:
    texts = _padded(table, cells)
    if len(texts) != len(table.heads):
        return {}, (Fault("ROW_SHORT", "", {"cells": len(texts), "columns": len(table.heads)}),)
    known = columns.known()
    told: list[tuple[str, str]] = []
    wrong: list[Fault] = []
    heads = [columns.question(head) if _filled(cell) else "" for head, cell in zip(table.heads, texts, strict=True)]
    for head, cell in zip(heads, texts, strict=True):
        name = head.split(":")[0]
        if name in known and isinstance(cell, str):
            told.append((head, cell.strip()))
        elif name in known and not isinstance(cell, str):
            wrong.append(Fault(cell.rule, name))
    counted = Counter(head for head, _ in told)
    found = dict(told)
    _joined(found)
    twice = (Fault("QUESTION_TWICE", head) for head, count in counted.items() if count > 1)
    return found, (*columns.faults(heads), *wrong, *twice)


def _padded(table: Table, cells: Sequence[Cell]) -> Sequence[Cell]:
    """Return a sheet's row as wide as its head: it ends where its last cell does, or goes on blank."""
    if table.path.suffix.lower() != export_table.WORKBOOK:
        return cells
    width = len(table.heads)
    if any(map(_filled, cells[width:])):
        return cells
    return [*cells[:width], *[""] * (width - len(cells))]


def _filled(cell: Cell) -> bool:
    return not isinstance(cell, str) or bool(cell.strip())


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
