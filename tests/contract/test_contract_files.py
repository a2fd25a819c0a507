"""The schema files, the lock and the dataclasses say the same; every field is explained, every sealed one declared."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

import pytest

from schemas import catalogue, codec, contract, evolution, generator, records, sealed

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = tuple(contract.records())
SCALARS = {"string": str, "bytes": bytes, "int": int, "long": int, "boolean": bool}

# Design, section 6: NIK, KK number, names, birth day, address line, telephone, geotag, customer and account numbers,
# free text; everything else of a person is a reference, a year and month of birth, or a coded variable.
SEALED = {
    "AidReceived": {"account": "person_or_members"},
    "CivilRegistryMatched": {"registry_name": "person"},
    "DinsosReviewCompleted": {"note": "members"},
    "FamilyArrived": {"address_line": "family"},
    "FamilyCardReissued": {"card_number": "family"},
    "FamilyMoved": {"address_line": "family"},
    "FamilyRegistered": {"card_number": "family", "address_line": "family", "telephone": "family"},
    "FamilyVariables": {
        "card_number": "family",
        "head_name": "head_or_members",
        "address_line": "family",
        "geotag": "family",
        "electricity_customer": "family",
    },
    "FieldVerificationCompleted": {"geotag": "family"},
    "GroundCheckVisited": {"geotag": "family"},
    "IndividualVariables": {"national_id": "person", "name": "person", "birth_day": "person"},
    "MembershipClaimed": {"national_id": "person", "name": "person", "birth_day": "person"},
    "ObjectionFiled": {"grounds": "objector_and_members", "geotag": "family"},
    "ProposalDrafted": {"note": "members"},
}
# By kind of content, whatever the record: what a family shares is the family's; what is a person's, or may name one as
# free text does, never is, since the family's key stands until its last member is erased (decision 0030).
OF_THE_FAMILY = {"card_number", "address_line", "telephone", "geotag", "electricity_customer"}
OF_A_PERSON = {"national_id", "name", "birth_day", "registry_name", "head_name", "account"}
FREE_TEXT = {"grounds", "note"}
WHOSE = {
    "family": "Sealed with the family's key.",
    "person": "Sealed with the person's key.",
    "members": "Sealed with the members' key.",
    "person_or_members": "Sealed with the person's key, or the members' where it names no person.",
    "head_or_members": "Sealed with the head's key, or the members' where no head is among the individuals.",
    "objector_and_members": "Sealed with the objector's key and the members', both.",
}
BYTES_THAT_ARE_NO_PERSON = {
    ("FamilyState", "counted"),
    ("FamilyState", "recent_changes"),
    ("AccessIntent", "query_cipher"),
    ("RulesActivated", "file"),
    ("AccessRequestState", "recent_changes"),
}


def every_field() -> list[tuple[str, dict[str, Any]]]:
    return [(name.removeprefix("jejak."), field) for name in RECORDS for field in contract.sources()[name]["fields"]]


def test_the_dataclasses_are_what_the_generator_makes_of_the_schemas() -> None:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(generator.TARGET), "-"]
    made = subprocess.run(command, input=generator.render(), capture_output=True, text=True, check=True)
    assert made.stdout == generator.TARGET.read_text(encoding="utf-8")


def fits(hint: Any, kind: Any) -> bool:
    """Tell whether an annotation is the Python type of an Avro type, worked out without the generator."""
    match kind:
        case ["null", inner]:
            inside = [one for one in get_args(hint) if one is not types.NoneType]
            return get_origin(hint) in {Union, types.UnionType} and len(inside) == 1 and fits(inside[0], inner)
        case {"type": "array", "items": items}:
            return get_origin(hint) is tuple and get_args(hint)[1] is Ellipsis and fits(get_args(hint)[0], items)
        case {"type": inner}:
            return fits(hint, inner)
        case str() if kind in SCALARS:
            return hint is SCALARS[kind]
        case _:
            schema = contract.sources()[kind]
            return hint is (bytes if schema["type"] == "fixed" else getattr(records, schema["name"]))


@pytest.mark.parametrize("name", RECORDS)
def test_a_dataclass_has_its_schema_s_fields_in_order_and_type(name: str) -> None:
    cls, schema = codec.class_of(name), contract.sources()[name]
    assert [field.name for field in fields(cls)] == [field["name"] for field in schema["fields"]]
    hints = get_type_hints(cls)
    for field, declared in zip(fields(cls), schema["fields"], strict=True):
        assert fits(hints[field.name], declared["type"]), field.name
        assert (field.default is None) == (declared.get("default", MISSING) is None), field.name


def test_every_dataclass_is_frozen_and_has_a_schema() -> None:
    assert set(records.__all__) == {name.removeprefix("jejak.") for name in RECORDS}
    for name in records.__all__:
        assert getattr(records, name).__dataclass_params__.frozen


@pytest.mark.parametrize(("record", "field"), [(record, field["name"]) for record, field in every_field()])
def test_every_field_is_explained(record: str, field: str) -> None:
    doc = next(one for one in contract.sources()[f"jejak.{record}"]["fields"] if one["name"] == field).get("doc", "")
    assert doc.endswith(".")


@pytest.mark.parametrize(
    "name", [*catalogue.EVENTS, *catalogue.REQUEST_EVENTS, "RulesActivated", "ChangeRefused", "DeadlineScheduled"]
)
def test_every_change_and_event_names_its_legal_step_or_source(name: str) -> None:
    assert "Legal step:" in contract.sources()[f"jejak.{name}"]["doc"]


@pytest.mark.parametrize("name", catalogue.topic(catalogue.AUDIT_TOPIC).values)
def test_every_audit_record_says_why_it_is_there(name: str) -> None:
    doc = contract.sources()[f"jejak.{name}"]["doc"]
    assert "UU PDP" in doc or name == "GatewayHeartbeat"


def test_the_sealed_fields_are_exactly_those_of_the_design() -> None:
    found: dict[str, dict[str, str]] = {}
    for record, field in every_field():
        if "sealed" in field:
            found.setdefault(record, {})[field["name"]] = field["sealed"]
    assert found == SEALED


def test_what_is_a_persons_or_may_name_one_is_never_sealed_with_the_familys_key() -> None:
    for record, field in every_field():
        name, owner = field["name"], field.get("sealed")
        match owner:
            case None:
                pass
            case "family":
                assert name in OF_THE_FAMILY, (record, name)
            case "person" | "person_or_members" | "head_or_members":
                assert name in OF_A_PERSON, (record, name)
            case "members" | "objector_and_members":
                assert name in FREE_TEXT, (record, name)
            case _:
                pytest.fail(f"{record}.{name} is sealed with a key that nobody has: {owner}")


def test_a_sealed_field_is_bytes_says_whose_key_and_no_other_bytes_are_a_person_s() -> None:
    for record, field in every_field():
        raw_bytes = field["type"] in ("bytes", ["null", "bytes"])
        if "sealed" in field:
            assert raw_bytes, (record, field["name"])
            assert field["doc"].endswith(WHOSE[field["sealed"]]), (record, field["name"])
        elif raw_bytes:
            assert (record, field["name"]) in BYTES_THAT_ARE_NO_PERSON


def test_what_seals_finds_every_sealed_field_within_a_change() -> None:
    def paths(shape: sealed.Shape) -> set[str]:
        inner = {path for _, one in (*shape.records, *shape.lists) for path in paths(one)}
        return {one.path for one in shape.sealed} | inner

    expected = {f"family.{name}" for name in SEALED["FamilyVariables"]}
    expected |= {f"individuals.{name}" for name in SEALED["IndividualVariables"]}
    assert paths(sealed.shape_of("jejak.GroundCheckRecorded")) == expected


@pytest.mark.parametrize("name", [*catalogue.EVENTS, *catalogue.REQUEST_EVENTS, "RulesActivated", "ChangeRefused"])
def test_every_change_and_event_begins_with_the_header(name: str) -> None:
    first = contract.sources()[f"jejak.{name}"]["fields"][0]
    assert (first["name"], first["type"]) == ("header", "jejak.Header")


def test_every_value_of_every_topic_has_a_schema() -> None:
    for topic in catalogue.TOPICS:
        for value in topic.values:
            assert f"jejak.{value}" in RECORDS


def test_times_are_utc_microseconds_and_days_are_dates() -> None:
    for record, field in every_field():
        name = field["name"]
        text = json.dumps(field["type"])
        if name.endswith("_at"):
            assert "timestamp-micros" in text, (record, name)
        if name.endswith("_on"):
            assert '"date"' in text, (record, name)


# --- the lock ---


def test_the_lock_has_no_drift() -> None:
    assert evolution.drift() == []


def test_the_lock_names_every_record_once_per_version_with_ids_of_their_own() -> None:
    entries = contract.lock()
    assert len({entry.schema_id for entry in entries}) == len(entries)
    assert len({(entry.subject, entry.version) for entry in entries}) == len(entries)
    assert {entry.subject for entry in entries} == set(RECORDS)
    assert all(0 < entry.schema_id < 2**31 for entry in entries)


def test_a_changed_file_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = json.loads(json.dumps(dict(contract.sources())))
    changed["jejak.Region"]["fields"].append({"name": "more", "type": "string", "default": "", "doc": "More."})
    monkeypatch.setattr(contract, "sources", lambda: changed)
    drifted = evolution.drift()
    assert "jejak.Region" in drifted
    assert "jejak.FamilyState" in drifted
    assert "jejak.PartitionCut" not in drifted


def test_released_schemas_are_never_locked_anew(tmp_path: Path) -> None:
    (tmp_path / contract.LOCK_FILE).write_text('{"released": true, "schemas": []}')
    with pytest.raises(PermissionError):
        evolution.relock(tmp_path)


def test_locking_anew_before_the_release_writes_what_is_committed(tmp_path: Path) -> None:
    evolution.relock(tmp_path)
    committed = (evolution.AVRO_FOLDER / contract.LOCK_FILE).read_text()
    if not json.loads(committed)["released"]:
        assert (tmp_path / contract.LOCK_FILE).read_text() == committed
