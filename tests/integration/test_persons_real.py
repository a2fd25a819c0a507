"""A move that arrives before it leaves, over two partitions of families, both folds killed on the way."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from producers.outgoing import Outgoing
from schemas import catalogue, codec
from schemas.records import FamilyState
from tests.integration.registry_rig import FOLD, PERSONS, Rig, rigged, wait_until
from tests.unit.registry_scenarios import ANI, at, claimed, registered, say
from transport import kafka

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

JANUARY, MARCH = at(2025, 1, 1), at(2025, 3, 1)
_ids = itertools.count(1)


def outgoing(change: Any) -> Outgoing:
    return Outgoing(catalogue.CHANGES_TOPIC, change.header.family_id.encode(), codec.encode(change))


def said(record: Any, family_id: str, occurred: int, **fields: Any) -> Outgoing:
    return outgoing(record(family_id=family_id, occurred=occurred, change_id=next(_ids).to_bytes(16, "big"), **fields))


def leaves(**fields: Any) -> Any:
    return say("MembershipEnded", person_ref=ANI, reason="PINDAH", agency="desa/35.71.02.1001", **fields)


def states(rig: Rig) -> dict[str, FamilyState]:
    """Return the state of each family as its topic has it now."""
    latest = {
        one.key(): one.value() or b"" for one in kafka.read_all(rig.bootstrap, rig.name(catalogue.FAMILIES_TOPIC))
    }
    found = (codec.decode(value) for value in latest.values())
    return {state.family_id: state for state in found if isinstance(state, FamilyState)}


def standings(rig: Rig) -> dict[str, str]:
    """Return how each family shows Ani."""
    return {one.family_id: member.standing for one in states(rig).values() for member in one.members}


def apart(rig: Rig) -> tuple[str, str]:
    """Register families until two live in different partitions; return those."""
    ids = [f"{letter * 25}a" for letter in "cdefghij"]
    rig.send(said(registered, family_id, JANUARY) for family_id in ids)
    places = {m.key(): m.partition() for m in kafka.read_all(rig.bootstrap, rig.name(catalogue.CHANGES_TOPIC))}
    here = ids[0]
    there = next(one for one in ids if places[one.encode()] != places[here.encode()])
    return here, there


def test_a_move_that_arrives_before_it_leaves_is_contested_and_ends_with_the_new_family(
    stack: Endpoints, tmp_path: Path
) -> None:
    with rigged(stack, tmp_path, partitions=2) as rig:
        here, there = apart(rig)
        rig.start_fold(FOLD)
        rig.start_persons(PERSONS)
        rig.send([said(claimed, here, JANUARY)])
        wait_until(lambda: standings(rig) == {here: "CONFIRMED"}, "the first family holds the person")

        rig.send([said(claimed, there, MARCH)])
        wait_until(lambda: standings(rig) == {here: "CONFIRMED", there: "CONTESTED"}, "the arrival waits, visibly")

        rig.send([said(leaves, here, MARCH)])
        for name in (PERSONS, FOLD):
            rig.kill(name)
        rig.start_persons(PERSONS)
        rig.start_fold(FOLD)
        wait_until(lambda: standings(rig) == {here: "ENDED", there: "CONFIRMED"}, "the new family holds the person")

        wait_until(lambda: rig.undecided() == 0 and rig.unanswered() == 0, "both folds at the ends of their topics")
        rig.settle()
        assert rig.compare(rows=False).repeats == 0  # each answer came once, whatever was killed
