"""Indicators from counts: exact shares, no value without a denominator, and nothing small to be computed in public."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from fractions import Fraction
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jejak.cli.app import app
from producers.seeds import catalogue
from producers.seeds.acceptance import expected
from stream_processors.indicators import definitions, figure_file, figures, measures, small_cells
from stream_processors.indicators.counts import Cell
from stream_processors.indicators.definitions import COUNTS, INDICATORS
from stream_processors.indicators.figures import SUPPRESSED, Figure
from stream_processors.registry.aid import MACHINE

ROOT = Path(__file__).resolve().parents[2]
DEFINED = figure_file.shipped()
DAY = "2025-07-31"
MARRIAGE = "babel-2023.status_perkawinan"


def marriages(**regions: tuple[int, ...]) -> dict[Cell, int]:
    return {
        Cell("persons_by_marital_status", f"19.{region[1:]}", str(code)): number
        for region, numbers in regions.items()
        for code, number in enumerate(numbers, 1)
    }


def computed(cells: dict[Cell, int], *names: str, public: bool = False) -> tuple[Figure, ...]:
    return figures.computed(DEFINED, names, cells, DAY, public=public)


numbers = st.integers(0, 40) | st.integers(0, 10**7)


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=7))
def test_unrounded_shares_of_a_region_sum_to_exactly_100(rows: list[tuple[int, ...]]) -> None:
    found = computed(marriages(**{f"k{at:02}": row for at, row in enumerate(rows)}), MARRIAGE)
    if sum(map(sum, rows)):
        assert sum((one.value for one in found if one.value is not None), Fraction(0)) == 100
    else:
        assert {one.shown() for one in found} == {"n/a"}


def test_a_zero_denominator_gives_na_and_never_0() -> None:
    (one,) = computed({Cell("families_by_decile", "35.71.01", "3"): 0}, "kediri-2024.bpnt")
    assert (one.value, one.shown(), one.why) == (None, "n/a", "the denominator is zero")


def test_families_that_receive_nothing_are_a_share_of_0() -> None:
    (one,) = computed({Cell("families_by_decile", "35.71.01", "3"): 7}, "kediri-2024.bpnt")
    assert (one.value, one.shown(), one.numerator, one.denominator) == (Fraction(0), "0.00", 0, 7)


def test_each_figure_says_unit_level_code_system_period_and_version() -> None:
    one = computed(marriages(k01=(5, 5, 5, 5)), MARRIAGE)[0]
    assert (one.unit, one.counted, one.level, one.period) == ("persen", "jiwa", "provinsi", "2025")
    assert one.code_system.startswith("KEMENDAGRI ")
    assert one.version == DEFINED.version
    (monthly,) = computed({Cell("persons_in_pbi_jkn", "12.11", "PBI_JKN"): 9}, "dairi-2023.pbi_jkn_jiwa")
    assert (monthly.period, monthly.shown(), monthly.unit) == ("2025-07", "9", "jiwa")


def test_what_nothing_tells_is_na_and_says_why() -> None:
    found = computed({}, "babel-2023.status_kesejahteraan")
    assert [one.shown() for one in found] == ["n/a"]
    assert "deciles are not these classes" in found[0].why


def test_the_elderly_are_those_who_reach_the_age_within_the_year() -> None:
    term = DEFINED.named("kediri-2024.aslut").denominator  # type: ignore[union-attr]  # it is there
    assert term is not None
    assert [term.holds(year, 2025) for year in ("1964", "1965", "1966")] == [True, True, False]


def test_persons_of_a_year_of_birth_that_is_not_counted_never_are_of_an_age_that_is_asked_for() -> None:
    ages = [term.age_from for one in DEFINED.figures for term in one.terms if term.age_from]
    assert ages
    assert min(ages) + measures.BORN_UNTIL >= 2045


def test_recipients_are_those_of_the_figure_s_own_year() -> None:
    year = {"ODKB/2024": 7, "ODKB/2025": 3, "ASLUT/2025": 1}
    cells = {Cell("persons_by_aid", "35.71", of): number for of, number in year.items()}
    cells[Cell("persons_by_condition", "35.71", "DISABILITAS_BERAT")] = 12
    (one,) = computed(cells, "kediri-2024.odkb")
    assert (one.numerator, one.denominator, one.shown(), one.period) == (3, 12, "25.00", "2025")
    (earlier,) = figures.computed(DEFINED, ["kediri-2024.odkb"], cells, "2024-12-31", public=False)
    assert (earlier.numerator, earlier.period) == (7, "2024")


RECEIVES = {"DIALOKASIKAN": 1, "MASA_TENGGANG": 1, "": 1, "CADANGAN": 0, "DITANGGUHKAN": 0, "DIHENTIKAN": 0}


@pytest.mark.parametrize("standing", [*MACHINE.states, ""])
@pytest.mark.parametrize(
    ("indicator", "programme"),
    [
        ("dairi-2023.bpnt", "SEMBAKO"),
        ("dairi-2023.pkh", "PKH"),
        ("kediri-2024.bpnt", "SEMBAKO"),
        ("kediri-2024.bpntd", "BPNTD"),
    ],
)
def test_a_family_receives_aid_in_the_grace_too_and_not_while_it_waits_or_is_suspended(
    indicator: str, programme: str, standing: str
) -> None:
    state: Any = SimpleNamespace(aid=(SimpleNamespace(programme=programme, standing=standing),))
    told = {Cell("families_by_aid", "35.71", one): 1 for one in measures.MEASURES["families_by_aid"].classes(state)}
    (one,) = computed({Cell("families_by_decile", "35.71", "3"): 1, **told}, indicator)
    assert one.numerator == RECEIVES[standing]


@pytest.mark.parametrize(
    ("indicator", "programme", "denominator"),
    [
        ("kediri-2024.odkb", "ODKB", Cell("persons_by_condition", "35.71", "DISABILITAS_BERAT")),
        ("kediri-2024.abh", "ABH", Cell("persons_by_condition", "35.71", "ABH")),
        ("kediri-2024.aslut", "ASLUT", Cell("persons_by_birth_year", "35.71", "1950")),
        ("kediri-2024.anak_yatim", "ANAK_YATIM", None),
    ],
)
def test_each_kind_of_aid_for_persons_has_its_figure(indicator: str, programme: str, denominator: Cell | None) -> None:
    cells = {Cell("persons_by_aid", "35.71", f"{programme}/2025"): 8}
    if denominator is not None:
        cells[denominator] = 10
    (one,) = computed(cells, indicator)
    assert one.shown() == ("8" if denominator is None else "80.00")


def test_who_owns_a_nik_follows_from_the_civil_registry_s_answers() -> None:
    answers = {"PADAN": 5, "NAMA_BEDA": 2, "BELUM_DIPADANKAN": 1, "NIK_KOSONG": 2}
    cells = {Cell("persons_by_padan", "19.71", answer): number for answer, number in answers.items()}
    found = {one.category: one.shown() for one in computed(cells, "babel-2023.status_nik")}
    assert found == {"1": "80.00", "2": "20.00"}
    assert figures.needed(DEFINED, ["babel-2023.status_nik"]) == ("persons_by_padan",)


def test_the_small_classes_of_a_count_that_follows_from_another_are_left_out_in_public() -> None:
    answers = {"PADAN": 500, "NAMA_BEDA": 1, "NIK_KOSONG": 3}
    cells = {Cell("persons_by_padan", "19.71", answer): number for answer, number in answers.items()}
    found = computed(cells, "babel-2023.status_nik", public=True)
    assert {one.shown() for one in found} == {SUPPRESSED}


# --- what is published ---


def test_a_small_cell_and_the_next_smallest_are_left_out_in_public() -> None:
    found = {one.category: one for one in computed(marriages(k01=(400, 380, 3, 17)), MARRIAGE, public=True)}
    assert [found[code].shown() == SUPPRESSED for code in "1234"] == [False, False, True, True]
    assert (found["3"].numerator, found["3"].denominator, found["3"].value) == (None, None, None)


def test_outside_what_is_published_every_cell_is_shown() -> None:
    assert all(one.value is not None for one in computed(marriages(k01=(400, 380, 3, 17)), MARRIAGE))


def test_a_ratio_whose_complement_is_small_is_left_out_in_public() -> None:
    cells = {Cell("families_by_decile", "35.71.01", "3"): 100, Cell("families_by_aid", "35.71", "SEMBAKO/DITERIMA"): 97}
    assert computed(cells, "kediri-2024.bpnt", public=True)[0].shown() == SUPPRESSED
    assert computed(cells, "kediri-2024.bpnt")[0].shown() == "97.00"


tables = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=3)


@settings(max_examples=120, deadline=None)
@given(tables)
def test_no_hidden_cell_follows_from_what_is_shown(rows: list[list[int]]) -> None:
    """Whoever knows all that is shown finds, for each hidden cell, other numbers that fit as well."""
    cells = marriages(**{f"k{at:02}": tuple(row) for at, row in enumerate(rows)})
    hidden = small_cells.hidden(cells, DEFINED.threshold)
    table = small_cells._with_totals({(cell.region, cell.category): n for cell, n in cells.items()}, "19")
    concealed = {place for place in table if ("persons_by_marital_status", *place) in hidden.places}
    assert {place for place, number in table.items() if 0 < number < DEFINED.threshold} <= concealed
    for place in concealed:
        assert another_solution(table, concealed, place), (table, concealed, place)


def another_solution(table: small_cells.Table, concealed: set[small_cells.Place], place: small_cells.Place) -> bool:
    """Tell whether a hidden cell may have another value: there is a cycle of hidden cells through it."""
    links: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for region, category in concealed - {place}:
        links["row", region].append(("column", category))
        links["column", category].append(("row", region))
    reached, waiting = {("row", place[0])}, [("row", place[0])]
    while waiting:
        for node in links[waiting.pop()]:
            if node not in reached:
                reached.add(node)
                waiting.append(node)
    return ("column", place[1]) in reached and bool(table)


# --- the definitions ---


def test_every_definition_counts_one_unit_and_names_what_is_counted() -> None:
    for one in DEFINED.figures:
        assert all(COUNTS[term.count].unit == one.counted for term in one.terms if term.count), one.id


def test_every_indicator_of_the_seeds_is_defined_and_settles_deviations_that_were_found() -> None:
    printed = {one.id for found in catalogue.activities() for one in found.entries if one.kind == "indicator"}
    assert printed <= {one.id for one in DEFINED.figures}
    for one in DEFINED.figures:
        assert {*one.deviations} <= {*expected()["deviations"][one.id.partition(".")[0]]}, one.id


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('count = "persons_by_nik_ownership"', 'count = "persons_by_shoe_size"', "names a count"),
        ('counted = "jiwa"', 'counted = "keluarga"', "counts keluarga"),
        ('level = "provinsi"', 'level = "kecamatan"', "no finer"),
        ('kind = "share"', 'kind = "ratio"', "has a denominator"),
    ],
)
def test_a_definition_that_does_not_fit_its_count_is_refused(old: str, new: str, told: str) -> None:
    file = ROOT / "stream_processors" / "indicators" / "figures.toml"
    text = file.read_text(encoding="utf-8").replace(old, new, 1)
    with pytest.raises(ValueError, match=told):
        figure_file.read(text)


def test_a_count_that_follows_from_one_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="follows from a count"):
        definitions._derived({"id": "persons_by_hat", "of": "persons_by_shoe_size"})


def test_every_measure_is_counted_and_every_count_has_a_measure() -> None:
    assert [one.name for one in INDICATORS] == [*measures.MEASURES]


# --- the page and the command ---


def test_the_page_lists_every_count_and_every_indicator() -> None:
    page = (ROOT / "docs" / "indicators.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9_.-]+)` \|", page, re.MULTILINE)
    assert rows == [*COUNTS, *[one.id for one in DEFINED.figures]]


@pytest.mark.parametrize("public", [True, False])
def test_the_command_shows_figures_of_a_region(monkeypatch: pytest.MonkeyPatch, *, public: bool) -> None:
    cells = marriages(k01=(400, 380, 3, 17))
    monkeypatch.setattr("jejak.cli.indicators.composition.connected", lambda _: _Nothing())
    monkeypatch.setattr("jejak.cli.indicators.indicators.cells", lambda _, __, at: (cells, at))
    asked = ["indicators", "figures", MARRIAGE, "--region", "19", "--json", *(["--public"] if public else [])]
    told = json.loads(CliRunner().invoke(app, asked).stdout)
    values = [one["value"] for one in told["figures"]]
    assert values == (["50.00", "47.50", SUPPRESSED, SUPPRESSED] if public else ["50.00", "47.50", "0.38", "2.12"])


def test_the_command_says_in_words_why_a_figure_is_left_out_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = marriages(k01=(400, 380, 3, 17))
    monkeypatch.setattr("jejak.cli.indicators.composition.connected", lambda _: _Nothing())
    monkeypatch.setattr("jejak.cli.indicators.indicators.cells", lambda _, __, at: (cells, at))
    tables: list[list[tuple[str, ...]]] = []
    monkeypatch.setattr("jejak.cli.indicators.output.table", lambda _, __, rows: tables.append(rows))
    CliRunner().invoke(app, ["indicators", "figures", MARRIAGE, "--public"])
    assert [row[-1] for row in tables[0]] == ["", "", *["below 5, or it would give such a number away"] * 2]
    nothing = CliRunner().invoke(app, ["indicators", "figures", MARRIAGE, "--region", "99"]).output
    assert f"nothing is counted yet in 99: no figure of {MARRIAGE}" in " ".join(nothing.split())
    wrong = CliRunner().invoke(app, ["indicators", "figurs"], env={"COLUMNS": "400"})
    assert "figures, define and acceptance" in wrong.output


def test_an_indicator_that_is_not_defined_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["indicators", "figures", "babel-2023.nothing"]).exit_code == 2


class _Nothing:
    def __enter__(self) -> None:
        """Connect to nothing."""

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


def test_all_small_tables_of_two_by_two_are_safe() -> None:
    for row in product(range(7), repeat=2):
        cells = marriages(k01=row, k02=(50, 60))
        hidden = small_cells.hidden(cells, 5).places
        for code, number in enumerate(row, 1):
            small = 0 < number < 5
            assert not small or ("persons_by_marital_status", "19.01", str(code)) in hidden
