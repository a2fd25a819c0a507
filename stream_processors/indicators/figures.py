"""Indicators computed from counts: shares, ratios and counts, exact, with what each figure needs to be read.

Pure: cells in, figures out. A denominator of zero gives no value, never 0. Must not know where cells come from.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from schemas.regions import KEMENDAGRI_EDITION
from stream_processors.indicators import small_cells
from stream_processors.indicators.counts import Cell
from stream_processors.indicators.definitions import DERIVED, region_at
from stream_processors.indicators.figure_file import Definition, Definitions, Term

CODE_SYSTEM: Final = f"KEMENDAGRI {KEMENDAGRI_EDITION}"
NOT_AVAILABLE: Final = "n/a"
SUPPRESSED: Final = "<suppressed>"
_WHOLE: Final = Fraction(100)
_YEAR: Final = 4
_PERIODS: Final = {"tahunan": 4, "bulanan": 7}  # how much of an ISO day names the period
Cells = Mapping[Cell, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with what it needs to be read; `value` is exact, None where there is none (`why` then says why).

    A suppressed figure tells neither value nor numerator nor denominator.
    """

    indicator: str
    region: str
    category: str
    label: str
    value: Fraction | None
    numerator: int | None
    denominator: int | None
    unit: str
    counted: str
    level: str
    code_system: str
    period: str
    version: str
    why: str = ""

    def shown(self, decimals: int = 2) -> str:
        """Return the value as printed, or n/a, or that it is suppressed."""
        if self.value is None:
            return SUPPRESSED if self.why == SUPPRESSED else NOT_AVAILABLE
        if self.value.denominator == 1 and self.unit != "persen":
            return str(self.value.numerator)
        return f"{Decimal(self.value.numerator) / self.value.denominator:.{decimals}f}"


def computed(
    definitions: Definitions, wanted: Collection[str], cells: Cells, day: str, *, public: bool
) -> tuple[Figure, ...]:
    """Return the figures of the wanted indicators of the period that a day (ISO) is in, for every region counted.

    `cells` are all cells of the counts concerned, whatever regions are shown afterwards: what is small is judged of the
    whole table. Of what is public, small figures are suppressed, and those that would give them away.
    """
    cells = {**cells, **_derived(cells)}
    of_shares = {one.numerator.count for one in definitions.figures if one.kind == "share" and one.id in wanted}
    tables = {cell: total for cell, total in cells.items() if cell.indicator in of_shares}
    hidden = small_cells.hidden(tables, definitions.threshold) if public else small_cells.NOTHING
    return tuple(
        figure
        for one in definitions.figures
        if one.id in wanted
        for figure in _figures(
            one, _Sums(cells, one, int(day[:_YEAR])), (definitions.version, day[: _PERIODS[one.period]]), hidden
        )
    )


def _derived(cells: Cells) -> dict[Cell, int]:
    """Return the cells of the counts that follow from these."""
    found: defaultdict[Cell, int] = defaultdict(int)
    for one in DERIVED:
        for cell, total in cells.items():
            if cell.indicator == one.of.name:
                found[Cell(one.name, cell.region, one.class_of(cell.category))] += total
    return dict(found)


class _Sums:
    """What the cells come to at the level of one indicator: of each term, by region and class."""

    def __init__(self, cells: Cells, one: Definition, year: int) -> None:
        self.cells, self.definition, self.year = cells, one, year
        named = {term.count for term in one.terms}
        self.regions = sorted({region_at(cell.region, one.level) for cell in cells if cell.indicator in named})

    def by_class(self, term: Term, region: str) -> dict[str, int]:
        """Return the sums of a term's classes within a region."""
        found: defaultdict[str, int] = defaultdict(int)
        for cell, total in self.of(term, region):
            found[cell.category] += total
        return dict(found)

    def of(self, term: Term, region: str) -> Iterator[tuple[Cell, int]]:
        """Yield the cells of a term within a region."""
        for cell, total in self.cells.items():
            here = cell.indicator == term.count and region_at(cell.region, self.definition.level) == region
            if here and term.holds(cell.category, self.year):
                yield cell, total


def _figures(one: Definition, sums: _Sums, told: tuple[str, str], hidden: small_cells.Hidden) -> Iterator[Figure]:
    if one.not_counted:
        yield _figure(one, "", "", (None, None), told, one.not_counted)
        return
    for region in sums.regions:
        parts = sums.by_class(one.numerator, region)
        if one.kind == "share":
            whole = sum(parts.values())
            total_hidden = hidden.of(one.numerator.count, region, one.level, small_cells.TOTAL)
            for category in sorted({*one.classes, *parts}):
                concealed = total_hidden or hidden.of(one.numerator.count, region, one.level, category)
                of = (parts.get(category, 0), whole)
                yield _figure(one, region, category, of, told, SUPPRESSED if concealed else "")
        else:
            numerator, denominator = sum(parts.values()), None
            small = hidden.is_small(numerator)
            if one.denominator is not None:
                denominator = sum(sums.by_class(one.denominator, region).values())
                small = small or hidden.is_small(denominator) or hidden.is_small(denominator - numerator)
            yield _figure(one, region, "", (numerator, denominator), told, SUPPRESSED if small else "")


def _figure(  # noqa: PLR0913, PLR0917  what a figure says
    one: Definition,
    region: str,
    category: str,
    of: tuple[int | None, int | None],
    told: tuple[str, str],
    why: str,
) -> Figure:
    numerator, denominator = of if not why else (None, None)
    value: Fraction | None = None
    if numerator is not None and one.kind == "count":
        value = Fraction(numerator)
    elif numerator is not None and denominator:
        value = _WHOLE * numerator / denominator
    elif not why:
        why = "the denominator is zero"
    version, period = told
    label = one.classes.get(category, "")
    about = (one.unit, one.counted, one.level, CODE_SYSTEM, period, version)
    return Figure(one.id, region, category, label, value, numerator, denominator, *about, why)


def needed(definitions: Definitions, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the counts that the wanted indicators are computed from, those counted that derived ones follow from."""
    named, follows = set(wanted), {one.name: one.of.name for one in DERIVED}
    terms = (term for one in definitions.figures if one.id in named for term in one.terms)
    return tuple(dict.fromkeys(follows.get(term.count, term.count) for term in terms if term.count))
