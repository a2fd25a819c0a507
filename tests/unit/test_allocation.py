"""Places within a quota: an order that anyone can make again, the same bytes for the same families."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from jejak.cli.app import app
from jejak.programmes import allocating, states
from schemas.records import AidAllocated, AidWaitlisted, Eligibility
from stream_processors.registry import allocation, rule_file, rulebook
from stream_processors.registry.allocation import Allocation
from stream_processors.registry.rulebook import Activation, RuleBook
from tests.unit import registry_scenarios as scenes
from tests.unit.registry_scenarios import NOW, claimed, matched, registered

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.records import FamilyState

ASKED = Allocation("PKH", "2025-T2", 40, "", "PKH-2025-T2-1", "P-7", as_of=NOW, positions=(3, 5))
INSURED = replace(ASKED, programme="PBI_JKN", run_id="PBI_JKN-2025-T2-1", unit="orang")
BOOK = RuleBook(
    tuple(
        Activation(rulebook.rule_set(name, "2025.1"), NOW, NOW)
        for name in ("pkh", "pbi-jkn", "atensi-lansia", "kip-kuliah", "kemensos-lain")
    )
)
NATION = 96_800_000


def nation(seed: int = 1, families: int = 200, programme: str = "PKH") -> list[FamilyState]:
    """Return families of which many share decile and percentile, some have neither, and a third isn't eligible.

    They have one to six members on record, of whom some have left and some are not padan.
    """
    base = scenes.given(registered(), claimed(), matched()).state
    chance = Random(seed)  # noqa: S311  a test's families
    (ani,) = base.members
    found = []
    for _ in range(families):
        family_id = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=26))
        result = chance.choice(["LAYAK", "LAYAK", "TIDAK_LAYAK"])
        values: dict[str, Any] = {"reasons": (), "rules_version": "2025.1", "amount_rupiah": 900_000, "sequence": 1}
        decided = Eligibility(programme=programme, result=result, **values)
        decile = chance.randint(0, 4)
        where = replace(base.region, code=chance.choice(["35.71.02.1001", "35.7.02.1001", "12.74.01.1001"]))
        percentile = chance.randint(0, 5) if decile else -1
        changes = {"family_id": family_id, "decile": decile, "percentile": percentile, "region": where}
        members = tuple(
            replace(
                ani,
                person_ref=f"p{at}",
                standing=chance.choice(["CONFIRMED", "CONFIRMED", "PENDING", "ENDED"]),
                padan=chance.choice(["PADAN", "PADAN", "TIDAK_PADAN", ""]),
                birth_year=chance.choice([1950, 2010]),
            )
            for at in range(chance.randint(1, 6))
        )
        found.append(replace(base, **changes, members=members, eligibility=(decided,)))
    return found


def plan(families: list[FamilyState], asked: Allocation = ASKED) -> bytes:
    weigh = allocating.weighing(BOOK, asked)
    found = (allocation.candidate(one, asked, weigh) for one in families)
    order = allocation.places((one for one in found if one is not None), asked.quota)
    return b"".join(allocation.written(asked, order))


def by_hand(families: list[FamilyState], asked: Allocation) -> list[tuple[int, str, int, bool]]:
    """Return places as a few lines make them from the rule's own words."""
    rows = []
    for one in families:
        inside = not asked.region or (one.region.code + ".").startswith(asked.region + ".")
        if inside and any(each.programme == asked.programme and each.result == "LAYAK" for each in one.eligibility):
            lot = hashlib.sha256((one.family_id + asked.run_id).encode()).hexdigest()
            here = [each for each in one.members if each.standing != "ENDED" and each.padan == "PADAN"]
            takes = (len(here) or 1) if asked.unit == "orang" else 1
            rows.append(
                (one.decile or 99, one.percentile if one.percentile >= 0 else 99_999, lot, one.family_id, takes)
            )
    rows.sort()
    fits = [sum(row[4] for row in rows[:at]) <= asked.quota for at in range(1, len(rows) + 1)]
    return [(at, row[3], row[4], all(fits[:at])) for at, row in enumerate(rows, 1)]


@pytest.mark.parametrize("base", [ASKED, INSURED], ids=lambda one: one.unit)
@pytest.mark.parametrize("region", ["", "35.71", "35.7", "35.71.02.1001", "99"])
@pytest.mark.parametrize("quota", [0, 1, 40, 41, 42, 10_000])
def test_places_are_those_that_a_few_lines_make_by_hand(base: Allocation, region: str, quota: int) -> None:
    families, asked = nation(programme=base.programme), replace(base, region=region, quota=quota)
    rows = [json.loads(line) for line in plan(families, asked).splitlines()[1:]]
    found = [(row["place"], row["family_id"], row["weight"], row["given"]) for row in rows]
    assert found == by_hand(families, asked)
    assert {row.get("reason") for row in rows if not row["given"]} <= {"KUOTA_PENUH"}
    assert sum(row["weight"] for row in rows if row["given"]) <= quota


def test_the_first_family_that_does_not_fit_ends_the_giving_though_a_later_smaller_one_would() -> None:
    order = [allocation.Candidate(1, at, b"", f"f{at}", 0, "2025.1", weight) for at, weight in enumerate((2, 4, 1))]
    assert [(one.weight, one.given) for one in allocation.places(order, 5)] == [(2, True), (4, False), (1, False)]
    assert [one.given for one in allocation.places(order, 7)] == [True, True, True]


@pytest.mark.parametrize(
    ("programme", "members", "takes"),
    [
        ("PBI_JKN", "old young young", 3),
        ("PBI_JKN", "old left doubted", 1),
        ("ATENSI_LANSIA", "old young young", 1),
        ("ATENSI_LANSIA", "old old young", 2),
        ("PKH", "old old young", 1),
        ("KEMENSOS_LAIN", "old old young", 1),
    ],
)
def test_a_family_takes_as_many_places_as_persons_of_it_receive_the_aid(
    programme: str, members: str, takes: int
) -> None:
    state = nation(families=1)[0]
    kinds: dict[str, dict[str, Any]] = {
        "old": {"birth_year": 1950},
        "young": {"birth_year": 2010},
        "left": {"standing": "ENDED"},
        "doubted": {"padan": "TIDAK_PADAN"},
    }
    right = replace(state.members[0], standing="CONFIRMED", padan="PADAN", birth_year=1950)
    state = replace(state, members=tuple(replace(right, person_ref=one, **kinds[one]) for one in members.split()))
    _, unit = allocating.terms(BOOK, programme, "", 5, NOW)
    assert allocating.weighing(BOOK, replace(ASKED, programme=programme, unit=unit))(state, "2025.1") == takes


def test_a_quota_of_persons_is_the_file_s_where_none_is_named_and_never_above_it() -> None:
    assert allocating.terms(BOOK, "PBI_JKN", "", None, NOW) == (NATION, "orang")
    assert allocating.terms(BOOK, "PBI_JKN", "35.71", 900, NOW) == (900, "orang")
    assert allocating.terms(BOOK, "PBI_JKN", "", NATION, NOW) == (NATION, "orang")
    with pytest.raises(allocating.AllocationRefused, match="above the 96800000 persons"):
        allocating.terms(BOOK, "PBI_JKN", "", NATION + 1, NOW)
    with pytest.raises(allocating.AllocationRefused, match="of the whole country"):
        allocating.terms(BOOK, "PBI_JKN", "35.71", None, NOW)
    with pytest.raises(allocating.AllocationRefused, match="name a --quota"):
        allocating.terms(BOOK, "PKH", "", None, NOW)
    assert allocating.terms(BOOK, "PKH", "", NATION + 1, NOW) == (NATION + 1, "keluarga")
    assert allocating.terms(BOOK, "KIP_KULIAH", "", 7, NOW) == (7, "orang")


def test_a_quota_of_persons_that_a_file_tells_holds_for_a_programme_that_no_list_names() -> None:
    text = rulebook.rule_set("pbi-jkn", "2025.1").file.replace(b'programme = "PBI_JKN"', b'programme = "BARU"')
    book = RuleBook((Activation(rule_file.read(text.replace(b"96_800_000", b"12")), NOW, NOW),))
    assert allocating.terms(book, "BARU", "", None, NOW) == (12, "orang")
    book = RuleBook((Activation(rule_file.read(text.replace(b"96_800_000", b'"many"')), NOW, NOW),))
    with pytest.raises(allocating.AllocationRefused, match="is no whole number"):
        allocating.terms(book, "BARU", "", None, NOW)


def test_the_command_prints_what_it_counts_and_the_totals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    families = nation(programme="PBI_JKN")
    registry = SimpleNamespace(endpoints=SimpleNamespace(kafka=""))
    monkeypatch.setenv("JEJAK_DATA", str(tmp_path))
    monkeypatch.setattr("jejak.cli.allocate.composition.connected", lambda _: nullcontext(registry))
    monkeypatch.setattr("jejak.programmes.ruling.book", lambda _: BOOK)
    monkeypatch.setattr(states, "topic_of", lambda _: "")
    monkeypatch.setattr(
        states, "each", lambda _, __, made: ({one.family_id: made(one) for one in families}, states.Read((1,), NOW))
    )
    words = ["allocate", "PBI_JKN", "--period", "2025", "--determination", "P-7", "--plan-only"]
    ended = CliRunner().invoke(app, [*words, "--quota", "40", "--json"])
    told = json.loads(ended.stdout)
    asked = replace(INSURED, period="2025", quota=40, run_id="PBI_JKN-2025-1")
    rows = by_hand(families, asked)
    assert told["unit"] == "orang"
    assert (told["quota"], told["wanted"]) == (40, sum(row[2] for row in rows))
    assert told["taken"] == sum(row[2] for row in rows if row[3]) <= 40
    assert (told["given"], told["waiting"]) == (sum(row[3] for row in rows), sum(not row[3] for row in rows))
    shown = CliRunner().invoke(app, [*words, "--run", "2"]).stdout
    assert "quota (orang)" in shown
    assert f"{NATION:,}" in shown
    refused = CliRunner().invoke(app, [*words, "--run", "3", "--quota", str(NATION + 1)])
    assert (refused.exit_code, "above the" in refused.output) == (3, True)


@pytest.mark.parametrize(
    ("asked", "golden"),
    [
        (ASKED, "d06e7ac11de49c014571ef428f69b57b001c9e3232f7b2735149847159a98244"),
        (INSURED, "7ebd0fc784d65b64ac88a74b50bcf672830ef250e77287120bdd734077371d64"),
    ],
)
def test_the_same_families_give_the_same_bytes_in_whatever_order_they_come(asked: Allocation, golden: str) -> None:
    families = nation(programme=asked.programme)
    first = plan(families, asked)
    Random(7).shuffle(families)  # noqa: S311  an order
    assert plan(families, asked) == first
    assert hashlib.sha256(first).hexdigest() == golden


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


def test_a_plan_without_weights_is_one_of_families() -> None:
    first, *rows = (json.loads(line) for line in plan(nation()).splitlines())
    del first["allocation"]["unit"]
    for row in rows:
        del row["weight"]
    asked, order = allocation.read(json.dumps(one).encode() for one in [first, *rows])
    assert asked == ASKED
    assert {one.weight for one in order} == {1}


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
