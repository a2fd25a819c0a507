"""A reissued card leads to its family once the event is accepted, and no file mints another family for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from consumers.read_model.cards import Cards
from consumers.read_model.projector import Projector
from identity.families import InMemoryAliases
from identity.references import kk_ref
from producers.draft import Channel, Draft, RowRefused
from schemas import codec
from stream_processors.registry.decision import change_of
from stream_processors.registry.family import handle
from stream_processors.registry.rulebook import RuleBook
from tests.unit.test_intake import JANUARY, KEY, KK, an_intake, claimed, registered
from tests.unit.test_read_model_projector import FAMILY, TOPICS, Log, NoLetters, Record, Tables, event

if TYPE_CHECKING:
    from producers.intake import Intake

NEW, DUKCAPIL = "357101" + "0505250002", Channel("dukcapil", "operator-2", "KK-BARU-1")
DAY = 86_400_000_000


def reissued(**more: Any) -> Draft:
    body = {"card_number": NEW, "reason": "HILANG"}
    return replace(Draft(DUKCAPIL, "FamilyCardReissued", JANUARY + DAY, KK, body), **more)


def with_the_new_card() -> Draft:
    return replace(claimed(), card=NEW, occurred_at=JANUARY + 2 * DAY)


def only(intake: Intake, draft: Draft) -> Any:
    (made,) = intake.take([draft])
    return made


def accepted(*values: bytes) -> list[bytes]:
    """Return the events that the registry accepts of a family's changes."""
    state, events = None, []
    for value in values:
        handled = handle(change_of(value, JANUARY + 9 * DAY), state, RuleBook())
        state = handled.state
        events += [one.framed for one in handled.events]
    return events


def test_a_reissued_card_is_referred_to_by_its_own_number_and_finds_the_family_by_the_old_one() -> None:
    intake = an_intake()
    first, second = only(intake, registered()), only(intake, reissued())
    assert second.key == first.key
    assert codec.decode(second.value).card_ref == kk_ref(KEY, NEW) != codec.decode(first.value).card_ref


def test_a_new_number_that_is_none_is_refused() -> None:
    made = only(an_intake(), reissued(body={"card_number": NEW[:-1], "reason": "HILANG"}))
    assert isinstance(made, RowRefused)
    assert made.rule == "V1"


def test_files_with_the_new_card_find_the_family_once_the_word_of_it_is_accepted() -> None:
    # Given a family whose card was reissued
    aliases = InMemoryAliases()
    intake = an_intake(aliases=aliases)
    first, second = only(intake, registered()), only(intake, reissued())
    assert aliases.family_of(kk_ref(KEY, NEW)) is None
    # When the accepted events are projected, twice
    cards = Cards(lambda: aliases)
    for framed in accepted(first.value, second.value) * 2:
        cards.learn(framed)
    # Then a file with the new card speaks of the same family, and so does one with the old
    assert only(intake, with_the_new_card()).key == first.key
    assert only(intake, claimed()).key == first.key


def test_a_card_that_another_family_has_stays_there() -> None:
    aliases = InMemoryAliases()
    intake = an_intake(aliases=aliases)
    first, other = only(intake, registered()), only(intake, with_the_new_card())
    cards = Cards(lambda: aliases)
    for framed in accepted(first.value, only(intake, reissued()).value):
        cards.learn(framed)
    assert only(intake, with_the_new_card()).key == other.key != first.key


def test_the_projector_asks_for_the_alias_table_with_the_first_card_alone() -> None:
    asked: list[InMemoryAliases] = []

    def aliases() -> InMemoryAliases:
        asked.append(InMemoryAliases())
        return asked[-1]

    intake = an_intake()
    told = accepted(only(intake, registered()).value, only(intake, reissued()).value)
    log = Log([Record(TOPICS.events, event(FAMILY), 0)], [Record(TOPICS.events, told[-1], 1)])
    store: Any = Tables()
    letters: Any = NoLetters()
    source: Any = log
    running = Projector(source, lambda _: store, letters, TOPICS, cards=Cards(aliases))
    running.step()
    assert asked == []
    running.step()
    (made,) = asked
    assert made.family_of(kk_ref(KEY, NEW)) is not None
