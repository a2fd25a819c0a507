"""Places within a quota: an order that anyone can make again, the same bytes for the same families."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from jejak.programmes import allocating
from schemas.records import AidAllocated, AidWaitlisted, Eligibility
from stream_processors.registry import allocation, rulebook
from stream_processors.registry.allocation import Allocation
from stream_processors.registry.rulebook import Activation, RuleBook
from tests.unit import registry_scenarios as scenes
from tests.unit.registry_scenarios import NOW, registered

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.records import FamilyState

ASKED = Allocation("PKH", "2025-T2", 40, "", "PKH-2025-T2-1", "P-7", as_of=NOW, positions=(3, 5))
BOOK = RuleBook((Activation(rulebook.rule_set("pkh", "2025.1"), NOW, NOW),))


def nation(seed: int = 1, families: int = 200) -> list[FamilyState]:
    """Return families of which many share decile and percentile, some have neither, and a third isn't eligible."""
    chance, base = Random(seed), scenes.given(registered()).state  # noqa: S311  a test's families
    found = []
    for _ in range(families):
        family_id = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=26))
        result = chance.choice(["LAYAK", "LAYAK", "TIDAK_LAYAK"])
        values: dict[str, Any] = {"reasons": (), "rules_version": "2025.1", "amount_rupiah": 900_000, "sequence": 1}
        decided = Eligibility(programme="PKH", result=result, **values)
        decile = chance.randint(0, 4)
        where = replace(base.region, code=chance.choice(["35.71.02.1001", "35.7.02.1001", "12.74.01.1001"]))
        percentile = chance.randint(0, 5) if decile else -1
        changes = {"family_id": family_id, "decile": decile, "percentile": percentile, "region": where}
        found.append(replace(base, **changes, eligibility=(decided,)))
    return found


def plan(families: list[FamilyState], asked: Allocation = ASKED) -> bytes:
    found = (allocation.candidate(one, asked) for one in families)
    order = allocation.places((one for one in found if one is not None), asked.quota)
    return b"".join(allocation.written(asked, order))


def by_hand(families: list[FamilyState], asked: Allocation) -> list[tuple[int, str, bool]]:
    """Return places as a few lines make them from the rule's own words."""
    rows = []
    for one in families:
        inside = not asked.region or (one.region.code + ".").startswith(asked.region + ".")
        if inside and any(each.programme == asked.programme and each.result == "LAYAK" for each in one.eligibility):
            lot = hashlib.sha256((one.family_id + asked.run_id).encode()).hexdigest()
            rows.append((one.decile or 99, one.percentile if one.percentile >= 0 else 99_999, lot, one.family_id))
    rows.sort()
    return [(at, row[3], at <= asked.quota) for at, row in enumerate(rows, 1)]


@pytest.mark.parametrize("region", ["", "35.71", "35.7", "35.71.02.1001", "99"])
@pytest.mark.parametrize("quota", [0, 1, 40, 10_000])
def test_places_are_those_that_a_few_lines_make_by_hand(region: str, quota: int) -> None:
    families, asked = nation(), replace(ASKED, region=region, quota=quota)
    rows = [json.loads(line) for line in plan(families, asked).splitlines()[1:]]
    assert [(row["place"], row["family_id"], row["given"]) for row in rows] == by_hand(families, asked)
    assert {row.get("reason") for row in rows if not row["given"]} <= {"KUOTA_PENUH"}


def test_the_same_families_give_the_same_bytes_in_whatever_order_they_come() -> None:
    families = nation()
    first = plan(families)
    Random(7).shuffle(families)  # noqa: S311  an order
    assert plan(families) == first
    assert hashlib.sha256(first).hexdigest() == "b3081ac5633b122ebaa2a48a5818fcfd6ae65c6aa33e327a322a12fd43003bdf"


def test_another_run_draws_other_lots_and_the_same_deciles() -> None:
    families = nation()
    one, other = (by_hand(families, replace(ASKED, run_id=run)) for run in ("a", "b"))
    deciles = {state.family_id: state.decile for state in families}
    assert one != other
    assert [deciles[row[1]] for row in one] == [deciles[row[1]] for row in other]


def test_a_written_plan_is_read_as_it_was() -> None:
    text = plan(nation())
    asked, order = allocation.read(text.splitlines())
    assert asked == ASKED
    assert b"".join(allocation.written(asked, order)) == text


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[]\n", b'{"allocation": {}}\n', b"no\n"])
def test_what_is_no_plan_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        allocation.read(text.splitlines())


def test_a_place_becomes_a_change_with_one_payment_and_who_waits_is_told_why() -> None:
    _, order = allocation.read(plan(nation()).splitlines())
    changes = [allocating.change(ASKED, one, BOOK, "operator") for one in order]
    given = [one for one in changes if isinstance(one, AidAllocated)]
    waiting = [one for one in changes if isinstance(one, AidWaitlisted)]
    assert (len(given), {one.amount_rupiah for one in given}) == (40, {225_000})
    assert {(one.reason, one.run_id) for one in waiting} == {("KUOTA_PENUH", ASKED.run_id)}
    assert len({one.header.change_id for one in changes}) == len(changes)
    again = [allocating.change(ASKED, one, BOOK, "operator") for one in allocation.read(plan(nation()).splitlines())[1]]
    assert again == changes


def test_a_plan_whose_rules_nobody_activated_is_not_published() -> None:
    _, order = allocation.read(plan(nation()).splitlines())
    with pytest.raises(allocating.AllocationRefused):
        allocating.change(ASKED, next(iter(order)), RuleBook(), "operator")


def test_a_run_keeps_its_plan_and_its_terms(tmp_path: Path) -> None:
    path = tmp_path / "allocations" / f"{ASKED.run_id}.jsonl"
    path.parent.mkdir()
    path.write_bytes(plan(nation()))
    settings: Any = type("Settings", (), {"data": tmp_path})
    registry: Any = None  # nothing is asked of it
    asked = replace(ASKED, as_of=0, positions=())
    planned = allocating.plan(registry, settings, asked)
    assert (planned.given, planned.allocation) == (40, ASKED)
    assert planned.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(allocating.AllocationRefused):
        allocating.plan(registry, settings, replace(asked, quota=41))
