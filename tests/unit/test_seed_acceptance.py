"""Every printed figure of the five documents is computed from rows, foretold as contradictory, or a basis of others."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jejak.cli.app import app
from producers.seeds import FILES, ReferenceTable, catalogue, load_tables, read_tables
from producers.seeds.acceptance import Compared, compared, expected
from producers.seeds.tables import WITHHELD

ROOT = Path(__file__).resolve().parents[2]
RUNNER = CliRunner()


def changed(number: str, old: str, new: str) -> list[ReferenceTable]:
    """Return all tables, one document's transcription changed in one place."""
    name = next(name for name in FILES if name.startswith(number))
    text = (ROOT / "producers" / "seeds" / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    other = {table.name: table for table in read_tables(text.replace(old, new))}
    return [other.get(table.name, table) for table in load_tables()]


def differing(tables: list[ReferenceTable]) -> set[str]:
    return {f"{one.table}/{one.row}/{one.column}" for one in compared(tables).figures if one.verdict == "DIFFERS"}


def found(table: str, row: str, column: str) -> Compared:
    (one,) = [one for one in compared().figures if (one.table, one.row, one.column) == (table, row, column)]
    return one


def test_the_five_documents_hold() -> None:
    assert compared().holds


def test_every_number_of_every_table_is_looked_at_once() -> None:
    places = [(one.table, one.row, one.column) for one in compared().figures]
    numbers = {
        (table.name, row.key, cell.column)
        for table in load_tables()
        for row in table.rows
        for cell in row.cells
        if isinstance(cell.value, int | Decimal)
    }
    assert len(places) == len({*places})
    assert numbers <= {*places}


def test_the_38_provinces_their_sum_and_the_total_of_the_minutes_are_reproduced() -> None:
    table = "groundcheck-2025/pendamping-innas"
    innas = [one for one in compared().figures if (one.table, one.column) == (table, "innas")]
    assert len(innas) == 38
    assert {(one.verdict, one.printed == one.ours) for one in innas} == {("same", True)}
    assert found("groundcheck-2025/petugas", "pendamping", "jumlah").ours == "33603"
    total = found("tnp2k-2017/berita-acara-sls", "total", "jumlah")
    assert (total.printed, total.ours, total.verdict) == ("", "1489", "computed")
    assert found("kediri-2024/kegiatan", "rekomendasi", "isi").ours == "K-24.3571.017"


def test_a_sum_that_adds_families_to_households_holds_and_is_flagged() -> None:
    one = found("tnp2k-2017/rumah-tangga-nasional", "total_rumah_tangga", "jumlah")
    assert (one.ours, one.verdict, one.unit) == ("26589774", "flagged", "rumah tangga")
    assert "SATUAN_TERCAMPUR" in one.note


@pytest.mark.parametrize(
    ("seed", "old", "new", "figure"),
    [
        ("003", '"5,215", "174"', '"5,215", "173"', "groundcheck-2025/pendamping-innas/14/innas"),
        ("003", '"5,215", "174"', '"5,216", "174"', "groundcheck-2025/petugas/pendamping/jumlah"),
        ("004", '"43", "449"', '"43", "448"', "tnp2k-2017/berita-acara-sls/11/jumlah"),
        ("004", '"815,569"', '"815,568"', "tnp2k-2017/rumah-tangga-nasional/total_rumah_tangga/jumlah"),
        ("002", "K-24.3571.017", "K-24.3572.017", "kediri-2024/kegiatan/rekomendasi/isi"),
        (
            "001",
            '"Metadata Statistik Variabel", "5"',
            '"Metadata Statistik Variabel", "6"',
            "dairi-2023/rekapitulasi/variabel/jumlah",
        ),
        ("003", '"285.579.122"', '"285.570.129"', "groundcheck-2025/nasional/penduduk/jumlah"),
        (
            "003",
            '"Variabel Individu", "13"',
            '"Variabel Individu", "tiga belas"',
            "groundcheck-2025/variabel-ground-check/individu/jumlah",
        ),
    ],
)
def test_a_figure_that_its_rows_do_not_give_differs_whatever_was_found(
    seed: str, old: str, new: str, figure: str
) -> None:
    tables = changed(seed, old, new)
    assert figure in differing(tables)
    assert not compared(tables).holds


def test_a_figure_that_nobody_listed_differs() -> None:
    tables = [
        replace(one, name="groundcheck-2025/lain") if one.name == "babel-2023/petugas" else one for one in load_tables()
    ]
    with pytest.raises(KeyError):
        compared(tables)
    extra = next(one for one in load_tables() if one.name == "babel-2023/petugas")
    assert "babel-2023/lain/pengawas/jumlah" in differing([*load_tables(), replace(extra, name="babel-2023/lain")])


def test_a_deviation_that_is_no_longer_found_is_a_difference() -> None:
    tables = changed("003", '"P A P U A"', '"PAPUA"')
    (one,) = [one for one in compared(tables).deviations if one.known != one.found]
    assert (one.code, one.known, one.found) == ("NAMA_BERSPASI", 1, 0)
    assert not compared(tables).holds


def test_every_basis_says_what_for_and_every_other_entry_how() -> None:
    assert all(("by" in one) != ("for" in one) for one in expected()["figure"])


def test_the_command_shows_the_comparison_and_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    told = RUNNER.invoke(app, ["indicators", "acceptance", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["holds"] is True
    tables = changed("004", '"43", "449"', '"43", "448"')
    monkeypatch.setattr("jejak.cli.indicators.seeds.compared", lambda: compared(tables))
    told = RUNNER.invoke(app, ["indicators", "acceptance"])
    assert told.exit_code == 1
    assert "DIFFERS" in told.stdout


# --- the catalogue ---


def test_the_catalogue_has_three_activities_with_their_variables_and_indicators() -> None:
    kinds = {
        one.id: [
            sum(entry.kind == kind for entry in one.entries)
            for kind in ("variable collected", "variable described", "indicator")
        ]
        for one in catalogue.activities()
    }
    assert kinds == {"babel-2023": [6, 3, 3], "dairi-2023": [3, 5, 0], "kediri-2024": [6, 6, 5]}


def test_a_definition_tells_the_printed_fields_and_never_who_is_in_charge() -> None:
    for name in ("", *catalogue.ACTIVITIES, "kediri-2024.odkb", "dairi-2023.pkh", "babel-2023.variabel.status_nik"):
        told = RUNNER.invoke(app, ["indicators", "define", *([name] if name else []), "--json"])
        assert told.exit_code == 0, name
        assert WITHHELD not in told.stdout
        assert "Eselon" not in told.stdout
    assert (
        "Perbandingan penerima bantuan sosial"
        in RUNNER.invoke(app, ["indicators", "define", "kediri-2024.odkb", "--json"]).stdout
    )


def test_a_name_that_is_nothing_s_is_wrong_usage() -> None:
    assert RUNNER.invoke(app, ["indicators", "define", "babel-2023.nobody"]).exit_code == 2


@pytest.mark.parametrize("name", ["odkb", "ODKB", "kediri-2024.odbk"])
def test_a_name_that_is_nearly_one_is_answered_with_what_is_meant(name: str) -> None:
    told = RUNNER.invoke(app, ["indicators", "define", name], env={"COLUMNS": "400"})
    assert told.exit_code == 2
    assert "is it kediri-2024.odkb" in told.output


def test_a_count_is_defined_with_the_indicators_computed_from_it() -> None:
    told = json.loads(RUNNER.invoke(app, ["indicators", "define", "persons_by_nik_ownership", "--json"]).stdout)
    assert told["count"]["follows from"] == "persons_by_padan: NIK_KOSONG is 2, all else 1"
    assert told["count"]["indicators"] == "babel-2023.status_nik"
    shown = RUNNER.invoke(app, ["indicators", "define", "persons_by_aid"], env={"COLUMNS": "200"}).output
    assert "kediri-2024.odkb kediri-2024.abh" in shown
