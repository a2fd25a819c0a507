"""`jejak publish ...` and `jejak simulate`: put changes, tables and rule sets on Kafka."""

import csv
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from consumers.gateway.nik_filter import looks_like_nik
from jejak import composition, publishing
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings
from producers import sik_ng
from producers.draft import RowRefused
from producers.publish import Published
from producers.simulation.nation import Nation
from producers.simulation.stream import expected, simulate

REFUSED = 3
app = typer.Typer(no_args_is_help=True, help="Publish a document; the same one twice adds nothing.")
Dry = Annotated[bool, typer.Option("--dry-run", help="Read and check; publish nothing.")]


def watching() -> Callable[[Published], None]:
    """Return what shows the progress of a document, on a terminal only."""
    show = output.progress()
    return lambda done: show(f"  {done.sent + done.skipped:,} changes acknowledged, {done.refused:,} rows refused")


@app.command("sik-ng")
def sik_ng_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or XLSX, laid out as docs/sik-ng.md.")],
    agency: Annotated[str, typer.Option(help="The agency whose channel this is, as dinsos/35.71.")],
    actor: Annotated[str, typer.Option(help="Pseudonym of the officer who sends it.")] = "operator",
    document: Annotated[str, typer.Option(help="The agency's own number of the file; a corrected file keeps it.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write refused rows here as CSV.")] = None,
    dry_run: Dry = False,
    json: Json = False,
) -> None:
    """Publish a file of families and members; refused rows are reported with row, column and rule."""
    if any(looks_like_nik(said) for said in (agency, actor, document)):
        raise typer.BadParameter("agency, actor and document travel in clear: none of them is a number of a person")
    channel = sik_ng.channel_for(file, agency, actor, document)
    refused: list[RowRefused] = []
    if dry_run:
        items = sik_ng.read(file, channel).items
        refused = [item for item in items if isinstance(item, RowRefused)]
        published = Published(sent=0, refused=len(refused))
    else:
        with composition.connected(Settings()) as registry:
            published = publishing.file(registry, file, channel, watching(), refused.append)
    _report(refused, report)
    _shown({**asdict(published), "rows": [_row(one) for one in refused]}, published, json)
    if refused:
        raise typer.Exit(REFUSED)


def _row(refused: RowRefused) -> dict[str, object]:
    return {
        "row": refused.row,
        "column": refused.column,
        "rule": refused.rule,
        "explanation": refused.explanation,
    }


def _report(refused: list[RowRefused], path: Path | None) -> None:
    rows = [_row(one) for one in refused]
    if path is not None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("row", "column", "rule", "explanation"))
            writer.writeheader()
            writer.writerows(rows)
    elif rows and sys.stderr.isatty():
        for row in rows:
            output.say(f"row {row['row']} {row['column']}: {row['rule']}: {row['explanation']}")


def _shown(value: dict[str, object], published: Published, json: bool) -> None:
    if json:
        output.as_json(value)
    else:
        output.OUT.print(f"sent {published.sent:,}, sent before {published.skipped:,}, refused {published.refused:,}")


@app.command()
def seeds(json: Json = False) -> None:
    """Publish the printed tables of the seed documents as reference rows."""
    with composition.connected(Settings()) as registry:
        published = publishing.tables(registry)
    _shown(asdict(published), published, json)


@app.command()
def rules(
    effective: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day in force (UTC).")],
    json: Json = False,
) -> None:
    """Put this build's rule sets (PKH, Sembako) in force."""
    at = int(effective.replace(tzinfo=UTC).timestamp()) * 1_000_000
    with composition.connected(Settings()) as registry:
        activated = publishing.rules(registry, at)
    if json:
        output.as_json({"activated": activated})
    else:
        output.OUT.print("activated " + ", ".join(activated))


def simulation(
    families: Annotated[int, typer.Option(min=1, help="How many families.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same nation.")] = 1,
    months: Annotated[int, typer.Option(min=1, help="Months of history, from January 2025.")] = 12,
    district: Annotated[str, typer.Option(help="Kemendagri code of the kabupaten or kota.")] = "35.71",
    dry_run: Dry = False,
    json: Json = False,
) -> None:
    """Publish a synthetic nation: every person, number and name in it is invented."""
    nation = Nation(families=families, seed=seed, months=months, district=district)
    if dry_run:
        foreseen = expected(simulate(nation))
        counts = {
            "accepted": foreseen.accepted,
            "refused_by_intake": foreseen.refused_by_intake,
            "refused_by_fold": foreseen.refused_by_fold,
        }
        output.as_json({**counts, "known": foreseen.known, "poison": nation.poison})
        return
    with composition.connected(Settings()) as registry:
        published = publishing.nation(registry, nation, watching())
    _shown(asdict(published), published, json)
