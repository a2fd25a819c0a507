"""What the command line answers about the running system, and what became of agencies that spoke at once or amiss."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from identity import references
from identity.references import family_id_for
from jejak.settings import Settings
from tests.contract.plain_consumer import PlainDecoder
from tests.integration import spoken, system_rig, visiting

if TYPE_CHECKING:
    from tests.integration.system_rig import SystemRun

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

DONE, WRONG_USAGE, WITHHELD, UNREACHABLE = 0, 2, 3, 4
DECODER = PlainDecoder(system_rig.ROOT / "schemas" / "avro")
READABLE = ("jejak.events.v1", "jejak.refusals.v1", "jejak.families.v1", "jejak.audit.v1")


@pytest.fixture(scope="module")
def topics(system: SystemRun) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    return {name: [DECODER.decode(record.value) for record in system.committed[name]] for name in READABLE}


@pytest.fixture(scope="module")
def families_of(system: SystemRun) -> dict[str, list[str]]:
    """The families of each case that was spoken of beside the simulation."""
    key = Settings(data=system.data).reference_key()
    return {
        case: [family_id_for(references.kk_ref(key, spoken.card(case, n))) for n in range(spoken.FAMILIES)]
        for case in spoken.CASES
    }


def events(topics: Any, family_id: str) -> list[str]:
    """Return the accepted records of a family, without what the registry derived."""
    found = [(name.removeprefix("jejak."), fields["header"]) for name, fields in topics["jejak.events.v1"]]
    mine = [(header["sequence"], name) for name, header in found if header["family_id"] == family_id]
    assert sorted(place for place, _ in mine) == list(range(1, len(mine) + 1))
    return [name for _, name in sorted(mine) if name != "EligibilityDecided"]


def refusals(topics: Any, family_id: str) -> Counter[str]:
    return Counter(one["rule"] for _, one in topics["jejak.refusals.v1"] if one["header"]["family_id"] == family_id)


@pytest.mark.parametrize(
    "command",
    [
        "rules",
        "seeds",
        "simulate",
        "simulate again",
        "family show",
        "family history",
        "indicators",
        "refusals",
        "visits",
        "provenance",
        "refusals of visits",
        "dead letters",
        "schemas list",
        "schemas check",
        "config show",
        "status",
    ],
)
def test_a_command_that_is_done_ends_with_0_and_prints_json(system: SystemRun, command: str) -> None:
    assert system.commands[command].code == DONE, system.commands[command].err
    assert system.commands[command].told


def test_a_table_for_people_ends_with_0_and_names_its_place_in_the_audit_trail(system: SystemRun) -> None:
    ran = system.commands["family shown to people"]
    assert ran.code == DONE
    assert "on record" in ran.out
    assert "jejak.audit.v1[" in ran.out


def test_a_file_with_refused_rows_ends_with_3_and_names_row_and_rule(system: SystemRun) -> None:
    ran = system.commands["file"]
    assert ran.code == WITHHELD
    assert Counter(row["rule"] for row in ran.told["rows"]) == {"DOUBLED_ROW": 1, "NIK_GANDA": 1}
    assert (system.data / "report.txt").read_text(encoding="utf-8").count("DOUBLED_ROW") == 1
    assert {"DOUBLED_ROW", "NIK_GANDA"} <= {one["rule"] for one in system.commands["refusals"].told}


@pytest.mark.parametrize("command", ["no database", "no broker"])
def test_a_server_that_does_not_answer_ends_with_4_and_one_line(system: SystemRun, command: str) -> None:
    ran = system.commands[command]
    assert (ran.code, ran.out) == (UNREACHABLE, "")
    *before, last = ran.err.splitlines()
    assert last.startswith("error: ")
    assert not any("Traceback" in line for line in before)


def test_the_same_simulation_again_adds_nothing(system: SystemRun) -> None:
    first, again = system.commands["simulate"].told, system.commands["simulate again"].told
    assert again == {"sent": 0, "skipped": first["sent"], "refused": first["refused"]}
    assert first["sent"] > 1_000
    assert system.changes_after == system.changes_before


def test_the_workers_end_in_good_order_when_told_to(system: SystemRun) -> None:
    ran = system.commands["run all"]
    assert ran.code == DONE, ran.err
    assert "Traceback" not in ran.err


def test_every_worker_served_its_metrics(system: SystemRun) -> None:
    assert len(system.metrics) == system_rig.WORKERS
    assert all("python_info" in text for text in system.metrics.values())


def test_a_purpose_that_is_denied_shows_nothing_and_is_on_record(system: SystemRun, topics: Any) -> None:
    ran = system.commands["denied"]
    assert (ran.code, ran.out) == (WITHHELD, "")
    assert "PURPOSE_NOT_OF_AGENCY" in ran.err
    intents = [fields for name, fields in topics["jejak.audit.v1"] if name == "jejak.AccessIntent"]
    denied = [one for one in intents if "PURPOSE_NOT_OF_AGENCY" in one["determining_rules"]]
    assert [(one["decision"], one["purpose_code"]) for one in denied] == [("DENY", "PEMERINGKATAN")]
    outcomes = [fields for name, fields in topics["jejak.audit.v1"] if name == "jejak.AccessOutcome"]
    assert [one["outcome"] for one in outcomes if one["intent_id"] == denied[0]["event_id"]] == ["WITHHELD"]


def test_a_number_is_never_taken_as_an_argument_nor_repeated(system: SystemRun) -> None:
    ran = system.commands["number as argument"]
    assert (ran.code, ran.out) == (WRONG_USAGE, "")
    assert system.opened[0].nik not in ran.err


def test_a_number_in_what_the_officer_says_is_withheld_and_not_recorded(system: SystemRun, topics: Any) -> None:
    ran = system.commands["number as text"]
    assert (ran.code, ran.out) == (WITHHELD, "")
    intents = [fields for name, fields in topics["jejak.audit.v1"] if name == "jejak.AccessIntent"]
    assert [one["purpose_text"] for one in intents if one["determining_rules"] == ["NIK_IN_TEXT"]] == ["REDACTED"]


def test_a_number_that_is_typed_unseen_finds_the_family(system: SystemRun) -> None:
    ran = system.commands["family by number"]
    assert ran.code == DONE, ran.err
    assert system.opened[0].nik not in ran.out
    assert system.opened[0].family_id in ran.out


def test_every_look_that_showed_somebody_is_disclosed_person_by_person(topics: Any) -> None:
    audit = topics["jejak.audit.v1"]
    lists = {one["event_id"] for name, one in audit if name == "jejak.AccessIntent" and one["action"] == "LIST"}
    outcomes = [one for name, one in audit if name == "jejak.AccessOutcome" and one["intent_id"] not in lists]
    delivered = [one for one in outcomes if one["outcome"] == "DELIVERED"]
    persons = Counter(one["intent_id"] for name, one in audit if name == "jejak.SubjectDisclosure")
    assert delivered
    assert {one["intent_id"]: one["result_count"] for one in delivered} == persons


def test_a_list_of_refusals_is_on_record_with_its_count_and_discloses_nobody(system: SystemRun, topics: Any) -> None:
    audit = topics["jejak.audit.v1"]
    lists = [one for name, one in audit if name == "jejak.AccessIntent" and one["action"] == "LIST"]
    by_agency = {one["agency_id"]: one for one in lists}
    commands = {system_rig.FILE_AGENCY: "refusals", visiting.PENDAMPING: "refusals of visits"}
    assert len(lists) == len(commands)
    for agency, command in commands.items():
        asked = by_agency[agency]
        assert asked["purpose_code"] == "VERIFIKASI_VALIDASI"
        about = [(name, one) for name, one in audit if one.get("intent_id") == asked["event_id"]]
        assert [(name, one["result_count"]) for name, one in about] == [
            ("jejak.AccessOutcome", len(system.commands[command].told))
        ]


def test_a_family_registered_by_two_agencies_at_once_is_registered_once(topics: Any, families_of: Any) -> None:
    for family_id in families_of["registered by two at once"]:
        assert events(topics, family_id) == ["FamilyRegistered"]
        assert refusals(topics, family_id) == {"ALREADY_REGISTERED": 1}


def test_of_two_moves_said_at_once_both_are_kept_and_the_later_one_holds(topics: Any, families_of: Any) -> None:
    states = [fields for name, fields in topics["jejak.families.v1"] if name == "jejak.FamilyState"]
    latest = {state["family_id"]: state for state in sorted(states, key=lambda state: int(state["sequence"]))}
    for family_id in families_of["moved by two at once"]:
        assert events(topics, family_id) == ["FamilyRegistered", "FamilyMoved", "FamilyMoved"]
        assert refusals(topics, family_id) == {}
        (residence,) = [one for one in latest[family_id]["facets"] if one["name"] == "residence"]
        headers = [fields["header"] for _, fields in topics["jejak.events.v1"]]
        (agency,) = [
            one["agency"]
            for one in headers
            if (one["family_id"], one["sequence"]) == (family_id, residence["sequence"])
        ]
        assert agency == spoken.DESA


def test_the_same_change_from_two_producers_is_one_event_and_no_refusal(topics: Any, families_of: Any) -> None:
    for family_id in families_of["said twice"]:
        assert events(topics, family_id) == ["FamilyRegistered", "FamilyMoved"]
        assert refusals(topics, family_id) == {}


def test_a_foreign_code_and_what_an_agency_may_not_say_are_refused_by_rule(topics: Any, families_of: Any) -> None:
    for family_id in families_of["refused"]:
        assert events(topics, family_id) == ["FamilyRegistered"]
        assert refusals(topics, family_id) == {"AGENCY_MAY_NOT": 1, "WILAYAH_TIDAK_ADA": len(spoken.OTHER_SYSTEM)}


def test_a_submission_that_was_imported_is_decided_and_tells_whose_word_its_answers_are(
    system: SystemRun, topics: Any
) -> None:
    # Two visits, and of the one family a claim for the child who was new, and the head's pregnancy.
    assert system.commands["visits"].told["sent"] == 4
    family_id = visiting.family_id(system.data, visiting.CARD)
    assert Counter(events(topics, family_id)) == {
        "FamilyRegistered": 1,
        "MembershipClaimed": 2,
        "MembershipConfirmed": 2,
        "GroundCheckRecorded": 1,
        "PersonConditionRecorded": 1,
    }
    sources = [one for one in system.commands["provenance"].told["sources"] if one["sequence"]]
    told = {(one["name"], bool(one["person_ref"])): one for one in sources}
    visit = f"KUNJUNGAN {visiting.VERSION}"
    of_head = [one for one in sources if one["name"] == "pregnant"]
    assert [(one["variable"], one["number"], one["method"]) for one in of_head] == [("beside", "410", visit)]
    assert {one["document"] for one in of_head} == {visiting.INSTANCES[0].replace("-", "")}
    assert (told["floor", False]["agency"], told["floor", False]["method"]) == (visiting.PENDAMPING, visit)
    assert told["aid_pkh_month", False]["method"] == visit
    assert (told["card_number", False]["agency"], told["card_number", False]["method"]) == (spoken.DESA, "PENDAFTARAN")


def test_a_visit_of_a_family_that_is_not_registered_is_refused_to_the_agency_that_sent_it(
    system: SystemRun, topics: Any
) -> None:
    nowhere = visiting.family_id(system.data, visiting.NOWHERE)
    assert refusals(topics, nowhere) == {"FAMILY_NOT_REGISTERED": 1}
    shown = [one for one in system.commands["refusals of visits"].told if one["family_id"] == nowhere]
    assert [(one["record"], one["rule"], one["pointer"]) for one in shown] == [
        ("jejak.GroundCheckRecorded", "FAMILY_NOT_REGISTERED", "/header/family_id")
    ]
