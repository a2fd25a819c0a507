"""`jejak demo`: one command that shows the whole system at work."""

from typing import Annotated

import typer

from jejak.cli import output
from jejak.demo import district
from jejak.settings import Settings

NOT_HELD = 1


def demo(
    families: Annotated[int, typer.Option(min=100, help="Families of the synthetic district.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same district.")] = 1,
    code: Annotated[
        str | None, typer.Option("--district", help="Kemendagri code; the next one never shown by default.")
    ] = None,
) -> None:
    """Bring a synthetic district to life on real Kafka and Cassandra, and compare every figure shown."""
    if not district.run(_in_development(Settings()), district.Wishes(families, seed, code), output.progress()):
        raise typer.Exit(NOT_HELD)


def _in_development(settings: Settings) -> Settings:
    """Return settings of a demo: in development, also on servers that are named, unless told otherwise."""
    if "environment" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"environment": "development"})
