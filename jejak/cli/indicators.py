"""`jejak indicators`: counts and figures, what they mean, and the printed figures they are held to.

Without one of its words it shows counts. Sums name nobody and pass no door.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from consumers.replay.figures import FiguresRefused
from consumers.replay.moments import Moments
from jejak import composition, indicators, reading
from jejak.cli import definitions, output, times
from jejak.cli.read import withheld
from jejak.cli.stack import Json
from jejak.cli.times import AsOf, KnownAt
from jejak.settings import Settings
from producers.seeds import acceptance as seeds
from stream_processors.indicators import figure_file, figures
from stream_processors.registry import calendar

DIFFERENT: Final = 1
_SHOW: Final = "show"


class _OrShow(TyperGroup):
    """A group whose first word may be left out where it is `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before arguments that begin with none of the group's words."""
        first = args[0] if args else ""
        return super().parse_args(ctx, args if first in {*self.commands, "--help"} else [_SHOW, *args])


app = typer.Typer(
    cls=_OrShow,
    help="Counts, and the figures computed from them. `define` lists both and says what they mean; `show` may be "
    "left out: jejak indicators families_by_decile.",
)
app.command("define")(definitions.define)


@app.command(_SHOW)
def show(
    name: Annotated[str | None, typer.Argument(help="One count; all by default.")] = None,
    region: Annotated[str, typer.Option(help="Kemendagri code; everywhere by default.")] = "",
    as_of: AsOf = "",
    known_at: KnownAt = "",
    json: Json = False,
) -> None:
    """Show counts, running or of another time, summed over partitions; they name no person and pass no door."""
    at = times.asked_at(as_of, known_at)
    known = reading.indicator_names()
    if name and name not in known:
        words = "show, figures, define and acceptance"
        raise typer.BadParameter(
            f"{name} is no count, and none of the words {words}; the counts are {', '.join(known)}"
        )
    names = (name,) if name else known
    if not at.is_now:
        _then(names, region, at, json=json)
        return
    with composition.connected(Settings()) as registry:
        cells = {one: reading.indicator_cells(registry, one, region) for one in names}
    if json:
        output.as_json({one: [asdict(cell) for cell in found] for one, found in cells.items()})
        return
    for one, found in cells.items():
        rows = [(cell.region, cell.category, cell.sum, cell.unit) for cell in sorted(found, key=_as_people_count)]
        output.table(one, ("region", "class", "sum", "unit"), rows)


def _as_people_count(cell: Any) -> tuple[str, int, str]:
    """Order cells by region and class, 10 after 9."""
    return cell.region, int(cell.category) if cell.category.isdecimal() else 0, cell.category


def _then(names: tuple[str, ...], region: str, asked_at: Moments, *, json: bool) -> None:
    """Show counts of another time, with the times they are true for: known within a day is the day before's end."""
    with composition.connected(Settings()) as registry:
        found = reading.indicator_figures(registry, names, region, asked_at)
    if isinstance(found, FiguresRefused):
        raise withheld(found.code)
    if json:
        cells = {one: [cell._asdict() for cell in cells] for one, cells in found.cells.items()}
        output.as_json({**times.told(found.moments), "indicators": cells})
        return
    for one, cells_then in found.cells.items():
        rows = sorted(cells_then, key=_as_people_count)
        output.table(times.titled(one, found.moments), ("region", "class", "unit", "sum"), rows)


@app.command("acceptance")
def acceptance(
    all_figures: Annotated[
        bool, typer.Option("--all", help="Also figures that nothing in the documents gives.")
    ] = False,
    json: Json = False,
) -> None:
    """Hold each printed figure of the five seed documents to its rows; exit code 1 where one differs unforetold."""
    found = seeds.compared()
    if json:
        output.as_json({"holds": found.holds, **asdict(found)})
    else:
        _tables(found, all_figures=all_figures)
    if not found.holds:
        raise typer.Exit(DIFFERENT)


def _tables(found: seeds.Acceptance, *, all_figures: bool) -> None:
    heads = ("table", "row", "column", "unit", "printed", "computed", "verdict", "how")
    shown = [one for one in found.figures if all_figures or one.verdict != "basis"]
    output.table("Printed figures", heads, [tuple(asdict(one).values()) for one in shown])
    deviations = [tuple(asdict(one).values()) for one in found.deviations]
    output.table("Deviations, reported and never repaired", ("document", "code", "known", "found"), deviations)
    output.OUT.print("; ".join(f"{number} {verdict}" for verdict, number in _tally(found.figures)))


def _tally(figures: Iterable[seeds.Compared]) -> list[tuple[str, int]]:
    verdicts = [one.verdict for one in figures]
    return [(verdict, verdicts.count(verdict)) for verdict in dict.fromkeys(verdicts)]


@app.command("figures")
def figures_(
    names: Annotated[list[str] | None, typer.Argument(help="Indicators by id; all by default.")] = None,
    region: Annotated[str, typer.Option(help="Kemendagri code; everywhere by default.")] = "",
    public: Annotated[
        bool,
        typer.Option(
            help="As published: small numbers, and what gives them away, are left out. Without it for officers alone."
        ),
    ] = False,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    json: Json = False,
) -> None:
    """Show indicators computed from counts, running or of another time, each with unit, level, period and version.

    n/a is a figure without a denominator, or of what nothing in the registry tells; the last column says which.
    """
    defined = figure_file.shipped()
    wanted = names or [one.id for one in defined.figures]
    if unknown := [one for one in wanted if defined.named(one) is None]:
        raise typer.BadParameter(f"no indicator {', '.join(unknown)}; `jejak indicators define` lists them")
    at = times.asked_at(as_of, known_at)
    with composition.connected(Settings()) as registry:
        told = indicators.cells(registry, figures.needed(defined, wanted), at)
    if isinstance(told, FiguresRefused):
        raise withheld(told.code)
    cells, moments = told
    found = [
        one
        for one in figures.computed(defined, wanted, cells, _day(moments), public=public)
        if not region or not one.region or one.region == region or one.region.startswith(f"{region}.")
    ]
    if json:
        output.as_json({**times.told(moments), "figures": [_told(one) for one in found]})
        return
    heads = ("indicator", "region", "class", "value", "unit", "of", "level", "period", "why not")
    rows = [
        (
            one.indicator,
            one.region,
            f"{one.category} {one.label}".strip(),
            one.shown(),
            one.unit,
            one.counted,
            one.level,
            one.period,
            _why(one, defined.threshold),
        )
        for one in found
    ]
    output.table(times.titled(f"Figures, {figures.CODE_SYSTEM}, definitions {defined.version}", moments), heads, rows)
    if not rows:
        output.OUT.print(f"nothing is counted yet{f' in {region}' if region else ''}: no figure of {', '.join(wanted)}")


def _why(one: figures.Figure, threshold: int) -> str:
    """Return why a figure has no value, in words; nothing where it has one."""
    if one.value is not None:
        return ""
    return f"below {threshold}, or it would give such a number away" if one.why == figures.SUPPRESSED else one.why


def _day(at: Moments) -> str:
    """Return the day (WIB) that figures are of: of what was true, else of what was known, else today."""
    moment = at.as_of if at.as_of is not None else at.known_at
    return (calendar.moment(moment) if moment is not None else datetime.now(calendar.WIB)).date().isoformat()


def _told(one: figures.Figure) -> dict[str, Any]:
    return {**asdict(one), "value": one.shown()}
