"""`jejak rebuild start | status | compare | switch | rollback | drop | claims`: versions beside the one that serves."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from consumers.read_model import tables
from consumers.read_model.rebuild import Pace, Progress
from jejak import composition
from jejak.cli import output
from jejak.cli.stack import Json
from jejak.composition import Registry
from jejak.rebuild import claims, pointer, read_model
from jejak.rebuild.pointer import RebuildRefused, Serving
from jejak.rebuild.state import Beside
from jejak.settings import Settings
from schemas import catalogue

DIFFERS, REFUSED = 1, 3
app = typer.Typer(no_args_is_help=True, help="Rebuild the read model or the fold's state beside the one that serves.")


class Part(StrEnum):
    """What can be rebuilt."""

    READ_MODEL = pointer.READ_MODEL
    STATE = pointer.STATE


What = Annotated[Part, typer.Argument(help="read-model or state.")]
Version = Annotated[str, typer.Option(help="As v2; by default the one that is being built, or the next.")]
Accept = Annotated[bool, typer.Option("--accept-differences", help="Go on although rows or families differ.")]
Look = Callable[[Progress], None]


@contextmanager
def _registry() -> Iterator[Registry]:
    """Lend a registry; a refused step is one line and exit code 3."""
    try:
        with composition.connected(Settings()) as registry:
            yield registry
    except RebuildRefused as refused:
        output.say(f"refused: {refused}")
        raise typer.Exit(REFUSED) from refused


@app.command("claims")
def tell_claims() -> None:
    """Tell the persons fold again who belongs to the families: once, where families were folded before it existed."""
    with _registry() as registry:
        topic = catalogue.families_topic(registry.serving.lately(pointer.STATE).version)
        output.say(f"told {claims.tell(registry.endpoints.kafka, topic):,} claims and endings")


def _beside(registry: Registry) -> Beside:
    return Beside(registry.endpoints.kafka, registry.serving, registry.settings.actor)


def _looking(every: float) -> Look:
    """Return what shows progress at most each `every` seconds, and at the end."""
    shown = [0.0]

    def look(progress: Progress) -> None:
        now = time.monotonic()
        if now - shown[0] < every and progress.done < progress.total:
            return
        shown[0] = now
        left = "unknown" if progress.left_seconds is None else f"{progress.left_seconds:,.0f} s"
        output.say(
            f"{progress.done:,} of {progress.total:,} ({progress.share:.1%}), {progress.rate:,.0f}/s, left: {left}"
        )

    return look


def _look() -> Look:
    return _looking(1.0 if sys.stderr.isatty() else 10.0)


def _counted(look: Look) -> Callable[[int, int], None]:
    """Return the same look for who tells counts alone."""
    pace = Pace()
    return lambda done, total: look(pace.at(time.monotonic(), done, total))


def _shown(told: dict[str, Any], *, json: bool) -> None:
    if json:
        output.as_json(told)
    else:
        output.OUT.print("   ".join(f"{name} {value}" for name, value in told.items() if value not in {"", None}))


@app.command()
def start(what: What, version: Version = "", json: Json = False) -> None:
    """Build a version beside; resumed after a kill, ended when it has caught up. The one that serves goes on."""
    stopping: list[bool] = []
    composition.on_stop(lambda: stopping.append(True))
    look = _look()
    with _registry() as registry:
        if what is Part.READ_MODEL:
            chosen = read_model.chosen(registry, version)
            progress = read_model.start(registry, chosen, look, lambda: bool(stopping))
            done, total = progress.done, progress.total
        else:
            beside = _beside(registry)
            chosen = beside.chosen(version)
            done, total = beside.start(chosen, _counted(look), lambda: bool(stopping))
    told = {"what": what.value, "version": chosen, "done": done, "total": total, "caught_up": not stopping}
    _shown(told, json=json)


@app.command()
def status(json: Json = False) -> None:
    """Show every version: which one serves, which can be rolled back to, and how far behind each is."""
    with _registry() as registry:
        rows = [*_read_model_status(registry), *_state_status(registry)]
    if json:
        output.as_json(rows)
        return
    heads = ("what", "version", "role", "behind", "last step")
    output.table("Versions", heads, [tuple(row[head.replace(" ", "_")] for head in heads) for row in rows])


def _read_model_status(registry: Registry) -> Iterator[dict[str, Any]]:
    now = registry.serving.now(pointer.READ_MODEL)
    for version in pointer.versions({*tables.versions(registry.session), now.version}):
        behind = read_model.behind(registry, version)
        yield _row(Part.READ_MODEL, now, version, behind)


def _state_status(registry: Registry) -> Iterator[dict[str, Any]]:
    now, beside = registry.serving.now(pointer.STATE), _beside(registry)
    for version in pointer.versions({*beside.versions(), now.version}):
        # The one that serves is what the fold commits with its events.
        yield _row(Part.STATE, now, version, 0 if version == now.version else beside.behind(version))


def _row(what: Part, now: Serving, version: str, behind: int) -> dict[str, Any]:
    role = "serves" if version == now.version else "previous" if version == now.previous else "beside"
    step = now.step if version == now.version else ""
    return {"what": what.value, "version": version, "role": role, "behind": behind, "last_step": step}


@app.command()
def compare(what: What, version: Version = "", json: Json = False) -> None:
    """Compare a version with the one that serves, while both are written; exit code 1 where they differ."""
    with _registry() as registry:
        if what is Part.READ_MODEL:
            chosen = read_model.chosen(registry, version)
            told = [asdict(one) for one in read_model.compare(registry, chosen, _look())]
        else:
            beside = _beside(registry)
            chosen = beside.chosen(version)
            told = [asdict(beside.compare(chosen))]
    equal = not any(one["differing"] for one in told)
    if json:
        output.as_json({"what": what.value, "version": chosen, "equal": equal, "compared": told})
    else:
        output.table(f"{what.value} {chosen}", [*told[0]], [tuple(one.values()) for one in told])
        output.OUT.print("equal" if equal else "DIFFERS")
    if not equal:
        raise typer.Exit(DIFFERS)


@app.command()
def switch(what: What, version: Version = "", accept_differences: Accept = False, json: Json = False) -> None:
    """Have a version serve in one step, caught up and equal; the one that served is kept to roll back to."""
    with _registry() as registry:
        look = _look()
        if what is Part.READ_MODEL:
            meant = version or _only_beside(registry, what)
            after, new = read_model.switch(registry, meant, look, accept_differences=accept_differences)
            told = _served(what, after, new=new)
        else:
            beside, meant = _beside(registry), version or _only_beside(registry, what)
            after, new = beside.switch(meant, _counted(look), accept_differences=accept_differences)
            told = _served(what, after, new=new) | {"fold_rested_seconds": round(beside.rested_seconds, 1)}
    _shown(told, json=json)


def _only_beside(registry: Registry, what: Part) -> str:
    """Return the version that is built beside; that which serves where there is none, so that nothing is done twice."""
    if what is Part.READ_MODEL:
        now, existing = registry.serving.now(pointer.READ_MODEL), tables.versions(registry.session)
    else:
        now, existing = registry.serving.now(pointer.STATE), _beside(registry).versions()
    meant = pointer.candidate(now, existing)
    return meant if meant in existing else now.version


@app.command()
def rollback(what: What, accept_differences: Accept = False, json: Json = False) -> None:
    """Have the version that served before serve again, in one step; a switch that was cut short is called off."""
    with _registry() as registry:
        if what is Part.READ_MODEL:
            after, new = read_model.roll_back(registry)
            told = _served(what, after, new=new) | {"behind": read_model.behind(registry, after.version)}
        else:
            beside = _beside(registry)
            after, new = beside.roll_back(_counted(_look()), accept_differences=accept_differences)
            told = _served(what, after, new=new) | {"fold_rested_seconds": round(beside.rested_seconds, 1)}
    _shown(told, json=json)


def _served(what: Part, after: Serving, *, new: bool) -> dict[str, Any]:
    return {"what": what.value, "serves": after.version, "previous": after.previous, "changed": new}


@app.command()
def drop(
    what: What,
    version: Annotated[str, typer.Option(help="As v1.")],
    really: Annotated[bool, typer.Option("--really", help="Also the one to roll back to.")] = False,
    json: Json = False,
) -> None:
    """Remove a version that neither serves nor is kept to roll back to."""
    with _registry() as registry:
        if what is Part.READ_MODEL:
            found = read_model.drop(registry, version, really=really)
        else:
            found = _beside(registry).drop(version, really=really)
    _shown({"what": what.value, "version": version, "dropped": found}, json=json)
