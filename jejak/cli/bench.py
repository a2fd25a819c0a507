"""`jejak bench`: figures of this machine, each beside its goal."""

import os
from collections.abc import Iterable
from typing import Annotated

import typer

from jejak.bench import run as benchmarks
from jejak.bench.ground import Wishes
from jejak.bench.results import Result
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"What to measure: {', '.join(benchmarks.NAMES)}; all by default.")
    ] = None,
    families: Annotated[int, typer.Option(min=100, help="Families of the synthetic district.")] = 2_000,
    copies: Annotated[int, typer.Option(min=1, help="Copies of the district that are folded.")] = 5,
    minutes: Annotated[float, typer.Option(min=0.5, help="Length of the load for `memory`.")] = 2.0,
    seconds: Annotated[float, typer.Option(min=2, help="Length of the load for `lag`.")] = 20.0,
    rate: Annotated[int, typer.Option(min=100, help="Changes a second for `lag`.")] = 5_000,
    states: Annotated[int, typer.Option(min=1_000, help="States that `restore` takes over.")] = 200_000,
    entries: Annotated[int, typer.Option(min=1_000, help="Audit entries that `trail` is asked over.")] = 1_000_000,
    ranked: Annotated[int, typer.Option(min=10_000, help="Families that `rank` scores and cuts.")] = 1_000_000,
    workers: Annotated[int, typer.Option(min=1, max=12, help="Workers of the fold for `lag`.")] = 2,
    json: Json = False,
) -> None:
    """Measure intake, fold, replay, restore, projection and more on a broker and database of their own."""
    settings = Settings()
    if settings.kafka or settings.cassandra:
        raise typer.BadParameter("bench starts servers of its own: unset JEJAK_KAFKA and JEJAK_CASSANDRA")
    if unknown := [name for name in names or () if name not in benchmarks.NAMES]:
        raise typer.BadParameter(f"no measurement named {', '.join(unknown)}")
    wishes = Wishes(families, copies, minutes, seconds, rate, states, entries, ranked, workers)
    loads = [os.getloadavg()[0]]
    found = []
    try:
        for result in benchmarks.run(settings, names or (), wishes, output.progress()):
            found.append(result)
            loads.append(os.getloadavg()[0])
    finally:  # what was measured before a fault is still measured
        _show(found, wishes, loads, json)


def _show(found: Iterable[Result], wishes: Wishes, loads: list[float], json: bool) -> None:
    if json:
        output.as_json({"load_average": [min(loads), max(loads)], "results": [result.as_json() for result in found]})
        return
    rows = [
        (result.what, result.shown(), result.unit, str(result.goal or ""), result.verdict, result.note)
        for result in found
    ]
    title = (
        f"A district of {wishes.families:,} families, {wishes.copies} copies;"
        f" load average {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores"
    )
    output.table(title, ("what", "figure", "unit", "goal", "verdict", "measured on"), rows)
