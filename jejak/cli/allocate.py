"""`jejak allocate`: give out a programme's places within its quota, in an order that anyone can make again."""

import time
from pathlib import Path
from typing import Annotated

import typer

from jejak import composition
from jejak.cli import output
from jejak.cli.files import watching
from jejak.cli.stack import Json
from jejak.programmes import allocating, ruling
from jejak.programmes.allocating import AllocationRefused
from jejak.settings import Settings
from stream_processors.registry import aid
from stream_processors.registry.allocation import Allocation

REFUSED = 3
_MEANS = {
    "quota": "quota ({unit})",
    "taken": "taken of it ({unit})",
    "wanted": "all who are LAYAK ({unit})",
    "given": "families with a place",
    "waiting": "families that wait",
}


def allocate(
    programme: Annotated[str, typer.Argument(help="The programme, as PKH.")],
    period: Annotated[str, typer.Option(help="2025 (a year), 2025-T2 (a stage) or 2025-07 (a month).")],
    determination: Annotated[str, typer.Option(help="Number of the penetapan that places rest on.")],
    quota: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Families, or persons where persons receive the aid; else quota_persons of the rule set in force.",
        ),
    ] = None,
    region: Annotated[str, typer.Option(help="Kemendagri code; families elsewhere are no candidates.")] = "",
    run: Annotated[str, typer.Option(help="Name of the allocation, where this isn't the first of its period.")] = "1",
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Write the plan; publish nothing.")] = False,
    json: Json = False,
) -> None:
    """Give places to eligible families: lower decile first, then percentile, then by lot; the others wait."""
    if not aid.PERIOD.fullmatch(period):
        raise typer.BadParameter("a period is 2025, 2025-T2 or 2025-07", param_hint="--period")
    if not (run.isascii() and run.isalnum() and programme.replace("_", "").isalnum()):
        raise typer.BadParameter("programme and run are letters and digits")
    run_id = "-".join(filter(None, (programme, period, region, run)))
    settings = Settings()
    with composition.connected(settings) as registry:
        try:
            book, now = ruling.book(registry), time.time_ns() // 1_000
            places, unit = allocating.terms(book, programme, region, quota, now)
            asked = Allocation(programme, period, places, region, run_id, determination, unit=unit)
            planned = allocating.plan(registry, settings, asked)
            sent = None if plan_only else allocating.publish(registry, planned, settings.actor, watching())
        except AllocationRefused as refused:
            output.say(f"refused: {refused}")
            raise typer.Exit(REFUSED) from refused
    told = {"run": run_id, "plan": str(_near(planned.path)), "sha256": planned.digest, "unit": unit}
    counts = {"quota": places, "taken": planned.taken, "wanted": planned.wanted}
    counts |= {"given": planned.given, "waiting": planned.waiting, "sent": sent.sent if sent else 0}
    if json:
        output.as_json({**told, **counts})
    else:
        rows = [(_MEANS.get(name, name).format(unit=unit), value) for name, value in (told | counts).items()]
        output.table(f"Allocation {run_id}", ("field", "value"), rows)


def _near(path: Path) -> Path:
    """Return the path as it is seen from here, where it lies below."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path
