"""`jejak publish SOURCE FILE`: one command a source, all with the same options.

Each checks the file and publishes it, or with `--check` tells everything that is wrong with it and publishes nothing.
"""

import csv
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from consumers.gateway.nik_filter import looks_like_nik
from jejak import composition, publishing
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings
from producers import matching as matches
from producers import report as reports
from producers.draft import Channel
from producers.matching import Matching
from producers.publish import Published
from producers.reading import Item, Reading, digest_of
from producers.report import Line, Tally
from producers.sources import SOURCES, Source
from producers.tables import Layout
from producers.tables.dates import SHOWN
from producers.tables.kinds import NUMBER_FORMATS, Formats

if TYPE_CHECKING:
    from producers.seeds.printed import NumberFormat

REFUSED = 3
_SHOWN_LINES = 50
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or XLS: docs/importing.md.")]
Agency = Annotated[str, typer.Option(help="The agency whose channel this is, as dinsos/35.71.")]
Actor = Annotated[str, typer.Option(help="Pseudonym of the officer who sends it.")]
Document = Annotated[str, typer.Option(help="The agency's own number of the file; a corrected file keeps it.")]
Report = Annotated[Path | None, typer.Option(help="Write every error and warning here as CSV.")]
Signed = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="The signed document behind it; its SHA-256 names the document."),
]
Check = Annotated[bool, typer.Option("--check", "--dry-run", help="Tell all errors at once; publish nothing.")]
Out = Annotated[Path | None, typer.Option(help="Write the file back as XLSX, each error a comment on its cell.")]
Against = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="A file sent earlier: tell what is new, known, changed."),
]
MatchReport = Annotated[Path | None, typer.Option(help="Write the match of each row here as CSV; with --against.")]
AskedFile = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="dukcapil: the sik-ng file that was sent for matching; names compared."
    ),
]
Dates = Annotated[str, typer.Option(help=f"How this table writes dates: {', '.join(SHOWN)}; several by commas.")]
Numbers = Annotated[str, typer.Option(help=f"How this table writes numbers: {', '.join(NUMBER_FORMATS)}.")]


@dataclass(slots=True)
class Told:
    """What was told of a document while it was read: its rows counted, its lines."""

    row_records: frozenset[str]
    tally: Tally = field(default_factory=Tally)
    lines: list[Line] = field(default_factory=list)

    def take(self, item: Item) -> None:
        """Count an item and keep its lines."""
        self.tally.add(item, self.row_records)
        self.lines.extend(reports.lines(item))


def register(app: typer.Typer) -> None:
    """Add a command for each source."""
    for source in SOURCES.values():
        app.command(source.name, help=source.help)(_command(source))


def watching() -> Callable[[Published], None]:
    """Return what shows the progress of a document, on a terminal only."""
    show = output.progress()
    return lambda done: show(f"  {done.sent + done.skipped:,} changes acknowledged, {done.refused:,} rows refused")


def shown(value: dict[str, object], published: Published, json: bool) -> None:
    """Print what became of a document."""
    if json:
        output.as_json(value)
    else:
        output.OUT.print(f"sent {published.sent:,}, sent before {published.skipped:,}, refused {published.refused:,}")


def _command(source: Source) -> Callable[..., None]:
    def command(
        file: File,
        agency: Agency = source.agency or ...,  # type: ignore[assignment]  # Typer's word for an option that is due
        actor: Actor = "operator",
        document: Document = "",
        signed: Signed = None,
        check: Check = False,
        report: Report = None,
        out: Out = None,
        against: Against = None,
        match_report: MatchReport = None,
        asked: AskedFile = None,
        dates: Dates = "",
        numbers: Numbers = "",
        json: Json = False,
    ) -> None:
        _in_clear(agency, actor, document)
        channel = source.channel(file, agency, actor, _signed(source, signed) or document)
        reading = _reading(source, file, channel, formats(source.layout, dates, numbers), asked)
        told = Told(source.row_records)
        matched = _matched(source, reading, against, match_report)
        published = _checked(reading, told) if check else _published(reading, agency, told)
        told.lines.sort(key=lambda line: line.row)
        _write(source.layout, reading, told.lines, report, out)
        _show(published, told, matched, check, json)

    return command


def _reading(source: Source, file: Path, channel: Channel, used: Formats, asked: Path | None) -> Reading:
    if asked is None:
        return source.read(file, channel, used)
    if source.beside is None:
        raise typer.BadParameter("--asked goes with an answer of the civil registry")
    return source.beside(file, channel, used, asked)


def _signed(source: Source, path: Path | None) -> str:
    """Return the digest of the signed document, empty where none is due; one that is due and missing is wrong usage."""
    if path is None and source.signed:
        raise typer.BadParameter("this file rests on signed minutes: hand them in with --signed, as a scan")
    return "" if path is None else digest_of(path)


def formats(layout: Layout, dates: str, numbers: str) -> Formats:
    """Return the formats of one table: the layout's, unless the command sets them; an unknown one is wrong usage."""
    wanted = tuple(dates.split(",")) if dates else layout.dates
    if unknown := [one for one in wanted if one not in SHOWN]:
        raise typer.BadParameter(f"no format of dates named {', '.join(unknown)}")
    if numbers and numbers not in NUMBER_FORMATS:
        raise typer.BadParameter(f"no format of numbers named {numbers}")
    return Formats(wanted, cast("NumberFormat", numbers or layout.numbers))


def _in_clear(*said: str) -> None:
    if any(looks_like_nik(one) for one in said):
        raise typer.BadParameter("agency, actor and document travel in clear: none of them is a number of a person")


def _checked(reading: Reading, told: Told) -> Published:
    for item in reading:
        told.take(item)
    return Published(sent=0, refused=told.tally.refused)


def _published(reading: Reading, agency: str, told: Told) -> Published:
    with composition.connected(Settings()) as registry:
        return publishing.file(registry, reading, agency, watching(), told.take)


def _write(layout: Layout, reading: Reading, lines: list[Line], report: Path | None, out: Path | None) -> None:
    if report is not None:
        with report.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, reports.FIELDS)
            writer.writeheader()
            writer.writerows(line.as_row() for line in lines)
    if out is not None:
        from producers import corrected  # noqa: PLC0415  loads a library that only this option needs

        corrected.write(out, layout, reading.table, lines)


def _matched(source: Source, reading: Reading, against: Path | None, to: Path | None) -> dict[str, int]:
    """Return how the file stands beside an earlier one, counted; nothing where none is named."""
    if against is None:
        return {}
    matching = Matching()
    earlier = source.read(against, source.channel(against, "", ""), None)
    rows = matching.matches(earlier, reading)
    if to is None:
        deque(rows, maxlen=0)
    else:
        with to.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(matches.FIELDS)
            writer.writerows((one.row, one.record, one.match, one.earlier_row or "") for one in rows)
    return {**dict(sorted(matching.counts.items())), "gone": matching.gone}


def _show(published: Published, told: Told, matched: dict[str, int], check: bool, json: bool) -> None:
    faults = [line.as_row() for line in told.lines if line.severity == "reject"]
    others = [line.as_row() for line in told.lines if line.severity != "reject"]
    value: dict[str, Any] = {**asdict(published), "rows": faults, "warnings": others}
    if check:
        value["tally"] = asdict(told.tally)
    if matched:
        value["match"] = matched
    shown(value, published, json)
    if not json:
        _say(told, check)
        if matched:
            output.OUT.print(", ".join(f"{name} {count:,}" for name, count in matched.items()))
    if published.refused:
        raise typer.Exit(REFUSED)


def _say(told: Told, check: bool) -> None:
    if check:
        tally = told.tally
        output.OUT.print(f"rows right {tally.accepted:,}, refused {tally.refused:,}, no data {tally.noted:,}")
    if sys.stderr.isatty() or check:
        for line in told.lines[:_SHOWN_LINES]:
            output.say(f"row {line.row} {line.column}: {line.rule}: {line.penjelasan} / {line.explanation}")
    if len(told.lines) > _SHOWN_LINES:
        output.say(f"and {len(told.lines) - _SHOWN_LINES:,} more: write them with --report or --out")
