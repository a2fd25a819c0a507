"""`jejak indicators define`: the catalogue of activities, variables and indicators, and how each is counted here."""

from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Final

import typer

from jejak.cli import output
from jejak.cli.stack import Json
from producers.seeds import catalogue
from stream_processors.indicators import figure_file
from stream_processors.indicators.definitions import COUNTS, DERIVED, VERSION, Count, Derived

_HEADS: Final = ("id", "what", "name")
_COUNT_HEADS: Final = ("id", "unit", "source")


def define(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[ID]",
            help="An activity (kediri-2024), a variable or indicator of it (kediri-2024.odkb), or a count "
            "(families_by_aid); the list of all by default.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Show what activities, variables and indicators are, as the metadata prints them, and how each is counted here.

    A name in brackets is ours: the metadata prints a definition without a name.
    """
    entry, activity = catalogue.entry(name), catalogue.activity(name)
    if not name:
        _catalogue(json=json)
    elif activity is not None:
        _activity(activity, json=json)
    elif entry is not None or figure_file.shipped().named(name) is not None:
        _entry(name, entry, json=json)
    elif name in COUNTS:
        _count(COUNTS[name], json=json)
    else:
        raise typer.BadParameter(f"no activity, variable, indicator or count of this name; {_near(name)}")


def _near(name: str) -> str:
    """Return which names are meant, perhaps, or how to list all."""
    entries = [one.id for found in catalogue.activities() for one in found.entries]
    known = [
        *catalogue.ACTIVITIES,
        *dict.fromkeys([*(one.id for one in figure_file.shipped().figures), *entries]),
        *COUNTS,
    ]
    meant = [one for one in known if name.lower() in one] or get_close_matches(name.lower(), known)
    return f"is it {' or '.join(meant[:5])}?" if meant else "`jejak indicators define` lists them"


def _count(one: Count, *, json: bool) -> None:
    """Show a count: what is counted, and which indicators are computed from it."""
    of = [figure.id for figure in figure_file.shipped().figures if any(term.count == one.name for term in figure.terms)]
    said = [("unit", one.unit), ("level", one.level), ("source", one.source)]
    if isinstance(one, Derived):
        renamed = "; ".join(f"{there} is {here}" for there, here in one.classes.items())
        said.append(("follows from", f"{one.of.name}: {renamed}, all else {one.otherwise}"))
    said += [("indicators", " ".join(of) or "none"), ("version", VERSION)]
    if json:
        output.as_json({"count": {"id": one.name, **dict(said)}})
        return
    output.table(f"{one.name}: a count", ("field", "value"), said)


def _catalogue(*, json: bool) -> None:
    entries = [one for found in catalogue.activities() for one in found.entries]
    ours = [one for one in figure_file.shipped().figures if not any(one.id == other.id for other in entries)]
    rows = [(one.id, one.kind, one.name) for one in entries] + [(one.id, "indicator, ours", one.name) for one in ours]
    if json:
        output.as_json(
            {
                "activities": list(catalogue.ACTIVITIES),
                "entries": [dict(zip(_HEADS, row, strict=True)) for row in rows],
                "counts": list(COUNTS),
            }
        )
        return
    output.table("Activities", ("id", "title", "seed"), [(o.id, o.title, o.seed) for o in catalogue.activities()])
    output.table("Variables and indicators", _HEADS, rows)
    output.table(
        "Counts that they are computed from", _COUNT_HEADS, [(o.name, o.unit, o.source) for o in COUNTS.values()]
    )


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
        ("classes", "; ".join(f"{code} {label}" for code, label in one.classes.items()) or "none"),
        ("shown as", _SHOWN[one.kind]),
        ("published", f"1 to {figure_file.shipped().threshold - 1} never, nor what gives such a number away"),
        ("source", one.source),
        ("deviations settled", " ".join(one.deviations) or "none"),
        ("version", figure_file.shipped().version),
    ]


_SHOWN: Final = {
    "share": "percent of all classes, which sum to 100; n/a where nobody is counted",
    "ratio": "percent; n/a where the denominator is 0, and over 100 where more receive than are recorded",
    "count": "a whole number; no row where nothing was ever counted",
}


def _said(term: figure_file.Term | None) -> str:
    if term is None:
        return "none: a count"
    if term.not_counted:
        return f"not counted: {term.not_counted}"
    follows = next((f" (follows from {one.of.name})" for one in DERIVED if one.name == term.count), "")
    aged = f" of age {term.age_from} and over within the year" if term.age_from else ""
    reached = f", {term.programme} of the figure's year" if term.programme else ""
    return f"{term.count}{follows}{aged}{reached} {' '.join(term.classes)}".strip()
