"""The region register: what exists, what it is called, what lies in what, and how a wrong code is reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import region_names, regions
from schemas.regions import Level, Region, bps, check, exists, kemendagri, name_of, parent, within

PROVINCES = regions.listed("KEMENDAGRI", regions.KEMENDAGRI_EDITION, Level.PROVINSI)
KABKOTA = regions.listed("KEMENDAGRI", regions.KEMENDAGRI_EDITION, Level.KABKOTA)
PAIRS = [  # the domain guide's table, section 6: BPS 2020, Kemendagri 2025, both names as each list prints them
    ("1210", "12.11", "Dairi", "Kabupaten Dairi"),
    ("1272", "12.74", "Tanjung Balai", "Kota Tanjungbalai"),
    ("1903", "19.05", "Bangka Barat", "Kabupaten Bangka Barat"),
    ("1905", "19.03", "Bangka Selatan", "Kabupaten Bangka Selatan"),
    ("1173", "11.74", "Langsa", "Kota Langsa"),
    ("1174", "11.73", "Lhokseumawe", "Kota Lhokseumawe"),
    ("91", "92", "Papua Barat", "Papua Barat"),
    ("94", "91", "Papua", "Papua"),
    ("3571", "35.71", "Kota Kediri", "Kota Kediri"),
    ("3376", "33.76", "Kota Tegal", "Kota Tegal"),
    ("1901", "19.01", "Kab. Bangka", "Kabupaten Bangka"),
]
any_kabkota = st.sampled_from(KABKOTA)
any_desa = st.builds(
    lambda kab, kec, kind, serial: kemendagri(f"{kab.code}.{kec:02}.{kind}{serial:03}"),
    any_kabkota,
    st.integers(1, 99),
    st.integers(1, 3),
    st.integers(0, 999),
)


def test_the_kemendagri_edition_lists_38_provinces_416_kabupaten_and_98_kota() -> None:
    kota = [region for region in KABKOTA if region.code[3:] >= "71"]

    assert (len(PROVINCES), len(KABKOTA) - len(kota), len(kota)) == (38, 416, 98)
    assert all((name_of(region) or "").startswith("Kota ") for region in kota)
    assert regions.is_complete("KEMENDAGRI", regions.KEMENDAGRI_EDITION)


def test_every_kabkota_lies_in_a_listed_province() -> None:
    assert {regions.province_of(region) for region in KABKOTA} == set(PROVINCES)


def test_the_bps_list_holds_the_printed_pairs_and_says_that_it_is_partial() -> None:
    known = {
        region.code: name_of(region)
        for level in (Level.PROVINSI, Level.KABKOTA)
        for region in regions.listed("BPS", regions.BPS_EDITION, level)
    }

    assert known == {code: name for code, _, name, _ in PAIRS}
    assert not regions.is_complete("BPS", regions.BPS_EDITION)


@pytest.mark.parametrize(("bps_code", "kemendagri_code", "bps_name", "kemendagri_name"), PAIRS)
def test_the_printed_pairs_name_the_same_place_in_both_systems(
    bps_code: str, kemendagri_code: str, bps_name: str, kemendagri_name: str
) -> None:
    assert name_of(bps(bps_code)) == bps_name
    assert name_of(kemendagri(kemendagri_code)) == kemendagri_name
    assert check(bps(bps_code), kemendagri_name) is None
    assert regions.level_of(bps(bps_code)) is regions.level_of(kemendagri(kemendagri_code))


@pytest.mark.parametrize(
    "code", ["19", "19.03", "19.03.01", "19.03.99", "19.03.01.1001", "19.03.01.2001", "19.03.01.3001"]
)
def test_a_kemendagri_code_of_each_level_exists(code: str) -> None:
    assert exists(kemendagri(code))


@pytest.mark.parametrize(
    "code",
    ["", "20", "19.70", "19.3", "1903", "19.03.00", "19.03.1", "19.03.01.4001", "19.03.01.0001", "19.70.01.2001"],
)
def test_a_kemendagri_code_of_no_region_or_of_another_form_does_not_exist(code: str) -> None:
    finding = check(kemendagri(code), None)

    assert not exists(kemendagri(code))
    assert finding is not None
    assert (finding.code, finding.severity) == ("WILAYAH_TIDAK_ADA", "reject")


@pytest.mark.parametrize("code", ["19.03.", " 19.03", "19.03\n", "19.03.01.2001.01", "\u0661\u0669"])
def test_a_code_with_anything_around_it_or_in_other_digits_does_not_exist(code: str) -> None:
    assert not exists(kemendagri(code))


@pytest.mark.parametrize("code", ["3376", "3376030", "3376030005", "33"])
def test_a_bps_code_under_or_above_a_listed_kabkota_exists_by_its_form(code: str) -> None:
    assert exists(bps(code))


@pytest.mark.parametrize("code", ["33.76", "337603", "3376000", "33760300051", "9999", "1"])
def test_a_bps_code_of_another_form_or_unknown_does_not_exist(code: str) -> None:
    assert not exists(bps(code))


def test_a_code_missing_from_the_partial_list_is_refused_without_claiming_that_bps_has_no_such_code() -> None:
    finding = check(bps("3404"), "SLEMAN")

    assert finding is not None
    assert finding.code == "WILAYAH_TIDAK_ADA"
    assert "partial" in finding.message


@pytest.mark.parametrize("edition", ["", "2020", "300.2.2-2138/2025"])
def test_a_code_of_an_unknown_edition_does_not_exist(edition: str) -> None:
    assert not exists(Region("KEMENDAGRI", edition, "19.03"))
    assert check(Region("KEMENDAGRI", edition, "19.03"), "Bangka Selatan") is not None


def test_the_same_digits_name_two_places_and_the_finding_says_whose_code_it_looks_like() -> None:
    as_kemendagri = check(kemendagri("19.03"), "BANGKA BARAT")
    as_bps = check(bps("1903"), "Kab. Bangka Selatan")
    papua = check(kemendagri("94"), "P A P U A")

    assert as_kemendagri is not None
    assert (as_kemendagri.code, as_kemendagri.severity) == ("WILAYAH_NAMA_KODE_BEDA", "flag")
    assert as_kemendagri.looks_like == bps("1903")
    assert "BPS 1903" in as_kemendagri.message
    assert as_kemendagri.printed_name == "BANGKA BARAT"
    assert as_bps is not None
    assert as_bps.looks_like == kemendagri("19.03")
    assert papua is not None
    assert papua.looks_like == bps("94")


def test_a_code_written_in_the_other_systems_form_is_refused_with_the_hint_and_not_repaired() -> None:
    finding = check(kemendagri("1903"), "Bangka Barat")

    assert finding is not None
    assert (finding.code, finding.region, finding.looks_like) == ("WILAYAH_TIDAK_ADA", kemendagri("1903"), bps("1903"))


def test_a_wrong_name_that_fits_neither_system_gets_no_hint() -> None:
    finding = check(kemendagri("19.03"), "Sleman")

    assert finding is not None
    assert finding.looks_like is None
    assert "Sleman" not in finding.message


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("91", "P A P U A"),
        ("19.01", "KAB. BANGKA"),
        ("19.01", "kabupaten bangka"),
        ("19.71", "KOTA PANGKALPINANG"),
        ("31", "DKI JAKARTA"),
        ("34", "DI Yogyakarta"),
        ("31.01", "Kab. Adm. Kep. Seribu"),
        ("31.71", "KOTA JAKARTA PUSAT"),
        ("31.71", "Kota Adm. Jakarta Pusat"),
        ("71.09", "K A B . K E P . SIAU TAGULANDANG BIARO"),
        ("17.08", "KEPAHIANG"),
        ("35", "PROV. JAWA TIMUR"),
        ("63.02", "KOTA BARU"),
        ("71.74", "Kotamobagu"),
        ("71.09", "KEPULAUAN SIAU TAGULANDANG BIARO"),
        ("62.01", "Kotawaringin Barat"),
        ("35.06", "KEDIRI"),
        ("33.28", "Kab.Tegal"),
        ("33.76", "KOTA TEGAL"),
        ("12.74", "TANJUNG BALAI"),
        ("19.03", None),
        ("19.03", "  "),
        ("19.03", "-"),
        ("19.03.01", "Any kecamatan"),
    ],
)
def test_a_printed_name_that_fits_or_is_absent_gives_no_finding(code: str, printed: str | None) -> None:
    assert check(kemendagri(code), printed) is None


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("35.06", "KOTA KEDIRI"),
        ("35.71", "KABUPATEN KEDIRI"),
        ("33.28", "KOTA TEGAL"),
        ("33.76", "KAB. TEGAL"),
        ("33.76", "TEGAL"),
        ("17", "KOTA BENGKULU"),
        ("17.71", "PROVINSI BENGKULU"),
        ("94", "Papua"),
    ],
)
def test_a_kota_a_kabupaten_and_a_province_of_one_name_are_kept_apart(code: str, printed: str) -> None:
    finding = check(kemendagri(code), printed)

    assert finding is not None
    assert (finding.code, finding.severity) == ("WILAYAH_NAMA_KODE_BEDA", "flag")


def test_every_listed_name_fits_its_own_code_in_any_case_and_spacing() -> None:
    for region in (*PROVINCES, *KABKOTA):
        name = name_of(region) or ""
        printed = (name, name.upper(), name.replace(" ", "  "), " ".join(name.replace(" ", "")))

        assert [check(region, form) for form in printed] == [None] * 4


def test_a_full_name_fits_exactly_one_kabkota_of_the_nation() -> None:
    for region in KABKOTA:
        found = regions.named(name_of(region) or "", Level.KABKOTA, "KEMENDAGRI", regions.KEMENDAGRI_EDITION)
        assert found == (region,)


def test_a_bare_name_shared_by_a_kota_and_a_kabupaten_fits_both() -> None:
    found = regions.named("Kediri", Level.KABKOTA, "KEMENDAGRI", regions.KEMENDAGRI_EDITION)

    assert found == (kemendagri("35.06"), kemendagri("35.71"))


@given(any_desa)
def test_a_desa_lies_in_itself_and_in_each_region_above_it(desa: Region) -> None:
    chain = [parent(desa, level) for level in Level]

    assert exists(desa)
    assert [part.code for part in chain if part] == [desa.code[:2], desa.code[:5], desa.code[:8], desa.code]
    assert all(part is not None and within(desa, part) for part in chain)
    assert chain[0] == regions.province_of(desa)
    assert chain[1] == regions.kabkota_of(desa)


@given(any_desa, any_kabkota)
def test_a_region_lies_only_in_the_kabkota_whose_code_it_carries(desa: Region, other: Region) -> None:
    assert within(desa, other) is (desa.code[:5] == other.code)
    assert not within(other, desa)


@given(st.text(alphabet="0123456789.", max_size=14), st.sampled_from(["KEMENDAGRI", "BPS"]))
def test_any_text_is_answered_without_a_fault(code: str, system: regions.CodeSystem) -> None:
    edition = regions.KEMENDAGRI_EDITION if system == "KEMENDAGRI" else regions.BPS_EDITION
    region = Region(system, edition, code)

    assert exists(region) == (check(region, None) is None)
    assert exists(region) == (regions.province_of(region) is not None)


def test_a_region_never_lies_in_one_of_another_system_or_edition() -> None:
    assert not within(bps("3571"), kemendagri("35"))
    assert not within(kemendagri("35.71"), Region("KEMENDAGRI", "2019", "35"))
    assert not within(kemendagri("35.70"), kemendagri("35"))


def test_a_province_has_no_kabkota_above_it() -> None:
    assert regions.kabkota_of(kemendagri("35")) is None
    assert parent(kemendagri("35.71"), Level.DESA) is None


def test_the_readings_of_a_name_that_begins_like_a_kind_are_both_kept() -> None:
    assert [(r.stem, r.kind) for r in region_names.readings("Kota Baru")] == [("BARU", "KOTA"), ("KOTABARU", None)]
