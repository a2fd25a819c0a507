"""`jejak replay`: fold what was accepted anew, attest what came out, compare two attestations.

Parses and prints; what a replay is lies in consumers/replay.
"""

import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from consumers.replay import compare as comparing
from consumers.replay import cut, moments
from consumers.replay import replay as replaying
from consumers.replay.attestation import Document, leaves_of
from consumers.replay.compare import Comparison, NotComparable
from consumers.replay.cut import Cut, CutRefused
from consumers.replay.log import LogRefused
from consumers.replay.partition import ReplayRefused
from consumers.replay.replay import Replayed, Show
from jejak import composition
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.settings import Settings

DIFFERENT, REFUSED = 1, 3
AHEAD_OF_NOW = "AHEAD_OF_NOW"
_OFFSETS = re.compile(r"[\d\s]+:[\d\s:,]*", re.ASCII)
_SHOWN_EACH_SECONDS = 1.0
replay = typer.Typer(help="Fold the accepted events anew and attest what came out; nothing is written to Kafka.")

Until = Annotated[
    str,
    typer.Option(help="A time (ISO 8601 with zone, or a date: its end in WIB), offsets as 0:120,1:98,..., or `end`."),
]


@replay.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    until: Until = "end",
    attest: Annotated[Path | None, typer.Option(help="File of the attestation; its leaves go beside it.")] = None,
    snapshot: Annotated[Path | None, typer.Option(help="Folder of snapshots: begin at the newest, leave one.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one for each core.")] = 0,
    json: Json = False,
) -> None:
    """Replay to a cut: same events, same build, same bytes, whoever replays."""
    if context.invoked_subcommand is not None:
        return
    if attest is None:
        raise typer.BadParameter("name the file of the attestation: --attest FILE")
    settings = Settings()
    bootstrap = settings.kafka or composition.find(settings).kafka  # an auditor needs no database
    try:
        done = replaying.replay(
            bootstrap, _cut(until, bootstrap), attest, snapshots=snapshot, workers=workers, show=_progress()
        )
    except (CutRefused, LogRefused, ReplayRefused) as fault:
        _refuse(fault.code, fault.text, json)
    _show(done, attest, json)


def _cut(until: str, bootstrap: str) -> Cut:
    if until == "end":
        return cut.at_end(bootstrap)
    if _OFFSETS.fullmatch(until) and "-" not in until:
        return cut.parse(until, bootstrap)
    try:
        known_at = moments.parse(until)
    except moments.MalformedTime as fault:
        raise CutRefused(cut.MALFORMED, f"neither offsets (0:120,1:98,...) nor a time: {fault}") from fault
    if known_at > composition.now():
        raise CutRefused(AHEAD_OF_NOW, "that time has not come: what will be recorded by then would be missing")
    return cut.at_time(bootstrap, known_at)


def _progress() -> Show:
    say = output.progress()
    begun = last = time.monotonic()

    def show(folded: int, whole: int) -> None:
        nonlocal last
        now = time.monotonic()
        if folded and now - last >= _SHOWN_EACH_SECONDS:
            last = now
            left = (now - begun) / folded * (whole - folded)
            say(f"{folded:,} of {whole:,} offsets, about {left:,.0f} s left")

    return show


def _refuse(code: str, text: str, json: bool) -> NoReturn:
    if json:
        output.as_json({"refused": code, "text": text})
    output.say(f"refused: {code}: {text}")
    raise typer.Exit(REFUSED)


def _show(done: Replayed, attest: Path, json: bool) -> None:
    for part in done.partitions:
        for passed in part.passed:
            output.say(f"snapshot not used: {passed.code}: {Path(passed.path).name}: {passed.text}")
    begun = {str(part.number): part.began for part in done.partitions if part.began}
    if json:
        passed_over = [asdict(passed) for part in done.partitions for passed in part.passed]
        output.as_json({**done.document, "snapshots": {"begun_at": begun, "passed_over": passed_over}})
        return
    _table(done.document)
    where = f" from snapshots of {len(begun)} partitions" if begun else ""
    output.OUT.print(f"state {done.document['state_digest']}{where}\n{attest}\n{leaves_of(attest)}")


def _table(found: Document) -> None:
    rows = [
        (one["partition"], one["end"], one["events"], one["families"], one["events_digest"][:16], one["state_digest"])
        for one in found["partitions"]
    ]
    rows.append(("all", "", found["events"], found["families"], "", found["state_digest"]))
    output.table("Replay", ("partition", "end", "events", "families", "events digest", "state digest"), rows)
    output.table("Counts", ("indicator", "sum"), list(found["counts"]["totals"].items()))


@replay.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An attestation.")],
    second: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Another.")],
    json: Json = False,
) -> None:
    """Compare two attestations and their leaves: exit 0 when they are the same, 1 when not, 3 when it can't be said."""
    try:
        found = comparing.compare(first, second)
    except NotComparable as fault:
        _refuse(fault.code, fault.text, json)
    if json:
        output.as_json({"same": found.same, **asdict(found)})
    else:
        _tell(found)
    if not found.same:
        raise typer.Exit(DIFFERENT)


def _tell(found: Comparison) -> None:
    if found.same:
        output.OUT.print("same")
        return
    rows = [(one.what, one.where, one.first, one.second) for one in found.differences]
    output.table("Different", ("what", "where", "first", "second"), rows)
    if (family := found.family) is not None:
        leaves = f"{family.first or 'missing'} and {family.second or 'missing'}"
        output.OUT.print(f"first family: partition {family.partition}, {family.family_id}: {leaves}")
