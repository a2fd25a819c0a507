"""The queue of names in doubt, and an officer's judgement as the change it becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumers.read_model.queries import FamilyPlace
from jejak import civil_registry
from jejak.cli.app import app
from producers.name_judgement import Judgement, outgoing, record_of
from schemas import codec, regions
from schemas.records import CivilRegistryMatched
from stream_processors.registry.decision import AlreadyKnown, Refused
from tests.unit.registry_scenarios import ANI, FAMILY, NOW, claimed, given, matched, registered

if TYPE_CHECKING:
    from collections.abc import Iterator

DOUBT = b"name in doubt .."
PLACE = regions.kemendagri("35.71.02.1001")
JUDGED = Judgement("dinsos/35.71", "petugas-1", FAMILY, ANI, DOUBT, "same", "KTP diperlihatkan", NOW)


def doubted() -> Any:
    doubt = matched(status="NAMA_MERAGUKAN", registry_name=b"sealed", name_likeness=80, change_id=DOUBT)
    return given(registered(), claimed(), doubt)


class ReadModel:
    """Families a to e of one village, of which b and d wait; b, c and d speak of a name in doubt."""

    def __init__(self) -> None:
        waiting, others = doubted().state, given(registered(), claimed(), matched()).state
        self.states = {name: replace(waiting if name in "bd" else others, family_id=name) for name in "abcde"}
        self.read: list[str] = []

    def families_in_doubt(self, region: regions.Region, after: FamilyPlace | None = None) -> Iterator[FamilyPlace]:
        assert region == PLACE
        places = [FamilyPlace("35.71.02", self.states[name].region.code, name) for name in "bcd"]
        return (place for place in places if after is None or place > after)

    def family(self, family_id: str) -> Any:
        self.read.append(family_id)
        return self.states.get(family_id)


def test_the_families_that_wait_are_found_without_reading_any_that_has_no_name_in_doubt() -> None:
    model = ReadModel()
    assert civil_registry.waiting(model, model, PLACE) == ["b", "d"]
    assert model.read == ["b", "c", "d"]


def test_the_queue_goes_on_after_the_last_family_seen_also_once_that_one_was_judged() -> None:
    model = ReadModel()
    assert civil_registry.waiting(model, model, PLACE, limit=1) == ["b"]
    assert civil_registry.waiting(model, model, PLACE, after="b") == ["d"]
    assert civil_registry.waiting(model, model, PLACE, after="a") == ["b", "d"]
    assert civil_registry.waiting(model, model, PLACE, after="d") == []
    assert civil_registry.waiting(model, model, PLACE, after="nobody") == ["b", "d"]


class Registry:
    """A registry of one family, and what was published."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.published: list[Any] = []

    def read_model(self) -> Any:
        return self

    def family(self, family_id: str) -> Any:
        return self.state if family_id == FAMILY else None

    def publisher(self, _: int) -> Any:
        return self

    def publish(self, document: tuple[str, str], items: tuple[Any, ...], _: Any) -> None:
        self.published.append((document, items))


def judge(state: Any, judgement: Judgement) -> tuple[Any, Registry]:
    registry = Registry(state)
    return civil_registry.judge(registry, judgement), registry  # type: ignore[arg-type]  # as much as it uses


@pytest.mark.parametrize(("outcome", "status"), [("same", "PADAN"), ("different", "NAMA_BEDA")])
def test_a_judgement_is_a_match_that_says_which_doubt_it_resolves_and_why(outcome: Any, status: str) -> None:
    record = record_of(replace(JUDGED, outcome=outcome))
    assert isinstance(record, CivilRegistryMatched)
    assert (record.status, record.resolves, record.reason) == (status, DOUBT, "KTP diperlihatkan")
    assert outgoing(record).key == FAMILY.encode()
    assert doubted().when(record).accepted().member().padan == status


def test_the_same_judgement_has_the_same_id_whenever_it_is_said_and_another_one_another() -> None:
    said = record_of(JUDGED).header.change_id
    assert record_of(replace(JUDGED, occurred_at=NOW + 1)).header.change_id == said
    assert record_of(replace(JUDGED, outcome="different")).header.change_id != said


def test_a_judgement_is_published_once_it_passed_the_fold_s_own_rules() -> None:
    came, registry = judge(doubted().state, JUDGED)
    ((document, (message,)),) = registry.published
    assert came == codec.decode(message.value).header.change_id
    assert document == ("dinsos/35.71", f"judgement/{came.hex()}")


def test_a_judgement_of_nothing_in_doubt_is_refused_and_not_published() -> None:
    came, registry = judge(given(registered(), claimed(), matched()).state, JUDGED)
    assert isinstance(came, Refused)
    assert (came.rule, registry.published) == ("NAME_NOT_IN_DOUBT", [])
    came, registry = judge(doubted().state, replace(JUDGED, family_id="z" * 26))
    assert isinstance(came, Refused)
    assert (came.rule, registry.published) == ("FAMILY_NOT_REGISTERED", [])


def test_a_judgement_said_before_is_known() -> None:
    came, registry = judge(doubted().and_given(record_of(JUDGED)).state, JUDGED)
    assert isinstance(came, AlreadyKnown)
    assert registry.published == []


@pytest.mark.parametrize(
    ("match_id", "reason"), [("no id", "KTP"), ("00", "KTP"), (DOUBT.hex(), "NIK 3571024406800001")]
)
def test_a_wrong_id_or_a_number_in_the_reason_is_wrong_usage(match_id: str, reason: str) -> None:
    arguments = ["civil-registry", "resolve", FAMILY, ANI, match_id, "--same", "--reason", reason]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 2
    assert "3571024406800001" not in told.output
