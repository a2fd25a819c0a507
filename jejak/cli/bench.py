"""`jejak bench`: figures of this machine."""

from typing import Annotated

import typer

from jejak.bench import district
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings


def bench(
    families: Annotated[int, typer.Option(min=100, help="Families of the synthetic district.")] = 2_000,
    json: Json = False,
) -> None:
    """Measure intake, fold and projection on a broker and database of their own."""
    settings = Settings()
    if settings.kafka or settings.cassandra:
        raise typer.BadParameter("bench starts servers of its own: unset JEJAK_KAFKA and JEJAK_CASSANDRA")
    figures = district.run(settings, families, output.progress())
    if json:
        output.as_json([figure.as_json() for figure in figures])
        return
    rows = [
        (figure.what, figure.count, figure.unit, round(figure.per_second), round(figure.cpu_per_million, 1))
        for figure in figures
    ]
    heads = ("what", "count", "unit", "per second", "CPU s per million")
    output.table(f"A district of {families:,} families", heads, rows)
