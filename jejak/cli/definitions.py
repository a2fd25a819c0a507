"""`jejak indicators define`: the catalogue of activities, variables and indicators, and how each is counted here."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from jejak.cli import output
from jejak.cli.stack import Json
from producers.seeds import catalogue
from stream_processors.indicators import figure_file
from stream_processors.indicators.definitions import DERIVED

_HEADS: Final = ("id", "what", "name")


def define(
    name: Annotated[str, typer.Argument(help="An activity, variable or indicator; all by default.")] = "",
    json: Json = False,
) -> None:
    """Show what activities, variables and indicators are, as the metadata prints them, and how each is counted here."""
    entry, activity = catalogue.entry(name), catalogue.activity(name)
    if not name:
        _catalogue(json=json)
    elif activity is not None:
        _activity(activity, json=json)
    elif entry is not None or figure_file.shipped().named(name) is not None:
        _entry(name, entry, json=json)
    else:
        raise typer.BadParameter(
            "no activity, variable or indicator of this name; `jejak indicators define` lists them"
        )


def _catalogue(*, json: bool) -> None:
    entries = [one for found in catalogue.activities() for one in found.entries]
    ours = [one for one in figure_file.shipped().figures if not any(one.id == other.id for other in entries)]
    rows = [(one.id, one.kind, one.name) for one in entries] + [(one.id, "indicator, ours", one.name) for one in ours]
    if json:
        output.as_json(
            {"activities": list(catalogue.ACTIVITIES), "entries": [dict(zip(_HEADS, row, strict=True)) for row in rows]}
        )
        return
    output.table("Activities", ("id", "title", "seed"), [(o.id, o.title, o.seed) for o in catalogue.activities()])
    output.table("Variables and indicators", _HEADS, rows)


def _activity(found: catalogue.Activity, *, json: bool) -> None:
    if json:
        output.as_json(asdict(found))
        return
    output.table(found.id, ("field", "printed"), [*found.form, ("Wilayah", "; ".join(found.regions))])
    output.table("Variables and indicators", _HEADS, [(one.id, one.kind, one.name) for one in found.entries])
    output.table("Deviations, reported and never repaired", ("code", "where", "what"), found.deviations)


def _entry(name: str, entry: catalogue.Entry | None, *, json: bool) -> None:
    definition = figure_file.shipped().named(name)
    counted = [] if definition is None else _counted(definition)
    if json:
        output.as_json({"printed": asdict(entry) if entry else None, "counted": dict(counted)})
        return
    if entry is not None:
        output.table(f"{name}: as printed", ("field", "printed"), entry.printed)
        if entry.ours:
            output.table("ours, not printed", ("field", "value"), entry.ours)
    if counted:
        output.table(f"{name}: as counted here", ("field", "value"), counted)


def _counted(one: figure_file.Definition) -> list[tuple[str, str]]:
    return [
        ("name", one.name),
        ("kind", one.kind),
        ("numerator", _said(one.numerator)),
        ("denominator", "all classes" if one.kind == "share" else _said(one.denominator)),
        ("unit", one.unit),
        ("counts", one.counted),
        ("level", one.level),
        ("period", one.period),
        ("classes", "; ".join(f"{code} {label}" for code, label in one.classes.items())),
        ("source", one.source),
        ("deviations settled", " ".join(one.deviations)),
        ("version", figure_file.shipped().version),
    ]


def _said(term: figure_file.Term | None) -> str:
    if term is None:
        return "none: a count"
    if term.not_counted:
        return f"not counted: {term.not_counted}"
    follows = next((f" (follows from {one.of.name})" for one in DERIVED if one.name == term.count), "")
    aged = f" of age {term.age_from} and over within the year" if term.age_from else ""
    reached = f", {term.programme} of the figure's year" if term.programme else ""
    return f"{term.count}{follows}{aged}{reached} {' '.join(term.classes)}".strip()
