"""Submissions of ODK and Kobo: right ones become visits, every rule that is broken is told with its row and field."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers import report
from producers.draft import Channel, Draft, RowRefused
from producers.ground_check import reader
from schemas.questionnaire import all_versions
from schemas.records import FamilyVariables, IndividualVariables
from stream_processors.registry import ground_check
from stream_processors.registry.answers import SHEETS
from tests.unit.registry_scenarios import ANI, BUDI, CITRA, claimed, registered, say
from tests.unit.registry_scenarios import given as scene

if TYPE_CHECKING:
    from producers.reading import Item

KK = "3571011001120001"
NIK, SPOUSE, CHILD = "3571010403800001", "3571014403820002", "3571010105240003"
INSTANCE = "uuid:5b0a5f2e-90c5-4b0e-9d6f-6e9a5a2f7f41"
CHANNEL = Channel("pendamping/35.71", "officer-1", "", reader.COLUMNS)
TOP = {
    "questionnaire": "REGSOSEK22-K",
    "visited_at": "2025-03-14T09:30:00.000+07:00",
    "card_number": KK,
    "result": "1",
}
HOUSE = {
    "geotag": "-7.816 112.011 63.0 4.5",
    "member_count": "2",
    "house_ownership": "1",
    "land_proof": "1",
    "floor_area": "54",
    "floor": "2",
    "wall": "1",
    "roof": "2",
    "water": "4",
    "water_distance": "2",
    "lighting": "1",
    "power_1": "2",
    "cooking_fuel": "4",
    "toilet": "1",
    "toilet_type": "1",
    "sewage": "1",
    **dict.fromkeys(
        [name for name in FamilyVariables.__dataclass_fields__ if name.startswith("asset_")],
        "0",
    ),
    "other_land": "2",
    "other_house": "2",
    **dict.fromkeys(["cattle", "buffalo", "horses", "pigs", "goats"], "0"),
    "photo": "house.jpg",
}
PERSON = {
    "national_id": NIK,
    "name": "Slamet Santoso",
    "presence": "1",
    "sex": "1",
    "birth_date": "1980-03-04",
    "marital_status": "2",
    "relationship": "1",
    "works": "1",
    "hours": "40",
    "industry": "12",
    "work_status": "1",
    "owns_business": "2",
    **dict.fromkeys(
        [name for name in IndividualVariables.__dataclass_fields__ if name.startswith("difficulty_")],
        "4",
    ),
    "chronic_illness": "1",
}
WIFE = {
    **PERSON,
    "national_id": SPOUSE,
    "name": "Siti Rahayu",
    "sex": "2",
    "birth_date": "1982-03-04",
    "relationship": "2",
}
# `JEJAK_FUZZ=5000` for a long run, as for the other importers.
FUZZED = settings(
    max_examples=int(os.environ.get("JEJAK_FUZZ", "40")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def form(*people: dict[str, str], instance: str = INSTANCE, **said: Any) -> bytes:
    """Return a submission's XML; an answer that is None is left out."""
    top = {name: said.get(name, value) for name, value in TOP.items()} | {
        name: value for name, value in said.items() if name not in HOUSE
    }
    house = {name: said.get(name, value) for name, value in HOUSE.items()}
    inner = leaves(top) + f"<family>{leaves(house)}</family>"
    inner += "".join(f"<members>{leaves(one)}</members>" for one in people or (PERSON, WIFE))
    return wrapped(inner, instance)


def wrapped(inner: str, instance: str = INSTANCE) -> bytes:
    meta = f"<orx:meta><orx:instanceID>{instance}</orx:instanceID></orx:meta>" if instance else ""
    return (
        '<?xml version="1.0"?><data id="jejak_ground_check" xmlns:orx="http://openrosa.org/xforms" '
        f'version="REGSOSEK22-K">{inner}{meta}</data>'
    ).encode()


def leaves(answers: dict[str, Any]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in answers.items() if value is not None)


def read(
    *contents: bytes, suffix: str = ".xml", names: tuple[str, ...] = (), photo: bytes | None = b"jpg"
) -> list[Item]:
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(contents):
            (Path(folder) / (names[number] if names else f"{number}{suffix}")).write_bytes(content)
        if photo is not None:
            (Path(folder) / "house.jpg").write_bytes(photo)
            (Path(folder) / "media").mkdir()
            (Path(folder) / "media" / "house.jpg").write_bytes(photo)
        return list(reader.read(reader.files_of([Path(folder)]), CHANNEL))


def visit(*contents: bytes, **how: Any) -> Draft:
    (draft,) = read(*contents, **how)
    assert isinstance(draft, Draft), list(report.lines(draft))
    return draft


def broken(*contents: bytes, **how: Any) -> set[tuple[str, str]]:
    (item,) = read(*contents, **how)
    assert isinstance(item, RowRefused)
    return {(line.rule, line.column) for line in report.lines(item)}


def test_a_filled_form_becomes_a_visit_with_its_answers_and_the_photo_s_digest_alone() -> None:
    draft = visit(form())
    assert (draft.record, draft.card, draft.occurred_at) == ("GroundCheckRecorded", KK, 1_741_919_400_000_000)
    assert draft.channel.document == "5b0a5f2e90c54b0e9d6f6e9a5a2f7f41"
    assert draft.body["family"]["geotag"] == "-7.816,112.011"
    assert draft.body["family"]["floor_area"] == 54
    assert draft.body["photo_digest"] == hashlib.sha256(b"jpg").digest()
    assert [one["person_ref"] for one in draft.body["individuals"]] == [NIK, SPOUSE]
    assert draft.body["individuals"][0]["birth_day"] == "04"
    assert draft.findings == ()


@pytest.mark.parametrize("version", [one.version for one in all_versions().values() if not one.beside])
def test_each_version_stays_valid_for_its_own_submissions(version: str) -> None:
    assert visit(form(questionnaire=version)).body["questionnaire"] == version


def test_an_answer_that_the_named_version_does_not_ask_for_is_told() -> None:
    said = form(questionnaire="REGSOSEK22-K-2022").replace(
        b"</family>", b"<electricity_customer>51</electricity_customer></family>"
    )
    assert broken(said) == {("NOT_IN_QUESTIONNAIRE", "electricity_customer")}


def test_an_unknown_version_is_told() -> None:
    assert broken(form(questionnaire="REGSOSEK26-X")) == {("QUESTIONNAIRE_UNKNOWN", "questionnaire")}


def test_the_version_of_the_form_counts_where_no_question_tells_it() -> None:
    assert visit(form(questionnaire=None)).body["questionnaire"] == "REGSOSEK22-K"


@pytest.mark.parametrize("result", ["3", "4", "5"])
def test_an_unfilled_visit_has_its_result_and_no_form(result: str) -> None:
    draft = visit(wrapped(leaves({**TOP, "result": result})))
    assert (draft.body["family"], draft.body["individuals"], draft.body["result"]) == (None, [], int(result))


def test_answers_of_a_visit_that_was_not_filled_are_told() -> None:
    told = broken(form(result="4"))
    assert ("FORM_NOT_DUE", "floor") in told
    assert ("FORM_NOT_DUE", "members") in told


def test_a_form_filled_in_part_may_lack_answers_and_a_complete_one_may_not() -> None:
    assert visit(form(floor=None, result="2")).body["family"].get("floor") is None
    assert broken(form(floor=None)) == {("ANSWER_MISSING", "floor")}
    person = {**PERSON, "chronic_illness": None}
    assert broken(form(person, WIFE)) == {("ANSWER_MISSING", "members[1]/chronic_illness")}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "rule", "column"),
    [
        ({"card_number": "357101100112000"}, "V1", "card_number"),
        ({"floor": "10"}, "CODE_UNKNOWN_WORD", "floor"),
        ({"floor": "tanah"}, "CODE_FORMAT", "floor"),
        ({"floor_area": "998"}, "NUMBER_RANGE", "floor_area"),
        ({"floor_area": "54,5"}, "NUMBER_WHOLE", "floor_area"),
        ({"water_distance": "3"}, "CODE_UNKNOWN_WORD", "water_distance"),
        ({"house_ownership": "2"}, "V4", "land_proof"),
        ({"water": "3"}, "V4", "water_distance"),
        ({"toilet": "6", "sewage": None}, "V4", "toilet_type"),
        ({"lighting": "2"}, "V4", "power_1"),
        ({"lighting": "4", "power_1": None, "asset_television": "1"}, "V10", "asset_television"),
        ({"asset_gas_5kg": "1"}, "V11", "asset_gas_5kg"),
        ({"cooking_fuel": "3"}, "V11", "asset_gas_5kg"),
        ({"geotag": "here"}, "GEOTAG_FORMAT", "geotag"),
        ({"geotag": "-97.8 112.0"}, "GEOTAG_FORMAT", "geotag"),
        ({"visited_at": "2025-03-14T09:30:00"}, "TIME_FORMAT", "visited_at"),
        ({"visited_at": None}, "ANSWER_MISSING", "visited_at"),
        ({"result": "6"}, "CODE_UNKNOWN_WORD", "result"),
        ({"region_code": "35.99.01.1001"}, "WILAYAH_TIDAK_ADA", "region_code"),
        ({"photo": "../house.jpg"}, "PHOTO_NAME", "photo"),
    ],
)
def test_each_rule_of_the_family_is_told_by_its_code_and_field(said: dict[str, Any], rule: str, column: str) -> None:
    assert (rule, column) in broken(form(**said))


@pytest.mark.parametrize(
    ("said", "rule", "name"),
    [
        ({"national_id": "123"}, "V1", "national_id"),
        ({"national_id": "3571013204800001"}, "NIK_DAY", "national_id"),
        ({"name": " "}, "ANSWER_MISSING", "name"),
        ({"birth_date": "1899-12-31"}, "V3", "birth_date"),
        ({"birth_date": "2025-03-15"}, "V3", "birth_date"),
        ({"birth_date": "2025-02-30"}, "DATE_ABSENT", "birth_date"),
        ({"birth_date": "04/03/1980"}, "DATE_FORMAT", "birth_date"),
        ({"presence": "6"}, "CODE_UNKNOWN_WORD", "presence"),
        ({"works": "2", "industry": None, "work_status": None}, "V4", "hours"),
        ({"works": "2", "hours": None, "work_status": None}, "V9", "industry"),
        ({"business_turnover": "1"}, "V9", "business_turnover"),
        ({"birth_date": "2023-04-01"}, "V7", "difficulty_seeing"),
        ({"birth_date": "2020-04-01"}, "V7", "difficulty_speaking"),
    ],
)
def test_each_rule_of_a_person_is_told_by_its_code_and_field(said: dict[str, Any], rule: str, name: str) -> None:
    assert (rule, f"members[2]/{name}") in broken(form(PERSON, {**WIFE, **said}))


def test_v14_a_family_has_one_head() -> None:
    assert broken(form(PERSON, {**WIFE, "relationship": "1"})) == {("V14", "members/relationship")}
    assert broken(form(WIFE)) == {("V14", "members/relationship")}


@pytest.mark.parametrize("version", [one.version for one in all_versions().values() if not one.beside])
@pytest.mark.parametrize(("count", "presence", "told"), [("1", "1", True), ("1", "2", False), ("1", "5", True)])
def test_v14_no_more_members_are_listed_than_the_family_counts(
    version: str,
    count: str,
    presence: str,
    told: bool,  # noqa: FBT001  a column of the table
) -> None:
    content = form(PERSON, {**WIFE, "presence": presence}, member_count=count, questionnaire=version)
    found = {
        (line.rule, line.column)
        for item in read(content)
        if isinstance(item, RowRefused)
        for line in report.lines(item)
    }
    assert found == ({("V14_MEMBERS", "member_count")} if told else set())


def test_v14_counts_nobody_where_the_family_counts_nobody_and_a_presence_that_is_none() -> None:
    assert visit(form(result="2", member_count=None)).body["family"].get("member_count") is None
    unread = {**WIFE, "presence": "6"}
    assert broken(form(PERSON, unread, member_count="1")) == {("CODE_UNKNOWN_WORD", "members[2]/presence")}
    listed = {**WIFE, "presence": None}
    assert broken(form(PERSON, listed, member_count="1", result="2")) == {("V14_MEMBERS", "member_count")}  # type: ignore[arg-type]


@pytest.mark.parametrize("style", ["odk", "kobo"])
def test_v14_of_an_export_is_that_of_the_form(style: str) -> None:
    third = {**WIFE, "national_id": CHILD, "relationship": "3"}
    assert broken(*tables(style, PERSON, WIFE, third), suffix=".csv") == {("V14_MEMBERS", "member_count")}


@FUZZED
@given(
    presences=st.lists(st.sampled_from([None, "1", "2", "3", "4", "5"]), min_size=1, max_size=3),
    count=st.sampled_from([None, "1", "2", "3"]),
)
def test_v14_the_importer_counts_as_the_registry_does(presences: list[str | None], count: str | None) -> None:
    refs, niks = (ANI, BUDI, CITRA), (NIK, SPOUSE, CHILD)
    people: list[dict[str, Any]] = [
        {**WIFE, "national_id": nik, "presence": presence} for nik, presence in zip(niks, presences, strict=False)
    ]
    imported = read(form(*people, member_count=count, result="2"))

    family = scene(registered(), claimed(), claimed(BUDI, relationship=2), claimed(CITRA, relationship=3)).state
    seen = tuple(
        IndividualVariables(person_ref=ref, presence=presence and int(presence))  # type: ignore[arg-type]
        for ref, presence in zip(refs, presences, strict=False)
    )
    house = FamilyVariables(member_count=count and int(count))  # type: ignore[arg-type]
    refused = ground_check.decide(say("GroundCheckRecorded", result=2, family=house, individuals=seen), family)
    told = {line.rule for item in imported if isinstance(item, RowRefused) for line in report.lines(item)}
    assert told == ({"V14_MEMBERS"} if refused is not None else set())
    assert refused is None or refused.rule == "V14"


def test_what_the_form_counts_for_itself_is_no_answer() -> None:
    assert visit(form({**PERSON, "counted": "1"}, {**WIFE, "counted": "1"})).body == visit(form()).body


def test_v2_v15_and_a_point_abroad_are_warnings() -> None:
    warned = {**PERSON, "name": "Slamet, S.Pd", "birth_date": "1981-03-04"}
    assert set(visit(form(warned, WIFE, geotag="52.5 13.4")).findings) == {"V2", "NIK_DOB_MISMATCH", "GEOTAG_ELSEWHERE"}


def test_a_person_is_told_of_once() -> None:
    assert broken(form(PERSON, {**WIFE, "national_id": NIK})) == {("MEMBER_TWICE", "members[2]/national_id")}


def test_all_faults_of_a_submission_are_told_at_once() -> None:
    assert len(broken(form({**PERSON, "sex": "3"}, WIFE, floor="0", wall="0", visited_at="yesterday"))) == 4


def test_a_new_person_is_claimed_before_the_visit_that_speaks_of_them() -> None:
    child = {"national_id": CHILD, "name": "Budi", "presence": "5", "sex": "1", "birth_date": "2024-05-01"}
    child |= {"marital_status": "1", "relationship": "3", "works": "2", "owns_business": "2", "chronic_illness": "1"}
    claim, draft = read(form(PERSON, WIFE, child, member_count="3"))
    assert isinstance(claim, Draft)
    assert isinstance(draft, Draft)
    assert (claim.record, claim.body["person_ref"], claim.card) == ("MembershipClaimed", CHILD, KK)
    assert draft.body["individuals"][2]["presence"] == 5


def test_a_photo_that_is_not_at_hand_is_warned_of_and_leaves_no_digest() -> None:
    draft = visit(form(), photo=None)
    assert draft.body["photo_digest"] is None
    assert draft.findings == ("PHOTO_MISSING",)


def test_the_same_submission_twice_is_told_with_the_first_one_s_row() -> None:
    first, again = read(form(), form())
    assert isinstance(first, Draft)
    assert isinstance(again, RowRefused)
    assert again.rule == "SUBMISSION_TWICE"


@pytest.mark.parametrize("instance", ["", "3571010403800001", "uuid:nobody"])
def test_a_submission_is_named_by_a_uuid(instance: str) -> None:
    assert broken(form(instance=instance)) == {("INSTANCE_MISSING", "")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<data>",
        b'<!DOCTYPE data [<!ENTITY a "b">]><data>&a;</data>',
        b'<?xml version="1.0" encoding="klingon"?><data/>',
        b"<data>" + b"<a>" * 40 + b"</a>" * 40 + b"</data>",
    ],
)
def test_xml_that_is_broken_or_dangerous_is_one_line_of_the_report(content: bytes) -> None:
    assert broken(content) == {("XML_BROKEN", "")}


def test_a_question_that_no_form_asks_is_told_and_not_left_out() -> None:
    assert broken(form().replace(b"<family>", b"<family><pets>3</pets>")) == {("QUESTION_UNKNOWN", "")}


def test_a_question_that_is_answered_twice_is_told() -> None:
    assert broken(form().replace(b"<family>", b"<family><floor>3</floor>")) == {("QUESTION_TWICE", "floor")}


def tables(style: str, *people: dict[str, str], key: str = INSTANCE) -> tuple[bytes, bytes]:
    """Return the two tables of an export, as ODK Central or as Kobo writes them."""
    odk = style == "odk"
    slash = "-" if odk else "/"
    house = {name: value for name, value in HOUSE.items() if name != "geotag"}
    point = {
        "family-geotag-Latitude": "-7.816",
        "family-geotag-Longitude": "112.011",
        "family-geotag-Altitude": "",
        "family-geotag-Accuracy": "",
    }
    kobo = {"family/geotag": HOUSE["geotag"], "_family/geotag_latitude": "-7.816"}
    top = {**TOP, **{f"family{slash}{name}": value for name, value in house.items()}, **(point if odk else kobo)}
    top |= (
        {"KEY": key, "SubmitterName": "app user 1", "ReviewState": ""}
        if odk
        else {"_id": "7", "_uuid": key.removeprefix("uuid:")}
    )
    own = (
        {"PARENT_KEY": key, "KEY": f"{key}/members[1]"}
        if odk
        else {"_submission__uuid": key.removeprefix("uuid:"), "_index": "1"}
    )
    lines = [
        {**{f"members{slash}{name}" if not odk else name: value for name, value in one.items()}, **own}
        for one in people or (PERSON, WIFE)
    ]
    return written([top], ";" if not odk else ","), written(lines, ";" if not odk else ",")


def written(rows: list[dict[str, str]], separator: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


@pytest.mark.parametrize("style", ["odk", "kobo"])
def test_a_csv_export_says_what_the_xml_says(style: str) -> None:
    draft = visit(*tables(style), suffix=".csv")
    assert draft.body == visit(form()).body
    assert (draft.channel, draft.occurred_at, draft.row) == (visit(form()).channel, visit(form()).occurred_at, 2)


def test_a_person_whose_visit_is_not_in_the_export_is_told() -> None:
    visits, _ = tables("odk")
    _, people = tables("odk", PERSON, key="uuid:00000000-90c5-4b0e-9d6f-6e9a5a2f7f41")
    items = read(visits, people, suffix=".csv")
    assert [item.rule for item in items if isinstance(item, RowRefused)] == ["ANSWER_MISSING", "VISIT_MISSING"]


@pytest.mark.parametrize("style", ["odk", "kobo"])
@pytest.mark.parametrize("table", [0, 1], ids=["visits", "persons"])
def test_a_row_of_an_export_that_ends_early_is_a_line_wherever_it_ends(style: str, table: int) -> None:
    whole = tables(style)
    head, row, *rest = whole[table].splitlines(keepends=True)
    separator = b"," if style == "odk" else b";"
    cells = row.split(separator)
    for kept in range(1, len(cells)):
        cut = [*whole]
        cut[table] = head + separator.join(cells[:kept]) + b"\r\n" + b"".join(rest)
        items = read(*cut, suffix=".csv")
        ends(items, 1)
        told = {item.rule for item in items if isinstance(item, RowRefused)}
        assert told & {"ROW_SHORT", "TRUNCATED", "VISIT_MISSING"}, kept


def test_xml_and_an_export_are_not_read_together() -> None:
    with pytest.raises(reader.MixedFiles):
        read(form(), b"a,b", names=("a.xml", "b.csv"))
    with pytest.raises(reader.MixedFiles):
        read()


def ends(items: list[Item], visits: int) -> None:
    """Hold that each visit ended as one change of a visit or one line, and that no line holds a number of a person."""
    told = [item for item in items if isinstance(item, RowRefused)]
    assert len(told) + sum(isinstance(item, Draft) and item.record == "GroundCheckRecorded" for item in items) >= visits
    for item in told:
        assert "35710" not in "".join(f"{line}" for line in report.lines(item))


@FUZZED
@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"<?xml", b"<data>", b"\xff\xfe<"]))
def test_arbitrary_bytes_are_a_line_and_never_a_fault(content: bytes, start: bytes) -> None:
    ends(read(start + content), 1)
    ends(read(start + content, suffix=".csv"), 0 if not content.strip() else 1)


@FUZZED
@given(st.data())
def test_a_damaged_submission_is_a_visit_or_a_line(data: st.DataObject) -> None:
    csv_like = data.draw(st.booleans())
    content = bytearray(tables("odk")[0] if csv_like else form())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 2))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=6))
    ends(read(bytes(content), suffix=".csv" if csv_like else ".xml"), 0 if csv_like else 1)


@FUZZED
@given(st.data())
def test_answers_that_the_importer_takes_break_no_rule_of_the_registry_s_sheets(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from([n for n in HOUSE if n not in {"photo", "geotag"}]), max_size=4))
    codes = [None, "0", "1", "2", "3", "4", "8", "12"]
    said: dict[str, Any] = {name: data.draw(st.sampled_from(codes)) for name in names}
    (item,) = read(form(result="2", **said))
    if isinstance(item, Draft):
        assert item.body["family"] is not None
        assert SHEETS["REGSOSEK22-K"].family.refusal(FamilyVariables(**item.body["family"])) is None
