"""`jejak rank`: score and cut all families by a model, publish a run, look at one, explain one family's place.

Parses and prints; what a run is lies in jejak/ranking.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from consumers.gateway.request import Purpose, Withheld
from jejak import composition
from jejak.cli import output
from jejak.cli.read import DEFAULT_PURPOSE, Ref, Said, Why, asked, caller, withheld
from jejak.cli.stack import Json
from jejak.ranking import explaining, job, record
from jejak.ranking.families import InputRefused
from jejak.ranking.job import Run, Wish
from jejak.ranking.run import FAMILIES, Result, RunRefused
from jejak.settings import Settings
from producers.publish import Published
from schemas.records import RankingRunPublished
from stream_processors.ranking import model_file
from stream_processors.ranking.model import UNIT, Model
from stream_processors.ranking.model_file import ModelRefused
from stream_processors.ranking.variables import NOT_ASKED
from stream_processors.registry.calendar import WIB, moment

DIFFERENT, REFUSED = 1, 3
ILLUSTRATIVE = (
    "ILLUSTRATIVE MODEL: its numbers are ours, not BPS' and estimated from no survey. It decides about nobody."
)
app = typer.Typer(no_args_is_help=True, help="Rank all families: score by a model, cut into ten, publish the run.")

RunId = Annotated[str, typer.Argument(help="The run's name, as 2026-Q1: the same name goes on with the same run.")]
ModelFile = Annotated[
    Path | None,
    typer.Option("--model", exists=True, dir_okay=False, help="The model's TOML; the illustrative one by default."),
]


@app.command("run")
def run(
    run_id: RunId,
    basis: Annotated[str, typer.Option(help="FAMILIES or PERSONS: what the tenths are made of.")] = FAMILIES,
    model: ModelFile = None,
    as_of: Annotated[
        str, typer.Option(help="The day (WIB) that ages are counted on, as 2026-01-01; now by default.")
    ] = "",
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the changes; without, the run is only computed.")
    ] = False,
    changed_only: Annotated[
        bool, typer.Option("--changed-only", help="Publish families alone whose decile is another than before.")
    ] = False,
    allow_illustrative: Annotated[
        bool, typer.Option("--allow-illustrative", help="Publish although the model decides about nobody.")
    ] = False,
    actor: Annotated[str, typer.Option(help="Pseudonym of the officer who publishes.")] = "operator",
    workers: Annotated[int, typer.Option(min=0, help="Processes that read; 0 is one for each core.")] = 1,
    json: Json = False,
) -> None:
    """Compute a run over all families as they are now, or go on with it; with --publish, publish its changes."""
    wish = Wish(run_id, basis, model.read_bytes() if model else model_file.shipped(), _day(as_of))
    sent = None
    with _refusing(json):
        if publish:
            _may_publish(model_file.parse(wish.model), allowed=allow_illustrative)
        settings = Settings()
        with composition.connected(settings) as registry:
            done = job.ranked(registry, wish, workers or os.cpu_count() or 1, output.progress())
            _warn(done.model)
            if publish:
                sent = job.publish(registry, done, actor, changed_only=changed_only)
    if done.kept:
        output.say(f"{run_id} was computed before: for the families as they are now, name a new run")
    _tell(done, sent, json)


def _day(text: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=WIB)
    except ValueError:
        raise typer.BadParameter("a day is written as 2026-01-01", param_hint="--as-of") from None
    return int(found.timestamp()) * 1_000_000


def _may_publish(model: Model, *, allowed: bool) -> None:
    if model.illustrative and not allowed:
        raise RunRefused(
            "ILLUSTRATIVE", "deciles of an illustrative model are published with --allow-illustrative alone"
        )


@contextmanager
def _refusing(json: bool) -> Iterator[None]:
    """End the command with one line and exit code 3 where the run is refused."""
    try:
        yield
    except (RunRefused, InputRefused, ModelRefused) as refused:
        _refuse(refused.code, str(refused), json)


def _refuse(code: str, text: str, json: bool) -> NoReturn:
    if json:
        output.as_json({"refused": code, "text": text})
    output.say(f"refused: {text}")
    raise typer.Exit(REFUSED)


def _warn(model: Model) -> None:
    if model.illustrative:
        output.say(ILLUSTRATIVE)


def _tell(done: Run, sent: Published | None, json: bool) -> None:
    told = _told(done)
    if json:
        published = {} if sent is None else {"published": {"sent": sent.sent, "sent_before": sent.skipped}}
        output.as_json({**told, **published})
        return
    _table(f"Run {done.asked.run_id} by {done.model.version}, basis {done.asked.basis}", done.result)
    output.OUT.print(f"input {done.result.input_digest}\noutput {done.result.output_digest}\n{done.folder.path}")
    if sent is not None:
        output.OUT.print(f"sent {sent.sent:,}, sent before {sent.skipped:,}")


def _told(done: Run) -> dict[str, Any]:
    position = {"topic": done.asked.states_topic, "states": done.asked.states, "events": done.asked.events}
    head = {"run_id": done.asked.run_id, "basis": done.asked.basis, "as_of": done.asked.as_of, "position": position}
    model = {"version": done.model.version, "dpia_id": done.model.dpia_id, "digest": done.model.digest.hex()}
    return {**head, "model": {**model, "illustrative": done.model.illustrative}, **done.result.as_json()}


def _table(title: str, result: Result) -> None:
    rows = [
        (number, tenth.families, tenth.persons, f"{tenth.lowest / UNIT:.6f}", f"{tenth.highest / UNIT:.6f}")
        for number, tenth in enumerate(result.tenths, 1)
    ]
    output.table(title, ("decile", "families", "persons", "lowest score", "highest score"), rows)
    none = [("ranked", result.ranked)]
    none += [(f"Belum Ada Desil: {reason}", count) for reason, count in result.unranked.items()]
    output.table(f"{result.families:,} active families", ("standing", "families"), none)


@app.command("again")
def again(run_id: RunId, json: Json = False) -> None:
    """Compute a kept run again from its kept input: exit 0 when every byte comes out as before, 1 when not."""
    with _refusing(json):
        done = _kept(run_id)
        with tempfile.TemporaryDirectory() as work:
            found = job.recomputed(done, Path(work))
    same = found.output_digest == done.result.output_digest
    if json:
        output.as_json({"same": same, "before": done.result.output_digest, "again": found.output_digest})
    else:
        output.OUT.print(
            f"{'same' if same else 'different'}\nbefore {done.result.output_digest}\nagain  {found.output_digest}"
        )
    if not same:
        raise typer.Exit(DIFFERENT)


def _kept(run_id: str) -> Run:
    folder = job.folder_of(Settings().data, run_id)
    asked, result = folder.asked(), folder.result()
    if asked is None or result is None:
        raise RunRefused("NO_RUN", f"no run {run_id} was computed in this data folder")
    return Run(folder, asked, folder.model(), result)


@app.command("show")
def show(run_id: RunId, json: Json = False) -> None:
    """Show what a run that was computed here was asked for and came to."""
    with _refusing(json):
        done = _kept(run_id)
    _warn(done.model)
    _tell(done, None, json)


@app.command("model")
def model_(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None, json: Json = False
) -> None:
    """Check a model's file and show what each answer adds; the illustrative model of this build by default."""
    with _refusing(json):
        found = model_file.parse(file.read_bytes() if file else model_file.shipped())
    _warn(found)
    head = {"version": found.version, "dpia_id": found.dpia_id, "source": found.source, "digest": found.digest.hex()}
    if json:
        output.as_json({**head, "illustrative": found.illustrative, "variables": found.variables})
        return
    output.table("Model", ("what", "value"), [*head.items(), ("intercept", f"{found.intercept / UNIT:.6f}")])
    rows = [(term.variable, len(term.effects), *_range(term.effects)) for term in found.terms]
    output.table("What each variable adds", ("variable", "values", "least", "most"), rows)


def _range(effects: tuple[int | None, ...]) -> tuple[str, str]:
    given = [effect for effect in effects if effect is not None]
    return f"{min(given) / UNIT:.6f}", f"{max(given) / UNIT:.6f}"


@app.command("runs")
def runs(json: Json = False) -> None:
    """Show every published run: when, by which model, on which basis, how many families, and the output's digest."""
    with composition.connected(Settings()) as registry:
        found = list(record.runs(registry.endpoints.kafka).values())
    if json:
        output.as_json([_published(one) for one in found])
        return
    heads = ("run", "as of", "model", "basis", "families", "ranked", "changes", "output")
    rows = [
        (
            one.run_id,
            f"{moment(one.as_of):%Y-%m-%d}",
            one.model_version + (" (illustrative)" if one.illustrative else ""),
            one.basis,
            one.families,
            one.ranked,
            one.changes,
            one.output_digest.hex()[:16],
        )
        for one in found
    ]
    output.table("Published runs", heads, rows)


def _published(one: RankingRunPublished) -> dict[str, Any]:
    digests = ("model_digest", "input_digest", "output_digest")
    return {**asdict(one), **{name: getattr(one, name).hex() for name in digests}}


@app.command("explain")
def explain(ref: Ref, purpose: Why = DEFAULT_PURPOSE, text: Said = None, json: Json = False) -> None:
    """Show why a family stands in its decile: what each answer adds, and what changed since the run before."""
    settings = Settings()
    wanted = asked(ref, settings)
    with composition.connected(settings) as registry, registry.door() as door:
        known = record.runs(registry.endpoints.kafka)
        found = door.rankings(
            caller(settings), Purpose(purpose, text), wanted, lambda then: explaining.explained(then, known)
        )
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        output.as_json({"family_id": found.family_id, **found.told})
        return
    _explain(found.family_id, found.told)
    output.OUT.print(f"on record: {len(found.receipts)} audit entries")


def _explain(family_id: str, told: dict[str, Any]) -> None:
    if not told["ranked"]:
        output.OUT.print(f"Family {family_id}: no run ever placed it (Belum Ada Desil)")
        return
    now, since = told["now"], told["since"]
    if now.get("illustrative"):
        output.say(ILLUSTRATIVE)
    names = ("decile", "percentile", "local_percentile", "score", "reason", "lowest_of_decile", "lowest_of_next")
    head = [(name, _shown(name, now[name])) for name in names if now.get(name) is not None]
    if now["visited_at"] is not None:
        head.append(("visited", f"{moment(now['visited_at']):%Y-%m-%d} by {now['visited_by']}, {now['questionnaire']}"))
    output.table(f"Family {family_id} in run {now['run_id']} by {now['model']}", ("what", "value"), head)
    if "adds" in now:
        rows = [
            (one["variable"], one["field"], _answer(one["value"]), _shown("score", one["adds"])) for one in now["adds"]
        ]
        rows.append(("intercept", "", "", _shown("score", now["intercept"])))
        output.table("What each answer adds", ("variable", "field", "value", "adds"), rows)
        output.OUT.print("the sum is the published score" if now["agrees"] else "THE SUM IS NOT THE PUBLISHED SCORE")
    if since is not None:
        _changes(since)


def _changes(since: dict[str, Any]) -> None:
    rows = [(name, _shown(name, old), _shown(name, new)) for name, (old, new) in since["changed"].items()]
    rows += [
        (one["variable"], *(f"{_answer(value)} ({_shown('score', adds)})" for value, adds in zip(*pair, strict=True)))
        for one in since["variables"] or ()
        for pair in [(one["value"], one["adds"])]
    ]
    output.table(f"Since run {since['run_id']}", ("what", "before", "now"), rows)
    if since["others_moved"]:
        output.OUT.print("no answer of this family changed: the other families moved")


def _answer(value: int | None) -> str:
    if value is None:
        return "-"
    return "not asked" if value == NOT_ASKED else "no answer" if value < 0 else str(value)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "score" or name.startswith("lowest"):
        return f"{value / UNIT:+.6f}"
    return f"{value / 100:.2f}" if name.endswith("percentile") else str(value)
