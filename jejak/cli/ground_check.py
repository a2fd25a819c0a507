"""`jejak ground-check form | versions | import | provenance`: the form, what comes back, whose word an answer is."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from consumers.gateway.nik_filter import looks_like_nik
from consumers.gateway.provenance import Source
from consumers.gateway.request import Purpose, Withheld
from jejak import composition, ground_check_matching, publishing
from jejak.cli import output
from jejak.cli.files import REFUSED, Told, shown, watching
from jejak.cli.read import Ref, Said, Why, asked, caller, withheld
from jejak.cli.stack import Json
from jejak.ground_check_matching import Match
from jejak.settings import Settings
from producers import report as reports
from producers.draft import Channel
from producers.ground_check import form as forms
from producers.ground_check import reader
from producers.publish import Published
from producers.reading import Reading
from schemas import questionnaire as questionnaires

app = typer.Typer(no_args_is_help=True, help="Ground check: the form, and submissions of ODK or Kobo.")
_SHOWN_LINES: Final = 50
_PURPOSE: Final = "VERIFIKASI_VALIDASI"


@app.command()
def versions(json: Json = False) -> None:
    """Show the versions of the questionnaire, the earliest first."""
    found = questionnaires.all_versions().values()
    if json:
        output.as_json([{"version": one.version, "in_force_from": f"{one.in_force_from}"} for one in found])
        return
    rows = [(one.version, f"{one.in_force_from}", len(one.ids), len(one.beside), one.title) for one in found]
    output.table("Questionnaires", ("version", "in force from", "variables", "beside them", "title"), rows)


@app.command()
def form(
    out: Annotated[Path, typer.Option(help="Where the XLSForm is written.")],
    version: Annotated[str, typer.Option(help="Version of the questionnaire; the latest by default.")] = "",
) -> None:
    """Write the questionnaire as an XLSForm for ODK, Kobo and their like."""
    wanted = questionnaires.questionnaire(version) if version else questionnaires.latest()
    if wanted is None:
        raise typer.BadParameter(f"the versions are {', '.join(questionnaires.all_versions())}")
    forms.write(wanted, out)
    output.OUT.print(f"wrote {wanted.version} with {len(wanted.ids)} variables")


@app.command()
def provenance(ref: Ref, purpose: Why = _PURPOSE, text: Said = None, json: Json = False) -> None:
    """Show where each variable of a family comes from: source, date and method; the look itself goes on record."""
    settings = Settings()
    wanted = asked(ref, settings)
    with composition.connected(settings) as registry, registry.door() as door:
        found = door.provenance(caller(settings), Purpose(purpose, text), wanted)
    if isinstance(found, Withheld):
        raise withheld(found.code)
    if json:
        output.as_json({"family_id": found.family_id, "sources": [asdict(one) for one in found.sources]})
        return
    heads = ("variable", "field", "name", "person", "true since", "method", "source", "document", "#")
    output.table(f"Family {found.family_id}", heads, [_line(one) for one in found.sources])
    output.OUT.print(f"on record: {len(found.receipts)} audit entries")


def _line(one: Source) -> tuple[object, ...]:
    who = (one.variable, one.number, one.name, one.person_ref)
    return (*who, _day(one.occurred_at), one.method, one.agency, one.document, one.sequence or "")


def _day(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d}" if microseconds else ""


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(exists=True, help="XML files, folders of them, or one export (CSV, XLSX).")
    ],
    agency: Annotated[str, typer.Option(help="The agency whose channel this is, as pendamping/35.71.")],
    actor: Annotated[str, typer.Option(help="Pseudonym of the officer who sends it.")] = "operator",
    photos: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Where the photos lie.")] = None,
    check: Annotated[bool, typer.Option("--check", "--dry-run", help="Tell all errors; publish nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write every error and warning here as CSV.")] = None,
    match: Annotated[
        bool, typer.Option("--match", help="Look each family up, on record: who is known, who is new.")
    ] = False,
    match_report: Annotated[Path | None, typer.Option(help="Write each visit's match here as CSV.")] = None,
    purpose: Annotated[str, typer.Option(help="Purpose code of the looks of --match.")] = _PURPOSE,
    json: Json = False,
) -> None:
    """Publish submissions of the form; each visit is a document of its own, the same one twice adds nothing."""
    if looks_like_nik(agency) or looks_like_nik(actor):
        raise typer.BadParameter("agency and actor travel in clear: neither is a number of a person")
    try:
        found = reader.files_of(files)
    except reader.MixedFiles:
        raise typer.BadParameter(
            "give XML files (or folders of them), or the CSV tables or the workbook of one export"
        ) from None
    reading = reader.read(found, Channel(agency, actor, "", reader.COLUMNS), photos)
    told = Told(reader.ROW_RECORDS)
    matches = _matches(reading, Purpose(purpose)) if match or match_report else ()
    published = _checked(reading, told) if check else _published(reading, agency, told)
    _write(told, found, report, matches, match_report)
    _show(published, told, found, matches, json)


def _checked(reading: Reading, told: Told) -> Published:
    for item in reading:
        told.take(item)
    return Published(refused=told.tally.refused)


def _published(reading: Reading, agency: str, told: Told) -> Published:
    with composition.connected(Settings()) as registry:
        return publishing.file(registry, reading, agency, watching(), told.take)


def _matches(reading: Reading, purpose: Purpose) -> Sequence[Match]:
    settings = Settings()
    asks = caller(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        return tuple(ground_check_matching.matches(reading, door, asks, purpose, settings.reference_key()))


def _file_of(files: Sequence[Path], row: int) -> str:
    """Return the name of the file that a row is, empty in an export, whose rows are lines."""
    return files[row - 1].name if files[0].suffix.lower() == ".xml" and 0 < row <= len(files) else ""


def _write(
    told: Told, files: Sequence[Path], report: Path | None, matches: Sequence[Match], match_report: Path | None
) -> None:
    if report is not None:
        with report.open("w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, ("file", *reports.FIELDS))
            lines.writeheader()
            lines.writerows({"file": _file_of(files, line.row), **line.as_row()} for line in told.lines)
    if match_report is not None:
        with match_report.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, ("file", *Match.__dataclass_fields__))
            rows.writeheader()
            rows.writerows({"file": _file_of(files, one.row), **asdict(one)} for one in matches)


def _show(published: Published, told: Told, files: Sequence[Path], matches: Sequence[Match], json: bool) -> None:
    counts = dict(sorted(Counter(one.family for one in matches).items()))
    lines = [{"file": _file_of(files, line.row), **line.as_row()} for line in told.lines]
    value: dict[str, Any] = {**asdict(published), "tally": asdict(told.tally), "lines": lines}
    if matches:
        value["match"] = [asdict(one) for one in matches]
    shown(value, published, json)
    if not json:
        output.OUT.print(f"visits right {told.tally.accepted:,}, refused {told.tally.refused:,}")
        for line in lines[:_SHOWN_LINES]:
            where = line["file"] or f"row {line['row']}"
            output.say(f"{where} {line['column']}: {line['rule']}: {line['penjelasan']} / {line['explanation']}")
        if len(lines) > _SHOWN_LINES:
            output.say(f"and {len(lines) - _SHOWN_LINES:,} more: write them with --report")
        if matches:
            new, known = sum(one.new_persons for one in matches), sum(one.known_persons for one in matches)
            families = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            output.OUT.print(f"families {families}; persons known {known:,}, new {new:,}")
    if told.tally.refused:
        raise typer.Exit(REFUSED)
