"""`jejak publish ...` and `jejak simulate`: put changes, tables and rule sets on Kafka."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from jejak import composition, publishing
from jejak.cli import files, output
from jejak.cli.files import shown, watching
from jejak.cli.stack import Json
from jejak.programmes import ruling
from jejak.settings import Settings
from producers.simulation.nation import Nation
from producers.simulation.stream import expected, simulate

app = typer.Typer(no_args_is_help=True, help="Publish a document; the same one twice adds nothing.")
Dry = Annotated[bool, typer.Option("--dry-run", help="Read and check; publish nothing.")]
files.register(app)


@app.command()
def seeds(json: Json = False) -> None:
    """Publish the printed tables of the seed documents as reference rows."""
    with composition.connected(Settings()) as registry:
        published = publishing.tables(registry)
    shown(asdict(published), published, json)


@app.command()
def rules(
    effective: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day in force (WIB).")],
    json: Json = False,
) -> None:
    """Put this build's rule sets (PKH, Sembako) in force."""
    with composition.connected(Settings()) as registry:
        activated = publishing.rules(registry, ruling.midnight(effective))
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
    nation = Nation(families=families, seed=seed, months=months, district=district, answered=False)
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
    shown(asdict(published), published, json)
