"""The whole system, run once as a user would: nothing in clear, everything readable, every sum as counted anew."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from producers.simulation.stream import expected
from schemas import catalogue
from tests.contract.plain_consumer import PlainDecoder
from tests.integration import plaintext, recount, system_rig
from tests.integration.plaintext import Search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from producers.draft import Draft
    from tests.integration.system_rig import Record, SystemRun

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

AVRO = system_rig.ROOT / "schemas" / "avro"
NUMBERS = ("person_ref", "national_id", "card_number", "telephone")
TEXTS = ("name", "address_line")
SHORTEST_NUMBER = 10
MUST_BE_THERE = {
    "jejak.changes.v1": {"FamilyRegistered", "MembershipClaimed", "CivilRegistryMatched", "ProposalDrafted"},
    "jejak.events.v1": {"MembershipClaimed", "MembershipConfirmed", "GroundCheckRecorded", "EligibilityDecided"},
    "jejak.families.v1": {"FamilyState", "FoldPosition"},
    "jejak.eligibility.v1": {"EligibilityDecided"},
    "jejak.indicators.v1": {"IndicatorSum"},
    "jejak.refusals.v1": {"ChangeRefused"},
    "jejak.deadlines.v1": {"DeadlineScheduled"},
    "jejak.rules.v1": {"RulesActivated"},
    "jejak.reference.v1": {"ReferenceRowPublished"},
    "jejak.claims.v1": {"MembershipNoted"},
    "jejak.persons.v1": {"PersonState", "FoldPosition"},
    "jejak.audit.v1": {"AccessIntent", "AccessOutcome", "SubjectDisclosure"},
}


def said(bodies: Iterable[Any], names: tuple[str, ...]) -> set[str]:
    """Return what stands in these fields, at any depth."""
    found: set[str] = set()
    for body in bodies:
        for name, value in body.items():
            if isinstance(value, dict):
                found |= said([value], names)
            elif isinstance(value, list | tuple):
                found |= said([item for item in value if isinstance(item, dict)], names)
            elif name in names and isinstance(value, str):
                found.add(value)
    return found


def births(drafts: Iterable[Draft]) -> set[str]:
    """Return the days of birth of everybody claimed, as people and machines write them."""
    found: set[str] = set()
    for body in (draft.body for draft in drafts if draft.record == "MembershipClaimed"):
        year, month, day = f"{body['birth_year']:04}", f"{body['birth_month']:02}", body["birth_day"]
        found |= {sign.join(parts) for sign in "-/." for parts in ((year, month, day), (day, month, year))}
    return found


@pytest.fixture(scope="module")
def numbers() -> set[str]:
    drafts = system_rig.drafts()
    found = said([draft.body for draft in drafts], NUMBERS) | {draft.card for draft in drafts}
    return {number for number in found if len(number) >= SHORTEST_NUMBER}


@pytest.fixture(scope="module")
def search(numbers: set[str]) -> Search:
    drafts = system_rig.drafts()
    return Search(numbers, said([draft.body for draft in drafts], TEXTS) | births(drafts))


def everything(topics: dict[str, list[Record]]) -> dict[str, bytes]:
    """Return the bytes of each topic: every key, value and header, so parted that none runs into the next."""
    parted = b"\0\xff\0"
    return {
        name: parted.join(part for record in records for part in (record.key, record.value, record.headers))
        for name, records in topics.items()
    }


def test_nothing_personal_is_in_clear_in_any_byte_of_any_topic(
    system: SystemRun, search: Search, record_property: Any
) -> None:
    searched = everything(system.uncommitted)
    assert {topic.name for topic in catalogue.TOPICS} <= searched.keys()
    assert {"__consumer_offsets", "__transaction_state"} <= searched.keys()
    assert searched["jejak.changes.v1"]
    figures = {name: len(found) for name, found in searched.items()}
    record_property("bytes searched", figures)
    sys.stdout.write(f"\n{search.forms:,} forms looked for in {sum(figures.values()):,} bytes: {figures}\n")
    assert {name: leaks for name, found in searched.items() if (leaks := search.leaks(found))} == {}


def test_nothing_personal_is_in_clear_in_any_log_metric_report_or_error(system: SystemRun, search: Search) -> None:
    logs = system.files()
    told = {f"errors of {name}": ran.err.encode() for name, ran in system.commands.items()}
    shown = {name: ran.out.encode() for name, ran in system.commands.items() if not name.startswith("family ")}
    metrics = {name: text.encode() for name, text in system.metrics.items()}
    searched = {**logs, **told, **shown, **metrics}
    assert all(name in " ".join(logs) for name in ("fold.log", "read-model.log", "deadlines.log", "report.txt"))
    assert "jejak_events_consumed_total" in system.metrics["worker 0"]
    sys.stdout.write(f"\n{sum(map(len, searched.values())):,} bytes of logs, metrics, reports and errors searched\n")
    assert {name: leaks for name, found in searched.items() if (leaks := search.leaks(found))} == {}


def test_no_topic_key_is_a_number_of_a_person_or_card(system: SystemRun, numbers: set[str]) -> None:
    keys = {record.key for records in system.uncommitted.values() for record in records}
    assert not keys & {number.encode() for number in numbers}


def test_a_number_or_name_planted_in_a_copy_of_a_topic_is_found(system: SystemRun, search: Search) -> None:
    copy = everything(system.uncommitted)["jejak.events.v1"]
    body = next(step.draft.body for step in system_rig.steps() if step.draft.record == "MembershipClaimed")
    middle = len(copy) // 2
    for planted in (body["national_id"], body["national_id"][::-1], body["name"], body["name"].upper()):
        assert search.leaks(copy[:middle] + planted.encode() + copy[middle:])


def test_what_was_sealed_opens_through_the_door_as_it_was_said(system: SystemRun) -> None:
    assert len(system.opened) >= 10
    for one in system.opened:
        assert {name: one.shown[name] for name in ("address_line", "card_number", "telephone")} == {
            name: one.said[name] for name in ("address_line", "card_number", "telephone")
        }
        shown = {person["national_id"]: (person["name"], person["birth_day"]) for person in one.shown["members"]}
        assert shown == one.said["members"]


def test_a_plain_consumer_decodes_every_record_of_every_topic(system: SystemRun) -> None:
    decoder = PlainDecoder(AVRO)
    found: dict[str, Counter[str]] = {}
    for topic in catalogue.TOPICS:
        if topic.values:
            decoded = (decoder.decode(record.value)[0] for record in system.committed[topic.name] if readable(record))
            found[topic.name] = Counter(name.removeprefix("jejak.") for name in decoded)
            assert found[topic.name].keys() <= set(topic.values)
    sys.stdout.write(f"\n{json.dumps(found)}\n")
    for name, records in MUST_BE_THERE.items():
        assert records <= found[name].keys(), name


def readable(record: Record) -> bool:
    """Tell whether a record is one of the contract: all but the simulator's poison, which has keys of its own."""
    return not record.key.startswith(b"poison-")


def test_the_poison_is_among_the_dead_letters_and_nothing_else_is(system: SystemRun) -> None:
    poison = [record.value for record in system.committed["jejak.changes.v1"] if not readable(record)]
    dead = [record.value for record in system.committed["jejak.dead-letters.v1"]]
    assert len(poison) == system_rig.NATION.poison
    assert Counter(dead) == Counter(poison)


def test_indicators_equal_a_recount_by_a_script_that_has_nothing_of_ours(system: SystemRun) -> None:
    arguments = [sys.executable, "-I", recount.__file__, system.endpoints.kafka, str(AVRO)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    counted = {indicator: dict(cells) for indicator, cells in json.loads(ended.stdout).items()}
    shown = {
        indicator: {f"{cell['region']}|{cell['category']}": cell["sum"] for cell in cells if cell["sum"]}
        for indicator, cells in system.commands["indicators"].told.items()
        if any(cell["sum"] for cell in cells)
    }
    assert sum(counted["families_by_decile"].values()) > 100
    assert shown == counted


def test_what_the_simulation_foresees_is_what_the_registry_refused(system: SystemRun) -> None:
    foreseen = expected(system_rig.steps())
    decoder = PlainDecoder(AVRO)
    refused = [decoder.decode(record.value)[1] for record in system.committed["jejak.refusals.v1"]]
    simulated = [one for one in refused if one["header"]["document"].startswith(f"simulasi-{system_rig.NATION.seed}-")]
    by_fold = Counter(one["rule"] for one in simulated if one["source_topic"] == "jejak.changes.v1")
    by_intake = Counter(one["rule"] for one in simulated if one["source_topic"] != "jejak.changes.v1")
    assert (by_fold, by_intake) == (foreseen.refused_by_fold, foreseen.refused_by_intake)


def test_short_values_are_left_to_the_tests_of_sealing() -> None:
    """What is too short to be looked for in random bytes: only the day of birth alone, here searched with its month."""
    drafts = system_rig.drafts()
    short = {text for text in said([draft.body for draft in drafts], TEXTS) if 0 < len(text) < plaintext.SHORTEST}
    assert short == set()
