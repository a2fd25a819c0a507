"""The contract of the alias table, held by the one in memory and by the one in Cassandra; then the races."""

import secrets
from base64 import b32encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from identity.buckets import write_rows
from identity.families import AliasConflict, Aliases, FamilyAliases, InMemoryAliases
from identity.references import family_id_for
from identity.tables import create_tables
from jejak.stack import Endpoints
from transport.cassandra import closing_session

Open = Callable[[], FamilyAliases]


def new_reference() -> str:
    return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


@pytest.fixture(scope="session")
def session(stack: Endpoints) -> Iterator[Any]:
    with closing_session(stack.cassandra) as opened:
        create_tables(opened, {"class": "SimpleStrategy", "replication_factor": 1})
        yield opened


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.real)])
def open_aliases(request: pytest.FixtureRequest) -> Open:
    if request.param == "memory":
        aliases = InMemoryAliases()
        return lambda: aliases
    session = request.getfixturevalue("session")
    return lambda: Aliases(session)


def test_a_card_never_seen_belongs_to_no_family(open_aliases: Open) -> None:
    assert open_aliases().family_of(new_reference()) is None


def test_a_minted_family_is_the_card_s_for_every_importer(open_aliases: Open) -> None:
    card = new_reference()
    family = open_aliases().mint(card)
    assert open_aliases().family_of(card) == open_aliases().mint(card) == family == family_id_for(card)


def test_a_reissued_card_belongs_to_the_family_and_never_mints_another(open_aliases: Open) -> None:
    old, new = new_reference(), new_reference()
    family = open_aliases().mint(old)
    assert open_aliases().add_alias(new, family) is None
    assert open_aliases().family_of(new) == open_aliases().mint(new) == family
    assert open_aliases().mint_all([new, old]) == {new: family, old: family}
    assert open_aliases().family_of(old) == family


def test_adding_an_alias_again_changes_nothing(open_aliases: Open) -> None:
    card, family = new_reference(), new_reference()
    assert open_aliases().add_alias(card, family) is None
    assert open_aliases().add_alias(card, family) is None
    assert open_aliases().family_of(card) == family


def test_a_card_is_never_taken_from_the_family_it_belongs_to(open_aliases: Open) -> None:
    card, other = new_reference(), new_reference()
    family = open_aliases().mint(card)
    assert open_aliases().add_alias(card, other) == AliasConflict(card, family, other)
    assert open_aliases().family_of(card) == family


def test_many_cards_are_looked_up_and_minted_at_once(open_aliases: Open) -> None:
    cards = [new_reference() for _ in range(500)]
    first = open_aliases().mint_all(cards[:250])
    assert open_aliases().families_of([*cards, *cards]) == first
    everything = open_aliases().mint_all([*cards, *cards])
    assert everything == {card: family_id_for(card) for card in cards}
    assert open_aliases().families_of(cards) == everything
    assert open_aliases().families_of([]) == open_aliases().mint_all([]) == {}


def test_many_cards_of_one_partition_are_all_minted_and_found(open_aliases: Open) -> None:
    cards = [f"aa{new_reference()[2:]}" for _ in range(250)]
    assert open_aliases().mint_all(cards) == open_aliases().families_of(cards)
    assert open_aliases().families_of(cards).keys() == set(cards)


@pytest.mark.real
def test_importers_that_race_to_mint_agree(session: Any) -> None:
    cards = [new_reference() for _ in range(50)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: Aliases(session).mint_all(cards), range(4)))
    assert answers == [answers[0]] * 4
    assert Aliases(session).families_of(cards) == answers[0]


@pytest.mark.real
@pytest.mark.parametrize("alias_first", [True, False])
def test_of_an_alias_and_a_mint_at_once_both_claims_stand_and_the_minted_one_counts(
    session: Any, *, alias_first: bool
) -> None:
    card, other = new_reference(), new_reference()
    claims = [(card, other), (card, family_id_for(card))]
    aliases = Aliases(session)
    for claim in claims if alias_first else reversed(claims):
        write_rows(session, aliases._insert, [claim])

    assert Aliases(session).family_of(card) == Aliases(session).mint(card) == family_id_for(card)
    assert Aliases(session).add_alias(card, other) == AliasConflict(card, family_id_for(card), other)
    query = "SELECT family_id FROM jejak_identity.family_alias_v1 WHERE bucket = %s AND kk_ref = %s"
    assert len(list(session.execute(query, (card[:2], card)))) == 2


@pytest.mark.real
def test_an_alias_that_lost_a_race_is_refused(session: Any) -> None:
    """Another importer mints between the question and the writing of the alias."""
    card, other = new_reference(), new_reference()

    class Raced(Aliases):
        asked = 0

        def family_of(self, kk_ref: str) -> str | None:
            known = super().family_of(kk_ref)
            if not self.asked:
                Aliases(session).mint(card)
            self.asked += 1
            return known

    assert Raced(session).add_alias(card, other) == AliasConflict(card, family_id_for(card), other)
