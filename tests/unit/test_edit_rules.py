"""The edit rules of domain guide 5.3 that a file can break, each by its number; V4-V13 are the questionnaire's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from producers import report as reports
from producers.draft import Draft, RowRefused
from tests.unit.import_files import EXAMPLES, KK, NIK, person, read, report, written

if TYPE_CHECKING:
    from pathlib import Path

    from producers.reading import Reading

FAMILIES = EXAMPLES["sik-ng"]


def one_changed(folder: Path, column: str, value: str, row: int = 1) -> Reading:
    return read(written(folder, FAMILIES.changed(row, column, value)), "sik-ng")


def warned(reading: Reading) -> list[tuple[int, str, str]]:
    return [(one.row, one.rule, one.severity) for item in reading for one in reports.lines(item)]


@pytest.mark.parametrize("number", ["357101040380010", "35710104038001012", "35710104038001O2", "٣٥٧١٠١٠٤٠٣٨٠٠١٠٢"])
def test_v1_a_nik_that_is_not_sixteen_digits_is_refused(tmp_path: Path, number: str) -> None:
    assert report(one_changed(tmp_path, "NIK", number)) == [(3, "NIK", "V1")]


@pytest.mark.parametrize("number", ["357101100112000", "35710110011200001"])
def test_v1_a_kk_number_that_is_not_sixteen_digits_is_refused(tmp_path: Path, number: str) -> None:
    assert report(one_changed(tmp_path, "No. KK", number)) == [(3, "NOMOR_KK", "V1")]


@pytest.mark.parametrize("name", ["Siti Rahayu, S.Pd.", "Nur 'Aini", "Al-Amin"])
def test_v2_a_name_with_more_than_letters_is_a_warning_and_the_row_is_taken(tmp_path: Path, name: str) -> None:
    found = one_changed(tmp_path, "Nama Lengkap", name)
    assert report(found) == []
    assert warned(found) == [(3, "V2", "warn")]


@pytest.mark.parametrize("born", ["1899-12-31", "2025-01-16"])
def test_v3_a_birth_before_1900_or_after_the_survey_is_refused(tmp_path: Path, born: str) -> None:
    assert report(one_changed(tmp_path, "Tgl Lahir", born)) == [(3, "TANGGAL_LAHIR", "V3")]


@pytest.mark.parametrize(("row", "role", "heads"), [(1, "1", 2), (0, "2", 0)])
def test_v14_a_family_without_exactly_one_head_is_refused_whole(
    tmp_path: Path, row: int, role: str, heads: int
) -> None:
    found = one_changed(tmp_path, "SHDK", role, row)
    assert report(found) == [(2, "HUBUNGAN", "V14"), (3, "HUBUNGAN", "V14")]
    assert all(f"{heads}" in item.explanation for item in found if isinstance(item, RowRefused))
    assert {item.row for item in found if isinstance(item, Draft)} == {4, 5}


@pytest.mark.parametrize(("members", "right"), [(112, True), (113, False)])
def test_v14_a_family_has_112_members_at_most(tmp_path: Path, members: int, *, right: bool) -> None:
    head, member = person(0, 0, 1, "Slamet"), person(0, 0, 3, "Siti")
    rows = [head, *((member[0], f"{NIK[0][:12]}{number:04}", *member[2:]) for number in range(200, 199 + members))]
    found = report(read(written(tmp_path, FAMILIES.with_rows(rows)), "sik-ng"))
    assert found == ([] if right else [(row, "NOMOR_KK", "V14_MEMBERS") for row in range(2, 2 + members)])


@pytest.mark.parametrize(("column", "value"), [("Tgl Lahir", "1980-03-05"), ("Jenis Kelamin", "2")])
def test_v15_a_nik_that_states_another_birth_or_sex_is_a_warning_never_a_refusal(
    tmp_path: Path, column: str, value: str
) -> None:
    found = one_changed(tmp_path, column, value)
    assert report(found) == []
    assert warned(found) == [(3, "NIK_DOB_MISMATCH", "warn")]


@pytest.mark.parametrize(
    ("column", "name"),
    [("Kabupaten/Kota", "Kabupaten Kediri"), ("Kabupaten/Kota", "Kota Blitar"), ("Provinsi", "Bali")],
)
def test_a_name_that_is_not_the_code_s_is_flagged_at_any_level_and_both_are_kept(
    tmp_path: Path, column: str, name: str
) -> None:
    example = FAMILIES
    if column not in example.head:
        rows = [(*row, name) for row in example.rows]
        example = type(example)(example.source, (), (*example.head, column), tuple(rows), "", "")
    else:
        example = example.with_rows([list(row) for row in example.rows])
        for row in range(4):
            example = example.changed(row, column, name)
    found = read(written(tmp_path, example), "sik-ng")
    assert report(found) == []
    assert {rule for _, rule, severity in warned(found) if severity == "flag"} == {"WILAYAH_NAMA_KODE_BEDA"}
    first = next(item for item in found if isinstance(item, Draft))
    assert first.body["region"]["code"] == "35.71.01.1001"


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("0071010403800102", "NIK_PROVINCE"),
        ("3571013203800102", "NIK_DAY"),
        ("3571010413800102", "NIK_MONTH"),
        ("3571013104800102", "NIK_DATE"),
        ("3571010403800000", "NIK_SERIAL"),
    ],
)
def test_a_nik_that_no_office_can_have_issued_is_refused_by_its_part(tmp_path: Path, number: str, rule: str) -> None:
    assert report(one_changed(tmp_path, "NIK", number)) == [(3, "NIK", rule)]


def test_a_nik_of_another_place_than_the_address_is_no_fault(tmp_path: Path) -> None:
    assert report(one_changed(tmp_path, "NIK", "1271010403800102")) == []


def test_a_person_in_two_families_of_one_file_is_refused_the_second_time(tmp_path: Path) -> None:
    found = one_changed(tmp_path, "NIK", NIK[0], row=3)
    assert report(found) == [(5, "NIK", "NIK_GANDA")]


def test_a_family_whose_rows_contradict_each_other_is_refused_whole(tmp_path: Path) -> None:
    assert report(one_changed(tmp_path, "Alamat", "Jl. Melati")) == [
        (row, "ALAMAT", "FAMILY_ROWS_DIFFER") for row in (2, 3)
    ]


def test_all_faults_of_a_row_are_told_at_once(tmp_path: Path) -> None:
    row = list(FAMILIES.rows[1])
    for column, value in (
        ("NIK", "1"),
        ("SHDK", "9"),
        ("Tgl Lahir", "1/2"),
        ("Kode Desa", "99.99.99.9999"),
        ("Alamat", ""),
    ):
        row[FAMILIES.head.index(column)] = value
    found = read(written(tmp_path, FAMILIES.with_rows([FAMILIES.rows[0], tuple(row)])), "sik-ng")
    (refused,) = [item for item in found if isinstance(item, RowRefused)]
    assert [(one.column, one.rule) for one in refused.faults] == [
        ("NIK", "V1"),
        ("HUBUNGAN", "CODE_UNKNOWN"),
        ("TANGGAL_LAHIR", "DATE_FORMAT"),
        ("ALAMAT", "BLANK"),
        ("KODE_WILAYAH", "WILAYAH_TIDAK_ADA"),
    ]
    assert (refused.column, refused.rule) == ("NIK", "V1")


def test_a_kk_number_is_not_compared_with_the_address(tmp_path: Path) -> None:
    example = FAMILIES
    for row in (0, 1):
        example = example.changed(row, "No. KK", f"127101{KK[0][6:]}")
    assert report(read(written(tmp_path, example), "sik-ng")) == []
