"""The edit rules for NIK, KK number and name."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.rules import (
    HISTORICAL_PROVINCES,
    NikBirth,
    birth_in_nik,
    check_kk,
    check_name,
    check_nik,
    check_nik_birth,
)

# Published by the civil registry as examples (domain guide, section 6).
MALE = "3311120411870003"
FEMALE = "3515144508680002"
KK = "3311120411150003"


def nik(*, province: str = "33", ddmmyy: str = "041187", serial: str = "0003") -> str:
    return f"{province}1112{ddmmyy}{serial}"


def codes(findings: tuple[object, ...]) -> list[str]:
    return [f"{finding.severity} {finding.code}" for finding in findings]  # type: ignore[attr-defined]


@pytest.mark.parametrize("published", [MALE, FEMALE])
def test_a_published_nik_is_sound(published: str) -> None:
    assert check_nik(published) == ()


def test_a_nik_states_birth_date_and_sex() -> None:
    assert birth_in_nik(MALE, date(2026, 5, 1)) == NikBirth(date(1987, 11, 4), "male")
    assert birth_in_nik(FEMALE, date(2026, 5, 1)) == NikBirth(date(1968, 8, 5), "female")


def test_the_birth_a_nik_states_lies_in_the_last_hundred_years() -> None:
    today = date(2026, 5, 1)
    assert birth_in_nik(nik(ddmmyy="010526"), today) == NikBirth(date(2026, 5, 1), "male")
    assert birth_in_nik(nik(ddmmyy="020526"), today) == NikBirth(date(1926, 5, 2), "male")


def test_a_leap_day_that_the_window_lacks_states_no_birth() -> None:
    assert birth_in_nik(nik(ddmmyy="290200"), date(1999, 1, 1)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        MALE[:-1],
        MALE + "1",
        "",
        MALE[:-1] + "O",
        MALE[:-1] + " ",
        f" {MALE}",
        f"{MALE}\n",
        MALE[:-1] + "٣",
        MALE[:-1] + "²",
    ],
)
def test_a_number_of_other_than_sixteen_digits_is_refused_by_v1_alone(wrong: str) -> None:
    assert codes(check_nik(wrong)) == ["reject V1"]
    assert codes(check_kk(wrong)) == ["reject V1"]


@pytest.mark.parametrize("day", ["00", "32", "39", "40", "72", "99"])
def test_a_day_outside_1_to_31_and_41_to_71_is_refused(day: str) -> None:
    assert codes(check_nik(nik(ddmmyy=f"{day}0187"))) == ["reject NIK_DAY"]


@pytest.mark.parametrize("day", ["01", "31", "41", "71"])
def test_the_first_and_last_days_of_both_sexes_are_sound(day: str) -> None:
    assert check_nik(nik(ddmmyy=f"{day}0187")) == ()


@pytest.mark.parametrize("month", ["00", "13", "99"])
def test_a_month_outside_01_to_12_is_refused(month: str) -> None:
    assert codes(check_nik(nik(ddmmyy=f"04{month}87"))) == ["reject NIK_MONTH"]


@pytest.mark.parametrize("impossible", ["310487", "300287", "290287", "710487", "690287", "710687"])
def test_a_day_its_month_lacks_is_refused(impossible: str) -> None:
    assert codes(check_nik(nik(ddmmyy=impossible))) == ["reject NIK_DATE"]


@pytest.mark.parametrize("leap", ["290288", "690288", "290200"])
def test_a_leap_day_is_sound_in_a_year_that_can_have_it(leap: str) -> None:
    assert check_nik(nik(ddmmyy=leap)) == ()


def test_a_serial_of_0000_is_refused() -> None:
    assert codes(check_nik(nik(serial="0000"))) == ["reject NIK_SERIAL"]


@pytest.mark.parametrize("province", ["00", "10", "20", "22", "30", "37", "55", "97"])
def test_a_province_of_no_edition_is_refused(province: str) -> None:
    assert codes(check_nik(nik(province=province))) == ["reject NIK_PROVINCE"]


def test_a_nik_issued_in_a_province_that_is_no_more_is_sound() -> None:
    assert check_nik(nik(province="54")) == ()


def test_the_provinces_are_the_38_of_2025_and_timor_timur() -> None:
    assert len(HISTORICAL_PROVINCES) == 39


def test_an_edition_of_ones_own_can_be_given() -> None:
    assert codes(check_nik(MALE, provinces=frozenset({"35"}))) == ["reject NIK_PROVINCE"]


def test_every_broken_rule_is_named() -> None:
    assert codes(check_nik("9911129913870000")) == [
        "reject NIK_PROVINCE",
        "reject NIK_DAY",
        "reject NIK_MONTH",
        "reject NIK_SERIAL",
    ]


def test_a_record_that_agrees_with_its_nik_has_no_finding() -> None:
    assert check_nik_birth(MALE, date(1987, 11, 4), "male") == ()
    assert check_nik_birth(FEMALE, date(1968, 8, 5), "female") == ()


@pytest.mark.parametrize(
    ("born", "sex"),
    [
        (date(1987, 11, 5), "male"),
        (date(1987, 12, 4), "male"),
        (date(1988, 11, 4), "male"),
        (date(1987, 11, 4), "female"),
    ],
)
def test_a_record_that_disagrees_with_its_nik_is_only_warned_about(born: date, sex: str) -> None:
    assert codes(check_nik_birth(MALE, born, sex)) == ["warn NIK_DOB_MISMATCH"]  # type: ignore[arg-type]


def test_a_sound_family_card_number_has_no_finding() -> None:
    assert check_kk(KK) == ()


def test_a_family_card_number_has_no_days_above_31() -> None:
    assert codes(check_kk("3311124411150003")) == ["warn KK_DAY"]


def test_a_family_card_of_no_province_is_refused_and_of_no_serial_warned_about() -> None:
    assert codes(check_kk("9911120411150000")) == ["reject KK_PROVINCE", "warn KK_SERIAL"]


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0"])
def test_a_blank_name_is_refused(name: str) -> None:
    assert codes(check_name(name)) == ["reject NAME_BLANK"]


@pytest.mark.parametrize("name", ["SITI", "Budi Santoso", "José"])
def test_a_name_of_letters_and_spaces_has_no_finding(name: str) -> None:
    assert check_name(name) == ()


@pytest.mark.parametrize(
    "name", ["Moh. Ali", "Nur'aini", "Abdul-Rahman", "Siti 2", "Siti  Aminah", " Siti", "A_B", "-"]
)
def test_a_name_of_more_than_letters_and_single_spaces_is_only_warned_about(name: str) -> None:
    assert codes(check_name(name)) == ["warn V2"]


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{16}", fullmatch=True))
def test_no_text_breaks_a_rule_and_no_message_repeats_it(text: str) -> None:
    findings = check_nik(text) + check_kk(text) + check_name(text)
    if len(text) > 9:
        assert not [finding for finding in findings if text in finding.message]


@given(st.dates(date(1927, 1, 1), date(2026, 12, 31)), st.sampled_from(["male", "female"]))
def test_the_birth_written_into_a_nik_is_the_one_read_from_it(born: date, sex: str) -> None:
    day = born.day + (40 if sex == "female" else 0)
    written = nik(ddmmyy=f"{day:02}{born.month:02}{born.year % 100:02}")
    assert check_nik(written) == ()
    assert birth_in_nik(written, date(2026, 12, 31)) == NikBirth(born, sex)  # type: ignore[arg-type]
